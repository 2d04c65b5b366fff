//! Whether refusals are about recipients or about the district's own side. Pure.
//!
//! A relay whose limit is reached, or whose settings were changed, refuses every recipient, in
//! words of its choice. If each refusal counted against its recipient, a whole district would fail.
//! If none did, addresses that are gone would be tried every night. So a refusal stays open until
//! another message is accepted; then it counts against its recipient.

use std::collections::HashSet;

use super::carrier::Refusal;

/// What a recipient was refused for, as far as the words say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RefusalKind {
    Refused(String),
    Later(String),
    LimitReached,
    Unreachable,
    DistrictFault,
}

/// A refusal of which it is not yet known what it is about. The message is deferred in the outbox
/// meanwhile.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct OpenRefusal {
    pub id: i64,
    pub to: String,
    /// For how many seconds the message had been tried before this try.
    pub trying: i64,
    /// The message was tried for so long that it is given up, unless the refusal is about the
    /// district.
    pub spent: bool,
    /// In an earlier session other messages were accepted, and this one was not.
    pub others_taken: bool,
    pub said: RefusalKind,
    pub refusal: Refusal,
}

/// The open refusals of a session, since a message was accepted last.
#[derive(Default)]
pub(super) struct Refusals {
    open: Vec<OpenRefusal>,
    /// Whether any message was accepted in this session.
    taken: bool,
}

#[derive(Default, PartialEq, Eq)]
pub(super) struct Settlement {
    /// They are about their recipients: refused for good, or tried for long enough.
    pub given_up: Vec<OpenRefusal>,
    /// The try counts, and the messages are tried again.
    pub tried: Vec<OpenRefusal>,
    /// They are about the district's own side: the try does not count.
    pub district: Vec<OpenRefusal>,
}

/// This many recipients are enough, if the words mean the district, or a sending limit.
const ENOUGH_FOR_DISTRICT: usize = 3;
/// This many refusals alike with no message accepted in between are about the district: no list has
/// so many wrong addresses in a row.
const ENOUGH_REFUSALS: usize = 20;
/// This many are enough if no message was accepted at all.
const ENOUGH_ALONE: usize = 3;

impl Refusals {
    pub(super) fn anything_taken(&self) -> bool {
        self.taken
    }

    /// A message was accepted, so the open refusals were about their recipients.
    pub(super) fn taken(&mut self) -> Settlement {
        self.taken = true;
        let (given_up, tried) = self.drain().into_iter().partition(|open| open.is_refusal() || open.spent);
        Settlement { given_up, tried, district: Vec::new() }
    }

    /// Adds a refusal. Returns whether it is now certain that the refusals are about the district.
    pub(super) fn add(&mut self, refusal: OpenRefusal) -> bool {
        let enough = match &refusal.said {
            RefusalKind::Refused(_) => ENOUGH_REFUSALS,
            // The server says itself that it accepts a later try; all recipients have to be known
            // to it by then.
            RefusalKind::Later(_) if refusal.refusal.greylisted => usize::MAX,
            RefusalKind::Later(_) if self.taken => ENOUGH_REFUSALS,
            RefusalKind::Later(_)
            | RefusalKind::LimitReached
            | RefusalKind::Unreachable
            | RefusalKind::DistrictFault => ENOUGH_FOR_DISTRICT,
        };
        let said = refusal.said.clone();
        self.open.push(refusal);
        self.recipients(&said) >= enough
    }

    /// Settles the open refusals at the end of a session.
    pub(super) fn close(&mut self) -> Settlement {
        let mut settlement = Settlement::default();
        for open in &self.open {
            let all_alike = self.recipients(&open.said) >= ENOUGH_ALONE;
            let is_about_recipient = match &open.said {
                RefusalKind::Refused(_) => !all_alike || open.spent,
                RefusalKind::Later(_) => open.spent && (self.taken || open.others_taken),
                RefusalKind::LimitReached | RefusalKind::Unreachable | RefusalKind::DistrictFault => {
                    open.spent && self.taken
                }
            };
            let pile = if !open.means_district() && all_alike && !self.taken {
                &mut settlement.district
            } else if is_about_recipient {
                &mut settlement.given_up
            } else {
                &mut settlement.tried
            };
            pile.push(open.clone());
        }
        self.open.clear();
        settlement
    }

    pub(super) fn drain(&mut self) -> Vec<OpenRefusal> {
        std::mem::take(&mut self.open)
    }

    /// The number of different recipients that were refused for this.
    fn recipients(&self, said: &RefusalKind) -> usize {
        let alike = self.open.iter().filter(|open| open.said == *said);
        alike.map(|open| open.to.to_lowercase()).collect::<HashSet<_>>().len()
    }
}

