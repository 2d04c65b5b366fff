//! What an answer means for a message, and for those after it.

use std::time::Duration;

use chrono::TimeDelta;

use super::carrier::{Answer, Carrier, Trouble};
use super::deliver::{Delivery, Drain, Stop, say};
use super::doubts::{Doubt, Said};
use crate::failure::{Failure, Kind, Result};
use crate::message::{Channel, DeliveryState};
use crate::store::{Settled, Waiting};

/// A message that is not taken so often is not wanted.
const MOST_ATTEMPTS: u32 = 12;

impl Drain<'_> {
    /// What becomes of a message that is not handed over at all.
    pub(super) fn beforehand(&self, waiting: &Waiting, carrier: &dyn Carrier) -> Result<Option<Settled>> {
        if self.channel == Channel::Sms && self.store.has_opted_out(&waiting.message.to.address)? {
            return Ok(Some(self.is(waiting, DeliveryState::Failed, "opted out")));
        }
        // Only a person can say whether it arrived.
        let once_too_often = waiting.died && waiting.lost > carrier.repeats();
        Ok(once_too_often.then(|| {
            tracing::warn!(outbox = waiting.id, "cut off while it was handed over; it is not repeated");
            self.is(waiting, DeliveryState::Unknown, "cut off while it was handed over")
        }))
    }

    fn is(&self, waiting: &Waiting, state: DeliveryState, reason: impl Into<String>) -> Settled {
        Settled {
            id: waiting.id,
            state,
            at: self.moment(),
            due: None,
            reason: reason.into(),
            reference: String::new(),
            uncounted: false,
            lost: false,
        }
    }

    /// As it was: it is not the message's doing.
    fn untouched(&self, waiting: &Waiting, reason: &str) -> Settled {
        let settled = match waiting.lost {
            0 => self.is(waiting, DeliveryState::Queued, reason),
            _ => Settled { due: Some(self.moment()), ..self.is(waiting, DeliveryState::Unknown, reason) },
        };
        Settled { uncounted: true, ..settled }
    }

    /// It is tried again. That it may have arrived is not forgotten over it.
    fn later(&self, waiting: &Waiting, reason: &str) -> Settled {
        let state = if waiting.lost > 0 { DeliveryState::Unknown } else { DeliveryState::Deferred };
        Settled { due: Some(self.moment() + backoff(waiting.attempts)), ..self.is(waiting, state, reason) }
    }

    /// What an answer means for the message, and whether it ends the channel's work for now. `repeats` is how often a
    /// message that may have arrived is handed over again.
    pub(super) fn judge(
        &mut self,
        waiting: &Waiting,
        answer: Answer,
        repeats: u32,
        delivery: &mut Delivery,
    ) -> Result<(Settled, Option<Stop>)> {
        let (outbox, channel) = (waiting.id, self.channel.word());
        Ok(match answer {
            Answer::Sent(reference) => {
                tracing::debug!(outbox, channel, "handed over");
                self.taken(delivery)?;
                (Settled { reference, ..self.is(waiting, DeliveryState::Sent, "") }, None)
            }
            Answer::Refused { reason, named: true } if self.doubts.anything_taken() => {
                tracing::warn!(outbox, channel, reason, "refused for good");
                (self.is(waiting, DeliveryState::Failed, reason), None)
            }
            Answer::Refused { reason, .. } => {
                let stop = self.doubt(waiting, Said::Refused(reason.clone()), &reason);
                if stop.is_some() {
                    let what = format!("one recipient after the other was refused in the same way: {reason}");
                    self.say(&Failure::new(Kind::Failed, what).cure(
                        "see what the other side has against messages from here; nobody was given up for it",
                    ))?;
                }
                (self.later(waiting, &reason), stop)
            }
            Answer::OptedOut(reason) => {
                self.store.opt_out(&waiting.message.to.address, self.moment())?;
                tracing::warn!(outbox, channel, reason, "the number has opted out");
                (self.is(waiting, DeliveryState::Failed, reason), None)
            }
            Answer::Later(reason) if waiting.attempts >= MOST_ATTEMPTS => {
                let reason = so_often(&reason);
                tracing::warn!(outbox, channel, reason, "given up");
                (self.is(waiting, DeliveryState::Failed, reason), None)
            }
            Answer::Later(reason) => {
                tracing::warn!(outbox, channel, reason, "not taken now; it is tried again");
                (self.later(waiting, &reason), None)
            }
            Answer::Unknown(reason) => {
                tracing::warn!(outbox, channel, reason, "handed over, and the answer was lost");
                let repeat = waiting.lost < repeats && waiting.attempts < MOST_ATTEMPTS;
                let due = repeat.then(|| self.moment() + backoff(waiting.attempts));
                let settled = self.is(waiting, DeliveryState::Unknown, reason);
                // Whoever does not answer one message will not answer the next.
                (Settled { due, lost: true, ..settled }, Some(Stop::Trouble))
            }
            Answer::Stop(trouble) => {
                let reason = self.believe(&trouble)?;
                (self.untouched(waiting, &reason), Some(Stop::Trouble))
            }
            Answer::Doubt(trouble, reason) => {
                let said = match &trouble {
                    Trouble::Enough(..) => Said::Enough,
                    Trouble::Down(_) => Said::Down,
                    Trouble::OurFault(_) => Said::OurFault,
                };
                let stop = self.doubt(waiting, said, &reason);
                match (&stop, &trouble) {
                    (Some(_), _) => drop(self.believe(&trouble)?),
                    (None, Trouble::OurFault(failure) | Trouble::Down(failure)) => {
                        tracing::warn!(outbox, channel, "not taken, others are tried: {failure}");
                    }
                    (None, Trouble::Enough(reason, _)) => {
                        tracing::warn!(outbox, channel, reason, "not taken, others are tried");
                    }
                }
                (self.later(waiting, &reason), stop)
            }
        })
    }

    /// The other side takes messages from us.
    fn taken(&mut self, delivery: &mut Delivery) -> Result<()> {
        delivery.sent += 1;
        if !self.doubts.anything_taken() {
            self.store.set_rest(self.channel, None)?;
        }
        let theirs = self.doubts.taken(MOST_ATTEMPTS);
        self.give_up(theirs, delivery)
    }

    /// Notes what may be about us. If that is beyond doubt, the channel stops, and nobody is held liable for it.
    fn doubt(&mut self, waiting: &Waiting, said: Said, reason: &str) -> Option<Stop> {
        let doubt = Doubt {
            id: waiting.id,
            to: waiting.message.to.address.clone(),
            attempts: waiting.attempts,
            said,
            reason: reason.to_owned(),
        };
        if !self.doubts.add(doubt) {
            return None;
        }
        self.put_back = self.doubts.drain().into_iter().map(|doubt| doubt.id).collect();
        Some(Stop::Trouble)
    }

    fn say(&self, failure: &Failure) -> Result<()> {
        say(self.channel, self.store.due(self.channel, self.moment())?, failure);
        Ok(())
    }

    /// Says what keeps everything back, and what is noted of it with a message.
    fn believe(&self, trouble: &Trouble) -> Result<String> {
        match trouble {
            Trouble::Enough(reason, time) => {
                let until = self.moment() + TimeDelta::from_std(*time).unwrap_or_default();
                self.store.set_rest(self.channel, Some((until, reason)))?;
                tracing::error!(
                    channel = self.channel.word(),
                    reason,
                    until = self.config.sync.timezone.show(until),
                    "the other side has had enough; the rest waits"
                );
                Ok(reason.clone())
            }
            Trouble::Down(failure) => {
                self.say(failure)?;
                Ok("not reachable".to_owned())
            }
            Trouble::OurFault(failure) => {
                self.say(failure)?;
                Ok("refused, by no fault of the person".to_owned())
            }
        }
    }

    /// When no more is tried for now: whoever was refused for themselves is given up, and who may not have been waits.
    pub(super) fn see_to_doubts(&mut self, delivery: &mut Delivery) -> Result<()> {
        let put_back = std::mem::take(&mut self.put_back);
        self.store.put_back(&put_back, self.moment())?;
        self.tried.retain(|id| !put_back.contains(id));
        let (theirs, kept) = self.doubts.close(MOST_ATTEMPTS);
        self.give_up(theirs, delivery)?;
        if let Some(refused) = kept.iter().find(|doubt| doubt.is_refusal()) {
            let what = format!("all recipients were refused in the same way: {}", refused.reason);
            let failure = Failure::new(Kind::Failed, what).cure(
                "see what the other side has against messages from here; nobody was given up for it. If it is about \
                 these people alone: `rostersync outbox discard`",
            );
            say(self.channel, kept.len() as u64, &failure);
        }
        Ok(())
    }

    fn give_up(&mut self, doubts: Vec<Doubt>, delivery: &mut Delivery) -> Result<()> {
        for doubt in doubts {
            let reason = if doubt.is_refusal() { doubt.reason } else { so_often(&doubt.reason) };
            self.store.give_up(doubt.id, &reason, self.moment())?;
            self.tried.remove(&doubt.id);
            delivery.failed += 1;
            tracing::warn!(outbox = doubt.id, channel = self.channel.word(), reason, "refused for good");
        }
        Ok(())
    }
}

fn so_often(reason: &str) -> String {
    format!("{reason}, {MOST_ATTEMPTS} times")
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
