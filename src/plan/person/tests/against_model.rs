//! The decision about one person, held against the model of the policy in `tests/main/model/`, over
//! random people. `ROSTERSYNC_DECISIONS` says how many, `ROSTERSYNC_SEED` which come first.

use std::collections::{BTreeMap, BTreeSet};

use super::super::*;
use super::rules;
use crate::account::{OptOuts, Settled};
use crate::contact::PersonName;
use crate::message::{Audience, Channel};
use crate::plan::join_notes;
use crate::policy::{Actor, EditFacts, Target, may_edit};
use crate::rights;
use crate::rules::Channels;

#[path = "../../../../tests/main/model/person.rs"]
#[allow(dead_code, reason = "the simulated district uses the rest")]
mod model;

use model::{Case as ModelCase, Cells as ModelCells, Editor, Settings};

const GIVEN: &[&str] = &["Rosa", "ROSA", " Rosa ", "Rosie", "Ann  Lou", "Ann Lou", "", " "];
const FAMILY: &[&str] = &["Diaz", "diaz", "O'Brien", "O’Brien", "Smith-Jones", "Smith Jones", ""];
const EMAILS: &[&str] = &[
    "rosa@mail.example",
    "Rosa@Mail.example",
    " rosa@mail.example",
    "rdiaz@work.example",
    "noemail@school.example",
    "rosa(at)mail.example",
    "rosa@",
    "",
];
const NUMBERS: &[&str] = &[
    "(718) 555-0142",
    "718.555.0142",
    "+17185550142",
    "1-718-555-0142",
    "718-555-0142 x12",
    "7185550199",
    "212-555-0123 Work",
    "800-555-0123",
    "555-0142",
    "12345",
    "",
];

fn any<'a>(dice: &mut fastrand::Rng, texts: &[&'a str]) -> &'a str {
    texts[dice.usize(..texts.len())]
}

fn cell(dice: &mut fastrand::Rng, texts: &[&str]) -> Option<String> {
    (dice.u8(..8) > 0).then(|| any(dice, texts).to_owned())
}

/// An actual number, as accounts have it: in normal form, or text that is none.
fn actual(dice: &mut fastrand::Rng) -> String {
    let text = any(dice, NUMBERS);
    model::number(text).unwrap_or_else(|| if dice.u8(..4) == 0 { text.into() } else { String::new() })
}

fn account_of(dice: &mut fastrand::Rng) -> model::Account {
    let mut details = model::Details {
        given: model::spaced(any(dice, GIVEN)),
        family: model::spaced(any(dice, FAMILY)),
        email: any(dice, EMAILS).trim().into(),
        mobile: actual(dice),
        home: actual(dice),
    };
    if details.given.is_empty() && details.family.is_empty() {
        details.family = "Diaz".into();
    }
    let opted_out = [dice.u8(..4) == 0, dice.u8(..4) == 0];
    let settled = std::array::from_fn(|at| {
        let said = [FAMILY, EMAILS, NUMBERS, NUMBERS][at];
        let text = any(dice, said);
        let said =
            if at < model::MOBILE { text.trim().into() } else { model::number(text).unwrap_or_default() };
        (dice.u8(..4) == 0).then(|| [model::of(&details, at), said])
    });
    model::Account { details, active: dice.bool(), archived: dice.u8(..6) == 0, opted_out, settled }
}

fn details(of: &model::Details) -> Details {
    Details {
        name: PersonName { given: of.given.clone(), family: of.family.clone() },
        email: of.email.clone(),
        phone: of.mobile.clone(),
        home_phone: of.home.clone(),
    }
}

fn stored(of: &model::Account) -> Account {
    let mut opt_outs = OptOuts::default();
    opt_outs.set(Channel::Email, of.opted_out[0]);
    opt_outs.set(Channel::Sms, of.opted_out[1]);
    let mut settled = Settled::default();
    for (field, at) in Field::ALL.into_iter().zip(&of.settled) {
        let Some([_, said]) = at else { continue };
        let mut wanted = Details::default();
        match field {
            Field::Name => wanted.name = PersonName::new("", said),
            Field::Email => wanted.email.clone_from(said),
            Field::Phone => wanted.phone.clone_from(said),
            Field::HomePhone => wanted.home_phone.clone_from(said),
        }
        settled.settle(field, &details(&of.details), &wanted);
    }
    Account {
        id: 7,
        state: if of.active { State::Active } else { State::Pending },
        archived: of.archived,
        details: details(&of.details),
        opt_outs,
        settled,
        ..Account::new("p-1")
    }
}

/// What is compared, as text.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    action: String,
    notes: String,
    state: String,
    details: Option<[String; 5]>,
    told: BTreeSet<(String, String, bool)>,
    cannot_be_told: bool,
}

fn shown(of: &Details) -> [String; 5] {
    let Details { name: PersonName { given, family }, email, phone, home_phone } = of;
    [given, family, email, phone, home_phone].map(Clone::clone)
}

