//! Properties that hold for any district, tried on random ones through the program itself.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::support::{District, Person, person, rounds};

/// A person's details by number; few enough that people share them, and that some are not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Somebody {
    role: usize,
    school: usize,
    name: usize,
    email: usize,
    mobile: usize,
    home: usize,
    enabled: bool,
    /// The place of the guardian or student.
    of: usize,
}

const ROLES: [&str; 5] = ["student", "guardian", "teacher", "parent", "nurse"];
const SCHOOLS: [&str; 4] = ["sch-on", "sch-off", "sch-on,sch-off", ""];
const NAMES: [(&str, &str); 4] = [("Rosa", "Diaz"), ("José", "Núñez"), ("rosa", "diaz"), ("", "Wang")];
const EMAILS: [&str; 6] =
    ["", "a@mail.example", "b@mail.example", "c@mail.example", "noemail@x.example", "rosa(at)mail"];
const NUMBERS: [&str; 5] = ["", "+17185550101", "+17185550102", "+19175550103", "555-0100"];

/// How the same is written: as it stands, or dressed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dress {
    Plain,
    Up,
}

impl Somebody {
    fn person(&self, id: &str, dress: Dress) -> Person {
        let number = |at: usize| match (dress, NUMBERS[at].strip_prefix("+1")) {
            (Dress::Up, Some(digits)) => format!(" ({}) {}.{} ", &digits[..3], &digits[3..6], &digits[6..]),
            _ => NUMBERS[at].to_owned(),
        };
        let (given, family) = NAMES[self.name];
        let email = EMAILS[self.email];
        let (given, family, email) = match dress {
            Dress::Plain => (given.to_owned(), family.to_owned(), email.to_owned()),
            // NFD, spaces, and case where it makes no difference.
            Dress::Up => (
                format!(" {} ", given.replace('é', "e\u{301}")),
                format!("{} ", family.replace('ú', "u\u{301}").replace('ñ', "n\u{303}")),
                if email.contains("(at)") { email.to_owned() } else { format!(" {} ", email.to_uppercase()) },
            ),
        };
        person(id)
            .role(ROLES[self.role])
            .schools(SCHOOLS[self.school])
            .given(&given)
            .family(&family)
            .email(&email)
            .mobile(&number(self.mobile))
            .home(&number(self.home))
            .enabled(if self.enabled { "true" } else { "false" })
            .agents(&if self.of == 0 { String::new() } else { format!("p-{}", self.of) })
    }
}

fn somebody() -> impl Strategy<Value = Somebody> {
    (
        0..ROLES.len(),
        0..SCHOOLS.len(),
        0..NAMES.len(),
        0..EMAILS.len(),
        0..NUMBERS.len(),
        0..NUMBERS.len(),
        prop::bool::weighted(0.9),
        0..10_usize,
    )
        .prop_map(|(role, school, name, email, mobile, home, enabled, of)| Somebody {
            role,
            school,
            name,
            email,
            mobile,
            home,
            enabled,
            of,
        })
}

type Roster = BTreeMap<String, Somebody>;

fn roster() -> impl Strategy<Value = Roster> {
    prop::collection::btree_map((1..10_u32).prop_map(|n| format!("p-{n}")), somebody(), 1..8)
        .prop_map(with_stranger)
}

/// A user that shares nothing with the others and is in every roster and export: an export without
/// known users is refused, and a delta needs an account that it can change.
fn with_stranger(mut people: Roster) -> Roster {
    let stranger =
        Somebody { role: 2, school: 3, name: 0, email: 0, mobile: 0, home: 0, enabled: true, of: 0 };
    people.insert("p-0".into(), stranger);
    people
}

/// The users that have joined, with their details.
fn export() -> impl Strategy<Value = Roster> {
    prop::collection::btree_map((1..10_u32).prop_map(|n| format!("p-{n}")), somebody(), 1..5)
        .prop_map(with_stranger)
}

