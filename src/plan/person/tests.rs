mod against_model;

use super::*;
use crate::config::{Globs, OnSamePerson, PhoneCredential, SharedContacts};
use crate::contact::{PersonName, PhoneReader, Region};
use crate::plan::join_notes;
use crate::policy::{BlankValues, Setting};
use crate::rights::Allowed;
use crate::roster::{IdList, RoleList};
use crate::rules::Channels;

/// The default rules, setting OFF, mail configured, on a fixed day.
pub(in crate::plan) fn rules() -> Rules {
    Rules {
        district: Setting::Off,
        schools: [("on".to_owned(), Setting::On), ("off".to_owned(), Setting::Off)].into(),
        synced_schools: Default::default(),
        synced_roles: Vec::new(),
        phone_credential: PhoneCredential::Sms,
        phones: PhoneReader::new(Region::US),
        blank_values: BlankValues::Keep,
        shared_contacts: SharedContacts::Allow,
        ignore_emails: Globs::default(),
        channels: Some(Channels { email: true, sms: false }),
        opted_out: Default::default(),
        suppressed: Default::default(),
        erased: Default::default(),
        told: Default::default(),
        rights: None,
        last_night: None,
        role_names: Default::default(),
        names: Default::default(),
        same_person: OnSamePerson::Hold,
        archive_after: Default::default(),
        missing: Default::default(),
        paused: Default::default(),
        blank_columns: Default::default(),
        undelivered: Default::default(),
        today: "2026-11-23".parse().unwrap(),
    }
}

fn record() -> Record<'static> {
    Record {
        line: Some(2),
        sourced_id: "p-1",
        given_name: Some("Rosa"),
        family_name: Some("Diaz"),
        email: Some("rosa@mail.example"),
        sms: Some("(718) 555-0142"),
        phone: Some("718-555-0150"),
        roles: RoleList("teacher"),
        orgs: Some(IdList("off")),
        ..Record::default()
    }
}

fn account(state: State) -> Account {
    Account {
        id: 7,
        state,
        details: Details {
            name: PersonName::new("Rosa", "Diaz"),
            email: "rosa@mail.example".into(),
            phone: "+17185550142".into(),
            home_phone: "+17185550150".into(),
        },
        ..Account::new("p-1")
    }
}

fn judged(record: &Record<'_>, account: Option<&Account>, schools: &[&str], rules: &Rules) -> Verdict {
    let roles = vec!["teacher".to_owned()];
    let case = Case {
        record,
        account,
        roles: &roles,
        schools,
        duplicate: false,
        unclear: false,
        allowed: Allowed::Yes,
        refused_email: None,
        refused_phone: None,
    };
    judge(&case, rules)
}

fn notes(verdict: &Verdict) -> Vec<String> {
    verdict
        .notes
        .iter()
        .map(|note| {
            let sentence = join_notes(std::slice::from_ref(note));
            if sentence.is_empty() { note.code().into() } else { sentence }
        })
        .collect()
}

#[test]
fn a_new_record_becomes_a_pending_account_with_the_values_of_the_sis() {
    let verdict = judged(&record(), None, &["on"], &rules());
    assert_eq!(verdict.action, Action::Created);
    let made = verdict.account.unwrap();
    assert_eq!((made.state, &made.details), (State::Pending, &account(State::Pending).details));
    assert!(verdict.notes.is_empty() && verdict.news.recipients.is_empty() && !verdict.counts_as_update);
}

#[test]
fn a_pending_person_is_updated_whatever_the_setting_and_nobody_is_told() {
    for school in ["on", "off"] {
        let new = Record { email: Some("new@mail.example"), ..record() };
        let verdict = judged(&new, Some(&account(State::Pending)), &[school], &rules());
        assert_eq!(verdict.action, Action::Updated);
        assert_eq!(notes(&verdict), ["Email updated by the sync - was rosa@mail.example"]);
        assert_eq!(verdict.account.as_ref().unwrap().details.email, "new@mail.example");
        assert!(verdict.news.recipients.is_empty() && !verdict.counts_as_update);
    }
}

#[test]
fn an_active_person_under_on_is_updated_and_told_once() {
    let new = Record { email: Some("new@mail.example"), sms: Some("718 555 0199"), ..record() };
    let verdict = judged(&new, Some(&account(State::Active)), &["on"], &rules());
    assert_eq!(verdict.action, Action::Updated);
    assert_eq!(
        notes(&verdict),
        [
            "Email updated by the sync - was rosa@mail.example",
            "Phone number updated by the sync - was +17185550142"
        ]
    );
    assert_eq!(verdict.news.recipients.len(), 2, "the new and the old address");
    assert!(verdict.counts_as_update);
}