fn of_the_program(verdict: &Verdict) -> Seen {
    let told = |to: &crate::message::Recipient| {
        (to.channel.word().to_owned(), to.address.clone(), to.audience == Audience::Former)
    };
    Seen {
        action: verdict.action.word().to_owned(),
        notes: join_notes(&verdict.notes),
        state: verdict.account.as_ref().map_or("", |account| account.state_word()).to_owned(),
        details: verdict.account.as_ref().map(|account| shown(&account.details)),
        told: verdict.news.recipients.iter().map(told).collect::<BTreeSet<_>>(),
        cannot_be_told: verdict.notes.contains(&Note::NotNotifiable),
    }
}

fn of_the_model(verdict: model::Verdict) -> Seen {
    let state = |account: &model::Account| match (account.archived, account.active) {
        (true, _) => "archived",
        (false, true) => "active",
        (false, false) => "pending",
    };
    Seen {
        action: verdict.action.to_owned(),
        notes: [verdict.fields, verdict.notes].concat().join("; "),
        state: verdict.account.as_ref().map_or("", state).to_owned(),
        details: verdict.account.as_ref().map(|account| shown(&details(&account.details))),
        told: verdict.told.into_iter().map(|(channel, to, old)| (channel.to_owned(), to, old)).collect(),
        cannot_be_told: verdict.cannot_be_told,
    }
}

/// One decision; the difference, if there is one.
fn decide_once(seed: u64, all: &[Rules]) -> Result<String, String> {
    let dice = &mut fastrand::Rng::with_seed(seed);
    let cells = ModelCells {
        given: cell(dice, GIVEN),
        family: cell(dice, FAMILY),
        email: cell(dice, EMAILS),
        mobile: cell(dice, NUMBERS),
        home: cell(dice, NUMBERS),
        disabled: dice.u8(..5) == 0,
    };
    let account = (dice.u8(..6) > 0).then(|| account_of(dice));
    let guardian = dice.bool();
    let schools: Vec<&str> = (0..dice.usize(..3)).map(|_| any(dice, &["on", "off", "none"])).collect();
    let district = dice.bool();
    let settings = Settings {
        clear: dice.bool(),
        placeholders: vec!["noemail@".into()],
        can_mail: dice.u8(..6) > 0,
        can_text: dice.bool(),
    };
    // Another person can have only what is a value.
    let email = cells.email.as_deref().map(str::trim).filter(|text| model::is_address(text));
    let is_value = [
        email.is_some_and(|text| !text.starts_with("noemail")),
        cells.mobile.as_deref().and_then(model::number).is_some(),
    ];
    let taken = is_value.map(|is_value| (is_value && dice.u8(..4) == 0).then_some("p-2"));
    let index = [district, settings.clear, settings.can_mail, settings.can_text];
    let rules = &all[index.into_iter().fold(0, |index, bit| 2 * index + usize::from(bit))];
    let allowed = match dice.u8(..16) {
        0 => Allowed::No(NoAccount::Suppressed),
        1 => Allowed::No(NoAccount::NotAllowed),
        2 => Allowed::No(NoAccount::EmergencyOnly),
        3 => Allowed::NotKnown,
        _ => Allowed::Yes,
    };
    let is_synced = dice.u8(..16) > 0;
    let role = match (guardian, is_synced) {
        (true, true) => "guardian",
        (false, true) => "teacher",
        (_, false) => "nurse",
    };
    let live = account.as_ref().is_some_and(|account| !account.archived);
    let (left_out, archive) = match allowed {
        Allowed::No(NoAccount::Suppressed) if live => (Some("Suppressed - archived"), true),
        Allowed::No(NoAccount::Suppressed) => (Some("Suppressed - not added"), true),
        Allowed::No(NoAccount::NotAllowed) if live => {
            (Some("May not be contacted any more - archived"), true)
        }
        Allowed::No(NoAccount::NotAllowed) => (Some("May not be contacted - not added"), true),
        Allowed::No(NoAccount::EmergencyOnly) if live => {
            (Some("Emergency contact only now - archived"), true)
        }
        Allowed::No(NoAccount::EmergencyOnly) => (Some("Emergency contact only - not added"), true),
        Allowed::NotKnown if !live => {
            (Some("Not known tonight whether the person may be contacted - not added"), false)
        }
        Allowed::NotKnown | Allowed::Yes => {
            ((!is_synced).then_some("Role nurse is not synced - left out"), false)
        }
    };
    let own: Vec<Option<bool>> = schools
        .iter()
        .map(|school| ["off", "on"].iter().position(|one| one == school).map(|on| on == 1))
        .collect();
    let right = model::decide(
        &ModelCase {
            cells: &cells,
            account: account.as_ref(),
            on: model::is_on(&own, district),
            guardian: guardian && is_synced,
            taken,
            left_out,
            archive,
        },
        &settings,
    );
    let record = Record {
        line: Some(2),
        sourced_id: "p-1",
        given_name: cells.given.as_deref(),
        family_name: cells.family.as_deref(),
        email: cells.email.as_deref(),
        sms: cells.mobile.as_deref(),
        phone: cells.home.as_deref(),
        enabled: cells.disabled.then_some(false),
        roles: RoleList(role),
        orgs: Some(IdList("")),
        ..Record::default()
    };
    let before = account.as_ref().map(stored);
    let roles = vec![role.to_owned()];
    let case = Case {
        record: &record,
        account: before.as_ref(),
        roles: &roles,
        schools: &schools,
        duplicate: false,
        unclear: false,
        allowed,
        refused_email: taken[0],
        refused_phone: taken[1],
    };
    let (program, right) = (of_the_program(&judge(&case, rules)), of_the_model(right));
    if program == right {
        return Ok(program.action);
    }
    Err(format!(
        "{cells:?}\n{account:?}\nat {schools:?}, district {district}, {settings:?}, taken {taken:?}\n\
         model  : {right:?}\nprogram: {program:?}"
    ))
}