/// Two nights of it.
fn exports() -> impl Strategy<Value = [Roster; 2]> {
    [export(), export()]
}

fn rules() -> impl Strategy<Value = (bool, &'static str, &'static str)> {
    (
        any::<bool>(),
        prop::sample::select(vec!["keep", "clear"]),
        prop::sample::select(vec!["allow", "unique"]),
    )
}

fn district((on, blank, shared): (bool, &str, &str)) -> District {
    District::new()
        .without_limits()
        .update_contacts(on)
        .school("sch-on", true)
        .school("sch-off", false)
        .with("sync.blank_values", &format!("{blank:?}"))
        .with("sync.shared_contacts", &format!("{shared:?}"))
        .with("sync.ignore_emails", "[\"noemail@*\"]")
        .with("identity.same_person", "\"off\"")
        .with_orgs()
}

fn people(roster: &Roster, dress: Dress) -> Vec<Person> {
    roster.iter().map(|(id, somebody)| somebody.person(id, dress)).collect()
}

/// Two nights: how things came to be, and how they are.
fn live(district: &mut District, first: &Roster, exports: &[Roster; 2], second: &Roster) {
    district.platform(&people(&exports[0], Dress::Plain));
    district.sis(&people(first, Dress::Plain));
    district.run().ok();
    district.sis(&people(second, Dress::Plain));
    district.platform(&people(&exports[1], Dress::Plain));
}