#[test]
fn an_active_person_under_off_is_left_alone_and_the_note_has_the_actual_value() {
    let new = Record { email: Some("new@mail.example"), ..record() };
    let before = account(State::Active);
    let verdict = judged(&new, Some(&before), &["off"], &rules());
    assert_eq!(verdict.action, Action::Kept);
    assert_eq!(notes(&verdict), ["Active user has a new email in the SIS import - rosa@mail.example"]);
    let after = verdict.account.unwrap();
    assert_eq!(after.details, before.details);
    assert_eq!(after.kept_since, KeptSince::from_column(Some("email:2026-11-23")));
    assert!(verdict.news.recipients.is_empty());
    // The day stays while the difference stands.
    let since = KeptSince::from_column(Some("email:2026-09-01"));
    let verdict = judged(&new, Some(&Account { kept_since: since, ..before.clone() }), &["off"], &rules());
    assert_eq!(verdict.account.unwrap().kept_since, since);
    // Each field has its own, and of a day for the whole account each field that differs has that.
    let both = Record { sms: Some("7185550199"), ..new };
    for (had, has) in [
        ("email:2026-09-01", "email:2026-09-01 phone:2026-11-23"),
        ("phone:2026-09-01 name:2026-01-01", "email:2026-11-23 phone:2026-09-01"),
        ("2026-09-01", "email:2026-09-01 phone:2026-09-01"),
    ] {
        let since = KeptSince::from_column(Some(had));
        let verdict =
            judged(&both, Some(&Account { kept_since: since, ..before.clone() }), &["off"], &rules());
        assert_eq!(verdict.account.unwrap().kept_since.column().as_deref(), Some(has));
    }
    // And goes when it is gone.
    let verdict = judged(&record(), Some(&Account { kept_since: since, ..before }), &["off"], &rules());
    assert_eq!(
        (verdict.action, verdict.account.unwrap().kept_since),
        (Action::Unchanged, KeptSince::default())
    );
}

#[test]
fn another_way_of_writing_is_no_change() {
    let same = Record {
        email: Some("Rosa@MAIL.example"),
        sms: Some("+1 718 555 0142 x9"),
        given_name: Some("  Rosa "),
        ..record()
    };
    for state in [State::Pending, State::Active] {
        let before = Account { sis: SisDetails::of(&record()).into(), ..account(state) };
        let verdict = judged(&same, Some(&before), &["on"], &rules());
        assert_eq!(verdict.action, Action::Unchanged);
        assert_eq!(verdict.account.as_ref(), Some(&before), "not even a rewrite of the formatting");
    }
}

#[test]
fn not_provided_says_nothing() {
    let silent = Record { email: None, sms: None, phone: None, ..record() };
    let verdict = judged(&silent, Some(&account(State::Active)), &["on"], &rules());
    assert_eq!((verdict.action, notes(&verdict)), (Action::Unchanged, vec![]));
}

#[test]
fn blank_keeps_and_says_so() {
    let blank = Record { email: Some(""), given_name: Some(""), family_name: Some(""), ..record() };
    let verdict = judged(&blank, Some(&account(State::Pending)), &["on"], &rules());
    assert_eq!(verdict.action, Action::Unchanged);
    assert_eq!(
        notes(&verdict),
        ["SIS import has no name - kept Rosa Diaz", "SIS import has no email - kept rosa@mail.example"]
    );
}

#[test]
fn blank_clears_where_the_sync_may_but_never_the_last_credential_or_a_name() {
    let clear = Rules { blank_values: BlankValues::Clear, ..rules() };
    let blank =
        Record { email: Some(""), sms: Some(""), given_name: Some(""), family_name: Some(""), ..record() };
    let verdict = judged(&blank, Some(&account(State::Active)), &["on"], &clear);
    assert_eq!(
        notes(&verdict),
        [
            "SIS import has no name - kept Rosa Diaz",
            "SIS import has no email - kept rosa@mail.example",
            "Phone number updated by the sync - was +17185550142"
        ]
    );
    let only_email = Record { email: Some(""), ..record() };
    let verdict = judged(&only_email, Some(&account(State::Active)), &["on"], &clear);
    assert_eq!(verdict.account.unwrap().details.email, "", "the mobile is left to sign in with");
    let verdict = judged(&blank, Some(&account(State::Pending)), &["off"], &clear);
    assert_eq!(
        verdict.account.as_ref().unwrap().details.email,
        "",
        "a pending account has no one signing in"
    );
    // Active, OFF: left, and counted as kept.
    let verdict = judged(&only_email, Some(&account(State::Active)), &["off"], &clear);
    assert_eq!(verdict.action, Action::Kept);
    assert_eq!(notes(&verdict), ["SIS import has no email - kept rosa@mail.example"]);
}

