//! Guards [`RULES`]: users whose data has not changed are skipped because the same record came to
//! the same row before. That holds only as long as the program decides as it did. So a fixed corpus
//! is decided here, and what it comes to is compared with the committed digest in `rules.digest`,
//! which belongs to one number of `RULES`.

use std::collections::HashMap;
use std::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_64;

use crate::account::{Account, SisDetails, State};
use crate::contact::{
    Details, Email, Field, PersonName, decode_html, email_key, has_lost_letter, is_damaged, phone_key,
    visible,
};
use crate::plan::note::{Note, join_notes, tests::every_kind};
use crate::plan::person::{Case, judge, tests::rules};
use crate::plan::row::row_of;
use crate::policy::{BlankValues, Facts, Held, Setting, Sis, Standing, decide};
use crate::rights::Allowed;
use crate::roster::{IdList, Record, RoleList, current_roles, kept, own_schools};
use crate::rules::{RULES, Rules};
use crate::value::{ONEROSTER, RecordReader, WordCounts, id, is_no_id, null_word, with_lost_letters};

/// Texts as they should not be, and some as they should.
const TEXTS: [&str; 96] = [
    "",
    " ",
    "Rosa",
    "ROSA",
    "Rosa  Ann",
    "José",
    "Jose\u{301}",
    "O'Keefe",
    "O’Keefe",
    "O&#39;Keefe",
    "O`Keefe",
    "'t Hart",
    "'Rosa",
    "''t Hart",
    "=\"Rosa\"",
    "Diaz-Lopez",
    "Diaz\u{2010}Lopez",
    "Diaz–Lopez",
    "Diaz Lopez",
    "Diaz &amp; Lopez",
    "Groß",
    "GROSS",
    "İbrahim",
    "Jos\u{FFFD}",
    "JosÃ©",
    "JosÃƒÂ©",
    "ï¿½",
    "Jos?",
    "Fran?ois",
    "Jos√©",
    "O\u{92}Brien",
    "Jos‚",
    "JosŽ",
    "MŸller",
    "Wi¶niewski",
    "£ukasz",
    "Nguyễn Thị Ánh",
    "ÂNGELA",
    "JOÃO",
    "\u{200B}Rosa\u{FEFF}",
    "Ro\u{AD}sa",
    "می\u{200C}نا",
    "NULL",
    "null",
    "Null",
    "Nan",
    "None",
    "N/A",
    "#N/A",
    "#REF!",
    "\\N",
    "(null)",
    "<null>",
    "undefined",
    "-",
    "?",
    "0",
    "00000000-0000-0000-0000-000000000000",
    "rosa@mail.example",
    "Rosa@Mail.Example",
    "'rosa@mail.example",
    "rosa@mail.example\u{200B}",
    "tom@bücher.example",
    "tom@xn--bcher-kva.example",
    "josé@mail.example",
    "josÃ©@mail.example",
    "rosa(at)mail.example",
    "a@mail.example;b@mail.example",
    "x@10.0.0.1",
    "x@mail.1",
    "x@ma_il.example",
    "x@[10.0.0.1]",
    "x@mail.example.",
    "mailto:x@mail.example",
    "noemail@mail.example",
    "(718) 555-4567",
    "718.555.4567",
    "+17185554567",
    "1-718-555-4567",
    "+442079460958",
    "718-555-4567 Work",
    "718-555-4567 x12",
    "718-555-4567;ext=12",
    "718-555-4567 ext. 12345678",
    "7185554567;7185554568",
    "7185554567;5554568",
    "7.18555E+09",
    "7185554567.0",
    "718-555-45O7",
    "\u{202A}(718) 555-4567\u{202C}",
    "718\u{2011}555\u{2011}4567",
    "718\u{A0}555\u{A0}4567",
    "７１８５５５４５６７",
    "1-800-FLOWERS",
    "555-4567",
    "tel:+1-718-555-4567",
];

/// Every note, of every field.
fn notes() -> Vec<Note> {
    let text = || "value".to_owned();
    let of_fields = Field::ALL.into_iter().flat_map(|field| {
        [
            Note::ActiveDiffers(field, text()),
            Note::ActiveDiffers(field, String::new()),
            Note::Updated(field, text()),
            Note::SisBlank(field, text()),
            Note::SisInvalid(field, text()),
            Note::Taken(field, text()),
            Note::Shared(field, vec![text(), text()], 3),
            Note::Undeliverable(field, text()),
        ]
    });
    of_fields.chain(every_kind()).collect()
}

fn record() -> Record<'static> {
    Record {
        line: Some(2),
        sourced_id: "p-1",
        given_name: Some("Rosa"),
        family_name: Some("Diaz"),
        email: Some("rosa@mail.example"),
        sms: Some("(718) 555-4567"),
        phone: Some("718-555-0150"),
        roles: RoleList("teacher\toff\t2026-08-01"),
        ..Record::default()
    }
}

fn accounts() -> [Option<Account>; 4] {
    let pending = Account {
        id: 7,
        details: Details {
            name: PersonName::new("Rosa", "Diaz"),
            email: "rosa@mail.example".into(),
            phone: "+17185554567".into(),
            home_phone: "+17185550150".into(),
        },
        sis: SisDetails::of(&record()).into(),
        ..Account::new("p-1")
    };
    let active = Account { state: State::Active, ..pending.clone() };
    let archived = Account { archived: true, ..active.clone() };
    [None, Some(pending), Some(active), Some(archived)]
}

