//! Making the plan: every record beside its account, then the accounts that the roster does not mention.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use super::claims::{Claim, gather_claims, refusals};
use super::note::Note;
use super::people::{People, Sharing};
use super::person::{Case, Verdict, archive, judge};
use super::row::{row_of, sync_entries};
use super::rules::Rules;
use super::spool::Spool;
use super::summary::{Checksum, Summary};
use super::survey::{Survey, current_roles};
use super::{Action, PlanRow, Write};
use crate::account::{Account, State};
use crate::config::SharedContacts;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::platform::{Adopted, Export};
use crate::roster::{Mode, Record, RoleList};
use crate::source::RosterSource;
use crate::store::{Bystander, Store};

/// A plan, complete: nothing has been written yet.
pub struct Plan {
    pub summary: Summary,
    /// Sixteen hexadecimal digits that stand for the changes, the setting and the recipients.
    pub checksum: String,
    rows: Spool<PlanRow>,
    writes: Spool<Write>,
    bystanders: Spool<Bystander>,
    sharing: Sharing,
}

impl Plan {
    /// Hands over the rows of the report: in the order of the source, then those who are not in it by sourcedId.
    pub fn each_row(&self, mut each: impl FnMut(&PlanRow) -> Result<()>) -> Result<()> {
        self.rows.each(|mut row| {
            if let Some(person) = row.person {
                self.sharing.note(person, &mut row.notes);
            }
            if row.is_of_interest() { each(&row) } else { Ok(()) }
        })
    }

    /// Hands over the people of the roster who have no account.
    pub fn each_bystander(&self, each: impl FnMut(Bystander) -> Result<()>) -> Result<()> {
        self.bystanders.each(each)
    }

    /// Hands over what is to be written to the store.
    pub fn each_write(&self, each: impl FnMut(Write) -> Result<()>) -> Result<()> {
        self.writes.each(each)
    }
}

impl PlanRow {
    /// Someone whom a delta does not mention has a row only if there is something to say.
    fn is_of_interest(&self) -> bool {
        self.line.is_some() || self.action != Action::Unchanged || !self.notes.is_empty()
    }
}

/// Makes the plan of a run. Reads the roster and the store, writes nothing.
///
/// # Errors
/// Those of the source and the store.
pub fn build(
    source: &dyn RosterSource,
    survey: &Survey,
    store: &Store,
    export: &mut Export,
    rules: &Rules,
    mut progress: impl FnMut(&Record<'_>) -> ControlFlow<()>,
) -> Result<Plan> {
    let refused = match rules.shared_contacts {
        SharedContacts::Allow => Refused::default(),
        SharedContacts::Unique => refuse_credentials(source, survey, store, export, rules)?,
    };
    let mut planner = Planner::new(source, survey, store, export, rules, &refused);
    planner.walk(source, &mut progress)?;
    let population = store.population()?;
    let mut draft = planner.plan;
    draft.summary.accounts_before = population.pending + population.active;
    draft.summary.active = (population.active + draft.became_active).saturating_sub(draft.became_pending);
    draft.summary.records = survey.records;
    draft.summary.without_id = survey.without_id;
    draft.rows.finish()?;
    draft.writes.finish()?;
    draft.bystanders.finish()?;
    let mut plan = Plan {
        summary: draft.summary,
        checksum: draft.checksum.finish(rules),
        rows: draft.rows,
        writes: draft.writes,
        bystanders: draft.bystanders,
        sharing: draft.people.settle(),
    };
    if source.mode() != Mode::Bulk {
        plan.count_rows_of_interest()?;
    }
    Ok(plan)
}

impl Plan {
    /// The counts are those of the report's rows, and whether an unmentioned person has a row can depend on the others.
    fn count_rows_of_interest(&mut self) -> Result<()> {
        let mut unchanged = 0;
        self.each_row(|row| {
            unchanged += u64::from(row.action == Action::Unchanged);
            Ok(())
        })?;
        self.summary.actions.insert(Action::Unchanged, unchanged);
        Ok(())
    }
}

/// The plan in the making.
struct Draft {
    summary: Summary,
    checksum: Checksum,
    rows: Spool<PlanRow>,
    writes: Spool<Write>,
    bystanders: Spool<Bystander>,
    people: People,
    became_active: u64,
    became_pending: u64,
}

impl Draft {
    fn new() -> Self {
        Self {
            summary: Summary::default(),
            checksum: Checksum::new(),
            rows: Spool::new(),
            writes: Spool::new(),
            bystanders: Spool::new(),
            people: People::default(),
            became_active: 0,
            became_pending: 0,
        }
    }
}

/// Refused credentials: for email and phone, whose, and who holds it.
#[derive(Default)]
struct Refused([HashMap<String, String>; 2]);

impl Refused {
    fn holder(&self, credential: usize, sourced_id: &str) -> Option<&str> {
        self.0[credential].get(sourced_id).map(String::as_str)
    }
}

struct Planner<'a> {
    survey: &'a Survey,
    store: &'a Store,
    export: &'a mut Export,
    rules: &'a Rules,
    today: String,
    mode: Mode,
    refused: &'a Refused,
    /// Under `unique`, the first walk only gathers who wants which credential.
    watch: Option<[BTreeMap<String, Claim>; 2]>,
    /// sourcedIds with rows that differ which have been answered once.
    answered: HashSet<String>,
    plan: Draft,
}

