//! `rostersync explain`

use std::path::PathBuf;

use serde::{Serialize, Serializer};
use serde_json::json;

use super::layout::{Screen, blocks};
use super::ui::Ui;
use super::users::{link_json, only_one, print_json, set_by, set_json};
use super::{Global, unprintable};
use crate::account::Account;
use crate::attempt::Ending;
use crate::config::Config;
use crate::contact::{Contacts, Field};
use crate::failure::{Failure, Kind, Result};
use crate::people::{Candidates, Link, Match, People, Profile, Provenance, Wanted};
use crate::plan::{Action, Plan, PlanRow, Rule, join_codes, join_notes};
use crate::plural::or_none;
use crate::policy::Setting;
use crate::run::{Options, RunContext, preview as preview_run};
use crate::store::{Findable, Store};

/// Show what the next run would do with one user, field by field, by which rule, and why
///
/// The command plans the whole run, as a preview does, and shows one person of the plan. It writes
/// and sends nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync explain gua-1042
  rostersync explain rosa.diaz@mail.example")]
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

/// One person, before and after the next run, as JSON has it.
#[derive(Serialize)]
struct Explained {
    user: String,
    state: Option<&'static str>,
    state_after: String,
    schools: Vec<String>,
    update_contacts: bool,
    changed_by: &'static str,
    /// `none` if the plan has no row of the user.
    action: &'static str,
    codes: String,
    notes: String,
    /// As `users show` has them.
    links: Vec<serde_json::Value>,
    #[serde(skip)]
    links_from: Vec<String>,
    /// The next run would be stopped by a limit.
    blocked: bool,
    /// Which rules of `[contacts]` decided over the links; empty without rules.
    contacts: Vec<LinkExplanation>,
    #[serde(serialize_with = "by_field")]
    fields: Vec<Explanation>,
}

/// Why a difference is left alone that a person has looked at.
const SETTLED: &str = "a person has decided that the actual value is right (`users settle`); the difference is noted again \
                       when one of the values changes";

const BLANK: &str = "a column of a rule is blank in all rows; a link that is known keeps its class";

/// Why a link, or all links of the person, may be used or not.
#[derive(Serialize)]
struct LinkExplanation {
    /// Empty for all links.
    student: String,
    class: &'static str,
    why: String,
}

impl LinkExplanation {
    fn new(explained: &crate::source::Explained) -> Self {
        let crate::source::Explained { student, class, why } = explained;
        match class {
            Some(class) => Self { student: student.clone(), class: class.word(), why: why.clone() },
            None => Self { student: student.clone(), class: "not known tonight", why: BLANK.to_owned() },
        }
    }
}

#[derive(Serialize)]
struct Explanation {
    #[serde(skip)]
    field: Field,
    actual: String,
    sis: String,
    after: String,
    rule: &'static str,
    /// Whether the platform's export has a new value.
    platform: bool,
    /// That value: the actual one before anything else is decided.
    platform_value: Option<String>,
    why: &'static str,
    #[serde(serialize_with = "as_set")]
    set: Option<Provenance>,
}

fn by_field<S: Serializer>(fields: &[Explanation], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|field| (field.field.key(), field)))
}

fn as_set<S: Serializer>(set: &Option<Provenance>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    set.as_ref().map(set_json).serialize(serializer)
}

pub(super) fn run(args: &ExplainArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let explained = explain(args, &config, global, ui)?;
    if args.json {
        print_json(&json!(explained), ui)?;
    } else {
        ui.result(&text(&explained, &config, ui.screen)).map_err(unprintable)?;
    }
    Ok(Ending::Ok)
}