#[test]
fn a_column_that_is_blank_as_a_whole_clears_nothing() {
    use crate::rules::BlankColumns;
    let blank = Record { email: Some(""), sms: Some(""), ..record() };
    let clear = Rules { blank_values: BlankValues::Clear, ..rules() };
    let all = Rules {
        blank_columns: BlankColumns { email: true, sms: true, phone: true, contact_rules: false },
        ..clear.clone()
    };
    let one = Rules { blank_columns: BlankColumns { email: true, ..Default::default() }, ..clear };
    let account = account(State::Active);
    let verdict = judged(&blank, Some(&account), &["on"], &all);
    assert_eq!((verdict.action, notes(&verdict)), (Action::Unchanged, vec![]));
    let verdict = judged(&blank, Some(&account), &["on"], &one);
    assert_eq!(notes(&verdict), ["Phone number updated by the sync - was +17185550142"]);
}

#[test]
fn a_number_that_is_said_to_be_no_mobile_is_none_any_more() {
    let moved = Record { sms: None, phone: Some("718-555-0142"), not_mobile: true, ..record() };
    let mut account = account(State::Active);
    account.details.home_phone = String::new();
    let verdict = judged(&moved, Some(&account), &["on"], &rules());
    assert_eq!(
        notes(&verdict),
        [
            "Phone number updated by the sync - was +17185550142",
            "Home phone number updated by the sync - was none"
        ]
    );
    let after = verdict.account.unwrap().details;
    assert_eq!((after.phone.as_str(), after.home_phone.as_str()), ("", "+17185550142"));
    // Under OFF the person's own value stands, and it is said.
    let verdict = judged(&moved, Some(&account), &["off"], &rules());
    assert_eq!(verdict.action, Action::Kept);
    assert_eq!(verdict.account.unwrap().details.phone, "+17185550142");
    // The last way to sign in stays.
    account.details.email = String::new();
    let verdict = judged(&Record { email: Some(""), ..moved }, Some(&account), &["on"], &rules());
    assert_eq!(verdict.account.unwrap().details.phone, "+17185550142");
    assert_eq!(
        notes(&judged(&Record { email: None, ..moved }, Some(&account), &["on"], &rules()))[0],
        "SIS import has no phone number - kept +17185550142"
    );
    // Another number, or one whose kind is not said, takes nothing away.
    for other in [Record { phone: Some("718-555-0199"), ..moved }, Record { not_mobile: false, ..moved }] {
        assert_eq!(
            judged(&other, Some(&account), &["on"], &rules()).account.unwrap().details.phone,
            "+17185550142"
        );
    }
}

#[test]
fn invalid_is_never_applied_and_the_rest_is() {
    let bad = Record {
        email: Some("rosa(at)mail"),
        sms: Some("555-0100"),
        phone: Some("718-555-0111"),
        ..record()
    };
    let verdict = judged(&bad, Some(&account(State::Pending)), &["on"], &rules());
    assert_eq!(
        notes(&verdict),
        [
            "SIS import has an invalid email - rosa(at)mail",
            "SIS import has an invalid phone number - 555-0100",
            "Home phone number updated by the sync - was +17185550150"
        ]
    );
    let verdict = judged(&bad, None, &["on"], &rules());
    assert_eq!((verdict.action, verdict.account.unwrap().details.email), (Action::Created, String::new()));
}

#[test]
fn a_names_case_is_applied_quietly_and_is_the_same_under_off() {
    let cased = Record { family_name: Some("DIAZ"), ..record() };
    let verdict = judged(&cased, Some(&account(State::Active)), &["on"], &rules());
    assert_eq!(notes(&verdict), ["Name updated by the sync - was Rosa Diaz"]);
    assert!(verdict.news.recipients.is_empty() && !verdict.counts_as_update);
    let verdict = judged(&cased, Some(&account(State::Active)), &["off"], &rules());
    assert_eq!((verdict.action, notes(&verdict)), (Action::Unchanged, vec![]));
}

