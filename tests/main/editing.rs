//! Changing contact details by hand: every cell of the table, and attempts that are not allowed.

use std::ops::Range;
use std::process::Stdio;

use crate::support::{District, Done, long, person};

const STATES: [&str; 3] = ["pending", "active", "archived"];
const SETTINGS: [&str; 2] = ["on", "off"];
const EDITS: [(&str, &str); 4] = [
    ("--given-name", "Maria"),
    ("--email", "maria@home.example"),
    ("--phone", "(718) 555-0142"),
    ("--home-phone", "718-555-0150"),
];

/// The actor of an edit, and the answer of the domain document if nothing else speaks against it.
const ACTORS: [(&str, &str); 8] = [
    ("tea-pending", "actor-inactive"),
    ("tea-archived", "actor-inactive"),
    ("self", "ok"),
    ("tea-manager", "ok"),
    ("tea-district", "ok"),
    ("tea-elsewhere", "other-school"),
    ("tea-other", "not-permitted"),
    ("gua-1", "not-permitted"),
];

/// A user in every state under either setting, and the actors that would edit them.
fn everybody() -> District {
    let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
    let mut targets = Vec::new();
    for state in STATES {
        for setting in SETTINGS {
            let school = format!("sch-{setting}");
            targets.push(person(&format!("stu-{state}-{setting}")).schools(&school));
            // A user with more power than a manager of the users of a school.
            targets.push(person(&format!("adm-{state}-{setting}")).schools(&school));
        }
    }
    let actors =
        ["tea-manager", "tea-district", "tea-elsewhere", "tea-other", "tea-pending", "tea-archived", "gua-1"]
            .map(person);
    let all: Vec<_> = targets.iter().cloned().chain(actors).collect();
    let joined: Vec<_> = all
        .iter()
        .map(|person| match person.cells["sourcedId"].contains("pending") {
            true => person.clone().state("pending"),
            false => person.clone(),
        })
        .collect();
    district.platform(&joined);
    district.sis(&all);
    district.run().ok();
    district.cli(&["users", "grant", "tea-archived", "users-manager"]).ok();
    let there: Vec<_> =
        all.iter().filter(|person| !person.cells["sourcedId"].contains("archived")).cloned().collect();
    district.sis(&there);
    district.run().ok();
    for (actor, school) in [
        ("tea-pending", None),
        ("tea-manager", Some("sch-on")),
        ("tea-manager", Some("sch-off")),
        ("tea-elsewhere", Some("sch-9")),
        ("tea-district", None),
    ] {
        let mut arguments = vec!["users", "grant", actor, "users-manager"];
        arguments.extend(school.iter().flat_map(|school| ["--school", school]));
        district.cli(&arguments).ok();
    }
    district
}

fn edit(district: &District, user: &str, actor: &str, what: &[&str]) -> Done {
    district.cli(&[&["users", "edit", user, "--as", actor], what].concat())
}

/// state × setting × actor × field. Without the long tests one field of each, in turn.
#[test]
fn every_cell_of_the_table() {
    let district = everybody();
    let mut turn = 0;
    let mut every_field = |user: &str, actor: &str, expected: &str| {
        turn = (turn + 1) % EDITS.len();
        let fields = if long() { 0..EDITS.len() } else { turn..turn + 1 };
        try_fields(&district, user, actor, expected, fields);
    };
    for state in STATES {
        for setting in SETTINGS {
            let user = format!("stu-{state}-{setting}");
            for (actor, answer) in ACTORS {
                let actor = if actor == "self" { &user } else { actor };
                every_field(&user, actor, expected(answer, state, setting));
            }
            let user = format!("adm-{state}-{setting}");
            every_field(&user, "tea-manager", expected("outranked", state, setting));
            every_field(&user, "tea-district", expected("ok", state, setting));
            every_field(&user, &user, expected("ok", state, setting));
        }
    }
    district.cli(&["status", "--verify"]).ok();
}

