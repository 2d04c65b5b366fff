//! The plan of a run: what is read for it, and what was seen of the inputs. Nothing is written to
//! the store, but the new sourcedIds of `--rekey`.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;

use super::limits::{self, Limited};
use super::purge::Purge;
use super::request::{Intent, Options, Request};
use super::source::{self, Opening};
use super::unknown_schools::unknown_schools;
use super::{blank_columns, contact_columns, good_nights, preferred_names, renames};
use crate::config::{Config, InlineSecret, OnSamePerson};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::{FileSeen, LIMITS, LastNight, SettingSeen, file};
use crate::people::{self, People};
use crate::plan::{
    self as planner, Action, HeldBack, Known, Note, Overrun, PROBABLE_DAYS, Plan, Renamings, SamePerson,
    Scope,
};
use crate::platform::{Before, Compared, Export, compare, moved_rows};
use crate::plural::counted;
use crate::roster::Mode;
use crate::roster_index::{Read, RosterIndex};
use crate::rules::Rules;
use crate::source::{About, AfterRead, Explained};
use crate::store::{Savepoint, Store};
use crate::suppressed::suppressed_on;

/// A plan, and what it was made of.
pub(super) struct Planned<'a> {
    pub(super) plan: Plan,
    pub(super) rules: &'a Rules,
    pub(super) about: About,
    /// Archived accounts that are removed.
    pub(super) purge: Purge,
    /// What stops the plan, unless it is approved.
    pub(super) overruns: Vec<Overrun>,
    /// The limits whose people are held back while the rest is applied.
    pub(super) held: Vec<Overrun>,
    /// What was seen of the inputs, for the next run to compare with.
    pub(super) tonight: LastNight,
    /// When the list of users was written, in seconds since 1970.
    pub(super) written: Option<i64>,
    /// Rows of the platform's export, and how many of them belong to no user.
    pub(super) export_rows: usize,
    pub(super) export_unknown: u64,
    /// Which rules of `[contacts]` decided over the person that is to be explained.
    pub(super) explained: Vec<Explained>,
    /// Before the accounts got the new sourcedIds of `--rekey`.
    pub(super) before_renames: Option<Savepoint<'a>>,
}