#[test]
fn a_damaged_name_is_never_applied_whatever_the_setting() {
    let mut account = account(State::Active);
    account.details.name = PersonName::new("José", "Núñez");
    for (given, family, shown) in [
        ("Jos\u{FFFD}", "Núñez", "Jos\u{FFFD} Núñez"),
        ("JosÃ©", "NÃºÃ±ez", "JosÃ© NÃºÃ±ez"),
        ("JosÃƒÂ©", "Núñez", "JosÃƒÂ© Núñez"),
        ("Jos?", "N??ez", "Jos? N??ez"),
        ("José", "N??ez", "José N??ez"),
    ] {
        let record = Record { given_name: Some(given), family_name: Some(family), ..record() };
        for school in ["on", "off"] {
            let verdict = judged(&record, Some(&account), &[school], &rules());
            assert_eq!(verdict.action, Action::Unchanged);
            let note = notes(&verdict).remove(0);
            assert_eq!(note, format!("SIS import has an invalid name - {shown}"));
            assert!(verdict.fields.changes().next().is_none() && verdict.news.recipients.is_empty());
        }
    }
    // A new record has no other name.
    let record = Record { given_name: Some("Jos\u{FFFD}"), ..record() };
    let verdict = judged(&record, None, &["on"], &rules());
    assert_eq!(verdict.action, Action::Rejected);
    assert_eq!(
        notes(&verdict),
        ["SIS import has an invalid name - Jos\u{FFFD} Diaz", "Record rejected - no name"]
    );
}

#[test]
fn the_kind_of_an_apostrophe_is_applied_quietly_and_is_the_same_under_off() {
    for (known, said) in [
        ("O'Keefe", "O’Keefe"),
        ("Diaz-Lopez", "Diaz\u{2010}Lopez"),
        ("Groß", "GROSS"),
        ("O&#39;Keefe", "O'Keefe"),
    ] {
        let mut account = account(State::Active);
        account.details.name = PersonName::new("Rosa", known);
        let record = Record { family_name: Some(said), ..record() };
        let verdict = judged(&record, Some(&account), &["off"], &rules());
        assert_eq!((verdict.action, notes(&verdict)), (Action::Unchanged, vec![]), "{said}");
        let verdict = judged(&record, Some(&account), &["on"], &rules());
        assert_eq!(notes(&verdict), [format!("Name updated by the sync - was Rosa {known}")]);
        assert!(verdict.news.recipients.is_empty() && !verdict.counts_as_update, "{said}");
    }
    let mut account = account(State::Active);
    account.details.name = PersonName::new("Rosa", "Diaz-Lopez");
    let record = Record { family_name: Some("Diaz Lopez"), ..record() };
    assert!(judged(&record, Some(&account), &["on"], &rules()).counts_as_update);
}

#[test]
fn a_spreadsheets_apostrophe_is_no_part_of_a_known_name() {
    let hart = |given, family| Record { given_name: Some(given), family_name: Some(family), ..record() };
    let mut account = account(State::Active);
    account.details.name = PersonName::new("Tom", "'t Hart");
    for record in [hart("Tom", "'t Hart"), hart("'Tom", "''t Hart"), hart("'Tom", "'t Hart")] {
        let verdict = judged(&record, Some(&account), &["on"], &rules());
        assert_eq!((verdict.action, notes(&verdict)), (Action::Unchanged, vec![]));
    }
    let verdict = judged(&hart("Tom", "'t Veld"), Some(&account), &["on"], &rules());
    assert_eq!(verdict.account.unwrap().details.name, PersonName::new("Tom", "'t Veld"));
}

#[test]
fn one_part_of_a_name_leaves_the_other_standing() {
    let half = Record { given_name: Some(""), family_name: Some("Diaz-Lee"), ..record() };
    let verdict = judged(&half, Some(&account(State::Pending)), &["off"], &rules());
    assert_eq!(verdict.account.unwrap().details.name.to_string(), "Rosa Diaz-Lee");
    let alone = Record { given_name: None, family_name: Some("Sanjiv Becker"), ..record() };
    assert_eq!(
        judged(&alone, None, &["off"], &rules()).account.unwrap().details.name.to_string(),
        "Sanjiv Becker"
    );
}

#[test]
fn one_school_under_off_is_enough_to_protect() {
    let new = Record { email: Some("new@mail.example"), ..record() };
    let verdict = judged(&new, Some(&account(State::Active)), &["on", "off"], &rules());
    assert_eq!(verdict.action, Action::Kept);
}