/// The answer to actors that may edit if state and setting allow it, and to others.
fn expected(answer: &'static str, state: &str, setting: &str) -> &'static str {
    match (answer, state, setting) {
        ("ok" | "outranked", "pending", _) => "not-joined",
        ("ok" | "outranked", "archived", _) => "archived",
        ("ok" | "outranked", _, "on") => "managed-by-sync",
        (answer, _, _) => answer,
    }
}

/// What `can-edit` says of a user, and what comes of an edit of some of the fields.
fn try_fields(district: &District, user: &str, actor: &str, expected: &str, fields: Range<usize>) {
    let details = "SELECT sourced_id, state, archived, given_name, family_name, email, phone, home_phone \
                   FROM account ORDER BY 1";
    let asked = district.cli(&["users", "can-edit", user, "--as", actor, "--json"]).ok().json();
    for at in fields {
        let ((option, value), field) = (EDITS[at], ["name", "email", "phone", "home_phone"][at]);
        let case = format!("{user} by {actor}: {field}");
        assert_eq!(asked["fields"][field]["editable"], expected == "ok", "{case}");
        assert_eq!(asked["fields"][field]["code"], expected, "{case}");
        let before = district.ask(details);
        let done = edit(district, user, actor, &[option, value, "--json"]);
        if expected == "ok" {
            assert_eq!(done.ok().json()["changed"], serde_json::json!([field]), "{case}");
            let email = format!("{user}@school.example");
            let back = match field {
                "name" => "Rosa",
                "email" => &email,
                _ => "",
            };
            edit(district, user, actor, &[option, back]).ok();
        } else {
            let done = done.exits(4).json();
            assert_eq!((&done["code"], &done["exit"]), (&expected.into(), &4.into()), "{case}");
            assert!(done["message"].as_str().unwrap().len() > 20, "{case}");
        }
        assert_eq!(district.ask(details), before, "{case}");
    }
}

/// One active person under OFF and one of the staff.
fn pair() -> District {
    let mut district = District::new();
    district.platform(&[person("gua-1").mobile("+17185550142"), person("tea-1"), person("tea-2")]);
    district.sis(&[person("gua-1").mobile("+17185550142"), person("tea-1"), person("tea-2")]);
    district.run().ok();
    district
}

#[test]
fn an_edit_is_normalised_told_and_on_record() {
    let district = pair();
    let done =
        edit(&district, "gua-1", "gua-1", &["--email", " New@Mail.example ", "--phone", "718.555.0199"]).ok();
    assert_eq!(
        done.stdout,
        "Email: gua-1@school.example → New@Mail.example\nPhone number: +17185550142 → +17185550199\n\
         gua-1 was changed, and 2 messages tell of it\n"
    );
    let mails = district.mails();
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["New@Mail.example", "gua-1@school.example"]);
    assert!(mails[0].body.contains("were changed from your account"), "{}", mails[0].body);
    assert!(
        !mails[1].body.contains("New@Mail.example") && !mails[1].body.contains("Rosa"),
        "{}",
        mails[1].body
    );
    assert_eq!(
        district.ask("SELECT run_id, origin, actor, field, old, new FROM audit"),
        "NULL | person | gua-1 | email | gua-1@school.example | New@Mail.example\n\
         NULL | person | gua-1 | phone | +17185550142 | +17185550199"
    );
    assert_eq!(
        district.ask("SELECT count(*) FROM link WHERE run_id IS NULL AND id > 1"),
        "1",
        "one link an edit"
    );
    let before = district.store_hash();
    let done =
        edit(&district, "gua-1", "gua-1", &["--email", "new@mail.example", "--phone", "(718) 555-0199"]).ok();
    assert_eq!(done.stdout, "gua-1 had these details already; nothing changed\n");
    assert_eq!(district.store_hash(), before, "formatting is not a change");
    // The next night leaves it alone and says so.
    let done = district.run().ok();
    done.says(
        "gua-1",
        "kept",
        "Active user has a new email in the SIS import - New@Mail.example; \
         Active user has a new phone number in the SIS import - +17185550199",
    );
}

