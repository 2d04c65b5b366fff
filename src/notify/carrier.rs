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
    Refused { refusal: Refusal, named: bool },
    /// The owner of the number wants no texts.
    OptedOut(String),
    /// This message not now.
    Later(Refusal),
    /// It may have arrived.
    Unknown(String),
    /// It says nothing about the message: nothing will go now, whoever it is for.
    Stop(Trouble),
    /// It was said of this recipient, and in words that mean everybody; others will show. And the code of it.
    Doubt(Trouble, String),
}

/// What the other side said about a message that it did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The code: what is noted with the message, and what refusals are compared by.
    pub reason: String,
    /// The code and the other side's words, without addresses, numbers and secrets.
    pub said: String,
    /// What helps if it is said to all recipients.
    pub cure: String,
    /// The other side asks for a second try after some minutes (greylisting), as it does with every new sender.
    pub greylisted: bool,
}

impl Refusal {
    /// One of which only a code is known.
    pub(super) fn of(reason: impl Into<String>, cure: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { said: reason.clone(), reason, cure: cure.into(), greylisted: false }
    }
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

    /// Where messages go, as failures name it.
    fn place(&self) -> String;

    /// How often one that may have arrived is handed over again without anybody asking for it.
    fn repeats(&self) -> u32;

    /// No more is coming for now.
    fn finish(&mut self) {}
}

/// Where a repeated message is the same one: it is looked up first, or the other side knows it.
pub(super) const AT_WILL: u32 = u32::MAX;
