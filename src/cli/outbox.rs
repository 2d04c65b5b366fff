//! `rostersync outbox`

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use super::delivery::{attention_lines, delivery_json, delivery_lines, send_kept};
use super::layout::{Column, Table};
use super::run::Format;
use super::signals;
use super::ui::Ui;
use super::{Global, unprintable};
use crate::attempt::Ending;
use crate::config::Config;
use crate::contact::PhoneReader;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::lock::{Lock, Of, PATIENCE};
use crate::message::{Channel, DeliveryState};
use crate::notify::{self, Sending};
use crate::plural::{agreed, counted};
use crate::run::{PhaseGuard, Progress};
use crate::store::{OutboxFilter, OutboxRow, Store, stamp};

/// Takes one of these words, and lists them in `--help`.
macro_rules! one_of {
    ($type:ty) => {
        PossibleValuesParser::new(<$type>::ALL.map(<$type>::word))
            .try_map(|word| <$type>::ALL.into_iter().find(|one| one.word() == word).ok_or("no such word"))
    };
}

/// List, send, retry or discard notifications
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync outbox list --state failed
  rostersync outbox send")]
pub(super) struct OutboxArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArgs),
    Send(SendArgs),
    Retry(RetryArgs),
    Discard(DiscardArgs),
}

/// List notifications, latest first
///
/// The output contains addresses and numbers. Show it only to people that may read such data.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync outbox list --state failed --state deferred
  rostersync outbox list --user gua-1042")]
struct ListArgs {
    #[command(flatten)]
    which: Which,

    /// Only notifications in this state (repeatable)
    #[arg(long, value_parser = one_of!(DeliveryState), value_name = "STATE")]
    state: Vec<DeliveryState>,

    /// How many to list; 0 lists all
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::whole_number::<u64>)]
    limit: u64,

    /// One JSON array instead of lines
    #[arg(long)]
    json: bool,
}

/// Send the notifications that are due, as `run` does at its end
///
/// Give this command a cron line of its own in the morning, if quiet hours hold texts back at
/// night. It ends with 8 if a channel was stopped, if nothing was handed over for a day although
/// messages wait, if messages were given up after five days, or if a message may have arrived and
/// you must decide.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync outbox send
  rostersync outbox send --at-once     in quiet hours too")]
struct SendArgs {
    /// Ignore quiet hours and the rest after a sending limit; per_day still holds
    #[arg(long)]
    at_once: bool,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

/// Queue notifications again that failed, are deferred, were discarded or may have arrived
///
/// The next run or `outbox send` sends them, as if they had never been tried. If a text may have
/// arrived, rostersync asks Twilio first; with another gateway it repeats the text. A notification
/// that a later one has replaced is not queued again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync outbox retry 118 119
  rostersync outbox retry --all")]
struct RetryArgs {
    #[command(flatten)]
    which: Which,

    /// All that failed, are deferred or may have arrived
    #[arg(long, conflicts_with_all = ["ids", "user"])]
    all: bool,

    /// The owner of this number wants texts again, for example has answered START
    #[arg(long, value_name = "NUMBER")]
    opted_in: Option<String>,
}

/// Give up notifications that have not been sent
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync outbox discard 118
  rostersync outbox discard --user gua-1042")]
struct DiscardArgs {
    #[command(flatten)]
    which: Which,

    /// All that have not been sent
    #[arg(long, conflicts_with_all = ["ids", "user"])]
    all: bool,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Numbers of notifications, as `outbox list` shows them
    #[arg(value_name = "ID", value_parser = super::whole_number::<i64>)]
    ids: Vec<i64>,

    /// Only notifications about this person (a sourcedId)
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// Only emails, or only texts
    #[arg(long, value_parser = one_of!(Channel), value_name = "CHANNEL")]
    channel: Option<Channel>,
}

impl Which {
    fn filter(&self, states: Vec<DeliveryState>) -> OutboxFilter {
        OutboxFilter { ids: self.ids.clone(), sourced_id: self.user.clone(), states, channel: self.channel }
    }

