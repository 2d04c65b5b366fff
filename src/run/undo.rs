//! Taking a run back: the contact details that it changed get the values that they had before.
//!
//! A field that was changed since keeps its value. What the platform's export said in the same
//! night is not taken back. Accounts that the run made, archived, restored or gave another sourcedId,
//! and links, are taken back only with `all`; see [`whole`]. An undo is a run of its own, with a report; for each value it says what the next run will do with it, since
//! the roster may well want it changed again: see [`foresee`].

mod decide;
mod foresee;
mod taken;
mod whole;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::backup;
use super::html_report;
use super::presence::{self, Signs};
use super::report_file::{self, Partial, RunFile};
use super::request::RunContext;
use super::send;
use crate::account::Account;
use crate::attempt::{Attempt, Ending};
use crate::config::{Config, SharedContacts};
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::notify::{Delivery, Editor};
use crate::people::{People, Schools, tell};
use crate::plan::{Action, Change, Summary, forecast};
use crate::report::{Row, Writer};
use crate::roster::Mode;
use crate::roster::kept::key;
use crate::store::{AuditEntry, Audited, End, Origin, RunExtent, RunRow, Store};

use decide::decide;
pub use decide::{NextRun, Part, Undone, ValueOutcome};
use foresee::Foreseen;
pub use foresee::NextRunForecast;
use whole::Facts;

#[derive(Debug, Clone, Copy)]
pub struct UndoOptions {
    pub run: i64,
    pub dry_run: bool,
    /// Also what the run did besides the details of people.
    pub all: bool,
    /// Tell the people; otherwise no message is sent.
    pub notify: bool,
}

#[derive(Debug, Default)]
pub struct UndoOutcome {
    /// Its number; none for a dry run, and if there was nothing to give back.
    pub run: Option<i64>,
    /// Values given back that stay, among them those that are reported as a difference from the
    /// SIS.
    pub stay: u64,
    pub again: u64,
    pub kept: u64,
    /// With `all`: accounts that are archived, brought back and given their old sourcedId, and links;
    /// how many of these the next run changes again; and accounts that were removed since.
    pub archived: u64,
    pub restored: u64,
    pub rekeyed: u64,
    pub links: u64,
    pub repeated: u64,
    pub removed: u64,
    pub told: u64,
    /// People whose details are given back and who were told of the run that is taken back; and
    /// those whose message about it still waits.
    pub were_told: u64,
    pub have_waiting: u64,
    pub report: Option<std::path::PathBuf>,
    pub delivery: Delivery,
    pub forecast: NextRunForecast,
    /// What a person has to look at.
    pub findings: Findings,
}

impl UndoOutcome {
    /// How many things are taken back besides details.
    pub fn taken_back(&self) -> u64 {
        self.archived + self.restored + self.rekeyed + self.links
    }
}

