//! One record beside its account: what becomes of the person, and what of that goes into the plan. Nothing is looked up
//! here, so several threads can decide at once.

use std::collections::HashMap;

use super::claims::claims_of;
use super::draft::{Draft, Former, Unheard};
use super::known::Memo;
use super::note::{Note, Reason};
use super::people::{CREDENTIALS, hash, hash_of};
use super::person::{Case, Verdict, archive, judge};
use super::plain::Plain;
use super::reused::is_another;
use super::row::{row_of, sync_entries};
use super::rules::Rules;
use super::sis::Cells;
use super::survey::{Survey, current_roles, own_schools, record_print};
use super::{Action, Newcomer, PlanRow, Write};
use crate::account::{Account, State};
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::message::{Audience, Channel};
use crate::platform::{Adopted, Ear, Row};
use crate::policy::Setting;
use crate::roles;
use crate::roster::kept::{Kept, Place};
use crate::roster::{Mode, Record, RoleList};
use crate::spool;
use crate::store::{ACTIVE, ARCHIVED, AccountRow, LEFT_OUT, ROW, UNDER_OFF, UNDER_ON};

/// Refused credentials: for email and phone, whose, and who holds it.
#[derive(Default)]
pub(super) struct Refused(pub(super) [HashMap<String, String>; 2]);

impl Refused {
    fn holder(&self, credential: usize, sourced_id: &str) -> Option<&str> {
        self.0[credential].get(sourced_id).map(String::as_str)
    }
}

/// One record that is to be decided, and what was looked up for it.
pub(super) struct Job {
    /// Where the record is in its block.
    pub(super) at: Place,
    /// Its place in the report.
    pub(super) place: u32,
    pub(super) task: Task,
}

#[expect(clippy::large_enum_variant, reason = "most are of the large kind")]
pub(super) enum Task {
    /// As last time: the row that was kept.
    Repeat(Vec<u8>),
    /// Beside the account, if there is one, and the row of the platform's export, if that says something new.
    /// `state` is what is remembered of the account.
    Decide { stored: Option<Account>, export: Option<Row>, again: bool, state: u8 },
}

/// A person who is decided on.
pub(super) struct Person {
    /// The place in the report.
    pub(super) place: u32,
    pub(super) number: Option<u32>,
    /// Stands for the record as it was read; none for somebody whom the roster does not mention.
    pub(super) print: Option<u64>,
    pub(super) stored: Option<Account>,
    pub(super) export: Option<Row>,
    /// What is remembered of the account, as [`crate::store::Memos::states`].
    pub(super) state: u8,
}

/// All that a decision depends on besides record, account and export.
pub(super) struct Desk<'a> {
    pub(super) survey: &'a Survey,
    pub(super) rules: &'a Rules,
    pub(super) today: &'a str,
    pub(super) mode: Mode,
    pub(super) refused: &'a Refused,
    /// Under `unique`, the first walk only gathers who wants which credential.
    pub(super) watch: bool,
    /// Whether decisions are remembered.
    pub(super) memo: bool,
}