/// The policy over all of its facts.
fn policy(all: &mut String) {
    use Sis::{Blank, CaseOnly, Differs, Invalid, NotProvided, Same};
    for standing in [Standing::New, Standing::Pending, Standing::Active] {
        for setting in [Setting::On, Setting::Off] {
            for sis in [NotProvided, Blank, Invalid, Same, CaseOnly, Differs] {
                for held in [Held::Nothing, Held::Value, Held::Protected] {
                    for blank_values in [BlankValues::Keep, BlankValues::Clear] {
                        let facts = Facts { standing, setting, sis, held, blank_values };
                        let _ = writeln!(all, "{:?}", decide(&facts));
                    }
                }
            }
        }
    }
}

/// What each text is taken for.
fn normal_forms(all: &mut String) {
    let phones = rules().phones;
    for text in TEXTS {
        let name = PersonName::new(text, "Diaz");
        let phone = phones.canonical(text);
        let _ = writeln!(
            all,
            "{text}|{}|{:?}|{name}|{}|{phone}|{}|{:?}|{}|{}|{}|{:?}|{}|{}|{}",
            email_key(text),
            Email::parse(text).map(String::from),
            name.key(),
            phone_key(&phone),
            phones.parse(text).map(|phone| phone.to_string()),
            id(text),
            visible(text),
            decode_html(text),
            null_word(text),
            is_no_id(text),
            is_damaged(text) || has_lost_letter(text),
            with_lost_letters(text),
        );
    }
}

/// A record in which each cell in turn is each of the texts, as its cells are meant.
fn records(each: &mut dyn FnMut(&Record<'_>)) {
    let base = record();
    let mut reader = RecordReader::of_file(ONEROSTER, true, WordCounts::default);
    for text in TEXTS {
        let some = Some(text);
        for record in [
            Record { given_name: some, ..base },
            Record { family_name: some, ..base },
            Record { given_name: some, family_name: some, ..base },
            Record { email: some, ..base },
            Record { sms: some, ..base },
            Record { phone: some, ..base },
            Record { sms: None, phone: some, not_mobile: true, ..base },
            Record { username: some, user_ids: some, earlier_id: some, ..base },
            Record { identifier: some, orgs: some.map(IdList), agents: some.map(IdList), ..base },
            Record { roles: RoleList(text), ..base },
        ] {
            reader.read_any(&record, |record| each(record));
        }
    }
    let lists = [
        "teacher",
        "student\ton\naide\toff",
        "guardian\toff\t2026-08-01\t2026-11-01",
        "guardian\toff\t2027-08-01",
        "nurse",
        "",
    ];
    for roles in lists.map(RoleList) {
        for enabled in [None, Some(true), Some(false)] {
            each(&Record { roles, enabled, orgs: Some(IdList("on,off")), ..base });
            each(&Record { roles, email: None, sms: None, phone: None, given_name: None, ..base });
        }
    }
}

/// Each record beside each account, under both settings and both meanings of blank cells; and its
/// row.
fn decisions(all: &mut Vec<u8>) {
    let accounts = accounts();
    records(&mut |record| {
        for (setting, blank_values) in [
            (Setting::On, BlankValues::Keep),
            (Setting::On, BlankValues::Clear),
            (Setting::Off, BlankValues::Keep),
            (Setting::Off, BlankValues::Clear),
        ] {
            let rules = Rules { district: setting, schools: HashMap::new(), blank_values, ..rules() };
            let today = rules.today.to_string();
            let roles = current_roles(record.roles, &today);
            let schools = own_schools(record, &today);
            for account in &accounts {
                let case = Case {
                    record,
                    account: account.as_ref(),
                    roles: &roles,
                    schools: &schools,
                    duplicate: false,
                    unclear: false,
                    allowed: Allowed::Yes,
                    refused_email: None,
                    refused_phone: None,
                };
                let verdict = judge(&case, &rules);
                let mut row = row_of(record, account.as_ref(), &verdict, &roles, &schools, &rules);
                row.place = 3;
                all.extend(postcard::to_stdvec(&row).unwrap());
                let account = verdict.account.as_ref().map(|account| {
                    let Account { id, sourced_id, state, archived, details, sis, .. } = account;
                    let Account { exported, kept_since, settled, opt_outs, links, .. } = account;
                    let own = (id, sourced_id, state, archived, details, &**sis);
                    (own, exported, kept_since, settled, opt_outs, links)
                });
                all.extend(postcard::to_stdvec(&account).unwrap());
                all.push(u8::from(verdict.is_final()));
                all.push(u8::from(verdict.counts_as_update));
            }
        }
        let mut block = kept::Block::default();
        block.append(record, 7);
        all.extend(block.finish(Vec::new()));
    });
}

#[test]
fn what_is_decided_is_what_was_decided_under_this_number() {
    let mut text = String::new();
    policy(&mut text);
    normal_forms(&mut text);
    for note in &notes() {
        let encoded = postcard::to_stdvec(note).unwrap();
        let _ = writeln!(text, "{}|{}|{encoded:?}", note.code(), join_notes(std::slice::from_ref(note)));
    }
    let mut all = text.into_bytes();
    decisions(&mut all);
    let digest = xxh3_64(&all);
    let committed = include_str!("rules.digest").trim();
    let (number, known) = committed.split_once(' ').unwrap_or_default();
    let is_same = u64::from_str_radix(known, 16) == Ok(digest);
    assert!(
        is_same || number != RULES.to_string(),
        "\nThe same record no longer comes to the same row, or a row is kept in another form. Users whose data has not changed would \
         keep their old row.\nRaise RULES in src/rules.rs to {}, and make src/plan/rules.digest this line:\n{} {digest:016x}\n",
        RULES + 1,
        RULES + 1,
    );
    assert!(
        is_same && number == RULES.to_string(),
        "\nRULES is {RULES}; make src/plan/rules.digest this line:\n{RULES} {digest:016x}\n"
    );
}
