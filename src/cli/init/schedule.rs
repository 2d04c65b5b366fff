//! The nightly run: the line for cron, the units for systemd, and the user that runs both.
//!
//! The units are those of `docs/systemd/`, with the paths and the user of this machine.

use std::fmt;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::config::{Config, MailServer, Source};
use crate::failure::{Failure, Kind, Result};
use crate::owner;
use crate::secret::SecretPlace;

/// The units and their templates.
pub(super) const UNITS: [(&str, &str); 3] = [
    ("rostersync.service", include_str!("../../../docs/systemd/rostersync.service")),
    ("rostersync.timer", include_str!("../../../docs/systemd/rostersync.timer")),
    ("rostersync-failed.service", include_str!("../../../docs/systemd/rostersync-failed.service")),
];

/// `02:15`
#[derive(Debug, Clone, Copy)]
pub(super) struct Time {
    hour: u8,
    minute: u8,
}

impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        const FORM: &str = "write hour and minute, such as 02:15";
        let (hour, minute) = text.split_once(':').ok_or(FORM)?;
        let number =
            |text: &str| text.parse::<u8>().ok().filter(|_| text.len() <= 2 && !text.starts_with('+'));
        match (number(hour), number(minute)) {
            (Some(hour), Some(minute)) if hour < 24 && minute < 60 => Ok(Self { hour, minute }),
            _ => Err(FORM),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// The user that runs rostersync.
pub(super) struct Account {
    pub(super) name: String,
    uid: u32,
    gid: u32,
    /// This process is that user.
    is_me: bool,
}

impl Account {
    /// The user of this name, or this process's own. As root it is the user rostersync, if there is
    /// one: the package makes it.
    pub(super) fn of(name: Option<&str>) -> Result<Self> {
        let me = rustix::process::geteuid().as_raw();
        let own = || {
            let gid = rustix::process::getegid().as_raw();
            let found = entries().into_iter().find(|entry| entry.uid == me);
            Self { is_me: true, ..found.unwrap_or(Self { name: me.to_string(), uid: me, gid, is_me: true }) }
        };
        let Some(name) = name else {
            let service = entries().into_iter().find(|entry| entry.name == "rostersync" && owner::is_root());
            return Ok(service.unwrap_or_else(own));
        };
        let Some(found) = entries().into_iter().find(|entry| entry.name == name) else {
            return Err(Failure::new(Kind::Usage, format!("this machine has no user `{name}`"))
                .at("/etc/passwd")
                .cure(format!(
                    "make it first, for example `useradd --system --shell /usr/sbin/nologin {name}`"
                )));
        };
        if found.uid != me && !owner::is_root() {
            return Err(Failure::new(
                Kind::Usage,
                format!("only root can write files for the user `{name}`"),
            )
            .cure(format!("start it as that user: sudo -u {name} rostersync init …")));
        }
        Ok(Self { is_me: found.uid == me, ..found })
    }

    /// The first of these files and folders that the user may not read or, if `writes`, write. Root
    /// checks for another user, and may do everything itself.
    pub(super) fn kept_from<'p>(&self, paths: &[(&'p Path, bool)]) -> Option<&'p Path> {
        let may = |path: &Path, writes: bool| {
            let Ok(there) = std::fs::metadata(path) else { return true };
            let wanted = if writes { 0o3 } else { 0o4 };
            let bits = match (there.uid() == self.uid, there.gid() == self.gid) {
                (true, _) => there.mode() >> 6,
                (false, true) => there.mode() >> 3,
                (false, false) => there.mode(),
            };
            bits & wanted == wanted
        };
        let others = paths.iter().filter(|_| !self.is_me && self.uid != 0);
        others.clone().find(|(path, writes)| !may(path, *writes)).map(|(path, _)| *path)
    }

    /// Gives the user what was just made.
    pub(super) fn own(&self, path: &Path) -> io::Result<()> {
        let there = std::fs::symlink_metadata(path)?;
        if self.is_me || there.uid() == self.uid {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid))
    }
}

