//! What an answer means for a message, and for those after it.

use chrono::TimeDelta;

use super::carrier::{Answer, Carrier, Refusal, Trouble};
use super::deliver::{Delivery, Drain, Stop};
use super::doubts::{Doubt, Said, Settlement};
use super::limits::{backoff, is_spent};
use crate::failure::{Failure, Kind, Result};
use crate::message::{Channel, DeliveryState};
use crate::store::{Settled, Waiting};

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

    /// As it was: it is not the message's doing.
    fn untouched(&self, waiting: &Waiting, reason: &str) -> Settled {
        let settled = match waiting.lost {
            0 => self.is(waiting, DeliveryState::Queued, reason),
            _ => Settled { due: Some(self.moment()), ..self.is(waiting, DeliveryState::Unknown, reason) },
        };
        Settled { uncounted: true, trying: waiting.trying, ..settled }
    }

    /// It is tried again. That it may have arrived is not forgotten over it.
    fn later(&self, waiting: &Waiting, reason: &str) -> Settled {
        let state = if waiting.lost > 0 { DeliveryState::Unknown } else { DeliveryState::Deferred };
        Settled { due: Some(self.moment() + backoff(waiting.attempts)), ..self.is(waiting, state, reason) }
    }

    /// What an answer means for the message, and whether it ends the channel's work for now.
    pub(super) fn judge(
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
                self.taken(delivery)?;
                (Settled { reference, ..self.is(waiting, DeliveryState::Sent, "") }, None)
            }
            Answer::Refused { refusal, named: true } if self.doubts.anything_taken() => {
                tracing::warn!(outbox, channel, reason = refusal.reason, "refused for good");
                (self.is(waiting, DeliveryState::Failed, refusal.reason), None)
            }
            Answer::Refused { refusal, .. } => {
                let said = Said::Refused(refusal.reason.clone());
                self.refused(waiting, said, refusal, carrier, delivery)?
            }
            Answer::Later(refusal) => {
                tracing::warn!(outbox, channel, reason = refusal.reason, "not taken now; it is tried again");
                let said = Said::Later(refusal.reason.clone());
                self.refused(waiting, said, refusal, carrier, delivery)?
            }
            Answer::OptedOut(reason) => {
                self.store.opt_out(&waiting.message.to.address, self.moment())?;
                tracing::warn!(outbox, channel, reason, "the number has opted out");
                (self.is(waiting, DeliveryState::Failed, reason), None)
            }
            Answer::Unknown(reason) => {
                tracing::warn!(outbox, channel, reason, "handed over, and the answer was lost");
                let repeat = waiting.lost < carrier.repeats() && !is_spent(waiting.trying_at(self.moment()));
                let due = repeat.then(|| self.moment() + backoff(waiting.attempts));
                let settled = self.is(waiting, DeliveryState::Unknown, reason);
                // A server that does not answer one message will not answer the next.
                (Settled { due, lost: true, ..settled }, Some(Stop::Trouble))
            }
            Answer::Stop(trouble) => {
                let reason = self.believe(&trouble, delivery)?;
                (self.untouched(waiting, &reason), Some(Stop::Trouble))
            }
            Answer::Doubt(trouble, reason) => {
                let said = match &trouble {
                    Trouble::Enough(..) => Said::Enough,
                    Trouble::Down(_) => Said::Down,
                    Trouble::OurFault(_) => Said::OurFault,
                };
                let refusal = match &trouble {
                    Trouble::Enough(said, _) => {
                        Refusal { said: said.clone(), ..Refusal::of(reason.clone(), "") }
                    }
                    Trouble::Down(failure) | Trouble::OurFault(failure) => Refusal {
                        said: failure.what.clone(),
                        ..Refusal::of(reason.clone(), failure.cure.clone())
                    },
                };
                let beyond_doubt = self.doubt(waiting, said, refusal);
                match (beyond_doubt, &trouble) {
                    (true, _) => drop(self.believe(&trouble, delivery)?),
                    (false, Trouble::OurFault(failure) | Trouble::Down(failure)) => {
                        tracing::warn!(outbox, channel, "not taken, others are tried: {failure}");
                    }
                    (false, Trouble::Enough(reason, _)) => {
                        tracing::warn!(outbox, channel, reason, "not taken, others are tried");
                    }
                }
                (self.later(waiting, &reason), beyond_doubt.then_some(Stop::Trouble))
            }
        })
    }

    /// A message that was refused, for now or for good. If all recipients are told so, the channel stops.
    fn refused(
        &mut self,
        waiting: &Waiting,
        said: Said,
        refusal: Refusal,
        carrier: &dyn Carrier,
        delivery: &mut Delivery,
    ) -> Result<(Settled, Option<Stop>)> {
        let settled = self.later(waiting, &refusal.reason);
        let for_good = matches!(said, Said::Refused(_));
        if !self.doubt(waiting, said, refusal.clone()) {
            return Ok((settled, None));
        }
        let alike = if for_good { "one recipient after the other was refused" } else { ALL_REFUSED };
        self.say(delivery, &all_refused(alike, &refusal, carrier))?;
        Ok((settled, Some(Stop::Trouble)))
    }

    /// The other side takes messages from us.
    fn taken(&mut self, delivery: &mut Delivery) -> Result<()> {
        delivery.sent += 1;
        if !self.doubts.anything_taken() {
            self.store.set_rest(self.channel, None)?;
        }
        let settlement = self.doubts.taken();
        self.settle_doubts(settlement, true, delivery)
    }

    /// Notes what may be about the district's own side. If that is beyond doubt, the channel stops, and no message is held
    /// liable for it.
    fn doubt(&mut self, waiting: &Waiting, said: Said, refusal: Refusal) -> bool {
        let beyond_doubt = self.doubts.add(Doubt {
            id: waiting.id,
            to: waiting.message.to.address.clone(),
            trying: waiting.trying,
            spent: is_spent(waiting.trying_at(self.moment())),
            others_taken: waiting.others_taken,
            said,
            refusal,
        });
        if beyond_doubt {
            self.put_back = self.doubts.drain().into_iter().map(|doubt| (doubt.id, doubt.trying)).collect();
        }
        beyond_doubt
    }

    fn say(&self, delivery: &mut Delivery, failure: &Failure) -> Result<()> {
        delivery.say(self.channel, self.store.due(self.channel, self.moment())?, failure);
        Ok(())
    }

    /// Says what keeps everything back, and what is noted of it with a message.
    fn believe(&self, trouble: &Trouble, delivery: &mut Delivery) -> Result<String> {
        match trouble {
            Trouble::Enough(reason, time) => {
                let until = self.moment() + TimeDelta::from_std(*time).unwrap_or_default();
                self.store.set_rest(self.channel, Some((until, reason)))?;
                let until = self.config.sync.timezone.show(until);
                let what = format!(
                    "the other side's sending limit is reached ({reason}); the remaining messages wait until {until}"
                );
                tracing::error!(channel = self.channel.word(), "{what}");
                delivery.troubles.push(what);
                Ok(reason.clone())
            }
            Trouble::Down(failure) => {
                self.say(delivery, failure)?;
                Ok("not reachable".to_owned())
            }
            Trouble::OurFault(failure) => {
                self.say(delivery, failure)?;
                Ok("refused, by no fault of the person".to_owned())
            }
        }
    }

    /// When no more is tried for now: who was refused for their own sake is given up, and the others wait. Whether the
    /// channel stops.
    pub(super) fn see_to_doubts(
        &mut self,
        carrier: &dyn Carrier,
        delivery: &mut Delivery,
    ) -> Result<Option<Stop>> {
        let put_back = std::mem::take(&mut self.put_back);
        self.put_back(&put_back)?;
        let settlement = self.doubts.close();
        let taken = self.doubts.anything_taken();
        // Too few to be sure, but the words mean the district, and nothing says otherwise.
        let perhaps_ours = settlement.tried.iter().filter(|doubt| !taken && doubt.means_us());
        let (alike, refusal) = match (settlement.ours.first(), perhaps_ours.clone().next()) {
            (Some(ours), _) => {
                (settlement.ours.len(), Some(all_refused(ALL_REFUSED, &ours.refusal, carrier)))
            }
            (None, Some(doubt)) => {
                let Refusal { said, cure, .. } = &doubt.refusal;
                let failure = Failure::new(Kind::Failed, said.clone()).at(carrier.place()).cure(cure.clone());
                (perhaps_ours.count(), Some(failure))
            }
            (None, None) => (0, None),
        };
        let stop = refusal.map(|failure| {
            delivery.say(self.channel, alike as u64, &failure);
            Stop::Trouble
        });
        self.settle_doubts(settlement, taken, delivery)?;
        Ok(stop)
    }

    fn settle_doubts(
        &mut self,
        settlement: Settlement,
        others_taken: bool,
        delivery: &mut Delivery,
    ) -> Result<()> {
        let Settlement { given_up, tried, ours } = settlement;
        for doubt in given_up {
            let (refused, reason) = (doubt.is_refusal(), doubt.refusal.reason);
            let (reason, what) = match refused {
                true => (reason, "refused for good"),
                false => (format!("{reason}, for 5 days"), "not taken for five days; it is given up"),
            };
            self.store.give_up(doubt.id, &reason, self.moment())?;
            self.tried.remove(&doubt.id);
            delivery.failed += 1;
            delivery.given_up += u64::from(!refused);
            tracing::warn!(outbox = doubt.id, channel = self.channel.word(), reason, "{what}");
        }
        if others_taken {
            let ids: Vec<i64> = tried.iter().map(|doubt| doubt.id).collect();
            self.store.others_were_taken(&ids)?;
        }
        let ours: Vec<(i64, i64)> = ours.into_iter().map(|doubt| (doubt.id, doubt.trying)).collect();
        self.put_back(&ours)
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
