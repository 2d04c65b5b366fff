//! Whether what is said of some recipients is about them or about the district's own side. Pure.
//!
//! A relay that has had enough, or whose settings were changed at night, says so to every recipient, in words that it
//! chooses. If each refusal counted against its recipient, a whole district would fail; if none did, people who are gone
//! would be tried every night. So a refusal counts once another message was taken; until then it is held.

use super::carrier::Refusal;

/// What a recipient was told that may be about the district's own side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RefusalKind {
    /// Refused for good, with this code.
    Refused(String),
    /// Not now, with this code.
    Later(String),
    LimitReached,
    Unreachable,
    DistrictFault,
}

/// A message that waits for it to be seen. It is deferred in the outbox meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OpenRefusal {
    pub id: i64,
    pub to: String,
    /// For how many seconds it had been tried before this try.
    pub trying: i64,
    /// It has been tried for so long that it is given up unless it is about the district's own side.
    pub spent: bool,
    /// In an earlier session others were taken where this one was not.
    pub others_taken: bool,
    pub said: RefusalKind,
    pub refusal: Refusal,
}

/// The doubts since a message was taken last.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    open: Vec<OpenRefusal>,
    /// Whether anything was taken in this session.
    taken: bool,
}

/// What becomes of the doubts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settlement {
    /// These are the recipients' own: refused for good, or tried for long enough.
    pub given_up: Vec<OpenRefusal>,
    /// These were tried, and are tried again.
    pub tried: Vec<OpenRefusal>,
    /// These are about the district's own side: the try is not counted.
    pub ours: Vec<OpenRefusal>,
}

/// So many recipients who are all told that it is the district's fault, or that it is enough, are enough to believe it.
const TOLD: usize = 3;
/// So many refusals, all alike and nothing taken among them, are about the district's side: no list has so many wrong
/// addresses in a row.
const REFUSED: usize = 20;
/// So many are if nothing was taken at all.
const ALONE: usize = 3;

impl Refusals {
    pub(super) fn anything_taken(&self) -> bool {
        self.taken
    }

    /// A message was taken: what others were told was about them.
    pub(super) fn taken(&mut self) -> Settlement {
        self.taken = true;
        let open = std::mem::take(&mut self.open);
        let (given_up, tried) = open.into_iter().partition(|doubt| doubt.is_refusal() || doubt.spent);
        Settlement { given_up, tried, ours: Vec::new() }
    }

    /// One more. Whether it is beyond doubt now that it is about the district's side.
    pub(super) fn add(&mut self, doubt: OpenRefusal) -> bool {
        let most = match &doubt.said {
            RefusalKind::Refused(_) => REFUSED,
            // It says itself that a later try is taken; more recipients need not wait for that.
            RefusalKind::Later(_) if doubt.refusal.greylisted => usize::MAX,
            RefusalKind::Later(_) if self.taken => REFUSED,
            RefusalKind::Later(_)
            | RefusalKind::LimitReached
            | RefusalKind::Unreachable
            | RefusalKind::DistrictFault => TOLD,
        };
        let said = doubt.said.clone();
        self.open.push(doubt);
        self.recipients(&said) >= most
    }

    /// What is left when there is nothing more to be learnt.
    pub(super) fn close(&mut self) -> Settlement {
        let open = std::mem::take(&mut self.open);
        let alone = Self { open, taken: self.taken };
        let mut settlement = Settlement::default();
        for doubt in &alone.open {
            let all_alike = alone.recipients(&doubt.said) >= ALONE;
            let pile = match &doubt.said {
                RefusalKind::Refused(_) | RefusalKind::Later(_) if all_alike && !alone.taken => {
                    &mut settlement.ours
                }
                RefusalKind::Refused(_) if !all_alike || doubt.spent => &mut settlement.given_up,
                RefusalKind::Later(_) if doubt.spent && (alone.taken || doubt.others_taken) => {
                    &mut settlement.given_up
                }
                RefusalKind::LimitReached | RefusalKind::Unreachable | RefusalKind::DistrictFault
                    if doubt.spent && alone.taken =>
                {
                    &mut settlement.given_up
                }
                RefusalKind::Refused(_)
                | RefusalKind::Later(_)
                | RefusalKind::LimitReached
                | RefusalKind::Unreachable
                | RefusalKind::DistrictFault => &mut settlement.tried,
            };
            pile.push(doubt.clone());
        }
        settlement
    }

    /// Takes all of them out.
    pub(super) fn drain(&mut self) -> Vec<OpenRefusal> {
        std::mem::take(&mut self.open)
    }

    /// How many different recipients were told this.
    fn recipients(&self, said: &RefusalKind) -> usize {
        let mut to: Vec<String> = self
            .open
            .iter()
            .filter(|doubt| doubt.said == *said)
            .map(|doubt| doubt.to.to_lowercase())
            .collect();
        to.sort_unstable();
        to.dedup();
        to.len()
    }
}

