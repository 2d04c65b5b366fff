//! Whether what is said of some recipients means them or us. Pure.
//!
//! A relay that has had enough, or that somebody has set up anew at night, says so to every recipient, in words that it
//! chooses. Taken at its word it would fail a whole district; never taken at its word, it would be asked for people who are
//! gone every night. So a refusal counts once another message was taken; and until then it is held.

/// What a recipient was told that may be about us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Refused for good, with this code.
    Refused(String),
    Enough,
    Down,
    OurFault,
}

/// A message that waits for it to be seen. It is deferred in the outbox meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubt {
    pub id: i64,
    pub to: String,
    pub attempts: u32,
    pub said: Said,
    pub reason: String,
}

/// The doubts since a message was taken last.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    open: Vec<Doubt>,
    /// Whether anything was taken in this session.
    taken: bool,
}

/// So many recipients who are all told that we are at fault, or that it is enough, are enough to believe it.
const TOLD: usize = 3;
/// So many refusals, all alike and nothing taken among them, are about us: nobody has so many wrong addresses in a row.
const REFUSED: usize = 20;
/// So many are about us if nothing else was heard.
const ALONE: usize = 3;

impl Doubts {
    pub(super) fn anything_taken(&self) -> bool {
        self.taken
    }

    /// A message was taken: what others were told was about them. Returns those who are done with, and forgets the others.
    pub(super) fn taken(&mut self, most: u32) -> Vec<Doubt> {
        self.taken = true;
        let open = std::mem::take(&mut self.open);
        open.into_iter().filter(|doubt| doubt.is_refusal() || doubt.attempts >= most).collect()
    }

    /// One more. Whether it is beyond doubt now that it is about us.
    pub(super) fn add(&mut self, doubt: Doubt) -> bool {
        let most = if doubt.is_refusal() { REFUSED } else { TOLD };
        let said = doubt.said.clone();
        self.open.push(doubt);
        self.recipients(&said) >= most
    }

    /// What is left when there is nothing more to be learnt: those who are done with, and those who are tried again.
    pub(super) fn close(&mut self, most: u32) -> (Vec<Doubt>, Vec<Doubt>) {
        let open = std::mem::take(&mut self.open);
        let alone = Self { open, taken: self.taken };
        let is_theirs = |doubt: &Doubt| match doubt.is_refusal() {
            true => alone.recipients(&doubt.said) < ALONE || doubt.attempts >= most,
            false => alone.taken && doubt.attempts >= most,
        };
        alone.open.iter().cloned().partition(is_theirs)
    }

    /// Takes all of them out.
    pub(super) fn drain(&mut self) -> Vec<Doubt> {
        std::mem::take(&mut self.open)
    }

    /// How many different recipients were told this.
    fn recipients(&self, said: &Said) -> usize {
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

impl Doubt {
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.said, Said::Refused(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubt(id: i64, said: Said) -> Doubt {
        Doubt { id, to: format!("a{id}@mail.example"), attempts: 1, said, reason: String::new() }
    }

    fn refused(id: i64, reason: &str) -> Doubt {
        doubt(id, Said::Refused(reason.into()))
    }

    fn ids(doubts: &[Doubt]) -> Vec<i64> {
        doubts.iter().map(|doubt| doubt.id).collect()
    }

    #[test]
    fn a_refusal_counts_once_somebody_else_is_taken() {
        let mut doubts = Doubts::default();
        assert!(!doubts.add(refused(1, "550")) && !doubts.add(doubt(2, Said::OurFault)));
        assert_eq!(ids(&doubts.taken(12)), [1], "the other one is tried again");
        assert!(doubts.drain().is_empty());
    }

    #[test]
    fn who_is_tried_for_the_twelfth_time_is_done_with_if_others_are_taken() {
        let mut doubts = Doubts::default();
        let old = Doubt { attempts: 12, ..doubt(1, Said::OurFault) };
        doubts.add(old.clone());
        assert_eq!(doubts.close(12).0, [], "perhaps it is our fault");
        doubts.add(old.clone());
        assert_eq!(ids(&doubts.taken(12)), [1]);
        doubts.add(old.clone());
        assert_eq!(doubts.close(12).0, [old]);
    }

    #[test]
    fn three_recipients_who_are_told_the_same_are_believed() {
        let mut doubts = Doubts::default();
        assert!(!doubts.add(doubt(1, Said::Enough)) && !doubts.add(doubt(2, Said::OurFault)));
        assert!(!doubts.add(doubt(3, Said::Enough)));
        assert!(!doubts.add(Doubt { id: 4, ..doubt(3, Said::Enough) }), "the same recipient again");
        assert!(doubts.add(doubt(5, Said::Enough)));
    }

    #[test]
    fn refusals_that_are_all_alike_are_about_us() {
        let mut doubts = Doubts::default();
        for id in 1..20 {
            assert!(!doubts.add(refused(id, "550 5.7.1")), "{id}");
            assert!(id % 5 != 0 || !doubts.add(refused(100 + id, "550 5.1.1")));
        }
        assert!(doubts.add(refused(20, "550 5.7.1")));
    }

    #[test]
    fn few_refusals_are_about_the_people_unless_they_are_all_that_was_heard() {
        let mut doubts = Doubts::default();
        doubts.add(refused(1, "550 5.7.1"));
        doubts.add(refused(2, "550 5.7.1"));
        assert_eq!(ids(&doubts.close(12).0), [1, 2]);
        for id in 1..=3 {
            doubts.add(refused(id, "550 5.7.1"));
        }
        doubts.add(refused(4, "550 5.1.1"));
        assert_eq!(ids(&doubts.close(12).0), [4]);
    }
}
