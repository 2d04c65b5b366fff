//! CSV files on an SFTP server: OpenSSH's own, on a port of this machine.
//!
//! Where there is no `sshd` (package openssh-server), or where it does not serve the user of these
//! tests, they are left out and say so. `$SSHD` names one that is somewhere else, with
//! `sftp-server` found by `$SFTP_SERVER`.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::machine::{is_root, left_out, program};
use crate::support::{COLUMNS, District, Done, nap, person, users_csv};

/// A server for one test, with keys of its own, and what is needed to be let in.
pub(crate) struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
    user: String,
}

/// Started by root, OpenSSH locks a part of itself into an empty folder, which a service manager
/// makes at boot. Elsewhere it is missing; the server says which one it is.
fn prepare(sshd: &Path, config: &Path) {
    let Ok(tried) = Command::new(sshd).arg("-t").arg("-f").arg(config).output() else { return };
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    let missing = said.lines().find_map(|line| line.split_once("privilege separation directory: "));
    if let (Some((_, folder)), true) = (missing, is_root()) {
        let _ = fs::create_dir_all(folder.trim());
        let _ = fs::set_permissions(folder.trim(), fs::Permissions::from_mode(0o755));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const SSHD: &str = "sshd";

fn key(path: &Path) -> Option<()> {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    made.is_ok_and(|status| status.success()).then_some(())
}

/// Whether a server can run here at all, and takes the user of these tests: an account may be
/// locked, or not be known to the machine by a name.
fn usable(server: &mut Server) -> Result<(), String> {
    let port = server.port;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if server.child.try_wait().unwrap().is_some() {
            return Err(format!("sshd does not start: {}", server.log()));
        }
        nap();
    }
    let known = format!("UserKnownHostsFile={}", server.at("known").display());
    let host = fs::read_to_string(server.at("host.pub")).unwrap();
    fs::write(server.at("known"), format!("[127.0.0.1]:{port} {host}")).unwrap();
    let tried = Command::new("sftp")
        .args([
            "-q",
            "-b",
            "-",
            "-P",
            &port.to_string(),
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            &known,
            "-i",
        ])
        .arg(server.at("user"))
        .arg(format!("{}@127.0.0.1", server.user))
        .stdin(Stdio::null())
        .output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(format!("sshd refuses the login: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Err(error) => Err(format!("there is no sftp (package openssh-client): {error}")),
    }
}

impl Server {
    /// None, said aloud, where there is no OpenSSH, or where it cannot serve.
    pub(crate) fn start() -> Option<Self> {
        // What was found out once holds for all tests.
        static USABLE: OnceLock<Result<(), String>> = OnceLock::new();
        let (Some(sshd), Some(subsystem)) = (program("SSHD", "sshd"), program("SFTP_SERVER", "sftp-server"))
        else {
            return left_out(SSHD, "there is no OpenSSH server on this machine");
        };
        let Some(mut server) = Self::start_with(&sshd, &subsystem) else {
            return left_out(
                SSHD,
                "a server cannot be set up here: ssh-keygen or the user's name is missing",
            );
        };
        if let Err(why) = USABLE.get_or_init(|| usable(&mut server)) {
            return left_out(SSHD, why);
        }
        while TcpStream::connect(("127.0.0.1", server.port)).is_err() {
            assert!(server.child.try_wait().unwrap().is_none(), "sshd ended: {}", server.log());
            nap();
        }
        Some(server)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.at("log")).unwrap_or_default().trim().to_owned()
    }

    fn start_with(sshd: &Path, subsystem: &Path) -> Option<Self> {
        // Neither in a folder with blanks in its name nor in a deep one, wherever temporary files
        // are.
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("sshd-");
        let folder = builder.tempdir_in("/tmp").or_else(|_| builder.tempdir()).unwrap();
        let at = |name: &str| folder.path().join(name);
        key(&at("host"))?;
        key(&at("user"))?;
        key(&at("stranger"))?;
        fs::copy(at("user.pub"), at("authorized")).unwrap();
        fs::create_dir(at("drop")).unwrap();
        // Folders with a blank in the name are nothing special.
        fs::create_dir(at("t m p")).unwrap();
        let user = Command::new("id").arg("-un").output().ok().filter(|output| output.status.success())?;
        let user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
        // A port that was free a moment ago; if another program takes it, the server says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin prohibit-password\nSubsystem sftp {}\n",
            at("host").display(),
            at("authorized").display(),
            subsystem.display()
        );
        fs::write(at("config"), config).unwrap();
        prepare(sshd, &at("config"));
        let child = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(at("config"))
            .stderr(fs::File::create(at("log")).unwrap())
            .spawn()
            .ok()?;
        Some(Self { child, port, folder, user })
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn district(&self) -> District {
        let host_key = fs::read_to_string(self.at("host.pub")).unwrap();
        let words: Vec<&str> = host_key.split(' ').take(2).collect();
        District::new()
            .without_limits()
            .with("source.path", &format!("{:?}", self.url("drop/")))
            .with("source.sftp.key_file", &format!("{:?}", self.at("user").display().to_string()))
            .with("source.sftp.host_key", &format!("{:?}", words.join(" ")))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("sftp://{}@127.0.0.1:{}{}/{path}", self.user, self.port, self.folder.path().display())
    }

    pub(crate) fn run(&self, district: &District) -> Done {
        self.cli(district, &["run"])
    }

    /// With the programs in `bin/` before those of the machine.
    pub(crate) fn cli(&self, district: &District, arguments: &[&str]) -> Done {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.at("bin").display());
        district.done(district.command(arguments).env("PATH", path).env("TMPDIR", self.at("t m p")))
    }

    /// Puts a script in front of the real `sftp`, which it calls as `real_sftp`.
    pub(crate) fn wrap(&self, script: &str) {
        let path = std::env::var("PATH").unwrap();
        let real =
            path.split(':').map(|folder| Path::new(folder).join("sftp")).find(|path| path.exists()).unwrap();
        fs::create_dir_all(self.at("bin")).unwrap();
        let script = format!("#!/bin/sh\nreal_sftp() {{ {} \"$@\"; }}\n{script}\n", real.display());
        fs::write(self.at("bin/sftp"), script).unwrap();
        fs::set_permissions(self.at("bin/sftp"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What a run leaves behind in the temporary folder.
    pub(crate) fn leftovers(&self) -> usize {
        fs::read_dir(self.at("t m p")).unwrap().count()
    }
}

#[test]
fn an_export_in_a_folder_or_a_zip() {
    let Some(server) = Server::start() else { return };
    fs::write(server.at("drop/Users.csv"), users_csv(&COLUMNS, &[person("tea-1"), person("stu-2")])).unwrap();
    // A file that is not ours, and not even readable.
    fs::write(server.at("drop/demographics.csv"), "sourcedId\n").unwrap();
    fs::set_permissions(server.at("drop/demographics.csv"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut district = server.district();
    let done = server.run(&district).ok();
    assert!(done.stdout.contains("2 to create"), "{}", done.stdout);
    let source = district.ask("SELECT source FROM run");
    assert_eq!(source, server.url("drop/"));
    assert_eq!(server.leftovers(), 0);

    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/day3-v1p2.zip");
    fs::copy(sample, server.at("drop/last night.zip")).unwrap();
    district.set("source.path", &format!("{:?}", server.url("drop/last night.zip")));
    district.set("limits.rejected", "1000");
    let done = server.run(&district).ok();
    assert!(done.stdout.contains("Plan: 6"), "{}", done.stdout);

    // That of users.csv itself is that of its folder.
    let url = server.url("drop/users.csv").replace("sftp://", "SFTP://");
    district.set("source.path", &format!("{url:?}"));
    // No cell names an agent, and last night some did: that is said.
    let done = server.cli(&district, &["run", "--dry-run"]).exits(3);
    assert!(done.stdout.contains("2 to restore"), "{}", done.stdout);
}

const DELTA: &str = "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.users,delta\n";

#[test]
fn links_are_followed() {
    let Some(server) = Server::start() else { return };
    let district = server.district();
    fs::write(server.at("drop/users.csv"), users_csv(&COLUMNS, &[person("tea-1"), person("stu-2")])).unwrap();
    server.run(&district).ok();
    // Without the manifest, which says that these are changes, stu-2 would have left.
    fs::write(server.at("manifest of today"), DELTA).unwrap();
    std::os::unix::fs::symlink(server.at("manifest of today"), server.at("drop/manifest.csv")).unwrap();
    fs::rename(server.at("drop/users.csv"), server.at("users of today")).unwrap();
    fs::write(server.at("users of today"), users_csv(&COLUMNS, &[person("tea-1").email("new@x.example")]))
        .unwrap();
    std::os::unix::fs::symlink("../users of today", server.at("drop/users.csv")).unwrap();
    let done = server.run(&district).ok();
    assert!(
        done.stdout.contains("1 to update (1 email") && done.stdout.contains("0 to archive"),
        "{}",
        done.stdout
    );
    // One that leads to nothing may be the manifest of a delta as well.
    fs::remove_file(server.at("manifest of today")).unwrap();
    server
        .run(&district)
        .exits(7)
        .complains(&["manifest.csv on the server is a link that leads to no file", "\n  help: "]);
}

#[test]
fn what_changes_while_it_is_fetched_is_not_used() {
    let Some(server) = Server::start() else { return };
    let district = server.district();
    fs::write(server.at("drop/users.csv"), users_csv(&COLUMNS, &[person("tea-1"), person("stu-2")])).unwrap();
    server.run(&district).ok();
    let store = district.store_hash();
    let manifest = server.at("drop/manifest.csv").display().to_string();
    let users = server.at("drop/users.csv").display().to_string();
    // Before the second call of the client, that is between the two lists, or after the files were
    // fetched.
    for (change, name) in [
        (format!("printf '{DELTA}' > {manifest}").replace('\n', "\\n"), "manifest.csv"),
        (format!("rm -f {users}"), "users.csv"),
    ] {
        let _ = fs::remove_file(server.at("called"));
        let called = server.at("called").display().to_string();
        server.wrap(&format!("[ -e '{called}' ] && {change}\ntouch '{called}'\nreal_sftp \"$@\""));
        let done = server.run(&district);
        // A file that is not there any more cannot be fetched at all.
        match name {
            "manifest.csv" => done.exits(6).complains(&["manifest.csv changed while the export was fetched"]),
            _ => done.exits(7).complains(&["\n  help: "]),
        };
        assert_eq!((district.store_hash(), server.leftovers()), (store.clone(), 0));
        let _ = fs::remove_file(&manifest);
    }
}

#[test]
fn fetched_files_are_readable_by_their_owner_alone() {
    let Some(server) = Server::start() else { return };
    let district = server.district();
    fs::write(server.at("drop/users.csv"), users_csv(&COLUMNS, &[person("tea-1")])).unwrap();
    let seen = server.at("seen").display().to_string();
    server.wrap(&format!(
        "umask 0\nreal_sftp \"$@\"\nstatus=$?\nfind . ! -perm 0600 ! -type d >> '{seen}'\n\
         find . -maxdepth 0 ! -perm 0700 >> '{seen}'\nls files >> '{seen}'\nexit $status"
    ));
    server.run(&district).ok();
    assert_eq!(fs::read_to_string(server.at("seen")).unwrap(), "users.csv\n");
    // A run that was killed days ago has left its files, which go now.
    let dead = server.at("t m p/rostersync-dead");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("users.csv"), "sourcedId\n").unwrap();
    let mark = "A temporary folder of rostersync. It may be removed.\n";
    fs::write(dead.join(".rostersync-scratch"), mark).unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 86_400);
    fs::File::open(&dead).unwrap().set_modified(long_ago).unwrap();
    server.run(&district).ok();
    assert_eq!(server.leftovers(), 0);
}

#[test]
fn a_server_that_says_nothing_is_left_in_time() {
    if program("SFTP", "sftp").is_none() {
        let _ = left_out::<()>("sftp", "there is no sftp (package openssh-client)");
        return;
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let district = District::new()
        .with("source.path", &format!("\"sftp://sis@127.0.0.1:{port}/x/\""))
        .with("source.sftp.timeout", "\"500ms\"");
    let mut command = district.command(&["run"]);
    let run = std::thread::spawn({
        command.env("PATH", std::env::var_os("PATH").unwrap());
        move || command.output().unwrap()
    });
    let (mut connection, _) = silent.accept().unwrap();
    // The `ssh` below `sftp` goes as well, and its connection with it.
    let mut greeting = Vec::new();
    let _ = std::io::Read::read_to_end(&mut connection, &mut greeting);
    let done = district.said(run.join().unwrap());
    done.exits(6).complains(&[
        "the files did not arrive within 0.5 s",
        "`timeout` in [source.sftp]",
        "nothing was applied",
    ]);
}

#[test]
fn check_source_looks_at_an_export() {
    let Some(server) = Server::start() else { return };
    let district = server.district();
    fs::write(
        server.at("drop/users.csv"),
        users_csv(&COLUMNS, &[person("tea-1"), person("stu-2").mobile("718-555-0142")]),
    )
    .unwrap();
    let done = server.cli(&district, &["check", "--source"]).exits(3);
    for said in [
        "2 of 2 users looked at: 1 student, 1 teacher",
        "2 with an email, 1 with sms",
        "missing[no-guardians]",
    ] {
        assert!(done.stdout.contains(said), "`{said}`\n{}", done.stdout);
    }
    fs::remove_file(server.at("drop/users.csv")).unwrap();
    server.cli(&district, &["check", "--source"]).exits(7).complains(&["there is no export on the server"]);
}

#[test]
fn a_key_that_cannot_be_used_is_said_before_anything_is_asked() {
    let Some(server) = Server::start() else { return };
    let district = server.district();
    fs::set_permissions(server.at("user"), fs::Permissions::from_mode(0o644)).unwrap();
    server.run(&district).exits(2).complains(&["the key file is open to other users", "chmod 600"]);
    fs::remove_file(server.at("user")).unwrap();
    server.run(&district).exits(2).complains(&["the key file cannot be read", "`key_file` in [source.sftp]"]);
}

#[test]
fn what_cannot_be_fetched_is_explained() {
    let Some(server) = Server::start() else { return };
    let mut district = server.district();
    let refused = |district: &District, code: i32, words: &[&str]| {
        server.run(district).exits(code).complains(words).complains(&["\n  at: sftp://", "\n  help: "]);
        assert!(!district.path("reports").exists());
        assert_eq!(server.leftovers(), 0);
    };
    refused(&district, 7, &["there is no export on the server"]);
    fs::write(server.at("drop/users.csv"), "").unwrap();
    refused(&district, 7, &["users.csv is empty"]);
    district.set("source.path", &format!("{:?}", server.url("nowhere/")));
    refused(&district, 7, &["there is no such folder on the server"]);
    district.set("source.path", &format!("{:?}", server.url("drop/")));
    district.set("source.sftp.key_file", &format!("{:?}", server.at("stranger").display().to_string()));
    refused(&district, 6, &["the server refused the login"]);
    let other = fs::read_to_string(server.at("user.pub")).unwrap();
    district.set("source.sftp.host_key", &format!("{:?}", other.trim()));
    refused(&district, 6, &["the server's key is not the expected one"]);
    // An unknown server is not trusted either.
    district.unset("source.sftp.host_key");
    refused(&district, 6, &["the server's key is not the expected one"]);
}

#[test]
fn mistakes_in_the_configuration_are_explained() {
    for (key, value, words) in [
        ("source.path", "\"sftp://files.example/drop/\"", "`path` is not an address that can be fetched"),
        ("source.path", "\"sftp://sis:secret@files.example/drop/\"", "without a password"),
        ("source.path", "\"sis\"", "`path` is not on an SFTP server"),
        ("source.sftp.host_key", "\"AAAA\"", "`host_key` in [source.sftp] is not a server's public key"),
        ("source.sftp.timeout", "\"0s\"", "`timeout` in [source.sftp] is zero"),
        ("source.sftp.password", "\"x\"", "unknown key `password`"),
    ] {
        let mut district = District::new()
            .with("source.path", "\"sftp://sis@files.example/drop/\"")
            .with("source.sftp.key_file", "\"key\"");
        district.set(key, value);
        district.run().exits(2).complains(&[words, "\n  help: "]);
    }
    // Without the program that fetches them.
    let district = District::new().with("source.path", "\"sftp://sis@files.example/drop/\"");
    let done = district.done(district.command(&["run"]).env("PATH", district.path("")));
    done.exits(1).complains(&["the program `sftp` cannot be started", "openssh-client"]);
}
