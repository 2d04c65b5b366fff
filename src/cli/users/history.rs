//! `rostersync users history`

use serde_json::json;

use super::super::layout::{Column, Table};
use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::show::{seconds, there, who, with_there};
use super::{one_of, print_json, reading};
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::Result;
use crate::people::People;
use crate::platform::Stamp;
use crate::plural::or_none;
use crate::store::{Audited, Origin};

/// List all changes to an account, oldest first: actor, time, old and new value
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rostersync users history gua-1042")]
pub(super) struct HistoryArgs {
    /// The user's sourcedId, email or number, or a part of the name; it must fit one person
    #[arg(value_name = "USER")]
    user: String,

    /// JSON for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &HistoryArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let store = reading(&config)?;
    let people = People::new(&config, &store, global.now())?;
    let account = people.account(&one_of(&people, &args.user, args.json, ui)?)?;
    let (mut history, created) = (store.audit_of(account.id)?, store.created(account.id)?);
    history.extend(store.links_to(&account.sourced_id)?);
    history.sort_by_key(|entry| entry.id);
    if args.json {
        let began = created.map(|created| {
            json!({ "at": created.at.map(seconds), "origin": Origin::Sync, "actor": "", "run": created.run,
                    "field": "account", "old": "", "new": "created" })
        });
        let entries: Vec<_> = began.into_iter().chain(history.iter().map(as_json)).collect();
        print_json(&json!(entries), ui)?;
        return Ok(Ending::Ok);
    }
    let mut rows = Vec::new();
    if let Some(created) = created {
        let at =
            created.at.map_or_else(|| "before the history".to_owned(), |at| config.sync.timezone.show(at));
        let began = there(Stamp::of(&store.platform_stamp(account.id)?), &config);
        let began = if began.is_empty() { began } else { format!("; details of the platform export{began}") };
        let by = by(Origin::Sync, "", created.run) + &began;
        rows.push(vec![at, "account".into(), String::new(), "created".into(), by]);
    }
    rows.extend(history.iter().map(|entry| words_of(entry, &config).to_vec()));
    if !rows.is_empty() {
        let columns = ["when", "what", "old", "new", "by"].map(Column::new);
        let mut table = Table::new(columns, ui.screen);
        rows.iter().for_each(|row| table.add(row));
        ui.result(&table.finish()).map_err(unprintable)?;
    }
    Ok(Ending::Ok)
}

/// An entry of the audit for people: when, what, old and new value, and by whom.
pub(in crate::cli) fn words_of(entry: &Audited, config: &Config) -> [String; 5] {
    let (old, new) = entry.shown();
    let (old, new) = if entry.erased { ("(erased)".to_owned(), "(erased)".to_owned()) } else { (old, new) };
    // In place of an old value it has what was tried.
    let (what, old) = match (entry.field.as_str(), old.as_str()) {
        ("refused", "") => ("edit refused".to_owned(), String::new()),
        ("refused", tried) => (format!("{tried} refused"), String::new()),
        ("distinct", _) => ("distinct from".to_owned(), String::new()),
        ("account", _) => ("account".to_owned(), String::new()),
        (field, old) => (field.replace('_', " "), or_none(old).to_owned()),
    };
    let at = config.sync.timezone.show(entry.at);
    let by = match entry.field.as_str() {
        // Of a refused edit only the sourcedId that was given is known.
        "refused" if !entry.actor.is_empty() => entry.actor.clone(),
        _ if entry.origin == Origin::Platform => {
            by(entry.origin, "", entry.run) + &there(Stamp::of(&entry.actor), config)
        }
        _ => by(entry.origin, &entry.actor, entry.run),
    };
    [at, what, old, or_none(&new).to_owned(), by]
}

fn by(origin: Origin, actor: &str, run: Option<i64>) -> String {
    match run {
        Some(run) => format!("{}, run {run}", who(origin, actor)),
        None => who(origin, actor),
    }
}

fn as_json(entry: &Audited) -> serde_json::Value {
    let (old, new) = entry.shown();
    let (actor, stamp) = match entry.origin {
        Origin::Platform => ("", Stamp::of(&entry.actor)),
        _ => (entry.actor.as_str(), Stamp::default()),
    };
    let whole = json!({ "at": seconds(entry.at), "origin": entry.origin, "actor": actor, "run": entry.run,
                        "field": entry.field, "old": old, "new": new });
    with_there(whole, stamp)
}
