//! CSV files that lie on an SFTP server: fetched with the system's own `sftp`, then read as files.
//!
//! OpenSSH's client is used because it is where a district's IT keeps its keys and rules for servers. It is never asked to trust
//! a server that it does not know. Only the files that are read are fetched, and only if they do not change meanwhile.

use std::io::{Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::oneroster_csv::{self, OneRosterCsv};
use super::{RosterSource, Watch};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roster::{Mode, Record, Schools};

/// How often it is looked whether the client is done, or the run is to stop.
const NAP: Duration = Duration::from_millis(50);

/// The files of an export that are read.
const FILES: [&str; 4] = ["manifest.csv", "users.csv", "orgs.csv", "roles.csv"];

/// Where the export lies, and what is shown there.
#[derive(Debug, Clone)]
pub struct Options {
    /// As it is configured: `sftp://user@host:port/path/`.
    pub url: String,
    pub place: Place,
    /// The private key; the client's own ones without it.
    pub key_file: Option<PathBuf>,
    /// The only key that the server may have, such as `ssh-ed25519 AAAA…`; without it, those that the client knows.
    pub host_key: Option<String>,
    pub csv: oneroster_csv::Options,
}

/// The parts of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    user: String,
    host: String,
    port: Option<u16>,
    /// Absolute, or relative to the user's home. Empty: the home itself.
    folder: String,
    /// The zip file in it; none if the folder is the export.
    zip: Option<String>,
}

impl Place {
    /// Reads an address; none if it is none that can be fetched.
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("sftp://")?;
        let (server, path) = rest.split_once('/')?;
        let (user, server) = server.split_once('@')?;
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
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
        let is_zip = path.to_lowercase().ends_with(".zip");
        let (folder, zip) = match (is_zip, path.rsplit_once('/')) {
            (true, Some((folder, name))) => (format!("{folder}/"), Some(name.to_owned())),
            (true, None) => (String::new(), Some(path.clone())),
            (false, _) => (path.clone(), None),
        };
        Some(Self { user: user.into(), host: host.into(), port, folder, zip })
    }

    /// As `known_hosts` names the server.
    fn known_as(&self) -> String {
        match self.port {
            Some(port) if port != 22 => format!("[{}]:{port}", self.host),
            Some(_) | None => self.host.clone(),
        }
    }
}

/// Fetches the export and opens it.
///
/// # Errors
/// `SourceUnavailable` if it cannot be fetched or changes meanwhile; and those of [`OneRosterCsv::open`].
pub fn open(options: &Options, watch: &Watch<'_>) -> Result<Box<dyn RosterSource>> {
    let folder = tempfile::Builder::new().prefix("rostersync-").tempdir().map_err(|cause| {
        Failure::io(Kind::Failed, "there is no room for the files", &std::env::temp_dir(), cause)
    })?;
    let files = folder.path().join("files");
    std::fs::create_dir(&files)
        .map_err(|cause| Failure::io(Kind::Failed, "there is no room for the files", &files, cause))?;
    let client = Client { options, folder: folder.path(), watch };
    let before = client.list()?;
    let wanted: Vec<&Listed> = before.iter().filter(|file| options.place.wants(&file.name)).collect();
    if wanted.is_empty() {
        return Err(Failure::new(Kind::InputUnusable, "there is no export on the server")
            .at(&options.url)
            .cure("`path` in [source] has to be the folder with users.csv, or a .zip file; check that it was delivered"));
    }
    let after = client.get(&wanted, &files)?;
    for file in &wanted {
        let size = std::fs::metadata(files.join(&file.name)).map_or(0, |found| found.len());
        if !after.contains(file) || size != file.size {
            return Err(Failure::new(
                Kind::SourceUnavailable,
                format!("{} changed while it was fetched; nothing was applied", file.name),
            )
            .at(&options.url)
            .cure("have it delivered under another name and renamed when it is complete, or start later; run again"));
        }
    }
    let path = options.place.zip.as_ref().map_or_else(|| files.clone(), |zip| files.join(zip));
    // Where the files lie for now is nobody's concern.
    let shown = path.display().to_string();
    let source = OneRosterCsv::open(&path, options.csv.clone())
        .map_err(|failure| elsewhere(failure, &shown, options))?;
    Ok(Box::new(Fetched { source, options: options.clone(), shown, _folder: folder }))
}

