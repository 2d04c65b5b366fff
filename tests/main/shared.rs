//! One email or mobile for two people: noted under `allow`, refused under `unique`.

use crate::support::{District, Person, person};

fn unique() -> District {
    District::new().without_limits().with("sync.shared_contacts", "\"unique\"")
}

fn taken(by: &str) -> String {
    format!("Email is already used by {by} - not updated")
}

#[test]
fn sharing_is_normal_and_said() {
    let mut district = District::new();
    let shared = |id: &str| person(id).email("family@mail.example");
    let mut people: Vec<Person> = ["gua-3", "gua-1", "gua-2", "gua-10", "gua-4"].map(shared).to_vec();
    people.push(person("stu-5").email("").mobile("718-555-0101"));
    people.push(person("stu-6").email("").mobile("(718) 555-0101"));
    people.push(person("stu-7").given("Eve").email("FAMILY@mail.example"));
    district.sis(&people);
    let done = district.run().ok();
    done.says("gua-3", "created", "Email is shared with gua-1, gua-10, gua-2 and 2 more");
    done.says("stu-5", "created", "Phone number is shared with stu-6");
    assert_eq!(&done.report.row("stu-7")["codes"], "email-shared");
    // Later the action is unchanged: a shared value alone is no change.
    district.run().ok().says("stu-6", "unchanged", "Phone number is shared with stu-5");
    // Actual values count, of pending and active accounts after the run.
    district.platform(&[person("gua-1").email("own@home.example")]);
    people.remove(0);
    district.set("limits.archive", "100");
    district.sis(&people);
    let done = district.run().ok();
    done.says("gua-2", "unchanged", "Email is shared with gua-10, gua-4, stu-7");
    done.says("gua-1", "kept", "Active user has a new email in the SIS import - own@home.example");
}

#[test]
fn under_unique_a_holder_that_keeps_its_value_wins() {
    let mut district = unique();
    district.platform(&[person("tea-1").email("a@mail.example")]);
    district.sis(&[person("tea-1").email("a@mail.example"), person("tea-2").email("b@mail.example")]);
    district.run().ok();
    district.sis(&[
        person("tea-1").email("a@mail.example"),
        person("tea-2").email("A@mail.example"),
        person("tea-3").email("a@mail.example"),
    ]);
    for third in ["created", "unchanged"] {
        let done = district.run().ok();
        assert_eq!(
            done.report.shows("sourced_id action email codes"),
            [
                "tea-1 | unchanged | a@mail.example | ".to_owned(),
                "tea-2 | unchanged | b@mail.example | email-taken".to_owned(),
                format!("tea-3 | {third} |  | email-taken"),
            ]
        );
        assert_eq!(&done.report.row("tea-2")["notes"], taken("tea-1"));
        assert_eq!(&done.report.row("tea-3")["notes"], taken("tea-1"));
    }
}

#[test]
fn of_several_new_claimants_none_gets_it() {
    let district = unique();
    let family = |id: &str| person(id).email("family@mail.example").mobile("718-555-0101");
    district.sis(&[person("gua-3"), person("gua-1"), person("gua-2")]);
    district.run().ok();
    district.sis(&[family("gua-3"), family("gua-1"), family("gua-2")]);
    let done = district.run().ok();
    let both = |by: &str| format!("{}; Phone number is already used by {by} - not updated", taken(by));
    done.says("gua-3", "unchanged", &both("gua-1"));
    done.says("gua-1", "unchanged", &both("gua-2"));
    done.says("gua-2", "unchanged", &both("gua-1"));
    assert_eq!(
        done.report.column("email"),
        ["gua-3@school.example", "gua-1@school.example", "gua-2@school.example"]
    );
}

/// A refused value counts as not provided, and a guardian with nothing else is not added.
#[test]
fn new_guardians_with_one_and_the_same_credential_alone_are_not_added() {
    let district = unique();
    district.sis(&[person("tea-1").email("family@mail.example")]);
    district.run().ok();
    district.sis(&[
        person("tea-1").email("family@mail.example"),
        person("gua-1").email("family@mail.example"),
        person("gua-2").email("family@mail.example").mobile("718-555-0101"),
    ]);
    let done = district.run().ok();
    assert_eq!(&done.report.row("gua-1")["action"], "skipped");
    done.says("gua-2", "created", &taken("tea-1"));
}

