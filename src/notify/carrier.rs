//! A carrier hands messages over, whatever the channel; [`Answer`] is everything that can become of
//! one message.

use std::time::Duration;

use crate::failure::{Failure, Kind, Result};
use crate::store::Waiting;

/// What became of a message that was handed over. Reasons never hold an address or a number.
#[derive(Debug)]
pub(super) enum Answer {
    /// Accepted; with the id that the server or gateway gave it, if it gave one.
    Sent(String),
    /// Refused for good. `named`: the words name the recipient, so they say nothing about others.
    Refused {
        refusal: Refusal,
        named: bool,
    },
    OptedOut(String),
    Later(Refusal),
    Unknown(String),
    /// No message can be sent now, to any recipient.
    Stop(Trouble),
    /// Said of this recipient, in words that may mean all recipients; other messages show it. With
    /// the code.
    MaybeStop(Trouble, String),
}

impl Answer {
    /// The id of an accepted message; everything else as a failure, for messages outside the
    /// outbox.
    pub(super) fn accepted(self, server: &str, cure: &str) -> Result<String> {
        let (what, cure) = match self {
            Self::Sent(id) => return Ok(id),
            Self::Stop(Trouble::Unreachable(failure) | Trouble::DistrictFault(failure))
            | Self::MaybeStop(Trouble::Unreachable(failure) | Trouble::DistrictFault(failure), _) => {
                return Err(failure);
            }
            Self::Refused { refusal, .. } => {
                (format!("refuses the recipient: {}", refusal.said), cure.to_owned())
            }
            Self::OptedOut(reason) => {
                (format!("says that the owner wants no texts: {reason}"), cure.to_owned())
            }
            Self::Later(Refusal { said, cure: own, .. }) => (
                format!("does not accept it now: {said}"),
                if own.is_empty() { cure.to_owned() } else { own },
            ),
            Self::Unknown(reason) => (format!("may have accepted it: {reason}"), cure.to_owned()),
            Self::Stop(Trouble::LimitReached(reason, _))
            | Self::MaybeStop(Trouble::LimitReached(reason, _), _) => {
                (format!("does not accept it now: {reason}"), cure.to_owned())
            }
        };
        Err(Failure::new(Kind::Failed, format!("{server} {what}")).cure(cure))
    }
}

/// What a server or gateway said about a message that it did not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The code: it is noted with the message, and refusals are compared by it.
    pub reason: String,
    /// The code and the server's words, without addresses, numbers and secrets.
    pub said: String,
    /// What helps if it is said to all recipients.
    pub cure: String,
    /// The server asks for a second try after some minutes, as it does with every new sender.
    pub greylisted: bool,
}

impl Refusal {
    pub(super) fn of(reason: impl Into<String>, cure: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { said: reason.clone(), reason, cure: cure.into(), greylisted: false }
    }
}

/// What keeps all messages of a channel back.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The sending limit is reached: no more messages for so long.
    LimitReached(String, Duration),
    Unreachable(Failure),
    /// It refuses the district: no message goes until a person has corrected that.
    DistrictFault(Failure),
}

pub(super) trait Carrier {
    fn hand_over(&mut self, waiting: &Waiting) -> Answer;

    /// Where messages go, as failures name it.
    fn place(&self) -> String;

    /// How often a message that may have arrived is repeated without a person's decision.
    fn repeats(&self) -> u32;

    /// No more messages come for now.
    fn finish(&mut self) {}
}

/// A repeated message does no harm: it is looked up first, or recognised as the same one.
pub(super) const AT_WILL: u32 = u32::MAX;

/// A server's words, with `<address>` and `<number>` in place of what looks like one.
pub(super) fn harmless(text: &str) -> String {
    let word = |word: &str| {
        let core = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '+');
        let digits = core.chars().filter(char::is_ascii_digit).count();
        let in_its_place = match core {
            _ if word.contains('@') => "<address>",
            _ if digits >= 7 && core.parse::<std::net::IpAddr>().is_err() => "<number>",
            _ => return word.to_owned(),
        };
        let end = if word.ends_with([':', ',', ';']) { &word[word.len() - 1..] } else { "" };
        format!("{in_its_place}{end}")
    };
    let mut text = text.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(200) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_words_hold_no_address_and_no_number() {
        assert_eq!(
            harmless("no <rosa@x.example>: at +17185550142, [192.168.100.200] sorry"),
            "no <address>: at <number>, [192.168.100.200] sorry"
        );
    }
}
