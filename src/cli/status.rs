//! `rostersync status`

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;

use super::delivery::{held_json, waits};
use super::run::{compared, pause_json};
use super::runs::{SHOWN, attempt_json, count, tried_json, would};
use super::ui::Ui;
use super::users::reading;
use super::{Global, unprintable};
use crate::attempt::Attempt;
use crate::attempt::Ending;
use crate::config::{Config, Pause, Push, span};
use crate::failure::{Failure, Kind, Result};
use crate::last_night::LinksSeen;
use crate::message::DeliveryState;
use crate::notify::{Held, outlook};
use crate::output::write_public;
use crate::owner;
use crate::people::goes_on_instead;
use crate::plan::PROBABLE_DAYS;
use crate::plural::counted;
use crate::run::{Progress, RunHealth, lost, newest_backup, run_health};
use crate::store::{Broken, Last, Population, PushRow, RunRow, SamePerson, Store, Tried, stamp};

/// Show the last run, the last attempt, their age, and the messages that wait
///
/// The command ends with the exit status of the last attempt: 0 if it went well, 7 after a night
/// with an unusable input, and so on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync status
  rostersync status --max-age 26h     ends with 9 if the last good run is older")]
pub(super) struct StatusArgs {
    /// JSON for programs
    #[arg(long, conflicts_with = "prometheus")]
    json: bool,

    /// Text for Prometheus (textfile collector of node_exporter); always ends with 0
    #[arg(long, conflicts_with = "verify")]
    prometheus: bool,

    /// End with 9 (late) if the last good run is longer ago than this: 26h, 90m, 2d
    #[arg(long, value_name = "TIME", value_parser = age, conflicts_with_all = ["prometheus", "verify"])]
    max_age: Option<Duration>,

    /// Check whether the history or the accounts were altered by hand; end with 1 and name the
    /// first place if so
    ///
    /// Save the last digest that this prints in another place: if the whole chain was written
    /// again, the last digest is another one.
    #[arg(long)]
    verify: bool,
}

pub(super) fn run(args: &StatusArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = match global.load() {
        Err(failure) if args.prometheus => {
            // A scrape is a success that says so.
            tracing::error!("{failure}");
            ui.result(readable(false).as_bytes()).map_err(unprintable)?;
            return Ok(Ending::Ok);
        }
        config => config?,
    };
    if args.verify {
        // Nothing is intact that is not there.
        return verify(args, &config, &reading(&config)?, ui);
    }
    let seen = See::of(&config, global)?;
    if let Some(why) = &seen.run_health.unreadable {
        tracing::warn!("{why}; what failed before the store could be opened is not shown");
    }
    let status = seen.status(args.max_age);
    let text = if args.prometheus {
        seen.prometheus()
    } else if args.json {
        format!("{:#}\n", seen.json(&config, status))
    } else {
        String::from_utf8_lossy(&ui.screen.labelled(&seen.lines(&config, status), 16)).into_owned()
    };
    ui.result(text.as_bytes()).map_err(unprintable)?;
    if args.prometheus {
        if let Some(failure) = seen.trouble {
            tracing::error!("{failure}");
        }
        return Ok(Ending::Ok);
    }
    match seen.trouble {
        // What is on record beside the store was printed; and why there is no more.
        Some(failure) => Err(failure),
        None => Ok(status),
    }
}

/// Writes the file of `[monitor] prometheus_file` after a run. A failure is only a warning in the
/// log: it does not change how the run ended.
pub(super) fn write_metrics(global: &Global, done: &Result<Ending>) {
    // The run that holds the lock speaks for itself.
    if matches!(done, Err(failure) if failure.kind == Kind::Busy) {
        return;
    }
    let Ok(config) = global.load() else { return };
    let Some(path) = config.monitor.prometheus_file() else { return };
    let written = See::of(&config, global).and_then(|seen| {
        let text = seen.prometheus_without_age();
        let failed = |cause| Failure::io(Kind::Failed, "the file cannot be written", path, cause);
        write_public(path, Some(&config), |out| out.write_all(text.as_bytes()).map_err(failed))
    });
    if let Err(failure) = written {
        tracing::warn!("the file of [monitor] prometheus_file cannot be written: {failure}");
    }
}

