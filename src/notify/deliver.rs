//! Draining the outbox: each message once, as fast as the other side allows, so that it can be broken off anywhere.
//!
//! What became of a message and the taking of the next one are one transaction. A process that is killed leaves one
//! message of which nobody knows whether it arrived; a mail is then repeated with the same Message-ID, a text looked up
//! where the gateway can be asked.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::carrier::{Answer, Carrier};
use super::folder::Folder;
use super::gateway::Gateway;
use super::outlook::hold;
use super::pace::Pace;
use super::smtp::Smtp;
use super::twilio::Twilio;
use crate::config::{Config, MailServer, NotifyEmail, Pace as Limits, Provider};
use crate::failure::{Failure, Kind, Result};
use crate::message::{Channel, DeliveryState};
use crate::store::{OutboxFilter, Settled, Store, Waiting};

/// What became of the messages that were due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    pub sent: u64,
    /// Refused for good: the person cannot be told this way.
    pub failed: u64,
    /// They could not be handed over, or it is not known whether they were. They stay queued.
    pub undelivered: u64,
    /// They wait because of pace, quiet hours or a relay that has had enough.
    pub held: Vec<Held>,
}

/// Messages that wait for better times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub channel: Channel,
    pub count: u64,
    /// None: until the next run.
    pub until: Option<DateTime<Utc>>,
    pub why: String,
}

/// What sending meets outside.
pub struct Sending<'a> {
    pub now: DateTime<Utc>,
    pub progress: &'a dyn Fn(u64),
    pub stopped: &'a dyn Fn() -> bool,
    /// Without regard to quiet hours and rests; never past `per_day`.
    pub at_once: bool,
}

/// A message that is not taken so often is not wanted.
const MOST_ATTEMPTS: u32 = 12;
/// So many refusals in a row, all alike and before anything was taken, are about us.
const ALIKE: usize = 20;

/// Hands over what is due in the outbox. The caller holds the outbox's lock.
///
/// # Errors
/// Those of the store. That a message cannot be handed over is no error: it stays queued and is counted.
pub(super) fn deliver(store: &Store, config: &Config, sending: &Sending<'_>) -> Result<Delivery> {
    let mut delivery = Delivery::default();
    for channel in [Channel::Email, Channel::Sms] {
        let due = store.due(channel, sending.now)?;
        if due == 0 {
            continue;
        }
        let (carrier, limits) = match carrier(config, channel) {
            Ok(Some(found)) => found,
            Ok(None) => {
                delivery.undelivered += due;
                continue;
            }
            Err(failure) => {
                say(channel, due, &failure);
                delivery.undelivered += due;
                continue;
            }
        };
        Drain { store, config, channel, limits, sending, begun: Instant::now(), alike: Vec::new() }
            .run(carrier, &mut delivery)?;
    }
    Ok(delivery)
}

/// What hands over the messages of a channel, and how fast; none if it is not configured.
fn carrier(config: &Config, channel: Channel) -> Result<Option<(Box<dyn Carrier + '_>, Limits)>> {
    let (email, sms) = (&config.notify.email, &config.notify.sms);
    let found: Option<(Box<dyn Carrier>, Limits)> = match (channel, email, sms) {
        (Channel::Email, Some(email), _) => Some((by_mail(email), email.pace())),
        (Channel::Sms, _, Some(sms)) => {
            let carrier: Box<dyn Carrier> = match sms.provider {
                Provider::Twilio => Box::new(Twilio::new(sms)?),
                Provider::Http => Box::new(Gateway::new(sms)?),
            };
            Some((carrier, sms.pace()))
        }
        (Channel::Email, None, _) | (Channel::Sms, _, None) => None,
    };
    Ok(found)
}

fn by_mail(email: &NotifyEmail) -> Box<dyn Carrier + '_> {
    match &email.server {
        MailServer::Folder(path) => Box::new(Folder { email, path }),
        MailServer::Smtp { host, port, implicit_tls } => {
            Box::new(Smtp::new(email, host, *port, *implicit_tls))
        }
    }
}

fn say(channel: Channel, messages: u64, failure: &Failure) {
    let channel = channel.word();
    tracing::error!(channel, messages, "messages stay queued: {failure}");
}

/// What becomes of the rest when a channel stops.
enum Stop {
    /// They could not be handed over.
    Trouble,
    /// They wait as they are meant to.
    Hold(Option<DateTime<Utc>>, String),
}

struct Drain<'a> {
    store: &'a Store,
    config: &'a Config,
    channel: Channel,
    limits: Limits,
    sending: &'a Sending<'a>,
    begun: Instant,
    /// The last refusals, as long as all are alike and nothing was taken.
    alike: Vec<(i64, String)>,
}

