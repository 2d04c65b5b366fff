//! What becomes of one person: a record beside an account, under the rules. Pure.

use super::note::{Note, Reason};
use super::recipients::News;
use super::rules::Rules;
use super::sis::{Cells, SisValues, Value, same_in_normal_form};
use super::{Action, Change};
use crate::account::{Account, KeptSince, SisDetails, State};
use crate::contact::{Details, Email, Field, phone_key};
use crate::policy::{BlankValues, Decision, Facts, Held, Setting, Sis, Standing, decide};
use crate::roles;
use crate::roster::{IdList, Record, RoleList};

/// A person before the decision.
pub(super) struct Case<'a> {
    pub(super) record: &'a Record<'a>,
    /// As it is once the platform's export is read. One that is not in the store yet has `id` 0.
    pub(super) account: Option<&'a Account>,
    /// Roles held today, primary first, in their own spelling.
    pub(super) roles: &'a [String],
    /// Own schools and, for a guardian, the students'.
    pub(super) schools: &'a [&'a str],
    /// Several rows of the sourcedId differ.
    pub(super) duplicate: bool,
    /// Roles and schools may be missing from the record that it should have.
    pub(super) unclear: bool,
    /// Refused credentials (`shared_contacts = "unique"`), with the sourcedId of a holder.
    pub(super) refused_email: Option<&'a str>,
    pub(super) refused_phone: Option<&'a str>,
}

/// What becomes of a person.
pub(super) struct Verdict {
    pub(super) action: Action,
    /// The account after the run; none if there is none.
    pub(super) account: Option<Account>,
    pub(super) notes: Vec<Note>,
    pub(super) changes: Vec<Change>,
    pub(super) kept: Vec<(Field, String)>,
    pub(super) news: News,
    /// An active person under whose feet a detail was changed: what the limit on contact updates counts.
    pub(super) counts_as_update: bool,
    /// The account is what the record says, or has nothing to say of: the same record comes to nothing tomorrow, and
    /// nothing is said of it.
    pub(super) settled: bool,
}

impl Verdict {
    /// Nothing is done to the account, if there is one, and one thing is said.
    pub(super) fn left_as_it_is(action: Action, account: Option<&Account>, note: Note) -> Self {
        Self::without_change(action, account, vec![note])
    }

    fn without_change(action: Action, account: Option<&Account>, notes: Vec<Note>) -> Self {
        Self {
            action,
            account: account.cloned(),
            notes,
            changes: Vec::new(),
            kept: Vec::new(),
            news: News::default(),
            counts_as_update: false,
            settled: false,
        }
    }
}

/// Archives an account. The caller makes sure that the person is gone.
pub(super) fn archive(account: &Account) -> Verdict {
    let mut verdict = Verdict::without_change(Action::Archived, Some(account), vec![Note::Archived]);
    if let Some(account) = &mut verdict.account {
        account.archived = true;
        account.kept_since = KeptSince::default();
    }
    verdict
}

/// Decides over a record that is in the roster.
pub(super) fn judge(case: &Case<'_>, rules: &Rules) -> Verdict {
    let cells = Cells::of(&rules.provided(case.record), rules.phone_credential);
    let nobody = Account::new(case.record.sourced_id);
    let account = case.account.unwrap_or(&nobody);
    if let Some(reason) = unusable(case) {
        return Verdict::without_change(Action::Rejected, case.account, vec![Note::Rejected(reason)]);
    }
    let mut sis = SisValues::read(cells, &account.details.name, rules);
    let moved = is_moved(case.record, account, &sis);
    if moved {
        sis.phone = Value::Blank;
    }
    let invalid: Vec<Note> = Field::ALL
        .into_iter()
        .filter_map(|field| sis.invalid(field).map(|text| Note::SisInvalid(field, text.to_owned())))
        .collect();
    let mut standing_notes: Vec<Note> = Vec::new();
    if case.record.enabled == Some(false) {
        standing_notes.push(Note::Disabled);
    }
    let left_out = |action, also: &[Note]| {
        let notes = invalid.iter().chain(also).chain(&standing_notes).cloned().collect();
        Verdict::without_change(action, case.account, notes)
    };
    if account.id == 0 && account.details.name.is_empty() && !matches!(sis.name, Value::Is(_)) {
        return left_out(Action::Rejected, &[Note::Rejected(Reason::NoName)]);
    }
    if let Some(note) = not_synced(case, rules) {
        let mut verdict = left_out(Action::Skipped, &[note]);
        // What the SIS says is remembered all the same, for the day on which the filter lets the person through.
        if let Some(account) = &mut verdict.account {
            remember(account, case, rules);
        }
        return verdict;
    }
    let refused = refuse(case, account, &mut sis, rules);
    let unreachable = !matches!(sis.email, Value::Is(_)) && !matches!(sis.phone, Value::Is(_));
    if case.account.is_none() && unreachable && case.roles.iter().all(|role| roles::is_guardian(role)) {
        return left_out(Action::Skipped, &[refused.as_slice(), &[Note::GuardianUnreachable]].concat());
    }
    let mut verdict = apply(case, account, &sis, refused, moved, rules);
    verdict.notes.extend(standing_notes);
    verdict
}