/// Takes a run back. `each` is handed every value that the run had changed, with its account. A
/// preview may be given a store that can be written, to plan the next run over it; it leaves it as
/// it was.
///
/// # Errors
/// `Usage` if there is no such run or it changed nothing because it was blocked; those of the store and the report. Until
/// the commit nothing is written.
pub fn undo(
    config: &Config,
    store: &Store,
    options: UndoOptions,
    context: &RunContext<'_>,
    mut each: impl FnMut(&Account, &Undone) -> Result<()>,
) -> Result<UndoOutcome> {
    if !options.dry_run {
        report_file::finish_interrupted(&config.sync.reports, store)?;
    }
    if !options.dry_run && config.sync.backups > 0 {
        store.keep_in_memory(true)?;
    }
    let mut report = None;
    let done = store.transaction_or_preview(|| {
        refuse(store, options.run)?;
        let mut undo = Undo::new(config, store, options, context)?;
        let forecast = undo.foresee(context)?;
        let mut tally = Tally::new(&undo, forecast)?;
        if options.dry_run {
            undo.walk(&mut |before, after, values| tally.count(before, after, values, &mut each))?;
            return Ok(End::RollBack(tally.outcome));
        }
        let number = presence::next_run(store, &Signs::of(config))?;
        report = Some(report_file::write_partial(&config.sync.reports, RunFile::Users, number, |out| {
            let mut writer = Writer::new(out);
            undo.walk(&mut |before, after, values| {
                tally.count(before, after, values, &mut each)?;
                undo.write_row(&mut writer, before, after, values)
            })?;
            writer.finish().map(drop)
        })?);
        if tally.outcome.stay + tally.outcome.again + tally.outcome.taken_back() == 0 {
            return Ok(End::RollBack(tally.outcome));
        }
        let mut findings = Findings::default();
        backup::before_run(config, number, &mut findings, context.progress)?;
        store.keep_in_memory(false)?;
        undo.put_run(number, &tally.summary)?;
        store.forget_numbers(options.run)?;
        if options.notify {
            undo.people.learn_languages(tally.given_back_to)?;
        }
        let mut told = 0;
        undo.walk(&mut |before, after, values| {
            told += undo.apply(number, before, after, values)?;
            Ok(())
        })?;
        undo.finish_renames()?;
        Ok(End::Commit(UndoOutcome { run: Some(number), told, findings, ..tally.outcome }))
    });
    if done.is_err() && store.is_in_doubt() {
        // The next run knows, and finishes the report or removes it.
        report.take().into_iter().for_each(Partial::keep);
    }
    let mut outcome = done?;
    // From here on it is applied, and nothing that goes wrong makes it undone.
    if let (Some(number), Some(report)) = (outcome.run, report) {
        outcome.report = report_file::complete(report, &config.sync.reports, number, "the run is undone");
        html_report::write_if_wanted(config, store, number);
    }
    Ok(outcome)
}

struct Tally {
    outcome: UndoOutcome,
    summary: Summary,
    options: UndoOptions,
    /// Accounts with a message about the run: whether one went out, or may have.
    written_to: HashMap<i64, bool>,
    given_back_to: HashSet<String>,
}

impl Tally {
    fn new(undo: &Undo<'_>, forecast: NextRunForecast) -> Result<Self> {
        Ok(Self {
            outcome: UndoOutcome { forecast, removed: undo.removed()?, ..UndoOutcome::default() },
            summary: Summary::default(),
            options: undo.options,
            written_to: undo.people.store.written_to_about(undo.options.run)?,
            given_back_to: HashSet::new(),
        })
    }

    fn count(
        &mut self,
        before: &Account,
        after: &Account,
        values: &[Undone],
        each: &mut dyn FnMut(&Account, &Undone) -> Result<()>,
    ) -> Result<()> {
        let (outcome, summary) = (&mut self.outcome, &mut self.summary);
        let given_back = values.iter().any(Undone::is_given_back);
        *summary.actions.entry(action(before, after, given_back)).or_default() += 1;
        if given_back && let Some(told) = self.written_to.get(&before.id) {
            outcome.were_told += u64::from(*told);
            outcome.have_waiting += u64::from(!told);
        }
        if given_back && self.options.notify {
            self.given_back_to.insert(after.sourced_id.clone());
        }
        for value in values {
            match (&value.outcome, &value.part) {
                (ValueOutcome::GivenBack(next), Part::Value(field)) => {
                    *summary.fields.entry(field.key().to_owned()).or_default() += 1;
                    match next {
                        NextRun::Stays | NextRun::StaysWhile(_) | NextRun::Reported => outcome.stay += 1,
                        NextRun::ChangedTo(_) | NextRun::Does(_) => outcome.again += 1,
                    }
                }
                (ValueOutcome::GivenBack(next), part) => {
                    outcome.repeated += u64::from(!matches!(next, NextRun::Stays | NextRun::StaysWhile(_)));
                    *match part {
                        Part::Created | Part::Restored => &mut outcome.archived,
                        Part::Archived => &mut outcome.restored,
                        Part::SourcedId => &mut outcome.rekeyed,
                        Part::Linked(_) | Part::Unlinked(_) | Part::Value(_) => &mut outcome.links,
                    } += 1;
                }
                (ValueOutcome::Kept(_), _) => outcome.kept += 1,
            }
            each(if given_back { after } else { before }, value)?;
        }
        Ok(())
    }
}