struct Counts {
    population: Population,
    waiting: u64,
    refused: u64,
    outlook: Vec<Held>,
    /// sourcedIds that another person seems to have now, and since when they are held.
    reused: BTreeMap<String, NaiveDate>,
    links: Option<LinksSeen>,
    missing: u64,
    push: Option<PushRow>,
    /// Of the last good run, where it is known: how many students were without a contact before it.
    without_contact_before: Option<u64>,
    /// Accounts that are probably back under another sourcedId: certain ones, all, and the first.
    same_people: (u64, u64),
    pairs: Vec<SamePerson>,
    /// For each of those that are named: the account that goes on instead of it, if there is one.
    instead: Vec<Option<String>>,
}

/// So many are named.
const NAMED: u64 = 3;
/// And so many in JSON.
const NAMED_IN_JSON: u64 = 100;

struct See {
    run_health: RunHealth,
    /// None if the store cannot be read.
    counts: Option<Counts>,
    /// Why the store cannot be read, or that it is not there although there was one.
    trouble: Option<Failure>,
    now: DateTime<Utc>,
    on: bool,
    /// The pauses of today, and the next one that begins soon.
    pauses: Vec<Pause>,
    /// For so long no sync has been due, by the pauses of the configuration.
    not_due: Option<i64>,
}

/// So many days before it begins a pause is shown.
const SOON: i64 = 14;

impl See {
    fn of(config: &Config, global: &Global) -> Result<Self> {
        let now = global.now();
        let (on, place) = (config.sync.update_contacts, &config.sync.store);
        let (pauses, not_due) = (near_pauses(config, now), not_due(config, now));
        let counts = |store: &Store| -> Result<Counts> {
            let night = store.last_night()?.unwrap_or_default();
            let pairs = store.first_same_people(NAMED_IN_JSON)?;
            let named = pairs.iter().take(usize::try_from(NAMED).unwrap_or_default());
            Ok(Counts {
                instead: named.map(|pair| goes_on_instead(store, pair)).collect::<Result<_>>()?,
                population: store.population()?,
                waiting: store.waiting()?,
                refused: store
                    .outbox_counts()?
                    .into_iter()
                    .find(|(state, _)| *state == DeliveryState::Failed)
                    .map_or(0, |(_, count)| count),
                outlook: outlook(store, config, now)?,
                reused: night.reused,
                links: night.links,
                missing: store.count_missing()?,
                push: store.push()?,
                without_contact_before: store
                    .last_attempt(Last::Good)?
                    .and_then(|last| last.run)
                    .and_then(|run| run.summary["without_contact_before"].as_u64()),
                same_people: store.same_people()?,
                pairs,
            })
        };
        let read = || -> Result<Self> {
            let store = Store::open_read(place)?;
            let run_health = run_health(config, store.as_ref(), now)?;
            let counts = counts(&store.map_or_else(Store::empty, Ok)?)?;
            Ok(Self {
                run_health,
                counts: Some(counts),
                trouble: lost(config),
                now,
                on,
                pauses: pauses.clone(),
                not_due,
            })
        };
        read().or_else(|failure| {
            let run_health = run_health(config, None, now)?;
            Ok(Self {
                run_health,
                counts: None,
                trouble: Some(failure),
                now,
                on,
                pauses: pauses.clone(),
                not_due,
            })
        })
    }

    /// The exit status: that of the last attempt, or `late`.
    fn status(&self, max_age: Option<Duration>) -> Ending {
        let last = self.run_health.last_attempt.as_ref();
        let is_old = |age: Option<i64>| {
            let age = age.and_then(|age| u64::try_from(age).ok());
            max_age.is_some_and(|max| age.is_none_or(|age| age > max.as_secs()))
        };
        let ended = last.map_or(Ending::Ok, |last| Ending::of_exit(last.exit));
        // A failure of tonight says more than that the last good night is long ago.
        // Nothing was due while the sync was paused.
        let well =
            [self.run_health.age, self.run_health.paused_age, self.not_due].into_iter().flatten().min();
        let is_late =
            is_old(well) && (ended == Ending::Ok || is_old(last.and_then(|last| self.age_of(last.started))));
        if is_late { Ending::Late } else { ended }
    }