/// Whether the account's mobile is the number of which the source says that it is no mobile. Then it is none any more, which
/// is more than a blank cell says.
fn is_moved(record: &Record<'_>, account: &Account, sis: &SisValues) -> bool {
    let same = |number: &String| phone_key(number) == phone_key(&account.details.phone);
    record.not_mobile
        && matches!(sis.phone, Value::NotProvided)
        && !account.details.phone.is_empty()
        && matches!(&sis.home_phone, Value::Is(number) if same(number))
}

/// Why a record cannot be used, whoever it is.
fn unusable(case: &Case<'_>) -> Option<Reason> {
    use crate::roster::Defect;
    let record = case.record;
    if record.sourced_id.is_empty() {
        return Some(Reason::NoSourcedId);
    }
    if case.duplicate {
        return Some(Reason::Duplicate);
    }
    match record.defect {
        Some(Defect::Shifted) => Some(Reason::ShiftedRow),
        Some(Defect::Quoting) => Some(Reason::Quoting),
        Some(Defect::Roles) => Some(Reason::RoleRow),
        None => record.roles.iter().next().is_none().then_some(Reason::NoRole),
    }
}

/// Why the filters leave a person out.
fn not_synced(case: &Case<'_>, rules: &Rules) -> Option<Note> {
    let Some(primary) = case.roles.first() else {
        // None of the roles is held today.
        let first = case.record.roles.iter().next()?;
        let role = roles::canonical(first.role).into_owned();
        let today = rules.today.to_string();
        let ended = first.end.is_some_and(|end| end < today.as_str());
        return Some(if ended { Note::RoleEnded(role) } else { Note::RoleNotBegun(role) });
    };
    if !case.roles.iter().any(|role| roles::is_synced(role, &rules.synced_roles)) {
        return Some(Note::RoleNotSynced(primary.clone()));
    }
    let synced = |school: &&str| rules.synced_schools.contains(*school);
    (!rules.synced_schools.is_empty() && !case.schools.iter().any(synced)).then_some(Note::SchoolNotSynced)
}

/// Takes refused credentials out of what the record says, and notes them. Under `unique` only.
fn refuse(case: &Case<'_>, account: &Account, sis: &mut SisValues, rules: &Rules) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(holder) = case.refused_email {
        if would_claim(case, account, sis, Field::Email, rules) {
            notes.push(Note::Taken(Field::Email, holder.to_owned()));
        }
        sis.email = Value::NotProvided;
    }
    if let Some(holder) = case.refused_phone {
        if would_claim(case, account, sis, Field::Phone, rules) {
            notes.push(Note::Taken(Field::Phone, holder.to_owned()));
        }
        sis.phone = Value::NotProvided;
    }
    notes
}

fn would_claim(case: &Case<'_>, account: &Account, sis: &SisValues, field: Field, rules: &Rules) -> bool {
    let facts = facts(account, sis, &wanted(sis), field, false, rules.setting_of(case.schools), rules);
    matches!(decide(&facts), Decision::Create | Decision::Update)
}

