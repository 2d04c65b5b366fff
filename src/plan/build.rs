//! Making the plan: every record beside its account, then the accounts that the roster does not
//! mention.
//!
//! Users whose data has not changed are skipped (see `unchanged`). Blocks of the roster are put
//! together in their order, so that the plan is the same however many threads there are.

mod barred;
mod rows;
mod sharers;
mod sources;
mod tallies;
mod walk;
mod written;

pub(in crate::plan) use self::sources::RowSource;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;

use self::barred::barred_credentials;
use self::sharers::held_back;
use self::sources::Sources;
use self::walk::{Planner, Spools, Writes};
use super::block_result::Totals;
use super::checksum::{Changes, Checksum, OfLimits};
use super::claims::refusals;
use super::decide::{Decider, Refused};
use super::held::{Facts, HeldBack};
use super::left_out::Synced;
use super::links::Contacts;
use super::read::Known;
use super::renames::Renamings;
use super::same_person::{Pair as SamePersonPair, SamePerson};
use super::shared_credentials::Sharing;
use super::signs::Signs;
use super::summary::Summary;
use super::unchanged::{Remembered, Unchanged, UnchangedCredentials};
use super::{Action, Newcomer, Note, Overrun, PlanRow};
use crate::config::SharedContacts;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::last_night::{FileSeen, LIMITS, LinksSeen, RosterSeen};
use crate::message::Channel;
use crate::platform::Export;
use crate::roster::Mode;
use crate::roster::kept::key;
use crate::roster_index::RosterIndex;
use crate::rules::{BlankColumns, Rules};
use crate::spool::Values;
use crate::store::{Member, Store};

/// A plan, complete: nothing has been written yet.
pub struct Plan {
    pub summary: Summary,
    /// Sixteen hexadecimal digits that stand for the changes, the setting and the recipients.
    pub checksum: String,
    /// The people that the limits on the export and on protection count.
    of_limits: OfLimits,
    pub changes: Changes,
    pub roster: RosterIndex,
    rules: Rules,
    /// As they are after the run.
    signs: Signs,
    unchanged: Unchanged,
    sources: Vec<RowSource>,
    rows: Values<PlanRow<'static>>,
    newcomers: Values<Newcomer<'static>>,
    writes: Writes,
    /// People of the roster who have no account.
    pub bystanders: Values<Member>,
    remembered: Remembered,
    sharing: Sharing,
    contacts: Contacts,
    /// Accounts and records that are one person, under two sourcedIds.
    pub same_person: SamePerson,
    /// The new sourcedIds that are part of it.
    pub renamings: Renamings,
    /// People whose message to an old address or number is not sent, by channel.
    held_back: BTreeSet<(String, Channel)>,
    /// How many people are synced, by role and school, and how many are left out tonight for the
    /// first time.
    left_out: Synced,
}

impl Plan {
    /// What the roster was like, for the next night to compare with. `before` is what was seen
    /// last.
    pub fn roster_seen(&self, mode: Mode, before: &RosterSeen) -> RosterSeen {
        self.left_out.seen(&self.roster, mode, before, &self.rules)
    }

    /// What was seen of the links between guardians and students.
    pub fn links_seen(&self) -> LinksSeen {
        self.contacts.seen.clone()
    }

    /// A column that is blank in every row says nothing until it has values again, so what was seen
    /// in it stays.
    pub fn keep_emptied_columns(
        &self,
        before: &BTreeMap<String, FileSeen>,
        tonight: &mut BTreeMap<String, FileSeen>,
    ) {
        let file = crate::last_night::file::USERS;
        let (Some(before), Some(tonight)) = (before.get(file), tonight.get_mut(file)) else { return };
        for (column, _) in self.roster.blank.columns() {
            if let Some(rows) = before.columns.get(column) {
                tonight.columns.insert(column.to_owned(), *rows);
            }
        }
    }

    /// Reports the people that are left out tonight and were not on the last good night.
    ///
    /// # Errors
    /// `InputUnusable` if no user is synced any more, or none of a first load is.
    pub fn say_left_out(&self, mode: Mode, name: &str, file: &str, findings: &mut Findings) -> Result<()> {
        let is_first_load = self.rules.last_night.is_none() && self.summary.accounts_before == 0;
        if is_first_load && mode == Mode::Bulk && self.summary.synced() == 0 {
            return Err(self.nobody_is_synced(name)?);
        }
        self.left_out.say(&self.summary, &self.rules, mode, (name, file), findings)
    }