#[test]
fn a_restored_person_is_treated_as_what_they_were() {
    let new = Record { email: Some("new@mail.example"), ..record() };
    let gone = Account { archived: true, ..account(State::Active) };
    let verdict = judged(&new, Some(&gone), &["on"], &rules());
    assert_eq!(verdict.action, Action::Restored);
    assert_eq!(
        notes(&verdict),
        ["Email updated by the sync - was rosa@mail.example", "User is back in the SIS import - restored"]
    );
    assert!(
        !verdict.account.unwrap().archived && verdict.counts_as_update && verdict.news.recipients.len() == 2
    );
}

#[test]
fn somebody_new_who_has_joined_starts_with_the_platforms_details() {
    let mut joined = Account { id: 0, ..account(State::Active) };
    joined.details.email = "own@mail.example".into();
    joined.details.home_phone = String::new();
    joined.exported.name.add("Rosa\tDiaz");
    joined.exported.email.add("own@mail.example");
    joined.exported.phone.add("+17185550142");
    // The export has no home phones: the SIS has the first word there.
    let verdict = judged(&record(), Some(&joined), &["off"], &rules());
    assert_eq!(verdict.action, Action::Created);
    assert_eq!(notes(&verdict), ["Active user has a new email in the SIS import - own@mail.example"]);
    assert_eq!(verdict.account.unwrap().details.home_phone, "+17185550150");
    let verdict = judged(&record(), Some(&joined), &["on"], &rules());
    assert_eq!(verdict.action, Action::Created);
    assert_eq!(notes(&verdict), ["Email updated by the sync - was own@mail.example"]);
    assert_eq!(verdict.news.recipients.len(), 2);
}

#[test]
fn who_is_left_out_and_who_is_refused() {
    let say = |record: &Record<'_>, account: Option<&Account>, rules: &Rules| {
        let verdict = judged(record, account, &["off"], rules);
        (verdict.action, notes(&verdict).join("; "))
    };
    let mut rules = rules();
    let no_id = Record { sourced_id: "", ..record() };
    assert_eq!(say(&no_id, None, &rules), (Action::Rejected, "Record rejected - no sourcedId".into()));
    let no_name = Record { given_name: Some(" "), family_name: Some(""), ..record() };
    assert_eq!(say(&no_name, None, &rules), (Action::Rejected, "Record rejected - no name".into()));
    let no_role = Record { roles: RoleList(""), ..record() };
    assert_eq!(say(&no_role, Some(&account(State::Active)), &rules).1, "Record rejected - no role");
    let shifted = Record { defect: Some(crate::roster::Defect::Shifted), ..record() };
    assert_eq!(say(&shifted, None, &rules).0, Action::Rejected);
    let disabled = Record { enabled: Some(false), email: Some("x"), ..record() };
    assert_eq!(
        say(&disabled, None, &rules),
        (Action::Created, "SIS import has an invalid email - x; User is disabled in the SIS import".into())
    );
    rules.synced_roles = vec!["student".into()];
    assert_eq!(
        say(&disabled, None, &rules),
        (
            Action::Skipped,
            "SIS import has an invalid email - x; Role teacher is not synced - left out; User is disabled in the SIS import"
                .into()
        )
    );
    rules.synced_roles.clear();
    rules.synced_schools = ["on".to_owned()].into();
    assert_eq!(say(&record(), None, &rules), (Action::Skipped, "No synced school - left out".into()));
}

#[test]
fn a_guardian_without_a_way_to_reach_them_is_not_added_but_stays() {
    let rules = Rules { ignore_emails: Globs::default(), ..rules() };
    let roles = vec!["parent".to_owned()];
    let silent = Record { email: Some("none"), sms: Some(""), ..record() };
    let case = |account| Case {
        record: &silent,
        account,
        roles: &roles,
        schools: &[],
        duplicate: false,
        unclear: false,
        allowed: Allowed::Yes,
        refused_email: None,
        refused_phone: None,
    };
    let verdict = judge(&case(None), &rules);
    assert_eq!(verdict.action, Action::Skipped);
    assert_eq!(
        notes(&verdict),
        [
            "SIS import has an invalid email - none",
            "Guardian has no email or phone number in the SIS import - not added"
        ]
    );
    let existing = account(State::Pending);
    assert_eq!(judge(&case(Some(&existing)), &rules).action, Action::Unchanged);
}

