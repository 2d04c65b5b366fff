//! What waits, until when, and why.

use chrono::{DateTime, TimeDelta, Utc};

use super::delivery::Held;
use super::retry::LONGEST_REST;
use crate::config::{Config, Pace as Limits};
use crate::failure::Result;
use crate::message::Channel;
use crate::store::Store;

/// Until when a channel waits at this moment, and why.
pub(super) fn hold(
    store: &Store,
    config: &Config,
    channel: Channel,
    limits: Limits,
    moment: DateTime<Utc>,
) -> Result<Option<(DateTime<Utc>, String)>> {
    if let Some(until) = limits.quiet_hours.and_then(|hours| hours.until(config.sync.timezone, moment)) {
        return Ok(Some((until, "quiet hours".into())));
    }
    // A rest that lasts longer than any was noted by a clock that was wrong.
    let rest = store.rest(channel)?;
    let rest =
        rest.filter(|(until, _)| *until > moment && *until <= moment + LONGEST_REST + TimeDelta::hours(1));
    Ok(rest.map(|(until, reason)| (until, format!("the provider's sending limit is reached ({reason})"))))
}

/// What waits for each channel, until when, and why.
pub fn outlook(store: &Store, config: &Config, now: DateTime<Utc>) -> Result<Vec<Held>> {
    let mut outlook = Vec::new();
    for channel in [Channel::Email, Channel::Sms] {
        let (count, next) = store.waiting_for(channel, now)?;
        if count == 0 {
            continue;
        }
        let limits = match channel {
            Channel::Email => config.notify.email.as_ref().map(|email| email.pace()),
            Channel::Sms => config.notify.sms.as_ref().map(|sms| sms.pace()),
        };
        let (until, why) = match limits {
            None => (None, format!("there is no [notify.{}]", channel.word())),
            Some(limits) => match hold(store, config, channel, limits, now)? {
                Some((until, why)) => (Some(until), why),
                None if store.due(channel, now)? == 0 => match next {
                    Some(next) => (Some(next), "to be tried again".to_owned()),
                    None => (None, "look at `outbox list --state unknown`".to_owned()),
                },
                None => {
                    let (sent, first) = store.sent_today(channel, now)?;
                    match limits.per_day.is_some_and(|limit| sent >= limit) {
                        true => {
                            (first.map(|first| first + TimeDelta::days(1)), "per_day is reached".to_owned())
                        }
                        false => (None, "until the next run or `outbox send`".to_owned()),
                    }
                }
            },
        };
        outlook.push(Held { channel, count, until, why });
    }
    Ok(outlook)
}
