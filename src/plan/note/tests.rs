use super::*;

/// One note of every kind and reason, with the values of the examples in `docs/report.md`, in its order.
pub(in crate::plan) fn every_kind() -> Vec<Note> {
    let (value, ids) = (|| "rosa@mail.example".to_owned(), vec!["gua-210".into(), "gua-211".into()]);
    vec![
        Note::ActiveDiffers(Field::Email, value()),
        Note::Updated(Field::Email, value()),
        Note::SisBlank(Field::Email, value()),
        Note::SisInvalid(Field::Email, "rosa(at)mail.example".into()),
        Note::Shared(Field::Email, ids, 2),
        Note::Taken(Field::Email, "gua-210".into()),
        Note::Linked(vec!["stu-9".into()]),
        Note::Unlinked(vec!["stu-3".into()]),
        Note::LastContactLost(vec!["gua-201".into(), "gua-202".into()]),
        Note::NoContact,
        Note::GuardianUnreachable,
        Note::NoAccount(NoAccount::EmergencyOnly),
        Note::NoAccount(NoAccount::NotAllowed),
        Note::NoAccount(NoAccount::Suppressed),
        Note::NoLonger(NoAccount::EmergencyOnly),
        Note::NoLonger(NoAccount::NotAllowed),
        Note::NoLonger(NoAccount::Suppressed),
        Note::ContactNotKnown,
        Note::Archived,
        Note::Missing("2026-11-24".into()),
        Note::NotArchived("2027-08-10".into()),
        Note::Restored,
        Note::ReusedId("Rosa Diaz".into()),
        Note::HeldByLimit("archive".into()),
        Note::Disabled,
        Note::RoleNotSynced("nurse".into()),
        Note::RoleEnded("teacher".into()),
        Note::RoleNotBegun("teacher".into()),
        Note::SchoolNotSynced,
        Note::SchoolPaused("sch-2".into(), "2027-08-10".into()),
        Note::PendingAgain,
        Note::Rejected(Reason::NoSourcedId),
        Note::Rejected(Reason::Duplicate),
        Note::Rejected(Reason::ShiftedRow),
        Note::Rejected(Reason::Quoting),
        Note::Rejected(Reason::RoleRow),
        Note::Rejected(Reason::NoName),
        Note::Rejected(Reason::NoRole),
        Note::OptOut(Channel::Email, true),
        Note::Settled,
        Note::NotNotifiable,
        Note::PossibleDuplicate,
        Note::SamePerson,
        Note::PossibleRekey(Rekey::NotAdded, "a1b2-c01".into(), Evidence::Identifier),
        Note::PossibleRekey(Rekey::NotArchived, "1001".into(), Evidence::Identifier),
        Note::PossibleRekey(Rekey::Added, "a1b2-c01".into(), Evidence::Email),
        Note::PossibleRekey(Rekey::Archived, "1001".into(), Evidence::Email),
        Note::PossibleRekey(Rekey::Alike, "a1b2-c01".into(), Evidence::NameAlone),
        Note::Rekeyed("a1b2-c01".into()),
        Note::Undeliverable(Field::Email, "550 5.1.1".into()),
        Note::ToBeDeleted,
    ]
}

/// How many kinds an enum has that is kept as its number and then its values.
fn kinds<T: serde::de::DeserializeOwned>() -> usize {
    (0..u8::MAX).take_while(|kind| postcard::from_bytes::<T>(&[*kind, 0, 0, 0, 0]).is_ok()).count()
}

#[test]
fn every_kind_is_among_them() {
    let notes = every_kind();
    let number = |is_one: fn(&Note) -> bool| notes.iter().filter(|note| is_one(note)).count();
    let reasons = number(|note| matches!(note, Note::Rejected(_)));
    let not_added = number(|note| matches!(note, Note::NoAccount(_)));
    let archived = number(|note| matches!(note, Note::NoLonger(_)));
    assert_eq!((not_added, archived), (kinds::<NoAccount>(), kinds::<NoAccount>()));
    let rekeys = number(|note| matches!(note, Note::PossibleRekey(..)));
    assert_eq!(rekeys, kinds::<Rekey>());
    let several = reasons + not_added + archived + rekeys;
    assert_eq!((notes.len() - several + 4, reasons), (kinds::<Note>(), kinds::<Reason>()));
}

