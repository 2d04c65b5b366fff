//! Making the plan: every record beside its account, then the accounts that the roster does not mention.
//!
//! Who was decided on before and has not moved since is passed over (see `decide::Desk::remember` for why that may be).
//! Blocks of the roster are put together in their order, so that the plan is the same however many threads there are.

mod rows;
mod sharers;
mod walk;
mod written;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;

use self::sharers::{held_back, share};
use self::walk::{Planner, Spools};
use super::claims::refusals;
use super::decide::{Desk, Refused};
use super::known::{Memo, Memory};
use super::left_out::Synced;
use super::people::Sharing;
use super::renames::Renamings;
use super::rules::{BlankColumns, Rules};
use super::sort::{Sorted, Source, sort};
use super::summary::{Checksum, OfLimits, Summary};
use super::survey::{LastSchools, Survey};
use super::{Action, Newcomer, Overrun, PlanRow, Write};
use crate::config::SharedContacts;
use crate::failure::Result;
use crate::findings::Findings;
use crate::last_night::{FileSeen, RosterSeen};
use crate::message::Channel;
use crate::platform::Export;
use crate::roster::Mode;
use crate::spool::Values;
use crate::store::{Bystander, Store};

/// A plan, complete: nothing has been written yet.
pub struct Plan {
    pub summary: Summary,
    /// Sixteen hexadecimal digits that stand for the changes, the setting and the recipients.
    pub checksum: String,
    /// Whom the limits on the export and on protection count.
    of_limits: OfLimits,
    survey: Survey,
    rules: Rules,
    memory: Memory,
    sources: Vec<Source>,
    rows: Values<PlanRow<'static>>,
    newcomers: Values<Newcomer<'static>>,
    writes: Values<Write>,
    bystanders: Values<Bystander>,
    memos: Values<Memo>,
    memo_rows: Values<(u32, Vec<u8>)>,
    /// People whose kept row is out of date.
    forgotten: Vec<u32>,
    sharing: Sharing,
    renamings: Renamings,
    /// Whose message to an old address or number is not sent, by channel.
    held_back: BTreeSet<(String, Channel)>,
    /// Who is synced, by role and school, and who is left out tonight for the first time.
    left_out: Synced,
}

impl Plan {
    /// Schools that stand because the roster names none tonight.
    pub fn last_schools(&self) -> &LastSchools {
        &self.survey.last_schools
    }

    /// What the roster was like, for the next night to compare with. `before` is what was seen last.
    pub fn roster_seen(&self, mode: Mode, before: &RosterSeen) -> RosterSeen {
        self.survey.seen(mode, before, &self.left_out, &self.rules)
    }

    /// A column that is blank in every row says nothing until it has values again, so what was seen in it stays.
    pub fn keep_emptied_columns(
        &self,
        before: &BTreeMap<String, FileSeen>,
        tonight: &mut BTreeMap<String, FileSeen>,
    ) {
        let file = crate::last_night::file::USERS;
        let (Some(before), Some(tonight)) = (before.get(file), tonight.get_mut(file)) else { return };
        for column in self.survey.emptied() {
            if let Some(rows) = before.columns.get(column) {
                tonight.columns.insert(column.to_owned(), *rows);
            }
        }
    }

    /// Says who is left out tonight and was not on the last good night.
    ///
    /// # Errors
    /// `InputUnusable` if nobody is synced any more.
    pub fn say_left_out(&self, mode: Mode, name: &str, file: &str, findings: &mut Findings) -> Result<()> {
        self.left_out.say(&self.summary, &self.rules, mode, (name, file), findings)
    }

    /// Whether the roster mentions a person.
    pub fn mentions(&self, sourced_id: &str) -> bool {
        self.survey.mentions(sourced_id)
    }

    /// Takes in the new sourcedIds that accounts were given before it was made: part of it, and of its checksum.
    pub fn with_renames(mut self, renamings: Renamings) -> Self {
        self.checksum = renamings.added_to(self.checksum);
        self.summary.renamed = renamings.count();
        self.summary.renamed_active = renamings.active();
        self.renamings = renamings;
        self
    }

    /// The new sourcedIds that are part of it.
    pub fn renames(&self) -> &Renamings {
        &self.renamings
    }

    /// Makes whom these limits count a part of the checksum, so that an approval is for these people and no others. To be
    /// called once.
    pub fn cover(&mut self, overruns: &[Overrun]) {
        let sums: Vec<&Checksum> =
            overruns.iter().filter_map(|overrun| self.of_limits.of(overrun.limit)).collect();
        if !sums.is_empty() {
            self.checksum = Checksum::with(&self.checksum, sums.into_iter());
        }
    }
}