fn elsewhere(mut failure: Failure, shown: &str, options: &Options) -> Failure {
    failure.place = failure.place.replace(shown, &options.url);
    failure
}

impl Place {
    fn wants(&self, name: &str) -> bool {
        match &self.zip {
            Some(zip) => zip == name,
            None => FILES.iter().any(|file| file.eq_ignore_ascii_case(name)),
        }
    }
}

/// A file on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    name: String,
    size: u64,
    /// To the minute, as the client writes it.
    written: String,
}

impl Listed {
    /// A line of `ls -ln`: mode, links, owner, group, size, month, day, time or year, name.
    fn parse(line: &str) -> Option<Self> {
        let mut rest = line.strip_prefix('-').map(|_| line)?;
        let mut word = || {
            let (word, after) = rest.trim_start().split_once(' ')?;
            rest = after;
            Some(word)
        };
        let mut words = Vec::new();
        for _ in 0..8 {
            words.push(word()?);
        }
        let name = rest.trim_start().to_owned();
        Some(Self { name, size: words[4].parse().ok()?, written: words[5..].join(" ") })
    }
}

/// The system's `sftp`, for one export.
struct Client<'a> {
    options: &'a Options,
    /// For the one key that the server may have.
    folder: &'a Path,
    watch: &'a Watch<'a>,
}

