//! Draining the outbox: each message once, as fast as the other side allows, so that it can be
//! broken off anywhere.
//!
//! What became of a message is noted before anything else is done, and before anything is waited
//! for. A process that is killed leaves one message of which it is not known whether it arrived; a
//! mail is then repeated once, with the same Message-ID, a text looked up where the gateway can be
//! asked.

use std::collections::HashSet;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use super::carrier::{Answer, Carrier, Refusal, Trouble};
use super::delivery::{Delivery, Held, Stuck};
use super::folder::Folder;
use super::gateway::Gateway;
use super::outlook::hold;
use super::pace::Pace;
use super::refusals::{OpenRefusal, RefusalKind, Refusals, Settlement};
use super::retry::{A_DAY, LONGEST_BACKOFF, LONGEST_REST, backoff, is_tried_long_enough};
use super::smtp::Smtp;
use super::twilio::Twilio;
use crate::config::{Config, MailServer, NotifySms, Pace as Limits};
use crate::erased::Erased;
use crate::failure::{Failure, Kind, Result};
use crate::message::{Channel, DeliveryState};
use crate::sent::{self, SentLog, Telling};
use crate::store::{Settled, Store, Waiting};

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
    retry_while_busy(|| store.correct_times(sending.now, LONGEST_BACKOFF, LONGEST_REST))?;
    let passed_on = retry_while_busy(|| store.drop_passed_on(sending.now))?;
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

fn send_due(
    store: &Store,
    config: &Config,
    channel: Channel,
    due: u64,
    sending: &Sending<'_>,
    delivery: &mut Delivery,
) -> Result<()> {
    let found = carrier(config, channel, Some(store), sending.stopped);
    let (carrier, limits) = match found.and_then(|found| found.ok_or_else(|| no_section(config, channel))) {
        Ok(found) => found,
        Err(failure) => {
            delivery.say(channel, due, &failure);
            delivery.undelivered += due;
            delivery.stopped = true;
            return Ok(());
        }
    };
    let (sent, unread) = match SentLog::read(&config.sync.sent_log(), None) {
        Ok(sent) => (sent, None),
        Err(failure) => (SentLog::default(), Some(failure.cure("").to_string())),
    };
    let drain = Drain {
        store,
        config,
        channel,
        limits,
        sending,
        begun: Instant::now(),
        refusals: Refusals::default(),
        put_back: Vec::new(),
        tried: HashSet::new(),
        key: store.erased()?,
        sent,
        unread,
    };
    drain.run(carrier, delivery)
}

/// Says it if nothing was handed over for a day although something was due. Why it is so was said
/// already if the channel was stopped just now.
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

fn retry_while_busy<T>(mut step: impl FnMut() -> Result<T>) -> Result<T> {
    const PATIENCE: u32 = 60;
    let mut tries = 0;
    loop {
        match step() {
            Err(failure) if failure.kind == Kind::Busy && tries < PATIENCE => tries += 1,
            done => return done,
        }
    }
}

/// The carrier of a channel and how fast it may go; none if the channel is not configured.
///
/// # Errors
/// If a secret or a certificate cannot be used.
pub(super) fn carrier<'a>(
    config: &'a Config,
    channel: Channel,
    store: Option<&'a Store>,
    stopped: &'a dyn Fn() -> bool,
) -> Result<Option<(Box<dyn Carrier + 'a>, Limits)>> {
    Ok(match (channel, &config.notify.email, &config.notify.sms) {
        (Channel::Email, Some(email), _) => {
            let carrier: Box<dyn Carrier> = match &email.server {
                MailServer::Folder(path) => Box::new(Folder { email, path }),
                MailServer::Smtp { host, port, implicit_tls } => {
                    Box::new(Smtp::new(email, host, *port, *implicit_tls, stopped))
                }
            };
            Some((carrier, email.pace()))
        }
        (Channel::Sms, _, Some(sms)) => {
            let carrier: Box<dyn Carrier> = match sms {
                NotifySms::Twilio(twilio) => Box::new(Twilio::new(twilio, store)?),
                NotifySms::Http(gateway) => Box::new(Gateway::new(gateway)?),
            };
            Some((carrier, sms.pace()))
        }
        (Channel::Email, None, _) | (Channel::Sms, _, None) => None,
    })
}

fn no_section(config: &Config, channel: Channel) -> Failure {
    let word = channel.word();
    Failure::new(Kind::Usage, format!("there is no [notify.{word}] any more to send them with"))
        .at(config.file.display())
        .cure(format!(
            "add it again, or give them up with `rostersync outbox discard --all --channel {word}`"
        ))
}

