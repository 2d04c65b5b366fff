//! The operations that are disturbed: a district, and the command.

use crate::delivery::people;
use crate::mail_server::{At, Does, MailServer};
use crate::support::{District, Person, person};

pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) before: District,
    pub(crate) command: Vec<&'static str>,
    /// Without a fault.
    pub(crate) exits: i32,
    /// Mail goes to a server, not to a folder.
    pub(crate) smtp: bool,
    /// The inputs are read only to say what the next run does. If they cannot be read it says so, and
    /// the report has an estimate.
    pub(crate) foresees: bool,
    /// A file that must not be there before. It is whole or not there.
    pub(crate) makes: Option<&'static str>,
    /// A text of the user of whom nothing may be left. What fails is finished by the same command.
    pub(crate) erases: Option<&'static str>,
    /// A text that the store does not have any more, not even in free pages, after the next run at the
    /// latest.
    pub(crate) purges: Option<&'static str>,
}

impl Operation {
    fn of(name: &'static str, before: District, command: &[&'static str]) -> Self {
        let command = command.to_vec();
        Self {
            name,
            before,
            command,
            exits: 0,
            smtp: false,
            foresees: false,
            makes: None,
            erases: None,
            purges: None,
        }
    }
}

/// A district under ON with eight teachers who have joined, and two families.
fn fresh() -> District {
    let mut district = District::new()
        .update_contacts(true)
        .without_limits()
        .with("platform.max_age", "\"none\"")
        .with("notify.email.per_minute", "0");
    district.sis(&everybody());
    district.platform(&people(8, "a"));
    district
}

fn everybody() -> Vec<Person> {
    let mut all = people(8, "a");
    all.push(person("stu-1").agents("gua-1"));
    all.push(person("gua-1").email("gua-1@mail.example").agents("stu-1"));
    all
}

/// Three teachers have other details, one has left, one is new.
fn changed() -> Vec<Person> {
    let mut all = everybody();
    all[0] = all[0].clone().family("Lund");
    all[1] = all[1].clone().email("b2@mail.example");
    all[2] = all[2].clone().mobile("(718) 555-4567");
    all.remove(7);
    all.push(person("tea-9"));
    all
}

/// After its first night.
fn settled() -> District {
    let district = fresh();
    district.run().ok();
    district
}

/// The second night has changes.
fn second() -> District {
    let mut district = settled();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&changed());
    district
}

pub(crate) fn a_first_night() -> Operation {
    Operation::of("a first night", fresh(), &["run"])
}

pub(crate) fn a_second_night_with_mail() -> Operation {
    Operation::of("a second night, mail into a folder", second(), &["run"])
}

pub(crate) fn a_second_night_with_mail_by_smtp() -> Operation {
    let district = second().with("monitor.prometheus_file", "\"metrics.prom\"");
    Operation { smtp: true, ..Operation::of("a second night, mail by SMTP", district, &["run"]) }
}

pub(crate) fn an_undo() -> Operation {
    let district = second();
    district.run().ok();
    // Otherwise the next run changes all of it again, and the messages about the undo are not true
    // any more.
    district.sis(&everybody());
    let command = ["undo", "2", "--notify"];
    Operation { foresees: true, ..Operation::of("undo RUN --notify", district, &command) }
}

pub(crate) fn an_undo_of_all() -> Operation {
    let command = ["undo", "2", "--all"];
    Operation { foresees: true, ..Operation::of("undo RUN --all", an_undo().before, &command) }
}

pub(crate) fn an_edit() -> Operation {
    let mut district = settled();
    district.set("sync.update_contacts", "false");
    Operation::of(
        "users edit",
        district,
        &["users", "edit", "tea-1", "--email", "own@mail.example", "--as", "tea-1"],
    )
}

pub(crate) fn an_import() -> Operation {
    let mut district = settled();
    district.set("sync.update_contacts", "false");
    let mut export = people(8, "a");
    export[0] = export[0].clone().email("own@mail.example");
    export.push(person("gua-1").email("gua-1@mail.example"));
    district.platform(&export);
    Operation::of("users import FILE", district, &["users", "import", "platform-users.csv"])
}

pub(crate) fn a_migration() -> Operation {
    let district = settled();
    std::fs::remove_file(district.path("rostersync.db")).unwrap();
    let store = district.store();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/schema");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files[..12] {
        store.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
    }
    store.pragma_update(None, "application_id", 0x5253_5459).unwrap();
    store.pragma_update(None, "user_version", 12).unwrap();
    drop(store);
    Operation::of("a run that migrates the store", district, &["run"])
}

/// Messages wait, since the mail server was not there.
fn waiting() -> District {
    let mut district = second();
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.run().any();
    district.set("notify.email.server", "\"file:mail/\"");
    district
}

pub(crate) fn outbox_send() -> Operation {
    Operation::of("outbox send", waiting(), &["outbox", "send"])
}

pub(crate) fn outbox_retry() -> Operation {
    let server = MailServer::start();
    let mut district = second();
    district.set("notify.email.server", &server.url());
    server.when("a1@mail.example", At::Recipient, Does::Says("550 5.1.1 no such user"), 0);
    district.run().any();
    district.set("notify.email.server", "\"file:mail/\"");
    Operation::of("outbox retry --all", district, &["outbox", "retry", "--all"])
}

pub(crate) fn a_rekey() -> Operation {
    Operation::of("users rekey OLD NEW", settled(), &["users", "rekey", "tea-1", "tea-101"])
}

pub(crate) fn a_run_with_renames() -> Operation {
    let district = second();
    let mut all = changed();
    all[3] = all[3].clone().with("sourcedId", "tea-104");
    district.sis(&all);
    district.file("renames.csv", "old,new\ntea-4,tea-104\n");
    let command = ["run", "--rekey", "renames.csv", "--report", "copy.csv"];
    Operation::of("run --rekey FILE --report FILE", district, &command)
}

pub(crate) fn a_blocked_run() -> Operation {
    let district = second().with("limits.archive", "0");
    Operation { exits: 4, ..Operation::of("a run that a limit blocks", district, &["run"]) }
}

pub(crate) fn a_purge() -> Operation {
    let mut district = second();
    district.run().ok();
    district.set("sync.purge_after", "\"30d\"");
    district.at("2027-02-01T08:15:00Z");
    let purges = Some("a8@mail.example");
    Operation { purges, ..Operation::of("a run that removes an archived account", district, &["run"]) }
}

pub(crate) fn a_restore() -> Operation {
    let mut district = settled();
    district.cli(&["db", "backup", "copies/old.db"]).any();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&changed());
    district.run().any();
    Operation::of("db restore FILE", district, &["db", "restore", "copies/old.db"])
}

pub(crate) fn a_run_with_a_backup() -> Operation {
    Operation::of("a second night, with backups", second().with("sync.backups", "3"), &["run"])
}

pub(crate) fn a_backup() -> Operation {
    let command = ["db", "backup", "copies/new.db"];
    Operation { makes: Some("copies/new.db"), ..Operation::of("db backup FILE", second(), &command) }
}

/// The user is in the store, in reports, in a backup beside it, and had messages.
pub(crate) fn an_erasure() -> Operation {
    let district = second();
    district.run().ok();
    std::fs::copy(district.path("rostersync.db"), district.path("rostersync.db.bak")).unwrap();
    let command = ["users", "erase", "tea-2", "--yes"];
    Operation { erases: Some("tea-2"), ..Operation::of("users erase USER --yes", district, &command) }
}