impl<'a> Planner<'a> {
    fn new(
        source: &dyn RosterSource,
        survey: &'a Survey,
        store: &'a Store,
        export: &'a mut Export,
        rules: &'a Rules,
        refused: &'a Refused,
    ) -> Self {
        Self {
            survey,
            store,
            export,
            rules,
            today: rules.today.to_string(),
            mode: source.mode(),
            refused,
            watch: None,
            answered: HashSet::new(),
            plan: Draft::new(),
        }
    }

    fn walk(
        &mut self,
        source: &dyn RosterSource,
        progress: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut failed = None;
        source.read(&mut Findings::default(), &mut |record| {
            if let Err(failure) = self.record(record) {
                failed = Some(failure);
                return ControlFlow::Break(());
            }
            progress(record)
        })?;
        match failed {
            Some(failure) => Err(failure),
            None => self.others(),
        }
    }

    /// One record of the roster.
    fn record(&mut self, record: &Record<'_>) -> Result<()> {
        if self.survey.is_repeated(record) {
            return Ok(());
        }
        let stored = match record.sourced_id {
            "" => None,
            id => self.store.account(id)?,
        };
        let contradicted = self.survey.is_contradicted(record.sourced_id);
        // A contradicted row says nothing; one of them speaks for the account, which is left as it is.
        let again = contradicted && !self.answered.insert(record.sourced_id.to_owned());
        // In OneRoster 1.2 a delta can change a user without saying the roles again, or say only some of them.
        let roles = match &stored {
            Some(stored) if self.mode == Mode::Delta => RoleList(&stored.sis.roles).after(record.roles),
            Some(_) | None => record.roles.0.to_owned(),
        };
        let record = &Record { roles: RoleList(&roles), ..*record };
        if again {
            let (verdict, roles, schools) = self.verdict(record, stored.as_ref(), contradicted);
            return self.repeat(record, stored.as_ref(), &verdict, &roles, &schools);
        }
        if stored.as_ref().is_some_and(|stored| stored.archived) && !record.deleted {
            // Somebody who comes back is again what they were, and the export says what that is now. If they are left out
            // after all, they stay archived, and only their state follows the export.
            let mut back = stored.clone();
            let adopted = back.as_mut().map(|back| self.export.adopt_returning(back, self.rules.phones));
            let (verdict, roles, schools) = self.verdict(record, back.as_ref(), contradicted);
            if verdict.action == Action::Restored {
                return self.take(
                    record,
                    stored.as_ref(),
                    adopted.unwrap_or_default(),
                    verdict,
                    &roles,
                    &schools,
                );
            }
        }
        let (account, adopted) = self.export_first(stored.clone(), record.sourced_id);
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
            return self.take(record, stored.as_ref(), adopted, verdict, &[], &[]);
        }
        self.decide(record, stored, account, adopted, contradicted)
    }

    /// One more row of a sourcedId whose rows differ: it has its place in the report, and nothing else.
    fn repeat(
        &mut self,
        record: &Record<'_>,
        stored: Option<&Account>,
        verdict: &Verdict,
        roles: &[String],
        schools: &[String],
    ) -> Result<()> {
        if self.watch.is_some() {
            return Ok(());
        }
        let row = row_of(record, stored, verdict, roles, schools, self.rules, None);
        self.plan.summary.add(verdict.action, &[], &[]);
        self.plan.rows.push(&row)
    }

    /// Brings the account to what the platform's export says, before anything is decided.
    fn export_first(&mut self, stored: Option<Account>, sourced_id: &str) -> (Option<Account>, Adopted) {
        match stored {
            Some(mut account) => {
                let adopted = self.export.adopt(&mut account, self.rules.phones);
                (Some(account), adopted)
            }
            None => (self.export.newcomer(sourced_id, self.rules.phones), Adopted::default()),
        }
    }

    fn decide(
        &mut self,
        record: &Record<'_>,
        stored: Option<Account>,
        account: Option<Account>,
        adopted: Adopted,
        contradicted: bool,
    ) -> Result<()> {
        let (mut verdict, roles, schools) = self.verdict(record, account.as_ref(), contradicted);
        if matches!(verdict.action, Action::Skipped | Action::Rejected) && stored.is_none() {
            // Somebody who is not let in gets no account, whatever the platform says.
            verdict.account = None;
        }
        self.take(record, stored.as_ref(), adopted, verdict, &roles, &schools)
    }

    /// Judges a record beside an account; with the roles and schools that were looked at.
    fn verdict(
        &self,
        record: &Record<'_>,
        account: Option<&Account>,
        contradicted: bool,
    ) -> (Verdict, Vec<String>, Vec<String>) {
        let roles = current_roles(record.roles, &self.today);
        let schools = self.survey.schools_of(record, &roles, &self.today);
        let case = Case {
            record,
            account,
            roles: &roles,
            schools: &schools,
            duplicate: contradicted,
            refused_email: self.refused.holder(0, record.sourced_id),
            refused_phone: self.refused.holder(1, record.sourced_id),
        };
        let verdict = judge(&case, self.rules);
        let schools = schools.into_iter().map(str::to_owned).collect();
        (verdict, roles, schools)
    }

    /// The accounts that the roster does not mention.
    fn others(&mut self) -> Result<()> {
        let mut absent: Vec<(String, i64)> = Vec::new();
        let mut archived: Vec<i64> = Vec::new();
        self.store.each_sketch(|sketch| {
            if !self.survey.mentions(sketch.sourced_id) {
                match sketch.archived {
                    false => absent.push((sketch.sourced_id.to_owned(), sketch.id)),
                    true => archived.push(sketch.id),
                }
            }
            Ok(())
        })?;
        absent.sort_unstable();
        for (sourced_id, id) in absent {
            let stored = self.existing(id)?;
            let (account, adopted) = self.export_first(Some(stored.clone()), &sourced_id);
            let account = account.unwrap_or_else(|| stored.clone());
            let said = account.sis.clone();
            let record = said.record(&sourced_id);
            if self.mode == Mode::Bulk {
                let roles = current_roles(record.roles, &self.today);
                let schools = self.survey.schools_of(&record, &roles, &self.today);
                let schools: Vec<String> = schools.into_iter().map(str::to_owned).collect();
                self.take(&record, Some(&stored), adopted, archive(&account), &roles, &schools)?;
            } else {
                self.decide(&record, Some(stored), Some(account), adopted, false)?;
            }
        }
        // Of an archived account only the state follows the platform; it has no row.
        for id in archived {
            let mut account = self.existing(id)?;
            let adopted = self.export.adopt(&mut account, self.rules.phones);
            if adopted.touched && self.watch.is_none() {
                self.plan.writes.push(&Write {
                    account,
                    audit: adopted.entries,
                    changes: Vec::new(),
                    recipients: Vec::new(),
                })?;
            }
        }
        Ok(())
    }

    /// What is to be remembered of somebody without an account: what the record says of the family or, where that cannot
    /// be known, what was known before.
    fn bystander(&self, record: &Record<'_>) -> Result<Bystander> {
        let known = self.store.bystander(record.sourced_id)?;
        let unclear = record.defect.is_some()
            || self.survey.is_contradicted(record.sourced_id)
            || record.roles.0.is_empty() && self.mode != Mode::Delta;
        let known = match known {
            Some(known) if unclear => return Ok(known),
            known => known.unwrap_or_else(|| Bystander {
                sourced_id: record.sourced_id.to_owned(),
                ..Bystander::default()
            }),
        };
        let roles = match self.mode {
            Mode::Delta => RoleList(&known.roles).after(record.roles),
            Mode::Bulk | Mode::Unknown => record.roles.0.to_owned(),
        };
        Ok(Bystander {
            sourced_id: known.sourced_id,
            roles,
            orgs: record.orgs.map_or(known.orgs, |orgs| orgs.0.to_owned()),
            agents: record.agents.map_or(known.agents, |agents| agents.0.to_owned()),
        })
    }

    fn existing(&self, id: i64) -> Result<Account> {
        let lost = || Failure::new(Kind::Failed, "an account vanished from the store while it was read");
        self.store.account_by_id(id)?.ok_or_else(lost)
    }

    /// Takes a verdict into the plan: its row, its counts, what is to be written.
    fn take(
        &mut self,
        record: &Record<'_>,
        stored: Option<&Account>,
        adopted: Adopted,
        mut verdict: Verdict,
        roles: &[String],
        schools: &[String],
    ) -> Result<()> {
        if adopted.pending_again {
            let place = verdict
                .notes
                .iter()
                .position(|note| *note == Note::NotNotifiable)
                .unwrap_or(verdict.notes.len());
            verdict.notes.insert(place, Note::PendingAgain);
            verdict.counts_as_update = true;
            if matches!(verdict.action, Action::Unchanged | Action::Kept) {
                verdict.action = Action::Updated;
            }
        }
        if let Some(watch) = &mut self.watch {
            gather_claims(watch, stored, &verdict, record.sourced_id);
            return Ok(());
        }
        if verdict.account.is_none() && !record.sourced_id.is_empty() {
            let bystander = match record.deleted && self.mode != Mode::Unknown {
                // Gone: nothing is to be remembered of them.
                true => Bystander { sourced_id: record.sourced_id.to_owned(), ..Bystander::default() },
                false => self.bystander(record)?,
            };
            self.plan.bystanders.push(&bystander)?;
        }
        let plan = &mut self.plan;
        let live = verdict.account.as_ref().filter(|account| !account.archived);
        let person = live.map(|account| plan.people.add(&account.sourced_id, &account.details));
        let row = row_of(record, stored, &verdict, roles, schools, self.rules, person);

        plan.summary.add(verdict.action, &verdict.changes, &verdict.recipients);
        plan.checksum.add(&row, &verdict.recipients);
        plan.summary.contact_updates += u64::from(verdict.counts_as_update);
        plan.summary.cannot_be_told += u64::from(verdict.notes.contains(&Note::NotNotifiable));
        plan.summary.taken_over +=
            adopted.entries.iter().filter(|entry| entry.field != "state").count() as u64;
        plan.became_pending +=
            u64::from(adopted.pending_again && stored.is_some_and(|stored| !stored.archived));
        let is_new = verdict.account.as_ref().is_some_and(|account| account.id == 0);
        let starts_active =
            is_new && verdict.account.as_ref().is_some_and(|account| account.state == State::Active);
        let joins = starts_active || adopted.joined;
        plan.summary.joined += u64::from(joins);
        plan.became_active += u64::from(joins && stored.is_none_or(|stored| !stored.archived));

        if let Some(account) = verdict.account
            && stored != Some(&account)
        {
            let mut audit = adopted.entries;
            audit.extend(sync_entries(verdict.action, stored, account.state, &verdict.changes));
            plan.writes.push(&Write {
                account,
                audit,
                changes: verdict.changes,
                recipients: verdict.recipients,
            })?;
        }
        plan.rows.push(&row)
    }
}

/// Walks through the roster once to see who would hold which credential, and who is to be refused.
fn refuse_credentials(
    source: &dyn RosterSource,
    survey: &Survey,
    store: &Store,
    export: &mut Export,
    rules: &Rules,
) -> Result<Refused> {
    // A refusal can change more than the one field: somebody who gets no new mobile keeps an email that was to be
    // cleared, for one. So it is walked again with what is known to be refused, until nothing is added.
    let mut refused = Refused::default();
    loop {
        let mut planner = Planner::new(source, survey, store, export, rules, &refused);
        planner.watch = Some(Default::default());
        planner.walk(source, &mut |_| ControlFlow::Continue(()))?;
        let claims = planner.watch.unwrap_or_default();
        let mut more = false;
        for (claims, refused) in claims.iter().zip(&mut refused.0) {
            for (id, holder) in refusals(claims) {
                more |= !refused.contains_key(&id);
                refused.entry(id).or_insert(holder);
            }
        }
        if !more {
            return Ok(refused);
        }
    }
}
