//! `rostersync users show`

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::super::layout::{Screen, blocks};
use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::change::place_of;
use super::{one_of, print_json, reading};
use crate::account::Account;
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::Result;
use crate::people::{FieldProfile, Link, People, Profile, Provenance, goes_on_instead};
use crate::platform::{By, Stamp};
use crate::plural::{counted, or_none};
use crate::policy::Setting;
use crate::store::{Created, Member, Origin, SamePerson};

/// Show one person: state, schools, family, and for each field the value, the SIS value and the
/// last change
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync users show gua-1042                   by sourcedId
  rostersync users show rosa.diaz@mail.example     by email
  rostersync users show \"Rosa Diaz\" --json")]
pub(super) struct ShowArgs {
    /// The user's sourcedId, email or number, or a part of the name; it must fit one person
    #[arg(value_name = "USER")]
    user: String,

    /// JSON for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ShowArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let store = reading(&config)?;
    let people = People::new(&config, &store, global.now())?;
    let profile = Profile::of(&people, &one_of(&people, &args.user, args.json, ui)?)?;
    if args.json {
        print_json(&as_json(&profile, &people)?, ui)?;
        return Ok(Ending::Ok);
    }
    ui.result(&text(&profile, &people, ui.screen)?).map_err(unprintable)?;
    Ok(Ending::Ok)
}

fn text(profile: &Profile, people: &People<'_>, screen: Screen) -> Result<Vec<u8>> {
    let (account, config) = (&profile.account, people.config);
    let names = people.store.schools()?;
    let school = |id: &String| match names.get(id) {
        Some(name) => format!("{id} {name}"),
        None => id.clone(),
    };
    let came = match profile.created {
        Some(created) => match (created.run, created.at) {
            (Some(run), Some(at)) => format!(", came with run {run}, {}", config.sync.timezone.show(at)),
            (_, _) => ", older than the history".to_owned(),
        },
        None => String::new(),
    };
    let state = match (account.archived, &profile.missing) {
        (true, _) => format!("archived, was {}", account.state),
        (false, Some(missing)) => format!(
            "{}, missing since {} ({}; archived after {})",
            account.state,
            missing.since,
            counted(u64::from(missing.runs), "good run", "good runs"),
            config.sync.archive_after.words()
        ),
        (false, None) => account.state.to_string(),
    };
    let setting = match profile.setting {
        Setting::On => "ON: only the sync changes the details of an active user",
        Setting::Off => "OFF: an active user and staff that manage users change them, the sync does not",
    };
    let mut lines = vec![
        ("User", account.sourced_id.clone()),
        ("State", format!("{state}{came}")),
        ("Roles", or_none(&profile.roles.join(", ")).to_owned()),
        ("Schools", or_none(&profile.schools.iter().map(school).collect::<Vec<_>>().join(", ")).to_owned()),
        ("Setting", setting.to_owned()),
    ];
    for (word, is_own) in [("Guardians", false), ("Students", true)] {
        let own =
            profile.links.iter().filter(|link| (link.guardian.sourced_id == account.sourced_id) == is_own);
        for (at, link) in own.enumerate() {
            let other = if is_own { &link.student } else { &link.guardian };
            lines.push((if at == 0 { word } else { "" }, linked(link, other, config)));
        }
    }
    if !profile.grants.is_empty() {
        let places: Vec<String> =
            profile.grants.iter().map(|grant| place_of(grant, people.store)).collect::<Result<_>>()?;
        let until =
            people.unusable_grant(account)?.map(|why| format!(", {}", why.until())).unwrap_or_default();
        lines.push(("Manages", format!("users of {}{until}", places.join(", "))));
    }
    lines.extend(not_told(account, people));
    lines.extend(held(account, people)?.into_iter().map(|why| ("Held", why)));
    let edit = match &profile.editable {
        Ok(()) => "yes, by the user".to_owned(),
        Err(refused) => format!("no, {}: {}", refused.code(), refused.sentence(config)),
    };
    lines.push(("Editable", edit));
    let width = if lines.iter().any(|(word, _)| word.len() > 9) { 12 } else { 11 };
    let mut out = screen.labelled(&lines, width);
    out.push(b'\n');
    // Only where there is a difference that is left alone.
    let settled = profile.fields.iter().any(|field| field.settled);
    let width = if account.kept_since.is_none() && !settled { 4 } else { 5 };
    let row = |field: &FieldProfile| {
        let mut since = field.kept_since.map(|day| day.to_string()).unwrap_or_default();
        if field.settled {
            since.push_str(if since.is_empty() { "settled" } else { ", settled" });
        }
        let FieldProfile { field, actual, sis, set, .. } = field;
        let mut cells = vec![field.word().into(), actual.clone(), sis.clone(), set_by(set, config), since];
        cells.truncate(width);
        cells
    };
    let rows: Vec<_> = profile.fields.iter().map(row).collect();
    out.extend(blocks(&["field", "actual", "SIS", "set by", "differs since"][..width], &rows, screen));
    Ok(out)
}

