//! Where on an SFTP server an export lies: `sftp://user@host:port/path/`.

/// The files of an export that are read.
const FILES: [&str; 4] = ["manifest.csv", "users.csv", "orgs.csv", "roles.csv"];

/// The parts of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(super) user: String,
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// Absolute, or relative to the user's home. Empty: the home itself.
    pub(super) folder: String,
    /// The zip file in it, or the file that is put there; none if the folder is the export.
    pub(super) zip: Option<String>,
}

/// What follows `sftp://`, in whatever case; none if it is no such address.
pub fn after_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    scheme.eq_ignore_ascii_case("sftp").then_some(rest)
}

impl Place {
    /// Reads an address; none if it is none that can be fetched. That of users.csv is that of its
    /// folder.
    pub fn parse(url: &str) -> Option<Self> {
        let (place, path) = Self::server(url)?;
        let (before, name) = cut(&path);
        let (folder, zip) = match name.to_lowercase() {
            name if name == "users.csv" => (before, None),
            lower if lower.ends_with(".zip") => (before, Some(name.to_owned())),
            _ => (path, None),
        };
        Some(Self { folder, zip, ..place })
    }

    /// Reads the address of a file to put there; none if it is no such address.
    pub fn file(url: &str) -> Option<Self> {
        let (place, path) = Self::server(url)?;
        let (folder, name) = cut(&path);
        (!name.is_empty()).then(|| Self { folder, zip: Some(name.to_owned()), ..place })
    }

    /// The server and the user, and the path there.
    fn server(url: &str) -> Option<(Self, String)> {
        let (server, path) = after_scheme(url)?.split_once('/')?;
        let (user, server) = server.split_once('@')?;
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0)?)),
            None => (server, None),
        };
        let plain = |text: &str, more: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        // What would mean something in the client's own commands is not in a path.
        let speaking = |c: char| c.is_control() || "\"'\\*?[]{}#".contains(c);
        if !plain(user, "._-") || !plain(host, ".-") || path.contains(speaking) {
            return None;
        }
        let path = path.strip_prefix("~/").map_or_else(|| format!("/{path}"), str::to_owned);
        let place = Self { user: user.into(), host: host.into(), port, folder: String::new(), zip: None };
        Some((place, path))
    }

    /// As `known_hosts` names the server.
    pub(super) fn known_as(&self) -> String {
        match self.port {
            Some(port) if port != 22 => format!("[{}]:{port}", self.host),
            Some(_) | None => self.host.clone(),
        }
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        match &self.zip {
            Some(zip) => zip == name,
            None => FILES.iter().any(|file| file.eq_ignore_ascii_case(name)),
        }
    }
}

/// The folder of a path with its `/`, and the name in it.
fn cut(path: &str) -> (String, &str) {
    match path.rsplit_once('/') {
        Some((before, name)) => (format!("{before}/"), name),
        None => (String::new(), path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let parts = |url: &str| {
            let place = Place::parse(url)?;
            let shown = format!("{} {} {}", place.user, place.known_as(), place.folder);
            Some((shown, place.zip))
        };
        let some = |shown: &str, zip: Option<&str>| Some((shown.to_owned(), zip.map(str::to_owned)));
        assert_eq!(
            parts("sftp://sis@files.example/out/roster/"),
            some("sis files.example /out/roster/", None)
        );
        assert_eq!(parts("sftp://sis@files.example:2222/~/out"), some("sis [files.example]:2222 out", None));
        assert_eq!(
            parts("sftp://sis@files.example:22/a b/X.ZIP"),
            some("sis files.example /a b/", Some("X.ZIP"))
        );
        assert_eq!(parts("sftp://sis@files.example/~/x.zip"), some("sis files.example ", Some("x.zip")));
        assert_eq!(parts("SFTP://sis@files.example/out/Users.csv"), some("sis files.example /out/", None));
        assert_eq!(parts("sftp://sis@files.example/~/users.csv"), some("sis files.example ", None));
        for wrong in [
            "sftp://files.example/x/",
            "sftp://sis@files.example",
            "sftp://sis:secret@files.example/x",
            "sftp://-oProxyCommand=x@files.example/x",
            "sftp://sis@-x/x",
            "sftp://sis@files.example/a\"b/",
            "sftp://sis@files.example/*/",
            "sftp://sis@files.example/a\n!rm/",
            "https://files.example/x",
        ] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