/// The word for what an undo does to one account.
fn action(before: &Account, after: &Account, given_back: bool) -> Action {
    match (before.archived, after.archived) {
        (false, true) => Action::Archived,
        (true, false) => Action::Restored,
        _ if given_back => Action::Updated,
        _ => Action::Kept,
    }
}

/// Sends what an undo has queued; the caller has freed the lock.
pub fn send_undone(
    outcome: &mut UndoOutcome,
    config: &Config,
    store: &Store,
    context: &RunContext<'_>,
) -> Result<()> {
    if outcome.told > 0 {
        outcome.delivery = send(config, store, context)?;
        outcome.delivery.find(config, &mut outcome.findings);
    }
    Ok(())
}

fn refuse(store: &Store, run: i64) -> Result<()> {
    let found = store.run(run)?.ok_or_else(|| {
        Failure::new(Kind::Usage, format!("there is no run {run}")).cure("`rostersync runs` lists them")
    })?;
    if found.result == Ending::BLOCKED {
        return Err(Failure::new(Kind::Usage, format!("run {run} was blocked: it changed nothing"))
            .cure("`rostersync runs` lists the others"));
    }
    Ok(())
}

/// Is handed an account as it is, as it will be, and what becomes of each value.
type Each<'f> = dyn FnMut(&Account, &Account, &[Undone]) -> Result<()> + 'f;

struct Undo<'a> {
    people: People<'a>,
    schools: Schools,
    options: UndoOptions,
    /// Under `unique`: credentials that another person has by now.
    taken: HashSet<(i64, Field)>,
    /// What the next run does with values that do not just stay, if it could be planned.
    foreseen: Option<Foreseen>,
    /// With `all`: what belongs to the run; none if that is not known, since it is older than the
    /// chain of the audit.
    extent: Option<RunExtent>,
    /// sourcedIds of people that are suppressed.
    suppressed: HashSet<String>,
    /// Accounts that have been given their old sourcedId: the key that links know them by, the new
    /// key, and the account.
    renamed: RefCell<Vec<(u64, u64, i64)>>,
}

impl<'a> Undo<'a> {
    fn new(
        config: &'a Config,
        store: &'a Store,
        options: UndoOptions,
        context: &RunContext<'_>,
    ) -> Result<Self> {
        let people = People::new(config, store, context.now)?;
        let schools = Schools::read(&people)?;
        let mut undo = Self {
            people,
            schools,
            options,
            taken: HashSet::new(),
            foreseen: None,
            extent: if options.all { store.extent_of_run(options.run)? } else { None },
            suppressed: HashSet::new(),
            renamed: RefCell::default(),
        };
        if options.all {
            undo.suppressed = undo.people.rules.suppressed.clone();
            undo.suppressed.extend(store.suppressions()?.into_iter().map(|one| one.sourced_id));
        }
        if config.sync.shared_contacts == SharedContacts::Unique {
            undo.taken = taken::taken(&undo)?;
        }
        Ok(undo)
    }

    fn walk(&self, each: &mut Each<'_>) -> Result<()> {
        if self.options.all {
            for (account, group) in self.groups()? {
                self.one(account, &group, each)?;
            }
            return Ok(());
        }
        let mut group: Vec<Audited> = Vec::new();
        self.people.store.each_audited_in(self.options.run, |entry| {
            if let Some(first) = group.first().filter(|first| first.account != entry.account) {
                let account = first.account;
                self.one(account, &std::mem::take(&mut group), each)?;
            }
            group.push(entry);
            Ok(())
        })?;
        group.first().map_or(Ok(()), |first| self.one(first.account, &group, each))
    }

    /// The run's entries by account, with the accounts that it created. Accounts are given another
    /// sourcedId before a run decides, so the entries of one account do not stand together.
    fn groups(&self) -> Result<BTreeMap<i64, Vec<Audited>>> {
        let mut groups: BTreeMap<i64, Vec<Audited>> = BTreeMap::new();
        let mut put = |entry: Audited| {
            groups.entry(entry.account).or_default().push(entry);
            Ok(())
        };
        match &self.extent {
            Some(extent) => self.people.store.each_audited_with(extent, put)?,
            None => self.people.store.each_audited_in(self.options.run, &mut put)?,
        }
        if let Some(extent) = &self.extent {
            for account in extent.created.clone() {
                groups.entry(account).or_default();
            }
        }
        Ok(groups)
    }

