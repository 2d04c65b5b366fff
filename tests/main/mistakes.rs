//! Typical mistakes, each made once: the exact message, the exit status, and that it names a place
//! that means the same wherever the program was started, as cron starts it elsewhere.

use std::any::Any;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::api_access::{oauth1, oauth2};
use crate::fake::{Certified, Fake, Reply};
use crate::sis::{Sis, at_address, people};
use crate::support::{District, person};

/// What has to stay alive while the program runs.
type Keep = Option<Box<dyn Any>>;

struct Mistake {
    name: &'static str,
    arguments: &'static [&'static str],
    exit: i32,
    make: fn(&mut District) -> Keep,
}

const RUN: &[&str] = &["run"];

/// A change of the configuration that needs nothing else.
macro_rules! set {
    ($key:literal, $value:literal) => {
        |district: &mut District| {
            district.set($key, $value);
            None
        }
    };
}

fn api(district: &mut District, fake: Fake) -> Keep {
    let placed = at_address(std::mem::replace(district, District::new()), &fake.url("/ims/oneroster/v1p1"));
    *district = placed;
    Some(Box::new(fake))
}

/// An API with OAuth 2 and a token endpoint that answers this.
fn token(district: &mut District, answer: fn() -> Reply) -> Keep {
    let fake = Fake::start(move |_| answer());
    let placed = std::mem::replace(district, District::new());
    *district = oauth2(&fake, at_address(placed, &fake.url("/ims/oneroster/v1p1")));
    Some(Box::new(fake))
}

/// An API behind TLS under the name `localhost`.
fn encrypted(district: &mut District, certified: &Certified) -> Keep {
    let sis = Sis::new(&people(3));
    let fake = Fake::start_with(Some(certified), move |request| sis.page(request));
    let url = fake.url("/ims/oneroster/v1p1").replace("http://127.0.0.1", "https://localhost");
    *district = at_address(std::mem::replace(district, District::new()), &url);
    Some(Box::new(fake))
}

/// A zip with one file, not compressed.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        ::zip::write::SimpleFileOptions::default().compression_method(::zip::CompressionMethod::Stored);
    writer.start_file(name, stored).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner()
}

