//! Erasing a person: nothing is left anywhere, and no later night brings anything back.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{District, Person, person};

/// What is known of `gua-77` and of no other person. (The last address is `gua-2`'s as well.)
const VALUES: [&str; 7] =
    ["gua-77", "Gerlinde", "Quillfeather", "gerlinde.old", "2125550142", "IDENT-4711", "old-gua-77"];

fn gerlinde() -> Person {
    person("gua-77").given("Gerlinde").family("Quillfeather").identifier("IDENT-4711").agents("stu-1")
}

fn all(gerlinde: Person) -> Vec<Person> {
    vec![person("tea-1"), person("stu-1").agents("gua-2,gua-77"), person("gua-2").agents("stu-1"), gerlinde]
}

/// Three nights in which the person had another address each time, was told of it, and shared an
/// address with another person; a wrong id that a decision knows; a permission, a note of STOP.
fn district() -> District {
    let mut district = District::new().without_limits().update_contacts(true);
    let old = |email: &str| gerlinde().email(email).mobile("2125550142");
    district.platform(&all(old("gerlinde.old@quillfeather.example")));
    district.sis(&all(old("gerlinde.old@quillfeather.example")));
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    let mut people = all(old("gerlinde.new@quillfeather.example"));
    people[2] = person("gua-2").agents("stu-1").email("gerlinde.new@quillfeather.example");
    district.sis(&people);
    let done = district.run().ok();
    let notes = &done.report.row("gua-2")["notes"];
    assert!(notes.ends_with("Email is shared with gua-77"), "{notes}");
    district.unset("platform.users");
    for arguments in [&["distinct", "gua-77", "old-gua-77"][..], &["opt-out", "gua-77", "--channel", "sms"]] {
        district.cli(&[&["users"], arguments].concat()).ok();
    }
    district.set("sync.update_contacts", "false");
    district.cli(&["users", "edit", "gua-77", "--as", "gua-77", "--home-phone", "212 555 0143"]).ok();
    district.cli(&["users", "edit", "gua-2", "--as", "gua-77", "--given-name", "Eva"]).exits(4);
    district.set("sync.update_contacts", "true");
    district.file("rostersync.db.roster", "gua-77 Quillfeather");
    district.at("2026-11-25T08:15:00Z");
    // A backup of each kind: by hand, and one that is no store of ours.
    fs::copy(district.path("rostersync.db"), district.path("rostersync.db.bak")).unwrap();
    let old = rusqlite::Connection::open(district.path("rostersync.db.v3.bak")).unwrap();
    old.execute_batch(
        "CREATE TABLE t (x); INSERT INTO t VALUES ('gua-77 Quillfeather'); PRAGMA user_version = 3",
    )
    .unwrap();
    drop(old);
    district
}

/// The files below the folder whose bytes hold one of the values, but for those of the SIS and
/// messages that were handed over.
fn holding(district: &District) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let (mut files, mut holding) = (Vec::new(), Vec::new());
    walk(&district.path(""), &mut files);
    for path in files {
        let name = path.strip_prefix(district.path("")).unwrap().display().to_string();
        let bytes = fs::read(&path).unwrap();
        let is_in = |value: &&&str| bytes.windows(value.len()).any(|part| part == value.as_bytes());
        if ["sis/", "mail/", "platform"].iter().any(|outside| name.starts_with(outside)) {
            continue;
        }
        if let Some(value) = VALUES.iter().find(is_in) {
            holding.push(format!("{name}: {value}"));
        }
    }
    holding.sort();
    holding
}

/// It may be a copy, or the store of another district that has its own person under the sourcedId.
#[test]
fn a_store_of_another_name_that_has_the_person_is_named() {
    let district = district();
    district.cli(&["db", "backup", "friday.db"]).ok();
    let before = fs::read(district.path("friday.db")).unwrap();
    let said = district.cli(&["users", "erase", "gua-77", "--yes"]).ok().stdout;
    let place = district.path("friday.db").canonicalize().unwrap();
    let line = format!("\nStays:     {}: it has the user too; if it is a copy, delete it\n", place.display());
    assert!(said.contains(&line), "{said}");
    assert_eq!(fs::read(district.path("friday.db")).unwrap(), before);
}