    /// How many accounts the run touched that were removed since, with their people.
    fn removed(&self) -> Result<u64> {
        let mut removed = 0;
        if self.options.all {
            for account in self.groups()?.into_keys() {
                removed += u64::from(self.people.store.account_by_id(account)?.is_none());
            }
        }
        Ok(removed)
    }

    fn one(&self, account: i64, group: &[Audited], each: &mut Each<'_>) -> Result<()> {
        let store = self.people.store;
        let Some(before) = store.account_by_id(account)? else { return Ok(()) };
        let history = store.audit_of(before.id)?;
        let is_taken = |field| self.taken.contains(&(before.id, field));
        let (mut after, mut values) = decide(&before, group, &history, &is_taken, &self.people.rules);
        if let Some(extent) = &self.extent {
            let facts = Facts {
                created: extent.created.contains(&before.id),
                end: extent.last,
                suppressed: self.suppressed.contains(&before.sourced_id),
                // If that cannot be found out, it is not taken.
                has_account: &|id| store.account(id).map_or(true, |found| found.is_some()),
            };
            values.extend(whole::decide(&before, &mut after, group, &history, &facts));
        }
        if values.is_empty() {
            return Ok(());
        }
        self.foretell(&after, &mut values);
        each(&before, &after, &values)
    }

    /// Says of each thing that is given back what the next run does with it.
    fn foretell(&self, after: &Account, values: &mut [Undone]) {
        let next = match &self.foreseen {
            Some(foreseen) => foreseen.get(&after.sourced_id).map_or(&[][..], |seen| &seen.fields).to_vec(),
            None if after.archived => Vec::new(),
            None => self.next(after),
        };
        for value in values {
            let Undone { part, outcome: ValueOutcome::GivenBack(next_run), .. } = value else { continue };
            if let Part::Value(field) = part {
                if let Some((_, next)) = next.iter().find(|(other, _)| other == field) {
                    *next_run = next.clone();
                }
            } else if let Some(foreseen) = &self.foreseen {
                let seen = foreseen.get(&after.sourced_id);
                *next_run = seen.map_or(NextRun::Stays, |seen| seen.does(part));
            }
        }
    }

    /// What the next run does with the details of an account as it will be, where they do not just
    /// stay, by what the roster said last.
    fn next(&self, after: &Account) -> Vec<(Field, NextRun)> {
        let (roles, schools) = (self.people.roles_of(after), self.schools.of(after));
        let next = forecast(after, &roles, &schools, &self.people.rules).fields;
        let changed = next.changes().map(|change| (change.field, NextRun::ChangedTo(change.sis.clone())));
        changed.chain(next.kept().map(|kept| (kept.field, NextRun::Reported))).collect()
    }

    /// Stores an account as it will be. A renamed one takes its links along in [`Undo::finish_renames`].
    fn put(&self, before: &Account, after: &Account) -> Result<()> {
        let store = self.people.store;
        if before.sourced_id == after.sourced_id {
            return store.update_account(after);
        }
        store.rekey_account(after)?;
        store.forget_earlier_id(after.id, &after.sourced_id)?;
        store.forget_bystander(&after.sourced_id)?;
        self.renamed.borrow_mut().push((key(&before.sourced_id), key(&after.sourced_id), after.id));
        Ok(())
    }

    /// Gives the links of others to renamed accounts the sourcedIds that those have now.
    fn finish_renames(&self) -> Result<()> {
        let renamed = self.renamed.take();
        if renamed.is_empty() {
            return Ok(());
        }
        let store = self.people.store;
        store.rename_links(&renamed.iter().map(|(old, new, _)| (*old, *new)).collect())?;
        store.rename_in_lists(&renamed.iter().map(|(old, _, account)| (*old, *account)).collect())
    }