/// The value of the record as the details of an account, for the fields that have one.
fn wanted(sis: &SisValues) -> Details {
    fn own<T: Clone + Default>(value: &Value<T>) -> T {
        match value {
            Value::Is(value) => value.clone(),
            Value::NotProvided | Value::Blank | Value::Invalid(_) => T::default(),
        }
    }
    Details {
        name: own(&sis.name),
        email: own(&sis.email),
        phone: own(&sis.phone),
        home_phone: own(&sis.home_phone),
    }
}

/// `wanted` is what the record says as details; `protected` is whether the field holds the last credential.
fn facts(
    account: &Account,
    sis: &SisValues,
    wanted: &Details,
    field: Field,
    protected: bool,
    setting: Setting,
    rules: &Rules,
) -> Facts {
    let sis = match sis.kind(field) {
        Sis::Differs if account.details.same(field, wanted) => Sis::Same,
        Sis::Differs if field == Field::Name && account.details.name.same_but_case(&wanted.name) => {
            Sis::CaseOnly
        }
        other => other,
    };
    // A new account starts with the values of the SIS, except for those that the platform's export has given it.
    let given = !account.exported.of(field).is_none();
    Facts {
        standing: match (account.id == 0 && !given, account.state) {
            (true, State::Pending | State::Active) => Standing::New,
            (false, State::Pending) => Standing::Pending,
            (false, State::Active) => Standing::Active,
        },
        setting,
        sis,
        held: match (account.details.has(field), field == Field::Name || protected) {
            (false, _) => Held::Nothing,
            (true, false) => Held::Value,
            (true, true) => Held::Protected,
        },
        blank_values: rules.blank_values,
    }
}

impl SisValues {
    /// What the record says of a field, before it is held against an account.
    fn kind(&self, field: Field) -> Sis {
        fn kind<T>(value: &Value<T>) -> Sis {
            match value {
                Value::NotProvided => Sis::NotProvided,
                Value::Blank => Sis::Blank,
                Value::Invalid(_) => Sis::Invalid,
                Value::Is(_) => Sis::Differs,
            }
        }
        match field {
            Field::Name => kind(&self.name),
            Field::Email => kind(&self.email),
            Field::Phone => kind(&self.phone),
            Field::HomePhone => kind(&self.home_phone),
        }
    }
}

/// Which of email and mobile must not be cleared because the person would have no credential left. If both were to go,
/// the email stays. Text that is no address and no number is not a credential.
fn last_credential(account: &Account, sis: &SisValues, rules: &Rules) -> (bool, bool) {
    if account.state != State::Active {
        return (false, false);
    }
    let stays = |has: bool, value: &Value<String>| match value {
        Value::Is(_) => true,
        Value::NotProvided | Value::Invalid(_) => has,
        Value::Blank => false,
    };
    let has_email = Email::parse(&account.details.email).is_some();
    let phone_stays = stays(rules.phones.parse(&account.details.phone).is_some(), &sis.phone);
    let email_protected = !phone_stays;
    let email_stays = stays(has_email, &sis.email) || email_protected && has_email;
    (email_protected, !email_stays)
}