    /// A command without a choice does not mean all.
    fn chosen(&self, all: bool) -> Result<()> {
        if all || !self.ids.is_empty() || self.user.is_some() {
            return Ok(());
        }
        Err(Failure::new(Kind::Usage, "no notification is named")
            .cure("name their numbers from `rostersync outbox list`, or --user USER, or --all"))
    }
}

pub(super) fn run(args: &OutboxArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    match &args.command {
        Command::List(args) => list(args, &config, ui),
        Command::Send(args) => send(args, &config, global, ui),
        Command::Retry(args) => retry(args, &config, global, ui),
        Command::Discard(args) => {
            args.which.chosen(args.all)?;
            let states = vec![
                DeliveryState::Queued,
                DeliveryState::Deferred,
                DeliveryState::Failed,
                DeliveryState::Unknown,
                DeliveryState::Sending,
            ];
            let filter = args.which.filter(states);
            let (changed, left) =
                change(&config, global, &filter, |store| store.discard(&filter, global.now()))?;
            let said =
                format!("{} discarded\n{}", notifications(changed as u64), left_lines(&left, "discarded"));
            ui.print(ui.screen.paragraphs(&said).as_bytes()).map_err(unprintable)?;
            Ok(Ending::Ok)
        }
    }
}

fn notifications(count: u64) -> String {
    counted(count, "notification", "notifications")
}

/// The store for writing. A run may be on meanwhile, unless the store has to be migrated first.
fn open(config: &Config, global: &Global) -> Result<Store> {
    if let Some(store) = Store::open_current(&config.sync.store)? {
        return Ok(store);
    }
    if Store::open_read(&config.sync.store)?.is_none() {
        if let Some(lost) = crate::run::lost(config) {
            return Err(lost);
        }
        return Err(Failure::new(Kind::Usage, "there is no store yet, so nothing was ever queued")
            .at(config.sync.store.display())
            .cure("check `store` in [sync]; `rostersync run` makes it"));
    }
    let stamp = config.sync.timezone.show(global.now());
    let _lock = Lock::take(&config.sync.store, Of::Run, &stamp, PATIENCE)?;
    Store::open(&config.sync.store)
}

/// Changes the state of some, while no process is sending. Returns how many, and those of the named
/// ones that are as they were.
///
/// # Errors
/// `Usage` if one of the numbers is no notification: then nothing is changed.
fn change(
    config: &Config,
    global: &Global,
    filter: &OutboxFilter,
    change: impl FnOnce(&Store) -> Result<usize>,
) -> Result<(usize, Vec<OutboxRow>)> {
    let now = global.now();
    let stamp = config.sync.timezone.show(now);
    let _lock = Lock::take(&config.sync.store, Of::Outbox, &stamp, PATIENCE)?;
    let store = open(config, global)?;
    let of_ids = |ids: &[i64]| -> Result<Vec<OutboxRow>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        store.outbox(&OutboxFilter { ids: ids.to_vec(), ..OutboxFilter::default() }, u64::from(u32::MAX))
    };
    let named = of_ids(&filter.ids)?;
    let unknown = filter.ids.iter().filter(|id| named.iter().all(|row| row.id != **id));
    let unknown: Vec<String> = unknown.map(i64::to_string).collect();
    if !unknown.is_empty() {
        let word = if unknown.len() == 1 { "notification" } else { "notifications" };
        let what = format!("there is no {word} {}; nothing was changed", unknown.join(", "));
        return Err(Failure::new(Kind::Usage, what).cure("`rostersync outbox list --limit 0` lists them all"));
    }
    let changed = change(&store)?;
    crate::run::no_message_waits(config, &store, now);
    let same = |row: &OutboxRow| named.iter().any(|before| before == row);
    Ok((changed, of_ids(&filter.ids)?.into_iter().rev().filter(same).collect()))
}

/// Why named notifications stay as they are.
fn left_lines(left: &[OutboxRow], done: &str) -> String {
    let line = |row: &OutboxRow| {
        let state = match row.state {
            DeliveryState::Queued | DeliveryState::Sending => "waits already",
            DeliveryState::Sent => "was sent",
            DeliveryState::Discarded if done == "discarded" => "was discarded before",
            DeliveryState::Deferred
            | DeliveryState::Failed
            | DeliveryState::Unknown
            | DeliveryState::Discarded => "is replaced by a later one, or its person has left",
        };
        format!("notification {} is not {done}: it {state}\n", row.id)
    };
    left.iter().map(line).collect()
}