const MISTAKES: &[Mistake] = &[
    // The configuration.
    Mistake {
        name: "-c names no file",
        arguments: &["-c", "nowhere/rostersync.toml", "run"],
        exit: 2,
        make: |_| None,
    },
    Mistake { name: "-c names a folder", arguments: &["-c", ".", "run"], exit: 2, make: |_| None },
    Mistake { name: "-c names a device", arguments: &["-c", "/dev/zero", "run"], exit: 2, make: |_| None },
    Mistake {
        name: "-c names the roster",
        arguments: &["-c", "sis/users.csv", "run"],
        exit: 2,
        make: |_| None,
    },
    Mistake {
        name: "the configuration is in UTF-16",
        arguments: &["-c", "wide.toml", "run"],
        exit: 2,
        make: |district| {
            let wide: Vec<u8> = "\u{FEFF}[sync]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
            district.file("wide.toml", wide);
            None
        },
    },
    Mistake {
        name: "the configuration is in Latin-1",
        arguments: &["-c", "latin.toml", "run"],
        exit: 2,
        make: |district| {
            district.file("latin.toml", b"[sync]\n# die Schule M\xFCller\n");
            None
        },
    },
    Mistake {
        name: "true in quotes",
        arguments: RUN,
        exit: 2,
        make: set!("sync.update_contacts", "\"yes\""),
    },
    Mistake {
        name: "a number in quotes",
        arguments: RUN,
        exit: 2,
        make: set!("sync.keep_reports", "\"ninety\""),
    },
    Mistake { name: "text without quotes", arguments: RUN, exit: 2, make: set!("sync.store", "store.db") },
    Mistake { name: "curly quotes", arguments: RUN, exit: 2, make: set!("sync.store", "“store.db”") },
    Mistake {
        name: "backslashes",
        arguments: RUN,
        exit: 2,
        make: set!("sync.store", "\"C:\\data\\store.db\""),
    },
    Mistake { name: "a misspelt key", arguments: RUN, exit: 2, make: set!("sync.keep_report", "9") },
    Mistake {
        name: "a key in the wrong section",
        arguments: RUN,
        exit: 2,
        make: set!("sync.path", "\"sis\""),
    },
    Mistake {
        name: "a key twice",
        arguments: &["-c", "twice.toml", "run"],
        exit: 2,
        make: |district| {
            district.file("twice.toml", "[sync]\nstore = \"a\"\nreports = \"r\"\nstore = \"b\"\n");
            None
        },
    },
    Mistake {
        name: "a share with an exponent",
        arguments: RUN,
        exit: 2,
        make: set!("limits.archive", "\"1e2%\""),
    },
    Mistake {
        name: "a mail server without a port",
        arguments: RUN,
        exit: 2,
        make: set!("notify.email.server", "\"smtp://relay:0\""),
    },
    Mistake {
        name: "an address of texts without https",
        arguments: RUN,
        exit: 2,
        make: |district| {
            district.set("notify.sms.provider", "\"http\"");
            district.set("notify.sms.url", "\"http://gateway.example/send\"");
            district.set("notify.sms.fields.to", "\"{to}\"");
            district.set("notify.sms.fields.text", "\"{body}\"");
            let _ = api(district, Fake::start(|_| Reply::Drop));
            district.set("source.url", "\"https://sis.example/ims/oneroster/v1p1\"");
            None
        },
    },
    // The command line.
    Mistake { name: "a misspelt command", arguments: &["rnu"], exit: 2, make: |_| None },
    Mistake { name: "a misspelt option", arguments: &["run", "--dryrun"], exit: 2, make: |_| None },
    Mistake {
        name: "a limit that is no number",
        arguments: &["run", "--limit", "x"],
        exit: 2,
        make: |_| None,
    },
    Mistake { name: "a run that is no number", arguments: &["undo", "x"], exit: 2, make: |_| None },
    Mistake { name: "an option without its value", arguments: &["run", "--source"], exit: 2, make: |_| None },
    // Files.
    Mistake { name: "no roster", arguments: RUN, exit: 7, make: set!("source.path", "\"elsewhere\"") },
    Mistake {
        name: "a folder without users.csv",
        arguments: RUN,
        exit: 7,
        make: |district| {
            district.file("other/orgs.csv", "sourcedId\n");
            district.file("other/Users (1).csv", "sourcedId\n");
            district.set("source.path", "\"other\"");
            None
        },
    },
    Mistake {
        name: "an empty folder",
        arguments: RUN,
        exit: 7,
        make: |district| {
            std::fs::create_dir(district.path("empty")).unwrap();
            district.set("source.path", "\"empty\"");
            None
        },
    },
    Mistake {
        name: "the folder above",
        arguments: RUN,
        exit: 7,
        make: |district| {
            district.file("up/exports/2026-11/users.csv", "sourcedId\n");
            district.set("source.path", "\"up\"");
            None
        },
    },
    Mistake {
        name: "--source is nowhere",
        arguments: &["run", "--source", "nowhere.zip"],
        exit: 7,
        make: |_| None,
    },
    Mistake {
        name: "a zip with a folder in a folder",
        arguments: &["run", "--source", "deep.zip"],
        exit: 7,
        make: |district| {
            district.file("deep.zip", zip("export/2026/users.csv", b"sourcedId\n"));
            None
        },
    },
    Mistake {
        name: "a zip without users.csv",
        arguments: &["run", "--source", "other.zip"],
        exit: 7,
        make: |district| {
            district.file("other.zip", zip("students.csv", b"sourcedId\n"));
            None
        },
    },
    Mistake {
        name: "no guardians file",
        arguments: RUN,
        exit: 7,
        make: set!("guardians.file", "\"guardians.csv\""),
    },
    Mistake {
        name: "the guardians file is a folder",
        arguments: RUN,
        exit: 7,
        make: |district| {
            std::fs::create_dir(district.path("guardians")).unwrap();
            district.set("guardians.file", "\"guardians\"");
            None
        },
    },
    Mistake {
        name: "the guardians file has no header",
        arguments: RUN,
        exit: 7,
        make: |district| {
            district.file("guardians.csv", "1001,Rosa,Diaz,rosa@mail.example\n");
            district.set("guardians.file", "\"guardians.csv\"");
            None
        },
    },
    Mistake {
        name: "no platform export",
        arguments: RUN,
        exit: 7,
        make: set!("platform.users", "\"export.csv\""),
    },
    Mistake {
        name: "no file of renames",
        arguments: &["run", "--rekey", "renames.csv"],
        exit: 7,
        make: |_| None,
    },
    Mistake {
        name: "a file of renames without its header",
        arguments: &["run", "--rekey", "renames.csv"],
        exit: 7,
        make: |district| {
            district.file("renames.csv", "1001,2001\n");
            None
        },
    },
    Mistake {
        name: "the folder of reports is a file",
        arguments: RUN,
        exit: 1,
        make: |district| {
            district.file("reports", "");
            None
        },
    },
    Mistake {
        name: "no folder of templates",
        arguments: RUN,
        exit: 2,
        make: |district| {
            district.set("notify.templates", "\"templates\"");
            district.set("sync.update_contacts", "true");
            None
        },
    },
    // Secrets and certificates.
    Mistake {
        name: "no file with the token",
        arguments: RUN,
        exit: 2,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::Drop));
            district.set("source.auth.token_file", "\"nowhere\"");
            keep
        },
    },
    Mistake {
        name: "an empty file with the token",
        arguments: RUN,
        exit: 2,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::Drop));
            district.file("token", "\n");
            keep
        },
    },
    Mistake {
        name: "the file with the token is a folder",
        arguments: RUN,
        exit: 2,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::Drop));
            std::fs::create_dir(district.path("secret")).unwrap();
            std::fs::set_permissions(district.path("secret"), PermissionsExt::from_mode(0o700)).unwrap();
            district.set("source.auth.token_file", "\"secret\"");
            keep
        },
    },
    Mistake {
        name: "the file with the token is open to all",
        arguments: RUN,
        exit: 2,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::Drop));
            std::fs::set_permissions(district.path("token"), PermissionsExt::from_mode(0o644)).unwrap();
            keep
        },
    },
    Mistake {
        name: "Bearer in the file with the token",
        arguments: RUN,
        exit: 2,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::Drop));
            district.file("token", "Bearer let-me-in\n");
            keep
        },
    },
    Mistake {
        name: "no file of certificates",
        arguments: RUN,
        exit: 2,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::Drop));
            district.set("source.http.ca_file", "\"ca.pem\"");
            keep
        },
    },
    Mistake {
        name: "a file of certificates without one",
        arguments: RUN,
        exit: 2,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::Drop));
            district.file("ca.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
            district.set("source.http.ca_file", "\"ca.pem\"");
            keep
        },
    },
    // The network.
    Mistake {
        name: "a token that is not accepted",
        arguments: RUN,
        exit: 6,
        make: |district| api(district, Fake::start(|_| Reply::status(401))),
    },
    Mistake {
        name: "an OAuth 1.0a secret that is wrong, with HMAC-SHA1",
        arguments: RUN,
        exit: 6,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::status(401)));
            *district = oauth1(std::mem::replace(district, District::new()));
            district.set("source.auth.signature", "\"HMAC-SHA1\"");
            keep
        },
    },
    Mistake {
        name: "a token endpoint that answers 422",
        arguments: RUN,
        exit: 6,
        make: |district| {
            token(district, || {
                Reply::json(json!({ "error_description": "The client_secret s3cr3t/+& for it@lincoln.example is unknown" })).with_status(422)
            })
        },
    },
    Mistake {
        name: "a token endpoint that redirects",
        arguments: RUN,
        exit: 6,
        make: |district| {
            token(district, || {
                Reply::status(302).with("Location", "https://login.example/oauth/token?key=hunter2")
            })
        },
    },
    Mistake {
        name: "a token endpoint that is not there",
        arguments: RUN,
        exit: 6,
        make: |district| token(district, || Reply::html(404)),
    },
    Mistake {
        name: "a wrong path",
        arguments: RUN,
        exit: 6,
        make: |district| api(district, Fake::start(|_| Reply::status(404))),
    },
    Mistake {
        name: "a list that ends with 404",
        arguments: RUN,
        exit: 6,
        make: |district| {
            let sis = Sis { totals: false, ..Sis::new(&people(25)) };
            api(
                district,
                Fake::start(move |request| match request.number("offset") {
                    Some(0) | None => sis.page(request),
                    Some(_) => Reply::status(404),
                }),
            )
        },
    },
    Mistake {
        name: "a login page",
        arguments: RUN,
        exit: 6,
        make: |district| api(district, Fake::start(|_| Reply::html(200))),
    },
    Mistake {
        name: "an error with status 200",
        arguments: RUN,
        exit: 6,
        make: |district| {
            api(district, Fake::start(|_| Reply::json(json!({ "error": { "code": 5 }, "users": null }))))
        },
    },
    Mistake {
        name: "https to a server without encryption",
        arguments: RUN,
        exit: 6,
        make: |district| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("https://{}/ims/oneroster/v1p1", listener.local_addr().unwrap());
            *district = at_address(std::mem::replace(district, District::new()), &url);
            std::thread::spawn(move || {
                // It ends with the test.
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let _ = stream.read(&mut [0; 1024]);
                    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
                }
            });
            None
        },
    },
    Mistake {
        name: "http to a server with encryption",
        arguments: RUN,
        exit: 6,
        make: |district| {
            let keep = encrypted(district, &Certified::new("localhost"));
            let url = district.config();
            let url = url
                .lines()
                .find_map(|line| line.strip_prefix("url = "))
                .unwrap()
                .replace("https://", "http://");
            district.set("source.url", &url);
            keep
        },
    },
    Mistake {
        name: "an authority that is not known",
        arguments: RUN,
        exit: 6,
        make: |district| encrypted(district, &Certified::new("localhost")),
    },
    Mistake {
        name: "a certificate that is its own authority",
        arguments: RUN,
        exit: 6,
        make: |district| encrypted(district, &Certified::by_itself("localhost")),
    },
    Mistake {
        name: "a certificate for another name",
        arguments: RUN,
        exit: 6,
        make: |district| {
            let certified = Certified::new("sis.example");
            let keep = encrypted(district, &certified);
            district.file("ca.pem", &certified.authority);
            district.set("source.http.ca_file", "\"ca.pem\"");
            keep
        },
    },
    Mistake {
        name: "a certificate that has expired",
        arguments: RUN,
        exit: 6,
        make: |district| {
            let certified = Certified::until("localhost", 2020);
            let keep = encrypted(district, &certified);
            district.file("ca.pem", &certified.authority);
            district.set("source.http.ca_file", "\"ca.pem\"");
            keep
        },
    },
    Mistake {
        name: "a proxy that wants a password",
        arguments: RUN,
        exit: 6,
        make: |district| {
            let keep = api(district, Fake::start(|_| Reply::html(407)));
            let config = district.config();
            let url = config.lines().find_map(|line| line.strip_prefix("url = ")).unwrap().to_owned();
            district.set("source.http.proxy", &url.replace("/ims/oneroster/v1p1", ""));
            district.set("source.url", "\"https://sis.lincoln.example/ims/oneroster/v1p1\"");
            keep
        },
    },
];