/// Makes the plan of a run over a store in which a transaction is open.
pub(super) fn plan<'a>(
    request: Request<'_>,
    source: Opening<'_>,
    store: &'a Store,
    rules: &'a mut Rules,
    findings: &mut Findings,
) -> Result<Planned<'a>> {
    let Request { config, options, context, .. } = request;
    rules.undelivered = store.undelivered_changes(None)?;
    let mut before_renames = options.rekey.as_ref().map(|_| store.savepoint()).transpose()?;
    let mut renamings = rename(request, store, findings)?;
    let suppressed_rows = suppress(request, store, rules, findings)?;
    let Read { about, after, index: mut roster, prepared: (mut known, export) } =
        read(request, source, store, rules, findings)?;
    refuse_first_delta(&about, store)?;
    source::refuse_lost_guardians(&about, after.guardians_beside.as_ref(), store, rules)?;
    find_exposed_secrets(config, findings);
    let mut overruns = unknown_schools(request, &about, &roster, store, rules.today, findings)?;
    let export_unknown = export.report_unknown(|key| roster.knows(key), &rules.erased, findings)?;
    let compared = compare_export(config, options, &export, export_unknown, rules, findings)?;
    let last = rules.last_night.clone().unwrap_or_default();
    let (contacts, of_rules) =
        compare_columns(request, about.mode, (&roster, &after), &last, rules, findings)?;
    context.progress.begin("planning", Some(roster.counts.records));
    let nothing_held = HeldBack::default();
    let inputs = planner::Inputs { mode: about.mode, store, export: &export, rules, held: &nothing_held };
    let mut same_person = planner::find_same_people(&roster, &known, &inputs)?;
    if rules.same_person == OnSamePerson::Join && same_person.has_certain() {
        if before_renames.is_none() {
            before_renames = Some(store.savepoint()?);
        }
        roster =
            join(request, (&about, &after), roster, &mut known, &inputs, &mut same_person, &mut renamings)?;
    }
    renamings.values.finish()?;
    same_person.take_in_renames(&renamings, &roster)?;
    roster.forget_missing(same_person.kept_accounts());
    let plan = planner::build(roster, known, same_person, &inputs, context.watch());
    context.interrupted()?;
    let mut plan = plan?;
    plan.summary.export_emptied = compared.as_ref().and_then(|compared| compared.emptied.clone());
    overruns.extend(options.rekey.as_ref().and_then(|file| unlike_renames(&plan, file)));
    overruns.extend(good_nights::compare(&plan, &about, after.written, request, (store, rules), findings)?);
    let Limited { mut plan, overruns, held, unlimited_checksum, checksum_of_rest } =
        limits::within(plan, request, &inputs, &about.schools, overruns)?;
    limits::say(&plan, config, &held, findings);
    say_same_people(&plan, about.users_name, findings)?;
    let mut tonight = LastNight {
        suppressed_rows,
        limits: LIMITS,
        contacts_are_looked_at: true,
        ..LastNight::clone(&last)
    };
    preferred_names::compare(&about, &after, rules, &mut tonight, findings)?;
    if about.mode == Mode::Bulk {
        see_files(&mut tonight, after.files, of_rules.seen, config, &plan);
        tonight.roster.contacts = contacts.seen;
        tonight.roster.blank = contacts.blank;
    }
    tonight.contact_columns.extend(of_rules.unused);
    see_export(&mut tonight, &export, compared);
    tonight.reused = reused_ids(&plan, about.mode, rules, store, findings)?;
    see_setting(&mut tonight, config, &held);
    tonight.links = Some(plan.links_seen());
    tonight.roster = plan.roster_seen(about.mode, &tonight.roster);
    say_roles_of_nobody(&about, after.unlisted_users, rules, &mut tonight, findings);
    plan.say_left_out(about.mode, &about.name, about.users_name, findings)?;
    say_missing(&plan, config, &about, findings);
    plan.checksum = unlimited_checksum;
    let purge = Purge::find(&mut plan, request, store, findings)?;
    let mut plan = plan.with_renames(renamings);
    if !held.is_empty() && request.intent == Intent::Apply {
        // What is left to approve once the rest is applied.
        plan.checksum = checksum_of_rest;
    }
    let explained = contact_columns::known(after.contacts.explained, of_rules.is_blank);
    Ok(Planned {
        plan,
        rules,
        about,
        purge,
        overruns,
        held,
        tonight,
        written: after.written,
        export_rows: export.usable,
        export_unknown,
        explained,
        before_renames,
    })
}

/// Compares the columns of details, and those that the rules of `[contacts]` use, with the last night.
fn compare_columns(
    request: Request<'_>,
    mode: Mode,
    (roster, after): (&RosterIndex, &AfterRead),
    last: &LastNight,
    rules: &mut Rules,
    findings: &mut Findings,
) -> Result<(blank_columns::Compared, contact_columns::Compared)> {
    let contacts = blank_columns::compare(mode, roster.counts.contacts, &last.roster, rules.today, findings);
    rules.blank_columns = contacts.that_clear_nothing(rules.blank_values);
    let of_rules = contact_columns::compare(request.config, &after.contacts, mode, last, findings)?;
    rules.blank_columns.contact_rules = of_rules.is_blank;
    Ok((contacts, of_rules))
}