fn config() -> ProptestConfig {
    use proptest::test_runner::RngSeed;
    // Each case is several runs of the program. The same few every time; `PROPTEST_CASES=500` looks
    // at others.
    let harder = std::env::var_os("PROPTEST_CASES").is_some();
    let (cases, rng_seed) = match harder {
        true => (ProptestConfig::default().cases, RngSeed::Random),
        false => (rounds(2, 12) as u32, RngSeed::Fixed(4711)),
    };
    ProptestConfig { cases, rng_seed, max_shrink_iters: 200, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// A second run changes nothing, says the same of the differences that stay, and sends nothing.
    #[test]
    fn a_second_run_over_the_same_input_changes_nothing(
        rules in rules(), first in roster(), exports in exports(), second in roster()
    ) {
        // A user that is there in both nights: a change of all users is refused elsewhere.
        let mut district = district(rules);
        live(&mut district, &first, &exports, &second);
        let done = district.run().ok();
        let (store, mails) = (district.dump(), district.mails());
        let again = district.run().ok();
        for action in ["created", "updated", "archived", "restored"] {
            prop_assert_eq!(again.report.count(action), 0, "{}", action);
        }
        prop_assert_eq!(district.dump(), store);
        prop_assert_eq!(district.mails(), mails);
        let kept = |notes: &str| {
            let kept: Vec<&str> = notes.split("; ").filter(|note| !note.contains("updated by the sync") && !note.ends_with("- restored") && !note.starts_with("Probably the same person") && !note.starts_with("Possibly the same person") && !note.starts_with("Linked to ") && !note.starts_with("No longer linked to ") && !note.starts_with("No reachable contact left")).collect();
            kept.join("; ")
        };
        for row in &again.report.rows {
            let before = done.report.row(&row["sourced_id"]);
            prop_assert_eq!(&row["notes"], kept(&before["notes"]));
            prop_assert_eq!(&row["first_seen"], &before["first_seen"]);
        }
    }

    #[test]
    fn the_order_of_rows_makes_no_difference(
        rules in rules(), first in roster(), exports in exports(), second in roster(), seed in any::<u64>()
    ) {
        let mut results = Vec::new();
        for permuted in [false, true] {
            let mut district = district(rules);
            live(&mut district, &first, &exports, &second);
            let mut tonight = people(&second, Dress::Plain);
            if permuted {
                tonight.sort_by_key(|person| person.cells["sourcedId"].bytes().fold(seed, |hash, byte| hash.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)));
                district.sis(&tonight);
            }
            let preview = district.preview().ok();
            let done = district.run().ok();
            prop_assert_eq!(preview.checksum(), done.checksum());
            let mut rows = done.report.rows.clone();
            for row in &mut rows {
                row.0.remove("line");
            }
            rows.sort_by(|a, b| a["sourced_id"].cmp(&b["sourced_id"]));
            results.push((rows, done.plan().to_owned(), done.checksum().to_owned(), district.accounts()));
        }
        prop_assert_eq!(&results[0], &results[1]);
    }

    #[test]
    fn a_reformatted_copy_of_the_input_changes_nothing(
        rules in rules(), first in roster(), exports in exports(), second in roster()
    ) {
        let mut district = district(rules);
        live(&mut district, &first, &exports, &second);
        district.run().ok();
        let (store, mails) = (district.dump(), district.mails());
        district.sis(&people(&second, Dress::Up));
        district.platform(&people(&exports[1], Dress::Up));
        let again = district.run().ok();
        for action in ["created", "updated", "archived", "restored"] {
            prop_assert_eq!(again.report.count(action), 0, "{}", action);
        }
        prop_assert_eq!(district.dump(), store);
        prop_assert_eq!(district.mails(), mails);
    }

    /// What a stream of changes leads to is what a complete export at its end would: accounts, and
    /// what is said of them.
    #[test]
    fn a_stream_of_deltas_leads_to_what_a_bulk_export_says(
        rules in rules(),
        first in roster(),
        export in export(),
        nights in prop::collection::vec(prop::collection::btree_map((1..10_u32).prop_map(|n| format!("p-{n}")), prop::option::of(somebody()), 1..4), 1..4),
    ) {
        let (mut deltas, mut bulks) = (district(rules), district(rules));
        let (mut first, mut nights) = (first, nights);
        if rules.2 == "unique" {
            // A user without any credential but a refused one is not added, so a delta cannot know
            // of the claim: see below.
            let everybody = nights.iter_mut().flat_map(|night| night.values_mut().flatten()).chain(first.values_mut());
            everybody.filter(|somebody| [1, 3].contains(&somebody.role)).for_each(|somebody| somebody.role = 2);
        }
        for district in [&mut deltas, &mut bulks] {
            district.platform(&people(&export, Dress::Plain));
            district.sis(&people(&first, Dress::Plain));
            district.run().ok();
        }
        let mut now = first;
        let mut last = None;
        for changes in nights {
            let before = now.clone();
            let mut delta = Vec::new();
            for (id, change) in changes {
                match change {
                    Some(somebody) => {
                        delta.push(somebody.person(&id, Dress::Plain));
                        now.insert(id, somebody);
                    }
                    None => {
                        let gone = before.get(&id).cloned();
                        if let Some(gone) = gone.filter(|_| now.len() > 1) {
                            delta.push(gone.person(&id, Dress::Plain).status("tobedeleted"));
                            now.remove(&id);
                        }
                    }
                }
            }
            if delta.is_empty() {
                continue;
            }
            deltas.sis_delta(&delta);
            bulks.sis(&people(&now, Dress::Plain));
            last = Some((deltas.run().ok(), bulks.run().ok()));
        }
        prop_assert_eq!(deltas.accounts(), bulks.accounts());
        if let Some((delta, bulk)) = last {
            // Users with an action or a note have a row in both.
            for row in bulk.report.rows.iter().filter(|row| !row["notes"].is_empty()) {
                let skipped = &row["action"] == "skipped" || &row["action"] == "rejected";
                if !skipped {
                    let same = delta.report.row(&row["sourced_id"]);
                    prop_assert_eq!(&same["notes"], &row["notes"], "{}", &row["sourced_id"]);
                    prop_assert_eq!(&same["action"], &row["action"]);
                }
            }
        }
        prop_assert_eq!(deltas.mails().len(), bulks.mails().len());
    }
}
