//! The part of a run that writes nothing: what is read, and the plan that is made of it. An undo makes one as well, to say
//! what the next run will do.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::unknown_schools::unknown_schools;
use super::{
    Options, Surroundings, blank_columns, find_exposed_secrets, interrupted, refuse_first_delta, rules,
    source, survey, watch,
};
use crate::config::Config;
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::last_night::{LastNight, SettingSeen, file};
use crate::plan::{self as planner, Action, Overrun, Plan, Read};
use crate::platform::{Before, compare};
use crate::roster::Mode;
use crate::rules::Rules;
use crate::source::{About, RosterSource};
use crate::store::Store;

/// A plan, and what it was made of.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) source: Arc<dyn RosterSource>,
    /// What stops the plan, unless it is approved.
    pub(super) overruns: Vec<Overrun>,
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
    open: source::Opening<'_>,
    config: &Config,
    options: &Options,
    store: &Store,
    rules: &Rules,
    findings: &mut Findings,
    around: &Surroundings<'_>,
) -> Result<Planned> {
    let Read { source, after, roster, known, prepared: export } =
        survey(open, config, options, store, rules, findings, around)?;
    refuse_first_delta(&*source, store)?;
    source::refuse_lost_guardians(source.about(), after.guardians_beside.as_ref(), store, rules)?;
    find_exposed_secrets(config, findings);
    let mut overruns = unknown_schools(config, &*source, &roster, store, rules, options.what_if, findings)?;
    let export_unknown = export.report_unknown(|key| roster.knows(key), findings)?;
    let compared = match &config.platform {
        Some(platform) => {
            let last = rules.last_night.as_deref().and_then(|night| night.export.as_ref());
            let before = Before {
                last,
                today: rules.today,
                accepted: options.new_export,
                option: "rostersync run --new-export",
            };
            let matching = (export.len() as u64).saturating_sub(export_unknown);
            Some(compare(&export, matching, &platform.users, before, findings)?)
        }
        None => None,
    };
    let last = rules.last_night.as_deref().map(|night| night.roster.clone()).unwrap_or_default();
    let contacts = match source.about().mode {
        Mode::Bulk => blank_columns::compare(roster.counts.contacts, &last, rules.today, findings),
        Mode::Delta | Mode::Unknown => blank_columns::Compared::default(),
    };
    let rules = &contacts.rules(rules);
    around.progress.begin("planning", Some(roster.counts.records));
    let inputs = planner::Inputs { mode: source.about().mode, store, export: &export, rules };
    let plan = planner::build(roster, known, &inputs, watch(around));
    interrupted(around)?;
    let mut plan = plan?;
    plan.tell_rekeys(source.about().users_name, findings);
    let mut tonight = rules.last_night.as_deref().cloned().unwrap_or_default();
    if source.about().mode == Mode::Bulk {
        let mut all = after.files;
        plan.keep_emptied_columns(&tonight.files, &mut all);
        for (kind, seen) in all {
            let seen = tonight.files.get(&kind).map_or(seen.clone(), |before| seen.after(before));
            tonight.files.insert(kind, seen);
        }
        tonight.roster.contacts = contacts.seen;
        tonight.roster.blank = contacts.blank;
    }
    if !export.is_empty() {
        tonight.files.insert(file::PLATFORM.to_owned(), export.seen().clone());
    }
    if let Some(compared) = compared {
        plan.summary.export_emptied = compared.emptied;
        tonight.export = Some(compared.seen);
    }
    tonight.reused = reused_ids(&plan, source.about().mode, rules, store, findings)?;
    let own = config.schools.iter().map(|school| (school.id.clone(), school.update_contacts));
    tonight.setting = Some(SettingSeen { district: config.sync.update_contacts, schools: own.collect() });
    tonight.roster = plan.roster_seen(source.about().mode, &tonight.roster);
    say_roles_of_nobody(source.about(), after.roles_of_nobody, rules, &mut tonight, findings);
    plan.say_left_out(source.about().mode, &source.about().name, source.about().users_name, findings)?;
    overruns.extend(planner::check_limits(&plan.summary, &config.limits));
    plan.cover(&overruns);
    for overrun in planner::check_upgraded(&plan.summary, &config.limits) {
        findings.warn("limit-from-next-run", At::file("rostersync.toml").column(overrun.limit), || {
            format!(
                "{}. This limit is new in this version: it is only said now, and holds from the next run on",
                overrun.message
            )
        });
    }
    Ok(Planned { plan, source, overruns, tonight, export_rows: export.len(), export_unknown })
}

/// Many users with roles, but without a row of their own, are the best sign of a list of users that is not whole.
fn say_roles_of_nobody(
    about: &About,
    now: u64,
    rules: &Rules,
    tonight: &mut LastNight,
    findings: &mut Findings,
) {
    if about.mode != Mode::Bulk {
        return;
    }
    let Some(last) = rules.last_night.as_deref() else {
        tonight.roster.roles_of_nobody = now;
        return;
    };
    let new = now.saturating_sub(last.roster.roles_of_nobody);
    let records = tonight.roster.roles.values().sum::<u64>();
    if new >= 10 && new * 100 > records {
        findings.attention("many-dangling-users", At::file(about.users_name).column("sourcedId"), || {
            format!(
                "{new} users more than on the last good night have roles in roles.csv and no row in users.csv; check that \
                 users.csv is complete"
            )
        });
    }
    tonight.roster.roles_of_nobody = now;
}

/// The sourcedIds that are held because another person seems to have them now, and since when. Those that are new tonight are
/// said once; afterwards they are in the report, the summary and `status`.
fn reused_ids(
    plan: &Plan,
    mode: Mode,
    rules: &Rules,
    store: &Store,
    findings: &mut Findings,
) -> Result<BTreeMap<String, NaiveDate>> {
    let before = rules.last_night.as_deref().map(|night| &night.reused);
    let mut reused = BTreeMap::new();
    if plan.summary.count(Action::Held) > 0 {
        plan.each_decided(|row| {
            if row.action != Action::Held {
                return Ok(());
            }
            let since = before.and_then(|before| before.get(row.sourced_id)).copied();
            if since.is_none() {
                let id = &row.sourced_id;
                findings.attention("reused-id", At::file("users").line(row.line).column("sourcedId"), || {
                    format!(
                        "another person seems to have the sourcedId `{id}` now, whose account is archived; nothing is done to either. \
                         `rostersync users same {id}`: it is the same person, who is back; `rostersync users another {id}`: it is \
                         another one, who gets an account of their own"
                    )
                });
            }
            reused.insert(row.sourced_id.to_string(), since.unwrap_or(rules.today));
            Ok(())
        })?;
    }
    // A delta says nothing of those whom it does not mention.
    if mode != Mode::Bulk {
        for (id, since) in before.into_iter().flatten().filter(|(id, _)| !plan.mentions(id)) {
            if store.account(id)?.is_some_and(|account| account.archived) {
                reused.insert(id.clone(), *since);
            }
        }
    }
    Ok(reused)
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
    let open = source::open_later(config, None, store, around, false)?;
    plan_on(open, config, &options, store, &rules, &mut Findings::default(), around)
}