#[test]
fn values_that_cannot_be_used_are_refused_with_their_code() {
    let district = pair().with("sync.ignore_emails", "[\"noemail@*\"]");
    let before = district.accounts();
    for (what, code) in [
        (&["--email", "rosa(at)mail"][..], "invalid-email"),
        (&["--email", "noemail@x.example"], "placeholder-email"),
        (&["--phone", "12"], "invalid-phone"),
        (&["--home-phone", "call me"], "invalid-home-phone"),
        (&["--given-name", " ", "--family-name", ""], "invalid-name"),
        (&["--given-name", "\u{200B}\u{FEFF}", "--family-name", "\u{2060}"], "invalid-name"),
        (&["--given-name", &"x".repeat(256)], "too-long"),
        (&["--email", &format!("{}@x.example", "x".repeat(100_000))], "too-long"),
        (&["--email", "", "--phone", ""], "last-credential"),
        (&["--email", "good@mail.example", "--phone", "12"], "invalid-phone"),
    ] {
        let done = edit(&district, "gua-1", "gua-1", &[what, &["--json"]].concat()).exits(4).json();
        assert_eq!(done["code"], code, "{what:?}");
    }
    assert_eq!(district.accounts(), before);
    edit(&district, "gua-1", "gua-1", &[]).exits(2).complains(&["nothing is to be changed"]);
    edit(&district, "nobody", "gua-1", &["--email", "a@b.example"]).exits(2).complains(&["`nobody`"]);
}

/// What cannot be seen makes no other name; what turns the text around gets nowhere.
#[test]
fn invisible_characters_are_no_part_of_a_name() {
    let district = pair();
    let store = district.store_hash();
    let same = ["--given-name", "\u{200B}Ro\u{AD}sa\u{2069}", "--family-name", "\u{202E}Diaz"];
    let done = edit(&district, "gua-1", "gua-1", &same).ok();
    assert_eq!(done.stdout, "gua-1 had these details already; nothing changed\n");
    assert_eq!(district.store_hash(), store);
    edit(&district, "gua-1", "gua-1", &["--given-name", "\u{202E}evil\u{200B}", "--phone", ""]).ok();
    edit(&district, "gua-1", "gua-1", &["--given-name", &"é".repeat(255)]).ok();
    assert_eq!(district.ask("SELECT old FROM audit ORDER BY id DESC LIMIT 1"), "evil\tDiaz");
    // The SIS and the platform write as they like: that is no change either.
    let store = |district: &District| {
        district.ask("SELECT given_name, family_name, email FROM account ORDER BY sourced_id")
    };
    let odd = |id: &str| person(id).given("Rosa\u{200B}").family("\u{202E}Diaz");
    let mut district = pair();
    let before = store(&district);
    district.platform(&[odd("gua-1").mobile("+17185550142"), odd("tea-1"), odd("tea-2")]);
    district.sis(&[odd("gua-1").mobile("+17185550142"), odd("tea-1"), odd("tea-2")]);
    assert_eq!(district.run().ok().report.count("unchanged"), 3);
    assert_eq!(store(&district), before);
    // A store of an earlier version may have such names. They are the same, and no terminal is
    // turned around by them.
    district
        .store()
        .execute_batch(
            "UPDATE account SET given_name = 'Ro' || char(8238) || 'sa' WHERE sourced_id = 'tea-1'",
        )
        .unwrap();
    let district = district.update_contacts(true);
    assert_eq!(district.run().ok().report.count("unchanged"), 3);
    district.sis(&[person("gua-1").mobile("+17185550142"), person("tea-1").given("Maria"), person("tea-2")]);
    for command in
        [&["run", "--dry-run"][..], &["users", "show", "tea-1"], &["explain", "tea-1"], &["users", "list"]]
    {
        let text = district.cli(command).ok().stdout;
        assert!(!text.contains('\u{202E}') && text.contains("Ro·sa"), "{text}");
    }
}

#[test]
fn a_refusal_is_said_in_the_words_of_the_configuration() {
    let district = pair().update_contacts(true).with("notify.message", "\"Ask Ms. Park.\"");
    edit(&district, "gua-1", "gua-1", &["--email", "a@b.example"]).exits(4).complains(&[
        "error: Ask Ms. Park",
        "user gua-1, code managed-by-sync",
        "nothing was changed",
    ]);
    let text = district.cli(&["users", "can-edit", "gua-1", "--as", "gua-1"]).ok().stdout;
    assert!(
        text.starts_with("name        no   managed-by-sync\n") && text.ends_with("Ask Ms. Park.\n"),
        "{text}"
    );
}

