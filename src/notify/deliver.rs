//! Draining the outbox: each message once, as fast as the other side allows, so that it can be broken off anywhere.
//!
//! What became of a message is noted before anything else is done, and before anything is waited for. A process that is
//! killed leaves one message of which nobody knows whether it arrived; a mail is then repeated once, with the same
//! Message-ID, a text looked up where the gateway can be asked.

use std::collections::HashSet;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use super::carrier::Carrier;
use super::doubts::Doubts;
use super::folder::Folder;
use super::gateway::Gateway;
use super::limits::{A_DAY, LONGEST_BACKOFF, LONGEST_REST};
use super::outlook::hold;
use super::pace::Pace;
use super::smtp::Smtp;
use super::twilio::Twilio;
use crate::config::{Config, MailServer, NotifyEmail, Pace as Limits, Provider};
use crate::failure::{Failure, Kind, Result};
use crate::message::{Channel, DeliveryState};
use crate::plural::{agreed, counted};
use crate::store::{Settled, Store, Waiting};

/// What became of the messages that were due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    pub sent: u64,
    /// Refused for good: the person cannot be told this way.
    pub failed: u64,
    /// They could not be handed over and stay queued, or it is not known whether they were.
    pub undelivered: u64,
    /// Of those, the ones that are not tried again by themselves: somebody has to say what becomes of them.
    pub unknown: u64,
    /// Of those refused for good, the ones that were tried for five days.
    pub given_up: u64,
    /// They wait because of pace, quiet hours or a relay that has had enough.
    pub held: Vec<Held>,
    /// A channel was stopped: its server refuses the district, or cannot be reached.
    pub stopped: bool,
    /// Channels on which nothing was handed over for a day although something was due.
    pub stuck: Vec<Stuck>,
    /// Why channels were stopped, in the words of the log.
    pub troubles: Vec<String>,
}

/// Messages of a channel on which nothing is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    pub channel: Channel,
    pub count: u64,
    /// When the oldest of them was queued.
    pub since: DateTime<Utc>,
    /// What keeps them back, where that is known.
    pub why: Option<String>,
}

impl Delivery {
    /// Whether the messages are a problem that a person has to look at: exit status 8.
    pub fn is_undelivered(&self) -> bool {
        self.stopped || self.unknown > 0 || self.given_up > 0 || !self.stuck.is_empty()
    }

    /// That problem in a sentence for the record of the run; none where there is no such problem.
    pub fn problem(&self) -> Option<String> {
        if !self.is_undelivered() {
            return None;
        }
        let notifications = |count: u64, what: [&str; 2]| {
            format!("{} {}", counted(count, "notification", "notifications"), agreed(count, what[0], what[1]))
        };
        let stuck: u64 = self.stuck.iter().map(|stuck| stuck.count).sum();
        Some(if self.stopped && self.undelivered > 0 {
            notifications(self.undelivered, ["could not be handed over", "could not be handed over"])
        } else if stuck > 0 {
            format!("{}, and none was handed over for a day", notifications(stuck, ["waits", "wait"]))
        } else if self.given_up > 0 {
            notifications(self.given_up, ["was given up after five days", "were given up after five days"])
        } else if self.unknown > 0 {
            notifications(self.unknown, ["may have arrived", "may have arrived"])
        } else {
            "a channel was stopped".to_owned()
        })
    }

