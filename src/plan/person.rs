//! What becomes of one person: a record beside an account, under the rules. Pure.

use std::sync::Arc;

use super::decision::{FieldDecision, FieldDecisions, Rule};
use super::note::{Note, Reason};
use super::recipients::News;
use super::sis::{Cells, SisValues, Value};
use super::{Action, Change};
use crate::account::{Account, KeptSince, SisDetails, State};
use crate::contact::{Details, Email, Field, phone_key};
use crate::policy::{BlankValues, Decision, Facts, Held, Setting, Sis, Standing, decide};
use crate::rights::{Allowed, NoAccount};
use crate::roles;
use crate::roster::{Defect, IdList, Record, Relations, RoleList};
use crate::rules::Rules;

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
    /// Whether the person may have an account at all.
    pub(super) allowed: Allowed,
    /// Refused credentials (`shared_contacts = "unique"`), with the sourcedId of a holder.
    pub(super) refused_email: Option<&'a str>,
    pub(super) refused_phone: Option<&'a str>,
}

impl Case<'_> {
    /// The account, if the store has it and it is not archived.
    fn live(&self) -> Option<&Account> {
        self.account.filter(|account| account.id != 0 && !account.archived)
    }
}

pub(super) struct Verdict {
    pub(super) action: Action,
    /// The account after the run; none if there is none.
    pub(super) account: Option<Account>,
    pub(super) notes: Vec<Note>,
    /// What is decided over each field. Changes, differences that are left alone and most notes follow from it.
    pub(super) fields: FieldDecisions,
    pub(super) news: News,
    /// The sync changes a detail of an active person: what the limit on contact updates counts.
    pub(super) counts_as_update: bool,
}

impl Verdict {
    /// Nothing is done to the account, if there is one, and one thing is said.
    pub(super) fn left_as_it_is(action: Action, account: Option<&Account>, note: Note) -> Self {
        Self::without_change(action, account, vec![note])
    }

    /// The person is probably there under another sourcedId: nothing is done to the account, or none
    /// is added.
    pub(super) fn same_person(account: Option<&Account>, notes: Vec<Note>) -> Self {
        let fields = FieldDecisions::all(Rule::SamePerson);
        Self { fields, ..Self::without_change(Action::Held, account, notes) }
    }

    /// A limit holds the person back: nothing is done to the account, or none is added.
    pub(super) fn held_by_limit(account: Option<&Account>, notes: Vec<Note>) -> Self {
        let fields = FieldDecisions::all(Rule::HeldByLimit);
        Self { fields, ..Self::without_change(Action::Held, account, notes) }
    }

    fn without_change(action: Action, account: Option<&Account>, notes: Vec<Note>) -> Self {
        let rule = match action {
            Action::Rejected => Rule::Rejected,
            Action::Held => Rule::Held,
            Action::Archived => Rule::Archived,
            Action::Missing => Rule::Missing,
            Action::Skipped
            | Action::Created
            | Action::Updated
            | Action::Restored
            | Action::Kept
            | Action::Unchanged => Rule::LeftOut,
        };
        Self {
            action,
            account: account.cloned(),
            notes,
            fields: FieldDecisions::all(rule),
            news: News::default(),
            counts_as_update: false,
        }
    }

    /// The same record comes to nothing on the next night, and to no note. A note that is not named here comes every night.
    pub(super) fn is_final(&self) -> bool {
        use Note::{
            Linked, NotNotifiable, PendingAgain, PossibleRekey, Rekeyed, Restored, Unlinked, Updated,
        };
        let of_a_change = |note: &Note| {
            matches!(
                note,
                Updated(..)
                    | Linked(_)
                    | Unlinked(_)
                    | Restored
                    | PendingAgain
                    | NotNotifiable
                    | PossibleRekey(..)
                    | Rekeyed(_)
            )
        };
        self.fields.are_final() && self.notes.iter().all(of_a_change)
    }
}

/// Archives an account. The caller makes sure that the person is gone.
pub(super) fn archive(account: &Account) -> Verdict {
    archive_for(account, vec![Note::Archived])
}

fn archive_for(account: &Account, notes: Vec<Note>) -> Verdict {
    let mut verdict = Verdict::without_change(Action::Archived, Some(account), notes);
    if let Some(account) = &mut verdict.account {
        account.archived = true;
        account.kept_since = KeptSince::default();
    }
    verdict
}

