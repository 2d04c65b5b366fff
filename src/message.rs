//! A notification as plain data: recipient, channel and text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The way of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Email,
    Sms,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// The column of the platform's export that says whether a person has left the channel, and the
    /// name of such a change in the history.
    pub const fn opt_out(self) -> &'static str {
        match self {
            Self::Email => "email_opt_out",
            Self::Sms => "sms_opt_out",
        }
    }
}

/// Whether an address is still the person's. An old address may belong to another person now, and
/// never gets a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    Current,
    Former,
}

impl Audience {
    pub const ALL: [Self; 2] = [Self::Current, Self::Former];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Former => "former",
        }
    }
}

/// One address or number that gets a message.
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

/// A composed message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub to: Recipient,
    /// Empty for a text message.
    pub subject: String,
    pub body: String,
    /// The same as HTML; empty for a text message.
    pub html: String,
}

/// Texts stay out of logs.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({:?})", self.to)
    }
}

/// The state of a message in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    Queued,
    /// Being handed over, or the process was killed while it sent the message.
    Sending,
    Sent,
    /// Not accepted this time; it is tried again.
    Deferred,
    /// Refused for good.
    Failed,
    /// Handed over, but the answer was lost.
    Unknown,
    /// Given up, by hand or because it is out of date.
    Discarded,
}

impl DeliveryState {
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Deferred,
        Self::Failed,
        Self::Unknown,
        Self::Discarded,
    ];

    pub const fn word(self) -> &'static str {
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
