//! One record beside its account: what becomes of the person, and what of that goes into the plan.
//! Nothing is looked up here, so several threads can decide at once.

use std::collections::HashMap;
use std::ops::Range;

use super::block_result::{BlockResult, BystanderRecord, CredentialClaim, Former};
use super::claims::claims_of;
use super::held::{Facts, HeldBack};
use super::link_classes::SettledLinks;
use super::links::{LinkChanges, lists_links};
use super::note::{Note, Reason};
use super::person::{Case, Verdict, archive, judge};
use super::reused::is_another;
use super::row::{row_of, sync_entries};
use super::same_person::SamePerson;
use super::shared_credentials::{CREDENTIALS, comes_after_sharing};
use super::summary::Step;
use super::tally::Counted;
use super::unchanged::Unchanged;
use super::{Action, Newcomer, PlanRow, Write};
use crate::account::{Account, SisDetails, State};
use crate::contact::{Email, Field, credential_hash};
use crate::failure::{Failure, Kind, Result};
use crate::last_night::SettingSeen;
use crate::message::{Audience, Channel};
use crate::platform::{Adopted, ImportKind, Row};
use crate::policy::Setting;
use crate::rights::{self, Allowed, Links, NoAccount};
use crate::roles;
use crate::roster::kept::{Kept, Place};
use crate::roster::{IdList, Mode, Record, RoleList, current_roles, own_schools};
use crate::roster_index::RosterIndex;
use crate::rules::Rules;
use crate::spool;
use crate::store::{
    ACTIVE, ARCHIVED, AccountRow, AuditEntry, HAS_CONTACT, LEFT_OUT, Origin, PackedRow, REACHABLE, UNDER_OFF,
    UNDER_ON,
};

/// Refused credentials: for email and phone, by sourcedId, the sourcedId of a holder.
#[derive(Default)]
pub(super) struct Refused(pub(super) [HashMap<String, String>; 2]);

impl Refused {
    fn holder(&self, credential: usize, sourced_id: &str) -> Option<&str> {
        self.0[credential].get(sourced_id).map(String::as_str)
    }
}

/// One record that gets its row here, and what was looked up for it.
pub(super) struct Job {
    /// Where the record is in its block.
    pub(super) at: Place,
    pub(super) task: Task,
}

pub(super) enum Task {
    /// The row as it was decided then, and its place in the report.
    AsDecided(Vec<u8>, u32),
    Decide(Person, LookedUp),
}

/// Where the rows of a person's account and of the platform's export are among those that were
/// looked up for the block. Empty: there is none. The thread that decides reads them, so that what
/// they hold is freed where it was allocated.
#[derive(Default)]
pub(super) struct LookedUp {
    pub(super) account: Range<usize>,
    pub(super) export: Range<usize>,
}

/// A person that is decided on.
pub(super) struct Person {
    /// The place in the report.
    pub(super) place: u32,
    pub(super) number: Option<u32>,
    /// Stands for the record as it was read; none for a person whom the roster does not mention.
    pub(super) record_hash: Option<u64>,
    /// The account, if there is one. In a box, as the next: most people lack one of them, and
    /// thousands of people are on their way from one thread to another. Read by the thread that
    /// decides, from [`LookedUp`].
    pub(super) stored: Option<Box<Account>>,
    /// The row of the platform's export, if that says something new.
    pub(super) export: Option<Box<Row>>,
    /// An earlier row of the sourcedId has spoken for the account.
    pub(super) is_further_row: bool,
    /// As [`crate::store::Fingerprints::signs`].
    pub(super) signs: u8,
    /// What comes and goes of an adult's links.
    pub(super) links: LinkChanges,
}

impl Person {
    /// Reads what was looked up, out of these rows.
    pub(super) fn read(&mut self, looked_up: &LookedUp, rows: &[u8]) -> Result<()> {
        let row = |at: &Range<usize>| rows.get(at.clone()).filter(|row| !row.is_empty());
        self.stored = row(&looked_up.account).map(stored_account).transpose()?.map(Box::new);
        self.export = row(&looked_up.export).map(spool::first_of).transpose()?;
        Ok(())
    }

    fn has_live_account(&self) -> bool {
        self.stored.as_ref().is_some_and(|stored| !stored.archived)
    }
}

/// All that a decision depends on besides record, account and export.
pub(super) struct Decider<'a> {
    pub(super) roster: &'a RosterIndex,
    pub(super) rules: &'a Rules,
    pub(super) today: &'a str,
    pub(super) mode: Mode,
    pub(super) refused: Refused,
    /// Under `unique`, the first walks only gather the claims.
    pub(super) only_claims: bool,
    pub(super) unchanged: &'a Unchanged,
    pub(super) same_person: &'a SamePerson,
    /// What the limits hold back.
    pub(super) held: &'a HeldBack,
}

/// A decision about one person, and all that it was made on.
pub(super) struct PersonDecision<'a> {
    pub(super) record: &'a Record<'a>,
    pub(super) person: &'a Person,
    /// What the platform's export has changed about the account.
    adopted: Adopted,
    pub(super) verdict: Verdict,
    /// Those that are held today, and the person's schools.
    roles: Vec<String>,
    schools: Vec<&'a str>,
}