/// Decides over a record that is in the roster.
pub(super) fn judge(case: &Case<'_>, rules: &Rules) -> Verdict {
    if case.record.defect == Some(Defect::Erased) {
        return Verdict::without_change(Action::Skipped, None, vec![Note::NoAccount(NoAccount::Suppressed)]);
    }
    if let Some(reason) = unusable(case) {
        if case.allowed == Allowed::No(NoAccount::Suppressed)
            && let Some(live) = case.live()
        {
            return archive_for(live, vec![Note::NoLonger(NoAccount::Suppressed)]);
        }
        return Verdict::without_change(Action::Rejected, case.account, vec![Note::Rejected(reason)]);
    }
    if case.allowed != Allowed::No(NoAccount::Suppressed)
        && let Some((school, until)) = rules.paused.left_alone(case.schools.iter().copied())
    {
        let note = Note::SchoolPaused(school.to_owned(), until.to_string());
        return Verdict::left_as_it_is(Action::Skipped, case.account, note);
    }
    let no_account = Account::new(case.record.sourced_id);
    let account = case.account.unwrap_or(&no_account);
    let mut both = RecordAndAccount::read(case, account, rules);
    let disabled = (case.record.enabled == Some(false)).then_some(Note::Disabled);
    let invalid = both.invalid();
    let left_out = |action, also: &[Note]| {
        let notes = invalid.iter().chain(also).chain(&disabled).cloned().collect();
        Verdict::without_change(action, case.account, notes)
    };
    if account.id == 0 && account.details.name.is_empty() && !matches!(both.sis.name, Value::Is(_)) {
        return left_out(Action::Rejected, &[Note::Rejected(Reason::NoName)]);
    }
    if let Some(note) = not_contacted(case).or_else(|| not_synced(case, rules)) {
        let mut verdict = match (&note, case.live()) {
            (Note::NoLonger(_), Some(live)) => archive_for(live, left_out(Action::Archived, &[note]).notes),
            (_, _) => left_out(Action::Skipped, &[note]),
        };
        // What the SIS says is remembered all the same, for the day on which the filter lets the person through.
        if let Some(account) = &mut verdict.account {
            remember(account, case, rules);
        }
        return verdict;
    }
    let refused = both.refuse();
    let unreachable = !matches!(both.sis.email, Value::Is(_)) && !matches!(both.sis.phone, Value::Is(_));
    if case.account.is_none() && unreachable && case.roles.iter().all(|role| roles::is_guardian(role)) {
        return left_out(Action::Skipped, &[refused.as_slice(), &[Note::GuardianUnreachable]].concat());
    }
    let mut verdict = both.apply(refused);
    verdict.notes.extend(disabled);
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

/// Why a record cannot be used.
fn unusable(case: &Case<'_>) -> Option<Reason> {
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
        Some(Defect::Erased) | None => record.roles.iter().next().is_none().then_some(Reason::NoRole),
    }
}