/// Applies the policy, field by field.
fn apply(
    case: &Case<'_>,
    before: &Account,
    sis: &SisValues,
    refused: Vec<Note>,
    moved: bool,
    rules: &Rules,
) -> Verdict {
    let wanted = wanted(sis);
    let setting = rules.setting_of(case.schools);
    let (email_protected, phone_protected) = match rules.blank_values {
        BlankValues::Keep if !moved => (false, false),
        // An email that is blank is kept.
        BlankValues::Keep => {
            let email = if matches!(sis.email, Value::Blank) { &Value::NotProvided } else { &sis.email };
            (false, last_credential(before, &SisValues { email: email.clone(), ..sis.clone() }, rules).1)
        }
        BlankValues::Clear => last_credential(before, sis, rules),
    };
    let mut after = before.clone();
    let (mut notes, mut changes, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let mut leaves = false;
    for field in Field::ALL {
        let protected = match field {
            Field::Email => email_protected,
            Field::Phone => phone_protected,
            Field::Name | Field::HomePhone => false,
        };
        let mut facts = facts(before, sis, &wanted, field, protected, setting, rules);
        if moved && field == Field::Phone {
            facts.blank_values = BlankValues::Clear;
        }
        let decision = decide(&facts);
        leaves |= decision.leaves();
        if decision == Decision::Nothing {
            continue;
        }
        let old = before.details.shown(field);
        match decision {
            Decision::Nothing => {}
            Decision::Create => after.details.take(field, &wanted),
            Decision::Update | Decision::UpdateCase | Decision::Clear => {
                after.details.take(field, &wanted);
                if before.state == State::Active {
                    after.exported.replaced(field, &before.details);
                }
                let case_only = decision == Decision::UpdateCase;
                changes.push(Change { field, old: old.clone(), new: after.details.shown(field), case_only });
                notes.push(Note::Updated(field, old));
            }
            Decision::LeaveDifferent => {
                kept.push((field, wanted.shown(field)));
                notes.push(Note::ActiveDiffers(field, old));
            }
            Decision::KeepValue => notes.push(Note::SisBlank(field, old)),
            Decision::LeaveValue => {
                kept.push((field, String::new()));
                notes.push(Note::SisBlank(field, old));
            }
            Decision::IgnoreInvalid => {
                notes.extend(sis.invalid(field).map(|text| Note::SisInvalid(field, text.to_owned())));
            }
        }
    }
    let settled = refused.is_empty()
        && case.record.enabled != Some(false)
        && Field::ALL.into_iter().all(|field| match sis.kind(field) {
            Sis::NotProvided => true,
            Sis::Blank => !after.details.has(field),
            Sis::Differs => after.details.same(field, &wanted),
            Sis::Invalid | Sis::Same | Sis::CaseOnly => false,
        });
    notes.extend(refused);
    after.kept_since = KeptSince::default();
    for (field, _) in &kept {
        after.kept_since.set(*field, before.kept_since.of(*field).unwrap_or(rules.today));
    }
    remember(&mut after, case, rules);

    let told = changes.iter().any(|change| !change.case_only);
    let active_on = before.state == State::Active && told;
    let mut news = News::default();
    if active_on {
        let undelivered = rules.undelivered.get(&before.id);
        news = News::of(&before.details, &after.details, &changes, undelivered, rules);
        if !news.reached {
            notes.push(Note::NotNotifiable);
        }
    }
    let restored = before.archived;
    if restored {
        after.archived = false;
        notes.push(Note::Restored);
    }
    let action = if before.id == 0 {
        Action::Created
    } else if restored {
        Action::Restored
    } else if !changes.is_empty() {
        Action::Updated
    } else if leaves {
        Action::Kept
    } else {
        Action::Unchanged
    };
    Verdict { action, account: Some(after), notes, changes, kept, news, counts_as_update: active_on, settled }
}

/// Keeps what the record says, unless it only says the same in other words.
fn remember(account: &mut Account, case: &Case<'_>, rules: &Rules) {
    let record = case.record;
    if account.id != 0 && account.sis.record(record.sourced_id).says_the_same_as(record) {
        return;
    }
    let (orgs, agents) = (IdList(&account.sis.orgs), IdList(&account.sis.agents));
    // Who is whose family, and where, is not unsaid by not being said. Where the roles name all schools, they are said.
    let in_roles = record.roles.iter().next().is_some() && record.roles.iter().all(|held| held.org.is_some());
    let unsaid = if in_roles { IdList("") } else { orgs };
    let mut said = SisDetails::of(&Record {
        orgs: Some(record.orgs.unwrap_or(unsaid)),
        agents: Some(record.agents.unwrap_or(agents)),
        ..*record
    });
    if account.id != 0 && case.unclear {
        said.roles = RoleList(&account.sis.roles).with(record.roles);
        said.orgs = orgs.with(record.orgs.unwrap_or_default());
        said.agents = agents.with(record.agents.unwrap_or_default());
    }
    if account.id == 0 || !same_in_normal_form(&account.sis, &said, rules) {
        account.sis = said;
    }
}

#[cfg(test)]
pub(super) mod tests;