    /// The failure for a first load of which nothing would be left but a plan line.
    fn nobody_is_synced(&self, name: &str) -> Result<Failure> {
        let mut codes: BTreeMap<String, u64> = BTreeMap::new();
        self.each_decided(|row| {
            for note in row.notes.iter().filter(|note| !matches!(note, Note::Disabled | Note::SisInvalid(..)))
            {
                *codes.entry(note.code().to_owned()).or_default() += 1;
            }
            Ok(())
        })?;
        let mut codes: Vec<(u64, String)> = codes.into_iter().map(|(code, count)| (count, code)).collect();
        codes.sort_unstable_by(|one, other| other.cmp(one));
        let most: Vec<String> = codes.iter().take(3).map(|(count, code)| format!("{count} {code}")).collect();
        let what = format!(
            "no user of the roster is synced: {} skipped and {} rejected ({}); nothing was applied",
            self.summary.count(Action::Skipped),
            self.summary.count(Action::Rejected),
            most.join(", ")
        );
        Ok(Failure::new(Kind::InputUnusable, what).at(name).cure(
            "check the dates of roles, the words for roles and the ids of schools in the export; `roles`, `schools` and \
             `role_names` in [sync] say which users are synced",
        ))
    }

    /// Whether the account of a pair is not archived yet.
    pub fn is_missing(&self, pair: &SamePersonPair) -> bool {
        self.roster.is_missing(pair.old)
    }

    /// Archived accounts, by id, whose people the roster does not mention, and that are not held for
    /// another record.
    pub fn archived_and_gone(&self) -> Vec<i64> {
        let is_here = |person: u32| self.roster.is_mentioned(person) && !self.roster.is_gone(person);
        let people = self.roster.people.with_account();
        let gone = people.filter(|person| {
            self.signs.is_archived(*person) && !is_here(*person) && !self.same_person.is_old(*person)
        });
        gone.map(|person| i64::from(person) + 1).collect()
    }

    /// Takes in the sourcedIds of accounts that are removed: part of the plan, and of its checksum.
    pub fn take_in_purge(&mut self, sourced_ids: &[String]) {
        if sourced_ids.is_empty() {
            return;
        }
        self.summary.purged = sourced_ids.len() as u64;
        let mut sum = Checksum::default();
        sourced_ids.iter().for_each(|id| sum.put(["purge", id]));
        self.checksum = Checksum::with(&self.checksum, [&sum]);
    }

    /// The checksum of what is left to approve of `all` changes, once this plan is applied.
    pub fn checksum_of_rest(&self, all: &Changes, held: &[Overrun]) -> String {
        let unprotected = held.iter().any(|overrun| overrun.limit == "protection");
        all.after(&self.changes, unprotected, &Checksum::of_history(held), &self.rules)
    }

    /// The people that would be archived, and whom a limit keeps from it.
    pub fn kept_by(&self, held: &HeldBack) -> Result<Vec<u32>> {
        let mut kept = Vec::new();
        self.each_decided(|row| {
            let number = self.roster.people.find(key(row.sourced_id));
            if row.action == Action::Archived && held.limit(row, number, Facts::default()).is_some() {
                kept.extend(number);
            }
            Ok(())
        })?;
        Ok(kept)
    }

    /// What the plan was made of, to make it again with some people held back.
    pub fn into_parts(self) -> (RosterIndex, SamePerson) {
        (self.roster, self.same_person)
    }

    /// Takes in the new sourcedIds that accounts were given before it was made: part of it, and of
    /// its checksum.
    pub fn with_renames(mut self, renamings: Renamings) -> Self {
        self.checksum = renamings.added_to(self.checksum);
        self.summary.renamed = renamings.count();
        self.summary.renamed_active = renamings.active;
        self.renamings = renamings;
        self
    }

    /// Makes the people that these limits count a part of the checksum, so that an approval is for
    /// these people and no others. To be called once.
    pub fn cover(&mut self, overruns: &[Overrun]) {
        let of_limits = overruns.iter().filter_map(|overrun| self.of_limits.of(overrun.limit));
        let checksum = std::mem::take(&mut self.checksum);
        self.checksum = Checksum::covering(checksum, of_limits, &Checksum::of_history(overruns));
    }
}

