//! What is said of notifications: to whoever is at the terminal, to programs, and by mail to the administrators.

use std::path::Path;

use chrono::SecondsFormat;
use serde_json::json;

use super::Global;
use super::exit::Status;
use crate::config::{Config, When};
use crate::message::Channel;
use crate::notify::{Delivery, Held, tell_admins};
use crate::plural::{agreed, counted};

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
    for held in &delivery.held {
        lines.push(waits(held, config));
    }
    lines
}

/// `300 emails wait until 2026-11-24 02:15: per_day is reached`
pub(super) fn waits(held: &Held, config: &Config) -> String {
    let what = match held.channel {
        Channel::Email => counted(held.count, "email waits", "emails wait"),
        Channel::Sms => counted(held.count, "text waits", "texts wait"),
    };
    match held.until {
        Some(until) => format!("{what} until {}: {}", config.sync.timezone.show(until), held.why),
        None => format!("{what}: {}", held.why),
    }
}

/// The same for programs.
pub(super) fn held_json(held: &Held) -> serde_json::Value {
    json!({
        "channel": held.channel,
        "count": held.count,
        "until": held.until.map(|until| until.to_rfc3339_opts(SecondsFormat::Secs, true)),
        "why": held.why,
    })
}

/// The whole delivery for programs.
pub(super) fn delivery_json(delivery: &Delivery) -> serde_json::Value {
    json!({
        "sent": delivery.sent,
        "failed": delivery.failed,
        "undelivered": delivery.undelivered,
        "unknown": delivery.unknown,
        "held": delivery.held.iter().map(held_json).collect::<Vec<_>>(),
    })
}

/// The summary by mail, after the runs that the configuration wants it of. It holds counts and reasons, and the report.
pub(super) fn write_to_admins(
    config: &Config,
    status: Status,
    changes: bool,
    what: &str,
    text: &str,
    report: Option<&Path>,
    global: &Global,
) {
    let Some(admins) = &config.notify.admins else { return };
    let wanted = match admins.when {
        When::Never => false,
        When::Problems => status != Status::Ok,
        When::Changes => status != Status::Ok || changes,
        When::Always => true,
    };
    if !wanted {
        return;
    }
    let subject = format!("rostersync: {} ({what})", status.word());
    let ended = format!("\nIt ended with {} ({}).\n", status.code(), status.word());
    if let Err(failure) = tell_admins(config, &subject, &format!("{text}{ended}"), report, global.now()) {
        tracing::error!("the summary for the administrators could not be sent: {failure}");
    }
}
