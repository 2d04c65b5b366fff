//! Schools of the configuration that do not exist: a slip of the pen, or a school that the SIS has
//! given another id. Either could take away the protection that the configuration means to give.

use chrono::NaiveDate;

use super::request::Request;
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::owner;
use crate::plan::{Overrun, Scope};
use crate::roster::{IdList, Mode, Record, RoleList, near_school, own_schools};
use crate::roster_index::RosterIndex;
use crate::source::About;
use crate::store::Store;

/// Says which schools of the configuration are unknown: neither the roster's orgs, nor one of its
/// users, nor an account that stays has them. Where such an entry means to protect (`false` under a
/// district's `true`), the run is stopped until the configuration is corrected or the plan is
/// approved; that is what is returned.
pub(super) fn unknown_schools(
    request: Request<'_>,
    about: &About,
    index: &RosterIndex,
    store: &Store,
    today: NaiveDate,
    findings: &mut Findings,
) -> Result<Vec<Overrun>> {
    let config = request.config;
    let roster = &about.schools;
    let is_known = |id: &str| roster.0.contains_key(id) || index.knows_school(id);
    let own = config.schools.iter().map(|school| {
        let protects = config.sync.update_contacts && !school.update_contacts;
        ("[[school]] id", &school.id, protects && request.options.what_if.is_none())
    });
    let synced = config.sync.schools.iter().map(|school| ("[sync] schools", school, false));
    let paused = config.pauses.iter().filter(|pause| pause.until >= today);
    let paused = paused.filter_map(|pause| Some(("[[pause]] school", pause.school.as_ref()?, false)));
    let mut unknown: Vec<_> = own.chain(synced).chain(paused).filter(|(_, id, _)| !is_known(id)).collect();
    if !unknown.is_empty() && about.mode != Mode::Bulk {
        // The accounts that a delta does not mention stay, with their schools.
        let today = today.to_string();
        store.each_relative(|known| {
            let record =
                Record { roles: RoleList(known.roles), orgs: Some(IdList(known.orgs)), ..Record::default() };
            if !known.archived {
                let schools = own_schools(&record, &today);
                unknown.retain(|(_, id, _)| !schools.contains(&id.as_str()));
            }
            Ok(())
        })?;
    }
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let file = owner::name_of(&config.file);
    // The names of schools that are no more are in the store: they tell which one is meant.
    let names = store.schools()?;
    let mut overruns = Vec::new();
    for (key, id, protects) in unknown {
        let name = names.get(id).map(|name| format!(" ({name})")).unwrap_or_default();
        let of_name = || names.get(id).and_then(|name| near_school(name, &roster.0));
        let near = near_school(id, &roster.0).or_else(of_name);
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        findings.attention("unknown-school", At::file(&file).column(key), || {
            format!(
                "no school has the sourcedId `{id}`{name}, so this entry has no effect: neither the orgs of the roster nor any of \
                 its users have it. If the SIS has given the school another id, write that one{near}"
            )
        });
        if protects {
            overruns.push(Overrun {
                limit: "school",
                scope: Scope::default(),
                count: 1,
                of: None,
                max: "0".into(),
                message: format!(
                    "the school `{id}`{name} does not exist, and its [[school]] entry with update_contacts = false protects no one: \
                     correct its id in {file}, or remove the entry"
                ),
            });
        }
    }
    Ok(overruns)
}
