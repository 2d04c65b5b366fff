//! What hands messages over, whatever the channel, and what can become of one.

use std::time::Duration;

use crate::failure::Failure;
use crate::store::Waiting;

/// What became of a message that was handed over. Reasons never hold an address or a number.
#[derive(Debug)]
pub(super) enum Answer {
    /// Taken; the id that the other side knows it by, if it has one.
    Sent(String),
    /// Refused, for this person and for good.
    Refused(String),
    /// The owner of the number wants no texts.
    OptedOut(String),
    /// This message not now.
    Later(String),
    /// It may have arrived. It is tried again by itself only if that can do no harm.
    Unknown { reason: String, repeat: bool },
    /// Nothing more for so long.
    Enough(String, Duration),
    /// The other side cannot be reached.
    Down(Failure),
    /// Nothing will go until somebody mends it.
    OurFault(Failure),
}

/// A way to hand messages over.
pub(super) trait Carrier {
    /// Hands one message over.
    fn hand_over(&mut self, waiting: &Waiting) -> Answer;

    /// No more is coming.
    fn finish(&mut self) {}
}