    /// None for a moment in the future.
    fn age_of(&self, moment: DateTime<Utc>) -> Option<i64> {
        let age = (self.now - moment).num_seconds();
        (age >= -300).then_some(age.max(0))
    }

    fn clock(&self, config: &Config) -> Option<String> {
        self.run_health.from_the_future.map(|moment| {
            format!(
                "a run is dated {}, in the future: the clock was wrong then, or is wrong now",
                config.sync.timezone.show(moment)
            )
        })
    }

    fn json(&self, config: &Config, status: Ending) -> serde_json::Value {
        let RunHealth { last_attempt, last_good, last_run, age, .. } = &self.run_health;
        let counts = self.counts.as_ref();
        let links = counts.and_then(|counts| counts.links.as_ref());
        let accounts = counts.map(|Counts { population, .. }| {
            json!({ "pending": population.pending, "active": population.active, "archived": population.archived })
        });
        json!({
            "result": status.word(),
            "exit": self.trouble.as_ref().map_or(status, |failure| Ending::Failed(failure.kind)).exit(),
            "last_attempt": last_attempt.as_ref().map(attempt_json),
            "last_good": last_good.as_ref().map(attempt_json),
            "last_run": last_run.as_ref().map(tried_json),
            "age_seconds": age,
            "clock": self.clock(config),
            "store": self.trouble.as_ref().map(ToString::to_string),
            "accounts": accounts,
            "notifications_waiting": counts.map(|counts| counts.waiting),
            "notifications_refused": counts.map(|counts| counts.refused),
            "waiting": counts.map(|counts| counts.outlook.iter().map(held_json).collect::<Vec<_>>()),
            "attention": last_attempt.as_ref().map(|last| &last.attention),
            "update_contacts": self.on,
            "pauses": self.pauses.iter().map(pause_json).collect::<Vec<_>>(),
            "held": counts.map(|counts| &counts.reused),
            "missing": counts.map(|counts| counts.missing),
            "push": config.push.as_ref().map(|push| self.push_json(push)),
            "links": links.map(|links| links.count),
            "students_without_contact": links.map(
                |links| json!({ "now": links.without_contact, "before": counts.and_then(|counts| counts.without_contact_before) })
            ),
            "same_person": counts.map(same_person_json),
            "newest_backup": newest_backup(config).map(|backup| json!({
                "file": backup.file, "run": backup.run, "made": stamp(backup.made),
            })),
        })
    }