/// Why a person has no account, or has none any more, where that is not allowed.
fn not_contacted(case: &Case<'_>) -> Option<Note> {
    let is_new = case.account.is_none_or(|account| account.id == 0 || account.archived);
    match case.allowed {
        Allowed::Yes => None,
        Allowed::No(why) if is_new => Some(Note::NoAccount(why)),
        Allowed::No(why) => Some(Note::NoLonger(why)),
        Allowed::NotKnown => is_new.then_some(Note::ContactNotKnown),
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

/// One record and its account.
struct RecordAndAccount<'a> {
    case: &'a Case<'a>,
    account: &'a Account,
    rules: &'a Rules,
    setting: Setting,
    cells: Cells<'a>,
    sis: SisValues,
    /// What the record says, as details of an account.
    wanted: Details,
    /// As [`is_moved`].
    moved: bool,
}

impl<'a> RecordAndAccount<'a> {
    fn read(case: &'a Case<'a>, account: &'a Account, rules: &'a Rules) -> Self {
        let cells = Cells::of(&rules.provided(case.record), rules.phone_credential);
        let mut sis = SisValues::read(cells, &account.details.name, rules);
        let moved = is_moved(case.record, account, &sis);
        if moved {
            sis.phone = Value::Blank;
        }
        let wanted = sis.details();
        Self { case, account, rules, setting: rules.setting_of(case.schools), cells, sis, wanted, moved }
    }

    fn invalid(&self) -> Vec<Note> {
        let note = |field| Some(Note::SisInvalid(field, self.sis.invalid(field)?.to_owned()));
        Field::ALL.into_iter().filter_map(note).collect()
    }

    /// Takes refused credentials out of what the record says, and notes them. Under `unique` only.
    fn refuse(&mut self) -> Vec<Note> {
        let mut notes = Vec::new();
        for (field, holder) in
            [(Field::Email, self.case.refused_email), (Field::Phone, self.case.refused_phone)]
        {
            let Some(holder) = holder else { continue };
            if matches!(decide(&self.facts(field, false)), Decision::Create | Decision::Update) {
                notes.push(Note::Taken(field, holder.to_owned()));
            }
            let value = if field == Field::Email { &mut self.sis.email } else { &mut self.sis.phone };
            *value = Value::NotProvided;
        }
        notes
    }

    /// `protected` is whether the field holds the last credential.
    fn facts(&self, field: Field, protected: bool) -> Facts {
        let details = &self.account.details;
        let sis = match self.sis.kind(field) {
            Sis::Differs if details.same(field, &self.wanted) => Sis::Same,
            Sis::Differs if field == Field::Name && details.name.same_but_case(&self.wanted.name) => {
                Sis::CaseOnly
            }
            other => other,
        };
        // A new account starts with the values of the SIS, except for those that the platform's export has given it.
        let given = !self.account.exported.of(field).is_none();
        Facts {
            standing: match (self.account.id == 0 && !given, self.account.state) {
                (true, State::Pending | State::Active) => Standing::New,
                (false, State::Pending) => Standing::Pending,
                (false, State::Active) => Standing::Active,
            },
            setting: self.setting,
            sis,
            held: match (details.has(field), field == Field::Name || protected) {
                (false, _) => Held::Nothing,
                (true, false) => Held::Value,
                (true, true) => Held::Protected,
            },
            blank_values: match self.moved && field == Field::Phone {
                true => BlankValues::Clear,
                false => self.rules.blank_values,
            },
        }
    }

    /// Which of email and mobile must not be cleared.
    fn protected(&self) -> (bool, bool) {
        let (email, phone) = (&self.sis.email, &self.sis.phone);
        match self.rules.blank_values {
            BlankValues::Keep if !self.moved => (false, false),
            BlankValues::Keep => {
                // An email that is blank is kept.
                let email = if matches!(email, Value::Blank) { &Value::NotProvided } else { email };
                (false, last_credential(self.account, email, phone, self.rules).1)
            }
            BlankValues::Clear => last_credential(self.account, email, phone, self.rules),
        }
    }

    /// The policy, field by field, and the account after it.
    fn decide(&self, refused: &[Note]) -> (FieldDecisions, Account) {
        let (email_protected, phone_protected) = self.protected();
        let before = self.account;
        let mut after = before.clone();
        let fields = Field::ALL.map(|field| {
            let protected = match field {
                Field::Email => email_protected,
                Field::Phone => phone_protected,
                Field::Name | Field::HomePhone => false,
            };
            let rule = self.rule(field, &self.facts(field, protected), refused);
            if rule.changes() || rule == Rule::Created {
                after.details.take(field, &self.wanted);
            }
            if rule.changes() && before.state == State::Active {
                after.exported.replaced(field, &before.details);
            }
            let (actual, sis) = match rule {
                Rule::Updated
                | Rule::UpdatedCase
                | Rule::Cleared
                | Rule::LeftDifferent
                | Rule::LeftBlank
                | Rule::KeptBlank => (before.details.shown(field), self.wanted.shown(field)),
                Rule::Invalid => {
                    (before.details.shown(field), self.sis.invalid(field).unwrap_or_default().to_owned())
                }
                _ => Default::default(),
            };
            let settled = self.is_settled(field, rule);
            let says_something = !matches!(self.sis.kind(field), Sis::NotProvided | Sis::Invalid);
            if !settled && says_something {
                after.settled.end(field);
            }
            FieldDecision { field, rule, actual, sis, settled }
        });
        (FieldDecisions(fields), after)
    }

    /// Whether a person has looked at this difference. Where the sync may change the value there is
    /// nothing to look at.
    fn is_settled(&self, field: Field, rule: Rule) -> bool {
        let account = self.account;
        rule.can_be_settled()
            && self.setting == Setting::Off
            && account.state == State::Active
            && account.settled.holds(field, &account.details, &self.wanted)
    }

    /// The rule that decides over a field.
    fn rule(&self, field: Field, facts: &Facts, refused: &[Note]) -> Rule {
        match decide(facts) {
            Decision::Create => Rule::Created,
            Decision::Update => Rule::Updated,
            Decision::UpdateCase => Rule::UpdatedCase,
            Decision::Clear => Rule::Cleared,
            Decision::LeaveDifferent => Rule::LeftDifferent,
            Decision::KeepValue => Rule::KeptBlank,
            Decision::LeaveValue => Rule::LeftBlank,
            Decision::IgnoreInvalid => Rule::Invalid,
            Decision::Nothing => match facts.sis {
                Sis::NotProvided
                    if refused.iter().any(|note| matches!(note, Note::Taken(of, _) if *of == field)) =>
                {
                    Rule::Taken
                }
                Sis::NotProvided
                    if field == Field::Email && self.cells.email.is_some_and(|email| !email.is_empty()) =>
                {
                    Rule::Placeholder
                }
                Sis::NotProvided if facts.held != Held::Nothing => Rule::NotProvided,
                Sis::NotProvided | Sis::Blank => Rule::NothingSaid,
                Sis::Same | Sis::CaseOnly | Sis::Invalid | Sis::Differs => Rule::Same,
            },
        }
    }

    /// Applies the policy: the account after it, and all that follows.
    fn apply(&self, refused: Vec<Note>) -> Verdict {
        let Self { case, account: before, rules, .. } = *self;
        let (fields, mut after) = self.decide(&refused);
        let mut notes: Vec<Note> = fields.0.iter().filter_map(FieldDecision::note).chain(refused).collect();
        after.kept_since = KeptSince::default();
        for kept in fields.kept() {
            after.kept_since.set(kept.field, before.kept_since.of(kept.field).unwrap_or(rules.today));
        }
        if fields.settled().next().is_some() {
            notes.push(Note::Settled);
        }
        remember(&mut after, case, rules);
        let counts_as_update =
            before.state == State::Active && fields.changes().any(|change| change.rule != Rule::UpdatedCase);
        let mut news = News::default();
        if counts_as_update {
            let changes: Vec<Change> = fields.changes().map(FieldDecision::change).collect();
            let undelivered = rules.undelivered.get(&before.id);
            news = News::of(&before.details, &after.details, &changes, undelivered, before.opt_outs, rules);
            if !rules.told.is_empty() {
                news.leave_out_told(case.record.sourced_id, &rules.told);
            }
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
        } else if fields.changes().next().is_some() {
            Action::Updated
        } else if fields.kept().next().is_some() {
            Action::Kept
        } else {
            Action::Unchanged
        };
        Verdict { action, account: Some(after), notes, fields, news, counts_as_update }
    }
}

/// Which of email and mobile must not be cleared because the person would have no credential left. If both were to go,
/// the email stays. Text that is no address and no number is not a credential.
fn last_credential(
    account: &Account,
    email: &Value<String>,
    phone: &Value<String>,
    rules: &Rules,
) -> (bool, bool) {
    if account.state != State::Active {
        return (false, false);
    }
    let stays = |has: bool, value: &Value<String>| match value {
        Value::Is(_) => true,
        Value::NotProvided | Value::Invalid(_) => has,
        Value::Blank => false,
    };
    let has_email = Email::parse(&account.details.email).is_some();
    let phone_stays = stays(rules.phones.parse(&account.details.phone).is_some(), phone);
    let email_protected = !phone_stays;
    let email_stays = stays(has_email, email) || email_protected && has_email;
    (email_protected, !email_stays)
}

/// Keeps what the record says, unless it only says the same in other words.
fn remember(account: &mut Account, case: &Case<'_>, rules: &Rules) {
    let known = Arc::clone(&account.sis);
    let record = &case.record.in_form_of(&known.roles, &known.orgs);
    // Of these only hashes are kept.
    let details = Record { username: None, user_ids: None, earlier_id: None, ..*record };
    account.recognise_by(record);
    if account.id != 0 && known.record(record.sourced_id).says_the_same_as(&details) {
        return;
    }
    let (orgs, agents) = (IdList(&known.orgs), IdList(&known.agents));
    // A record without schools or relatives does not say that there are none. Roles that all name a school say the schools.
    let in_roles = record.roles.iter().next().is_some() && record.roles.iter().all(|held| held.org.is_some());
    let unsaid = if in_roles { IdList("") } else { orgs };
    // Without rules every link may be used.
    let (emergency, barred) = match rules.rights.is_some() {
        true => (IdList(&known.emergency), IdList(&known.barred)),
        false => (IdList(""), IdList("")),
    };
    let mut said = SisDetails {
        username: account.sis.username,
        user_ids: account.sis.user_ids.clone(),
        ..SisDetails::of(&Record {
            orgs: Some(record.orgs.unwrap_or(unsaid)),
            agents: Some(record.agents.unwrap_or(agents)),
            emergency: Some(record.emergency.unwrap_or(emergency)),
            barred: Some(record.barred.unwrap_or(barred)),
            relations: Some(record.relations.unwrap_or(Relations(&known.relations))),
            ..details
        })
    };
    if account.id != 0 && case.unclear {
        said.roles = RoleList(&known.roles).with(record.roles);
        said.orgs = orgs.with(record.orgs.unwrap_or_default());
        said.agents = agents.with(record.agents.unwrap_or_default());
        if rules.rights.is_some() {
            let own = record.agents.unwrap_or_default();
            let [to_emergency, to_barred] = [record.emergency, record.barred].map(Option::unwrap_or_default);
            said.agents = IdList(&said.agents).without(&[to_emergency, to_barred]);
            said.emergency = IdList(&emergency.without(&[own, to_barred])).with(to_emergency);
            said.barred = IdList(&barred.without(&[own, to_emergency])).with(to_barred);
        }
    }
    if account.id == 0 || !account.sis.is_same(&said, rules.phones) {
        account.sis = Arc::new(said);
    }
}

#[cfg(test)]
pub(super) mod tests;