#[test]
fn a_refused_credential_counts_as_not_provided_and_is_noted_where_it_would_have_been_applied() {
    let new = Record { email: Some("new@mail.example"), ..record() };
    let roles = vec!["teacher".to_owned()];
    let run = |account: &Account| {
        let case = Case {
            record: &new,
            account: Some(account),
            roles: &roles,
            schools: &["off"],
            duplicate: false,
            unclear: false,
            allowed: Allowed::Yes,
            refused_email: Some("p-9"),
            refused_phone: None,
        };
        let verdict = judge(&case, &rules());
        (verdict.action, notes(&verdict).join("; "))
    };
    assert_eq!(
        run(&account(State::Pending)),
        (Action::Unchanged, "Email is already used by p-9 - not updated".into())
    );
    assert_eq!(run(&account(State::Active)), (Action::Unchanged, String::new()));
}

#[test]
fn roles_that_have_ended_or_not_begun_leave_a_person_out() {
    let run = |roles: &'static str| {
        let record = Record { roles: RoleList(roles), ..record() };
        let case = Case {
            record: &record,
            account: None,
            roles: &[],
            schools: &[],
            duplicate: false,
            unclear: false,
            allowed: Allowed::Yes,
            refused_email: None,
            refused_phone: None,
        };
        notes(&judge(&case, &rules())).join("; ")
    };
    assert_eq!(run("aide\toff\t2025-08-01\t2026-06-30"), "Role aide has ended - left out");
    assert_eq!(run("aide\toff\t2027-08-01"), "Role aide has not begun - left out");
}

/// A row of a settled user is made without notes on the next night.
#[test]
fn only_a_note_of_a_change_makes_a_decision_final() {
    let (record, account) = (record(), account(State::Active));
    let mut verdict = judged(&record, Some(&account), &["off"], &rules());
    assert!(verdict.is_final());
    let mut settled = crate::plan::note::tests::every_kind();
    settled.retain(|note| {
        verdict.notes = vec![note.clone()];
        verdict.is_final()
    });
    let mut codes: Vec<&str> = settled.iter().map(Note::code).collect();
    codes.dedup();
    assert_eq!(
        codes,
        [
            "email-updated",
            "link-added",
            "link-removed",
            "restored",
            "pending-again",
            "not-notifiable",
            "possible-rekey",
            "rekeyed"
        ]
    );
}

#[test]
fn debug_output_has_no_details() {
    let (record, account) = (record(), account(State::Active));
    let verdict =
        judged(&Record { email: Some("new@mail.example"), ..record }, Some(&account), &["on"], &rules());
    let shown =
        format!("{record:?} {account:?} {:?} {:?} {:?}", verdict.account, verdict.notes, verdict.fields);
    for detail in ["Rosa", "Diaz", "mail.example", "555"] {
        assert!(!shown.contains(detail), "{shown}");
    }
}

/// What becomes of a person without an account, of one with an account, and of an archived one.
#[test]
fn whoever_may_have_no_account_gets_none_and_loses_the_one_that_is_there() {
    use crate::rights::NoAccount;
    let rules = rules();
    let live = account(State::Active);
    let archived = Account { archived: true, ..live.clone() };
    let mut said = Vec::new();
    for allowed in [
        Allowed::No(NoAccount::EmergencyOnly),
        Allowed::No(NoAccount::NotAllowed),
        Allowed::No(NoAccount::Suppressed),
        Allowed::NotKnown,
    ] {
        for account in [None, Some(&live), Some(&archived)] {
            let record = record();
            let case = Case {
                record: &record,
                account,
                roles: &["guardian".to_owned()],
                schools: &["on"],
                duplicate: false,
                unclear: false,
                allowed,
                refused_email: None,
                refused_phone: None,
            };
            let verdict = judge(&case, &rules);
            let state = verdict.account.as_ref().map_or("none", Account::state_word);
            said.push(format!("{} {state}: {}", verdict.action.word(), join_notes(&verdict.notes)));
            assert!(verdict.news.recipients.is_empty());
        }
    }
    let unknown = "Not known tonight whether the person may be contacted - not added";
    let expected = [
        "skipped none: Emergency contact only - not added",
        "archived archived: Emergency contact only now - archived",
        "skipped archived: Emergency contact only - not added",
        "skipped none: May not be contacted - not added",
        "archived archived: May not be contacted any more - archived",
        "skipped archived: May not be contacted - not added",
        "skipped none: Suppressed - not added",
        "archived archived: Suppressed - archived",
        "skipped archived: Suppressed - not added",
        &format!("skipped none: {unknown}"),
        "unchanged active: ",
        &format!("skipped archived: {unknown}"),
    ];
    assert_eq!(said, expected);
}