/// The users of this machine.
fn entries() -> Vec<Account> {
    let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let account = |line: &str| {
        let mut cells = line.split(':');
        let name = cells.next()?.to_owned();
        let (uid, gid) = (cells.nth(1)?.parse().ok()?, cells.next()?.parse().ok()?);
        Some(Account { name, uid, gid, is_me: false })
    };
    text.lines().filter_map(account).collect()
}

/// The files and folders that a run reads besides the configuration.
pub(super) fn inputs(config: &Config) -> Vec<&Path> {
    let export = config.platform.as_ref().map(|platform| platform.users.as_path());
    config.source.local_path().into_iter().chain(export).chain(secret_file(config)).collect()
}

/// The file with which a run logs in to the source.
pub(super) fn secret_file(config: &Config) -> Option<&Path> {
    let secret = match &config.source {
        Source::OneRosterApi(options) => options.credentials.secret(),
        Source::Clever(options) => options.credentials.secret(),
        Source::Csv { .. } | Source::Sftp(_) => return None,
    };
    match secret {
        SecretPlace::File(path) => Some(path),
        _ => None,
    }
}

pub(super) struct Schedule<'c> {
    pub(super) file: &'c Path,
    /// The folder of the store.
    pub(super) data: &'c Path,
    pub(super) config: &'c Config,
    pub(super) account: &'c Account,
    pub(super) at: Time,
}

impl Schedule<'_> {
    fn binary() -> PathBuf {
        std::env::current_exe().unwrap_or_else(|_| "/usr/local/bin/rostersync".into())
    }

    /// How rostersync is called by hand from here.
    pub(super) fn command(&self) -> String {
        let here = std::env::current_dir().map(|here| here.join("rostersync.toml"));
        let is_found = here.is_ok_and(|here| here == self.file)
            || self.file == Path::new("/etc/rostersync/rostersync.toml");
        match is_found {
            true => "rostersync".to_owned(),
            false => format!("rostersync -c {}", for_shell(self.file)),
        }
    }

    /// Root's lines have the user and a file of their own.
    fn is_system(&self) -> bool {
        owner::is_root()
    }

    pub(super) fn where_cron(&self) -> &'static str {
        if self.is_system() { "in the file /etc/cron.d/rostersync" } else { "in your crontab (crontab -e)" }
    }

    /// The lines for cron.
    pub(super) fn cron(&self) -> String {
        let user = if self.is_system() { format!("{}  ", self.account.name) } else { String::new() };
        let command = format!("{} -c {} -q run", for_shell(&Self::binary()), for_shell(self.file));
        // To cron a % is the end of the command.
        let command = command.replace('%', "\\%");
        let to = self.config.notify.admins.as_ref().and_then(|admins| admins.to.first());
        let mailto = to.map(|to| format!("MAILTO={}\n", to.address())).unwrap_or_default();
        format!("{mailto}{} {} * * *  {user}{command}\n", self.at.minute, self.at.hour)
    }

    /// The commands that install the units.
    pub(super) fn install(&self) -> String {
        let folder = for_shell(&owner::folder_of(self.file).join("systemd"));
        format!(
            "  sudo install -m 0644 {folder}/rostersync* /etc/systemd/system/\n  sudo systemctl daemon-reload\n  sudo systemctl \
             enable --now rostersync.timer\n"
        )
    }

    /// Writes the units, beside the configuration.
    pub(super) fn write_units(&self) -> Result<Vec<PathBuf>> {
        let folder = owner::folder_of(self.file).join("systemd");
        owner::make_folder(&folder)
            .and_then(|()| self.account.own(&folder))
            .map_err(|cause| Failure::io(Kind::Failed, "`init` cannot write here", &folder, cause))?;
        let mut written = Vec::new();
        for (name, template) in UNITS {
            let path = folder.join(name);
            super::write_new(&path, self.unit(template).as_bytes(), self.account)?;
            written.push(path);
        }
        Ok(written)
    }

    /// A unit with the paths of this machine in place of those of the package.
    fn unit(&self, template: &str) -> String {
        let is_usual = self.data == Path::new("/var/lib/rostersync");
        let mut text =
            "# Written by `rostersync init`. docs/operation.md says how units are installed.\n".to_owned();
        // The first comment is about the paths of the package.
        let lines = template.lines().skip_while(|line| line.starts_with('#'));
        for line in lines {
            let key = line.split_once('=').map_or("", |(key, _)| key);
            let line = match key {
                "User" => format!("User={}", self.account.name),
                // The user's own group.
                "Group" if self.account.name != "rostersync" => continue,
                "Environment" => format!("Environment=\"ROSTERSYNC_CONFIG={}\"", escaped(self.file)),
                "ExecStart" => {
                    let (_, command) = line.split_once(" ").unwrap_or_default();
                    format!("ExecStart=\"{}\" {command}", escaped(&Self::binary()))
                }
                "StateDirectory" | "StateDirectoryMode" if !is_usual => continue,
                "WorkingDirectory" => {
                    // systemd itself makes the usual folder writable.
                    let folders =
                        self.writable().into_iter().filter(|folder| !is_usual || *folder != self.data);
                    let lines = folders.map(|folder| format!("\nReadWritePaths=\"{}\"", escaped(folder)));
                    format!("WorkingDirectory={}{}", escaped(self.data), lines.collect::<String>())
                }
                "ReadOnlyPaths" if self.file.starts_with(self.data) => continue,
                "ReadOnlyPaths" => format!("ReadOnlyPaths=\"-{}\"", escaped(owner::folder_of(self.file))),
                "ProtectHome" if self.is_below(&["/home", "/root", "/run/user"]) => {
                    "# The paths above are in a home folder.\nProtectHome=read-only".to_owned()
                }
                "PrivateTmp" if self.is_below(&["/tmp", "/var/tmp"]) => {
                    "# The paths above are in a temporary folder.\nPrivateTmp=no".to_owned()
                }
                "OnCalendar" => format!("OnCalendar=*-*-* {}", self.at),
                _ => line.to_owned(),
            };
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    /// The folders that the run writes to.
    fn writable(&self) -> Vec<&Path> {
        let mut folders = vec![self.data];
        if let Some(email) = &self.config.notify.email
            && let MailServer::Folder(folder) = &email.server
            && !folder.starts_with(self.data)
        {
            folders.push(folder);
        }
        folders
    }

    /// Whether the service needs something that is below one of these folders.
    fn is_below(&self, folders: &[&str]) -> bool {
        let binary = Self::binary();
        let mut needed = vec![binary.as_path(), self.file];
        needed.extend(self.writable());
        needed.extend(inputs(self.config));
        folders.iter().any(|folder| needed.iter().any(|path| path.starts_with(folder)))
    }
}

/// A path in a unit: `%` begins a specifier there.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace('%', "%%").replace('\\', "\\\\").replace('"', "\\\"")
}