impl Desk<'_> {
    /// Does one job.
    pub(super) fn work(&self, kept: &Kept<'_>, job: Job, draft: &mut Draft) -> Result<()> {
        match job.task {
            Task::Repeat(row) => {
                let mut row: PlanRow<'_> = postcard::from_bytes(&row).map_err(|error| {
                    Failure::new(Kind::Failed, "a kept row of the report cannot be read")
                        .cure("run with --decide-all, which makes it anew")
                        .because(error)
                })?;
                row.line = kept.record.line;
                row.place = job.place;
                draft
                    .people
                    .add(job.place, CREDENTIALS.map(|field| hash_of(field, &row.details.shown(field))));
                draft.summary.add(row.action, &row.fields, &[]);
                if row.state == State::Active.word() && is_acted_on(row.action) {
                    let schools: Vec<&str> = row.schools.split('|').filter(|id| !id.is_empty()).collect();
                    draft.summary.changeable += u64::from(self.rules.setting_of(&schools) == Setting::On);
                }
                if row.action == Action::Skipped {
                    let person = self.survey.person_of(job.place);
                    let record = self.survey.heard(person, &kept.record, None);
                    draft.left_out.not_synced(self.survey, &record, person, self.mode, self.today);
                }
                spool::append(&mut draft.rows, &row)
            }
            Task::Decide { stored, export, again, state } => {
                let number = self.survey.person_of(job.place);
                let print = Some(record_print(kept.hash, kept.record.roles, self.today));
                let person = Person { place: job.place, number, print, stored, export, state };
                self.record(&kept.record, person, again, draft)
            }
        }
    }

    /// One record of the roster.
    fn record(&self, record: &Record<'_>, person: Person, again: bool, draft: &mut Draft) -> Result<()> {
        let contradicted = self.survey.is_contradicted(record.sourced_id);
        let stored = person.stored.as_ref();
        let known = stored.map(|stored| stored.sis.roles.clone());
        let record = &self.survey.heard(person.number, record, known.as_deref());
        // In OneRoster 1.2 a delta can change a user without saying the roles again, or say only some of them.
        let merged = match stored {
            Some(stored) if self.mode == Mode::Delta => Some(RoleList(&stored.sis.roles).after(record.roles)),
            Some(_) | None => None,
        };
        let record = &Record { roles: merged.as_deref().map_or(record.roles, RoleList), ..*record };
        if again {
            let account = stored.and_then(|_| self.export_first(&person).0);
            let (verdict, roles, schools) = self.verdict(record, &person, account.as_ref(), contradicted);
            return self.repeat(record, &person, &verdict, &roles, &schools, draft);
        }
        if let Some(stored) = stored
            && stored.archived
            && !record.deleted
        {
            // Somebody who comes back is again what they were, and the export says what that is now. If they are left out
            // after all, they stay archived, and only their state follows the export.
            let mut back = stored.clone();
            let adopt = |row: &Row| row.adopt_returning(&mut back, self.rules.phones);
            let adopted = person.export.as_ref().map(adopt).unwrap_or_default();
            let (verdict, roles, schools) = self.verdict(record, &person, Some(&back), contradicted);
            if verdict.action == Action::Restored && is_another(record, stored, &roles, &schools, self.rules)
            {
                // What the platform's export says under this sourcedId may be about either of them.
                let note = Note::ReusedId(stored.details.shown(Field::Name));
                let held = Verdict::left_as_it_is(Action::Held, Some(stored), note);
                return self.take(record, person, Adopted::default(), held, &roles, &schools, draft);
            }
            if verdict.action == Action::Restored {
                return self.take(record, person, adopted, verdict, &roles, &schools, draft);
            }
        }
        let (account, adopted) = self.export_first(&person);
        let usable = record.defect.is_none() && !contradicted && !record.sourced_id.is_empty();
        if record.deleted && usable {
            let live = account.as_ref().filter(|account| account.id != 0 && !account.archived);
            let verdict = match live {
                Some(live) if self.mode != Mode::Unknown => archive(live),
                Some(_) | None => Verdict::left_as_it_is(
                    Action::Skipped,
                    account.as_ref().filter(|account| account.id != 0),
                    Note::ToBeDeleted,
                ),
            };
            return self.take(record, person, adopted, verdict, &[], &[], draft);
        }
        self.decide(record, person, account.as_ref(), adopted, contradicted, draft)
    }

    /// Somebody whom the roster does not mention.
    pub(super) fn absent(&self, person: Person, draft: &mut Draft) -> Result<()> {
        let (account, adopted) = self.export_first(&person);
        let Some(account) = account else { return Ok(()) };
        let said = account.sis.clone();
        let record = said.record(&account.sourced_id);
        if self.mode == Mode::Bulk {
            let roles = current_roles(record.roles, self.today);
            let schools = self.survey.schools_of(person.number, &record, &roles, self.today);
            self.take(&record, person, adopted, archive(&account), &roles, &schools, draft)
        } else {
            self.decide(&record, person, Some(&account), adopted, false, draft)
        }
    }

    /// An archived person whom the roster does not mention: only the state follows the platform, without a row.
    pub(super) fn archived(&self, person: &Person, draft: &mut Draft) -> Result<()> {
        let (account, adopted) = self.export_first(person);
        match account {
            Some(account) if adopted.touched && !self.watch => {
                draft.memos.extend(person.number.map(|number| Memo {
                    number,
                    record: Some((0, 0)),
                    export: Some(0),
                    credentials: None,
                    state: state_of(&account) | person.state & (UNDER_ON | UNDER_OFF),
                }));
                let audit = adopted.entries;
                let write = Write {
                    account,
                    person: None,
                    audit,
                    changes: Vec::new(),
                    recipients: Vec::new(),
                    since: None,
                    leaves: false,
                    stamp: person.export.as_ref().map(|row| row.stamp().to_owned()).unwrap_or_default(),
                };
                spool::append(&mut draft.writes, &write)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// One more row of a sourcedId whose rows differ: it has its place in the report, and nothing else.
    fn repeat(
        &self,
        record: &Record<'_>,
        person: &Person,
        verdict: &Verdict,
        roles: &[String],
        schools: &[&str],
        draft: &mut Draft,
    ) -> Result<()> {
        if self.watch {
            return Ok(());
        }
        draft.left_out.not_synced(self.survey, record, person.number, self.mode, self.today);
        let stored = person.stored.as_ref();
        let mut row = row_of(record, stored, verdict, roles, schools, self.rules, person.place);
        row.compared = false;
        draft.summary.add(verdict.action, &verdict.fields, &[]);
        spool::append(&mut draft.rows, &row)
    }

    /// Brings the account to what the platform's export says, before anything is decided.
    fn export_first(&self, person: &Person) -> (Option<Account>, Adopted) {
        let phones = self.rules.phones;
        match (person.stored.clone(), &person.export) {
            (Some(mut account), Some(row)) => {
                let adopted = row.adopt(&mut account, phones, Ear::Nightly);
                (Some(account), adopted)
            }
            (Some(account), None) => (Some(account), Adopted::default()),
            (None, row) => (row.as_ref().and_then(|row| row.newcomer(phones)), Adopted::default()),
        }
    }

    fn decide(
        &self,
        record: &Record<'_>,
        person: Person,
        account: Option<&Account>,
        adopted: Adopted,
        contradicted: bool,
        draft: &mut Draft,
    ) -> Result<()> {
        let (mut verdict, roles, schools) = self.verdict(record, &person, account, contradicted);
        if matches!(verdict.action, Action::Skipped | Action::Rejected) && person.stored.is_none() {
            // Somebody who is not let in gets no account, whatever the platform says.
            verdict.account = None;
        }
        self.take(record, person, adopted, verdict, &roles, &schools, draft)
    }

    /// Judges a record beside an account; with the roles and schools that were looked at.
    fn verdict<'r>(
        &'r self,
        record: &Record<'r>,
        person: &Person,
        account: Option<&Account>,
        contradicted: bool,
    ) -> (Verdict, Vec<String>, Vec<&'r str>) {
        let roles = current_roles(record.roles, self.today);
        let schools = self.survey.schools_of(person.number, record, &roles, self.today);
        let case = Case {
            record,
            account,
            roles: &roles,
            schools: &schools,
            duplicate: contradicted,
            unclear: self.survey.unclear,
            refused_email: self.refused.holder(0, record.sourced_id),
            refused_phone: self.refused.holder(1, record.sourced_id),
        };
        let verdict = judge(&case, self.rules);
        (verdict, roles, schools)
    }

    /// Takes a verdict into the plan: its row, its counts, what is to be written and what to be remembered.
    #[expect(clippy::too_many_arguments, reason = "a verdict and all that it was found on")]
    fn take(
        &self,
        record: &Record<'_>,
        person: Person,
        adopted: Adopted,
        mut verdict: Verdict,
        roles: &[String],
        schools: &[&str],
        draft: &mut Draft,
    ) -> Result<()> {
        if adopted.pending_again {
            let place = verdict
                .notes
                .iter()
                .position(|note| *note == Note::NotNotifiable)
                .unwrap_or(verdict.notes.len());
            verdict.notes.insert(place, Note::PendingAgain);
            if matches!(verdict.action, Action::Unchanged | Action::Kept) {
                verdict.action = Action::Updated;
            }
        }
        let stored = person.stored.as_ref();
        if self.watch {
            let refused = |credential| self.refused.holder(credential, record.sourced_id).is_some();
            if verdict.account.is_none() && (refused(0) || refused(1)) {
                draft.not_added.push(record.sourced_id.to_owned());
            }
            for (credential, claim) in claims_of(stored, &verdict).into_iter().enumerate() {
                draft.claims.extend(claim.map(|claim| (credential, record.sourced_id.to_owned(), claim)));
            }
            return Ok(());
        }
        if verdict.account.is_none() && !record.sourced_id.is_empty() {
            draft.unheard.push(self.unheard(record));
        }
        self.note_former(record.sourced_id, stored, &verdict, draft);
        let live = verdict.account.as_ref().filter(|account| !account.archived);
        if let Some(live) = live {
            draft.people.add(person.place, CREDENTIALS.map(|field| hash(&live.details, field)));
        }
        let mut row = row_of(record, stored, &verdict, roles, schools, self.rules, person.place);
        row.compared &= live.is_some();

        draft.summary.add(verdict.action, &verdict.fields, &verdict.news.recipients);
        draft.checksum.add(&row, &verdict.news.recipients);
        draft.summary.contact_updates += u64::from(verdict.counts_as_update);
        draft.summary.cannot_be_told += u64::from(verdict.notes.contains(&Note::NotNotifiable));
        draft.summary.taken_over +=
            adopted.entries.iter().filter(|entry| entry.field != "state").count() as u64;
        let is_new = verdict.account.as_ref().is_some_and(|account| account.id == 0);
        let starts_active =
            is_new && verdict.account.as_ref().is_some_and(|account| account.state == State::Active);
        let is_synced = live.is_some()
            && !matches!(verdict.action, Action::Skipped | Action::Rejected | Action::Archived);
        if !is_synced && person.print.is_some() {
            draft.left_out.not_synced(self.survey, record, person.number, self.mode, self.today);
        }
        let left_out = is_left_out(&verdict, stored);
        let mut newly_left_out = false;
        if left_out
            && person.state & LEFT_OUT == 0
            && let Some(stored) = stored
        {
            draft.left_out.newly(stored, schools);
            newly_left_out = self.rules.last_night.is_some();
        }
        let joins = starts_active || adopted.joined;
        draft.summary.joined += u64::from(joins);
        let joins = joins && stored.is_none_or(|stored| !stored.archived);
        draft.became_active += u64::from(joins);
        draft.summary.unjoins += u64::from(adopted.pending_again);
        let was_active = stored.is_some_and(|stored| stored.state == State::Active && !stored.archived);
        let export_changes = was_active && adopted.entries.iter().any(|entry| entry.field != "state");
        draft.summary.export_changed += u64::from(export_changes);
        let setting = self.rules.setting_of(schools);
        let active = live.is_some_and(|live| live.state == State::Active);
        draft.summary.changeable +=
            u64::from(active && setting == Setting::On && is_acted_on(verdict.action));
        let unprotected = active && setting == Setting::On && self.loses_protection(&person, schools);
        if unprotected {
            draft.summary.protection += 1;
            for school in if schools.is_empty() { &[""] } else { schools } {
                *draft.summary.protection_schools.entry((*school).to_owned()).or_default() += 1;
            }
        }
        for (applies, sum) in [joins, export_changes, unprotected].into_iter().zip(&mut draft.of_limits.0) {
            if applies {
                sum.add_person(&row);
            }
        }

        if newly_left_out {
            // An approval covers it.
            draft.checksum.add_person(&row);
        }
        self.remember(record, &person, &verdict, &row, (setting, left_out), draft);
        spool::append(&mut draft.rows, &row)?;
        if let Some(account) = verdict.account
            && stored != Some(&account)
        {
            let mut audit = adopted.entries;
            audit.extend(sync_entries(verdict.action, stored, &account, &verdict.fields));
            let is_new = account.id == 0;
            let from_export = !audit.is_empty() || is_new && account.state == State::Active;
            let stamp = person.export.as_ref().filter(|_| from_export).map(|row| row.stamp().to_owned());
            let stamp = stamp.unwrap_or_default();
            let only_added = is_new && audit.is_empty() && verdict.fields.changes().next().is_none();
            if let Some(person) = person.number.filter(|_| only_added) {
                return AccountRow::with(&account, |account| {
                    spool::append(&mut draft.newcomers, &Newcomer { person, account, stamp: &stamp })
                });
            }
            let write = Write {
                account,
                person: person.number,
                audit,
                changes: verdict.news.changes,
                recipients: verdict.news.recipients,
                since: verdict.news.since,
                leaves: verdict.action == Action::Archived,
                stamp,
            };
            spool::append(&mut draft.writes, &write)?;
        }
        Ok(())
    }

    /// Whether an active person was under OFF when last decided on, and is under ON tonight for another reason than a change of
    /// the configuration: with the setting of the last good night they would be under ON tonight as well.
    fn loses_protection(&self, person: &Person, schools: &[&str]) -> bool {
        let Some(stored) = person.stored.as_ref().filter(|stored| stored.state == State::Active) else {
            return false;
        };
        let last = self.rules.last_night.as_deref().and_then(|night| night.setting.as_ref());
        let Some(last) = last else { return false };
        let under = |schools: &[&str]| {
            let own = |school: &&str| last.schools.get(*school).copied().map(Setting::from_bool);
            Setting::of_person(schools.iter().map(own), Setting::from_bool(last.district))
        };
        let was_off = match person.state & (UNDER_ON | UNDER_OFF) {
            0 => {
                // A guardian's schools of that night were those of the students, which are not known any more.
                let record = stored.sis.record(&stored.sourced_id);
                let roles = current_roles(record.roles, self.today);
                !roles.iter().any(|role| roles::is_guardian(role))
                    && under(&own_schools(&record, self.today)) == Setting::Off
            }
            // While archived they may have been under another configuration.
            signs if stored.archived => {
                let record = stored.sis.record(&stored.sourced_id);
                signs & UNDER_OFF != 0 && under(&own_schools(&record, self.today)) == Setting::Off
            }
            signs => signs & UNDER_OFF != 0,
        };
        was_off && under(schools) == Setting::On
    }

    /// Notes who is told at an old address, and who gets another one in this run: see [`super::build`].
    fn note_former(&self, sourced_id: &str, stored: Option<&Account>, verdict: &Verdict, draft: &mut Draft) {
        let former = verdict.news.recipients.iter().filter(|to| to.audience == Audience::Former);
        draft.former.extend(former.filter_map(|to| {
            let credential = usize::from(to.channel == Channel::Sms);
            let hash = hash_of(CREDENTIALS[credential], &to.address)?;
            Some(Former { sourced_id: sourced_id.to_owned(), credential, hash })
        }));
        let Some(account) = verdict.account.as_ref().filter(|account| !account.archived) else { return };
        if stored.is_none_or(|stored| stored.archived) {
            return;
        }
        for change in verdict.fields.changes() {
            if let Some(credential) = CREDENTIALS.iter().position(|field| *field == change.field)
                && let Some(hash) = hash(&account.details, change.field)
            {
                draft.acquired.push((credential, hash));
            }
        }
    }

    /// What their record says of somebody without an account.
    fn unheard(&self, record: &Record<'_>) -> Unheard {
        Unheard {
            sourced_id: record.sourced_id.to_owned(),
            roles: record.roles.0.to_owned(),
            orgs: record.orgs.map(|orgs| orgs.0.to_owned()),
            agents: record.agents.map(|agents| agents.0.to_owned()),
            unclear: record.defect.is_some()
                || self.survey.is_contradicted(record.sourced_id)
                || record.roles.0.is_empty() && self.mode != Mode::Delta,
            gone: record.deleted && self.mode != Mode::Unknown,
            partial: self.survey.unclear,
        }
    }

    /// Remembers a decision, so that it need not be made again as long as nothing moves.
    ///
    /// What is remembered holds for two reasons, and for no other. Where the account was left as it is, the same record
    /// comes to the same row again, because a decision depends on nothing else ([`judge`] is pure); its row is kept.
    /// Where the account is what the record says, or has become it just now, the same record comes to nothing, without a
    /// note; the row follows from the record.
    fn remember(
        &self,
        record: &Record<'_>,
        person: &Person,
        verdict: &Verdict,
        row: &PlanRow<'_>,
        (setting, left_out): (Setting, bool),
        draft: &mut Draft,
    ) {
        let (Some(number), Some(account)) = (person.number, &verdict.account) else { return };
        let stored = person.stored.as_ref();
        let unchanged = stored == Some(account);
        let usable = self.memo
            && !account.archived
            && record.defect.is_none()
            && !record.deleted
            && !record.roles.0.is_empty()
            && !self.survey.is_contradicted(record.sourced_id);
        let as_said = || {
            let cells = Cells::of(record, self.rules.phone_credential);
            Plain::read(cells).is_some_and(|plain| plain.is(&account.details))
        };
        let repeats = matches!(verdict.action, Action::Unchanged | Action::Kept | Action::Skipped);
        let kept_row = if usable && verdict.is_settled() && as_said() {
            Some(None)
        } else if usable && unchanged && repeats {
            postcard::to_stdvec(row).ok().map(Some)
        } else {
            None
        };
        let print = person
            .print
            .filter(|_| kept_row.is_some())
            .map(|print| (print, self.survey.schools_print(number)));
        let kept_row = print.and(kept_row).flatten();
        // Of an account that is left as it is because nothing can be said of its schools, the setting stays what it was.
        let setting = match (setting, account.archived || verdict.action == Action::Rejected) {
            (_, true) => person.state & (UNDER_ON | UNDER_OFF),
            (Setting::On, false) => UNDER_ON,
            (Setting::Off, false) => UNDER_OFF,
        };
        let left_out = if left_out { LEFT_OUT } else { 0 };
        let state = state_of(account) | setting | left_out;
        if unchanged && print.is_none() && person.export.is_none() && state == person.state & !ROW {
            // What is remembered of another record of the person holds as it did.
            return;
        }
        draft.memos.push(Memo {
            number,
            record: Some(print.unwrap_or_default()),
            export: taken_in(person.export.as_ref(), account),
            credentials: print.map(|_| CREDENTIALS.map(|field| hash(&account.details, field).unwrap_or(0))),
            state: state | if kept_row.is_some() { ROW } else { 0 },
        });
        draft.memo_rows.extend(kept_row.map(|row| (number, row)));
    }
}

/// Whether the sync may do something to an account with this action, if the setting says so.
fn is_acted_on(action: Action) -> bool {
    !matches!(action, Action::Skipped | Action::Rejected | Action::Archived | Action::Held)
}

/// Whether roles, their dates or schools leave out a person with an account who has not left.
fn is_left_out(verdict: &Verdict, stored: Option<&Account>) -> bool {
    let leaves_out = |note: &Note| {
        matches!(
            note,
            Note::RoleNotSynced(_)
                | Note::RoleEnded(_)
                | Note::RoleNotBegun(_)
                | Note::SchoolNotSynced
                | Note::Rejected(Reason::NoRole)
        )
    };
    stored.is_some_and(|stored| !stored.archived)
        && matches!(verdict.action, Action::Skipped | Action::Rejected)
        && verdict.notes.iter().any(leaves_out)
}

fn state_of(account: &Account) -> u8 {
    let active = if account.state == State::Active { ACTIVE } else { 0 };
    active | if account.archived { ARCHIVED } else { 0 }
}

/// Which row of the export need not be looked at again. Of somebody archived only the state was taken over; and while several
/// values can be shown without being news, it matters that one of them is shown once more.
fn taken_in(row: Option<&Row>, account: &Account) -> Option<u64> {
    if account.exported.is_several() {
        return Some(0);
    }
    row.map(|row| if account.archived { 0 } else { row.hash() })
}