/// Gives accounts the sourcedIds of the records that are certainly about the same people, and looks
/// at the roster and for such people again.
fn join(
    request: Request<'_>,
    (about, after): (&About, &AfterRead),
    roster: RosterIndex,
    known: &mut Known,
    inputs: &planner::Inputs<'_>,
    same_person: &mut SamePerson,
    renamings: &mut Renamings,
) -> Result<RosterIndex> {
    let people = People::new(request.config, inputs.store, request.context.now)?;
    let renamed = people::join_all(&people, same_person, renamings)?;
    let roster = known.read_again(roster, &renamed, about, after, (inputs.store, inputs.rules))?;
    let before = std::mem::replace(same_person, planner::find_same_people(&roster, known, inputs)?);
    same_person.take_in_seconds(&before)?;
    Ok(roster)
}

/// Remembers the setting under which people were decided.
fn see_setting(tonight: &mut LastNight, config: &Config, held: &[Overrun]) {
    // People who are held at the step to ON take it another night.
    if held.iter().any(|overrun| overrun.limit == "update_contacts") {
        return;
    }
    let own = config.schools.iter().map(|school| (school.id.clone(), school.update_contacts));
    tonight.setting = Some(SettingSeen { district: config.sync.update_contacts, schools: own.collect() });
}

/// Remembers what was seen of the files, for the next run to compare with.
fn see_files(
    tonight: &mut LastNight,
    mut all: BTreeMap<String, FileSeen>,
    of_rules: Option<FileSeen>,
    config: &Config,
    plan: &Plan,
) {
    // Of a column that no rule uses any more nothing is remembered.
    if let (Some(before), Some(seen)) = (tonight.files.get_mut(file::CONTACT_RULES), &of_rules) {
        before.columns.retain(|column, _| seen.columns.contains_key(column));
    }
    if config.contacts.rules.is_none() {
        tonight.files.remove(file::CONTACT_RULES);
    }
    all.extend(of_rules.map(|seen| (file::CONTACT_RULES.to_owned(), seen)));
    plan.keep_emptied_columns(&tonight.files, &mut all);
    for (kind, seen) in all {
        let seen = tonight.files.get(&kind).map_or(seen.clone(), |before| seen.after(before));
        tonight.files.insert(kind, seen);
    }
}

fn see_export(tonight: &mut LastNight, export: &Export, compared: Option<Compared>) {
    if export.usable > 0 {
        tonight.files.insert(file::PLATFORM.to_owned(), export.seen.clone());
    }
    if let Some(compared) = compared {
        tonight.export = Some(compared.seen);
    }
}

/// Reads the roster and, while it is opened and read, the accounts of the store and the platform's
/// export.
fn read(
    request: Request<'_>,
    source: Opening<'_>,
    store: &Store,
    rules: &Rules,
    findings: &mut Findings,
) -> Result<Read<(Known, Export)>> {
    let Request { config, options, context, .. } = request;
    // As many rows as last night are expected; an API has no file to compare.
    let before = rules.last_night.as_deref().and_then(|night| night.files.get(file::USERS));
    context.progress.begin("reading the roster", before.map(|seen| seen.rows).filter(|rows| *rows > 0));
    let prepare = |findings: &mut Findings| {
        let mut known = Known::load(store, options.decide_all)?;
        known.decide_again(rules.suppressed.iter());
        let export = match &config.platform {
            Some(platform) => {
                let see = |key, hash| known.export_row(key, hash);
                let before = rules.last_night.as_deref().and_then(|night| night.files.get(file::PLATFORM));
                Export::read(
                    platform,
                    context.now.into(),
                    rules.seed(),
                    see,
                    moved_rows(store),
                    before,
                    findings,
                )?
            }
            None => Export::default(),
        };
        known.export_is_read();
        Ok((known, export))
    };
    let done = planner::read(source, prepare, store, rules, findings, context.watch());
    context.interrupted()?;
    done
}