    /// Labels and texts.
    fn lines(&self, config: &Config, status: Ending) -> Vec<(&'static str, String)> {
        let RunHealth { last_attempt, last_good, last_run, .. } = &self.run_health;
        let mut lines = Vec::new();
        let mut say = |name: &'static str, what: &str| lines.push((name, what.to_owned()));
        let when = |attempt: &Attempt| {
            let shown = config.sync.timezone.show(attempt.started);
            match self.age_of(attempt.started) {
                Some(age) => format!("{} ago ({shown})", ago(age)),
                None => format!("dated in the future ({shown})"),
            }
        };
        match last_run {
            None => say("Last run", "none yet"),
            Some(Tried { attempt, run, .. }) => {
                let number = attempt.run.unwrap_or_default();
                say("Last run", &format!("{number}, {}, {}", attempt.result, when(attempt)));
                if let Some(run) = run {
                    say("", &if attempt.result == "blocked" { would(run) } else { done(run) });
                }
                if !attempt.reason.is_empty() && attempt.attention.is_empty() {
                    say("", &attempt.reason);
                }
            }
        }
        let key = |attempt: &Attempt| attempt.key.clone();
        let shown = last_run.as_ref().map(|tried| tried.attempt.key.clone());
        if let Some(last) = last_attempt.as_ref().filter(|last| Some(key(last)) != shown) {
            say("Last attempt", &format!("{} (exit {}), {}", last.result, last.exit, when(last)));
            if !last.reason.is_empty() {
                say("", &last.reason);
            }
        }
        if let Some(good) = last_good.as_ref().filter(|good| Some(key(good)) != shown) {
            let number = good.run.map(|run| run.to_string()).unwrap_or_default();
            say("Last good run", &format!("{number}, {}, {}", good.result, when(good)));
        }
        if let Some(clock) = self.clock(config) {
            say("Clock", &clock);
        }
        if status == Ending::Late {
            say("Late", "no run has been done within --max-age");
        }
        for attention in last_attempt.iter().flat_map(|last| &last.attention) {
            say("Attention", &format!("{} ({})", attention.message, attention.code));
        }
        if let Some(counts) = &self.counts {
            counts.text(config, &mut say);
        }
        if let Some(push) = &config.push {
            say("Push", &self.push_in_words(push, config));
        }
        for pause in &self.pauses {
            say("Pause", &self.in_words(pause, config));
        }
        if let Some(backup) = newest_backup(config) {
            let run = backup.run.map(|run| format!("before run {run}, ")).unwrap_or_default();
            let made = config.sync.timezone.show(backup.made);
            say("Backup", &format!("{run}made {made}: {}", owner::absolute(&backup.file).display()));
        }
        let setting = if self.on { "ON" } else { "OFF" };
        let schools = match config.schools.len() {
            0 => String::new(),
            1 => " (1 school has its own value)".to_owned(),
            own => format!(" ({own} schools have their own value)"),
        };
        say("Setting", &format!("{setting} for the district{schools}"));
        lines
    }

    /// `3 users went to users.csv 2 h ago`, `FAILED …`
    fn push_in_words(&self, push: &Push, config: &Config) -> String {
        let row = self.counts.as_ref().and_then(|counts| counts.push.as_ref());
        let last = row.and_then(|row| row.pushed.map(|at| (row, config.sync.timezone.show(at))));
        let last = match last {
            Some((row, at)) => {
                let left = if push.has_a_file() {
                    ", and the file is still there: it was not picked up yet"
                } else {
                    ""
                };
                format!("{} went to {} at {at}{left}", counted(row.users, "user", "users"), push.place())
            }
            None => format!("nothing has gone to {} yet", push.place()),
        };
        match row.and_then(|row| row.failed.map(|at| (row, config.sync.timezone.show(at)))) {
            Some((row, at)) => format!("FAILED at {at}: {}; {last}; the next run pushes again", row.reason),
            None => last,
        }
    }

    fn push_json(&self, push: &Push) -> serde_json::Value {
        let row = self.counts.as_ref().and_then(|counts| counts.push.as_ref());
        json!({
            "to": push.place(),
            "what": push.what.word(),
            "pushed": row.and_then(|row| row.pushed).map(stamp),
            "users": row.map(|row| row.users),
            "failed": row.and_then(|row| row.failed).map(stamp),
            "reason": row.map(|row| &row.reason).filter(|reason| !reason.is_empty()),
        })
    }

    /// `no sync until 2027-08-10`, or the same with the day on which it begins.
    fn in_words(&self, pause: &Pause, config: &Config) -> String {
        match pause.is_on(config.sync.timezone.day(self.now)) {
            true => pause.words(),
            false => format!("from {}: {}", pause.from, pause.words()),
        }
    }

    fn prometheus(&self) -> String {
        let mut text = self.prometheus_without_age();
        let age = plain(self.run_health.age);
        gauge(
            &mut text,
            "last_success_age_seconds",
            "How long ago that was. Runs dated in the future are left out.",
            &age,
        );
        text
    }