    /// Says why messages of a channel stay queued: in the log, and for the administrators.
    pub(super) fn say(&mut self, channel: Channel, messages: u64, failure: &Failure) {
        self.troubles.push(failure.to_string());
        let channel = channel.word();
        tracing::error!(channel, messages, "messages stay queued: {failure}");
    }
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

/// Hands over what is due in the outbox. The caller holds the outbox's lock.
///
/// # Errors
/// Those of the store. That a message cannot be handed over is no error: it stays queued and is counted.
pub(super) fn deliver(store: &Store, config: &Config, sending: &Sending<'_>) -> Result<Delivery> {
    let mut delivery = Delivery::default();
    patiently(|| store.correct_times(sending.now, LONGEST_BACKOFF, LONGEST_REST))?;
    let passed_on = patiently(|| store.drop_passed_on(sending.now))?;
    if passed_on > 0 {
        tracing::info!(messages = passed_on, "not sent to old addresses that other people have by now");
    }
    for channel in [Channel::Email, Channel::Sms] {
        let due = store.due(channel, sending.now)?;
        if due > 0 {
            send_due(store, config, channel, due, sending, &mut delivery)?;
        }
        say_stuck(store, channel, sending.now, &mut delivery)?;
    }
    if delivery.given_up > 0 {
        tracing::error!(
            messages = delivery.given_up,
            "given up after five days of trying; `rostersync outbox list --state failed` says why"
        );
    }
    Ok(delivery)
}

/// Hands over what is due on a channel.
fn send_due(
    store: &Store,
    config: &Config,
    channel: Channel,
    due: u64,
    sending: &Sending<'_>,
    delivery: &mut Delivery,
) -> Result<()> {
    let (carrier, limits) = match carrier(store, config, channel, sending) {
        Ok(found) => found,
        Err(failure) => {
            delivery.say(channel, due, &failure);
            delivery.undelivered += due;
            delivery.stopped = true;
            return Ok(());
        }
    };
    let drain = Drain {
        store,
        config,
        channel,
        limits,
        sending,
        begun: Instant::now(),
        doubts: Doubts::default(),
        put_back: Vec::new(),
        tried: HashSet::new(),
    };
    drain.run(carrier, delivery)
}

/// Says it if nothing was handed over for a day although something was due. Why it is so was said already if the channel
/// was stopped just now.
fn say_stuck(store: &Store, channel: Channel, now: DateTime<Utc>, delivery: &mut Delivery) -> Result<()> {
    let Some((since, count)) = store.oldest_waiting(channel)? else { return Ok(()) };
    if now - since < A_DAY || store.sent_today(channel, now)?.0 > 0 {
        return Ok(());
    }
    let why = delivery.held.iter().find(|held| held.channel == channel).map(|held| held.why.clone());
    let because = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    tracing::error!(
        channel = channel.word(),
        messages = count,
        "nothing was handed over for a day although messages wait{because}"
    );
    delivery.stuck.push(Stuck { channel, count, since, why });
    Ok(())
}

/// A run that is planned meanwhile holds the store; that is waited for.
fn patiently<T>(mut step: impl FnMut() -> Result<T>) -> Result<T> {
    const PATIENCE: u32 = 60;
    let mut tries = 0;
    loop {
        match step() {
            Err(failure) if failure.kind == Kind::Busy && tries < PATIENCE => tries += 1,
            done => return done,
        }
    }
}

/// What hands over the messages of a channel, and how fast.
///
/// # Errors
/// If it is not configured (any more), or cannot work.
fn carrier<'a>(
    store: &'a Store,
    config: &'a Config,
    channel: Channel,
    sending: &'a Sending<'_>,
) -> Result<(Box<dyn Carrier + 'a>, Limits)> {
    let (email, sms) = (&config.notify.email, &config.notify.sms);
    match (channel, email, sms) {
        (Channel::Email, Some(email), _) => Ok((by_mail(email, sending.stopped), email.pace())),
        (Channel::Sms, _, Some(sms)) => {
            let carrier: Box<dyn Carrier> = match sms.provider {
                Provider::Twilio => Box::new(Twilio::new(sms, Some(store))?),
                Provider::Http => Box::new(Gateway::new(sms)?),
            };
            Ok((carrier, sms.pace()))
        }
        (Channel::Email, None, _) | (Channel::Sms, _, None) => {
            let word = channel.word();
            Err(Failure::new(Kind::Usage, format!("there is no [notify.{word}] any more to send them with"))
                .at(config.file.display())
                .cure(format!(
                    "add it again, or give them up with `rostersync outbox discard --all --channel {word}`"
                )))
        }
    }
}

fn by_mail<'a>(email: &'a NotifyEmail, stopped: &'a dyn Fn() -> bool) -> Box<dyn Carrier + 'a> {
    match &email.server {
        MailServer::Folder(path) => Box::new(Folder { email, path }),
        MailServer::Smtp { host, port, implicit_tls } => {
            Box::new(Smtp::new(email, host, *port, *implicit_tls, stopped))
        }
    }
}

/// What becomes of the rest when a channel stops.
pub(super) enum Stop {
    /// They could not be handed over.
    Trouble,
    /// They wait as they are meant to.
    Hold(Option<DateTime<Utc>>, String),
}

/// How much may go out yet.
struct Left {
    today: Option<u64>,
    this_run: Option<u64>,
    /// When the first of those went out that count for today.
    first: Option<DateTime<Utc>>,
}

impl Left {
    fn count(&mut self) {
        for left in [&mut self.today, &mut self.this_run].into_iter().flatten() {
            *left = left.saturating_sub(1);
        }
    }
}

/// The work on one channel.
pub(super) struct Drain<'a> {
    pub(super) store: &'a Store,
    pub(super) config: &'a Config,
    pub(super) channel: Channel,
    limits: Limits,
    sending: &'a Sending<'a>,
    begun: Instant,
    pub(super) doubts: Doubts,
    /// Messages that were deferred for what was not their doing.
    pub(super) put_back: Vec<(i64, i64)>,
    /// Those that were tried, and wait.
    pub(super) tried: HashSet<i64>,
}