/// Why nothing is done to the account until a person has decided.
fn held(account: &Account, people: &People<'_>) -> Result<Vec<String>> {
    let mut why = Vec::new();
    if people.store.last_night()?.is_some_and(|night| night.reused.contains_key(&account.sourced_id)) {
        let id = &account.sourced_id;
        why.push(format!(
            "another person seems to have this sourcedId now: `rostersync users same {id}` if it is the same person, \
             `rostersync users another {id}` if it is another"
        ));
    }
    if let Some(pair) = people.store.same_person(&account.sourced_id)? {
        let SamePerson { old, new, evidence, .. } = &pair;
        let one_person = match goes_on_instead(people.store, &pair)? {
            Some(other) => format!(
                ", as {other} is: `rostersync users rekey {other} {new}` if they are one person, and the next run then archives {old}"
            ),
            None => format!(": `rostersync users rekey {old} {new}` if it is one person"),
        };
        why.push(format!(
            "probably back as {new} ({evidence}){one_person}, `rostersync users distinct {old} {new}` if they are two"
        ));
    }
    Ok(why)
}

/// `stu-9, Mother, since run 2, 2026-11-23 02:15`
fn linked(link: &Link, other: &Member, config: &Config) -> String {
    let mut parts = vec![other.sourced_id.clone()];
    if !other.account {
        parts[0].push_str(" (no account)");
    }
    if !link.relationship.is_empty() {
        parts.push(link.relationship.clone());
    }
    if link.emergency {
        parts.push("for emergencies only".to_owned());
    }
    if let Some(Created { run: Some(run), at: Some(at) }) = link.since {
        parts.push(format!("since run {run}, {}", config.sync.timezone.show(at)));
    } else if link.since.is_some() {
        parts.push("since before the history".to_owned());
    }
    parts.join(", ")
}

/// A link for programs.
pub(in crate::cli) fn link_json(link: &Link) -> serde_json::Value {
    json!({
        "guardian": link.guardian.sourced_id,
        "student": link.student.sourced_id,
        "relationship": link.relationship,
        "contact": if link.emergency { "emergency" } else { "yes" },
        "named_by_guardian": link.by_guardian,
        "named_by_student": link.by_student,
        "since": link.since.map(|since| json!({ "run": since.run, "at": since.at.map(seconds) })),
    })
}

/// Why the person has no account, or is not told of changes.
fn not_told(account: &Account, people: &People<'_>) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    // A file that cannot be read stops a run, not a look at a person.
    if let Some(suppressed) = people.suppressed().ok().and_then(|mut all| all.remove(&account.sourced_id)) {
        let file = suppressed.file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default();
        lines.push(("Suppressed", format!("{}{file}: {}", suppressed.term(), or_none(&suppressed.reason))));
    }
    let left: Vec<&str> = people.left(account).iter().map(|channel| channel.word()).collect();
    if !left.is_empty() {
        lines.push(("Opted out", left.join(", ")));
    }
    lines
}

