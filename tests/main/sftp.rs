//! CSV files on an SFTP server: OpenSSH's own, on a port of this machine.
//!
//! Where there is no `sshd` (package openssh-server) these tests have nobody to talk to, and say so. `$SSHD` names one that is
//! somewhere else, with `sftp-server` found by `$SFTP_SERVER`.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::{COLUMNS, District, person, users_csv};

/// A server for one test, with keys of its own, and what is needed to be let in.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
    user: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn found(variable: &str, places: &[&str]) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.into_iter().chain(places.iter().map(PathBuf::from)).find(|path| path.exists())
}

fn key(path: &Path) {
    let done =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(done.success());
}

impl Server {
    /// None, said aloud, where there is no OpenSSH.
    #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
    fn start() -> Option<Self> {
        let sshd = found("SSHD", &["/usr/sbin/sshd", "/usr/local/sbin/sshd"]);
        let subsystem = found("SFTP_SERVER", &["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server"]);
        let (Some(sshd), Some(subsystem)) = (sshd, subsystem) else {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI has to have OpenSSH's server (package openssh-server)"
            );
            eprintln!("left out: there is no sshd on this machine");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("sshd-").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        key(&at("host"));
        key(&at("user"));
        key(&at("stranger"));
        fs::copy(at("user.pub"), at("authorized")).unwrap();
        fs::create_dir(at("drop")).unwrap();
        let user = Command::new("id").arg("-un").output().unwrap();
        let user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
        // A port that was free a moment ago; if somebody else takes it, the server says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin prohibit-password\nSubsystem sftp {}\n",
            at("host").display(),
            at("authorized").display(),
            subsystem.display()
        );
        fs::write(at("config"), config).unwrap();
        let child = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(at("config"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { child, port, folder, user };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.child.try_wait().unwrap().is_none(), "sshd ended");
            std::thread::yield_now();
        }
        Some(server)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn district(&self) -> District {
        let host_key = fs::read_to_string(self.at("host.pub")).unwrap();
        let words: Vec<&str> = host_key.split(' ').take(2).collect();
        District::new()
            .without_limits()
            .with("source.path", &format!("{:?}", self.url("drop/")))
            .with("source.sftp.key_file", &format!("{:?}", self.at("user").display().to_string()))
            .with("source.sftp.host_key", &format!("{:?}", words.join(" ")))
    }

    fn url(&self, path: &str) -> String {
        format!("sftp://{}@127.0.0.1:{}{}/{path}", self.user, self.port, self.folder.path().display())
    }

    fn run(&self, district: &District) -> crate::support::Done {
        let path = std::env::var_os("PATH").unwrap();
        district.done(district.command(&["run"]).env("PATH", path).env("TMPDIR", self.folder.path()))
    }

    /// What a run leaves behind in the temporary folder.
    fn leftovers(&self) -> usize {
        let names = fs::read_dir(self.folder.path()).unwrap();
        names
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("rostersync-"))
            .count()
    }
}

#[test]
fn an_export_in_a_folder_or_a_zip() {
    let Some(server) = Server::start() else { return };
    fs::write(server.at("drop/Users.csv"), users_csv(&COLUMNS, &[person("tea-1"), person("stu-2")])).unwrap();
    // Nobody's business, and not even readable.
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
    refused(&district, 6, &["the server does not let us in"]);
    let other = fs::read_to_string(server.at("user.pub")).unwrap();
    district.set("source.sftp.host_key", &format!("{:?}", other.trim()));
    refused(&district, 6, &["does not have the key that it should have"]);
    // A server that nobody knows is not trusted either.
    district.unset("source.sftp.host_key");
    refused(&district, 6, &["does not have the key that it should have"]);
}

#[test]
fn mistakes_in_the_configuration_are_explained() {
    for (key, value, words) in [
        ("source.path", "\"sftp://files.example/drop/\"", "`path` is not an address that can be fetched"),
        ("source.path", "\"sftp://sis:secret@files.example/drop/\"", "without a password"),
        ("source.path", "\"sis\"", "`path` is not on an SFTP server"),
        ("source.sftp.host_key", "\"AAAA\"", "`host_key` is not a server's public key"),
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