/// Attempts to take over other people's accounts.
#[test]
fn attacks_are_refused_and_on_record() {
    let mut district = District::new().with("sync.shared_contacts", "\"unique\"").without_limits();
    let people = [
        person("gua-1"),
        person("gua-2").email("taken@mail.example").mobile("+17185550142"),
        person("tea-manager"),
        person("tea-manager-2"),
        person("tea-gone"),
        person("tea-pending"),
        person("adm-1"),
    ];
    let mut joined = people.to_vec();
    joined[5] = joined[5].clone().state("pending");
    district.platform(&joined);
    district.sis(&people);
    district.run().ok();
    for actor in ["tea-manager", "tea-manager-2", "tea-gone", "tea-pending"] {
        district.cli(&["users", "grant", actor, "users-manager", "--school", "sch-1"]).ok();
    }
    let there: Vec<_> = people.iter().filter(|one| one.cells["sourcedId"] != "tea-gone").cloned().collect();
    district.sis(&there);
    district.run().ok();
    let before = district.accounts();
    for (user, actor, what, code) in [
        ("gua-2", "gua-1", ["--email", "x@evil.example"], "not-permitted"),
        ("gua-1", "tea-gone", ["--email", "x@evil.example"], "actor-inactive"),
        ("gua-1", "tea-pending", ["--email", "x@evil.example"], "actor-inactive"),
        ("adm-1", "tea-manager", ["--email", "x@evil.example"], "outranked"),
        ("tea-manager-2", "tea-manager", ["--email", "x@evil.example"], "outranked"),
        ("gua-1", "gua-1", ["--email", "TAKEN@mail.example"], "email-taken"),
        ("gua-1", "tea-manager", ["--phone", "718 555 0142"], "phone-taken"),
        ("tea-manager", "tea-manager", ["--email", "TAKEN@mail.example"], "email-taken"),
    ] {
        let done = edit(&district, user, actor, &[&what[..], &["--json"]].concat()).exits(4).json();
        assert_eq!(done["code"], code, "{user} by {actor}");
        assert!(
            !done.to_string().contains("gua-2") || user == "gua-2",
            "the owner of a value is not named: {done}"
        );
        let last = district.ask(
            "SELECT sourced_id, origin, actor, field, new FROM audit JOIN account ON account.id = account_id ORDER BY audit.id DESC LIMIT 1",
        );
        let origin = if user == actor || actor == "gua-1" { "person" } else { "staff" };
        assert_eq!(last, format!("{user} | {origin} | {actor} | refused | {code}"));
    }
    assert_eq!(district.accounts(), before);
    assert!(district.mails().is_empty());
    // The grant for the district outranks them, and the manager may edit their own.
    district.cli(&["users", "grant", "tea-manager", "users-manager"]).ok();
    edit(&district, "adm-1", "tea-manager", &["--email", "adm@mail.example"]).ok();
    edit(&district, "tea-manager-2", "tea-manager-2", &["--email", "m2@mail.example"]).ok();
    district.cli(&["status", "--verify"]).ok();
}