    fn put_run(&self, number: i64, summary: &Summary) -> Result<()> {
        let (store, started) = (self.people.store, self.people.now);
        let summary = serde_json::to_value(summary)
            .map_err(|error| Failure::new(Kind::Failed, "the summary cannot be kept").because(error))?;
        store.insert_run(&RunRow {
            id: number,
            started,
            finished: started.max(chrono::Utc::now()),
            result: Ending::Ok,
            source: format!("undo of run {}", self.options.run),
            mode: Mode::Unknown.word().to_owned(),
            notify: self.options.notify,
            checksum: String::new(),
            summary,
            undoes: Some(self.options.run),
        })?;
        let mut attempt = Attempt::begin(started).ended(Ending::Ok, "");
        attempt.run = Some(number);
        store.put_attempt(&attempt, true)
    }

    fn write_row<W: std::io::Write>(
        &self,
        writer: &mut Writer<W>,
        before: &Account,
        after: &Account,
        values: &[Undone],
    ) -> Result<()> {
        let (roles, schools) = (self.people.roles_of(after), self.schools.of(after));
        let sis = forecast(after, &roles, &schools, &self.people.rules).sis;
        let given_back = values.iter().any(Undone::is_given_back);
        let codes: Vec<String> = values.iter().map(Undone::code).collect();
        let notes: Vec<String> = values.iter().map(|value| value.note(self.options.run)).collect();
        writer.row(&Row {
            line: None,
            sourced_id: &after.sourced_id,
            identifier: after.sis.identifier.as_deref().unwrap_or_default(),
            role: &roles.join("|"),
            schools: &schools.join("|"),
            state: after.state_word(),
            action: action(before, after, given_back).word(),
            given_name: &after.details.name.given,
            family_name: &after.details.name.family,
            email: &after.details.email,
            phone: &after.details.phone,
            home_phone: &after.details.home_phone,
            sis_given_name: sis.given_name,
            sis_family_name: sis.family_name,
            sis_email: sis.email,
            sis_phone: sis.phone,
            sis_home_phone: sis.home_phone,
            codes: &codes.join(" "),
            first_seen: "",
            notes: &notes.join("; "),
        })
    }

    /// Writes what is given back; says how many messages tell of it.
    fn apply(&self, number: i64, before: &Account, after: &Account, values: &[Undone]) -> Result<u64> {
        let store = self.people.store;
        let mut changes = Vec::new();
        let mut is_changed = false;
        for value in values.iter().filter(|value| value.is_given_back()) {
            is_changed = true;
            store.audit(after.id, Some(number), &entry(value, before, after), self.people.now)?;
            if let Part::Value(field) = value.part {
                changes.push(Change {
                    field,
                    old: before.details.shown(field),
                    new: after.details.shown(field),
                    case_only: field == Field::Name && before.details.name.same_but_case(&after.details.name),
                });
            }
        }
        if !is_changed {
            return Ok(0);
        }
        self.put(before, after)?;
        if after.archived && !before.archived {
            store.drop_all_waiting(after.id, self.people.now)?;
        }
        if changes.is_empty() {
            return Ok(0);
        }
        // What waits and tells of what is taken back is not sent any more, also if nothing is to be
        // told.
        if !self.options.notify && store.undelivered_changes(Some(after.id))?.is_empty() {
            return Ok(0);
        }
        let told = tell(&self.people, Some(number), before, after, &changes, Editor::Undo)?;
        Ok(told as u64)
    }
}

/// The entry of the audit for one thing that is taken back.
fn entry(value: &Undone, before: &Account, after: &Account) -> AuditEntry {
    let (field, old, new) = match &value.part {
        Part::Value(field) => (field.key(), before.details.recorded(*field), after.details.recorded(*field)),
        Part::Created | Part::Archived | Part::Restored => {
            ("state", before.state_word().to_owned(), after.state_word().to_owned())
        }
        Part::SourcedId => ("sourced_id", before.sourced_id.clone(), after.sourced_id.clone()),
        Part::Linked(student) => ("link", student.clone(), String::new()),
        Part::Unlinked(student) => ("link", String::new(), student.clone()),
    };
    AuditEntry { origin: Origin::Undo, field: field.into(), old, new }
}
