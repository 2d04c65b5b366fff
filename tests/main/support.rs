//! A made-up district in a temporary folder: its files, its configuration, the program run on them,
//! and what came of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Index;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::machine;

/// The night of every test that does not say otherwise: 02:15 in Chicago.
pub(crate) const NIGHT: &str = "2026-11-23T08:15:00Z";

/// One person, as the SIS or as the platform has them.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) cells: BTreeMap<&'static str, String>,
}

const PEOPLE: [(&str, &str); 7] = [
    ("stu", "student"),
    ("gua", "guardian"),
    ("tea", "teacher"),
    ("aid", "aide"),
    ("adm", "administrator"),
    ("par", "parent"),
    ("rel", "relative"),
];

/// A user with a role by the letters of the id, at `sch-1`, called Rosa Diaz, with an own email.
pub(crate) fn person(id: &str) -> Person {
    let role = PEOPLE.iter().find(|(letters, _)| id.starts_with(letters)).map_or("teacher", |(_, role)| role);
    let mut cells = BTreeMap::new();
    for (column, value) in [
        ("sourcedId", id),
        ("role", role),
        ("orgSourcedIds", "sch-1"),
        ("username", id),
        ("enabledUser", "true"),
        ("givenName", "Rosa"),
        ("familyName", "Diaz"),
        ("email", &format!("{id}@school.example")),
        ("state", "active"),
    ] {
        cells.insert(column, value.to_owned());
    }
    Person { cells }
}

macro_rules! columns {
    ($($method:ident $column:literal)*) => {
        impl Person {
            $(pub(crate) fn $method(self, value: &str) -> Self {
                self.with($column, value)
            })*
        }
    };
}

columns! {
    given "givenName"
    family "familyName"
    email "email"
    mobile "sms"
    home "phone"
    role "role"
    schools "orgSourcedIds"
    agents "agentSourcedIds"
    status "status"
    enabled "enabledUser"
    identifier "identifier"
    password "password"
    state "state"
}

impl Person {
    pub(crate) fn with(mut self, column: &'static str, value: &str) -> Self {
        self.cells.insert(column, value.to_owned());
        self
    }

    fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// The columns of users.csv, unless a test says otherwise.
pub(crate) const COLUMNS: [&str; 14] = [
    "sourcedId",
    "status",
    "enabledUser",
    "orgSourcedIds",
    "role",
    "username",
    "givenName",
    "familyName",
    "identifier",
    "email",
    "sms",
    "phone",
    "agentSourcedIds",
    "password",
];

const EXPORT: [(&str, &str); 7] = [
    ("sourced_id", "sourcedId"),
    ("state", "state"),
    ("given_name", "givenName"),
    ("family_name", "familyName"),
    ("email", "email"),
    ("phone", "sms"),
    ("home_phone", "phone"),
];

/// A row of a CSV file.
pub(crate) fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    };
    let mut line = cells.map(quoted).collect::<Vec<_>>().join(",");
    line.push('\n');
    line
}

/// A users.csv with these columns.
pub(crate) fn users_csv(columns: &[&str], people: &[Person]) -> String {
    let mut text = line(columns.iter().map(|column| (*column).to_owned()));
    for person in people {
        text.push_str(&line(columns.iter().map(|column| person.cell(column).to_owned())));
    }
    text
}

