//! The way from the binary to a scheduled sync: `init`, `config show|example|schema`, and variables
//! of the environment.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::machine;
use crate::support::{District, Done, copy, folder, person};

/// A folder with an export of the SIS and one of the platform, and nothing else.
struct Fresh {
    folder: TempDir,
    said: District,
}

const FROM: &str = "Lincoln District <no-reply@lincoln.example>";

impl Fresh {
    fn new() -> Self {
        let folder = folder();
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        copy(&fixtures.join("day1"), &folder.path().join("roster"));
        fs::copy(fixtures.join("platform-users.csv"), folder.path().join("users.csv")).unwrap();
        // A copy has the time of the checkout.
        File::options()
            .append(true)
            .open(folder.path().join("users.csv"))
            .unwrap()
            .set_modified(std::time::SystemTime::now())
            .unwrap();
        Self { folder, said: District::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rostersync"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("ROSTERSYNC_ALLOW_ROOT", "true")
            .stdin(Stdio::null());
        command
    }

    #[must_use = "assert the exit status: `.ok()` or `.exits(code)`"]
    fn cli(&self, arguments: &[&str]) -> Done {
        self.said.said(self.command(arguments).output().unwrap())
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o7777
    }
}

/// The path of docs/quick-start.md: no command of it fails.
#[test]
fn from_the_binary_to_a_previewed_and_scheduled_sync_no_command_fails() {
    let fresh = Fresh::new();
    let init = fresh
        .cli(&[
            "init",
            "--source",
            "roster/",
            "--platform",
            "users.csv",
            "--mail",
            "file:mail/",
            "--from",
            FROM,
            "--admin",
            "it@lincoln.example",
            "--timezone",
            "America/Chicago",
            "--systemd",
            "--at",
            "3:05",
        ])
        .ok();
    for part in [
        "Wrote ",
        "Checked: 73 records, of which 0 would be rejected; ",
        "  rostersync run --dry-run ",
        "MAILTO=it@lincoln.example\n5 3 * * *  ",
        " -q run\n",
        "systemctl enable --now rostersync.timer",
    ] {
        assert!(init.stdout.contains(part), "{part}\n{}", init.stdout);
    }
    assert!(!fresh.path("rostersync.db").exists(), "the first run makes the store");
    for (name, mode) in [
        ("rostersync.toml", 0o600),
        ("reports", 0o700),
        ("mail", 0o700),
        ("systemd", 0o700),
        ("systemd/rostersync.service", 0o600),
    ] {
        assert_eq!(fresh.mode(name), mode, "{name}");
    }
    let config = fresh.text("rostersync.toml");
    for line in
        ["update_contacts = false", "backups = 7", "timezone = \"America/Chicago\"", "server = \"file:mail\""]
    {
        assert!(config.contains(&format!("\n{line}\n")), "{line}\n{config}");
    }
    fresh.cli(&["check"]).ok();
    let preview = fresh.cli(&["run", "--dry-run"]).ok();
    assert!(preview.plan().starts_with("71 to create"), "{}", preview.plan());
    let run = fresh.cli(&["run"]).ok();
    assert_eq!(run.plan(), preview.plan());
    fresh.cli(&["report", "--notes"]).ok();
    fresh.cli(&["status"]).ok();
    fresh.cli(&["notify", "test", "--to", "it@lincoln.example"]).ok();
    assert_eq!(fs::read_dir(fresh.path("mail")).unwrap().count(), 1, "mail in a folder");
    // The line for cron, as cron starts it: elsewhere, by a shell.
    let line = init.stdout.lines().find(|line| line.ends_with("-q run")).unwrap();
    let (_, command) = line.split_once('/').unwrap();
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("/{command}")])
        .current_dir("/")
        .env_clear()
        .env("ROSTERSYNC_ALLOW_ROOT", "true");
    let night = fresh.said.said(shell.output().unwrap()).ok();
    assert_eq!((night.stdout.as_str(), fresh.path("reports/users-000002.csv").exists()), ("", true));
}