/// The rules for each district's setting, `blank_values`, and for mail and texts that can be sent.
fn every_setting() -> Vec<Rules> {
    let sync = toml::from_str::<crate::config::Sync>("ignore_emails = ['noemail@*']").unwrap();
    let of = |bits: usize| {
        let [district, clear, email, sms] = [8, 4, 2, 1].map(|bit| bits & bit > 0);
        Rules {
            district: Setting::from_bool(district),
            blank_values: if clear { BlankValues::Clear } else { BlankValues::Keep },
            channels: Some(Channels { email, sms }),
            ignore_emails: sync.ignore_emails.clone(),
            synced_roles: vec!["teacher".into(), "guardian".into()],
            ..rules()
        }
    };
    (0..16).map(of).collect()
}

fn number_from(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// `ROSTERSYNC_DECISIONS=10000000 cargo test --release --lib random_decisions -- --nocapture`
#[test]
fn random_decisions_are_those_of_the_model() {
    let rules = every_setting();
    let usually = if std::env::var_os("ROSTERSYNC_LONG_TESTS").is_some() { 200_000 } else { 10_000 };
    let (count, first) = (number_from("ROSTERSYNC_DECISIONS", usually), number_from("ROSTERSYNC_SEED", 0));
    let mut actions = BTreeMap::<String, u64>::new();
    let mut differences = Vec::new();
    for seed in first..first + count {
        match decide_once(seed, &rules) {
            Ok(action) => *actions.entry(action).or_default() += 1,
            Err(difference) => {
                let again = format!("again: ROSTERSYNC_SEED={seed} ROSTERSYNC_DECISIONS=1");
                differences.push(format!("{difference}\n{again}"));
            }
        }
        assert!(differences.len() < 8, "{}", differences.join("\n\n"));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    if count > 1000 {
        let words: Vec<&str> = actions.keys().map(String::as_str).collect();
        assert_eq!(
            words,
            ["archived", "created", "kept", "rejected", "restored", "skipped", "unchanged", "updated"]
        );
    }
}

/// All there are: classes of links, suppressed or not.
#[test]
fn the_rights_are_those_of_the_model() {
    for bits in 0..32_u8 {
        let [contact, emergency, never, unknown, suppressed] = [1, 2, 4, 8, 16].map(|bit| bits & bit > 0);
        let answer = rights::allowed(rights::Links { contact, emergency, never, unknown }, suppressed);
        let right = match (suppressed, model::not_contacted(contact, emergency, never, unknown)) {
            (true, _) => Allowed::No(NoAccount::Suppressed),
            (false, None) => Allowed::Yes,
            (false, Some(None)) => Allowed::NotKnown,
            (false, Some(Some("emergency-contact"))) => Allowed::No(NoAccount::EmergencyOnly),
            (false, Some(Some(_))) => Allowed::No(NoAccount::NotAllowed),
        };
        assert_eq!(answer, right, "{bits:05b}");
    }
}

/// Every account, setting and editor.
#[test]
fn the_edits_are_those_of_the_model() {
    let staff = Editor { is_active: true, is_staff: true, ..Editor::default() };
    let here = Editor { manages_here: true, ..staff };
    let actors = [
        (Actor::ThePerson, Editor { is_the_person: true, ..Editor::default() }),
        (Actor::Manager, here),
        (Actor::Manager, Editor { manages_district: true, is_outranked: true, ..staff }),
        (Actor::Outranked, Editor { is_outranked: true, ..here }),
        (Actor::ManagerElsewhere, Editor { manages_elsewhere: true, ..staff }),
        (Actor::OtherStaff, staff),
        (Actor::NotStaff, Editor { is_active: true, ..Editor::default() }),
        (Actor::Inactive, Editor { is_active: false, ..here }),
        (Actor::Disabled, Editor { is_disabled: true, ..here }),
        (Actor::Operator, Editor { is_operator: true, ..Editor::default() }),
    ];
    for (actor, editor) in actors {
        for (target, archived, active) in
            [(Target::Pending, false, false), (Target::Active, false, true), (Target::Archived, true, true)]
        {
            for setting in [Setting::On, Setting::Off] {
                let answer = may_edit(1, &EditFacts { target, setting, actor }).err().map(|why| why.code());
                let right = model::refusal(archived, active, setting == Setting::On, editor);
                assert_eq!(answer, right, "{actor:?} {target:?} {setting:?}");
            }
        }
    }
}