impl Drain<'_> {
    fn run(mut self, mut carrier: Box<dyn Carrier + '_>, delivery: &mut Delivery) -> Result<()> {
        let mut pace = Pace::new(self.limits.per_minute);
        let (sent_today, first) =
            self.store.sent_since(self.channel, self.sending.now - TimeDelta::days(1))?;
        let mut today = self.limits.per_day.map(|limit| limit.saturating_sub(sent_today));
        let mut this_run = self.limits.max_per_run;
        let mut settled: Option<Settled> = None;
        let mut after = 0;
        let stop = loop {
            if let Some((until, why)) = self.hold()? {
                break Some(Stop::Hold(Some(until), why));
            }
            if today == Some(0) {
                let until = first.unwrap_or(self.sending.now) + TimeDelta::days(1);
                break Some(Stop::Hold(Some(until), "per_day is reached".into()));
            }
            if this_run == Some(0) {
                break Some(Stop::Hold(None, "max_per_run is reached".into()));
            }
            pace.keep(self.sending.stopped);
            if (self.sending.stopped)() {
                break Some(Stop::Trouble);
            }
            let taken = self.step(settled.as_ref(), Some(after))?;
            settled = None;
            let Some(waiting) = taken else { break None };
            after = waiting.id;
            let answer = match self.opted_out(&waiting)? {
                true => Answer::OptedOut("opted out".into()),
                false => carrier.hand_over(&waiting),
            };
            let (done, stop) = self.judge(&waiting, answer, delivery)?;
            settled = Some(done);
            if let Some(stop) = stop {
                break Some(stop);
            }
            for left in [&mut today, &mut this_run].into_iter().flatten() {
                *left = left.saturating_sub(1);
            }
            (self.sending.progress)(delivery.sent);
        };
        self.step(settled.as_ref(), None)?;
        carrier.finish();
        let left = self.store.due(self.channel, self.moment())?;
        match stop {
            None => {}
            Some(Stop::Trouble) => delivery.undelivered += left,
            Some(Stop::Hold(..)) if left == 0 => {}
            Some(Stop::Hold(until, why)) => {
                delivery.held.push(Held { channel: self.channel, count: left, until, why });
            }
        }
        Ok(())
    }

    /// The time of day goes on while a long outbox is sent.
    fn moment(&self) -> DateTime<Utc> {
        self.sending.now + TimeDelta::from_std(self.begun.elapsed()).unwrap_or_default()
    }

    fn hold(&self) -> Result<Option<(DateTime<Utc>, String)>> {
        if self.sending.at_once {
            return Ok(None);
        }
        hold(self.store, self.config, self.channel, self.limits, self.moment())
    }

    /// A run that is planned meanwhile holds the store; what became of a message must not be lost over that.
    fn step(&self, settled: Option<&Settled>, after: Option<i64>) -> Result<Option<Waiting>> {
        const PATIENCE: u32 = 60;
        let mut tries = 0;
        loop {
            let take = after.map(|after| (self.channel, after, self.moment()));
            match self.store.settle_and_take(settled, take) {
                Err(failure) if failure.kind == Kind::Busy && tries < PATIENCE => tries += 1,
                done => return done,
            }
        }
    }

    fn opted_out(&self, waiting: &Waiting) -> Result<bool> {
        Ok(self.channel == Channel::Sms && self.store.has_opted_out(&waiting.message.to.address)?)
    }

    /// What an answer means for the message, and whether it ends the channel's work for now.
    fn judge(
        &mut self,
        waiting: &Waiting,
        answer: Answer,
        delivery: &mut Delivery,
    ) -> Result<(Settled, Option<Stop>)> {
        let at = self.moment();
        let is = |state, reason: String| Settled {
            id: waiting.id,
            state,
            at,
            due: None,
            reason,
            reference: String::new(),
            uncounted: false,
        };
        let later = |reason: String| Settled {
            due: Some(at + backoff(waiting.attempts)),
            ..is(DeliveryState::Deferred, reason)
        };
        // As it was: it is not the message's doing.
        let untouched = |reason: String| match waiting.before {
            DeliveryState::Sending | DeliveryState::Unknown => {
                Settled { due: Some(at), uncounted: true, ..is(DeliveryState::Unknown, reason) }
            }
            _ => Settled { uncounted: true, ..is(DeliveryState::Queued, reason) },
        };
        if !matches!(answer, Answer::Refused(_)) {
            self.alike.clear();
        }
        let (message, channel) = (waiting.id, self.channel.word());
        Ok(match answer {
            Answer::Sent(reference) => {
                delivery.sent += 1;
                tracing::debug!(message, channel, "handed over");
                (Settled { reference, ..is(DeliveryState::Sent, String::new()) }, None)
            }
            Answer::Refused(reason) => {
                delivery.failed += 1;
                tracing::warn!(message, channel, reason, "refused for good");
                match self.all_alike(waiting.id, &reason, delivery)? {
                    Some(stop) => (untouched(reason), Some(stop)),
                    None => (is(DeliveryState::Failed, reason), None),
                }
            }
            Answer::OptedOut(reason) => {
                delivery.failed += 1;
                self.store.opt_out(&waiting.message.to.address, at)?;
                tracing::warn!(message, channel, reason, "the number has opted out");
                (is(DeliveryState::Failed, reason), None)
            }
            Answer::Later(reason) if waiting.attempts >= MOST_ATTEMPTS => {
                delivery.failed += 1;
                let reason = format!("{reason}, {MOST_ATTEMPTS} times");
                tracing::warn!(message, channel, reason, "given up");
                (is(DeliveryState::Failed, reason), None)
            }
            Answer::Later(reason) => {
                delivery.undelivered += 1;
                tracing::warn!(message, channel, reason, "not taken now; it is tried again");
                (later(reason), None)
            }
            Answer::Unknown { reason, repeat } => {
                delivery.undelivered += 1;
                tracing::warn!(message, channel, reason, repeat, "handed over, and the answer was lost");
                let due = repeat.then(|| at + backoff(waiting.attempts));
                (Settled { due, ..is(DeliveryState::Unknown, reason) }, None)
            }
            Answer::Enough(reason, time) => {
                let until = at + TimeDelta::from_std(time).unwrap_or_default();
                self.store.set_rest(self.channel, Some((until, &reason)))?;
                tracing::error!(
                    channel,
                    reason,
                    until = self.config.sync.timezone.show(until),
                    "the other side has had enough; the rest waits"
                );
                (untouched(reason), Some(Stop::Trouble))
            }
            Answer::Down(failure) => {
                say(self.channel, self.store.due(self.channel, at)?, &failure);
                let settled = match waiting.before {
                    DeliveryState::Sending | DeliveryState::Unknown => untouched("not reachable".into()),
                    _ => Settled { uncounted: true, ..later("not reachable".into()) },
                };
                delivery.undelivered += u64::from(settled.state == DeliveryState::Deferred);
                (settled, Some(Stop::Trouble))
            }
            Answer::OurFault(failure) => {
                say(self.channel, self.store.due(self.channel, at)?, &failure);
                (untouched("refused, by no fault of the person".into()), Some(Stop::Trouble))
            }
        })
    }

    /// A relay that refuses everybody alike means us, whatever it says: nobody is failed for that.
    fn all_alike(&mut self, id: i64, reason: &str, delivery: &mut Delivery) -> Result<Option<Stop>> {
        if delivery.sent > 0 {
            return Ok(None);
        }
        if self.alike.last().is_some_and(|(_, last)| last != reason) {
            self.alike.clear();
        }
        self.alike.push((id, reason.to_owned()));
        if self.alike.len() < ALIKE {
            return Ok(None);
        }
        let ids: Vec<i64> = self.alike.drain(..).map(|(id, _)| id).collect();
        delivery.failed -= ids.len() as u64;
        let filter = OutboxFilter { ids, states: vec![DeliveryState::Failed], ..OutboxFilter::default() };
        self.store.set_outbox_state(&filter, DeliveryState::Queued, self.moment())?;
        let failure = Failure::new(
            Kind::Failed,
            format!("the first {ALIKE} recipients were all refused in the same way: {reason}"),
        )
        .cure("see what the server has against mail from here; nobody was given up for it");
        say(self.channel, self.store.due(self.channel, self.moment())?, &failure);
        Ok(Some(Stop::Trouble))
    }
}

/// How long after so many tries the next one is: a quarter of an hour, doubled each time, up to half a day, so that every
/// night tries.
fn backoff(attempts: u32) -> TimeDelta {
    const FIRST: Duration = Duration::from_secs(15 * 60);
    const LONGEST: Duration = Duration::from_secs(12 * 3600);
    let time = FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(LONGEST);
    TimeDelta::from_std(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_try_is_later_each_time_and_never_past_the_next_night() {
        let minutes: Vec<i64> = [1, 2, 3, 6, 7, 40].map(|attempts| backoff(attempts).num_minutes()).into();
        assert_eq!(minutes, [15, 30, 60, 480, 720, 720]);
    }
}
