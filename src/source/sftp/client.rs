//! The system's `sftp`, made to list and to fetch.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{OUTGOING, Options, explain};
use crate::failure::{Failure, Kind, Result};
use crate::scratch;
use crate::source::Watch;

/// How often it is looked whether the client is done, or the run is to stop.
const NAP: Duration = Duration::from_millis(50);

/// For the one key that the server may have.
const KNOWN_HOSTS: &str = "known_hosts";

pub(super) const FILES: &str = "files";

/// A file on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) size: u64,
    /// To the minute, as the client writes it.
    written: String,
    /// Of a link nothing but its name means anything: what it leads to is asked for by name.
    pub(super) is_link: bool,
}

impl Listed {
    /// A line of `ls -ln`: mode, links, owner, group, size, month, day, time or year, name.
    fn parse(line: &str) -> Option<Self> {
        let is_link = line.starts_with('l');
        let mut rest = Some(line).filter(|_| is_link || line.starts_with('-'))?;
        let mut word = || {
            let (word, after) = rest.trim_start().split_once(' ')?;
            rest = after;
            Some(word)
        };
        let mut words = Vec::new();
        for _ in 0..8 {
            words.push(word()?);
        }
        let name = rest.trim_start();
        // Some servers say where a link leads.
        let name = if is_link { name.split(" -> ").next().unwrap_or_default() } else { name };
        Some(Self {
            name: name.to_owned(),
            size: words[4].parse().ok()?,
            written: words[5..].join(" "),
            is_link,
        })
    }
}

pub(super) struct Client<'a> {
    pub(super) options: &'a Options,
    /// Where it works: a folder for it alone.
    pub(super) folder: &'a Path,
    pub(super) watch: &'a Watch<'a>,
    /// When all of it has to be done.
    pub(super) until: Instant,
}

