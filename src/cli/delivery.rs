//! What commands print of notifications, as text and as JSON, and the summary by mail to the
//! administrators.

use std::path::Path;

use serde_json::json;

use super::Global;
use crate::attempt::Ending;
use crate::config::{Config, PushWhat, When};
use crate::findings::Findings;
use crate::message::Channel;
use crate::notify::{Delivery, Held, Stuck, send_kept_summaries, tell_admins};
use crate::plural::{agreed, counted};
use crate::report;
use crate::run::{PushForecast, Pushed, html_beside};
use crate::store::stamp;

/// What became of the notifications, where there is something to say.
pub(super) fn delivery_lines(delivery: &Delivery, config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if delivery.failed > 0 {
        lines.push(format!(
            "{} {} refused for good; the next report says whose (undeliverable), `outbox list --state failed` why",
            counted(delivery.failed, "notification", "notifications"),
            agreed(delivery.failed, "was", "were"),
        ));
    }
    if delivery.undelivered > 0 {
        lines.push(format!(
            "{} could not be handed over and {} queued",
            counted(delivery.undelivered, "notification", "notifications"),
            agreed(delivery.undelivered, "stays", "stay"),
        ));
    }
    if delivery.unknown > 0 {
        lines.push(format!(
            "{} of them may have arrived and {} not repeated by {}: see `outbox list --state unknown`, then `outbox retry` or \
             `outbox discard`",
            delivery.unknown,
            agreed(delivery.unknown, "is", "are"),
            agreed(delivery.unknown, "itself", "themselves"),
        ));
    }
    if delivery.given_up > 0 {
        lines.push(format!(
            "{} of those refused {} given up after five days of trying: see `outbox list --state failed`",
            delivery.given_up,
            agreed(delivery.given_up, "was", "were"),
        ));
    }
    for stuck in &delivery.stuck {
        lines.push(stuck_line(stuck, config));
    }
    for held in &delivery.held {
        lines.push(waits(held, config));
    }
    lines
}

/// `3 texts wait since 2026-11-24 02:15, and none was handed over for a day: quiet hours`
fn stuck_line(stuck: &Stuck, config: &Config) -> String {
    let what = waiting(stuck.count, stuck.channel);
    let since = config.sync.timezone.show(stuck.since);
    let why = match stuck.why.as_deref() {
        Some("quiet hours") => {
            ": every run falls into the quiet hours; add a line to cron for `rostersync outbox send` in the daytime"
        }
        Some(_) | None => "; `rostersync outbox list` says more",
    };
    format!("{what} since {since}, and none was handed over for a day{why}")
}

/// `1 email waits`, `3 texts wait`
fn waiting(count: u64, channel: Channel) -> String {
    match channel {
        Channel::Email => counted(count, "email waits", "emails wait"),
        Channel::Sms => counted(count, "text waits", "texts wait"),
    }
}

/// `300 emails wait until 2026-11-24 02:15: per_day is reached`
pub(super) fn waits(held: &Held, config: &Config) -> String {
    let what = waiting(held.count, held.channel);
    match held.until {
        Some(until) => format!("{what} until {}: {}", config.sync.timezone.show(until), held.why),
        None => format!("{what}: {}", held.why),
    }
}

pub(super) fn held_json(held: &Held) -> serde_json::Value {
    json!({
        "channel": held.channel,
        "count": held.count,
        "until": held.until.map(stamp),
        "why": held.why,
    })
}

pub(super) fn delivery_json(delivery: &Delivery) -> serde_json::Value {
    json!({
        "sent": delivery.sent,
        "failed": delivery.failed,
        "undelivered": delivery.undelivered,
        "unknown": delivery.unknown,
        "given_up": delivery.given_up,
        "stopped": delivery.stopped,
        "stuck": delivery.stuck.iter().map(|stuck| json!({
            "channel": stuck.channel,
            "count": stuck.count,
            "since": stamp(stuck.since),
            "why": stuck.why,
        })).collect::<Vec<_>>(),
        "held": delivery.held.iter().map(held_json).collect::<Vec<_>>(),
    })
}

/// What needs a person, a line each, of the codes that are wanted. Parts of it come from files.
pub(super) fn attention_lines(
    findings: &Findings,
    is_wanted: impl Fn(&str) -> bool,
) -> impl Iterator<Item = String> {
    findings.attentions().filter(move |finding| is_wanted(finding.code)).map(|finding| {
        report::harmless(&format!("Attention ({}): {}: {}", finding.code, finding.place(), finding.message))
    })
}

/// `Push: 12 users went to users-000042.csv`; none if nothing was pushed, because nothing had changed.
pub(super) fn push_line(push: &Pushed) -> Option<String> {
    if let Some(why) = &push.failed {
        return Some(format!("Push: FAILED, and comes with the next run: {why}"));
    }
    let users = counted(push.users?, "user", "users");
    let mut line = format!("Push: {users} ({}) went to {}", push.what.word(), push.place);
    if push.left_since.is_some() {
        line.push_str("; the file before was not picked up");
        if push.what == PushWhat::Changes {
            line.push_str(", so the new one has its users too");
        }
    }
    Some(line)
}

/// What a preview says of the push.
pub(super) fn would_push_line(push: &PushForecast, has_changes: bool) -> String {
    let waiting = counted(push.waiting, "user", "users");
    let place = &push.place;
    let left = if push.is_left { "; the file before was not picked up, and its users go too" } else { "" };
    match push.what {
        _ if push.waiting == 0 && !has_changes => {
            format!("Push: nothing would go to {place}, because nothing has changed since the last push")
        }
        _ if push.is_first => {
            format!("Push: all users would go to {place}, because nothing was pushed there before")
        }
        PushWhat::All => format!("Push: all users would go to {place}"),
        PushWhat::Changes => format!(
            "Push: the users that this run changes, and {waiting} that changed since the last push, would go to {place}{left}"
        ),
    }
}

pub(super) fn push_json(push: &Pushed) -> serde_json::Value {
    json!({ "to": push.place, "what": push.what.word(), "users": push.users, "archived": push.archived, "failed": push.failed })
}

pub(super) fn would_push_json(push: &PushForecast) -> serde_json::Value {
    json!({ "to": push.place, "what": push.what.word(), "waiting": push.waiting, "first": push.is_first })
}

/// Summaries that could not be handed over before go first.
pub(super) fn send_kept(config: &Config, global: &Global) {
    if let Err(failure) = send_kept_summaries(config, global.now()) {
        tracing::warn!("{failure}");
    }
}

/// The summary by mail, after the runs that the configuration wants it of. It holds counts and
/// reasons, and the report.
pub(super) fn write_to_admins(
    config: &Config,
    status: Ending,
    changes: bool,
    what: &str,
    text: &str,
    report: Option<&Path>,
    global: &Global,
) {
    let Some(admins) = &config.notify.admins else { return };
    send_kept(config, global);
    let wanted = match admins.when {
        When::Never => false,
        When::Problems => status.exit() != 0,
        When::Changes => status.exit() != 0 || changes,
        When::Always => true,
    };
    if !wanted {
        return;
    }
    let subject = format!("rostersync: {} ({what})", status.word());
    let ended = format!("\nIt ended with {} ({}).\n", status.exit(), status.word());
    let html = report.filter(|_| config.sync.html).and_then(html_beside);
    let reports = (report, html.as_deref());
    if let Err(failure) = tell_admins(config, &subject, &format!("{text}{ended}"), reports, global.now()) {
        tracing::error!("the summary for the administrators could not be sent: {failure}");
    }
}