/// In memory where there is such a place: what a power cut would leave is not what is tested, and
/// the store and the reports wait for the disk at every run.
pub(crate) fn folder() -> TempDir {
    machine::folder("district-")
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // The content alone: a fixture that cannot be written to becomes a file that can be.
            fs::write(&target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

fn copy_as_it_is(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (found, target) = (entry.metadata().unwrap(), to.join(entry.file_name()));
        if found.is_dir() {
            fs::create_dir(&target).unwrap();
            copy_as_it_is(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            let opened = fs::File::open(&target).unwrap();
            opened.set_modified(found.modified().unwrap()).unwrap();
        }
    }
}

/// The district.
pub(crate) struct District {
    folder: TempDir,
    settings: BTreeMap<String, BTreeMap<String, String>>,
    schools: Vec<(String, bool)>,
    now: String,
}

impl District {
    pub(crate) fn new() -> Self {
        let mut district =
            Self { folder: folder(), settings: BTreeMap::new(), schools: Vec::new(), now: NIGHT.to_owned() };
        for (key, value) in [
            ("sync.timezone", "\"America/Chicago\""),
            ("source.type", "\"oneroster-csv\""),
            ("source.path", "\"sis\""),
            ("notify.contact", "\"the school office, 555-0100\""),
            ("notify.district", "\"Lincoln District\""),
            ("notify.platform", "\"ClassTag\""),
            ("notify.email.server", "\"file:mail/\""),
            ("notify.email.from", "\"Lincoln District <no-reply@lincoln.example>\""),
        ] {
            district = district.with(key, value);
        }
        district
    }

    /// The same district in another folder, with the contents, times and permissions of all files.
    pub(crate) fn again(&self) -> Self {
        let copy = Self {
            folder: folder(),
            settings: self.settings.clone(),
            schools: self.schools.clone(),
            now: self.now.clone(),
        };
        copy_as_it_is(self.folder.path(), copy.folder.path());
        copy
    }

    /// The setting, for the district.
    pub(crate) fn update_contacts(self, on: bool) -> Self {
        self.with("sync.update_contacts", &on.to_string())
    }

    /// A school's own value of the setting.
    pub(crate) fn school(mut self, id: &str, on: bool) -> Self {
        self.schools.push((id.to_owned(), on));
        self
    }

    /// Every school's own value of the setting, in place of those before.
    pub(crate) fn set_schools(&mut self, schools: Vec<(String, bool)>) {
        self.schools = schools;
    }

    /// An orgs.csv with `sch-1` and every school of the configuration, for tests in which one of
    /// them has no users.
    pub(crate) fn with_orgs(self) -> Self {
        let own = self.schools.iter().map(|(id, _)| id.as_str()).filter(|id| *id != "sch-1");
        let rows: String = ["sch-1"].into_iter().chain(own).map(|id| format!("{id},{id},school\n")).collect();
        self.file("sis/orgs.csv", format!("sourcedId,name,type\n{rows}"));
        self
    }

    /// One value of the configuration, as TOML: `sync.blank_values`, `"clear"` in quotes.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let (section, key) = key.rsplit_once('.').unwrap();
        self.settings.entry(section.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
    }

    /// Takes one value of the configuration away again.
    pub(crate) fn settings_without(&mut self, section: &str, key: &str) {
        self.settings.get_mut(section).unwrap().remove(key);
    }

    /// Takes a value of the configuration away, and its section with the last one.
    pub(crate) fn unset(&mut self, key: &str) {
        let (section, key) = key.rsplit_once('.').unwrap();
        if let Some(values) = self.settings.get_mut(section) {
            values.remove(key);
            if values.is_empty() {
                self.settings.remove(section);
            }
        }
    }

    /// No limit on archiving, changes or messages, for tests of other things.
    pub(crate) fn without_limits(self) -> Self {
        self.with("limits.archive", "100000")
            .with("limits.contact_updates", "100000")
            .with("limits.notifications", "100000")
            .with("limits.rejected", "100000")
            .with("limits.joins", "100000")
            .with("limits.unjoins", "100000")
            .with("limits.export", "100000")
            .with("limits.protection", "100000")
            .with("limits.links", "100000")
            .with("limits.history", "false")
            .with("limits.credentials", "100000")
            .with("limits.created", "100000")
            .with("limits.pending_updates", "100000")
    }

    /// No `[notify.email]`.
    pub(crate) fn without_mail(mut self) -> Self {
        self.settings.remove("notify.email");
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        // Any of them may hold a secret, and one that is open to all is refused.
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// Last night's export of the SIS.
    pub(crate) fn sis(&self, people: &[Person]) {
        self.file("sis/users.csv", users_csv(&COLUMNS, people));
    }

    /// The same without some columns.
    pub(crate) fn sis_without(&self, columns: &[&str], people: &[Person]) {
        let left: Vec<&str> = COLUMNS.into_iter().filter(|column| !columns.contains(column)).collect();
        self.file("sis/users.csv", users_csv(&left, people));
    }

    /// An export of changes alone.
    pub(crate) fn sis_delta(&self, people: &[Person]) {
        self.sis(people);
        self.mode("delta");
    }

    /// What the manifest says of users.csv.
    pub(crate) fn mode(&self, mode: &str) {
        let text =
            format!("propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.users,{mode}\n");
        self.file("sis/manifest.csv", text);
    }

    /// The platform's own export.
    pub(crate) fn platform(&mut self, people: &[Person]) {
        self.platform_without(&[], people);
    }

    pub(crate) fn platform_without(&mut self, columns: &[&str], people: &[Person]) {
        let left: Vec<(&str, &str)> =
            EXPORT.into_iter().filter(|(column, _)| !columns.contains(column)).collect();
        let mut text = line(left.iter().map(|(column, _)| (*column).to_owned()));
        for person in people {
            text.push_str(&line(left.iter().map(|(_, column)| person.cell(column).to_owned())));
        }
        self.platform_file(&text);
    }

    pub(crate) fn platform_file(&mut self, text: &str) {
        self.file("platform-users.csv", text);
        self.age("platform-users.csv", Duration::ZERO);
        self.set("platform.users", "\"platform-users.csv\"");
    }

    /// Another night. The platform's export, if there is one, is made anew.
    pub(crate) fn at(&mut self, now: &str) {
        now.clone_into(&mut self.now);
        if self.path("platform-users.csv").exists() {
            self.age("platform-users.csv", Duration::ZERO);
        }
    }

    /// Makes a file so old, by the clock of the run.
    pub(crate) fn age(&self, name: &str, age: Duration) {
        let now: SystemTime = self.now.parse::<chrono::DateTime<chrono::Utc>>().unwrap().into();
        self.written(name, now - age);
    }

    /// Makes a file one that was written at a moment.
    pub(crate) fn written(&self, name: &str, moment: SystemTime) {
        fs::File::options().write(true).open(self.path(name)).unwrap().set_modified(moment).unwrap();
    }

    pub(crate) fn config(&self) -> String {
        let mut text = String::new();
        for (id, on) in &self.schools {
            writeln!(text, "[[school]]\nid = \"{id}\"\nupdate_contacts = {on}").unwrap();
        }
        let mut settings = self.settings.clone();
        settings.entry("sync".into()).or_default();
        for (section, values) in settings {
            writeln!(text, "[{section}]").unwrap();
            for (key, value) in values {
                writeln!(text, "{key} = {value}").unwrap();
            }
        }
        text
    }

    /// Writes the configuration, unless the file already says the same. Every command does so
    /// first.
    pub(crate) fn write_config(&self) {
        let config = self.config();
        if !fs::read_to_string(self.path("rostersync.toml")).is_ok_and(|written| written == config) {
            self.file("rostersync.toml", config);
        }
    }

    /// The program with these arguments, in the district's folder, with nothing of this machine's
    /// environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.write_config();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rostersync"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("ROSTERSYNC_NOW", &self.now)
            .env("ROSTERSYNC_ALLOW_ROOT", "true")
            .env("ROSTERSYNC_CONFIG", "rostersync.toml");
        command
    }

    /// Any command.
    #[must_use = "assert the exit status: `.ok()` or `.exits(code)`"]
    pub(crate) fn cli(&self, arguments: &[&str]) -> Done {
        self.done(&mut self.command(arguments))
    }

    #[must_use = "assert the exit status: `.ok()` or `.exits(code)`"]
    pub(crate) fn done(&self, command: &mut Command) -> Done {
        self.said(command.output().unwrap())
    }

    /// What a command did that was waited for elsewhere.
    pub(crate) fn said(&self, output: std::process::Output) -> Done {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            report: Report::default(),
        }
    }

    /// `rostersync run`, and the report that it names.
    #[must_use = "assert the exit status: `.ok()` or `.exits(code)`"]
    pub(crate) fn run(&self) -> Done {
        self.run_with(&[])
    }

    #[must_use = "assert the exit status: `.ok()` or `.exits(code)`"]
    pub(crate) fn run_with(&self, arguments: &[&str]) -> Done {
        self.with_report(self.cli(&[&["run"], arguments].concat()))
    }

    /// The first run after the setting became ON for people with differences: blocked, then approved.
    #[must_use = "assert the exit status: `.ok()` or `.exits(code)`"]
    pub(crate) fn step_to_on(&self, arguments: &[&str]) -> Done {
        let preview = self.preview_with(arguments).exits(4);
        assert!(
            preview.stdout.contains("update_contacts is ON for the first time for "),
            "{}",
            preview.stdout
        );
        self.run_with(&[arguments, &["--approve", preview.checksum()]].concat())
    }

    /// What a run did, with the report that it names.
    pub(crate) fn with_report(&self, mut done: Done) -> Done {
        let named = done
            .stdout
            .lines()
            .find_map(|line| line.split_once("its report is ").map(|(_, path)| path.to_owned()));
        if let Some(path) = named {
            done.report = Report::read(&self.path(&path));
        }
        done
    }

    /// `rostersync run --dry-run`, and its report.
    #[must_use = "assert the exit status: `.ok()` or `.exits(code)`"]
    pub(crate) fn preview(&self) -> Done {
        self.preview_with(&[])
    }

    #[must_use = "assert the exit status: `.ok()` or `.exits(code)`"]
    pub(crate) fn preview_with(&self, arguments: &[&str]) -> Done {
        let elsewhere = tempfile::tempdir().unwrap();
        let path = elsewhere.path().join("preview.csv");
        let mut done =
            self.cli(&[&["run", "--dry-run", "--report", path.to_str().unwrap()], arguments].concat());
        if path.exists() {
            done.report = Report::read(&path);
        }
        done
    }

    /// Everything in the folder: contents and times.
    pub(crate) fn everything(&self) -> BTreeMap<String, (String, SystemTime)> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let written = path.metadata().unwrap().modified().unwrap();
                let name = path.strip_prefix(self.folder.path()).unwrap().display().to_string();
                if path.is_dir() {
                    found.insert(name, ("folder".into(), written));
                    folders.push(path);
                } else {
                    found.insert(name, (hash(&path), written));
                }
            }
        }
        found
    }

    /// What the folder holds, without the times.
    pub(crate) fn names(&self) -> Vec<String> {
        self.everything().into_keys().collect()
    }

    /// The whole store, but for the attempts: those that applied nothing are on record as well; and
    /// the key of the hashes, which is random.
    pub(crate) fn store_hash(&self) -> String {
        let store = self.store();
        let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('attempt', 'erased_key') ORDER BY name";
        let mut text = rows(&store, "SELECT sql FROM sqlite_schema ORDER BY name").join("\n");
        for table in rows(&store, tables) {
            text.push_str(&format!("\n{table}\n"));
            text.push_str(&rows(&store, &format!("SELECT * FROM {table} ORDER BY 1")).join("\n"));
        }
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn store(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path("rostersync.db")).unwrap()
    }

    /// The whole store as text, but for the history of runs.
    pub(crate) fn dump(&self) -> Vec<String> {
        let tables = [
            "SELECT * FROM account ORDER BY sourced_id",
            "SELECT * FROM school ORDER BY id",
            "SELECT * FROM audit ORDER BY id",
            "SELECT * FROM outbox ORDER BY id",
        ];
        tables.into_iter().flat_map(|query| rows(&self.store(), query)).collect()
    }

    /// The accounts as text, without the numbers that the store gives them.
    pub(crate) fn accounts(&self) -> Vec<String> {
        let store = self.store();
        let mut columns = rows(&store, "SELECT name FROM pragma_table_info('account') WHERE name <> 'id'");
        columns.sort();
        rows(&store, &format!("SELECT {} FROM account ORDER BY sourced_id", columns.join(", ")))
    }

    /// One value of the store.
    pub(crate) fn ask(&self, query: &str) -> String {
        rows(&self.store(), query).join("\n")
    }

    /// The messages in `mail/`, in the order in which they were written.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let Ok(folder) = fs::read_dir(self.path("mail")) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        // What a killed process has left unfinished is no mail.
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        paths.sort();
        paths.iter().map(|path| Mail::read(path)).collect()
    }
}

