//! Tonight's roster beside the last good nights (`plan/history`): what is far outside of them stops
//! the run like a limit, or needs a person. Also whether the file is an old one.

use std::collections::BTreeMap;

use super::request::Request;
use crate::config::Limit;
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::plan::history::{self, Absent, Effect};
use crate::plan::{Action, Overrun, Plan, Scope};
use crate::plural::counted;
use crate::roster::kept::key;
use crate::roster::{IdList, Mode, RoleList, current_roles, distinct};
use crate::rules::Rules;
use crate::source::About;
use crate::store::{GoodNight, Relative, Store};

/// So much earlier a file must have been written than that of the last import to be an older one:
/// files of one export are not written in one moment, nor unpacked.
const EARLIER: i64 = 3600;

/// So many changes make another roster of it.
const CHANGES: u64 = 10;

/// Holds a complete roster against the last good nights.
pub(super) fn compare(
    plan: &Plan,
    about: &About,
    written: Option<i64>,
    request: Request<'_>,
    (store, rules): (&Store, &Rules),
    findings: &mut Findings,
) -> Result<Vec<Overrun>> {
    let mut overruns = Vec::new();
    if about.mode != Mode::Bulk || !request.config.limits.history {
        return Ok(overruns);
    }
    overruns.extend(swapped_names(plan));
    let Some(last) = store.last_numbers()? else { return Ok(overruns) };
    let tonight = &plan.roster.night;
    if tonight.content != last.content {
        overruns.extend(old_file(plan, about, written, request, store)?);
    }
    if !history::is_suspicious(tonight, &last) {
        return Ok(overruns);
    }
    let absent = absent(plan, store, rules)?;
    let mut names: BTreeMap<String, String> = store.schools()?;
    names.extend(about.schools.0.iter().map(|(id, name)| (id.clone(), name.clone())));
    let name_of = |id: &str| match names.get(id).filter(|name| !name.is_empty()) {
        Some(name) => name.clone(),
        None => id.to_owned(),
    };
    // With this limit off every account may leave in one night.
    let any_may_leave = matches!(request.config.limits.archive, Limit::Share(share) if share >= 100.0);
    for hit in history::judge(tonight, &store.numbers()?, &absent) {
        if any_may_leave && hit.kind.is_about_missing_users() {
            continue;
        }
        match hit.overrun(name_of) {
            Some(overrun) => overruns.push(overrun),
            None => {
                debug_assert_eq!(hit.kind.effect, Effect::Attention);
                findings.attention(hit.kind.key, At::file(about.users_name).column(hit.column()), || {
                    format!(
                        "{}; check the export. It counts as the new normal from the next night on",
                        history::say(&hit, name_of)
                    )
                });
            }
        }
    }
    Ok(overruns)
}

/// How many people of each school and role, with an account that is not archived or known without
/// one, are nowhere in the roster.
fn absent(plan: &Plan, store: &Store, rules: &Rules) -> Result<Absent> {
    let (mut absent, roster) = (Absent::new(), &plan.roster);
    let today = rules.today.to_string();
    store.each_relative(|relative| {
        let Relative { sourced_id, archived, roles, orgs, .. } = relative;
        let person = roster.people.find(key(sourced_id));
        // For a time in which no account is archived it is known that users are missing.
        let is_here = |person: u32| {
            roster.is_mentioned(person) && !roster.is_gone(person)
                || roster.not_archived_until(person).is_some()
        };
        if archived || person.is_some_and(is_here) {
            return Ok(());
        }
        let all = RoleList(roles);
        let held = current_roles(all, &today);
        let schools = all.iter().filter_map(|role| role.org).chain(IdList(orgs).iter());
        for school in distinct(schools).into_iter().chain(Some("")) {
            for role in held.iter().map(String::as_str).chain(Some("")) {
                *absent.entry((school.to_owned(), role.to_owned())).or_default() += 1;
            }
        }
        Ok(())
    })?;
    Ok(absent)
}

/// Given and family names that changed places in one night.
fn swapped_names(plan: &Plan) -> Option<Overrun> {
    let (count, of) = (plan.summary.names_swapped, plan.summary.accounts_before);
    (count >= CHANGES && count * 100 > of).then(|| Overrun {
        limit: history::LIMIT,
        scope: Scope { field: Some("givenName".to_owned()), ..Scope::default() },
        count,
        of: Some(of),
        max: "true".to_owned(),
        message: format!(
            "given and family name of {count} of {} changed places; [limits] history: in one night that is an exchange of two columns",
            counted(of, "account", "accounts")
        ),
    })
}

/// A file that is older than the last one, or the same as some nights ago.
fn old_file(
    plan: &Plan,
    about: &About,
    written: Option<i64>,
    Request { config, .. }: Request<'_>,
    store: &Store,
) -> Result<Vec<Overrun>> {
    let count = |action| plan.summary.count(action);
    let changes = [Action::Created, Action::Updated, Action::Archived, Action::Restored, Action::Kept];
    if changes.into_iter().map(count).sum::<u64>() < CHANGES {
        return Ok(Vec::new());
    }
    let nights = store.good_nights()?;
    let zone = &config.sync.timezone;
    let records = plan.summary.records;
    let overrun = |message: String| Overrun {
        limit: history::LIMIT,
        scope: Scope::default(),
        count: records,
        of: None,
        max: "true".to_owned(),
        message,
    };
    let mut overruns = Vec::new();
    if let (Some(GoodNight { run, written: Some(before), .. }), Some(now)) = (nights.last(), written)
        && now + EARLIER < *before
    {
        let shown =
            |seconds: i64| zone.show(chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default());
        overruns.push(overrun(format!(
            "{} was written at {}, before the one of run {run} (written at {}); [limits] history: an older file does not follow a \
             newer one",
            about.users_name,
            shown(now),
            shown(*before)
        )));
    }
    let contents: Vec<u64> = nights.iter().map(|night| night.content).collect();
    if let Some(at) = history::seen_before(plan.roster.night.content, &contents) {
        let GoodNight { run, started, .. } = nights[at];
        overruns.push(overrun(format!(
            "the roster is the same, record by record, as that of run {run} ({}), and the {} since had others; [limits] history: an \
             old file does not come back",
            zone.day(started),
            counted((nights.len() - at - 1) as u64, "good night", "good nights")
        )));
    }
    Ok(overruns)
}
