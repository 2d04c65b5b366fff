//! The platform's export goes on showing sourcedIds that the SIS has changed.

use crate::support::{District, Person, person};

const OLD: [&str; 24] = [
    "tea-01", "tea-02", "tea-03", "tea-04", "tea-05", "tea-06", "tea-07", "tea-08", "tea-09", "tea-10",
    "tea-11", "tea-12", "tea-13", "tea-14", "tea-15", "tea-16", "tea-17", "tea-18", "tea-19", "tea-20",
    "tea-21", "tea-22", "tea-23", "tea-24",
];

fn named(id: &str, number: &str) -> Person {
    person(id).given(&format!("Rosa {number}")).email(&format!("rosa{number}@school.example"))
}

fn on_platform(id: &str, number: &str) -> Person {
    named(id, number).email(&format!("rosa{number}@home.example"))
}

fn new_id(old: &str) -> String {
    old.replace("tea-", "tea-9")
}

/// Everybody has joined and typed an email, and tonight's SIS has new sourcedIds.
fn rekeyed() -> District {
    let mut district = District::new().without_limits();
    district.sis(&OLD.map(|id| named(id, &id[4..])));
    district.platform(&OLD.map(|id| on_platform(id, &id[4..])));
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&OLD.map(|id| named(&new_id(id), &id[4..])));
    let pairs: String = OLD.iter().map(|id| format!("{id},{}\n", new_id(id))).collect();
    district.file("renames.csv", format!("old,new\n{pairs}"));
    district
}

#[track_caller]
fn kept(district: &District, arguments: &[&str], is_new: bool) {
    let done = district.run_with(arguments).ok();
    assert_eq!(done.report.rows.len(), OLD.len());
    for id in OLD {
        let number = &id[4..];
        let mut note = format!("Active user has a new email in the SIS import - rosa{number}@home.example");
        if is_new {
            note.push_str(&format!("; Has a new sourcedId - was {id}"));
        }
        done.says(&new_id(id), "kept", &note);
    }
    let all = format!("{}{}", done.stdout, done.stderr);
    assert!(!all.contains("platform-row-unknown") && all.contains("Platform export: 24 rows"), "{all}");
}