impl PersonDecision<'_> {
    /// The account after the run, if there is one that is not archived.
    fn live(&self) -> Option<&Account> {
        self.verdict.account.as_ref().filter(|account| !account.archived)
    }

    /// Says that the platform's export has made the person pending again.
    fn note_pending_again(&mut self) {
        if !self.adopted.pending_again {
            return;
        }
        let verdict = &mut self.verdict;
        let last = verdict.notes.iter().position(|note| *note == Note::NotNotifiable);
        verdict.notes.insert(last.unwrap_or(verdict.notes.len()), Note::PendingAgain);
        if matches!(verdict.action, Action::Unchanged | Action::Kept | Action::Missing) {
            verdict.action = Action::Updated;
        }
    }

    /// Says which channels the person has left on the platform.
    fn note_opt_outs(&mut self) {
        self.verdict.notes.extend(self.adopted.opt_outs().map(|(channel, out)| Note::OptOut(channel, out)));
    }

    /// Whether roles, their dates or schools leave out a person with an account that has not left.
    fn is_left_out(&self) -> bool {
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
        self.person.has_live_account()
            && matches!(self.verdict.action, Action::Skipped | Action::Rejected)
            && self.verdict.notes.iter().any(leaves_out)
    }
}

impl Decider<'_> {
    /// `rows` are those that were looked up for the block, as [`spool::append`] wrote them.
    pub(super) fn work(&self, kept: &Kept<'_>, job: Job, rows: &[u8], out: &mut BlockResult) -> Result<()> {
        match job.task {
            Task::AsDecided(row, place) => self.as_decided(kept, place, &row, out),
            Task::Decide(mut person, looked_up) => {
                person.read(&looked_up, rows)?;
                self.record(&kept.record, &person, out)
            }
        }
    }

    /// Takes the row of a person whose data has not changed.
    fn as_decided(&self, kept: &Kept<'_>, place: u32, row: &[u8], out: &mut BlockResult) -> Result<()> {
        let mut row: PlanRow<'_> = postcard::from_bytes(row).map_err(|error| {
            Failure::new(Kind::Failed, "a cached row of the report cannot be read")
                .cure("run with --decide-all, which makes it again")
                .because(error)
        })?;
        (row.line, row.place) = (kept.record.line, place);
        let hashes = CREDENTIALS.map(|field| credential_hash(field, &row.details.shown(field)));
        out.totals.holders.add(place, hashes);
        out.totals.summary.add(row.action, &row.fields, &[]);
        if row.state == State::Active.word() && is_acted_on(row.action) {
            let schools: Vec<&str> = row.schools.split('|').filter(|id| !id.is_empty()).collect();
            out.totals.summary.changeable += u64::from(self.rules.setting_of(&schools) == Setting::On);
        }
        if row.action == Action::Skipped && !is_left_alone(&row.notes) {
            let person = self.roster.person_of(place);
            let record = self.roster.taken(person, &kept.record, None);
            out.totals.left_out.not_synced(self.roster, &record, person, self.mode, self.today);
        }
        spool::append(&mut out.rows, &row)
    }

    fn record(&self, record: &Record<'_>, person: &Person, out: &mut BlockResult) -> Result<()> {
        let stored = person.stored.as_deref();
        let roles = stored.map(|stored| stored.sis.roles.as_str());
        let record = self.roster.taken(person.number, record, roles);
        // In OneRoster 1.2 a delta can change a user without saying the roles again, or say only
        // some of them.
        let merged = stored.filter(|_| self.mode == Mode::Delta).map(|stored| {
            let (roles, orgs) = (RoleList(&stored.sis.roles), IdList(&stored.sis.orgs));
            let placed = roles.at(orgs, record.roles);
            placed.as_deref().map_or(roles, RoleList).after(record.roles)
        });
        let record = &Record { roles: merged.as_deref().map_or(record.roles, RoleList), ..record };
        if person.is_further_row {
            let account = stored.and_then(|_| self.export_first(person).0);
            return self.repeat(&self.decide(record, person, account.as_ref(), Adopted::default()), out);
        }
        if let Some(decision) = self.returning(record, person) {
            return self.take(decision, out);
        }
        let (account, adopted) = self.export_first(person);
        let usable = record.defect.is_none()
            && !record.sourced_id.is_empty()
            && !self.roster.is_contradicted(record.sourced_id);
        if record.deleted && usable {
            let account = account.as_ref().filter(|account| account.id != 0);
            let verdict = match account.filter(|account| !account.archived) {
                Some(live) if self.is_missing(person) => self.wait(person, live)?,
                Some(live) if self.mode != Mode::Unknown => self.leave(person, live)?,
                Some(_) | None => Verdict::left_as_it_is(Action::Skipped, account, Note::ToBeDeleted),
            };
            let (roles, schools) = (Vec::new(), Vec::new());
            return self.take(PersonDecision { record, person, adopted, verdict, roles, schools }, out);
        }
        let mut decision = self.decide(record, person, account.as_ref(), adopted);
        self.recognise(&mut decision, out)?;
        self.take(decision, out)
    }

    /// Archives the account of a person that has left, unless the person is probably back under
    /// another sourcedId.
    fn leave(&self, person: &Person, live: &Account) -> Result<Verdict> {
        Ok(match self.same_person.of_leaver(person.number)? {
            None => archive(live),
            Some((true, note)) => Verdict::same_person(Some(live), vec![note]),
            Some((false, note)) => {
                let mut verdict = archive(live);
                verdict.notes.push(note);
                verdict
            }
        })
    }

    /// Says whose the record of a new person probably is, and does not add it then. Of an account
    /// that goes on under another sourcedId it says which one that was.
    fn recognise(&self, decision: &mut PersonDecision<'_>, out: &mut BlockResult) -> Result<()> {
        if self.same_person.is_empty() {
            return Ok(());
        }
        let (number, verdict) = (decision.person.number, &mut decision.verdict);
        if let Some(old) = self.same_person.earlier_id(number)? {
            let record = decision.record;
            if let Some(stored) = &decision.person.stored
                && is_another(record, stored, &decision.roles, &decision.schools, self.rules)
            {
                let both = (old.clone(), record.sourced_id.to_owned());
                out.totals.summary.unlike_renames.push(both);
            }
            verdict.notes.push(Note::Rekeyed(old));
        }
        if verdict.action != Action::Created {
            return Ok(());
        }
        match self.same_person.of_newcomer(number)? {
            None => {}
            Some((false, note)) => verdict.notes.push(note),
            Some((true, note)) => {
                let mut notes = std::mem::take(&mut verdict.notes);
                notes.retain(|note| matches!(note, Note::SisInvalid(..) | Note::Disabled));
                notes.push(note);
                *verdict = Verdict::same_person(None, notes);
            }
        }
        Ok(())
    }

    /// The decision about an archived person that is back. None if the person is not back, or is
    /// left out after all: then the account stays archived, and only its state follows the export.
    fn returning<'r>(&'r self, record: &'r Record<'r>, person: &'r Person) -> Option<PersonDecision<'r>> {
        let stored = person.stored.as_deref().filter(|stored| stored.archived && !record.deleted)?;
        // The account is again what it was, and the export says what that is now.
        let mut back = stored.clone();
        let mut adopted = Adopted::default();
        if let Some(row) = &person.export {
            back.archived = false;
            adopted = row.adopt(&mut back, self.rules.phones, ImportKind::Nightly);
            back.archived = true;
        }
        let mut decision = self.decide(record, person, Some(&back), adopted);
        if decision.verdict.action != Action::Restored {
            return None;
        }
        if is_another(record, stored, &decision.roles, &decision.schools, self.rules) {
            // What the platform's export says under this sourcedId may be about either of them.
            let note = Note::ReusedId(stored.details.shown(Field::Name));
            decision.verdict = Verdict::left_as_it_is(Action::Held, Some(stored), note);
            decision.adopted = Adopted::default();
        }
        Some(decision)
    }

    /// A person whom the roster does not mention.
    pub(super) fn absent(&self, person: &Person, out: &mut BlockResult) -> Result<()> {
        let (account, adopted) = self.export_first(person);
        let Some(account) = account else { return Ok(()) };
        let said = account.sis.clone();
        let record = &said.record(&account.sourced_id);
        if self.mode != Mode::Bulk {
            let mut decision = self.decide(record, person, Some(&account), adopted);
            if let Some((true, note)) = self.same_person.of_leaver(person.number)? {
                decision.verdict = Verdict::same_person(Some(&account), vec![note]);
            }
            self.recognise(&mut decision, out)?;
            return self.take(decision, out);
        }
        let roles = current_roles(record.roles, self.today);
        let schools = self.roster.schools_of(person.number, record, &roles, self.today);
        let verdict = match self.is_missing(person) {
            true => self.wait(person, &account)?,
            false => self.leave(person, &account)?,
        };
        self.take(PersonDecision { record, person, adopted, verdict, roles, schools }, out)
    }

    /// Whether a person that is absent is not archived for it yet.
    fn is_missing(&self, person: &Person) -> bool {
        person.number.is_some_and(|number| self.roster.is_missing(number))
    }

    /// Leaves the account of a person as it is that may be back tomorrow.
    fn wait(&self, person: &Person, live: &Account) -> Result<Verdict> {
        let note = match person.number.and_then(|number| self.roster.not_archived_until(number)) {
            Some(until) => Note::NotArchived(until.to_string()),
            None => Note::Missing(self.rules.missing_with_tonight(live.id).0.to_string()),
        };
        let verdict = Verdict::left_as_it_is(Action::Missing, Some(live), note);
        Ok(match self.same_person.of_leaver(person.number)? {
            None => verdict,
            Some((true, note)) => Verdict::same_person(Some(live), vec![note]),
            Some((false, note)) => {
                let notes = verdict.notes.into_iter().chain([note]).collect();
                Verdict { notes, ..verdict }
            }
        })
    }

    /// An archived person whom the roster does not mention: only the state follows the platform,
    /// without a row.
    pub(super) fn archived(&self, person: &Person, out: &mut BlockResult) -> Result<()> {
        let (account, adopted) = self.export_first(person);
        let Some(account) = account.filter(|_| adopted.touched && !self.only_claims) else { return Ok(()) };
        if let Some(number) = person.number {
            out.signs
                .push((number, signs_of(&account) | person.signs & (UNDER_ON | UNDER_OFF | HAS_CONTACT)));
            Unchanged::remember_archived(number, &mut out.to_remember);
        }
        AccountRow::packed_of(&account, |packed| {
            let write = Write {
                id: account.id,
                account: packed,
                person: None,
                audit: adopted.entries,
                changes: Vec::new(),
                recipients: Vec::new(),
                first_change_id: None,
                leaves: false,
                is_barred: false,
                stamp: person.export.as_deref().map_or("", |row| &row.stamp),
            };
            spool::append(&mut out.writes, &write)
        })
    }

    /// Brings the account to what the platform's export says, before anything is decided.
    fn export_first(&self, person: &Person) -> (Option<Account>, Adopted) {
        let phones = self.rules.phones;
        match (person.stored.as_deref().cloned(), &person.export) {
            (Some(mut account), Some(row)) => {
                let adopted = row.adopt(&mut account, phones, ImportKind::Nightly);
                (Some(account), adopted)
            }
            (Some(account), None) => (Some(account), Adopted::default()),
            (None, row) => (row.as_ref().and_then(|row| row.newcomer(phones)), Adopted::default()),
        }
    }

    /// The links by class, where they are not as the record has them. A person that is no guardian
    /// has no classes; and while the columns of the rules are blank, classes are those of the store.
    fn settle_links(
        &self,
        record: &Record<'_>,
        account: Option<&Account>,
        roles: &[String],
    ) -> Option<SettledLinks> {
        if record.emergency.is_none() && record.barred.is_none() {
            return None;
        }
        if !roles.iter().any(|role| roles::is_guardian(role)) {
            return Some(SettledLinks::unclassed(record));
        }
        if self.rules.blank_columns.contact_rules {
            return Some(SettledLinks::as_stored(record, account));
        }
        SettledLinks::every(record)
    }

    /// Judges a record beside an account.
    fn decide<'r>(
        &'r self,
        record: &'r Record<'r>,
        person: &'r Person,
        account: Option<&Account>,
        adopted: Adopted,
    ) -> PersonDecision<'r> {
        let roles = current_roles(record.roles, self.today);
        let schools = self.roster.schools_of(person.number, record, &roles, self.today);
        let settled = self.settle_links(record, account, &roles);
        let said = match &settled {
            Some(links) => links.put_into(record),
            None => *record,
        };
        let case = Case {
            record: &said,
            account,
            roles: &roles,
            schools: &schools,
            duplicate: self.roster.is_contradicted(record.sourced_id),
            unclear: self.roster.unclear,
            allowed: allowed(
                self.rules,
                &said,
                account,
                &roles,
                self.roster.unclear,
                settled.as_ref().is_some_and(|links| links.is_unknown),
            ),
            refused_email: self.refused.holder(0, record.sourced_id),
            refused_phone: self.refused.holder(1, record.sourced_id),
        };
        let mut verdict = judge(&case, self.rules);
        if matches!(verdict.action, Action::Skipped | Action::Rejected) && person.stored.is_none() {
            // A person that is left out gets no account, whatever the platform says.
            verdict.account = None;
        }
        PersonDecision { record, person, adopted, verdict, roles, schools }
    }
}