#[test]
fn a_swap_is_allowed() {
    let district = unique();
    district.sis(&[person("tea-1").email("a@mail.example"), person("tea-2").email("b@mail.example")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("b@mail.example"), person("tea-2").email("a@mail.example")]);
    let done = district.run().ok();
    done.says("tea-1", "updated", "Email updated by the sync - was a@mail.example");
    done.says("tea-2", "updated", "Email updated by the sync - was b@mail.example");
}

#[test]
fn a_value_can_be_handed_down_a_chain_and_a_refusal_refuses_the_next() {
    let emails = |one: &str, two: &str, three: &str| {
        [("tea-1", one), ("tea-2", two), ("tea-3", three)]
            .map(|(id, letter)| person(id).email(&format!("{letter}@mail.example")))
    };
    let district = unique();
    district.sis(&emails("a", "b", "c"));
    district.run().ok();
    district.sis(&emails("b", "c", "d"));
    let done = district.run().ok();
    assert_eq!(done.report.column("email"), ["b@mail.example", "c@mail.example", "d@mail.example"]);
    // One stays: the user that claims that value is refused, keeps the own value, and so the next
    // is refused.
    district.sis(&emails("c", "d", "d"));
    let done = district.run().ok();
    done.says("tea-3", "unchanged", "");
    done.says("tea-2", "unchanged", &taken("tea-3"));
    done.says("tea-1", "unchanged", &taken("tea-2"));
}

#[test]
fn a_value_that_its_holder_gives_up_or_leaves_with_is_free() {
    let district = unique().with("sync.blank_values", "\"clear\"");
    district.sis(&[
        person("tea-1").email("a@mail.example").mobile("718-555-0101"),
        person("tea-2").email("b@mail.example"),
        person("tea-3").email("c@mail.example"),
        person("tea-4").email("d@mail.example"),
    ]);
    district.run().ok();
    // tea-1 clears, tea-2 leaves.
    district.sis(&[
        person("tea-1").email("").mobile("718-555-0101"),
        person("tea-3").email("a@mail.example"),
        person("tea-4").email("b@mail.example"),
    ]);
    let done = district.run().ok();
    done.says("tea-3", "updated", "Email updated by the sync - was c@mail.example");
    done.says("tea-4", "updated", "Email updated by the sync - was d@mail.example");
}

#[test]
fn an_active_person_under_off_claims_nothing() {
    let mut district = unique();
    district.platform(&[person("tea-1").email("rosa@home.example"), person("tea-2").email("b@mail.example")]);
    district.sis(&[person("tea-1").email("b@mail.example"), person("tea-2").email("b@mail.example")]);
    let done = district.run().ok();
    done.says("tea-1", "created", "Active user has a new email in the SIS import - rosa@home.example");
    done.says("tea-2", "created", "");
}

/// The platform itself lets two people have one address: that is a fact, not a claim, and is said
/// as one.
#[test]
fn what_is_shared_already_stays_and_is_said() {
    let mut district = unique();
    let both = [person("tea-1").email("b@mail.example"), person("tea-2").email("b@mail.example")];
    district.platform(&both);
    district.sis(&both);
    let done = district.run().ok();
    done.says("tea-1", "created", "Email is shared with tea-2");
    district.run().ok().says("tea-2", "unchanged", "Email is shared with tea-1");
}

#[test]
fn in_a_delta_users_that_are_not_mentioned_hold_what_they_have() {
    let district = unique();
    district.sis(&[person("tea-1").email("a@mail.example"), person("tea-2").email("b@mail.example")]);
    district.run().ok();
    district.sis_delta(&[person("tea-2").email("a@mail.example")]);
    let done = district.run().ok();
    done.says("tea-2", "unchanged", &taken("tea-1"));
}