fn explain(args: &ExplainArgs, config: &Config, global: &Global, ui: &Ui) -> Result<Explained> {
    // The rule is known only of users that are decided over.
    let mut options = Options {
        source: args.source.clone(),
        decide_all: true,
        explain_contacts: config.contacts.rules.is_some().then(|| args.user.clone()),
        ..Options::default()
    };
    let context = RunContext { now: global.now(), progress: ui, stop: &|| None };
    let mut outcome = preview_run(config, &options, &context)?;
    let store = match Store::open_read(&config.sync.store)? {
        Some(store) => store,
        None => Store::empty()?,
    };
    let people = People::new(config, &store, global.now())?;
    let user = meant(args, &outcome.plan, &people, ui)?;
    if options.explain_contacts.as_ref().is_some_and(|asked| *asked != user) {
        // The source has to know which person it is.
        options.explain_contacts = Some(user.clone());
        outcome = preview_run(config, &options, &context)?;
    }
    let stored = match store.account(&user)? {
        Some(_) => Some(Profile::of(&people, &user)?),
        None => None,
    };
    outcome.plan.with_row(&user, |row| {
        if row.is_none() && stored.is_none() {
            return Err(Failure::new(Kind::Usage, "no user of the store or of the roster fits this text")
                .cure("give a sourcedId, an email, a number or a part of a name; the sourcedId is in `rostersync report`"));
        }
        let contacts = outcome.explained_contacts.iter().map(LinkExplanation::new).collect();
        Ok(Explained {
            blocked: outcome.blocked,
            contacts,
            ..Explained::new(&user, row, stored.as_ref(), &people)
        })
    })?
}

impl Explained {
    fn new(user: &str, row: Option<&PlanRow<'_>>, stored: Option<&Profile>, people: &People<'_>) -> Self {
        let account = stored.map(|profile| &profile.account);
        // The plan's own, where it has decided by them; also if there are none.
        let schools: Vec<String> = match (row, stored) {
            // Of a record that cannot be used the roles may be missing, and with them the students' schools.
            (Some(row), Some(stored)) if row.action == Action::Rejected => stored.schools.clone(),
            (Some(row), _) if row.action.is_decided() || !row.schools.is_empty() => {
                row.schools.split('|').filter(|school| !school.is_empty()).map(str::to_owned).collect()
            }
            (_, Some(stored)) => stored.schools.clone(),
            (_, None) => Vec::new(),
        };
        let state = account.map(Account::state_word);
        let state_after = row.map_or(state.unwrap_or_default(), |row| row.state);
        let setting = people.setting_at(&schools);
        Self {
            user: user.to_owned(),
            state,
            state_after: state_after.to_owned(),
            schools,
            update_contacts: setting == Setting::On,
            changed_by: changed_by(state_after, setting),
            action: row.map_or("none", |row| row.action.word()),
            codes: row.map(|row| join_codes(&row.notes)).unwrap_or_default(),
            notes: row.map(|row| join_notes(&row.notes)).unwrap_or_default(),
            links: stored.iter().flat_map(|stored| stored.links.iter().map(link_json)).collect(),
            links_from: stored
                .iter()
                .flat_map(|stored| stored.links.iter().map(|link| named_by(link, user)))
                .collect(),
            blocked: false,
            contacts: Vec::new(),
            fields: Field::ALL.map(|field| Explanation::new(field, row, stored)).into(),
        }
    }
}

impl Explanation {
    fn new(field: Field, row: Option<&PlanRow<'_>>, stored: Option<&Profile>) -> Self {
        let account = stored.map(|profile| &profile.account);
        let known = stored.and_then(|profile| profile.fields.iter().find(|of| of.field == field));
        let before = account.map(|account| account.details.borrowed()).unwrap_or_default();
        let rule = match row {
            Some(row) => row.fields.of(field).rule,
            None if account.is_some_and(|account| account.archived) => Rule::Archived,
            None => Rule::NotMentioned,
        };
        let settled = row.is_some_and(|row| row.fields.of(field).settled);
        let platform_value = account.and(row).and_then(|row| news(field, row, &before));
        Self {
            field,
            actual: before.shown(field).into_owned(),
            sis: match row {
                Some(row) => row.sis.shown(field).into_owned(),
                None => known.map(|known| known.sis.clone()).unwrap_or_default(),
            },
            after: row.map_or(before, |row| row.details).shown(field).into_owned(),
            rule: if settled { "settled" } else { rule.code() },
            platform: platform_value.is_some(),
            platform_value,
            why: if settled { SETTLED } else { rule.sentence() },
            set: known.map(|known| known.set.clone()),
        }
    }
}