pub(crate) fn rows(store: &rusqlite::Connection, query: &str) -> Vec<String> {
    use rusqlite::types::ValueRef;
    let mut statement = store.prepare(query).unwrap();
    let width = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cell = |at| match row.get_ref(at).unwrap() {
            ValueRef::Null => "NULL".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Real(number) => number.to_string(),
            ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
        };
        found.push((0..width).map(cell).collect::<Vec<_>>().join(" | "));
    }
    found
}

pub(crate) fn hash(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) report: Report,
}

impl Done {
    /// Asserts the exit status, saying everything if it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    /// Takes any exit status: the test is about what the command leaves behind.
    pub(crate) fn any(self) {}

    /// The line `Plan: …`.
    #[track_caller]
    pub(crate) fn plan(&self) -> &str {
        self.line("Plan: ")
    }

    #[track_caller]
    pub(crate) fn checksum(&self) -> &str {
        self.line("Checksum: ")
    }

    #[track_caller]
    fn line(&self, start: &str) -> &str {
        let found = self.stdout.lines().find_map(|line| line.strip_prefix(start));
        found.unwrap_or_else(|| panic!("no line `{start}`\n{}\n{}", self.stdout, self.stderr))
    }

    /// Asserts what the report says of one user: action and notes.
    #[track_caller]
    pub(crate) fn says(&self, id: &str, action: &str, notes: &str) -> &Self {
        let row = self.report.row(id);
        assert_eq!((&row["action"], &row["notes"]), (action, notes), "{id}: {row:#?}");
        self
    }