/// A path as a word of a shell.
fn for_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@:,".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder of the package is writable by itself, and a folder elsewhere only if the unit says so.
    #[test]
    fn a_unit_gives_the_run_every_place_that_it_needs() {
        let file = Path::new("/etc/our district/rostersync.toml");
        let text = "[sync]\nstore = \"/var/lib/rostersync/rostersync.db\"\nreports = \"/var/lib/rostersync/reports\"\n\
                    [source]\ntype = \"clever\"\n[source.auth]\ntype = \"bearer\"\ntoken_file = \"/home/it/token\"\n\
                    [notify.email]\nserver = \"file:/srv/mail\"\nfrom = \"a@b.example\"\n";
        let config = Config::parse(text, file).unwrap();
        let account = Account { name: "rostersync".to_owned(), uid: 990, gid: 990, is_me: false };
        let data = Path::new("/var/lib/rostersync");
        let at = Time { hour: 2, minute: 15 };
        let schedule = Schedule { file, data, config: &config, account: &account, at };
        let unit = schedule.unit(UNITS[0].1);
        for line in [
            "StateDirectory=rostersync",
            "WorkingDirectory=/var/lib/rostersync",
            "ReadWritePaths=\"/srv/mail\"",
            "ReadOnlyPaths=\"-/etc/our district\"",
            "ProtectHome=read-only",
        ] {
            assert!(unit.lines().any(|one| one == line), "{line}\n{unit}");
        }
        assert_eq!(unit.matches("\nReadWritePaths=").count(), 1, "{unit}");
        assert_eq!(inputs(&config), [Path::new("/home/it/token")]);
    }
}