fn retry(args: &RetryArgs, config: &Config, global: &Global, ui: &Ui) -> Result<Ending> {
    let mut said = String::new();
    if let Some(text) = &args.opted_in {
        let number = PhoneReader::new(config.sync.default_region).parse(text).ok_or_else(|| {
            Failure::new(Kind::Usage, "--opted-in wants a phone number").cure("write it as +17185550142")
        })?;
        let store = open(config, global)?;
        let now = global.now();
        said.push_str(match store.transaction(|| store.start_number(number.e164(), now))? {
            true => "the number is texted again from now on\n",
            false => "the number had not opted out\n",
        });
    }
    let chosen = args.which.chosen(args.all);
    // An opt-in alone is enough to do.
    if args.opted_in.is_none() || chosen.is_ok() {
        chosen?;
        let mut states = vec![DeliveryState::Deferred, DeliveryState::Failed, DeliveryState::Unknown];
        if !args.all {
            states.extend([DeliveryState::Discarded, DeliveryState::Sending]);
        }
        let filter = args.which.filter(states);
        let (changed, left) = change(config, global, &filter, |store| store.retry(&filter, global.now()))?;
        said.push_str(&match changed as u64 {
            0 => "0 notifications queued again\n".to_owned(),
            changed => format!(
                "{} queued again; `rostersync outbox send` sends {}\n",
                notifications(changed),
                agreed(changed, "it", "them"),
            ),
        });
        said.push_str(&left_lines(&left, "queued again"));
    }
    ui.print(ui.screen.paragraphs(&said).as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

fn send(args: &SendArgs, config: &Config, global: &Global, ui: &Ui) -> Result<Ending> {
    let stop = signals::watch()?;
    let store = open(config, global)?;
    let due = store.waiting()?;
    ui.begin("sending", Some(due));
    let sending = Sending {
        now: global.now(),
        progress: &|sent| ui.at(sent),
        stopped: &|| stop().is_some(),
        at_once: args.at_once,
    };
    let phase = PhaseGuard::sending();
    let delivery = notify::send(&store, config, &sending)?;
    if delivery.sent > 0 && !delivery.is_undelivered() {
        crate::run::no_message_waits(config, &store, global.now());
    }
    send_kept(config, global);
    drop(phase);
    ui.end();
    let mut findings = Findings::default();
    delivery.find(config, &mut findings);
    let status = match findings.needs_attention() {
        _ if delivery.is_undelivered() => Ending::Undelivered,
        true => Ending::Attention,
        false => Ending::Ok,
    };
    let text = match args.format {
        Format::Text => {
            let mut lines = vec![format!("{} sent", notifications(delivery.sent))];
            lines.extend(delivery_lines(&delivery, config));
            lines.extend(attention_lines(&findings, |_| true));
            lines.join("\n") + "\n"
        }
        Format::Json => {
            let mut value = delivery_json(&delivery);
            value["result"] = status.word().into();
            value["exit"] = status.exit().into();
            value["attention"] = json!(findings.attentions().collect::<Vec<_>>());
            format!("{value:#}\n")
        }
    };
    match args.format {
        Format::Text => ui.print(ui.screen.paragraphs(&text).as_bytes()),
        Format::Json => ui.result(text.as_bytes()),
    }
    .and_then(|()| ui.settle(status))
    .map_err(unprintable)?;
    ui.finished(status, None);
    Ok(status)
}

fn list(args: &ListArgs, config: &Config, ui: &Ui) -> Result<Ending> {
    let filter = args.which.filter(args.state.clone());
    let limit = if args.limit == 0 { u64::from(u32::MAX) } else { args.limit };
    let (rows, counts) = match Store::open_read(&config.sync.store)? {
        Some(store) => (store.outbox(&filter, limit)?, store.outbox_counts()?),
        None => (Vec::new(), Vec::new()),
    };
    let text = if args.json {
        format!("{:#}\n", json!(rows.iter().map(as_json).collect::<Vec<_>>()))
    } else if rows.is_empty() {
        "There is no such notification.\n".to_owned()
    } else {
        let columns = [
            Column::new("id").right().least(6),
            Column::new("run").right().least(5),
            Column::new("user").least(12),
            Column::new("state").word().least(9),
            Column::new("to").least(7),
            Column::new("tries").right(),
            Column::new("when").least(16),
            Column::new("address").least(32),
            Column::new("reason").prose(),
        ];
        let mut table = Table::new(columns, ui.screen).folded(&["id", "user", "state", "when", "address"]);
        rows.iter().for_each(|row| table.add(&cells(row, config)));
        let mut text = String::from_utf8_lossy(&table.finish()).into_owned();
        let counts: Vec<String> =
            counts.iter().map(|(state, count)| format!("{count} {}", state.word())).collect();
        text.push_str(&format!("\nIn all: {}\n", counts.join(", ")));
        text
    };
    ui.result(text.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

fn cells(row: &OutboxRow, config: &Config) -> [String; 9] {
    let zone = config.sync.timezone;
    let when = match row.due {
        Some(due) => format!("→ {}", zone.show(due)),
        None => zone.show(row.settled.unwrap_or(row.queued)),
    };
    [
        row.id.to_string(),
        row.run.map(|run| run.to_string()).unwrap_or_default(),
        row.sourced_id.clone(),
        row.state.word().to_owned(),
        row.audience.word().to_owned(),
        row.attempts.to_string(),
        when,
        row.recipient.clone(),
        row.reason.clone(),
    ]
}

fn as_json(row: &OutboxRow) -> serde_json::Value {
    json!({
        "id": row.id,
        "run": row.run,
        "user": row.sourced_id,
        "channel": row.channel.word(),
        "audience": row.audience.word(),
        "recipient": row.recipient,
        "state": row.state.word(),
        "attempts": row.attempts,
        "queued": stamp(row.queued),
        "settled": row.settled.map(stamp),
        "due": row.due.map(stamp),
        "reason": row.reason,
    })
}
