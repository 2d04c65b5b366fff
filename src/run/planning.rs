//! The part of a run that writes nothing: what is read, and the plan that is made of it. An undo makes one as well, to say
//! what the next run will do.

use std::sync::Arc;

use super::{
    Options, Surroundings, find_unknown_schools, interrupted, open, refuse_first_delta, rules, survey, watch,
};
use crate::config::Config;
use crate::failure::Result;
use crate::findings::Findings;
use crate::last_night::{LastNight, file};
use crate::plan::{self, Plan, Rules, Surveyed};
use crate::roster::Mode;
use crate::source::RosterSource;
use crate::store::Store;

/// A plan, and what it was made of.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) source: Arc<dyn RosterSource>,
    /// What was seen of the inputs, for the next run to compare with.
    pub(super) tonight: LastNight,
    /// Rows of the platform's export, and how many of them belong to nobody.
    pub(super) export_rows: usize,
    pub(super) export_unknown: u64,
}

/// Makes the plan of a run over a store in which a transaction has begun.
///
/// # Errors
/// Whatever stops a run before the limits are asked.
pub(super) fn plan_on(
    open: open::Opening<'_>,
    config: &Config,
    options: &Options,
    store: &Store,
    rules: &Rules,
    findings: &mut Findings,
    around: &Surroundings<'_>,
) -> Result<Planned> {
    let Surveyed { source, survey, prepared: export } =
        survey(open, config, options, store, rules, findings, around)?;
    refuse_first_delta(&*source, store)?;
    open::refuse_lost_guardians(&*source, store, rules)?;
    find_unknown_schools(config, &*source, store, findings)?;
    around.progress.begin("planning", Some(survey.records));
    let plan = plan::build(source.mode(), survey, store, &export, rules, options.decide_all, watch(around));
    interrupted(around)?;
    let plan = plan?;
    let mut tonight = rules.last_night.as_deref().cloned().unwrap_or_default();
    if source.mode() == Mode::Bulk {
        tonight.files.extend(source.files_seen());
    }
    if !export.is_empty() {
        tonight.files.insert(file::PLATFORM.to_owned(), export.seen().clone());
    }
    let export_unknown = export.report_unknown(|key| plan.knows(key), findings)?;
    Ok(Planned { plan, source, tonight, export_rows: export.len(), export_unknown })
}

/// Makes the plan that the next run would make, of files as they are now.
///
/// # Errors
/// As [`plan_on`].
pub(super) fn plan_next(config: &Config, store: &Store, around: &Surroundings<'_>) -> Result<Planned> {
    let options = Options { dry_run: true, ..Options::default() };
    let mut rules = rules(config, &options, around.now)?;
    rules.opted_out = store.opt_outs()?.into_iter().collect();
    rules.last_night = store.last_night()?.map(Arc::new);
    let open = open::open_later(config, None, store, around, false)?;
    plan_on(open, config, &options, store, &rules, &mut Findings::default(), around)
}