impl Drain<'_> {
    fn run(mut self, mut carrier: Box<dyn Carrier + '_>, delivery: &mut Delivery) -> Result<()> {
        let (sent_today, first) = self.store.sent_today(self.channel, self.sending.now)?;
        let today = self.limits.per_day.map(|limit| limit.saturating_sub(sent_today));
        let mut left = Left { today, this_run: self.limits.max_per_run, first };
        let mut pace = Pace::new(self.limits.per_minute);
        let stop = loop {
            let stop = self.session(&mut *carrier, &mut pace, &mut left, delivery)?;
            carrier.finish();
            // Somebody may have queued more meanwhile, and trusts that it is seen.
            if stop.is_some() || self.store.due(self.channel, self.moment())? == 0 {
                break stop;
            }
        };
        let due = self.store.due(self.channel, self.moment())?;
        delivery.undelivered += self.tried.len() as u64;
        match stop {
            None => {}
            Some(Stop::Trouble) => {
                delivery.undelivered += due;
                delivery.stopped = true;
            }
            Some(Stop::Hold(..)) if due == 0 => {}
            Some(Stop::Hold(until, why)) => {
                delivery.held.push(Held { channel: self.channel, count: due, until, why });
            }
        }
        Ok(())
    }

    /// Hands over what is due, until there is no more or it has to stop.
    fn session(
        &mut self,
        carrier: &mut dyn Carrier,
        pace: &mut Pace,
        left: &mut Left,
        delivery: &mut Delivery,
    ) -> Result<Option<Stop>> {
        let mut settled: Option<Settled> = None;
        let stop = loop {
            if pace.has_to_wait() {
                // Whoever is killed while waiting knows what became of the last one.
                self.step(settled.take().as_ref(), false)?;
                if self.store.due(self.channel, self.moment())? == 0 {
                    break None;
                }
                pace.keep(self.sending.stopped);
            }
            if (self.sending.stopped)() {
                break Some(Stop::Trouble);
            }
            if let Some(hold) = self.hold(left)? {
                break Some(hold);
            }
            let Some(waiting) = self.step(settled.take().as_ref(), true)? else { break None };
            pace.begin();
            let (done, stop) = match self.beforehand(&waiting, carrier)? {
                Some(done) => (done, None),
                None => {
                    let answer = carrier.hand_over(&waiting);
                    left.count();
                    self.judge(&waiting, answer, carrier, delivery)?
                }
            };
            self.count(&done, delivery);
            settled = Some(done);
            if let Some(stop) = stop {
                break Some(stop);
            }
            (self.sending.progress)(delivery.sent);
        };
        self.step(settled.as_ref(), false)?;
        let doubted = self.see_to_doubts(carrier, delivery)?;
        // That the channel is refused says more than that it waits.
        Ok(doubted.or(stop))
    }

    fn count(&mut self, done: &Settled, delivery: &mut Delivery) {
        match done.state {
            DeliveryState::Deferred | DeliveryState::Unknown if !done.uncounted => {
                self.tried.insert(done.id);
                delivery.unknown += u64::from(done.state == DeliveryState::Unknown && done.due.is_none());
            }
            state => {
                self.tried.remove(&done.id);
                delivery.failed += u64::from(state == DeliveryState::Failed);
            }
        }
    }

    /// The time of day goes on while a long outbox is sent.
    pub(super) fn moment(&self) -> DateTime<Utc> {
        self.sending.now + TimeDelta::from_std(self.begun.elapsed()).unwrap_or_default()
    }

    fn hold(&self, left: &Left) -> Result<Option<Stop>> {
        if !self.sending.at_once
            && let Some((until, why)) =
                hold(self.store, self.config, self.channel, self.limits, self.moment())?
        {
            return Ok(Some(Stop::Hold(Some(until), why)));
        }
        if left.today == Some(0) {
            let until = left.first.unwrap_or(self.sending.now) + TimeDelta::days(1);
            return Ok(Some(Stop::Hold(Some(until), "per_day is reached".into())));
        }
        Ok((left.this_run == Some(0)).then(|| Stop::Hold(None, "max_per_run is reached".into())))
    }

    /// Notes what became of the last message, and takes the next one if one is wanted. What became of a message must not be
    /// lost because a run holds the store.
    fn step(&self, settled: Option<&Settled>, take: bool) -> Result<Option<Waiting>> {
        patiently(|| self.store.settle_and_take(settled, take.then(|| (self.channel, self.moment()))))
    }
}