/// Whatever is refused has a code, and is on record with the account that it was about.
#[test]
fn every_refusal_has_a_code_and_is_on_record() {
    let mut district = District::new();
    district.platform(&[person("gua-1"), person("tea-1")]);
    district.sis(&[person("gua-1"), person("tea-1"), person("gua-2"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("gua-1"), person("tea-1"), person("gua-2")]);
    district.run().ok();
    let accounts = district.accounts();
    for (arguments, code, entry) in [
        (
            &["edit", "gua-1", "--as", "made-up", "--email", "x@evil.example"][..],
            "unknown-actor",
            "gua-1 | operator | made-up |  | unknown-actor",
        ),
        (&["join", "tea-2"], "archived", "tea-2 | person | tea-2 | join | archived"),
        (
            &["join", "tea-2", "--email", "x@y.example"],
            "archived",
            "tea-2 | person | tea-2 | join | archived",
        ),
        (
            &["join", "gua-2", "--email", "new(at)mail"],
            "invalid-email",
            "gua-2 | person | gua-2 | join | invalid-email",
        ),
        (&["grant", "gua-1", "users-manager"], "not-staff", "gua-1 | operator |  | grant | not-staff"),
        (&["grant", "tea-2", "users-manager"], "archived", "tea-2 | operator |  | grant | archived"),
    ] {
        let done = district.cli(&[&["users"], arguments].concat()).exits(4);
        done.complains(&[&format!("user {}, code {code}", arguments[1])]);
        let last = "SELECT sourced_id, origin, actor, old, new FROM audit JOIN account ON account.id = account_id \
                    WHERE field = 'refused' ORDER BY audit.id DESC LIMIT 1";
        assert_eq!(district.ask(last), entry, "{arguments:?}");
    }
    assert_eq!(district.accounts(), accounts);
    let text = district.cli(&["users", "history", "tea-2"]).ok().stdout;
    let words: Vec<String> = text
        .lines()
        .rev()
        .take(2)
        .map(|line| line.split_whitespace().skip(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(words, ["grant refused archived the operator of rostersync", "join refused archived tea-2"]);
    // A profile page asks the same, and learns the same.
    let asked = district.cli(&["users", "can-edit", "gua-1", "--as", "made-up", "--json"]).ok().json();
    assert_eq!(asked["fields"]["email"]["code"], "unknown-actor");
    assert_eq!(asked["fields"]["email"]["editable"], false);
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn a_permission_is_for_staff_and_on_record() {
    let district = pair();
    let done = district.cli(&["users", "grant", "tea-1", "users-manager", "--school", "sch-1"]).ok();
    assert_eq!(done.stdout, "tea-1 now has users-manager for school sch-1\n");
    let done = district.cli(&["users", "grant", "tea-1", "users-manager", "--school", "sch-1"]).ok();
    assert!(done.stdout.ends_with("nothing changed\n"), "{}", done.stdout);
    edit(&district, "gua-1", "tea-1", &["--home-phone", "7185550177"]).ok();
    assert!(district.mails()[0].body.contains("by staff of your school"), "{:?}", district.mails());
    district
        .cli(&["users", "grant", "gua-1", "users-manager"])
        .exits(4)
        .complains(&[
            "Only staff can manage users, and this person holds no staff role today. Student, guardian, parent and relative are \
             none; nor is a role that has ended or that OneRoster does not have",
            "user gua-1, code not-staff",
        ]);
    // A blank school is a slip, and not the whole district.
    for command in ["grant", "revoke"] {
        let blank = ["users", command, "tea-1", "users-manager", "--school", ""];
        district.cli(&blank).exits(2).complains(&["the school has no sourcedId"]);
    }
    district.cli(&["users", "grant", "nobody", "users-manager"]).exits(2).complains(&["`nobody`"]);
    let done = district.cli(&["users", "revoke", "tea-1", "users-manager", "--school", "sch-1"]).ok();
    assert_eq!(done.stdout, "tea-1 no longer has users-manager for school sch-1\n");
    edit(&district, "gua-1", "tea-1", &["--home-phone", ""]).exits(4);
    assert_eq!(
        district.ask("SELECT origin, old, new FROM audit WHERE field = 'users_manager'"),
        "operator |  | sch-1\noperator | sch-1 | "
    );
    district.file("sis/orgs.csv", "sourcedId,name,type\nsch-1,Lincoln Elementary,school\n");
    district.run().ok();
    district
        .cli(&["users", "grant", "tea-1", "users-manager", "--school", "sch-2"])
        .exits(2)
        .complains(&["no school has the sourcedId `sch-2`", "`rostersync report`"]);
    district
        .cli(&["users", "grant", "tea-1", "users-manager", "--school", "SCH_1"])
        .exits(2)
        .complains(&["no school has the sourcedId `SCH_1`", "did you mean `sch-1`?"]);
}

/// The users with the permission, by `users list`.
fn managers(district: &District, value: &str) -> Vec<String> {
    let filter = format!("users_manager={value}");
    let json = district.cli(&["users", "list", "--where", &filter, "--format", "json"]).ok().json();
    json.as_array().unwrap().iter().map(|row| row["sourced_id"].as_str().unwrap().to_owned()).collect()
}

/// A permission has no effect while its user is archived, and does not come back with the user:
/// that is reported once.
#[test]
fn a_manager_that_comes_back_is_given_the_permission_by_hand() {
    let mut district = District::new().without_limits();
    let everybody = ["gua-1", "tea-1", "tea-2"].map(person);
    district.platform(&everybody);
    district.sis(&everybody);
    district.run().ok();
    for actor in ["tea-1", "tea-2"] {
        district.cli(&["users", "grant", actor, "users-manager"]).ok();
    }
    assert_eq!(managers(&district, "district"), ["tea-1", "tea-2"]);
    district.sis(&everybody[..2]);
    district.run().ok();
    assert_eq!(managers(&district, "district"), ["tea-1"]);
    assert_eq!(managers(&district, "asleep:district"), ["tea-2"]);
    let shown = district.cli(&["users", "show", "tea-2"]).ok().stdout;
    assert!(shown.contains("Manages:   users of the whole district, not while archived\n"), "{shown}");
    district.sis(&everybody);
    let told = "the user tea-2 is back and could manage users before (of district); the permission has ended, and \
                `rostersync users grant tea-2 users-manager` gives it again";
    let preview = district.preview().exits(3);
    assert!(preview.stdout.contains(told), "{}", preview.stdout);
    assert_eq!(managers(&district, "asleep:district"), ["tea-2"], "a preview ends nothing");
    let done = district.run().exits(3);
    assert!(done.stdout.contains(&format!("Attention (permission-ended): users: {told}")), "{}", done.stdout);
    assert_eq!(managers(&district, "district"), ["tea-1"]);
    assert_eq!(managers(&district, "asleep:district"), Vec::<String>::new());
    edit(&district, "gua-1", "tea-2", &["--email", "x@mail.example"]).exits(4);
    assert_eq!(
        district
            .ask("SELECT origin, old, new FROM audit WHERE field = 'users_manager' ORDER BY id DESC LIMIT 1"),
        "sync | district | "
    );
    // Once.
    district.run().ok();
    district.cli(&["users", "grant", "tea-2", "users-manager"]).ok();
    edit(&district, "gua-1", "tea-2", &["--email", "x@mail.example"]).ok();
    district.cli(&["status", "--verify"]).ok();
}

/// Of a blocked run there is nothing but its row.
#[test]
fn a_blocked_run_ends_no_permission() {
    let mut district = District::new();
    let all: Vec<_> = (1..=20).map(|n| person(&format!("tea-{n:02}"))).collect();
    district.platform(&all);
    district.sis(&all);
    district.run().ok();
    district.cli(&["users", "grant", "tea-20", "users-manager"]).ok();
    district.sis(&all[..19]);
    district.run().ok();
    district.sis(&[&all[..9], &all[19..]].concat());
    let done = district.run().exits(4);
    assert!(done.stdout.contains("permission-ended"), "{}", done.stdout);
    assert_eq!(managers(&district, "asleep:district"), ["tea-20"]);
}

/// `enabledUser` limits the access: to edit oneself is no access to others.
#[test]
fn disabled_staff_edit_no_other_user() {
    let mut district = District::new().without_limits();
    let all =
        |enabled: &str| [person("gua-1"), person("tea-1").enabled(enabled), person("adm-1").enabled(enabled)];
    district.platform(&all("true"));
    district.sis(&all("true"));
    district.run().ok();
    for actor in ["tea-1", "adm-1"] {
        district.cli(&["users", "grant", actor, "users-manager"]).ok();
    }
    edit(&district, "gua-1", "tea-1", &["--home-phone", "7185550177"]).ok();
    district.sis(&all("false"));
    district.run().ok();
    let before = district.accounts();
    for (user, actor) in [("gua-1", "tea-1"), ("gua-1", "adm-1"), ("adm-1", "tea-1")] {
        let done = edit(&district, user, actor, &["--home-phone", "7185550178", "--json"]).exits(4).json();
        assert_eq!(done["code"], "actor-disabled");
        assert_eq!(
            done["message"],
            "Your own account is disabled in the school's records, so it cannot change the contact details of others."
        );
        let asked = district.cli(&["users", "can-edit", user, "--as", actor, "--json"]).ok().json();
        assert_eq!(asked["fields"]["email"]["code"], "actor-disabled");
    }
    assert_eq!(district.accounts(), before);
    assert_eq!(managers(&district, "district"), Vec::<String>::new());
    assert_eq!(managers(&district, "asleep:district"), ["adm-1", "tea-1"]);
    let shown = district.cli(&["users", "show", "tea-1", "--json"]).ok().json();
    assert_eq!(shown["users_manager_asleep"], "disabled");
    // Their own details are theirs.
    edit(&district, "tea-1", "tea-1", &["--home-phone", "7185550179"]).ok();
    // What the SIS does not say takes nothing away.
    district.sis(&all(""));
    district.run().ok();
    district.sis(&all("true"));
    district.run().ok();
    edit(&district, "gua-1", "tea-1", &["--home-phone", "7185550177"]).ok();
}

/// `[sync] roles` chooses the users that the sync updates, and not the staff of the district. A
/// role that OneRoster does not have may be anything, and one that is over is none.
#[test]
fn which_roles_can_manage_users() {
    let mut district = District::new().without_limits();
    let people = [
        person("gua-1"),
        person("tea-1"),
        person("tea-2").role("counselor"),
        person("stu-1"),
        person("par-1"),
        person("rel-1"),
    ];
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    for actor in ["tea-1", "tea-2"] {
        district.cli(&["users", "grant", actor, "users-manager"]).ok();
    }
    for nobody in ["stu-1", "par-1", "rel-1", "gua-1"] {
        district
            .cli(&["users", "grant", nobody, "users-manager"])
            .exits(4)
            .complains(&["holds no staff role today", "code not-staff"]);
    }
    let limited = district.with("sync.roles", "[\"guardian\", \"teacher\"]");
    limited.run().ok();
    edit(&limited, "gua-1", "tea-2", &["--home-phone", "7185550177"]).ok();
    // Another word, and another office: neither of them edits others any more.
    let mut people = people;
    people[1] = people[1].clone().role("ext:helper");
    people[2] = people[2].clone().role("parent");
    limited.sis(&people);
    limited.run().ok();
    for actor in ["tea-1", "tea-2"] {
        let done = edit(&limited, "gua-1", actor, &["--home-phone", "7185550178", "--json"]).exits(4).json();
        assert_eq!(done["code"], "not-permitted", "{actor}");
    }
    assert_eq!(managers(&limited, "district"), Vec::<String>::new());
    assert_eq!(managers(&limited, "asleep:district"), ["tea-1", "tea-2"]);
}

/// The edit is made whatever becomes of its messages, and the output does not claim that they were
/// sent.
#[test]
fn an_edit_whose_messages_wait_says_so() {
    let mut district = pair();
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.set("notify.email.timeout", "\"2s\"");
    let done = edit(&district, "gua-1", "gua-1", &["--email", "new@mail.example"]).exits(8);
    assert!(
        done.stdout.ends_with(
            "gua-1 was changed, but not all that tells of it could be handed over; `rostersync outbox list` has what waits\n"
        ),
        "{}",
        done.stdout
    );
    let json =
        edit(&district, "gua-1", "gua-1", &["--email", "newer@mail.example", "--json"]).exits(8).json();
    assert_eq!((&json["result"], &json["exit"]), (&"changed".into(), &8.into()));
    assert_eq!(district.ask("SELECT email FROM account WHERE sourced_id = 'gua-1'"), "newer@mail.example");
}

/// A guardian is at the schools of the students, whichever of the two records has the link.
#[test]
fn a_guardian_is_managed_at_the_students_schools() {
    let mut district = District::new();
    let people = [
        person("stu-1").schools("sch-7").agents("gua-1"),
        person("gua-1").schools(""),
        person("stu-2").schools("sch-8"),
        person("gua-2").schools("").agents("stu-2"),
        person("tea-1"),
    ];
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    district.cli(&["users", "grant", "tea-1", "users-manager", "--school", "sch-7"]).ok();
    edit(&district, "gua-1", "tea-1", &["--phone", "7185550142"]).ok();
    let done = edit(&district, "gua-2", "tea-1", &["--phone", "7185550142", "--json"]).exits(4).json();
    assert_eq!(done["code"], "other-school");
}

/// Both take the lock in turn: the second process sees what the first did.
#[test]
fn two_processes_that_edit_at_once_lose_nothing() {
    let district = pair();
    district.write_config();
    let children: Vec<_> = (0..6)
        .map(|number| {
            let (option, value) = match number % 3 {
                0 => ("--email", format!("n{number}@mail.example")),
                1 => ("--phone", format!("71855501{number}0")),
                _ => ("--home-phone", format!("71855502{number}0")),
            };
            let arguments = ["users", "edit", "gua-1", "--as", "gua-1", option, &value].map(str::to_owned);
            let command = arguments.each_ref().map(String::as_str);
            let child = district.command(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            (child.unwrap(), arguments)
        })
        .collect();
    for (child, arguments) in children {
        // On a busy machine the lock may be held for longer than an edit waits; then it has done
        // nothing, and says so.
        match child.wait_with_output().unwrap().status.code() {
            Some(5) => drop(district.cli(&arguments.each_ref().map(String::as_str)).ok()),
            code => assert_eq!(code, Some(0)),
        }
    }
    assert_eq!(district.ask("SELECT count(*) FROM audit"), "6");
    // Each field holds what its last entry says, and each entry begins where the one before it
    // ended.
    for field in ["email", "phone", "home_phone"] {
        let entries =
            district.ask(&format!("SELECT old, new FROM audit WHERE field = '{field}' ORDER BY id"));
        let entries: Vec<(&str, &str)> =
            entries.lines().map(|line| line.split_once(" | ").unwrap()).collect();
        assert_eq!(entries[0].1, entries[1].0, "{field}");
        let now = district.ask(&format!("SELECT {field} FROM account WHERE sourced_id = 'gua-1'"));
        assert_eq!(now, entries[1].1, "{field}");
    }
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn joining_with_details() {
    let district = District::new().school("sch-on", true);
    district.sis(&[
        person("gua-1").schools("sch-on"),
        person("gua-2"),
        person("gua-3").schools("sch-on"),
        person("gua-4"),
    ]);
    district.run().ok();
    let join = |user: &str, what: &[&str]| district.cli(&[&["users", "join", user], what].concat());
    let email =
        |user: &str| district.ask(&format!("SELECT state, email FROM account WHERE sourced_id = '{user}'"));
    // Under ON the details are refused, and the join stands.
    let done = join("gua-1", &["--email", "new@mail.example"]).ok();
    assert_eq!(
        done.stdout,
        "gua-1 has joined and is active; the details were not changed (managed-by-sync): Your school keeps your contact \
         details up to date. To change your name, email address or phone number, please contact the school: the change \
         appears here after the next daily sync.\n"
    );
    assert_eq!(email("gua-1"), "active | gua-1@school.example");
    // The same in other words is not refused.
    let done = join("gua-3", &["--email", "GUA-3@school.example", "--given-name", " Rosa "]).ok();
    assert_eq!(done.stdout, "gua-3 has joined and is active\n");
    // Under OFF they count as the person's edit.
    let done = join("gua-2", &["--email", "new@mail.example"]).ok();
    assert_eq!(done.stdout, "gua-2 has joined and is active, with a new email\n");
    assert_eq!(email("gua-2"), "active | new@mail.example");
    let before = district.store_hash();
    let done = join("gua-2", &["--email", "other@mail.example"]).ok();
    assert_eq!(done.stdout, "gua-2 had joined before; nothing changed\n");
    assert_eq!(district.store_hash(), before);
    // A slip can be corrected before joining.
    join("gua-4", &["--email", "new(at)mail"]).exits(4).complains(&["code invalid-email"]);
    assert_eq!(email("gua-4"), "pending | gua-4@school.example");
    district.cli(&["status", "--verify"]).ok();
}

/// An edit waits for a run in progress, and then names the holder of the lock.
#[test]
fn an_edit_does_not_go_past_a_run() {
    let district = pair();
    let lock = std::fs::File::options().write(true).open(district.path("rostersync.db.lock")).unwrap();
    lock.lock().unwrap();
    let before = district.store_hash();
    edit(&district, "gua-1", "gua-1", &["--email", "new@mail.example"])
        .exits(5)
        .complains(&["another run holds the lock"]);
    assert_eq!(district.store_hash(), before);
    // Asking needs no lock.
    district.cli(&["users", "can-edit", "gua-1", "--as", "gua-1"]).ok();
}

/// What a script asked for is printed also with `-q`.
#[test]
fn a_refusal_is_printed_even_where_it_is_quiet() {
    let district = pair();
    let done =
        district.cli(&["-q", "users", "edit", "gua-1", "--as", "tea-1", "--email", "a@b.example", "--json"]);
    assert_eq!(done.exits(4).json()["code"], "not-permitted");
    let done = district
        .cli(&["-q", "users", "edit", "gua-1", "--as", "gua-1", "--email", "a@b.example", "--json"])
        .ok();
    assert_eq!(done.json()["result"], "changed");
}