    /// Asserts that standard error says all of this, and that nothing is on standard output.
    #[track_caller]
    pub(crate) fn complains(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not said:\n{}", self.stderr);
        }
        assert_eq!(self.stdout, "", "errors go to standard error");
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// A report as an independent CSV reader has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row(pub(crate) BTreeMap<String, String>);

impl Index<&str> for Row {
    type Output = str;

    fn index(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("no column {column}"))
    }
}

impl Report {
    pub(crate) fn read(path: &Path) -> Self {
        Self::parse(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut reader = csv::Reader::from_reader(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes));
        let rows = reader.deserialize().map(|row| Row(row.unwrap())).collect();
        Self { rows }
    }

    #[track_caller]
    pub(crate) fn row(&self, id: &str) -> &Row {
        let mut found = self.rows.iter().filter(|row| &row["sourced_id"] == id);
        let row =
            found.next().unwrap_or_else(|| panic!("no row for {id} among {:?}", self.column("sourced_id")));
        assert!(found.next().is_none(), "two rows for {id}");
        row
    }

    pub(crate) fn column(&self, column: &str) -> Vec<&str> {
        self.rows.iter().map(|row| &row[column]).collect()
    }

    /// These columns of each row, as lines of cells set apart by ` | `.
    pub(crate) fn shows(&self, columns: &str) -> Vec<String> {
        let cells = |row: &Row| columns.split(' ').map(|column| row[column].to_owned()).collect::<Vec<_>>();
        self.rows.iter().map(|row| cells(row).join(" | ")).collect()
    }