/// The message without what differs from one run of the test to the next.
fn steady(text: &str, district: &District) -> String {
    let text = text.replace(&*district.path("").display().to_string(), "/district/");
    let text = text.replace(district.path("").display().to_string().trim_end_matches('/'), "/district");
    let mut steady = String::new();
    let mut rest = text.as_str();
    for host in ["127.0.0.1:", "localhost:"] {
        let mut out = String::new();
        while let Some(at) = rest.find(host) {
            let end = at + host.len();
            out.push_str(&rest[..end]);
            let digits = rest[end..].bytes().take_while(u8::is_ascii_digit).count();
            out.push_str(if digits > 2 { "PORT" } else { &rest[end..end + digits] });
            rest = &rest[end + digits..];
        }
        out.push_str(rest);
        steady = out;
        rest = Box::leak(steady.clone().into_boxed_str());
    }
    // The moment of a check of a certificate.
    let kept = steady.lines().map(|line| match line.split_once("verification time") {
        Some((before, _)) => format!("{before}verification time …"),
        None => line.to_owned(),
    });
    kept.filter(|line| !line.contains("ERROR") && !line.contains(" WARN ") && !line.contains(" INFO "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_mistake_says_what_where_and_what_to_do() {
    let (mut all, mut wrong) = (String::new(), String::new());
    for mistake in MISTAKES {
        let mut district = District::new().without_limits();
        district.sis(&[person("tea-1"), person("stu-1")]);
        let keep = (mistake.make)(&mut district);
        let done = district.cli(mistake.arguments);
        let said = steady(&done.stderr, &district);
        writeln!(
            all,
            "# {} → exit {}\n$ rostersync {}\n{said}\n",
            mistake.name,
            done.code,
            mistake.arguments.join(" ")
        )
        .unwrap();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                writeln!(wrong, "{}: {what}:\n{}", mistake.name, done.stderr).unwrap();
            }
        };
        must(done.code == mistake.exit, &format!("exit {} and not {}", done.code, mistake.exit));
        must(done.stdout.is_empty(), "something is on standard output");
        must(!done.stderr.contains("s3cr3t") && !done.stderr.contains("hunter2"), "a secret is shown");
        must(
            done.stderr.lines().filter(|line| line.starts_with("error: ")).count() == 1,
            "it is not said once",
        );
        // clap's own messages are about the command line alone, which is in no place.
        if !said.contains("For more information") {
            let place = said.lines().find_map(|line| line.strip_prefix("  at: ")).unwrap_or_default();
            let is_whole =
                ["/", "http://", "https://", "sftp://"].iter().any(|start| place.starts_with(start));
            must(is_whole, "its place does not mean the same everywhere");
            must(said.contains("\n  help: "), "nothing says what to do");
        }
        drop(keep);
    }
    assert!(MISTAKES.len() >= 28);
    insta::assert_snapshot!("mistakes", all);
    assert!(wrong.is_empty(), "{wrong}");
}