#[test]
fn rows_under_earlier_sourced_ids_are_the_accounts_rows() {
    let mut district = rekeyed();
    kept(&district, &["--rekey", "renames.csv"], true);
    // Nights on which nothing changes, with and without the shortcut.
    kept(&district, &["--rekey", "renames.csv"], false);
    kept(&district, &[], false);
    kept(&district, &["--decide-all"], false);
    // An edit on the platform counts, whatever id it is shown under.
    let mut shown = OLD.map(|id| on_platform(id, &id[4..]));
    shown[0] = on_platform(OLD[0], "01").email("other@home.example");
    shown[1] = on_platform(OLD[1], "02").state("pending");
    district.platform(&shown);
    let done = district.run().ok();
    done.says("tea-901", "kept", "Active user has a new email in the SIS import - other@home.example");
    assert_eq!(&done.report.row("tea-902")["state"], "pending");
    // The platform learns the new ones, some of them first. The row of the new one counts.
    shown[1] = on_platform(OLD[1], "02");
    let mut both: Vec<Person> = shown.to_vec();
    both.push(on_platform("tea-901", "01").email("third@home.example"));
    both.push(on_platform("tea-902", "02").state("pending"));
    district.platform(&both);
    let done = district.run().ok();
    done.says("tea-901", "kept", "Active user has a new email in the SIS import - third@home.example");
    assert_eq!(&done.report.row("tea-902")["state"], "pending");
    assert!(done.stdout.contains("Platform export: 26 rows"), "{}", done.stdout);
    let accounts = district.accounts();
    both.reverse();
    district.platform(&both);
    let done = district.run().ok();
    done.says("tea-901", "kept", "Active user has a new email in the SIS import - third@home.example");
    assert_eq!(district.accounts(), accounts);
    let learned: Vec<Person> =
        both.into_iter().filter(|one| !OLD[..2].contains(&one.cells["sourcedId"].as_str())).collect();
    district.platform(&learned);
    district.run().ok();
    assert_eq!(district.accounts(), accounts);
    // Then the old ones are only an id that it shows.
    let moved = OLD.map(|id| on_platform(&new_id(id), &id[4..]));
    district.platform(&moved);
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-902")["state"], "active");
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn an_account_that_took_the_place_of_another_is_shown_under_the_old_id() {
    let mut district = District::new().without_limits();
    district.platform(&[on_platform("tea-1", "1"), on_platform("tea-2", "2")]);
    district.sis(&[named("tea-1", "1"), named("tea-2", "2")]);
    district.run().ok();
    // The SIS changes the id, a night passes, and the operator notices.
    district.sis(&[named("tea-2", "2")]);
    district.run().ok();
    district.sis(&[named("tea-901", "1"), named("tea-2", "2")]);
    district.run().ok();
    district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    district.platform(&[on_platform("tea-1", "1").email("later@home.example"), on_platform("tea-2", "2")]);
    district.run().ok().says(
        "tea-901",
        "kept",
        "Active user has a new email in the SIS import - later@home.example",
    );
    // By hand it is the same.
    district.file(
        "by-hand.csv",
        "sourced_id,state,given_name,family_name,email\ntea-1,active,Rosa 1,Diaz,by-hand@home.example\n",
    );
    district.cli(&["users", "import", "by-hand.csv"]).ok();
    assert_eq!(
        district.ask("SELECT email FROM account WHERE sourced_id = 'tea-901'"),
        "by-hand@home.example"
    );
    assert_eq!(district.ask("SELECT email FROM account WHERE sourced_id = 'tea-1'"), "rosa1@school.example");
    // Taken back: the row is that of the account which has the sourcedId.
    district.cli(&["users", "rekey", "tea-901", "tea-1"]).ok();
    assert_eq!(district.ask("SELECT count(*) FROM earlier_id"), "0");
}

/// Ann is `tea-1` and becomes `tea-2`; Bea was `tea-2` and becomes `tea-3`.
#[test]
fn a_sourced_id_that_was_given_on_to_another_user_shows_the_one_that_the_row_names() {
    let mut district = District::new().without_limits();
    let ann = |id: &str| person(id).given("Ann").email("ann@home.example");
    let bea = |id: &str| person(id).given("Bea").email("bea@home.example");
    district.platform(&[ann("tea-1"), bea("tea-2")]);
    district.sis(&[ann("tea-1"), bea("tea-2")]);
    district.run().ok();
    district.sis(&[ann("tea-2"), bea("tea-3")]);
    district.file("renames.csv", "old,new\ntea-2,tea-3\ntea-1,tea-2\n");
    district.platform(&[ann("tea-1").email("ann2@home.example"), bea("tea-2").email("bea2@home.example")]);
    let emails = "SELECT sourced_id, email, state, archived FROM account ORDER BY 1";
    for arguments in [&["--rekey", "renames.csv"][..], &[], &["--decide-all"]] {
        district.run_with(arguments).ok();
        assert_eq!(
            district.ask(emails),
            "tea-2 | ann2@home.example | active | 0\ntea-3 | bea2@home.example | active | 0"
        );
    }
    // Once the platform shows Bea under the new one, the other row is Ann's.
    district.platform(&[ann("tea-2").email("ann3@home.example"), bea("tea-3").email("bea3@home.example")]);
    district.run().ok();
    assert_eq!(
        district.ask(emails),
        "tea-2 | ann3@home.example | active | 0\ntea-3 | bea3@home.example | active | 0"
    );
}

#[test]
fn the_language_on_the_platform_is_found_under_the_old_id() {
    let mut district = District::new().update_contacts(true).without_limits();
    let row = |id: &str| {
        format!(
            "sourced_id,state,given_name,family_name,email,language\n{id},active,Rosa,Diaz,rosa@home.example,es\n"
        )
    };
    district.platform_file(&row("tea-1"));
    district.sis(&[person("tea-1").email("rosa@home.example")]);
    district.run().ok();
    district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    district.sis(&[person("tea-901").email("rosa@new.example")]);
    district.run().ok().says("tea-901", "updated", "Email updated by the sync - was rosa@home.example");
    let mails = district.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().any(|mail| mail.body.contains("escuela")), "{mails:?}");
}

#[test]
fn a_store_from_before_knows_the_earlier_sourced_ids() {
    let district = District::new().without_limits();
    district.sis(&[named("tea-1", "1"), named("tea-2", "2"), named("tea-5", "5")]);
    district.run().ok();
    district.sis(&[named("tea-2", "2"), named("tea-5", "5")]);
    district.run().ok();
    district.sis(&[named("tea-901", "1"), named("tea-2", "2"), named("tea-5", "5")]);
    district.run().ok();
    // One replaces an account, one moves twice, one moves there and back.
    for (old, new) in
        [("tea-1", "tea-901"), ("tea-2", "tea-3"), ("tea-3", "tea-4"), ("tea-5", "tea-6"), ("tea-6", "tea-5")]
    {
        district.cli(&["users", "rekey", old, new]).ok();
    }
    let known = "SELECT earlier_id.sourced_id, account.sourced_id FROM earlier_id JOIN account ON account.id = account_id \
                 ORDER BY 1";
    let before = district.ask(known);
    assert_eq!(before, "tea-1 | tea-901\ntea-2 | tea-4\ntea-3 | tea-4\ntea-6 | tea-5");
    let migration = include_str!("../../src/store/schema/0022_earlier_ids.sql");
    district.store().execute_batch(&format!("DROP TABLE earlier_id; {migration}")).unwrap();
    assert_eq!(district.ask(known), before);
}
