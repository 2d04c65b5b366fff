//! For `check`: messages that do not say who sends them, and quiet hours that would hold back the
//! messages of every run.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use crate::config::{Config, Pace, QuietHours};
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::message::Channel;
use crate::owner;
use crate::plural::{agreed, listed};
use crate::store::Store;

/// Finds what messages do not name: a family takes such a message for a fraud.
pub fn check_names(config: &Config, findings: &mut Findings) {
    let notify = &config.notify;
    if notify.email.is_none() && notify.sms.is_none() {
        return;
    }
    let is_blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    let missing: Vec<&str> =
        [("district", &notify.district), ("platform", &notify.platform), ("contact", &notify.contact)]
            .into_iter()
            .filter(|(_, text)| is_blank(text))
            .map(|(key, _)| key)
            .collect();
    if missing.is_empty() {
        return;
    }
    findings.warn("messages-unnamed", At::file(&owner::name_of(&config.file)).column("[notify]"), || {
        let keys = listed(&missing.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>());
        let instead = match (&notify.district, notify.named_district()) {
            (None, Some(sender)) => format!("; for the district they use the name of the sender, {sender}"),
            _ => String::new(),
        };
        let are = agreed(missing.len() as u64, "is", "are");
        format!("{keys} {are} not set, so families may take the messages for a fraud{instead}")
    });
}

/// The usual time of a run, for a store without runs.
const USUAL: (u32, u32) = (2, 15);
const RUNS: u64 = 7;

/// Finds channels that would never send a message, because every run is in their quiet hours.
pub fn check_quiet_hours(
    config: &Config,
    store: &Store,
    now: DateTime<Utc>,
    findings: &mut Findings,
) -> Result<()> {
    let email = config.notify.email.as_ref().map(|email| (Channel::Email, email.pace()));
    let sms = config.notify.sms.as_ref().map(|sms| (Channel::Sms, sms.pace()));
    let file = owner::name_of(&config.file);
    for (channel, Pace { quiet_hours, .. }) in email.into_iter().chain(sms) {
        let Some(hours) = quiet_hours else { continue };
        let Some(when) = holds_every_run(config, hours, channel, store, now)? else { continue };
        let (what, section) = match channel {
            Channel::Email => ("emails", "[notify.email] quiet_hours"),
            Channel::Sms => ("texts", "[notify.sms] quiet_hours"),
        };
        findings.warn("quiet-hours", At::file(&file).column(section), || {
            format!(
                "{what} are not sent from {hours}, and {when}: add a line to cron for `rostersync outbox send` in the daytime"
            )
        });
    }
    Ok(())
}

/// Why the channel never sends a message; none if it does.
fn holds_every_run(
    config: &Config,
    hours: QuietHours,
    channel: Channel,
    store: &Store,
    now: DateTime<Utc>,
) -> Result<Option<&'static str>> {
    let zone = config.sync.timezone;
    let is_quiet = |moment| hours.until(zone, moment).is_some();
    let mut runs = store.runs(RUNS)?;
    runs.retain(|run| run.undoes.is_none());
    if runs.is_empty() {
        let night = NaiveTime::from_hms_opt(USUAL.0, USUAL.1, 0).unwrap_or_default();
        let tonight = zone.moment(zone.local(now).date().and_time(night));
        return Ok(tonight.filter(|tonight| is_quiet(*tonight)).map(|_| "a run at night does not send them"));
    }
    if !runs.iter().all(|run| is_quiet(run.started)) {
        return Ok(None);
    }
    // `outbox send` may run between the runs.
    let last = store.last_sent(channel)?;
    let sends = last.is_some_and(|last| last > now - TimeDelta::days(7));
    Ok((!sends).then_some("every run so far began in that time"))
}