    /// How many rows have each action.
    pub(crate) fn count(&self, action: &str) -> usize {
        self.rows.iter().filter(|row| &row["action"] == action).count()
    }
}

/// A message as a mail program reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) file: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) body: String,
}

impl Mail {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let mail = mail_parser::MessageParser::new().parse(&bytes).unwrap();
        let to: Vec<&str> = mail.to().unwrap().iter().map(|to| to.address().unwrap()).collect();
        Self {
            file: path.file_name().unwrap().to_str().unwrap().to_owned(),
            to: to.join(","),
            subject: mail.subject().unwrap().to_owned(),
            body: mail.body_text(0).unwrap().replace("\r\n", "\n"),
        }
    }
}

/// Gives the processor away for a moment, while another process is waited for. The two cores of a
/// small machine are then free for it.
pub(crate) fn nap() {
    std::thread::sleep(Duration::from_millis(2));
}

/// Whether tests that can take as long as one likes are to take long (`ROSTERSYNC_LONG_TESTS` is
/// set, as in `.ci/run`). Without it they try a few things of each kind, so that all tests together
/// take seconds.
pub(crate) fn long() -> bool {
    std::env::var_os("ROSTERSYNC_LONG_TESTS").is_some()
}

/// All of these if tests are to take long; otherwise so many of them, evenly spread, with the first
/// and the last.
pub(crate) fn sample<T>(all: Vec<T>, usually: usize) -> Vec<T> {
    if long() || all.len() <= usually {
        return all;
    }
    let steps = usually - 1;
    let chosen: Vec<usize> = (0..usually).map(|step| step * (all.len() - 1) / steps).collect();
    all.into_iter().enumerate().filter(|(at, _)| chosen.contains(at)).map(|(_, one)| one).collect()
}

/// So many rounds, or more if tests are to take long.
pub(crate) fn rounds(usually: u64, long_ones: u64) -> u64 {
    if long() { long_ones } else { usually }
}