/// Of every field too.
#[test]
fn every_note_is_explained() {
    for field in Field::ALL {
        let of_field = [
            Note::ActiveDiffers(field, String::new()),
            Note::Updated(field, String::new()),
            Note::SisBlank(field, String::new()),
            Note::SisInvalid(field, String::new()),
            Note::Shared(field, Vec::new(), 0),
            Note::Taken(field, String::new()),
        ];
        let opt_outs =
            [true, false].map(|out| [Channel::Email, Channel::Sms].map(|on| Note::OptOut(on, out)));
        for note in every_kind().iter().chain(&of_field).chain(opt_outs.iter().flatten()) {
            let entry = crate::codes::explain(note.code());
            assert!(entry.is_some_and(|entry| entry.kind == crate::codes::Kind::Note), "{}", note.code());
        }
    }
}

#[test]
fn the_notes_in_the_docs_are_these() {
    let docs = include_str!("../../../docs/report.md");
    let (_, from) = docs.split_once("| note | code | what it means, what to do |\n|---|---|---|\n").unwrap();
    let rows = from.lines().take_while(|line| line.starts_with('|'));
    let in_docs: Vec<(&str, &str)> = rows
        .map(|row| {
            let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
            (cells.next().unwrap(), cells.next().unwrap())
        })
        .collect();
    let notes = every_kind();
    let here: Vec<(String, String)> = notes
        .iter()
        .map(|note| {
            let (code, sentence) = note.parts(|code, sentence| (code, sentence.to_string()));
            let sentence = if sentence.is_empty() { "*none*".into() } else { format!("`{sentence}`") };
            (sentence, format!("`{code}`"))
        })
        .collect();
    let here: Vec<(&str, &str)> = here.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(in_docs, here);
}

#[test]
fn the_sentences_are_exact() {
    for (note, code, sentence) in [
        (
            Note::ActiveDiffers(Field::HomePhone, String::new()),
            "active-home-phone-differs",
            "Active user has a new home phone number in the SIS import - none",
        ),
        (
            Note::Updated(Field::Phone, String::new()),
            "phone-updated",
            "Phone number updated by the sync - was none",
        ),
        (
            Note::SisInvalid(Field::Name, "Jos\u{FFFD} Diaz".into()),
            "sis-name-invalid",
            "SIS import has an invalid name - Jos\u{FFFD} Diaz",
        ),
        (
            Note::Shared(Field::Phone, vec!["g-1".into()], 0),
            "phone-shared",
            "Phone number is shared with g-1",
        ),
    ] {
        assert_eq!(note.parts(|code, said| (code, said.to_string())), (code, sentence.to_owned()));
    }
    // The code of every field is the field's own.
    for field in Field::ALL {
        let with = |start: &str, end: &str| format!("{start}{}{end}", field.code());
        assert_eq!(Note::ActiveDiffers(field, String::new()).code(), with("active-", "-differs"));
        assert_eq!(Note::Updated(field, String::new()).code(), with("", "-updated"));
        assert_eq!(Note::SisBlank(field, String::new()).code(), with("sis-", "-blank"));
        assert_eq!(Note::SisInvalid(field, String::new()).code(), with("sis-", "-invalid"));
        assert_eq!(Note::Taken(field, String::new()).code(), with("", "-taken"));
        assert_eq!(Note::Shared(field, Vec::new(), 0).code(), with("", "-shared"));
    }
}

#[test]
fn cells_join_sentences_and_codes() {
    let notes = [Note::Updated(Field::Name, "A B".into()), Note::NotNotifiable, Note::Restored];
    assert_eq!(
        join_notes(&notes),
        "Name updated by the sync - was A B; User is back in the SIS import - restored"
    );
    assert_eq!(join_codes(&notes), "name-updated not-notifiable restored");
}

/// `report --redact` and `report --group` take every note apart: its code, and the value, which is personal data.
#[test]
fn the_report_takes_every_note_apart_again() {
    let mut notes = every_kind();
    for field in Field::ALL {
        let value = || "a; b".to_owned();
        notes.extend([
            Note::ActiveDiffers(field, value()),
            Note::Updated(field, value()),
            Note::SisBlank(field, value()),
            Note::SisInvalid(field, value()),
            Note::Taken(field, value()),
            Note::Shared(field, vec!["a".into(), "b".into()], 7),
            Note::Undeliverable(field, value()),
        ]);
    }
    for note in &notes {
        let (code, sentence) = note.parts(|code, sentence| (code, sentence.to_string()));
        let found = crate::report::codes_and_values(&format!("{sentence}; {sentence}"));
        if sentence.is_empty() {
            continue;
        }
        let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!(codes, [code, code], "{sentence}");
        assert!(found.iter().all(|(_, value)| value.len() < sentence.len()), "{sentence}");
    }
}
