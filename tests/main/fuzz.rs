//! Fuzzing of what reads bytes from outside: files of a package, zip, manifest, guardians, platform
//! export, configuration, JSON pages, values. Whatever the bytes are, a reader neither panics nor
//! hangs, and hands over no more than there is.
//!
//! Inputs are the files of tests/corpus, each as it is and changed at random. The seeds are the same
//! in every run. `docs/fuzzing.md` says how to fuzz for longer, also with AFL++; an input that once
//! broke something is kept in the corpus.

use std::fs;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use rostersync::config::{Config, Source};
use rostersync::contact::{self, Email, PersonName, PhoneReader};
use rostersync::findings::Findings;
use rostersync::platform::{Export, Seen};
use rostersync::source::guardians::{Reader, WithGuardians};
use rostersync::source::oneroster_csv::lone::FileOpening;
use rostersync::source::oneroster_csv::{OneRosterCsv, Options};
use rostersync::source::{KnownGuardians, RosterSource, Watch, clever, oneroster_api};
use rostersync::value;

use crate::http_server::{HttpServer, Reply};
use crate::support::{folder, long, rounds};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

type Target = (&'static str, fn(&[u8]));

/// What is fuzzed: a folder of the corpus, and the reader that is given a file's bytes.
const TARGETS: [Target; 11] = [
    ("users", |bytes| package(&[("users.csv", bytes), ("orgs.csv", ORGS)])),
    ("roles", |bytes| package(&[("users.csv", USERS_1_2), ("orgs.csv", ORGS), ("roles.csv", bytes)])),
    ("orgs", |bytes| package(&[("users.csv", USERS), ("orgs.csv", bytes)])),
    ("manifest", |bytes| package(&[("users.csv", USERS), ("manifest.csv", bytes)])),
    ("zip", zip),
    ("guardians", guardians),
    ("platform", platform),
    ("config", |bytes| {
        let _ = Config::parse(&String::from_utf8_lossy(bytes), Path::new("/nowhere/rostersync.toml"));
    }),
    ("users-json", |bytes| json("oneroster-api", bytes)),
    ("clever-json", |bytes| json("clever", bytes)),
    ("values", values),
];

const ORGS: &[u8] = b"sourcedId,name,type\nsch-1,One,school\nsch-2,Two,school\n";
const USERS: &[u8] = b"sourcedId,role,givenName,familyName,email,orgSourcedIds,agentSourcedIds\n\
                       stu-1,student,Rosa,Diaz,a@b.example,sch-1,gua-1\ngua-1,guardian,Li,Wang,,,stu-1\n";
const USERS_1_2: &[u8] = b"sourcedId,enabledUser,givenName,familyName,email\n\
                           stu-1,true,Rosa,Diaz,a@b.example\ngua-1,true,Li,Wang,\n";

/// Reads a source to its end.
fn read(source: &dyn RosterSource, bytes: usize) {
    let mut records = 0;
    let _ = source.read(&mut Findings::default(), &mut |_| {
        records += 1;
        ControlFlow::Continue(())
    });
    assert!(records <= bytes + 4, "{records} records of {bytes} bytes");
}

fn package(files: &[(&str, &[u8])]) {
    let folder = folder();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let bytes = files.iter().map(|(_, content)| content.len()).sum();
    if let Ok(source) = OneRosterCsv::open(folder.path(), Options::default()) {
        read(&source, bytes);
    }
}

fn zip(bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join("export.zip");
    fs::write(&path, bytes).unwrap();
    if let Ok(source) = OneRosterCsv::open(&path, Options::default()) {
        // Deflate makes a thousand of one.
        read(&source, bytes.len() * 1_100);
    }
}

fn guardians(bytes: &[u8]) {
    let folder = folder();
    fs::write(folder.path().join("users.csv"), USERS).unwrap();
    let path = folder.path().join("guardians.csv");
    fs::write(&path, bytes).unwrap();
    let inner = OneRosterCsv::open(folder.path(), Options::default()).unwrap();
    let reader = Reader { phones: phones(), is_ignored: Box::new(|_| false) };
    let opening = FileOpening::default();
    let (known, contacts) = (KnownGuardians::default(), Arc::default());
    if let Ok(source) = WithGuardians::open(Box::new(inner), &path, opening, None, known, reader, &contacts) {
        read(&source, USERS.len() + bytes.len());
    }
}

fn platform(bytes: &[u8]) {
    let folder = folder();
    fs::write(folder.path().join("platform.csv"), bytes).unwrap();
    let config = config(
        folder.path(),
        "[source]\ntype = \"oneroster-csv\"\npath = \"d\"\n[platform]\nusers = \"platform.csv\"\n",
    );
    let now = SystemTime::now();
    let mut findings = Findings::default();
    let see = |_, _| Seen::New;
    let read = Export::read(&config.platform.unwrap(), now, 1, see, |_| Ok(None), None, &mut findings);
    if let Ok(export) = read {
        let mut rows = 0;
        let _ = export.each_row(|_| {
            rows += 1;
            Ok(())
        });
        assert!(rows <= bytes.len());
    }
}

fn config(folder: &Path, more: &str) -> Config {
    let text = format!("[sync]\nstore = \"s.db\"\nreports = \"r\"\n{more}");
    Config::parse(&text, &folder.join("rostersync.toml")).unwrap()
}

fn phones() -> PhoneReader {
    PhoneReader::new("US".parse().unwrap())
}

/// A server that gives the bytes as every page; one at a time.
fn json(kind: &str, bytes: &[u8]) {
    static PAGE: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    static SERVER: OnceLock<HttpServer> = OnceLock::new();
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = SERVER.get_or_init(|| {
        HttpServer::start(|request| {
            let page = String::from_utf8_lossy(&PAGE.lock().unwrap()).into_owned();
            // The first page alone has something in it.
            let is_later = request.line.contains("offset=") && !request.line.contains("offset=0");
            let body = match (request.line.contains("/users"), is_later || request.line.contains("starting_after")) {
                (true, false) => page,
                (true, true) => "{\"users\":[],\"data\":[]}".to_owned(),
                (false, _) => {
                    "{\"orgs\":[{\"sourcedId\":\"sch-1\",\"name\":\"One\",\"type\":\"school\"}],\"data\":[{\"data\":{\"id\":\"s1\",\
                     \"name\":\"One\"}}]}"
                        .to_owned()
                }
            };
            Reply::Is(200, body)
        })
    });
    *PAGE.lock().unwrap() = bytes.to_vec();
    let folder = folder();
    let text = format!(
        "[source]\ntype = {kind:?}\nurl = {}\n[source.auth]\ntype = \"bearer\"\ntoken = \"x\"\n[source.http]\nretries = 0\n\
         timeout = \"5s\"\n",
        server.url("/v3.0")
    );
    let config = config(folder.path(), &text);
    let watch = Watch { now: chrono::Utc::now(), progress: &|_, _| (), stop: &|| None };
    let opened = match &config.source {
        Source::OneRosterApi(options) => oneroster_api::open(options, None, &watch),
        Source::Clever(options) => clever::open(options, None, &watch, &|| Ok(KnownGuardians::default())),
        Source::Csv { .. } | Source::Sftp(_) => return,
    };
    if let Ok(source) = opened {
        read(&*source, bytes.len());
    }
}

/// Each line is a value, and so is the whole.
fn values(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let phones = phones();
    for text in text.lines().chain([&*text]) {
        if let Some(email) = Email::parse(text) {
            // What was read once is read again as the same.
            assert!(Email::parse(email.as_str()).is_some());
            assert_eq!(contact::email_key(&contact::email_key(text)), contact::email_key(text));
        }
        if let Some(phone) = phones.parse(text) {
            let again = phones.parse(phone.e164()).map(|again| again.e164().to_owned());
            assert_eq!(again.as_deref(), Some(phone.e164()));
        }
        let _ = (phones.canonical(text), phones.as_people_write_it(text), contact::phone_key(text).len());
        let name = PersonName::new(text, text);
        assert!(name.same(&PersonName::from_parts(&name.in_parts())), "{name:?}");
        assert_eq!(name.key(), PersonName::new(&name.given, &name.family).key());
        let _ = (contact::decode_html(text), contact::visible(text), contact::visible_name(text));
        let _ = (contact::is_damaged(text), value::id(text), value::null_word(text), value::boolean(text));
    }
}

/// Texts that mean something to one of the readers.
const WORDS: [&[u8]; 30] = [
    b"\"",
    b"\"\"",
    b",",
    b";",
    b"\t",
    b"|",
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b"\x1a",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"=\"",
    b"'",
    b"[",
    b"]",
    b"{",
    b"}",
    b"NULL",
    b"\xef\xbf\xbd",
    b"\xc3\x83\xc2\xa9",
    b"e\xcc\x81",
    b"\xe2\x80\x8b",
    b"&#39;",
    b"%2C",
    b"1e999",
    b"\\u0000",
    b"\\ud800",
    b"tobedeleted",
];

/// Changes an input at random: a few times, at a few places.
fn change(random: &mut fastrand::Rng, input: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..random.usize(1..8) {
        let at = random.usize(0..=input.len());
        let end = (at + random.usize(0..40)).min(input.len());
        match random.u8(0..9) {
            0 => drop(input.drain(at..end)),
            1 => drop(input.splice(at..at, random.choice(WORDS).unwrap_or_default().iter().copied())),
            2 => drop(input.splice(at..end, random.choice(WORDS).unwrap_or_default().iter().copied())),
            3 => input.truncate(at),
            4 => {
                let piece = input[at..end].to_vec();
                drop(input.splice(at..at, piece.repeat(random.usize(1..9))));
            }
            5 if at < input.len() => input[at] ^= 1 << random.u8(0..8),
            6 if at < input.len() => input[at] = random.u8(..),
            7 if !other.is_empty() => {
                let from = random.usize(0..other.len());
                let piece = other[from..(from + random.usize(1..200)).min(other.len())].to_vec();
                drop(input.splice(at..at, piece));
            }
            // Very much of one thing.
            8 if random.u8(0..12) == 0 => {
                let word = random.choice(WORDS).unwrap_or_default();
                drop(input.splice(at..at, word.repeat(random.usize(1..5_000))));
            }
            _ => {}
        }
    }
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(Path::new(CORPUS).join(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// So long one input may take on a busy machine, in a build that is not optimised.
const PATIENCE: Duration = Duration::from_secs(20);

fn fuzz(target: &str, run: fn(&[u8]), seed: u64, inputs: u64, time: Duration) {
    let corpus = corpus(target);
    let mut random = fastrand::Rng::with_seed(seed);
    let begun = Instant::now();
    let changed = (0..inputs).map(|_| {
        let mut input = corpus[random.usize(0..corpus.len())].1.clone();
        let other = random.usize(0..corpus.len());
        change(&mut random, &mut input, &corpus[other].1);
        (PathBuf::from("changed"), input)
    });
    let as_they_are = corpus.iter().cloned();
    for (path, input) in as_they_are.chain(changed) {
        if begun.elapsed() > time {
            return;
        }
        let since = Instant::now();
        let done = catch_unwind(AssertUnwindSafe(|| run(&input)));
        if done.is_err() || since.elapsed() > PATIENCE {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{target}-{seed}"));
            fs::write(&kept, &input).unwrap();
            panic!("{target}, {}: see {} ({:?})", path.display(), kept.display(), since.elapsed());
        }
    }
}

#[test]
fn no_reader_panics_or_hangs_whatever_it_is_given() {
    let time = Duration::from_millis(if long() { 3_000 } else { 300 });
    for (target, run) in TARGETS {
        fuzz(target, run, 1, rounds(60, 100_000), time);
    }
}

/// For a search without an end: `ROSTERSYNC_FUZZ=TARGET:SEED:SECONDS`.
#[test]
#[ignore = "docs/fuzzing.md says how to run it"]
fn for_as_long_as_asked() {
    let asked = std::env::var("ROSTERSYNC_FUZZ").unwrap();
    let mut parts = asked.split(':');
    let target = parts.next().unwrap();
    let seed = parts.next().map_or(1, |seed| seed.parse().unwrap());
    let seconds = parts.next().map_or(60, |seconds| seconds.parse().unwrap());
    let (target, run) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    fuzz(target, run, seed, u64::MAX, Duration::from_secs(seconds));
}

/// For AFL++: one file, by its path in the last argument; `ROSTERSYNC_FUZZ=TARGET`.
#[test]
#[ignore = "docs/fuzzing.md says how to run it"]
fn one_file() {
    let asked = std::env::var("ROSTERSYNC_FUZZ").unwrap();
    let (_, run) = TARGETS.into_iter().find(|(name, _)| *name == asked).unwrap();
    let input = fs::read(std::env::args().next_back().unwrap()).unwrap();
    if catch_unwind(AssertUnwindSafe(|| run(&input))).is_err() {
        // A test that fails ends its process with 101; AFL++ looks for a signal.
        std::process::abort();
    }
}