    /// Without what is true at one moment alone: a file is read again and again.
    fn prometheus_without_age(&self) -> String {
        let mut text = readable(self.trouble.is_none());
        let mut gauge =
            |name: &str, help: &str, values: &[(String, i64)]| gauge(&mut text, name, help, values);
        let RunHealth { last_attempt, last_good, last_run, blocked_since, .. } = &self.run_health;
        let last = last_attempt.as_ref();
        gauge(
            "last_attempt_timestamp_seconds",
            "When a run was last started.",
            &plain(last.map(|last| last.started.timestamp())),
        );
        gauge(
            "last_success_timestamp_seconds",
            "When the last run was started whose changes were made.",
            &plain(last_good.as_ref().map(|good| good.started.timestamp())),
        );
        gauge(
            "blocked_since_timestamp_seconds",
            "When the first of the runs was started that are blocked by now; absent if none is.",
            &plain(blocked_since.map(|since| since.timestamp())),
        );
        gauge(
            "last_attempt_exit_status",
            "The exit status of the last attempt.",
            &plain(last.map(|last| i64::from(last.exit))),
        );
        let results: Vec<(String, i64)> = last
            .map(|last| {
                let is = |word| (format!("{{result=\"{word}\"}}"), i64::from(last.result == word));
                Ending::ALL.map(|ending| is(ending.word())).into()
            })
            .unwrap_or_default();
        gauge("last_attempt_result", "1 for the word with which the last attempt ended.", &results);
        gauge(
            "attention",
            "How many things of the last attempt need a person.",
            &plain(last.map(|last| number(last.attention.len() as u64))),
        );
        let applied = last_run.as_ref().filter(|tried| tried.attempt.was_applied());
        let users: Vec<(String, i64)> = applied
            .and_then(|tried| tried.run.as_ref())
            .map(|run| {
                let of = |action: &&str| (format!("{{action=\"{action}\"}}"), number(count(run, action)));
                SHOWN.iter().chain(&["unchanged", "held", "missing"]).map(of).collect()
            })
            .unwrap_or_default();
        gauge("last_run_users", "What the last run did; absent if that was blocked.", &users);
        let is_paused = self.not_due == Some(0);
        gauge("paused", "1 while the whole sync is paused.", &plain(Some(i64::from(is_paused))));
        if let Some(counts) = &self.counts {
            counts.gauges(&mut gauge);
        }
        text
    }
}

/// The pauses of today, and those that begin within [`SOON`] days.
fn near_pauses(config: &Config, now: DateTime<Utc>) -> Vec<Pause> {
    let today = config.sync.timezone.day(now);
    let is_near = |pause: &&Pause| pause.until >= today && (pause.from - today).num_days() <= SOON;
    let mut near: Vec<Pause> = config.pauses.iter().filter(is_near).cloned().collect();
    near.sort_by_key(|pause| pause.from);
    near
}

/// For how many seconds a sync has been due again, by the last pause of the whole sync that has begun:
/// 0 while it lasts. None without one.
fn not_due(config: &Config, now: DateTime<Utc>) -> Option<i64> {
    let zone = config.sync.timezone;
    let today = zone.day(now);
    let last =
        config.pauses.iter().filter(|pause| pause.school.is_none() && !pause.syncs && pause.from <= today);
    let until = last.map(|pause| pause.until).max()?;
    if until >= today {
        return Some(0);
    }
    let ended = zone.moment(until.succ_opt()?.and_hms_opt(0, 0, 0)?)?;
    Some((now - ended).num_seconds().max(0))
}

fn held_as_same(pair: &SamePerson, instead: Option<&str>) -> String {
    let SamePerson { old, new, since, certain, evidence } = pair;
    let days = if *certain { String::new() } else { format!(", for {PROBABLE_DAYS} days") };
    let what = format!("{old}, since {since}{days}: probably back as {new} ({evidence})");
    match instead {
        Some(other) => format!(
            "{what}, as {other} is (`rostersync users rekey {other} {new}`: the next run then archives {old}; or `users distinct \
             {old} {new}`)"
        ),
        None => format!("{what} (`rostersync users rekey {old} {new}` or `users distinct {old} {new}`)"),
    }
}