/// Puts those that are to have no account into the rules. How many rows the file of suppressed people
/// has.
///
/// # Errors
/// `InputUnusable` if the file cannot be read, or lost all its rows since the last good night.
fn suppress(
    request: Request<'_>,
    store: &Store,
    rules: &mut Rules,
    findings: &mut Findings,
) -> Result<Option<u64>> {
    let (all, rows) = suppressed_on(rules.today, request.config, store, findings)?;
    let before = rules.last_night.as_deref().and_then(|night| night.suppressed_rows);
    if let Some(path) = &request.config.contacts.suppressed
        && rows == Some(0)
        && let Some(before) = before.filter(|before| *before > 0)
    {
        let what = format!(
            "the file of suppressed people has no rows any more, and had {before} on the last good night"
        );
        return Err(Failure::new(Kind::InputUnusable, what).at(path.display()).cure(
            "put the rows back; if no one is to be suppressed any more, remove `suppressed` from [contacts]",
        ));
    }
    rules.suppressed = all.into_keys().collect();
    Ok(rows)
}

fn rename(request: Request<'_>, store: &Store, findings: &mut Findings) -> Result<Renamings> {
    let Some(file) = &request.options.rekey else { return Ok(Renamings::default()) };
    let asked = renames::read(file, findings)?;
    people::rekey_all(&People::new(request.config, store, request.context.now)?, file, &asked, findings)
}

fn compare_export(
    config: &Config,
    options: &Options,
    export: &Export,
    unknown: u64,
    rules: &Rules,
    findings: &mut Findings,
) -> Result<Option<Compared>> {
    let Some(platform) = &config.platform else { return Ok(None) };
    let before = Before {
        last: rules.last_night.as_deref().and_then(|night| night.export.as_ref()),
        today: rules.today,
        accepted: options.new_export,
        option: "rostersync run --new-export",
    };
    let matching = (export.usable as u64).saturating_sub(unknown);
    compare(export, matching, &platform.users, before, findings).map(Some)
}

/// Says that so many people are missing for the first time that archiving them would be over the
/// limit: it is the day on which a file that is not whole can still be put right.
///
/// And says that deletions of a delta are not done during a pause, since no later delta has them.
fn say_missing(plan: &Plan, config: &Config, about: &About, findings: &mut Findings) {
    let (file, missing) = (about.users_name, plan.summary.count(Action::Missing));
    if about.mode == Mode::Delta && missing > 0 {
        findings.attention("deletions-paused", At::file(file).column("status"), || {
            format!(
                "{} deleted in this delta and not archived because of a [[pause]]: the next delta does not say so again; import a \
                 complete (bulk) export when the pause is over",
                counted(missing, "user is", "users are")
            )
        });
    }
    let Some(message) = planner::too_many_missing(&plan.summary, &config.limits) else { return };
    let after = config.sync.archive_after.words();
    findings.attention("many-missing", At::file(file), || {
        format!("{message}. Their accounts are archived after {after} without them: check that the export is complete")
    });
}

/// Says which secrets are in a configuration that every user of this machine can read.
pub(super) fn find_exposed_secrets(config: &Config, findings: &mut Findings) {
    // `check` looks before it plans, and planning looks again.
    if findings.counts().contains_key("secret-exposed") {
        return;
    }
    for InlineSecret { key, file, line } in &config.readable_secrets {
        let (file, line) = (file.display().to_string(), u64::try_from(*line).ok());
        findings.warn("secret-exposed", At::file(&file).line(line), || {
            format!(
                "{key} is a secret in clear, and every user of this machine may read the file: write it in a file of its own \
                 (`…_file`), or take the permission away with chmod 640"
            )
        });
    }
}

/// Changes alone do not say which other users there are.
fn refuse_first_delta(about: &About, store: &Store) -> Result<()> {
    if about.mode != Mode::Delta || store.has_accounts()? {
        return Ok(());
    }
    Err(Failure::new(
        Kind::InputUnusable,
        "the roster holds only changes (delta), and there is nothing yet that they could change",
    )
    .at(&about.name)
    .cure("begin with a complete (bulk) export; if this is one, set `mode = \"bulk\"` in [source]"))
}