impl OpenRefusal {
    /// Its words are about the district's own side.
    pub(super) fn means_us(&self) -> bool {
        matches!(self.said, RefusalKind::LimitReached | RefusalKind::Unreachable | RefusalKind::DistrictFault)
    }

    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.said, RefusalKind::Refused(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt(id: i64, said: RefusalKind) -> OpenRefusal {
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
        doubt(id, RefusalKind::Refused(reason.into()))
    }

    fn later(id: i64) -> OpenRefusal {
        doubt(id, RefusalKind::Later("450 4.1.8".into()))
    }

    fn ids(doubts: &[OpenRefusal]) -> Vec<i64> {
        doubts.iter().map(|doubt| doubt.id).collect()
    }

    #[test]
    fn a_refusal_counts_once_another_message_is_taken() {
        let mut doubts = Refusals::default();
        assert!(!doubts.add(refused(1, "550")) && !doubts.add(doubt(2, RefusalKind::DistrictFault)));
        let settlement = doubts.taken();
        assert_eq!((ids(&settlement.given_up), ids(&settlement.tried)), (vec![1], vec![2]));
        assert!(doubts.drain().is_empty());
    }

    #[test]
    fn what_was_tried_for_long_enough_is_given_up_if_others_are_taken() {
        let mut doubts = Refusals::default();
        for said in [RefusalKind::DistrictFault, RefusalKind::Later("450".into())] {
            let old = OpenRefusal { spent: true, ..doubt(1, said) };
            doubts.add(old.clone());
            assert_eq!(
                ids(&Refusals { open: doubts.drain(), taken: false }.close().tried),
                [1],
                "perhaps ours"
            );
            doubts.add(old.clone());
            assert_eq!(ids(&doubts.taken().given_up), [1]);
            doubts.add(old.clone());
            assert_eq!(ids(&doubts.close().given_up), [1]);
        }
        // Others were taken on an earlier night.
        let mut doubts = Refusals::default();
        doubts.add(OpenRefusal { spent: true, others_taken: true, ..later(1) });
        assert_eq!(ids(&doubts.close().given_up), [1]);
    }

    #[test]
    fn three_recipients_who_are_told_the_same_are_believed() {
        let mut doubts = Refusals::default();
        assert!(
            !doubts.add(doubt(1, RefusalKind::LimitReached))
                && !doubts.add(doubt(2, RefusalKind::DistrictFault))
        );
        assert!(!doubts.add(doubt(3, RefusalKind::LimitReached)));
        assert!(
            !doubts.add(OpenRefusal { id: 4, ..doubt(3, RefusalKind::LimitReached) }),
            "the same recipient again"
        );
        assert!(doubts.add(doubt(5, RefusalKind::LimitReached)));
    }

    #[test]
    fn three_who_are_not_taken_now_stop_the_channel_if_nothing_was_taken() {
        let mut doubts = Refusals::default();
        assert!(!doubts.add(later(1)) && !doubts.add(later(2)) && doubts.add(later(3)));
        // Where others are taken, it takes as many as of refusals.
        let mut doubts = Refusals { taken: true, ..Refusals::default() };
        assert!((1..20).all(|id| !doubts.add(later(id))) && doubts.add(later(20)));
        // Greylisting says itself that it is over soon: all are tried, and none is counted.
        let greylisted =
            |id| OpenRefusal { refusal: Refusal { greylisted: true, ..Refusal::of("", "") }, ..later(id) };
        let mut doubts = Refusals::default();
        assert!((1..=40).all(|id| !doubts.add(greylisted(id))));
        assert_eq!(doubts.close().ours.len(), 40);
    }

    #[test]
    fn one_or_two_who_are_not_taken_now_are_tried_again() {
        let mut doubts = Refusals::default();
        doubts.add(later(1));
        doubts.add(doubt(2, RefusalKind::Later("451".into())));
        assert_eq!(ids(&doubts.close().tried), [1, 2]);
    }

    #[test]
    fn refusals_that_are_all_alike_are_about_our_side() {
        let mut doubts = Refusals::default();
        for id in 1..20 {
            assert!(!doubts.add(refused(id, "550 5.7.1")), "{id}");
            assert!(id % 5 != 0 || !doubts.add(refused(100 + id, "550 5.1.1")));
        }
        assert!(doubts.add(refused(20, "550 5.7.1")));
    }

    #[test]
    fn few_refusals_are_about_the_people_unless_they_are_all_that_was_heard() {
        let mut doubts = Refusals::default();
        doubts.add(refused(1, "550 5.7.1"));
        doubts.add(refused(2, "550 5.7.1"));
        assert_eq!(ids(&doubts.close().given_up), [1, 2]);
        for id in 1..=3 {
            doubts.add(refused(id, "550 5.7.1"));
        }
        doubts.add(refused(4, "550 5.1.1"));
        let settlement = doubts.close();
        assert_eq!((ids(&settlement.given_up), ids(&settlement.ours)), (vec![4], vec![1, 2, 3]));
        // Where others were taken before them they are tried again, and given up in the end.
        let mut doubts = Refusals { taken: true, ..Refusals::default() };
        for id in 1..=3 {
            doubts.add(OpenRefusal { spent: id == 3, ..refused(id, "550 5.7.1") });
        }
        let settlement = doubts.close();
        assert_eq!((ids(&settlement.given_up), ids(&settlement.tried)), (vec![3], vec![1, 2]));
    }
}