impl OpenRefusal {
    /// The words are about the district's own side.
    pub(super) fn means_district(&self) -> bool {
        !matches!(self.said, RefusalKind::Refused(_) | RefusalKind::Later(_))
    }

    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.said, RefusalKind::Refused(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(id: i64, said: RefusalKind) -> OpenRefusal {
        OpenRefusal {
            id,
            to: format!("a{id}@mail.example"),
            trying: 0,
            spent: false,
            others_taken: false,
            said,
            refusal: Refusal::of("", ""),
        }
    }

    fn refused(id: i64, reason: &str) -> OpenRefusal {
        open(id, RefusalKind::Refused(reason.into()))
    }

    fn later(id: i64) -> OpenRefusal {
        open(id, RefusalKind::Later("450 4.1.8".into()))
    }

    fn ids(refusals: &[OpenRefusal]) -> Vec<i64> {
        refusals.iter().map(|open| open.id).collect()
    }

    #[test]
    fn a_refusal_counts_once_another_message_is_accepted() {
        let mut refusals = Refusals::default();
        assert!(!refusals.add(refused(1, "550")) && !refusals.add(open(2, RefusalKind::DistrictFault)));
        let settlement = refusals.taken();
        assert_eq!((ids(&settlement.given_up), ids(&settlement.tried)), (vec![1], vec![2]));
        assert!(refusals.drain().is_empty());
    }

    #[test]
    fn a_message_tried_for_long_enough_is_given_up_if_others_are_accepted() {
        let mut refusals = Refusals::default();
        for said in [RefusalKind::DistrictFault, RefusalKind::Later("450".into())] {
            let old = OpenRefusal { spent: true, ..open(1, said) };
            refusals.add(old.clone());
            assert_eq!(
                ids(&Refusals { open: refusals.drain(), taken: false }.close().tried),
                [1],
                "perhaps about the district"
            );
            refusals.add(old.clone());
            assert_eq!(ids(&refusals.taken().given_up), [1]);
            refusals.add(old.clone());
            assert_eq!(ids(&refusals.close().given_up), [1]);
        }
        // Others were accepted on an earlier night.
        let mut refusals = Refusals::default();
        refusals.add(OpenRefusal { spent: true, others_taken: true, ..later(1) });
        assert_eq!(ids(&refusals.close().given_up), [1]);
    }

    #[test]
    fn three_recipients_with_the_same_refusal_are_enough() {
        let mut refusals = Refusals::default();
        assert!(
            !refusals.add(open(1, RefusalKind::LimitReached))
                && !refusals.add(open(2, RefusalKind::DistrictFault))
        );
        assert!(!refusals.add(open(3, RefusalKind::LimitReached)));
        assert!(
            !refusals.add(OpenRefusal { id: 4, ..open(3, RefusalKind::LimitReached) }),
            "the same recipient again"
        );
        assert!(refusals.add(open(5, RefusalKind::LimitReached)));
    }

    #[test]
    fn three_deferred_recipients_stop_the_channel_if_nothing_was_accepted() {
        let mut refusals = Refusals::default();
        assert!(!refusals.add(later(1)) && !refusals.add(later(2)) && refusals.add(later(3)));
        // If others are accepted, twenty are needed, as for refusals.
        let mut refusals = Refusals { taken: true, ..Refusals::default() };
        assert!((1..20).all(|id| !refusals.add(later(id))) && refusals.add(later(20)));
        // Greylisting ends soon: all are tried, and no try counts.
        let greylisted =
            |id| OpenRefusal { refusal: Refusal { greylisted: true, ..Refusal::of("", "") }, ..later(id) };
        let mut refusals = Refusals::default();
        assert!((1..=40).all(|id| !refusals.add(greylisted(id))));
        assert_eq!(refusals.close().district.len(), 40);
    }

    #[test]
    fn one_or_two_deferred_recipients_are_tried_again() {
        let mut refusals = Refusals::default();
        refusals.add(later(1));
        refusals.add(open(2, RefusalKind::Later("451".into())));
        assert_eq!(ids(&refusals.close().tried), [1, 2]);
    }

    #[test]
    fn twenty_refusals_alike_are_about_the_district() {
        let mut refusals = Refusals::default();
        for id in 1..20 {
            assert!(!refusals.add(refused(id, "550 5.7.1")), "{id}");
            assert!(id % 5 != 0 || !refusals.add(refused(100 + id, "550 5.1.1")));
        }
        assert!(refusals.add(refused(20, "550 5.7.1")));
    }

    #[test]
    fn few_refusals_are_about_their_recipients_unless_there_is_no_other_answer() {
        let mut refusals = Refusals::default();
        refusals.add(refused(1, "550 5.7.1"));
        refusals.add(refused(2, "550 5.7.1"));
        assert_eq!(ids(&refusals.close().given_up), [1, 2]);
        for id in 1..=3 {
            refusals.add(refused(id, "550 5.7.1"));
        }
        refusals.add(refused(4, "550 5.1.1"));
        let settlement = refusals.close();
        assert_eq!((ids(&settlement.given_up), ids(&settlement.district)), (vec![4], vec![1, 2, 3]));
        // If others were accepted before them, they are tried again, and given up in the end.
        let mut refusals = Refusals { taken: true, ..Refusals::default() };
        for id in 1..=3 {
            refusals.add(OpenRefusal { spent: id == 3, ..refused(id, "550 5.7.1") });
        }
        let settlement = refusals.close();
        assert_eq!((ids(&settlement.given_up), ids(&settlement.tried)), (vec![3], vec![1, 2]));
    }
}