/// What a plan is made of besides the roster.
pub struct Inputs<'a> {
    pub mode: Mode,
    pub store: &'a Store,
    pub export: &'a Export,
    pub rules: &'a Rules,
    /// What the limits hold back; empty when the plan is made for the first time.
    pub held: &'a HeldBack,
}

/// A link to a student that has left stands, whatever the adult's record says meanwhile. If no record
/// names it when the student is back, it goes, although no data of the adult has changed tonight.
fn decide_on_adults_of_returning_students(
    roster: &RosterIndex,
    signs: &Signs,
    unchanged: &mut Unchanged,
    store: &Store,
) -> Result<()> {
    let accounts = u32::try_from(roster.people.accounts()).unwrap_or(u32::MAX);
    let is_back =
        |person: &u32| signs.is_archived(*person) && roster.is_here(*person) && !roster.is_guardian(*person);
    let back: HashSet<u64> = (0..accounts).filter(is_back).map(|person| roster.people.key(person)).collect();
    if !back.is_empty() {
        store.each_account_linked_to(&back, |account| {
            unchanged.decide_again(u32::try_from(account - 1).unwrap_or(u32::MAX));
        })?;
    }
    Ok(())
}

/// Makes the plan of a run. Reads the store, writes nothing. `progress` is told how many records
/// are done.
pub fn build(
    roster: RosterIndex,
    known: Known,
    same_person: SamePerson,
    inputs: &Inputs<'_>,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Plan> {
    let Inputs { mode, store, rules, .. } = *inputs;
    let Known { mut signs, mut unchanged, .. } = known;
    let today = rules.today.to_string();
    let before = signs.population(&roster.people);
    if !holds_tomorrow(mode, rules) {
        unchanged.set_aside();
    }
    decide_on_adults_of_returning_students(&roster, &signs, &mut unchanged, store)?;
    let sources = Sources::of(&roster, rules, &signs, &unchanged);
    unchanged.forget();

    // Every record, then the accounts that the roster does not mention.
    let mut decider = Decider {
        roster: &roster,
        rules,
        today: &today,
        mode,
        refused: Refused::default(),
        only_claims: false,
        unchanged: &unchanged,
        same_person: &same_person,
        held: inputs.held,
    };
    if rules.shared_contacts == SharedContacts::Unique {
        refuse_credentials(&mut decider, inputs, &sources.of_records, &mut signs)?;
    }
    let mut planner = Planner::new(&decider, inputs, &sources.of_records, &mut signs);
    planner.walk(&mut progress)?;
    let Planner { mut totals, mut spools, .. } = planner;
    spools.finish()?;

    let others = UnchangedCredentials::of(store, &roster, &sources.of_records);
    let barred = barred_credentials(&totals.former, &roster, &signs, inputs)?;
    let (sharing, held_back) = share(&mut totals, others, &barred)?;
    let held = std::mem::take(&mut totals.held);
    let lost = std::mem::take(&mut totals.lost_contacts);
    let lost = (lost, totals.kept_links.as_slice());
    let contacts = Contacts::find(&roster, (&mut signs, &mut unchanged), lost, &same_person, (store, rules))?;
    totals.summary.without_contact = contacts.seen.without_contact;
    summarize(&mut totals, before, &sources, &roster, rules);
    totals.summary.same_person = same_person.counts(|old| roster.is_missing(old))?;
    totals.summary.held_by_limit = held.people;
    let Spools { rows, newcomers, writes, bystanders, remembered } = spools;
    let mut plan = Plan {
        summary: totals.summary,
        checksum: totals.checksum.finish(rules),
        changes: Changes {
            all: totals.checksum,
            undecided: held.undecided,
            unprotected: totals.of_limits.0[OfLimits::PROTECTION],
        },
        of_limits: totals.of_limits,
        rules: rules.clone(),
        sharing,
        contacts,
        left_out: totals.left_out.against(&roster, &sources.at_schools),
        roster,
        signs,
        unchanged,
        sources: sources.of_records,
        rows,
        newcomers,
        writes,
        bystanders,
        remembered,
        same_person,
        renamings: Renamings::default(),
        held_back,
    };
    plan.name_sharers()?;
    if mode != Mode::Bulk {
        plan.count_rows_of_interest()?;
    }
    Ok(plan)
}

