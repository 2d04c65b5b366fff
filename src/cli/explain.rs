//! `rostersync explain`

use std::path::PathBuf;

use chrono::SecondsFormat;
use serde_json::json;

use super::table::Table;
use super::ui::Ui;
use super::users::{print_json, set_by, several, with_there};
use super::{Global, unprintable};
use crate::account::Account;
use crate::attempt::Ending;
use crate::config::Config;
use crate::contact::{Contacts, Field};
use crate::failure::{Failure, Kind, Result};
use crate::people::{Found, Match, NAMED, People, Profile, Provenance, Wanted};
use crate::plan::{Action, Plan, PlanRow, Rule, join_codes, join_notes};
use crate::plural::or_none;
use crate::policy::Setting;
use crate::run::{Options, Surroundings, preview as preview_run};
use crate::store::Store;

/// Show what the next run would do with one user, field by field, by which rule, and why
///
/// The command plans the whole run, as a preview does, and shows one person of the plan. It writes
/// and sends nothing.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// The user's sourcedId, email or number, or a part of the name; it must fit one person
    #[arg(value_name = "USER")]
    user: String,

    /// Read the roster from this folder or zip instead of [source] path
    #[arg(long, value_name = "PATH", value_parser = super::path())]
    source: Option<PathBuf>,

    /// JSON for programs
    #[arg(long)]
    json: bool,
}

/// One person, before and after the next run.
struct Explained {
    /// The sourcedId.
    user: String,
    stored: Option<Profile>,
    state_after: String,
    /// None if the plan has no row of the user.
    action: Option<Action>,
    codes: String,
    notes: String,
    setting: Setting,
    schools: Vec<String>,
    /// The next run would be stopped by a limit.
    blocked: bool,
    fields: Vec<Explanation>,
}

struct Explanation {
    field: Field,
    actual: String,
    sis: String,
    after: String,
    /// What the platform's export has to say that is new: the actual value before anything else is decided.
    platform: Option<String>,
    rule: Rule,
    set: Option<Provenance>,
}

pub(super) fn run(args: &ExplainArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let explained = explain(args, &config, global, ui)?;
    if args.json {
        print_json(&as_json(&explained), ui)?;
    } else {
        ui.result(&text(&explained, &config)?).map_err(unprintable)?;
    }
    Ok(Ending::Ok)
}

fn explain(args: &ExplainArgs, config: &Config, global: &Global, ui: &Ui) -> Result<Explained> {
    // The rule is known only of users that are decided over.
    let options = Options { source: args.source.clone(), decide_all: true, ..Options::default() };
    let around = Surroundings { now: global.now(), progress: ui, stop: &|| None };
    let outcome = preview_run(config, &options, &around)?;
    let store = match Store::open_read(&config.sync.store)? {
        Some(store) => store,
        None => Store::empty()?,
    };
    let people = People::new(config, &store, global.now())?;
    let user = meant(args, &outcome.plan, &people, ui)?;
    let stored = match store.account(&user)? {
        Some(_) => Some(Profile::of(&people, &user)?),
        None => None,
    };
    outcome.plan.with_row(&user, |row| {
        if row.is_none() && stored.is_none() {
            return Err(Failure::new(Kind::Usage, format!("`{user}` is neither in the store nor in the roster"))
                .cure("give a sourcedId, an email, a number or a part of a name; the sourcedId is in `rostersync report`"));
        }
        Ok(Explained { blocked: outcome.blocked, ..Explained::new(&user, row, stored, &people) })
    })?
}

impl Explained {
    fn new(user: &str, row: Option<&PlanRow<'_>>, stored: Option<Profile>, people: &People<'_>) -> Self {
        let account = stored.as_ref().map(|profile| &profile.account);
        let before = account.map(|account| account.details.borrowed()).unwrap_or_default();
        let after = row.map_or(before, |row| row.details);
        let no_row =
            if account.is_some_and(|account| account.archived) { Rule::Archived } else { Rule::NotMentioned };
        let fields = Field::ALL
            .into_iter()
            .map(|field| {
                let known =
                    stored.as_ref().and_then(|profile| profile.fields.iter().find(|of| of.field == field));
                Explanation {
                    field,
                    actual: before.shown(field).into_owned(),
                    sis: match row {
                        Some(row) => row.sis.shown(field).into_owned(),
                        None => known.map(|known| known.sis.clone()).unwrap_or_default(),
                    },
                    after: after.shown(field).into_owned(),
                    platform: account.and(row).and_then(|row| news(field, row, &before)),
                    rule: row.map_or(no_row, |row| row.fields.of(field).rule),
                    set: known.map(|known| known.set.clone()),
                }
            })
            .collect();
        // The plan's own, where it has decided by them; also if there are none.
        let schools: Vec<String> = match (row, &stored) {
            (Some(row), _) if row.action.is_decided() || !row.schools.is_empty() => {
                row.schools.split('|').filter(|school| !school.is_empty()).map(str::to_owned).collect()
            }
            (_, Some(stored)) => stored.schools.clone(),
            (_, None) => Vec::new(),
        };
        let state_after = match row {
            Some(row) => row.state,
            None => account.map(Account::state_word).unwrap_or_default(),
        };
        Self {
            user: user.to_owned(),
            state_after: state_after.to_owned(),
            action: row.map(|row| row.action),
            codes: row.map(|row| join_codes(&row.notes)).unwrap_or_default(),
            notes: row.map(|row| join_notes(&row.notes)).unwrap_or_default(),
            setting: people.setting_at(&schools),
            schools,
            blocked: false,
            fields,
            stored,
        }
    }
}

