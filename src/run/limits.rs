//! The plan within its limits: the same plan, or one that holds back what goes over a limit.
//!
//! With `on_limit = "hold"` the plan is made a second time with the people of these limits held
//! back. A limit of the district holds back everything of its kind, wherever it is.

use super::request::Request;
use crate::config::{Config, OnLimit};
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::owner;
use crate::plan::{self as planner, HeldBack, Inputs, Known, Overrun, Plan, can_be_held, said_overruns};
use crate::roster::{Mode, Schools};
use crate::store::Store;

/// So often a plan is made again. What is held can bring another limit into play, for example where
/// a value is free only if its holder gets another one.
const ATTEMPTS: usize = 4;

/// A plan that was held against the limits.
pub(super) struct Limited {
    pub(super) plan: Plan,
    /// What stops the plan, unless it is approved.
    pub(super) overruns: Vec<Overrun>,
    /// The limits whose people are held back.
    pub(super) held: Vec<Overrun>,
    /// The checksum of the plan that holds no user back.
    pub(super) unlimited_checksum: String,
    /// What is left to approve once this plan is applied.
    pub(super) checksum_of_rest: String,
}

impl Limited {
    /// No user is held back.
    fn whole(plan: Plan, overruns: Vec<Overrun>, unlimited_checksum: String) -> Self {
        Self { plan, overruns, held: Vec::new(), unlimited_checksum, checksum_of_rest: String::new() }
    }
}

/// Judges a plan. `overruns` are what stops it already.
pub(super) fn within(
    mut plan: Plan,
    request: Request<'_>,
    inputs: &Inputs<'_>,
    schools: &Schools,
    mut overruns: Vec<Overrun>,
) -> Result<Limited> {
    let limits = &request.config.limits;
    let mut held_back = HeldBack::default();
    let judge = |plan: &Plan, held_back: &HeldBack| -> Result<Vec<Overrun>> {
        let tallies = plan.tallies(inputs.store, limits)?;
        let names = if tallies.is_empty() { Schools::default() } else { named(schools, inputs.store)? };
        let mut over = planner::check_limits(&plan.summary, &tallies, &names, limits);
        over.retain(|overrun| !held_back.covers(overrun));
        Ok(over)
    };
    overruns.extend(judge(&plan, &held_back)?);
    plan.cover(&overruns);
    let unlimited_checksum = plan.checksum.clone();
    let can_hold = limits.on_limit == OnLimit::Hold
        && request.options.approve.is_none()
        // What a delta says it does not say again.
        && inputs.mode == Mode::Bulk
        && plan.summary.has_synced_users()
        && !overruns.is_empty()
        && overruns.iter().all(can_be_held);
    if !can_hold {
        return Ok(Limited::whole(plan, overruns, unlimited_checksum));
    }
    let (first, all) = (plan.summary.clone(), plan.changes);
    let (mut over, mut held) = (overruns.clone(), Vec::new());
    for _ in 0..ATTEMPTS {
        if over.iter().any(|overrun| !can_be_held(overrun)) {
            break;
        }
        over.iter().for_each(|overrun| held_back.add(overrun));
        held.append(&mut over);
        plan = again(plan, request, inputs, &mut held_back)?;
        plan.summary.switched_on = first.switched_on.clone();
        plan.summary.export_emptied.clone_from(&first.export_emptied);
        over = judge(&plan, &held_back)?;
        if over.is_empty() {
            let checksum_of_rest = plan.checksum_of_rest(&all, &held);
            return Ok(Limited { plan, overruns: over, held, unlimited_checksum, checksum_of_rest });
        }
    }
    // Nothing is applied, so nothing is held back either.
    let mut plan = again(plan, request, inputs, &mut HeldBack::default())?;
    plan.summary.export_emptied = first.export_emptied;
    Ok(Limited::whole(plan, overruns, unlimited_checksum))
}

/// Makes the plan again, with some people held back. Everyone is decided on again for it.
fn again(plan: Plan, request: Request<'_>, inputs: &Inputs<'_>, held_back: &mut HeldBack) -> Result<Plan> {
    let context = request.context;
    if held_back.needs_schools() {
        held_back.look_up_schools(&plan.roster, inputs.store, inputs.rules)?;
    }
    let kept = plan.kept_by(held_back)?;
    let (mut roster, same_person) = plan.into_parts();
    roster.keep_here(kept);
    let known = Known::load(inputs.store, true)?;
    let plan =
        planner::build(roster, known, same_person, &Inputs { held: held_back, ..*inputs }, context.watch());
    context.interrupted()?;
    plan
}

/// The names of schools: a school of which tonight's roster says nothing has its last one.
fn named(schools: &Schools, store: &Store) -> Result<Schools> {
    let mut names = schools.clone();
    for (id, name) in store.schools()? {
        names.0.entry(id).or_insert(name);
    }
    Ok(names)
}

/// Says which limits hold people back, and which are new and hold from the next run on.
pub(super) fn say(plan: &Plan, config: &Config, held: &[Overrun], findings: &mut Findings) {
    let file = owner::name_of(&config.file);
    for (_, line) in said_overruns(held) {
        findings.attention("held-by-limit", At::file(&file), || match plan.summary.held_by_limit {
            0 => format!("{line}; no change is held back for it, but the figures need an approval"),
            _ => format!("{line}; these users are held back, the rest of the plan is not"),
        });
    }
    let new = planner::check_upgraded(&plan.summary, &config.limits);
    let (column, note) = match &new[..] {
        [] => return,
        [one] => (one.limit, "This limit is new in this version: it is only said now, and holds"),
        _ => ("limits", "These limits are new in this version: they are only said now, and hold"),
    };
    // One finding: of several with one code a run shows the first.
    findings.warn("limit-from-next-run", At::file(&file).column(column), || {
        let all: Vec<&str> = new.iter().map(|overrun| overrun.message.as_str()).collect();
        format!("{}. {note} from the next run on", all.join("; "))
    });
}