/// `sync, run 3, 2026-11-23 02:15`
pub(in crate::cli) fn set_by(set: &Provenance, config: &Config) -> String {
    let mut text = who(set.origin, &set.actor) + &there(set.there, config);
    if let Some(run) = set.run {
        text.push_str(&format!(", run {run}"));
    }
    match set.at {
        Some(at) => text.push_str(&format!(", {}", config.sync.timezone.show(at))),
        None => text.push_str(", before the history"),
    }
    text
}

/// ` (set there by the user, 2026-11-20 04:00)`, as far as the platform's export says so.
pub(super) fn there(stamp: Stamp, config: &Config) -> String {
    if stamp.is_none() {
        return String::new();
    }
    let by = match stamp.by {
        Some(By::User) => " by the user",
        Some(By::Staff) => " by staff",
        Some(By::Sync) => " by a sync",
        None => "",
    };
    let at = stamp.at.map(|at| format!(", {}", config.sync.timezone.show(at))).unwrap_or_default();
    format!(" (set there{by}{at})")
}

/// The same for programs, as `users show` and `explain` have it.
pub(in crate::cli) fn set_json(set: &Provenance) -> serde_json::Value {
    let json = json!({ "origin": set.origin, "actor": set.actor, "run": set.run, "at": set.at.map(seconds) });
    with_there(json, set.there)
}

/// Adds who set a value on the platform, and when: `updated_by` and `updated_at`.
pub(super) fn with_there(mut set: serde_json::Value, stamp: Stamp) -> serde_json::Value {
    set["updated_by"] = stamp.by.map(By::word).into();
    set["updated_at"] = stamp.at.map(seconds).into();
    set
}

pub(super) fn seconds(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `staff adm-1`
pub(super) fn who(origin: Origin, actor: &str) -> String {
    match (origin, actor) {
        (Origin::Staff, actor) => format!("staff {actor}"),
        (Origin::Person, _) => "the person".to_owned(),
        (Origin::Operator, _) => "the operator of rostersync".to_owned(),
        (Origin::Platform, _) => "platform export".to_owned(),
        (Origin::Sync | Origin::Undo, _) => origin.word().to_owned(),
    }
}

fn as_json(profile: &Profile, people: &People<'_>) -> Result<serde_json::Value> {
    let (account, config) = (&profile.account, people.config);
    let unusable = people.unusable_grant(account)?.filter(|_| !profile.grants.is_empty());
    let ids = |members: &[Member]| members.iter().map(|member| member.sourced_id.clone()).collect::<Vec<_>>();
    let (code, message) = match &profile.editable {
        Ok(()) => ("ok", ""),
        Err(refused) => (refused.code(), refused.sentence(config)),
    };
    let fields: serde_json::Map<_, _> = profile
        .fields
        .iter()
        .map(|field| {
            let value = json!({
                "actual": field.actual, "sis": field.sis, "kept_since": field.kept_since, "settled": field.settled,
                "set": set_json(&field.set),
                "editable": profile.editable.is_ok(), "code": code,
            });
            (field.field.key().to_owned(), value)
        })
        .collect();
    Ok(json!({
        "user": account.sourced_id,
        "state": account.state_word(),
        "was": account.state.word(),
        "missing_since": profile.missing.as_ref().map(|missing| missing.since),
        "roles": profile.roles,
        "schools": profile.schools,
        "update_contacts": profile.setting == Setting::On,
        "guardians": ids(&profile.family.guardians),
        "students": ids(&profile.family.students),
        "links": profile.links.iter().map(link_json).collect::<Vec<_>>(),
        "users_manager": profile.grants.iter().map(|grant| grant.word()).collect::<Vec<_>>(),
        "users_manager_asleep": unusable.map(|unusable| unusable.word()),
        "suppressed": people.suppressed().ok().and_then(|all| all.get(&account.sourced_id).cloned()).map(|one| {
            json!({ "until": one.until, "reason": one.reason, "file": one.file })
        }),
        "opt_outs": people.left(account).iter().map(|channel| channel.word()).collect::<Vec<_>>(),
        "kept_since": account.kept_since.newest(),
        "created_by_run": profile.created.and_then(|created| created.run),
        "editable": profile.editable.is_ok(),
        "code": code,
        "message": message,
        "fields": fields,
    }))
}