/// The sourcedId of the person that the argument names. The person can be in the roster alone.
fn meant(args: &ExplainArgs, plan: &Plan, people: &People<'_>, ui: &Ui) -> Result<String> {
    if plan.with_row(&args.user, |row| row.is_some())? {
        return Ok(args.user.clone());
    }
    if let Some(sourced_id) = only_one(people.find(&args.user)?, args.json, ui)? {
        return Ok(sourced_id);
    }
    let wanted = Wanted::new(&args.user, &people.rules);
    let mut found = Candidates::default();
    plan.each_decided(|row| {
        let seen = Findable {
            id: 0,
            sourced_id: row.sourced_id,
            identifier: row.identifier,
            details: row.details,
            sis: row.sis,
        };
        if let Some(fit) = wanted.fit(&seen, &people.rules) {
            found.add(fit, || Match {
                sourced_id: row.sourced_id.to_string(),
                name: row.sis.shown(Field::Name).into_owned(),
                state: row.state.to_string(),
                role: row.roles.to_string(),
            });
        }
        Ok(())
    })?;
    Ok(only_one(found.best(), args.json, ui)?.unwrap_or_else(|| args.user.clone()))
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

/// Where a link of a person comes from: `to stu-9, named by the record of gua-201`
fn named_by(link: &Link, user: &str) -> String {
    let (guardian, student) = (&link.guardian.sourced_id, &link.student.sourced_id);
    let other = if guardian == user { student } else { guardian };
    let by = match (link.by_guardian, link.by_student) {
        (true, true) => format!("the records of {guardian} and {student}"),
        (false, true) => format!("the record of {student}"),
        (_, _) => format!("the record of {guardian}"),
    };
    let class = if link.emergency { ", for emergencies only" } else { "" };
    let word = match link.relationship.as_str() {
        "" => String::new(),
        word => format!(" ({word})"),
    };
    format!("{other}{word}{class}, named by {by}")
}

/// The people that may change the details of a user in this state.
fn changed_by(state: &str, setting: Setting) -> &'static str {
    match (state, setting) {
        ("active", Setting::Off) => "the user, and staff that manage users; never the sync",
        ("active", Setting::On) => "the sync alone",
        ("pending", _) => "the sync alone, until the user has joined",
        ("archived", _) => "no one: the account is archived",
        (_, _) => "no one: there is no account",
    }
}

fn text(explained: &Explained, config: &Config, screen: Screen) -> Vec<u8> {
    let (now, then) = (explained.state.unwrap_or("no account"), &explained.state_after);
    let next = match explained.action {
        "none" => "nothing changes for this user".to_owned(),
        action if explained.notes.is_empty() => action.to_owned(),
        action => format!("{action}: {}", explained.notes),
    };
    let state = match then == now || then.is_empty() {
        true => now.to_owned(),
        false => format!("{now}, then {then}"),
    };
    let mut lines = vec![
        ("User", explained.user.clone()),
        ("State", state),
        ("Schools", or_none(&explained.schools.join(", ")).to_owned()),
        ("Setting", if explained.update_contacts { "ON" } else { "OFF" }.to_owned()),
        ("Changed by", explained.changed_by.to_owned()),
        ("Next run", next),
    ];
    for (at, link) in explained.links_from.iter().enumerate() {
        lines.push((if at == 0 { "Links" } else { "" }, link.clone()));
    }
    if explained.blocked {
        lines.push(("But", "the next run would be blocked by a limit, and change nothing".to_owned()));
    }
    for of in &explained.contacts {
        let about =
            if of.student.is_empty() { "all links".to_owned() } else { format!("for {}", of.student) };
        let by = if of.why.starts_with("rule ") { "by" } else { "because" };
        lines.push(("Contact", format!("{about}: {}, {by} {}", of.class, of.why)));
    }
    let mut out = screen.labelled(&lines, 12);
    out.push(b'\n');
    let row = |of: &Explanation| {
        let set = of.set.as_ref().map(|set| set_by(set, config)).unwrap_or_default();
        vec![of.field.word().to_owned(), of.actual.clone(), of.sis.clone(), of.after.clone(), set]
    };
    let rows: Vec<_> = explained.fields.iter().map(row).collect();
    out.extend(blocks(&["field", "actual", "SIS", "after the run", "last set by"], &rows, screen));
    out.push(b'\n');
    let why = |of: &Explanation| {
        let first = match &of.platform_value {
            None => String::new(),
            Some(value) => {
                let stays = if *value == of.after { "counts from now on" } else { "is taken over first" };
                format!("the platform export has a new value, {}, which {stays}; ", or_none(value))
            }
        };
        (of.field.word(), format!("{first}{} ({})", of.why, of.rule))
    };
    out.extend(screen.labelled(&explained.fields.iter().map(why).collect::<Vec<_>>(), 12));
    out
}