enum Stop {
    Trouble,
    /// They wait as they are meant to.
    Hold(Option<DateTime<Utc>>, String),
}

struct Remaining {
    today: Option<u64>,
    this_run: Option<u64>,
    /// When the first of those went out that count for today.
    first: Option<DateTime<Utc>>,
}

impl Remaining {
    fn count(&mut self) {
        for remaining in [&mut self.today, &mut self.this_run].into_iter().flatten() {
            *remaining = remaining.saturating_sub(1);
        }
    }
}

struct Drain<'a> {
    store: &'a Store,
    config: &'a Config,
    channel: Channel,
    limits: Limits,
    sending: &'a Sending<'a>,
    begun: Instant,
    refusals: Refusals,
    /// Messages that were deferred, but did not cause it.
    put_back: Vec<(i64, i64)>,
    /// Those that were tried, and wait.
    tried: HashSet<i64>,
    /// What was handed over is noted beside the store under this key.
    key: Erased,
    sent: SentLog,
    /// Why that could not be read. It is said once a message is handed over: the log may have said
    /// that it was already.
    unread: Option<String>,
}

impl Drain<'_> {
    fn run(mut self, mut carrier: Box<dyn Carrier + '_>, delivery: &mut Delivery) -> Result<()> {
        let (sent_today, first) = self.store.sent_today(self.channel, self.sending.now)?;
        let today = self.limits.per_day.map(|limit| limit.saturating_sub(sent_today));
        let mut remaining = Remaining { today, this_run: self.limits.max_per_run, first };
        let mut pace = Pace::new(self.limits.per_minute, self.config.notify.pace_file(self.channel));
        let stop = loop {
            let stop = self.session(&mut *carrier, &mut pace, &mut remaining, delivery)?;
            carrier.finish();
            // Another process may have queued more meanwhile.
            if stop.is_some() || self.store.due(self.channel, self.moment())? == 0 {
                break stop;
            }
        };
        if let Some(why) = pace.trouble() {
            delivery.not_paced.get_or_insert(why);
        }
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
        pace: &mut Pace<'_>,
        remaining: &mut Remaining,
        delivery: &mut Delivery,
    ) -> Result<Option<Stop>> {
        let mut settled: Option<Settled> = None;
        let stop = loop {
            if pace.has_to_wait() {
                // A process that is killed while it waits has noted what became of the last
                // message.
                self.step(settled.take().as_ref(), false)?;
                if self.store.due(self.channel, self.moment())? == 0 {
                    break None;
                }
                pace.keep(self.sending.stopped);
            }
            if (self.sending.stopped)() {
                break Some(Stop::Trouble);
            }
            if let Some(hold) = self.hold(remaining)? {
                break Some(hold);
            }
            let Some(waiting) = self.step(settled.take().as_ref(), true)? else { break None };
            pace.begin();
            let (done, stop) = match self.beforehand(&waiting, carrier)? {
                Some(done) => (done, None),
                None => {
                    let answer = carrier.hand_over(&waiting);
                    remaining.count();
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
        let refused = self.close_refusals(carrier, delivery)?;
        // That the channel is refused says more than that it waits.
        Ok(refused.or(stop))
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
    fn moment(&self) -> DateTime<Utc> {
        self.sending.now + TimeDelta::from_std(self.begun.elapsed()).unwrap_or_default()
    }

    fn hold(&self, remaining: &Remaining) -> Result<Option<Stop>> {
        if !self.sending.at_once
            && let Some((until, why)) =
                hold(self.store, self.config, self.channel, self.limits, self.moment())?
        {
            return Ok(Some(Stop::Hold(Some(until), why)));
        }
        if remaining.today == Some(0) {
            let until = remaining.first.unwrap_or(self.sending.now) + TimeDelta::days(1);
            return Ok(Some(Stop::Hold(Some(until), "per_day is reached".into())));
        }
        Ok((remaining.this_run == Some(0)).then(|| Stop::Hold(None, "max_per_run is reached".into())))
    }

    /// Notes what became of the last message, and takes the next one if one is wanted. What became
    /// of a message must not be lost because a run holds the store.
    fn step(&self, settled: Option<&Settled>, take: bool) -> Result<Option<Waiting>> {
        retry_while_busy(|| self.store.settle_and_take(settled, take.then(|| (self.channel, self.moment()))))
    }

    /// What becomes of a message that is not handed over at all.
    fn beforehand(&self, waiting: &Waiting, carrier: &dyn Carrier) -> Result<Option<Settled>> {
        if self.channel == Channel::Sms && self.store.is_stopped_number(&waiting.message.to.address)? {
            return Ok(Some(self.settled(waiting, DeliveryState::Failed, "opted out")));
        }
        if self.store.has_left_channel(waiting.id)? {
            return Ok(Some(self.settled(waiting, DeliveryState::Discarded, "opted out")));
        }
        if self.sent.has_message(&self.key, &waiting.key('.')) {
            // The store is a copy from before, or the process died before it could say so.
            return Ok(Some(self.settled(waiting, DeliveryState::Sent, "")));
        }
        // Only a person can say whether it arrived.
        let once_too_often = waiting.died && waiting.lost > carrier.repeats();
        Ok(once_too_often.then(|| {
            tracing::warn!(outbox = waiting.id, "cut off while it was handed over; it is not repeated");
            self.settled(waiting, DeliveryState::Unknown, "cut off while it was handed over")
        }))
    }

    fn settled(&self, waiting: &Waiting, state: DeliveryState, reason: impl Into<String>) -> Settled {
        let at = self.moment();
        Settled {
            id: waiting.id,
            state,
            at,
            due: None,
            reason: reason.into(),
            reference: String::new(),
            uncounted: false,
            trying: waiting.trying_at(at),
            lost: false,
        }
    }

    /// As it was: the message did not cause the trouble.
    fn untouched(&self, waiting: &Waiting, reason: &str) -> Settled {
        let settled = match waiting.lost {
            0 => self.settled(waiting, DeliveryState::Queued, reason),
            _ => {
                Settled { due: Some(self.moment()), ..self.settled(waiting, DeliveryState::Unknown, reason) }
            }
        };
        Settled { uncounted: true, trying: waiting.trying, ..settled }
    }

    /// It is tried again. It stays on record that it may have arrived.
    fn later(&self, waiting: &Waiting, reason: &str) -> Settled {
        let state = if waiting.lost > 0 { DeliveryState::Unknown } else { DeliveryState::Deferred };
        Settled {
            due: Some(self.moment() + backoff(waiting.attempts)),
            ..self.settled(waiting, state, reason)
        }
    }

    /// What an answer means for the message, and whether it ends the channel's work for now.
    fn judge(
        &mut self,
        waiting: &Waiting,
        answer: Answer,
        carrier: &dyn Carrier,
        delivery: &mut Delivery,
    ) -> Result<(Settled, Option<Stop>)> {
        let (outbox, channel) = (waiting.id, self.channel.word());
        Ok(match answer {
            Answer::Sent(reference) => {
                tracing::debug!(outbox, channel, "handed over");
                self.note_sent(waiting, delivery);
                self.taken(delivery)?;
                (Settled { reference, ..self.settled(waiting, DeliveryState::Sent, "") }, None)
            }
            Answer::Refused { refusal, named: true } if self.refusals.anything_taken() => {
                tracing::warn!(outbox, channel, reason = refusal.reason, "refused for good");
                (self.settled(waiting, DeliveryState::Failed, refusal.reason), None)
            }
            Answer::Refused { refusal, .. } => {
                let said = RefusalKind::Refused(refusal.reason.clone());
                self.refused(waiting, said, refusal, carrier, delivery)?
            }
            Answer::Later(refusal) => {
                tracing::warn!(
                    outbox,
                    channel,
                    reason = refusal.reason,
                    "not accepted now; it is tried again"
                );
                let said = RefusalKind::Later(refusal.reason.clone());
                self.refused(waiting, said, refusal, carrier, delivery)?
            }
            Answer::OptedOut(reason) => {
                retry_while_busy(|| self.store.stop_number(&waiting.message.to.address, self.moment()))?;
                tracing::warn!(outbox, channel, reason, "the number has opted out");
                (self.settled(waiting, DeliveryState::Failed, reason), None)
            }
            Answer::Unknown(reason) => {
                tracing::warn!(outbox, channel, reason, "handed over, and the answer was lost");
                let repeat = waiting.lost < carrier.repeats()
                    && !is_tried_long_enough(waiting.trying_at(self.moment()));
                let due = repeat.then(|| self.moment() + backoff(waiting.attempts));
                let settled = self.settled(waiting, DeliveryState::Unknown, reason);
                // A server that does not answer one message will not answer the next.
                (Settled { due, lost: true, ..settled }, Some(Stop::Trouble))
            }
            Answer::Stop(trouble) => {
                let reason = self.report_trouble(&trouble, delivery)?;
                (self.untouched(waiting, &reason), Some(Stop::Trouble))
            }
            Answer::MaybeStop(trouble, reason) => {
                let said = match &trouble {
                    Trouble::LimitReached(..) => RefusalKind::LimitReached,
                    Trouble::Unreachable(_) => RefusalKind::Unreachable,
                    Trouble::DistrictFault(_) => RefusalKind::DistrictFault,
                };
                let refusal = match &trouble {
                    Trouble::LimitReached(said, _) => {
                        Refusal { said: said.clone(), ..Refusal::of(reason.clone(), "") }
                    }
                    Trouble::Unreachable(failure) | Trouble::DistrictFault(failure) => Refusal {
                        said: failure.what.clone(),
                        ..Refusal::of(reason.clone(), failure.cure.clone())
                    },
                };
                let beyond_doubt = self.add_refusal(waiting, said, refusal);
                match (beyond_doubt, &trouble) {
                    (true, _) => drop(self.report_trouble(&trouble, delivery)?),
                    (false, Trouble::DistrictFault(failure) | Trouble::Unreachable(failure)) => {
                        tracing::warn!(outbox, channel, "not accepted; trying the other messages: {failure}");
                    }
                    (false, Trouble::LimitReached(reason, _)) => {
                        tracing::warn!(outbox, channel, reason, "not accepted; trying the other messages");
                    }
                }
                (self.later(waiting, &reason), beyond_doubt.then_some(Stop::Trouble))
            }
        })
    }

    /// A message that was refused, for now or for good. If all recipients are told so, the channel
    /// stops.
    fn refused(
        &mut self,
        waiting: &Waiting,
        said: RefusalKind,
        refusal: Refusal,
        carrier: &dyn Carrier,
        delivery: &mut Delivery,
    ) -> Result<(Settled, Option<Stop>)> {
        let settled = self.later(waiting, &refusal.reason);
        let for_good = matches!(said, RefusalKind::Refused(_));
        if !self.add_refusal(waiting, said, refusal.clone()) {
            return Ok((settled, None));
        }
        let alike = if for_good { "one recipient after the other was refused" } else { ALL_REFUSED };
        self.say(delivery, &all_refused(alike, &refusal, carrier))?;
        Ok((settled, Some(Stop::Trouble)))
    }

    /// Notes beside the store that a message was handed over. If that fails the message is sent all
    /// the same; only a store that is restored from a copy would tell it again.
    fn note_sent(&self, waiting: &Waiting, delivery: &mut Delivery) {
        if let Some(why) = &self.unread {
            delivery.not_noted.get_or_insert_with(|| why.clone());
        }
        let to = &waiting.message.to;
        let noted = self.store.changes_told(waiting.id).and_then(|(sourced_id, changes)| {
            let tellings: Vec<Telling<'_>> = changes
                .iter()
                .map(|(field, new)| Telling { sourced_id: &sourced_id, to, field: *field, new })
                .collect();
            let line = sent::line(&self.key, waiting.run, &waiting.key('.'), &tellings);
            sent::append(&self.config.sync.sent_log(), &line)
        });
        if let Err(failure) = noted {
            tracing::warn!(outbox = waiting.id, "not noted: {failure}");
            delivery.not_noted.get_or_insert_with(|| failure.to_string());
        }
    }

    /// The server accepts messages.
    fn taken(&mut self, delivery: &mut Delivery) -> Result<()> {
        delivery.sent += 1;
        if !self.refusals.anything_taken() {
            self.store.set_rest(self.channel, None)?;
        }
        let settlement = self.refusals.taken();
        self.settle_refusals(settlement, true, delivery)
    }

    /// Notes what may be about the district's own side. If that is beyond doubt, the channel stops,
    /// and no message is held liable for it.
    fn add_refusal(&mut self, waiting: &Waiting, said: RefusalKind, refusal: Refusal) -> bool {
        let beyond_doubt = self.refusals.add(OpenRefusal {
            id: waiting.id,
            to: waiting.message.to.address.clone(),
            trying: waiting.trying,
            spent: is_tried_long_enough(waiting.trying_at(self.moment())),
            others_taken: waiting.others_taken,
            said,
            refusal,
        });
        if beyond_doubt {
            self.put_back = self.refusals.drain().into_iter().map(|open| (open.id, open.trying)).collect();
        }
        beyond_doubt
    }

    fn say(&self, delivery: &mut Delivery, failure: &Failure) -> Result<()> {
        delivery.say(self.channel, self.store.due(self.channel, self.moment())?, failure);
        Ok(())
    }

    /// Reports why the channel stops. Returns the reason that is stored with the message.
    fn report_trouble(&self, trouble: &Trouble, delivery: &mut Delivery) -> Result<String> {
        match trouble {
            Trouble::LimitReached(reason, time) => {
                let until = self.moment() + TimeDelta::from_std(*time).unwrap_or_default();
                self.store.set_rest(self.channel, Some((until, reason)))?;
                let until = self.config.sync.timezone.show(until);
                let what = format!(
                    "the provider's sending limit is reached ({reason}); the remaining messages wait until {until}"
                );
                tracing::error!(channel = self.channel.word(), "{what}");
                delivery.troubles.push(what);
                Ok(reason.clone())
            }
            Trouble::Unreachable(failure) => {
                self.say(delivery, failure)?;
                Ok("not reachable".to_owned())
            }
            Trouble::DistrictFault(failure) => {
                self.say(delivery, failure)?;
                Ok("refused because of the district's settings".to_owned())
            }
        }
    }

    /// When no more is tried for now: gives up refusals that are about the recipient; the others
    /// wait. Returns whether the channel stops.
    fn close_refusals(&mut self, carrier: &dyn Carrier, delivery: &mut Delivery) -> Result<Option<Stop>> {
        let put_back = std::mem::take(&mut self.put_back);
        self.put_back(&put_back)?;
        let settlement = self.refusals.close();
        let taken = self.refusals.anything_taken();
        // Too few to be sure, but the words mean the district, and nothing says otherwise.
        let perhaps_district = settlement.tried.iter().filter(|open| !taken && open.means_district());
        let (alike, refusal) = match (settlement.district.first(), perhaps_district.clone().next()) {
            (Some(first), _) => {
                (settlement.district.len(), Some(all_refused(ALL_REFUSED, &first.refusal, carrier)))
            }
            (None, Some(open)) => {
                let Refusal { said, cure, .. } = &open.refusal;
                let failure = Failure::new(Kind::Failed, said.clone()).at(carrier.place()).cure(cure.clone());
                (perhaps_district.count(), Some(failure))
            }
            (None, None) => (0, None),
        };
        let stop = refusal.map(|failure| {
            delivery.say(self.channel, alike as u64, &failure);
            Stop::Trouble
        });
        self.settle_refusals(settlement, taken, delivery)?;
        Ok(stop)
    }

    fn settle_refusals(
        &mut self,
        settlement: Settlement,
        others_taken: bool,
        delivery: &mut Delivery,
    ) -> Result<()> {
        let Settlement { given_up, tried, district } = settlement;
        for open in given_up {
            let (refused, reason) = (open.is_refusal(), open.refusal.reason);
            let (reason, what) = match refused {
                true => (reason, "refused for good"),
                false => (format!("{reason}, for 5 days"), "not accepted for five days; given up"),
            };
            self.store.give_up(open.id, &reason, self.moment())?;
            self.tried.remove(&open.id);
            delivery.failed += 1;
            delivery.given_up += u64::from(!refused);
            tracing::warn!(outbox = open.id, channel = self.channel.word(), reason, "{what}");
        }
        if others_taken {
            let ids: Vec<i64> = tried.iter().map(|open| open.id).collect();
            self.store.others_were_taken(&ids)?;
        }
        let district: Vec<(i64, i64)> = district.into_iter().map(|open| (open.id, open.trying)).collect();
        self.put_back(&district)
    }

    fn put_back(&mut self, messages: &[(i64, i64)]) -> Result<()> {
        self.store.put_back(messages, self.moment())?;
        for (id, _) in messages {
            self.tried.remove(id);
        }
        Ok(())
    }
}

const ALL_REFUSED: &str = "all recipients were refused";

/// The channel stops because all recipients are told the same.
fn all_refused(alike: &str, refusal: &Refusal, carrier: &dyn Carrier) -> Failure {
    let what = format!("{alike} in the same way: {}", refusal.said);
    let cure = match refusal.cure.as_str() {
        "" => "ask why messages from here are refused",
        cure => cure,
    };
    Failure::new(Kind::Failed, what).at(carrier.place()).cure(format!(
        "{cure}; no message was given up for it, and no try is counted. If it is about these people alone: `rostersync \
         outbox discard`"
    ))
}