/// Whether a decision of tonight is the same tomorrow, if nothing changes. A refused credential
/// depends on others, a delta does not say everything, and a decision over a column that is blank
/// tonight is another one when the column is back.
fn holds_tomorrow(mode: Mode, rules: &Rules) -> bool {
    mode != Mode::Delta
        && rules.shared_contacts == SharedContacts::Allow
        && rules.blank_columns == BlankColumns::default()
}

/// Shared credentials, and the messages that are not sent because of them.
fn share(
    totals: &mut Totals,
    others: UnchangedCredentials<'_>,
    barred: &HashSet<(usize, u64)>,
) -> Result<(Sharing, BTreeSet<(String, Channel)>)> {
    let wanted = totals.former.iter().map(|former| (former.credential, former.hash)).collect();
    let holders = totals.holders.holders_of(&wanted, &others)?;
    let held_back = held_back(std::mem::take(&mut totals.former), &totals.acquired, &holders, barred);
    for (sourced_id, channel) in &held_back {
        totals.summary.hold_back(*channel);
        totals.checksum.hold_back(sourced_id, *channel);
    }
    Ok((std::mem::take(&mut totals.holders).settle(&others)?, held_back))
}

fn summarize(
    totals: &mut Totals,
    before: (u64, u64),
    sources: &Sources,
    roster: &RosterIndex,
    rules: &Rules,
) {
    let summary = &mut totals.summary;
    *summary.actions.entry(Action::Unchanged).or_default() += sources.unchanged;
    summary.accounts_before = before.0 + before.1;
    // Accounts that the export takes back to pending count among the active: a share of these is
    // what the limit allows.
    summary.active = before.1 + totals.became_active;
    summary.active_before = before.1;
    summary.changeable += sources.changeable;
    summary.upgraded = rules.last_night.is_none() && summary.accounts_before > 0;
    let held_before = rules.last_night.as_ref().map_or(0, |night| night.limits);
    summary.new_limits = held_before < LIMITS && summary.accounts_before > 0;
    let first_export = rules.last_night.as_ref().is_none_or(|night| night.export.is_none());
    if !first_export || summary.upgraded {
        summary.joins = totals.became_active;
    }
    let links = rules.last_night.as_ref().and_then(|night| night.links.as_ref());
    summary.links_before = links.map_or(0, |links| links.count);
    summary.without_contact_before = links.map(|links| links.without_contact);
    summary.records = roster.counts.records;
    summary.without_id = roster.counts.without_id;
    summary.newly_left_out = totals.left_out.newly_left_out(rules);
}

/// Finds out which credentials are refused: walks through the roster to see who would hold which.
fn refuse_credentials(
    decider: &mut Decider<'_>,
    inputs: &Inputs<'_>,
    sources: &[RowSource],
    signs: &mut Signs,
) -> Result<()> {
    // A refusal can change more than the one field: a person that gets no new mobile keeps an email
    // that was to be cleared, for one. So the walk is repeated with what is known to be refused,
    // until nothing is added.
    decider.only_claims = true;
    // Guardians that are not added without the value: they do not keep it from people that have an
    // account anyway.
    let mut is_needed: HashSet<String> = HashSet::new();
    loop {
        let mut planner = Planner::new(&*decider, inputs, sources, signs);
        planner.walk(&mut |_| ControlFlow::Continue(()))?;
        let (mut claims, not_added) = (planner.claims, planner.totals.not_added);
        let mut more = false;
        for (_, claim) in claims.iter_mut().flatten().filter(|(id, _)| is_needed.contains(*id)) {
            claim.is_needed = true;
        }
        for (claims, refused) in claims.iter().zip(&mut decider.refused.0) {
            for (id, holder) in refusals(claims) {
                more |= !refused.contains_key(&id);
                refused.entry(id).or_insert(holder);
            }
        }
        if !more {
            let known = is_needed.len();
            is_needed.extend(not_added);
            if is_needed.len() == known {
                decider.only_claims = false;
                return Ok(());
            }
            // What was refused because of them is judged again.
            decider.refused = Refused::default();
        }
    }
}
