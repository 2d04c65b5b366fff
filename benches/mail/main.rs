//! How fast mail goes out: whole runs that tell so many people through a server on this machine.
//!
//! `cargo bench --bench mail` sends 10,000 messages over one connection, as rostersync does, and
//! then to a server that closes the connection after each message, so that every one needs its own;
//! plain and encrypted. Medians of three rounds, in turn. `-- 2000 5` sends so many in so many
//! rounds.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it finds")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rostersync");

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let count: u32 = numbers.next().unwrap_or(10_000);
    let rounds = numbers.next().unwrap_or(3).max(1);
    let (tls, authority) = certificate();
    let ways = [
        ("over one connection", false, None),
        ("one connection each", true, None),
        ("over one connection, encrypted", false, Some(&tls)),
        ("one connection each, encrypted", true, Some(&tls)),
    ];
    let mut seconds = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        for (way, (_, one_each, tls)) in seconds.iter_mut().zip(ways) {
            way.push(measure(count, one_each, tls.cloned(), &authority));
        }
    }
    println!("| {count} messages | wall s | messages a second |");
    println!("|---|---|---|");
    for (mut way, (name, ..)) in seconds.into_iter().zip(ways) {
        way.sort_by(f64::total_cmp);
        let median = way[way.len() / 2];
        println!("| {name} | {median:.1} | {:.0} |", f64::from(count) / median);
    }
}

/// Seconds for so many messages.
fn measure(count: u32, one_each: bool, tls: Option<Arc<rustls::ServerConfig>>, authority: &str) -> f64 {
    let encrypted = tls.is_some();
    let server = Server::start(one_each, tls);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder to work in");
    fs::write(folder.path().join("ca.pem"), authority).expect("an authority");
    let district = District { folder: folder.path(), port: server.port, encrypted };
    district.night(count, "Diaz");
    district.night(count, "Lund");
    let begun = Instant::now();
    district.run(&["outbox", "send"]);
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(server.messages.load(Ordering::Relaxed), u64::from(count), "each message once");
    let connections = if one_each { u64::from(count) } else { 1 };
    assert_eq!(server.connections.load(Ordering::Relaxed), connections);
    seconds
}

/// A certificate for this machine, and the authority that it is by.
fn certificate() -> (Arc<rustls::ServerConfig>, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).expect("parameters");
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&key).expect("an authority").pem();
    let issuer = rcgen::Issuer::new(parameters, key);
    let own_key = rcgen::KeyPair::generate().expect("a key");
    let mut own = rcgen::CertificateParams::new(vec!["localhost".into()]).expect("parameters");
    own.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let own = own.signed_by(&own_key, &issuer).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(own_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .expect("a certificate");
    (Arc::new(config), authority)
}

/// So many teachers, all active, under ON.
struct District<'a> {
    folder: &'a Path,
    port: u16,
    encrypted: bool,
}

impl District<'_> {
    /// A run over a roster in which all users have that family name. Its messages wait for the
    /// measurement: it is always a quiet hour.
    fn night(&self, count: u32, family: &str) {
        let mut users =
            "sourcedId,status,enabledUser,orgSourcedIds,role,username,givenName,familyName,email\n"
                .to_owned();
        let mut export = "sourced_id,given_name,family_name,email\n".to_owned();
        for n in 0..count {
            users.push_str(&format!("t-{n},,true,s,teacher,t-{n},Rosa,{family},t{n}@mail.example\n"));
            export.push_str(&format!("t-{n},Rosa,Diaz,t{n}@mail.example\n"));
        }
        fs::create_dir_all(self.folder.join("sis")).expect("a folder");
        fs::write(self.folder.join("sis/users.csv"), users).expect("a roster");
        fs::write(self.folder.join("export.csv"), export).expect("an export");
        self.configure("quiet_hours = \"00:00-23:59\"");
        self.run(&["run"]);
        self.configure("");
    }

    fn configure(&self, pace: &str) {
        let (server, pace) = match self.encrypted {
            true => (format!("smtps://localhost:{}", self.port), format!("ca_file = \"ca.pem\"\n{pace}")),
            false => (format!("smtp://localhost:{}", self.port), pace.to_owned()),
        };
        let limits = "archive = 1000000\ncontact_updates = 1000000\nnotifications = 1000000\n";
        let text = format!(
            "[sync]\nupdate_contacts = true\ntimezone = \"America/Chicago\"\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n\
             [platform]\nusers = \"export.csv\"\nmax_age = \"none\"\n[limits]\n{limits}[notify.email]\n\
             server = \"{server}\"\nfrom = \"no-reply@lincoln.example\"\nper_minute = 0\n{pace}\n"
        );
        fs::write(self.folder.join("rostersync.toml"), text).expect("a configuration");
    }

    fn run(&self, arguments: &[&str]) {
        let output = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(self.folder)
            .env("ROSTERSYNC_NOW", "2026-11-23T08:15:00Z")
            .env("ROSTERSYNC_CONFIG", "rostersync.toml")
            .output()
            .expect("the program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A server that takes everything and keeps nothing.
struct Server {
    port: u16,
    messages: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
}

impl Server {
    fn start(one_each: bool, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let (messages, connections) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let server = Self { port, messages: Arc::clone(&messages), connections: Arc::clone(&connections) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::Relaxed);
                // A client that breaks off shows in the count of messages.
                let _ = stream.set_nodelay(true).and_then(|()| match &tls {
                    None => serve(stream, &messages, one_each),
                    Some(tls) => {
                        let session = rustls::ServerConnection::new(Arc::clone(tls)).expect("a session");
                        serve(rustls::StreamOwned::new(session, stream), &messages, one_each)
                    }
                });
            }
        });
        server
    }
}

fn serve(stream: impl Read + Write, messages: &AtomicU64, one_each: bool) -> std::io::Result<()> {
    let mut io = BufReader::new(stream);
    let say = |io: &mut BufReader<_>, text: &[u8]| {
        let stream: &mut dyn Write = io.get_mut();
        stream.write_all(text).and_then(|()| stream.flush())
    };
    say(&mut io, b"220 ready\r\n")?;
    let mut line = String::new();
    loop {
        line.clear();
        if io.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end().split([' ', ':']).next().unwrap_or_default() {
            "DATA" => {
                say(&mut io, b"354 go on\r\n")?;
                while line != ".\r\n" {
                    line.clear();
                    io.read_line(&mut line)?;
                }
                messages.fetch_add(1, Ordering::Relaxed);
                say(&mut io, b"250 taken\r\n")?;
                if one_each {
                    return Ok(());
                }
            }
            "QUIT" => return say(&mut io, b"221 bye\r\n"),
            _ => say(&mut io, b"250 ok\r\n")?,
        }
    }
}