/// The sourcedId of the person that the argument names. The person can be in the roster alone.
fn meant(args: &ExplainArgs, plan: &Plan, people: &People<'_>, ui: &Ui) -> Result<String> {
    if plan.with_row(&args.user, |row| row.is_some())? {
        return Ok(args.user.clone());
    }
    match people.find(&args.user)? {
        Found::One(sourced_id) => return Ok(sourced_id),
        Found::Several(first, count) => return Err(several(&args.user, &first, count, args.json, ui)?),
        Found::Nobody => {}
    }
    let wanted = Wanted::new(&args.user, &people.rules);
    let (mut first, mut count) = (Vec::new(), 0);
    plan.each_decided(|row| {
        if wanted.fits(&row.details, &row.sis, row.identifier, &people.rules) {
            count += 1;
            if first.len() < NAMED {
                first.push(Match {
                    sourced_id: row.sourced_id.to_string(),
                    name: row.sis.shown(Field::Name).into_owned(),
                    state: row.state.to_string(),
                    role: row.roles.to_string(),
                });
            }
        }
        Ok(())
    })?;
    match (count, first.pop()) {
        (1, Some(only)) => Ok(only.sourced_id),
        (_, Some(last)) => {
            first.push(last);
            Err(several(&args.user, &first, count, args.json, ui)?)
        }
        (_, None) => Ok(args.user.clone()),
    }
}

/// What the platform's export had put in place of the details, whether or not the sync changes it again.
fn news(field: Field, row: &PlanRow<'_>, before: &Contacts<'_>) -> Option<String> {
    let decision = row.fields.of(field);
    let found = match decision.rule.changes() {
        true => decision.actual.as_str().into(),
        false => row.details.shown(field),
    };
    (found != before.shown(field)).then(|| found.into_owned())
}

/// The people that may change the details of a user in this state.
fn changed_by(state: &str, setting: Setting) -> &'static str {
    match (state, setting) {
        ("active", Setting::Off) => "the user, and staff who manage users; never the sync",
        ("active", Setting::On) => "the sync alone",
        ("pending", _) => "the sync alone, until the user has joined",
        ("archived", _) => "no one: the account is archived",
        (_, _) => "no one: there is no account",
    }
}

fn text(explained: &Explained, config: &Config) -> Result<Vec<u8>> {
    let now = explained.stored.as_ref().map_or("no account", |stored| stored.account.state_word());
    let state = &explained.state_after;
    let next = match explained.action {
        None => "nothing: there is nothing to say of this user".to_owned(),
        Some(action) if explained.notes.is_empty() => action.word().to_owned(),
        Some(action) => format!("{}: {}", action.word(), explained.notes),
    };
    let setting = if explained.setting == Setting::On { "ON" } else { "OFF" };
    let mut lines = vec![
        ("User", explained.user.clone()),
        (
            "State",
            if state.as_str() == now || state.is_empty() {
                now.to_owned()
            } else {
                format!("{now}, then {state}")
            },
        ),
        ("Schools", or_none(&explained.schools.join(", ")).to_owned()),
        ("Setting", setting.to_owned()),
        ("Changed by", changed_by(&explained.state_after, explained.setting).to_owned()),
        ("Next run", next),
    ];
    if explained.blocked {
        lines.push(("But", "the next run would be blocked by a limit, and change nothing".to_owned()));
    }
    let mut out = Vec::new();
    for (word, line) in lines {
        let line = crate::report::harmless(&line);
        out.extend_from_slice(format!("{:12}{line}\n", format!("{word}:")).as_bytes());
    }
    out.push(b'\n');
    let mut table = Table::new(&["field", "actual", "SIS", "after the run", "last set by"]);
    for field in &explained.fields {
        let set = field.set.as_ref().map(|set| set_by(set, config)).unwrap_or_default();
        let Explanation { field, actual, sis, after, .. } = field;
        table.row(&[field.word(), actual, sis, after, &set], &mut out)?;
    }
    table.finish(&mut out)?;
    out.push(b'\n');
    for field in &explained.fields {
        let (rule, sentence) = (field.rule.code(), field.rule.sentence());
        let first = match &field.platform {
            None => String::new(),
            Some(value) => {
                let stays = if *value == field.after { "counts from now on" } else { "is taken over first" };
                let value = crate::report::harmless(or_none(value));
                format!("the platform export has a new value, {value}, which {stays}; ")
            }
        };
        out.extend_from_slice(
            format!("{:12}{first}{sentence} ({rule})\n", format!("{}:", field.field.word())).as_bytes(),
        );
    }
    Ok(out)
}

fn as_json(explained: &Explained) -> serde_json::Value {
    let set = |set: &Provenance| {
        let whole = json!({ "origin": set.origin.word(), "actor": set.actor, "run": set.run,
                            "at": set.at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)) });
        with_there(whole, set.there)
    };
    let fields: serde_json::Map<_, _> = explained
        .fields
        .iter()
        .map(|field| {
            let value = json!({
                "actual": field.actual, "sis": field.sis, "after": field.after, "rule": field.rule.code(),
                "platform": field.platform.is_some(), "platform_value": field.platform,
                "why": field.rule.sentence(), "set": field.set.as_ref().map(set),
            });
            (field.field.key().to_owned(), value)
        })
        .collect();
    json!({
        "user": explained.user,
        "state": explained.stored.as_ref().map(|stored| stored.account.state_word()),
        "state_after": explained.state_after,
        "schools": explained.schools,
        "update_contacts": explained.setting == Setting::On,
        "changed_by": changed_by(&explained.state_after, explained.setting),
        "action": explained.action.map_or("none", Action::word),
        "codes": explained.codes,
        "notes": explained.notes,
        "blocked": explained.blocked,
        "fields": fields,
    })
}