#[test]
fn the_units_are_valid_and_name_this_machine() {
    let fresh = Fresh::new();
    let data = fresh.path("the data 100%");
    let data = data.to_str().unwrap();
    fresh.cli(&["init", "--source", "roster", "--data", data, "--systemd", "--at", "23:30"]).ok();
    let service = fresh.text("systemd/rostersync.service");
    let folder = fresh.folder.path().display().to_string();
    for line in [
        format!("Environment=\"ROSTERSYNC_CONFIG={folder}/rostersync.toml\""),
        format!("ReadWritePaths=\"{folder}/the data 100%%\""),
        "Type=oneshot".to_owned(),
        "OnFailure=rostersync-failed.service".to_owned(),
        "ProtectSystem=strict".to_owned(),
        "NoNewPrivileges=yes".to_owned(),
    ] {
        assert!(service.lines().any(|one| one == line), "{line}\n{service}");
    }
    let timer = fresh.text("systemd/rostersync.timer");
    assert!(timer.contains("\nOnCalendar=*-*-* 23:30\n") && timer.contains("\nPersistent=yes\n"), "{timer}");
    let Some(analyze) = machine::program("ROSTERSYNC_SYSTEMD_ANALYZE", "systemd-analyze") else {
        return machine::left_out("systemd-analyze", "there is no systemd here").unwrap_or_default();
    };
    let units = ["rostersync.service", "rostersync.timer", "rostersync-failed.service"];
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/systemd");
    let verify = |folder: &Path| {
        let output =
            Command::new(&analyze).arg("verify").args(units.map(|unit| folder.join(unit))).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(verify(&fresh.path("systemd")), (true, String::new()));
    // Those of the package name a program that is not installed here, and nothing else is said.
    let (_, said) = verify(&shipped);
    let other = said.lines().find(|line| !line.contains("/usr/local/bin/rostersync is not executable"));
    assert_eq!(other, None, "{said}");
}

/// As root, what is written belongs to the user that will run it.
#[test]
fn root_writes_for_the_user_that_will_run_rostersync() {
    use std::os::unix::fs::MetadataExt;
    let fresh = Fresh::new();
    if !machine::is_root() {
        fresh
            .cli(&["init", "--source", "roster", "--user", "root"])
            .exits(2)
            .complains(&["only root can write"]);
        return;
    }
    // The folder is root's, so nobody could make a store there.
    let refused = fresh.cli(&["-c", "other.toml", "init", "--source", "roster", "--user", "nobody"]).exits(1);
    assert!(
        refused.stderr.contains("rostersync will run as the user `nobody`, which has no access"),
        "{}",
        refused.stderr
    );
    // A secret of root is no secret for the user that will need it.
    fs::write(fresh.path("token"), "5up3r-secret").unwrap();
    fs::set_permissions(fresh.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
    let api = ["init", "--profile", "clever", "--secret-file", "token", "--user", "nobody", "--data", "api"];
    let refused = fresh.cli(&[&["-c", "clever.toml"], &api[..]].concat()).exits(1);
    for said in [
        "rostersync will run as the user `nobody`, which has no access",
        "`chown nobody` this file: a secret is read by its owner alone",
    ] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    fs::set_permissions(fresh.path("roster"), fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["init", "--source", "roster", "--user", "nobody", "--data", "data", "--systemd"];
    let done = fresh.cli(&arguments).ok();
    let owner = |name: &str| fs::metadata(fresh.path(name)).unwrap().uid();
    let nobody = owner("rostersync.toml");
    assert_ne!(nobody, 0);
    for name in ["data", "data/reports", "systemd", "systemd/rostersync.timer"] {
        assert_eq!(owner(name), nobody, "{name}");
    }
    assert!(done.stdout.contains("(only nobody may read it)"), "{}", done.stdout);
    assert!(done.stdout.contains("\n15 2 * * *  nobody  /"), "{}", done.stdout);
    assert!(fresh.text("systemd/rostersync.service").contains("\nUser=nobody\n"));
}

#[test]
fn init_overwrites_nothing_and_says_all_that_is_missing() {
    let fresh = Fresh::new();
    fs::write(fresh.path("rostersync.toml"), "mine").unwrap();
    fresh.cli(&["init", "--source", "roster"]).exits(2).complains(&[
        "`init` overwrites no file",
        &fresh.path("rostersync.toml").display().to_string(),
        "name another file with `-c FILE`",
    ]);
    assert_eq!(fresh.text("rostersync.toml"), "mine");
    fs::create_dir(fresh.path("systemd")).unwrap();
    fs::write(fresh.path("systemd/rostersync.timer"), "mine").unwrap();
    fresh
        .cli(&["-c", "new.toml", "init", "--source", "roster", "--systemd"])
        .exits(2)
        .complains(&["rostersync.timer"]);
    for (arguments, said) in [
        (vec![], "`init` needs --source; without a terminal it cannot ask"),
        (vec!["--profile", "clever"], "`init` needs --secret-file;"),
        (
            vec!["--source", "https://sis.example/v1p1"],
            "`init` needs --secret-file, --client-id and --token-url;",
        ),
        (vec!["--source", "roster", "--mail", "file:mail"], "--from <ADDRESS>"),
        (
            vec!["--source", "roster", "--mail", "file:mail", "--from", "nobody"],
            "`nobody` is not a mail address",
        ),
        (vec!["--source", "roster", "--timezone", "Chicago"], "`Chicago` is not a time zone"),
        (vec!["--source", "roster", "--at", "24:00"], "write hour and minute"),
        (vec!["--source", "roster", "--user", "no-such-user"], "this machine has no user `no-such-user`"),
        (vec!["--source", "https://sis.example", "--type", "oneroster-csv"], "--source is an address"),
    ] {
        let all = [&["-c", "new.toml", "init"], arguments.as_slice()].concat();
        fresh.cli(&all).exits(2).complains(&[said]);
    }
    assert!(!fresh.path("new.toml").exists() && !fresh.path("reports").exists());
}

/// A roster that is not there yet: the configuration is there, and the exit status says that a run
/// could not be done.
#[test]
fn init_says_what_would_stop_a_run() {
    let fresh = Fresh::new();
    let done = fresh.cli(&["init", "--source", "later.zip"]).exits(7);
    assert!(done.stderr.contains("the OneRoster export cannot be opened"), "{}", done.stderr);
    assert!(done.stdout.contains("The configuration is written, but"), "{}", done.stdout);
    assert!(fresh.text("rostersync.toml").contains("path = \"later.zip\""));
}

#[test]
fn a_profile_brings_its_type_and_its_traps() {
    let fresh = Fresh::new();
    fs::write(fresh.path("secret"), "5up3r-secret").unwrap();
    fs::set_permissions(fresh.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    let api = ["--client-id", "id", "--secret-file", "secret"];
    for (name, arguments, lines) in [
        (
            "clever",
            &["--secret-file", "secret"][..],
            &["type = \"clever\"", "type = \"bearer\"", "token_file = \"secret\""][..],
        ),
        (
            "classlink",
            &["--source", "https://lincoln.example"],
            &["type = \"classlink\"", "type = \"oauth1\""],
        ),
        (
            "ed-fi",
            &["--source", "https://edfi.example/v1p2", "--token-url", "https://edfi.example/token"],
            &[
                "type = \"oneroster-api\"",
                "type = \"oauth2\"",
                "scope = \"https://purl.imsglobal.org/spec/or/v1p2/scope/roster-core.readonly\"",
            ],
        ),
        (
            "infinite-campus",
            &["--source", "roster"],
            &["type = \"oneroster-csv\"", "# earlier_id = \"metadata.ic.legacysourceId\""],
        ),
        ("powerschool", &["--source", "roster"], &["# [guardians]"]),
        (
            "aeries",
            &["--source", "https://aeries.example/v1p1", "--token-url", "https://aeries.example/token"],
            &["type = \"oneroster-api\""],
        ),
        ("skyward", &["--source", "roster"], &["type = \"oneroster-csv\""]),
    ] {
        let file = format!("{name}.toml");
        let mut all = vec!["-c", &file, "init", "--profile", name];
        all.extend(arguments);
        let is_api = lines.iter().any(|line| line.contains("oneroster-api") || line.contains("classlink"));
        all.extend(if is_api { &api[..] } else { &[] });
        let done = fresh.cli(&all).ok();
        let text = fresh.text(&file);
        for line in lines {
            assert!(text.contains(&format!("\n{line}\n")), "{name}: {line}\n{text}");
        }
        assert!(text.contains(&format!("docs/sources/{name}.md")), "{text}");
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/sources/{name}.md"));
        assert!(page.exists(), "{}", page.display());
        if is_api {
            assert!(done.stdout.contains("check --source"), "{}", done.stdout);
        }
    }
}

/// On a terminal it asks, and refuses an answer that cannot be right.
#[test]
fn on_a_terminal_init_asks() {
    let fresh = Fresh::new();
    let pty = nix::pty::openpty(None, None).unwrap();
    let end = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut command = fresh.command(&["--color", "never", "init", "--timezone", "America/Chicago"]);
    let mut child = command.env("TERM", "dumb").stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
    let mut terminal = File::from(pty.master);
    let mut reader = terminal.try_clone().unwrap();
    drop(pty.slave);
    drop(command);
    let (sender, screen) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = reader.read(&mut bytes) {
            if count == 0 || sender.send(bytes[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut seen = String::new();
    let mut wait_for = |words: &str| {
        let start = Instant::now();
        while !seen.contains(words) {
            assert!(start.elapsed() < Duration::from_secs(20), "{words} is not asked:\n{seen}");
            if let Ok(bytes) = screen.recv_timeout(Duration::from_millis(200)) {
                seen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        seen = seen.split_once(words).unwrap().1.to_owned();
    };
    for (question, answer) in [
        ("Where does the roster come from?", "\r"),
        ("Folder or .zip of the export", "nowhere\r"),
        ("there is no ", "\u{15}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}roster\r"),
        ("Platform's export", "users.csv\r"),
        ("Mail server", "file:mail\r"),
        ("Sender of the mail", "Lincoln <office@lincoln.example>\r"),
        ("Administrator", "\r"),
        ("Contact for families", "the office, (217) 555-0100\r"),
    ] {
        wait_for(question);
        terminal.write_all(answer.as_bytes()).unwrap();
    }
    wait_for("Checked: 73 records");
    wait_for(" -q run");
    assert!(child.wait().unwrap().success());
    let text = fresh.text("rostersync.toml");
    for line in [
        "path = \"roster\"",
        "users = \"users.csv\"",
        "from = \"Lincoln <office@lincoln.example>\"",
        "contact = \"the office, (217) 555-0100\"",
        "# [notify.admins]",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}\n{text}");
    }
}

#[test]
fn config_show_says_where_each_value_comes_from_and_no_secret() {
    let district = District::new()
        .with("notify.email.user", "\"u\"")
        .with("notify.email.server", "\"smtp://relay.lincoln.example:587\"")
        .with("notify.email.password", "\"hunter2-hunter2\"")
        .with("monitor.ping_url", "\"https://hc-ping.com/5d3c-secret\"")
        .with("notify.sms.provider", "\"http\"")
        .with("notify.sms.url", "\"https://sms.example/send?from=lincoln&ApiKey=9f3a-secret\"")
        .with("notify.sms.fields", "{ to = \"{to}\", text = \"{body}\" }");
    let shown = district
        .done(
            district
                .command(&["config", "show"])
                .env("ROSTERSYNC_SYNC_STORE", "/var/lib/rs/rostersync.db")
                .env("ROSTERSYNC_PLATFORM_USERS", "other.csv")
                .env("ROSTERSYNC_SYNC_REPORTS", ""),
        )
        .ok()
        .stdout;
    let lines: Vec<String> =
        shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let config = district.config();
    let at = |key: &str| {
        let line = config.lines().position(|line| line.starts_with(key)).unwrap() + 1;
        format!("rostersync.toml:{line}")
    };
    for line in [
        "update_contacts = false # default".to_owned(),
        "store = \"/var/lib/rs/rostersync.db\" # $ROSTERSYNC_SYNC_STORE".to_owned(),
        format!("reports = \"{}\" # default", district.path("reports").display()),
        format!("timezone = \"America/Chicago\" # {}", at("timezone")),
        format!("users = \"{}\" # $ROSTERSYNC_PLATFORM_USERS", district.path("other.csv").display()),
        "max_age = \"48h\" # default".to_owned(),
        format!("path = \"{}\" # {}", district.path("sis").display(), at("path")),
        format!("password = \"********\" # {}", at("password")),
        format!("ping_url = \"********\" # {}", at("ping_url")),
        format!("url = \"https://sms.example/send?from=lincoln&ApiKey=********\" # {}", at("url")),
        "per_minute = 25 # default".to_owned(),
        "starttls = \"required\" # default".to_owned(),
        "# envelope_from: the address of `from` # default".to_owned(),
        "archive = \"10%\" # default".to_owned(),
    ] {
        assert!(lines.contains(&line), "{line}\n{shown}");
    }
    assert!(!["hunter2", "5d3c", "9f3a"].iter().any(|secret| shown.contains(secret)), "{shown}");
    // It is a configuration again, with the same values.
    let masked = shown.lines().filter(|line| !line.starts_with("password") && !line.starts_with("ping_url"));
    let again: String = masked.map(|line| format!("{line}\n")).collect();
    district.file("again.toml", again.replace("user = \"u\"", "user = \"u\"\npassword_env = \"P\""));
    let twice = district.cli(&["-c", "again.toml", "config", "show"]).ok().stdout;
    let values = |text: &str| -> Vec<String> {
        let values = text
            .lines()
            .filter(|line| line.contains(" = ") && !line.starts_with("pass") && !line.starts_with("ping"));
        values.map(|line| line.rsplit_once("  # ").unwrap().0.trim().to_owned()).collect()
    };
    assert_eq!(values(&twice), values(&shown));
    let json = district.cli(&["config", "show", "--json"]).ok().json();
    let timezone = json.as_array().unwrap().iter().find(|key| key["key"] == "timezone").unwrap();
    assert_eq!(
        (&timezone["section"], &timezone["value"], &timezone["from"]),
        (&"sync".into(), &"America/Chicago".into(), &"file".into())
    );
}

#[test]
fn a_variable_stands_for_its_key_and_a_wrong_one_is_a_mistake() {
    let district = District::new();
    district.sis(&[person("tea-1")]);
    let with = |name: &str, value: &str, arguments: &[&str]| {
        district.done(district.command(arguments).env(name, value))
    };
    with("ROSTERSYNC_SYNC_STORE", "elsewhere.db", &["run"]).ok();
    assert!(district.path("elsewhere.db").exists() && !district.path("rostersync.db").exists());
    for (name, value, said) in [
        ("ROSTERSYNC_SYNC_TIMEZONE", "Chicago", "`Chicago` is not a time zone"),
        ("ROSTERSYNC_NOTIFY_EMAIL_FROM", "nobody", "is not a mail address"),
        ("ROSTERSYNC_SYNC_STOER", "x", "did you mean ROSTERSYNC_SYNC_STORE?"),
        // Whose details change, and the limits, are in the file alone.
        ("ROSTERSYNC_SYNC_UPDATE_CONTACTS", "true", "this variable sets no key of the configuration"),
        ("ROSTERSYNC_LIMITS_ARCHIVE", "100%", "this variable sets no key of the configuration"),
        ("ROSTERSYNC_SOURCE_URL", "https://x", "`url` in [source] is for type = "),
    ] {
        with(name, value, &["runs"]).exits(2).complains(&[said, &format!("at: ${name}\n")]);
    }
    // The file may name a variable of its own.
    district.file(
        "secret.toml",
        format!("{}[monitor]\nping_url_env = \"ROSTERSYNC_MONITOR_URL\"\n", district.config()),
    );
    with("ROSTERSYNC_MONITOR_URL", "https://hc-ping.com/x", &["-c", "secret.toml", "config", "show"]).ok();
    let help = district.cli(&["help", "config", "show"]).ok().stdout;
    assert!(help.contains("ROSTERSYNC_NOTIFY_EMAIL_SERVER"), "{help}");
}

/// As an editor's schema sees TOML: dates are texts.
fn as_json(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(list) => list.iter().map(as_json).collect(),
        toml::Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), as_json(value))).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// The configurations of the tests and the example, and what `config example` prints.
#[test]
fn the_schema_accepts_every_configuration_that_the_program_accepts() {
    let district = District::new();
    let schema = district.cli(&["config", "schema"]).ok().json();
    assert!(jsonschema::meta::is_valid(&schema));
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors = |text: &str| -> Vec<String> {
        let value: toml::Table = toml::from_str(text).unwrap();
        validator.iter_errors(&as_json(&toml::Value::Table(value))).map(|error| error.to_string()).collect()
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = fs::read_to_string(root.join("config.example.toml")).unwrap();
    assert_eq!(district.cli(&["config", "example"]).ok().stdout, example);
    let mut texts = vec![example.clone(), district.config()];
    for case in fs::read_dir(root.join("tests/cases")).unwrap() {
        texts.extend(fs::read_to_string(case.unwrap().path().join("config.toml")));
    }
    assert!(texts.len() > 20);
    for text in &texts {
        assert_eq!(errors(text), Vec::<String>::new(), "{text}");
    }
    for (right, wrong) in [
        ("update_contacts = false", "update_contacts = \"no\""),
        ("timezone = \"America/Chicago\"", "time_zone = \"America/Chicago\""),
        ("type = \"oneroster-csv\"", "type = \"onerostercsv\""),
        ("path = \"fixtures/day3\"", "pth = \"fixtures/day3\""),
        ("contact_updates = 4", "contact_updates = \"four\""),
        ("class = \"emergency\"", "class = \"emergncy\""),
        ("server = \"file:demo/mail/\"", "server = \"demo/mail/\""),
        ("max_age = \"none\"", "max_age = \"2 weeks\""),
        ("id = \"sch-2\"", "ident = \"sch-2\""),
    ] {
        let text = example.replacen(right, wrong, 1);
        assert_ne!(text, example, "{right}");
        assert_ne!(errors(&text), Vec::<String>::new(), "{wrong}");
        district.file("wrong.toml", text);
        district.cli(&["-c", "wrong.toml", "runs"]).exits(2).any();
    }
}