impl Client<'_> {
    /// The files that are wanted, by their names. Links are followed.
    ///
    /// # Errors
    /// `InputUnusable` if there is no such folder, or a link leads to no file; `SourceUnavailable`
    /// if it cannot be asked.
    pub(super) fn list(&self) -> Result<Vec<Listed>> {
        let mut listed = self.run(&format!("{}ls -ln\n", self.go()))?;
        let found = self.wanted(listed.clone());
        if found.iter().any(|file| file.is_link) {
            listed.extend(self.run(&format!("{}{}", self.go(), by_name(&found)))?);
        }
        let wanted = self.wanted(listed);
        match wanted.iter().find(|file| file.is_link) {
            None => Ok(wanted),
            Some(link) => Err(Failure::new(
                Kind::InputUnusable,
                format!("{} on the server is a link that leads to no file; nothing was applied", link.name),
            )
            .at(&self.options.url)
            .cure("have the export put there again")),
        }
    }

    /// Fetches files, as their owner's only, and lists those that are wanted afterwards.
    ///
    /// # Errors
    /// `SourceUnavailable` if they cannot be fetched.
    pub(super) fn get(&self, wanted: &[Listed]) -> Result<Vec<Listed>> {
        let mut batch = format!("{}lcd {FILES}\n", self.go());
        for file in wanted {
            // The client would make it with the permissions that it has on the server.
            scratch::file(&self.folder.join(FILES).join(&file.name))?;
            batch.push_str(&format!("get \"{}\"\n", file.name));
        }
        let listed = self.run(&format!("{batch}ls -ln\n{}", by_name(wanted)))?;
        Ok(self.wanted(listed))
    }

    /// Whether the file that is put there is there.
    pub(super) fn is_there(&self) -> Result<bool> {
        let name = self.options.place.zip.as_deref().unwrap_or_default();
        let listed = self.run(&format!("{}-ls -ln \"{name}\"\n", self.go()))?;
        Ok(listed.iter().any(|file| file.name == name))
    }

    /// Puts the file there under a temporary name, then renames it.
    pub(super) fn put(&self) -> Result<()> {
        let name = self.options.place.zip.as_deref().unwrap_or_default();
        let partial = format!(".{name}.rostersync-partial");
        let go = self.go();
        let put =
            self.run(&format!("{go}put \"{OUTGOING}\" \"{partial}\"\nrename \"{partial}\" \"{name}\"\n"));
        match put {
            // A server without OpenSSH's extension renames no file over another one.
            Err(failure) if failure.causes().iter().any(|said| said.contains("rename")) => {
                self.run(&format!("{go}-rm \"{name}\"\nrename \"{partial}\" \"{name}\"\n")).map(drop)
            }
            done => done.map(drop),
        }
    }

    /// Of each wanted file the last that was listed, where possible not as a link.
    fn wanted(&self, listed: Vec<Listed>) -> Vec<Listed> {
        let mut wanted: BTreeMap<String, Listed> = BTreeMap::new();
        for file in listed.into_iter().filter(|file| self.options.place.wants(&file.name)) {
            if !file.is_link || wanted.get(&file.name).is_none_or(|known| known.is_link) {
                wanted.insert(file.name.clone(), file);
            }
        }
        wanted.into_values().collect()
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
        let output = [
            child.stdout.take().map(drain).transpose().map_err(Failure::no_thread)?,
            child.stderr.take().map(drain).transpose().map_err(Failure::no_thread)?,
        ];
        let ended = self.wait(&mut child)?;
        let [said, complained] =
            output.map(|reader| reader.and_then(|reader| reader.join().ok()).unwrap_or_default());
        if !ended.success() {
            return Err(explain::failed(&complained, self.options));
        }
        Ok(said.lines().filter_map(Listed::parse).collect())
    }

    /// Waits for the client, and ends it if the run is to stop or its time is over.
    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        let failed = |cause: std::io::Error| {
            Failure::new(Kind::Failed, "the program `sftp` cannot be waited for").because(cause)
        };
        loop {
            if let Some(status) = child.try_wait().map_err(failed)? {
                return Ok(status);
            }
            let over = match Instant::now() > self.until {
                true => Err(explain::too_slow(self.options)),
                false => self.watch.interrupted(),
            };
            if let Err(failure) = over {
                // And with it the `ssh` that it has started.
                let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
                let _ = child.wait();
                return Err(failure);
            }
            std::thread::sleep(NAP);
        }
    }

    fn command(&self) -> Result<Command> {
        let place = &self.options.place;
        let mut command = Command::new("sftp");
        // In its own folder, so that no option has a path in it that would have to be quoted.
        command.current_dir(self.folder).process_group(0);
        command.args(["-b", "-", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]);
        for option in ["ConnectTimeout=30", "ServerAliveInterval=15", "ServerAliveCountMax=4"] {
            command.args(["-o", option]);
        }
        if let Some(key) = &self.options.key_file {
            explain::check_key(key)?;
            let key = std::path::absolute(key).unwrap_or_else(|_| key.clone());
            command.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        if let Some(key) = &self.options.host_key {
            let known = self.folder.join(KNOWN_HOSTS);
            if !known.exists() {
                scratch::file(&known)?;
            }
            std::fs::write(&known, format!("{} {key}\n", place.known_as())).map_err(|cause| {
                Failure::io(Kind::Failed, "the server's key cannot be kept", &known, cause)
            })?;
            command.args(["-o", "GlobalKnownHostsFile=/dev/null", "-o"]);
            command.arg(format!("UserKnownHostsFile={KNOWN_HOSTS}"));
        }
        if let Some(port) = place.port {
            command.args(["-P", &port.to_string()]);
        }
        command.arg(format!("{}@{}", place.user, place.host));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }
}

/// What lists files each by its name: then links are looked through, which they are not in a list
/// of a folder.
fn by_name(files: &[Listed]) -> String {
    files.iter().map(|file| format!("-ls -ln \"{}\"\n", file.name)).collect()
}

/// Reads all of a pipe beside what else is done, so that it never fills up.
fn drain(mut pipe: impl Read + Send + 'static) -> std::io::Result<std::thread::JoinHandle<String>> {
    std::thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing() {
        let listed =
            Listed::parse("-rw-r--r--    1 1000     1000         1234 Nov 23 02:15 last night.zip").unwrap();
        assert_eq!(
            (listed.name.as_str(), listed.size, listed.written.as_str()),
            ("last night.zip", 1234, "Nov 23 02:15")
        );
        let link =
            Listed::parse("lrwxrwxrwx    ? root     root            8 Nov 25 03:06 users.csv -> x.csv")
                .unwrap();
        assert_eq!((link.name.as_str(), link.is_link), ("users.csv", true));
        for other in ["drwxr-xr-x    2 0        0            4096 Nov 23 02:15 old", "sftp> ls -ln", ""] {
            assert_eq!(Listed::parse(other), None);
        }
    }
}