#[test]
fn nothing_is_left_of_an_erased_person_and_the_next_nights_bring_nothing_back() {
    let mut district = district();
    assert!(holding(&district).len() >= 5, "{:?}", holding(&district));
    let before = district.store_hash();
    let path = |name: &str| district.path(name).canonicalize().unwrap().display().to_string();
    let (reports, mail) = (path("reports"), path("mail"));
    let folder = path("");
    let shown = |first: &str| {
        format!(
            "{first}\n\
             Store:     1 account, 4 values of the history, 3 messages, links of 1 other user\n\
             Report:    {reports}/users-000001.csv: 1 row, 0 mentions\n\
             Report:    {reports}/users-000002.csv: 1 row, 1 mention\n\
             Backup:    {folder}/rostersync.db.bak: rewritten without the user\n\
             Backup:    {folder}/rostersync.db.v3.bak: deleted, because it cannot be read as a store\n\
             Roster:    {folder}/rostersync.db.roster: deleted; the next pull is a whole one\n\
             Stays:     {mail}/: messages that were handed over\n\
             Stays:     the files of the SIS, and copies that were taken elsewhere\n\
             No run adds the user again, until `rostersync users unsuppress gua-77`\n"
        )
    };
    let said = district.cli(&["users", "erase", "gua-77", "--dry-run"]).ok().stdout;
    assert_eq!(said, shown("gua-77 would be erased:"));
    district.cli(&["users", "erase", "gua-77"]).exits(2).complains(&[
        "nothing was removed: what is erased cannot be brought back",
        "`rostersync users erase gua-77 --yes`",
    ]);
    assert_eq!(district.store_hash(), before);
    let said = district.cli(&["users", "erase", "gua-77", "--yes"]).ok().stdout;
    assert_eq!(said, shown("gua-77 is erased:"));
    assert_eq!(holding(&district), Vec::<String>::new());
    district.cli(&["status", "--verify"]).ok();
    // The SIS still has the person.
    let done = district.run().ok();
    let row = done.report.row("");
    assert_eq!(
        (&row["line"], &row["action"], &row["codes"], &row["notes"]),
        ("5", "skipped", "suppressed", "Suppressed - not added")
    );
    assert_eq!(holding(&district), Vec::<String>::new());
    assert!(done.plan().contains("1 skipped, 0 rejected"), "{}", done.plan());
    done.says("stu-1", "unchanged", "").says("gua-2", "unchanged", "");
    // An earlier run is taken back, without the person.
    district.cli(&["undo", "2"]).any();
    assert_eq!(holding(&district), Vec::<String>::new());
    district.cli(&["users", "show", "gua-77"]).exits(2).complains(&["the user `gua-77` was erased"]);
    district
        .cli(&["users", "suppress", "gua-77", "--reason", "x"])
        .exits(2)
        .complains(&["`gua-77` was erased"]);
    let said = district.cli(&["users", "erase", "gua-77", "--yes"]).ok().stdout;
    assert!(
        said.starts_with("gua-77 was erased before; what was left is removed:\nStore:     0 accounts, "),
        "{said}"
    );
    district.cli(&["status", "--verify"]).ok();
    let said = district.cli(&["users", "unsuppress", "gua-77"]).ok().stdout;
    assert_eq!(
        said,
        "gua-77 is not suppressed any more. The next run adds an account if the SIS has the user\n"
    );
    district.at("2026-11-26T08:15:00Z");
    district.run().ok().says("gua-77", "created", "Email is shared with gua-2; Linked to stu-1");
    district.cli(&["status", "--verify"]).ok();
}

/// The SIS may go back to an earlier sourcedId, and may have the person under another one.
#[test]
fn the_other_sourced_ids_of_an_erased_person_are_named() {
    let mut district = District::new().without_limits();
    district.sis(&all(gerlinde().mobile("2125550142")));
    district.run().ok();
    district.cli(&["users", "rekey", "gua-77", "gua-78"]).ok();
    let mut people = all(gerlinde().mobile("2125550142"));
    people[1] = person("stu-1").agents("gua-2,gua-79");
    people[3] = gerlinde().with("sourcedId", "gua-79").with("username", "other");
    district.at("2026-11-24T08:15:00Z");
    district.sis(&people);
    let note = "Probably the same person as gua-78 (same identifier) - not added";
    district.run().exits(3).says("gua-79", "held", note);
    let said = district.cli(&["users", "erase", "gua-78", "--yes"]).ok().stdout;
    assert!(
        said.contains(
            "Held:      gua-79 is probably the same user, and the next run decides about it without gua-78. \
             Erase it too: `rostersync users erase gua-79 --yes`\n\
             Earlier:   gua-77: no run adds it, until `rostersync users unsuppress gua-77`\n"
        ),
        "{said}"
    );
    district.cli(&["users", "erase", "gua-79", "--yes"]).ok();
    let store = fs::read(district.path("rostersync.db")).unwrap();
    for id in ["gua-78", "gua-79"] {
        assert!(!store.windows(id.len()).any(|part| part == id.as_bytes()), "{id}");
    }
    assert_eq!(holding(&district), Vec::<String>::new());
    for people in [people, all(gerlinde())] {
        district.sis(&people);
        district.run().ok().says("", "skipped", "Suppressed - not added");
        assert_eq!(holding(&district), Vec::<String>::new());
    }
}

/// What was interrupted is finished by the same command.
#[test]
fn an_erasure_that_fails_in_the_middle_can_be_repeated() {
    let district = district();
    for obstacle in
        ["reports/.users-000002.csv.erasing", "rostersync.db.v3.bak-journal", "rostersync.db.roster.new"]
    {
        fs::create_dir(district.path(obstacle)).unwrap();
        district.cli(&["users", "erase", "gua-77", "--yes"]).exits(1);
        assert_ne!(holding(&district), Vec::<String>::new(), "{obstacle}");
        district.cli(&["status", "--verify"]).ok();
        fs::remove_dir(district.path(obstacle)).unwrap();
    }
    district.cli(&["users", "erase", "gua-77", "--yes"]).ok();
    assert_eq!(holding(&district), Vec::<String>::new());
    let history = district.cli(&["users", "history", "gua-2"]).ok().stdout;
    assert!(history.contains("(erased)"), "{history}");
}

#[test]
fn an_unknown_person_is_not_erased() {
    let district = district();
    district.cli(&["users", "erase", "nobody", "--yes"]).exits(2).complains(&[
        "nothing is stored under the sourcedId `nobody`",
        "check it with `rostersync users list --search TEXT`",
    ]);
    district.cli(&["users", "erase", " ", "--yes"]).exits(2).complains(&["nothing is stored"]);
}
