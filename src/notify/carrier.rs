//! What hands messages over, whatever the channel, and what can become of one.

use std::time::Duration;

use crate::failure::Failure;
use crate::store::Waiting;

/// What became of a message that was handed over. Reasons never hold an address or a number.
#[derive(Debug)]
pub(super) enum Answer {
    /// Taken; the id that the other side knows it by, if it has one.
    Sent(String),
    /// Refused for good. `named`: in words that name the recipient, so it means nobody else where others are taken.
    Refused { reason: String, named: bool },
    /// The owner of the number wants no texts.
    OptedOut(String),
    /// This message not now.
    Later(String),
    /// It may have arrived.
    Unknown(String),
    /// It says nothing about the message: nothing will go now, whoever it is for.
    Stop(Trouble),
    /// It was said of this recipient, and in words that mean everybody; others will show. And the code of it.
    Doubt(Trouble, String),
}

/// What keeps all messages back.
#[derive(Debug)]
pub(super) enum Trouble {
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

    /// How often one that may have arrived is handed over again without anybody asking for it.
    fn repeats(&self) -> u32;

    /// No more is coming for now.
    fn finish(&mut self) {}
}

/// Where a repeated message is the same one: it is looked up first, or the other side knows it.
pub(super) const AT_WILL: u32 = u32::MAX;