/// Makes the plan of a run. Reads the store, writes nothing. `progress` is told how many records are done; with
/// `decide_all` nobody is passed over.
///
/// # Errors
/// Those of the store.
pub fn build(
    mode: Mode,
    mut survey: Survey,
    store: &Store,
    export: &Export,
    rules: &Rules,
    decide_all: bool,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Plan> {
    let mut memory = std::mem::take(&mut survey.memory);
    let today = rules.today.to_string();
    let population = memory.population(&survey.directory);
    // Who is refused a credential depends on others, and a delta is not all that there is to know.
    // Nor does a decision over a column that says nothing tonight hold tomorrow.
    let says_all = rules.blank_columns == BlankColumns::default();
    let memo = mode != Mode::Delta && rules.shared_contacts == SharedContacts::Allow && says_all;
    let Sorted { sources, changeable, at_schools } =
        sort(&survey, rules, Some(&memory).filter(|_| memo && !decide_all));
    memory.forget_records();
    let refused = match rules.shared_contacts {
        SharedContacts::Allow => Refused::default(),
        SharedContacts::Unique => {
            refuse_credentials(&survey, store, export, rules, &today, mode, &sources, &mut memory)?
        }
    };
    let desk = Desk { survey: &survey, rules, today: &today, mode, refused: &refused, watch: false, memo };
    let mut planner = Planner::new(&desk, store, export, &sources, &mut memory);
    planner.people.reserve(sources.iter().filter(|source| source.is_among_rows()).count());
    planner.walk(&mut progress)?;
    let Planner { mut total, mut spools, people, forgotten, former, acquired, .. } = planner;
    let passed_over = sources.iter().filter(|source| **source == Source::Record).count() as u64;
    *total.summary.actions.entry(Action::Unchanged).or_default() += passed_over;
    total.summary.accounts_before = population.0 + population.1;
    // Who is taken back to pending counts among them: they are what a share of is to be allowed.
    total.summary.active = population.1 + total.became_active;
    total.summary.active_before = population.1;
    total.summary.changeable += changeable;
    total.summary.upgraded = rules.last_night.is_none() && population.0 + population.1 > 0;
    let first_export = rules.last_night.as_ref().is_none_or(|night| night.export.is_none());
    if !first_export || total.summary.upgraded {
        total.summary.joins = total.became_active;
    }
    total.summary.records = survey.records;
    total.summary.without_id = survey.without_id;
    total.summary.newly_left_out = total.left_out.newly_left_out(rules);
    let left_out = total.left_out.against(&survey, &at_schools);
    spools.finish()?;
    let Spools { rows, newcomers, writes, bystanders, memos, memo_rows } = spools;
    let wanted = former.iter().map(|former| (former.credential, former.hash)).collect();
    let (sharing, holders) = share(people, passed_over > 0, &survey, &sources, store, &wanted)?;
    let held_back = held_back(former, &acquired, &holders);
    for (sourced_id, channel) in &held_back {
        total.summary.hold_back(*channel);
        total.checksum.hold_back(sourced_id, *channel);
    }
    let mut plan = Plan {
        summary: total.summary,
        checksum: total.checksum.finish(rules),
        of_limits: total.of_limits,
        rules: rules.clone(),
        sharing,
        left_out,
        survey,
        memory,
        sources,
        rows,
        newcomers,
        writes,
        bystanders,
        memos,
        memo_rows,
        forgotten,
        renamings: Renamings::default(),
        held_back,
    };
    plan.name_sharers()?;
    plan.find_rekeys(store)?;
    if mode != Mode::Bulk {
        plan.count_rows_of_interest()?;
    }
    Ok(plan)
}

/// Walks through the roster to see who would hold which credential, and who is to be refused.
#[expect(clippy::too_many_arguments, reason = "all that a plan is made from")]
fn refuse_credentials(
    survey: &Survey,
    store: &Store,
    export: &Export,
    rules: &Rules,
    today: &str,
    mode: Mode,
    sources: &[Source],
    memory: &mut Memory,
) -> Result<Refused> {
    // A refusal can change more than the one field: somebody who gets no new mobile keeps an email that was to be
    // cleared, for one. So it is walked again with what is known to be refused, until nothing is added.
    let mut refused = Refused::default();
    // Guardians who are not added without the value: they do not keep it from people who have an account anyway.
    let mut only_by_it: HashSet<String> = HashSet::new();
    loop {
        let desk = Desk { survey, rules, today, mode, refused: &refused, watch: true, memo: false };
        let mut planner = Planner::new(&desk, store, export, sources, memory);
        planner.walk(&mut |_| ControlFlow::Continue(()))?;
        let (mut claims, not_added) = (planner.claims, planner.not_added);
        let mut more = false;
        for (_, claim) in claims.iter_mut().flatten().filter(|(id, _)| only_by_it.contains(*id)) {
            claim.only_by_it = true;
        }
        for (claims, refused) in claims.iter().zip(&mut refused.0) {
            for (id, holder) in refusals(claims) {
                more |= !refused.contains_key(&id);
                refused.entry(id).or_insert(holder);
            }
        }
        if !more {
            let known = only_by_it.len();
            only_by_it.extend(not_added);
            if only_by_it.len() == known {
                return Ok(refused);
            }
            // What was refused because of them is judged again.
            refused = Refused::default();
        }
    }
}