impl Client<'_> {
    fn list(&self) -> Result<Vec<Listed>> {
        self.run(&format!("{}ls -ln\n", self.go()))
    }

    /// Fetches files, and lists what is there afterwards.
    fn get(&self, wanted: &[&Listed], to: &Path) -> Result<Vec<Listed>> {
        let mut batch = format!("{}lcd \"{}\"\n", self.go(), to.display());
        for file in wanted {
            batch.push_str(&format!("get \"{}\"\n", file.name));
        }
        batch.push_str("ls -ln\n");
        self.run(&batch)
    }

    fn go(&self) -> String {
        match self.options.place.folder.as_str() {
            "" => String::new(),
            folder => format!("cd \"{folder}\"\n"),
        }
    }

    /// Has the client do what a batch says; what it lists.
    fn run(&self, batch: &str) -> Result<Vec<Listed>> {
        let mut command = self.command()?;
        let mut child = command.spawn().map_err(|cause| {
            Failure::new(Kind::Failed, "the program `sftp` cannot be started")
                .at(&self.options.url)
                .cure("install OpenSSH's client (package openssh-client)")
                .because(cause)
        })?;
        if let Some(mut input) = child.stdin.take() {
            // If it is gone already, it says why.
            let _ = input.write_all(batch.as_bytes());
        }
        let output = [child.stdout.take().map(drain), child.stderr.take().map(drain)];
        let ended = self.wait(&mut child)?;
        let [said, complained] =
            output.map(|reader| reader.and_then(|reader| reader.join().ok()).unwrap_or_default());
        if !ended.success() {
            return Err(self.explain(&complained));
        }
        Ok(said.lines().filter_map(Listed::parse).collect())
    }

    /// Waits for the client, and ends it if the run is to stop.
    fn wait(&self, child: &mut Child) -> Result<std::process::ExitStatus> {
        let failed = |cause: std::io::Error| {
            Failure::new(Kind::Failed, "the program `sftp` cannot be waited for").because(cause)
        };
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                return Ok(status);
            }
            if let Err(failure) = self.watch.interrupted() {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failure);
            }
            std::thread::sleep(NAP);
        }
    }

    fn command(&self) -> Result<Command> {
        let place = &self.options.place;
        let mut command = Command::new("sftp");
        command.args(["-b", "-", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
        command.args([
            "-o",
            "ConnectTimeout=30",
            "-o",
            "ServerAliveInterval=15",
            "-o",
            "ServerAliveCountMax=4",
        ]);
        if let Some(key) = &self.options.key_file {
            command.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        if let Some(key) = &self.options.host_key {
            let known = self.folder.join("known_hosts");
            std::fs::write(&known, format!("{} {key}\n", place.known_as())).map_err(|cause| {
                Failure::io(Kind::Failed, "the server's key cannot be kept", &known, cause)
            })?;
            command.args(["-o", "GlobalKnownHostsFile=/dev/null", "-o"]);
            command.arg(format!("UserKnownHostsFile={}", known.display()));
        }
        if let Some(port) = place.port {
            command.args(["-P", &port.to_string()]);
        }
        command.arg(format!("{}@{}", place.user, place.host));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    fn explain(&self, complained: &str) -> Failure {
        let says = |words: &str| complained.to_lowercase().contains(words);
        let (kind, what, cure) = if says("host key verification failed")
            || says("host identification has changed")
        {
            (
                Kind::SourceUnavailable,
                "the server does not have the key that it should have, so it may be another one",
                "compare its key with whoever runs it; then write it as `host_key` in [source.sftp] (`ssh-keyscan HOST` shows it)",
            )
        } else if says("permission denied (") || says("too many authentication failures") {
            (
                Kind::SourceUnavailable,
                "the server does not let us in",
                "check the user in `path`, and that the server knows the public part of `key_file` in [source.sftp], which must not \
                 have a passphrase",
            )
        } else if says("could not resolve hostname") {
            (
                Kind::SourceUnavailable,
                "the server's name cannot be resolved",
                "check the name, and this machine's network",
            )
        } else if says("no such file") || says("not found") {
            (Kind::InputUnusable, "there is no such folder on the server", "check the path in [source]")
        } else if says("permission denied") {
            (
                Kind::SourceUnavailable,
                "the user may not read the files on the server",
                "give the user access to them",
            )
        } else {
            (
                Kind::SourceUnavailable,
                "the files cannot be fetched",
                "check that the server is up, and that a firewall lets this machine through; `sftp` on the command line says more",
            )
        };
        let last = complained
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty() && *line != "Connection closed");
        let failure =
            Failure::new(kind, format!("{what}; nothing was applied")).at(&self.options.url).cure(cure);
        match last {
            Some(line) => failure.because(line.chars().take(200).collect::<String>()),
            None => failure,
        }
    }
}

/// Reads all of a pipe beside what else is done, so that it never fills up.
fn drain(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// An export in a temporary folder, which goes with it.
struct Fetched {
    source: OneRosterCsv,
    options: Options,
    shown: String,
    _folder: TempDir,
}

impl RosterSource for Fetched {
    fn name(&self) -> &str {
        &self.options.url
    }

    fn mode(&self) -> Mode {
        self.source.mode()
    }

    fn schools(&self) -> &Schools {
        self.source.schools()
    }

    fn findings(&self) -> &Findings {
        self.source.findings()
    }

    fn names_nobody_somewhere(&self) -> bool {
        self.source.names_nobody_somewhere()
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        self.source.read(findings, each).map_err(|failure| elsewhere(failure, &self.shown, &self.options))
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

    #[test]
    fn a_listing() {
        let listed =
            Listed::parse("-rw-r--r--    1 1000     1000         1234 Nov 23 02:15 last night.zip").unwrap();
        assert_eq!(
            (listed.name.as_str(), listed.size, listed.written.as_str()),
            ("last night.zip", 1234, "Nov 23 02:15")
        );
        for other in ["drwxr-xr-x    2 0        0            4096 Nov 23 02:15 old", "sftp> ls -ln", ""] {
            assert_eq!(Listed::parse(other), None);
        }
    }
}