impl Counts {
    fn text(&self, config: &Config, say: &mut impl FnMut(&'static str, &str)) {
        let Self { population, waiting, refused, outlook, links, without_contact_before, .. } = self;
        say(
            "Accounts",
            &format!(
                "{} pending, {} active, {} archived",
                population.pending, population.active, population.archived
            ),
        );
        if self.missing > 0 {
            let what = format!(
                "{} from the SIS import, archived after {}: `rostersync users list --missing`",
                counted(self.missing, "account is missing", "accounts are missing"),
                config.sync.archive_after.words()
            );
            say("Missing", &what);
        }
        let failed = if *refused > 0 { format!(", {refused} refused for good") } else { String::new() };
        say("Notifications", &format!("{waiting} waiting{failed}"));
        for held in outlook {
            say("", &waits(held, config));
        }
        if let Some(links) = links.as_ref().filter(|links| links.count + links.without_contact > 0) {
            say("Links", &linked(links, *without_contact_before));
        }
        self.held_text(say);
    }

    /// The people to whom nothing is done until a person has decided.
    fn held_text(&self, say: &mut impl FnMut(&'static str, &str)) {
        let Self { reused, pairs, instead, same_people, .. } = self;
        for (id, since) in reused {
            let what = format!(
                "{id}, since {since}: another person seems to have this sourcedId now (`rostersync users same {id}` or `users \
                 another {id}`)"
            );
            say("Held", &what);
        }
        for (pair, instead) in pairs.iter().zip(instead) {
            say("Held", &held_as_same(pair, instead.as_deref()));
        }
        if same_people.1 > NAMED {
            let what = format!(
                "{} probably back under another sourcedId, {} certain: `rostersync report --where codes=possible-rekey`; for many, \
                 `rostersync run --rekey FILE` with the file of renames beside the report",
                counted(same_people.1, "account is", "accounts are"),
                same_people.0
            );
            say("", &what);
        }
    }

    fn gauges(&self, gauge: &mut impl FnMut(&str, &str, &[(String, i64)])) {
        let Self { population, waiting, refused, links, without_contact_before, reused, same_people, .. } =
            self;
        let why = |why: &str, value: u64| (format!("{{reason=\"{why}\"}}"), number(value));
        gauge(
            "held_users",
            "Users to whom nothing is done until a person has decided.",
            &[why("reused-id", reused.len() as u64), why("same-person", same_people.1)],
        );
        let state = |state: &str, value: u64| (format!("{{state=\"{state}\"}}"), number(value));
        gauge(
            "accounts",
            "Accounts by state.",
            &[
                state("pending", population.pending),
                state("active", population.active),
                state("archived", population.archived),
            ],
        );
        gauge(
            "accounts_missing",
            "Accounts of people that are missing from the SIS import, and are not archived yet.",
            &plain(Some(number(self.missing))),
        );
        gauge(
            "links",
            "Links between adults and children.",
            &plain(links.as_ref().map(|links| number(links.count))),
        );
        gauge(
            "students_without_contact",
            "Students without an adult that can be reached, after the last good run.",
            &plain(links.as_ref().map(|links| number(links.without_contact))),
        );
        gauge(
            "students_without_contact_before",
            "The same after the good run before.",
            &plain(without_contact_before.map(number)),
        );
        gauge("notifications_waiting", "Notifications that wait.", &plain(Some(number(*waiting))));
        gauge("notifications_failed", "Notifications refused for good.", &plain(Some(number(*refused))));
    }
}

/// Adds a metric, unless it has no value.
fn gauge(text: &mut String, name: &str, help: &str, values: &[(String, i64)]) {
    if values.is_empty() {
        return;
    }
    text.push_str(&format!("# HELP rostersync_{name} {help}\n# TYPE rostersync_{name} gauge\n"));
    for (labels, value) in values {
        text.push_str(&format!("rostersync_{name}{labels} {value}\n"));
    }
}

/// A gauge without labels.
fn plain(value: Option<i64>) -> Vec<(String, i64)> {
    value.map(|value| vec![(String::new(), value)]).unwrap_or_default()
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn same_person_json(counts: &Counts) -> serde_json::Value {
    let pair = |SamePerson { old, new, since, certain, evidence }: &SamePerson| json!({ "old": old, "new": new, "since": since, "certain": certain, "evidence": evidence });
    let (certain, held) = counts.same_people;
    json!({ "held": held, "certain": certain, "pairs": counts.pairs.iter().map(pair).collect::<Vec<_>>() })
}

fn readable(yes: bool) -> String {
    format!(
        "# HELP rostersync_readable Whether configuration and store could be read.\n# TYPE rostersync_readable gauge\n\
         rostersync_readable {}\n",
        u8::from(yes)
    )
}

/// `12 between adults and children; …`
fn linked(links: &LinksSeen, without_contact_before: Option<u64>) -> String {
    let LinksSeen { count, without_contact } = links;
    let mut text = format!("{count} between adults and children");
    if *without_contact > 0 || without_contact_before.is_some_and(|before| before > 0) {
        text.push_str(&format!(
            "; {} no contact that can be reached{}",
            counted(*without_contact, "student has", "students have"),
            compared(*without_contact, without_contact_before)
        ));
    }
    text
}

/// `2 created, 0 updated, …`
fn done(run: &RunRow) -> String {
    let count = |action: &&str| format!("{} {action}", count(run, action));
    let mut all: Vec<String> = SHOWN.iter().map(count).collect();
    let held = run.summary["held_by_limit"].as_u64().unwrap_or_default();
    if held > 0 {
        all.push(format!("{held} held by limits"));
    }
    all.join(", ")
}

fn verify(args: &StatusArgs, config: &Config, store: &Store, ui: &Ui) -> Result<Ending> {
    let folder = owner::folder_of(&config.sync.store);
    if owner::is_open_to_others(folder) {
        tracing::warn!(
            "other users may write to the folder of the store, {}: they could replace it as a whole; chmod 700",
            folder.display()
        );
    }
    ui.begin("checking the history", None);
    let verified = store.verify_with(&|at, of| ui.reached(at, of));
    ui.end();
    let verified = verified?;
    let row = match verified.broken {
        Some(Broken::Row(id, _)) => Some(id),
        _ => None,
    };
    let what = verified.broken.as_ref().map(|broken| match broken {
        Broken::Row(id, what) => format!("row {id} of the audit: {what}"),
        Broken::Link(id, Some(run)) => {
            format!("link {id} of the audit, or the entry of run {run}, was altered")
        }
        Broken::Link(id, None) => format!("link {id} of the audit was altered or removed"),
        Broken::Trigger(name) => {
            format!("the trigger `{name}`, which protects the history, is gone or was altered")
        }
        Broken::Run(run) => format!("run {run} has no link in the audit"),
        Broken::Account(id, what) => format!("the {what} of the account `{id}` is not what the audit says"),
    });
    if args.json {
        let found = json!({
            "intact": what.is_none(), "rows": verified.rows, "links": verified.links,
            "last": verified.last, "broken": what, "row": row,
        });
        ui.result(format!("{found:#}\n").as_bytes()).map_err(unprintable)?;
    } else if what.is_none() {
        let last = if verified.last.is_empty() { "none yet" } else { &verified.last };
        let text = format!(
            "The audit is intact: {} in {}\nLast digest: {last}\n",
            counted(verified.rows, "change", "changes"),
            counted(verified.links, "link", "links"),
        );
        ui.result(text.as_bytes()).map_err(unprintable)?;
    }
    let Some(what) = what else { return Ok(Ending::Ok) };
    let (about, cure) = match &verified.broken {
        Some(Broken::Trigger(_)) => (
            "the store was altered by hand",
            "the rows themselves hold; restore the store from a copy that has the trigger, or find out what removed it",
        ),
        Some(Broken::Account(..)) => (
            "the accounts were altered by hand",
            "the audit itself holds: `rostersync users history` has what was recorded",
        ),
        _ => (
            "the audit was altered by hand",
            "compare with a backup; all that was recorded before that place still holds",
        ),
    };
    Err(Failure::new(Kind::Failed, format!("{about}: {what}")).cure(cure))
}

/// `3 h`, for people.
pub(super) fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        // Never one: these are two days and more.
        172_800.. => format!("{} days", seconds / 86_400),
    }
}

/// `26h`
pub(super) fn age(text: &str) -> std::result::Result<Duration, String> {
    span(text).ok_or_else(|| "write for example 26h, 90m or 2d".to_owned())
}