/// What of a decision goes into the plan, in the order in which it happens.
impl Decider<'_> {
    fn take(&self, mut decision: PersonDecision<'_>, out: &mut BlockResult) -> Result<()> {
        decision.note_pending_again();
        decision.note_opt_outs();
        if !self.only_claims {
            self.link(&mut decision);
        }
        if !self.held.is_empty() {
            self.hold(&mut decision, out);
        }
        if self.only_claims {
            self.claim(&decision, out);
            return Ok(());
        }
        self.put_bystander(&decision, out);
        self.put_credentials(&decision, out);
        let row = self.row(&decision);
        let setting = self.rules.setting_of(&decision.schools);
        self.count(&decision, &row, out);
        self.count_left_out(&decision, &row, out);
        self.count_for_limits(&decision, &row, setting, out);
        self.remember(&decision, &row, setting, out);
        spool::append(&mut out.rows, &row)?;
        Self::write(decision, out)
    }

    /// Leaves a person's account as it is if a limit holds the person back, and says which one.
    /// What the platform's export says stands: it is what the account is there.
    fn hold(&self, decision: &mut PersonDecision<'_>, out: &mut BlockResult) {
        let PersonDecision { person, verdict, schools, .. } = &*decision;
        if verdict.action == Action::Held {
            // A person decides, and what is approved later is for the same pairs.
            let row = self.row(decision);
            out.totals.held.undecided.add(&row, &[]);
            return;
        }
        let is_on = self.rules.setting_of(schools) == Setting::On
            && decision.live().is_some_and(|live| live.state == State::Active);
        let facts = Facts {
            newly_left_out: decision.is_left_out() && person.signs & LEFT_OUT == 0,
            loses_links: !person.links.removed.is_empty() && decision.live().is_some(),
            loses_protection: is_on && self.is_unprotected(person, verdict, schools),
            is_switched_on: verdict.counts_as_update && is_on && self.is_switched_on(person, schools),
            is_told: !verdict.news.recipients.is_empty(),
        };
        let row = self.row(decision);
        let Some(limit) = self.held.limit(&row, person.number, facts) else { return };
        out.totals.held.people += 1;
        drop(row);
        let stays = |note: &Note| {
            matches!(note, Note::SisInvalid(..) | Note::Disabled | Note::PendingAgain | Note::OptOut(..))
        };
        let mut notes = std::mem::take(&mut decision.verdict.notes);
        notes.retain(stays);
        notes.push(Note::HeldByLimit(limit.to_owned()));
        let stored = decision.person.stored.as_deref();
        let account = match stored.is_some_and(|stored| stored.archived) {
            // Of an archived account only its state follows the export, once it is restored.
            true => {
                decision.adopted = Adopted::default();
                stored.cloned()
            }
            false => stored.and_then(|_| self.export_first(decision.person).0),
        };
        decision.verdict = Verdict::held_by_limit(account.as_ref(), notes);
    }

    /// Brings an adult's links up to date, whatever else is decided, and says what came and went.
    fn link(&self, decision: &mut PersonDecision<'_>) {
        let PersonDecision { person, verdict, .. } = decision;
        let Some(number) = person.number.filter(|number| self.roster.is_guardian(*number)) else { return };
        if verdict.action == Action::Held || is_left_alone(&verdict.notes) {
            return;
        }
        let Some(account) = verdict.account.as_mut().filter(|account| !account.archived) else { return };
        let known = account.links.as_deref().filter(|_| lists_links(self.rules));
        account.links = Some(person.links.applied_to(known, self.roster, number));
        let place = verdict.notes.iter().position(comes_after_sharing).unwrap_or(verdict.notes.len());
        let others = verdict.notes.split_off(place);
        verdict.notes.extend(person.links.notes());
        if verdict.notes.len() > place && matches!(verdict.action, Action::Unchanged | Action::Missing) {
            verdict.action = Action::Updated;
        }
        verdict.notes.extend(others);
    }

    /// One more row of a sourcedId whose rows differ: it has its place in the report, and nothing
    /// else.
    fn repeat(&self, decision: &PersonDecision<'_>, out: &mut BlockResult) -> Result<()> {
        if self.only_claims {
            return Ok(());
        }
        let PersonDecision { record, person, .. } = decision;
        out.totals.left_out.not_synced(self.roster, record, person.number, self.mode, self.today);
        let mut row = self.row(decision);
        row.compared = false;
        out.totals.summary.add(row.action, &row.fields, &[]);
        spool::append(&mut out.rows, &row)
    }

    fn row<'d>(&self, decision: &'d PersonDecision<'_>) -> PlanRow<'d> {
        let PersonDecision { record, person, verdict, roles, schools, .. } = decision;
        let mut row = row_of(record, person.stored.as_deref(), verdict, roles, schools, self.rules);
        row.place = person.place;
        row.compared &= decision.live().is_some();
        row
    }

    /// What the person wants to do with the credentials.
    fn claim(&self, decision: &PersonDecision<'_>, out: &mut BlockResult) {
        let PersonDecision { record, person, verdict, .. } = decision;
        let refused = |credential| self.refused.holder(credential, record.sourced_id).is_some();
        if verdict.account.is_none() && (refused(0) || refused(1)) {
            out.totals.not_added.push(record.sourced_id.to_owned());
        }
        let claims = CREDENTIALS.into_iter().zip(claims_of(person.stored.as_deref(), verdict));
        out.claims.extend(claims.filter_map(|(field, claim)| {
            Some(CredentialClaim { field, sourced_id: record.sourced_id.to_owned(), claim: claim? })
        }));
    }

    /// A person without an account is a bystander: what the record says of the family is kept.
    fn put_bystander(&self, decision: &PersonDecision<'_>, out: &mut BlockResult) {
        let record = decision.record;
        if decision.verdict.account.is_some() || record.sourced_id.is_empty() {
            return;
        }
        // A new person at a paused school is new when the pause is over: held against the accounts that
        // leave then. So is a new person whom a limit holds back.
        let notes = &decision.verdict.notes;
        let waits = |note: &Note| matches!(note, Note::HeldByLimit(_));
        if self.mode == Mode::Bulk && (is_left_alone(notes) || notes.iter().any(waits)) {
            return;
        }
        let is_blank = self.rules.blank_columns.contact_rules;
        out.bystanders.push(BystanderRecord {
            sourced_id: record.sourced_id.to_owned(),
            roles: record.roles.0.to_owned(),
            orgs: record.orgs.map(|orgs| orgs.0.to_owned()),
            agents: record.agents.map(|agents| agents.0.to_owned()),
            emergency: record.emergency.filter(|_| !is_blank).map(|list| list.0.to_owned()),
            barred: record.barred.filter(|_| !is_blank).map(|list| list.0.to_owned()),
            relations: record.relations.map(|list| list.0.to_owned()),
            unclear: record.defect.is_some()
                || self.roster.is_contradicted(record.sourced_id)
                || record.roles.0.is_empty() && self.mode != Mode::Delta,
            gone: record.deleted && self.mode != Mode::Unknown,
            partial: self.roster.unclear,
        });
    }

    /// Which credentials the person holds after the run, is told at for the last time, and gets in
    /// it: see [`super::build`].
    fn put_credentials(&self, decision: &PersonDecision<'_>, out: &mut BlockResult) {
        let PersonDecision { record, person, verdict, .. } = decision;
        let former = verdict.news.recipients.iter().filter(|to| to.audience == Audience::Former);
        out.totals.former.extend(former.filter_map(|to| {
            let credential = usize::from(to.channel == Channel::Sms);
            let hash = credential_hash(CREDENTIALS[credential], &to.address)?;
            Some(Former { sourced_id: record.sourced_id.to_owned(), credential, hash })
        }));
        let Some(live) = decision.live() else { return };
        out.totals.holders.add(person.place, CREDENTIALS.map(|field| live.details.credential_hash(field)));
        if !person.has_live_account() {
            return;
        }
        for change in verdict.fields.changes() {
            if let Some(credential) = CREDENTIALS.iter().position(|field| *field == change.field)
                && let Some(hash) = live.details.credential_hash(change.field)
            {
                out.totals.acquired.push((credential, hash));
            }
        }
    }

    fn count(&self, decision: &PersonDecision<'_>, row: &PlanRow<'_>, out: &mut BlockResult) {
        let verdict = &decision.verdict;
        out.totals.summary.add(verdict.action, &verdict.fields, &verdict.news.recipients);
        out.totals.checksum.add(row, &verdict.news.recipients);
        let summary = &mut out.totals.summary;
        summary.contact_updates += u64::from(verdict.counts_as_update);
        if row.fields.changes().next().is_some() {
            summary.credentials += u64::from(Counted::Credentials.is(row));
            summary.pending_updates += u64::from(Counted::PendingUpdates.is(row));
        }
        let is_reused = verdict.notes.iter().any(|note| matches!(note, Note::ReusedId(_)));
        out.totals.summary.reused += u64::from(is_reused);
        let counts = |note: &Note| matches!(note, Note::Missing(_));
        let known = decision.person.stored.as_deref().filter(|_| verdict.notes.iter().any(counts));
        let is_new = known.is_some_and(|known| !self.rules.missing.contains_key(&known.id));
        out.totals.summary.newly_missing += u64::from(is_new);
        for note in &verdict.notes {
            match note {
                Note::Linked(ids) => out.totals.summary.links_added += ids.len() as u64,
                Note::Unlinked(ids) => out.totals.summary.links_removed += ids.len() as u64,
                _ => {}
            }
        }
        out.totals.summary.cannot_be_told += u64::from(verdict.notes.contains(&Note::NotNotifiable));
        out.totals.summary.taken_over += decision.adopted.details().count() as u64;
    }

    /// Counts a person that is not synced, or is left out for the first time.
    fn count_left_out(&self, decision: &PersonDecision<'_>, row: &PlanRow<'_>, out: &mut BlockResult) {
        let PersonDecision { record, person, verdict, schools, .. } = decision;
        // A record that is held is the person of an account.
        let is_held = verdict.action == Action::Held && verdict.account.is_none();
        let is_synced = is_held
            || is_left_alone(&verdict.notes)
            || decision.live().is_some()
                && !matches!(verdict.action, Action::Skipped | Action::Rejected | Action::Archived);
        if !is_synced && person.record_hash.is_some() {
            out.totals.left_out.not_synced(self.roster, record, person.number, self.mode, self.today);
        }
        if decision.is_left_out()
            && person.signs & LEFT_OUT == 0
            && let Some(stored) = &person.stored
        {
            out.totals.left_out.newly(stored, schools);
            if self.rules.last_night.is_some() {
                // An approval covers it.
                out.totals.checksum.add_person(row);
            }
        }
    }

    fn count_for_limits(
        &self,
        decision: &PersonDecision<'_>,
        row: &PlanRow<'_>,
        setting: Setting,
        out: &mut BlockResult,
    ) {
        let PersonDecision { person, adopted, verdict, schools, .. } = decision;
        let stored = person.stored.as_deref();
        out.totals.summary.names_swapped +=
            u64::from(stored.is_some_and(|stored| has_swapped_names(decision.record, stored)));
        let starts_active = |account: &Account| account.id == 0 && account.state == State::Active;
        let joins = verdict.account.as_ref().is_some_and(starts_active) || adopted.joined;
        out.totals.summary.joined += u64::from(joins);
        let joins = joins && stored.is_none_or(|stored| !stored.archived);
        out.totals.became_active += u64::from(joins);
        out.totals.summary.unjoins += u64::from(adopted.pending_again);
        let was_active = stored.is_some_and(|stored| stored.state == State::Active && !stored.archived);
        let export_changes = was_active && adopted.details().next().is_some();
        out.totals.summary.export_changed += u64::from(export_changes);
        let active = decision.live().is_some_and(|live| live.state == State::Active);
        out.totals.summary.changeable +=
            u64::from(active && setting == Setting::On && is_acted_on(verdict.action));
        let is_on = active && setting == Setting::On;
        let unprotected = is_on && self.is_unprotected(person, verdict, schools);
        if verdict.counts_as_update && is_on && self.is_switched_on(person, schools) {
            let step = Step {
                users: 1,
                told: u64::from(!verdict.news.recipients.is_empty()),
                sign_ins: u64::from(Counted::Credentials.is(row)),
            };
            let switched_on = &mut out.totals.summary.switched_on;
            switched_on.all.add(step);
            for school in if schools.is_empty() { &[""] } else { schools.as_slice() } {
                switched_on.schools.entry((*school).to_owned()).or_default().add(step);
            }
        }
        if unprotected {
            out.totals.summary.protection += 1;
            for school in if schools.is_empty() { &[""] } else { schools.as_slice() } {
                *out.totals.summary.protection_schools.entry((*school).to_owned()).or_default() += 1;
            }
        }
        for (applies, sum) in
            [joins, export_changes, unprotected].into_iter().zip(&mut out.totals.of_limits.0)
        {
            if applies {
                sum.add_person(row);
            }
        }
    }

    /// As [`Self::loses_protection`], where something is decided about the person.
    fn is_unprotected(&self, person: &Person, verdict: &Verdict, schools: &[&str]) -> bool {
        !is_missing(verdict) && !is_left_alone(&verdict.notes) && self.loses_protection(person, schools)
    }

    /// Whether an active person was under OFF when last decided on, and is under ON tonight for
    /// another reason than a change of the configuration: with the setting of the last good night
    /// they would be under ON tonight as well.
    fn loses_protection(&self, person: &Person, schools: &[&str]) -> bool {
        let Some(stored) = person.stored.as_deref().filter(|stored| stored.state == State::Active) else {
            return false;
        };
        let Some(last) = self.last_setting() else { return false };
        let under = |schools: &[&str]| setting_under(last, schools);
        let was_off = match person.signs & (UNDER_ON | UNDER_OFF) {
            0 => {
                // A guardian's schools of that night were those of the students, which are not
                // known any more.
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

    fn last_setting(&self) -> Option<&SettingSeen> {
        self.rules.last_night.as_deref().and_then(|night| night.setting.as_ref())
    }

    /// Whether an active person that is under ON tonight would not be with the configuration of the
    /// last good night, and was not when last decided on.
    fn is_switched_on(&self, person: &Person, schools: &[&str]) -> bool {
        let was_active = person.stored.as_deref().is_some_and(|stored| stored.state == State::Active);
        was_active
            && person.signs & UNDER_ON == 0
            && self.last_setting().is_some_and(|last| setting_under(last, schools) == Setting::Off)
    }

    /// Puts down the new signs of the account, and what there is to remember of the decision.
    fn remember(
        &self,
        decision: &PersonDecision<'_>,
        row: &PlanRow<'_>,
        setting: Setting,
        out: &mut BlockResult,
    ) {
        let PersonDecision { person, verdict, .. } = decision;
        let (Some(number), Some(account)) = (person.number, &verdict.account) else { return };
        // Of an account that is left as it is because nothing can be said of its schools, the
        // setting stays what it was.
        let is_missing = is_missing(verdict);
        let is_left_alone = is_left_alone(&verdict.notes);
        let is_left =
            is_missing || is_left_alone || matches!(verdict.action, Action::Rejected | Action::Held);
        let setting = match (setting, account.archived || is_left) {
            (_, true) => person.signs & (UNDER_ON | UNDER_OFF),
            (Setting::On, false) => UNDER_ON,
            (Setting::Off, false) => UNDER_OFF,
        };
        // An account that is held is reached as before, whatever the roster says of its sourcedId.
        let reach = match verdict.action {
            Action::Held => person.signs & REACHABLE,
            _ if is_left_alone => person.signs & REACHABLE,
            _ => self.reach(number, account),
        };
        // Whether a student has a contact is known only when every adult has been decided on.
        let is_for_emergencies = |note: &Note| {
            matches!(
                note,
                Note::NoAccount(NoAccount::EmergencyOnly) | Note::NoLonger(NoAccount::EmergencyOnly)
            )
        };
        let contact = match account.archived && verdict.action != Action::Rejected {
            true if verdict.notes.iter().any(is_for_emergencies) => HAS_CONTACT,
            true => 0,
            false => person.signs & HAS_CONTACT,
        };
        let left_out = match (is_missing || is_left_alone, decision.is_left_out()) {
            (true, _) => person.signs & LEFT_OUT,
            (false, true) => LEFT_OUT,
            (false, false) => 0,
        };
        let signs = signs_of(account) | setting | reach | contact | left_out;
        if person.signs & (REACHABLE | ARCHIVED) == REACHABLE {
            let removed = person.links.removed.iter().map(|(student, _)| *student);
            let all =
                person.stored.iter().filter(|_| signs & REACHABLE == 0).flat_map(|stored| &stored.links);
            let lost = removed.chain(all.flatten().copied());
            out.totals.lost_contacts.extend(lost.map(|student| (student, number)));
        }
        let is_kept = !self.held.is_empty()
            && !self.roster.is_guardian(number)
            && verdict.notes.iter().any(|note| matches!(note, Note::HeldByLimit(_)));
        if is_kept {
            let links = person.stored.iter().flat_map(|stored| &stored.links).flatten();
            out.totals.kept_links.extend(links.map(|student| (*student, number)));
        }
        let has_new_signs = signs != person.signs;
        if has_new_signs {
            out.signs.push((number, signs));
        }
        self.unchanged.remember(self, decision, row, has_new_signs, &mut out.to_remember);
    }

    /// [`REACHABLE`], for a guardian with a valid email or mobile.
    fn reach(&self, person: u32, account: &Account) -> u8 {
        let details = &account.details;
        let reachable = !account.archived
            && self.roster.is_guardian(person)
            && (Email::parse(&details.email).is_some() || self.rules.phones.parse(&details.phone).is_some());
        if reachable { REACHABLE } else { 0 }
    }

    fn write(decision: PersonDecision<'_>, out: &mut BlockResult) -> Result<()> {
        let PersonDecision { person, adopted, verdict, .. } = decision;
        let stored = person.stored.as_deref();
        let Some(account) = verdict.account.filter(|account| stored != Some(account)) else { return Ok(()) };
        let mut audit = adopted.entries;
        audit.extend(sync_entries(verdict.action, stored, &account, &verdict.fields));
        audit.extend(link_entries(&verdict.notes));
        let is_new = account.id == 0;
        let from_export = !audit.is_empty() || is_new && account.state == State::Active;
        let stamp = person.export.as_deref().filter(|_| from_export).map_or("", |row| &row.stamp);
        let only_added = is_new && audit.is_empty() && verdict.fields.changes().next().is_none();
        if let Some(person) = person.number.filter(|_| only_added) {
            return AccountRow::packed_of(&account, |account| {
                spool::append(&mut out.newcomers, &Newcomer { person, account, stamp })
            });
        }
        AccountRow::packed_of(&account, |packed| {
            let write = Write {
                id: account.id,
                account: packed,
                person: person.number,
                audit,
                changes: verdict.news.changes,
                recipients: verdict.news.recipients,
                first_change_id: verdict.news.first_change_id,
                leaves: verdict.action == Action::Archived,
                is_barred: verdict.notes.iter().any(|note| matches!(note, Note::NoLonger(_))),
                stamp,
            };
            spool::append(&mut out.writes, &write)
        })
    }
}

/// An account, of whose id and row these are the bytes.
fn stored_account(bytes: &[u8]) -> Result<Account> {
    let (id, row): (i64, PackedRow<'_>) = spool::first_of(bytes)?;
    Ok(row.account(id))
}

/// Whether a person may have an account. What the record does not say of links stands as the store
/// has it. `unclear`: rows may be missing. `has_unknown`: there is a link whose class is not known.
pub(super) fn allowed(
    rules: &Rules,
    record: &Record<'_>,
    account: Option<&Account>,
    roles: &[String],
    unclear: bool,
    has_unknown: bool,
) -> Allowed {
    let Rules { rights, suppressed, .. } = rules;
    let is_suppressed = !suppressed.is_empty() && suppressed.contains(record.sourced_id);
    if !is_suppressed && rights.is_none() {
        return Allowed::Yes;
    }
    let is_guardian_alone = !roles.is_empty() && roles.iter().all(|role| roles::is_guardian(role));
    let links = match rights.is_some() && is_guardian_alone {
        true => links_of(record, account, unclear, has_unknown),
        false => Links::default(),
    };
    rights::allowed(links, is_suppressed)
}

/// Which classes the links of a guardian have.
fn links_of(record: &Record<'_>, account: Option<&Account>, unclear: bool, unknown: bool) -> Links {
    let known = account.map(|account| &*account.sis);
    let stored = |list: fn(&SisDetails) -> &str| IdList(known.map_or("", list));
    let has =
        |own: Option<IdList<'_>>, list: fn(&SisDetails) -> &str| !own.unwrap_or(stored(list)).is_empty();
    let (emergency, barred) = (record.emergency.unwrap_or_default(), record.barred.unwrap_or_default());
    // Where rows may be missing, a link of the store stands unless it is of another class now.
    let stands = unclear && !stored(|sis| &sis.agents).without(&[emergency, barred]).is_empty();
    Links {
        contact: has(record.agents, |sis| &sis.agents) || stands,
        emergency: has(record.emergency, |sis| &sis.emergency),
        never: has(record.barred, |sis| &sis.barred),
        unknown,
    }
}

/// The setting of a person at these schools, with the configuration of the last good night.
fn setting_under(last: &SettingSeen, schools: &[&str]) -> Setting {
    let own = |school: &&str| last.schools.get(*school).copied().map(Setting::from_bool);
    Setting::of_person(schools.iter().map(own), Setting::from_bool(last.district))
}

/// Whether given and family name changed places since the roster was read last.
fn has_swapped_names(record: &Record<'_>, stored: &Account) -> bool {
    let (given, family) = (record.given_name, record.family_name);
    given != family
        && given.is_some_and(|given| !given.is_empty())
        && given == stored.sis.family_name.as_deref()
        && family == stored.sis.given_name.as_deref()
}

/// Whether the sync may do something to an account with this action, if the setting says so.
fn is_acted_on(action: Action) -> bool {
    use Action::{Archived, Held, Missing, Rejected, Skipped};
    !matches!(action, Skipped | Rejected | Archived | Held | Missing)
}

/// Whether nothing was decided because the roster does not mention the person.
fn is_missing(verdict: &Verdict) -> bool {
    verdict.notes.iter().any(|note| matches!(note, Note::Missing(_) | Note::NotArchived(_)))
}

/// Whether nothing is done to a person because a school is paused.
fn is_left_alone(notes: &[Note]) -> bool {
    notes.iter().any(|note| matches!(note, Note::SchoolPaused(..)))
}

/// One entry of the audit for each link that comes or goes.
fn link_entries(notes: &[Note]) -> Vec<AuditEntry> {
    let entry = |old: &str, new: &str| AuditEntry {
        origin: Origin::Sync,
        field: "link".into(),
        old: old.into(),
        new: new.into(),
    };
    let of = |note: &Note| match note {
        Note::Linked(ids) => ids.iter().map(|id| entry("", id)).collect(),
        Note::Unlinked(ids) => ids.iter().map(|id| entry(id, "")).collect(),
        _ => Vec::new(),
    };
    notes.iter().flat_map(of).collect()
}

fn signs_of(account: &Account) -> u8 {
    let active = if account.state == State::Active { ACTIVE } else { 0 };
    active | if account.archived { ARCHIVED } else { 0 }
}
