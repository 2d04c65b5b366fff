//! Mail servers that others wrote, where they are installed: `.ci/run` installs them.

use std::io::{BufRead, BufReader, Lines};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::machine::{is_root, left_out, program};
use crate::python::Python;
use crate::support::{District, Person, nap, person};

/// Active users under ON, without queued messages.
fn joined(people: &[Person]) -> District {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(people);
    district.sis(people);
    district.run().ok();
    district
}

fn renamed(people: &[Person]) -> Vec<Person> {
    people.iter().cloned().map(|person| person.family("Núñez")).collect()
}

fn sends_to(district: &mut District, port: u16) {
    district.set("notify.email.server", &format!("\"smtp://127.0.0.1:{port}\""));
    district.set("notify.email.per_minute", "0");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The recipients of what lies in a maildir, sorted.
fn delivered(maildir: &Path) -> Vec<String> {
    let mut to = Vec::new();
    for entry in std::fs::read_dir(maildir.join("new")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let mail = mail_parser::MessageParser::new().parse(&bytes).unwrap();
        assert!(mail.body_text(0).unwrap().contains("Name: Rosa Núñez"), "{:?}", mail.body_text(0));
        assert!(mail.body_html(0).unwrap().contains("Rosa Núñez"));
        to.push(mail.to().unwrap().first().unwrap().address().unwrap().to_owned());
    }
    to.retain(|address| address.contains(&format!("-{}@", std::process::id())));
    to.sort();
    to
}

/// Ten recipients, two of them unknown to the server.
fn ten_and_two() -> (Vec<Person>, Vec<String>) {
    let address = |n: usize| match n {
        4 => "nobody@local.example".to_owned(),
        8 => "nobody@elsewhere.example".to_owned(),
        // OpenSMTPD delivers what a server that was killed here has left in its queue: that is not
        // of this test.
        n => format!("known{n}-{}@local.example", std::process::id()),
    };
    let people = (1..=12).map(|n| person(&format!("tea-{n}")).email(&address(n))).collect();
    let mut known: Vec<String> =
        (1..=12).map(address).filter(|address| !address.starts_with("nobody")).collect();
    known.sort();
    (people, known)
}

#[test]
fn aiosmtpd_takes_what_we_send_and_refuses_whom_it_does_not_know() {
    const SERVER: &str = "import sys\n\
        from aiosmtpd.controller import Controller\n\
        from aiosmtpd.handlers import Mailbox\n\
        class Known(Mailbox):\n\
        \x20   async def handle_RCPT(self, server, session, envelope, address, options):\n\
        \x20       if address.startswith('nobody'):\n\
        \x20           return '550 5.1.1 no such user'\n\
        \x20       envelope.rcpt_tos.append(address)\n\
        \x20       return '250 OK'\n\
        controller = Controller(Known(sys.argv[1]), hostname='127.0.0.1', port=int(sys.argv[2]))\n\
        controller.start()\n\
        print('ready', flush=True)\n\
        sys.stdin.read()\n\
        controller.stop()\n";
    let (people, known) = ten_and_two();
    let mut district = joined(&people);
    let port = free_port();
    let maildir = district.path("maildir");
    let arguments = [maildir.to_str().unwrap(), &port.to_string()];
    let Some(server) = Python::serve("aiosmtpd", SERVER, &arguments) else { return };
    sends_to(&mut district, port);
    district.sis(&renamed(&people));
    district.run().ok();
    drop(server);
    assert_eq!(delivered(&maildir), known);
    assert_eq!(
        district.ask("SELECT recipient, state, reason FROM outbox WHERE state <> 'sent' ORDER BY id"),
        "nobody@local.example | failed | 550 5.1.1\nnobody@elsewhere.example | failed | 550 5.1.1"
    );
}

const SMTPD: &str = "smtpd";

/// OpenSMTPD in the foreground, on a port of this machine, with a configuration of its own.
struct OpenSmtpd {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
    folder: tempfile::TempDir,
}

impl Drop for OpenSmtpd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl OpenSmtpd {
    /// Takes mail for these; none if it cannot run here.
    fn start(port: u16, known: &[String]) -> Option<Self> {
        if !is_root() {
            return left_out(SMTPD, "OpenSMTPD can be started by root only");
        }
        let Some(program) = program("SMTPD", "smtpd") else {
            return left_out(SMTPD, "there is no OpenSMTPD on this machine");
        };
        // Its own user writes there.
        let folder = tempfile::Builder::new()
            .prefix("smtpd-")
            .tempdir_in("/tmp")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let table: Vec<String> = known.iter().map(|to| format!("\"{to}\" = \"opensmtpd\"")).collect();
        let configuration = folder.path().join("smtpd.conf");
        let text = format!(
            "table known {{ {} }}\nlisten on 127.0.0.1 port {port}\naction \"local\" maildir \"{}\" virtual <known>\n\
             match from any for domain \"local.example\" action \"local\"\n",
            table.join(", "),
            folder.path().join("maildir").display()
        );
        std::fs::write(&configuration, text).unwrap();
        let started = Command::new(program)
            .env("PATH", "/usr/sbin:/usr/local/sbin:/usr/bin:/bin")
            .args(["-d", "-f", configuration.to_str().unwrap()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut process) = started else { return left_out(SMTPD, "OpenSMTPD cannot be started here") };
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut server = Self { process, log, folder };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if server.process.try_wait().unwrap().is_some() {
                return left_out(SMTPD, "OpenSMTPD does not start; perhaps another one runs here");
            }
            nap();
        }
        Some(server)
    }

    /// Reads on in its log until a line has all of this in it.
    fn says(&mut self, parts: &[&str]) -> bool {
        self.log.any(|line| line.is_ok_and(|line| parts.iter().all(|part| line.contains(part))))
    }
}

#[test]
fn opensmtpd_takes_what_we_send_and_refuses_whom_it_does_not_know() {
    let (people, known) = ten_and_two();
    let port = free_port();
    let Some(mut server) = OpenSmtpd::start(port, &known) else { return };
    let mut district = joined(&people);
    sends_to(&mut district, port);
    district.sis(&renamed(&people));
    district.run().ok();
    for _ in &known {
        let ours = format!("-{}@", std::process::id());
        assert!(server.says(&["stat=Delivered", &ours]), "a message is not delivered");
    }
    assert_eq!(delivered(&server.folder.path().join("maildir")), known);
    assert_eq!(
        district.ask("SELECT recipient, state, reason FROM outbox WHERE state <> 'sent' ORDER BY id"),
        "nobody@local.example | failed | 524 5.2.4\nnobody@elsewhere.example | failed | 550"
    );
}
