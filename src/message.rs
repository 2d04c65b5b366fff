//! A notification as plain data: to whom, by which channel, in which words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a message goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Email,
    Sms,
}

impl Channel {
    pub fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// Whom a message is for: an old address may belong to somebody else by now, and is never told a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    Current,
    Former,
}

impl Audience {
    pub fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Former => "former",
        }
    }
}

/// One address or number that is to be told.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Recipient {
    pub channel: Channel,
    pub audience: Audience,
    pub address: String,
}

/// Addresses stay out of logs.
impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({} {})", self.audience.word(), self.channel.word())
    }
}

/// A message, composed.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub to: Recipient,
    /// Empty for a text message.
    pub subject: String,
    pub body: String,
    /// The same for who prefers it; empty for a text message.
    pub html: String,
}

/// What is said stays out of logs.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?})", self.to)
    }
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    Queued,
    /// Being handed over; or the process died over it.
    Sending,
    Sent,
    /// Not taken this time; it is tried again.
    Deferred,
    /// Refused for good.
    Failed,
    /// Handed over, but the answer was lost.
    Unknown,
    /// By hand.
    Discarded,
}

impl DeliveryState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Discarded => "discarded",
        }
    }
}