/// Many users with roles, but without a row of their own, are the best sign of a list of users that
/// is not whole.
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
        tonight.roster.roles_without_user = now;
        return;
    };
    let new = now.saturating_sub(last.roster.roles_without_user);
    let records = tonight.roster.roles.values().sum::<u64>();
    if new >= 10 && new * 100 > records {
        findings.attention("many-dangling-users", At::file(about.users_name).column("sourcedId"), || {
            format!(
                "{new} users more than on the last good night have roles in roles.csv and no row in users.csv; check that \
                 users.csv is complete"
            )
        });
    }
    tonight.roster.roles_without_user = now;
}

/// Stops a run whose file gives accounts the sourcedIds of other people: a list of which one column
/// was sorted does that to everybody.
fn unlike_renames(plan: &Plan, file: &Path) -> Option<Overrun> {
    let all = &plan.summary.unlike_renames;
    let examples: Vec<String> = all.iter().take(2).map(|(old, new)| format!("{old} → {new}")).collect();
    (!all.is_empty()).then(|| Overrun {
        limit: "rekey",
        scope: Scope::default(),
        count: all.len() as u64,
        of: None,
        max: "0".into(),
        message: format!(
            "{} to the sourcedId of a record with another name and nothing in common: for example {}; check these rows of {}",
            counted(all.len() as u64, "rename leads", "renames lead"),
            examples.join(" and "),
            file.display()
        ),
    })
}

/// Says which accounts are held because they are probably back under another sourcedId: those that
/// are new once, so that a person looks at them; afterwards they are in the report, the summary and
/// `status`. Says of accounts that are archived that they seem to be back.
fn say_same_people(plan: &Plan, file: &str, findings: &mut Findings) -> Result<()> {
    let new = plan.same_person.count_new();
    if new > 0 {
        let counts = &plan.summary.same_person;
        let days = match counts.held - counts.held_certain {
            0 => String::new(),
            _ => format!(
                ". Accounts that are only probably back are held for {PROBABLE_DAYS} days, and then archived"
            ),
        };
        findings.attention("possible-rekey", At::file(file).column("sourcedId"), || {
            format!(
                "{} probably back under another sourcedId and held: {}. If old and new are one person: `rostersync users rekey OLD NEW`, \
                 or `rostersync run --rekey FILE` with the file of renames beside the report; if they are two: `rostersync users \
                 distinct OLD NEW`{days}",
                counted(new, "account is", "accounts are"),
                counts.shown()
            )
        });
    }
    plan.same_person.each(|pair, old, new| {
        let becomes = if plan.is_missing(pair) { "missing" } else { "archived" };
        if !pair.held {
            findings.warn("possible-rekey", At::file(file).line(new.line).column("sourcedId"), || {
                let (old, new, evidence) = (&old.sourced_id, &new.sourced_id, pair.evidence.words());
                if pair.is_second {
                    return format!(
                        "`{old}` is probably the same person as `{new}` too ({evidence}), who goes on with another account: the \
                         account of `{old}` is {becomes}"
                    );
                }
                format!(
                    "sourcedId `{new}` is new and is probably the same person as `{old}` ({evidence}), whose account is {becomes}. \
                     If it is one person: rostersync users rekey {old} {new}"
                )
            });
        }
        Ok(())
    })
}

/// The sourcedIds that are held because another person seems to have them now, and since when.
/// Those that are new tonight are said once; afterwards they are in the report, the summary and
/// `status`.
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
            if !row.notes.iter().any(|note| matches!(note, Note::ReusedId(_))) {
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
    // A delta says nothing of the users that are not in it.
    if mode != Mode::Bulk {
        for (id, since) in before.into_iter().flatten().filter(|(id, _)| !plan.roster.mentions(id)) {
            if store.account(id)?.is_some_and(|account| account.archived) {
                reused.insert(id.clone(), *since);
            }
        }
    }
    Ok(reused)
}
