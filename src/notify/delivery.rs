//! What became of the messages that were due: counts, and why messages wait.

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::failure::Failure;
use crate::findings::{At, Findings};
use crate::message::Channel;
use crate::owner;
use crate::plural::{agreed, counted};

/// In the reason of an attempt: no later message makes up for these.
pub const GIVEN_UP: &str = "given up after five days";

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    pub sent: u64,
    /// Refused for good: the person cannot be told this way.
    pub failed: u64,
    /// They could not be handed over and stay queued, or it is not known whether they were.
    pub undelivered: u64,
    /// Of those, the ones that are not tried again by themselves: a person has to decide on them.
    pub unknown: u64,
    /// Of those refused for good, the ones that were tried for five days.
    pub given_up: u64,
    /// They wait because of pace, quiet hours or a relay that has had enough.
    pub held: Vec<Held>,
    /// A channel was stopped: its server refuses the district, or cannot be reached.
    pub stopped: bool,
    /// Channels on which nothing was handed over for a day although something was due.
    pub stuck: Vec<Stuck>,
    /// Why channels were stopped, in the words of the log.
    pub troubles: Vec<String>,
    /// Why the log of sent messages could not be read, or a message not be noted in it.
    pub not_noted: Option<String>,
    /// Why the pace was not shared with the other processes that use the same account.
    pub not_paced: Option<String>,
}

/// Messages of a channel on which nothing is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    pub channel: Channel,
    pub count: u64,
    pub since: DateTime<Utc>,
    /// What keeps them back, where that is known.
    pub why: Option<String>,
}

impl Delivery {
    /// Whether the messages are a problem that a person has to look at: exit status 8.
    pub fn is_undelivered(&self) -> bool {
        self.stopped || self.unknown > 0 || self.given_up > 0 || !self.stuck.is_empty()
    }

    /// Adds what a person has to look at, although all messages were handed over.
    pub fn find(&self, config: &Config, findings: &mut Findings) {
        if let Some(why) = &self.not_noted {
            findings.attention("sent-not-noted", At::file(&owner::name_of(&config.sync.store)), || {
                format!(
                    "{why}; fix the cause: if the store is restored from a copy, people could be told twice"
                )
            });
        }
        if let Some(why) = &self.not_paced {
            findings.attention("pace-not-shared", At::file(&owner::name_of(&config.file)).column("pace_file"), || {
                format!("{why}; this district sent at its own pace, and all of them together may go over `per_minute`")
            });
        }
    }

    /// That problem in a sentence for the record of the run; none where there is no such problem.
    pub fn problem(&self) -> Option<String> {
        if !self.is_undelivered() {
            return None;
        }
        let notifications = |count: u64, what: [&str; 2]| {
            format!("{} {}", counted(count, "notification", "notifications"), agreed(count, what[0], what[1]))
        };
        let stuck: u64 = self.stuck.iter().map(|stuck| stuck.count).sum();
        Some(if self.stopped && self.undelivered > 0 {
            notifications(self.undelivered, ["could not be handed over", "could not be handed over"])
        } else if stuck > 0 {
            format!("{}, and none was handed over for a day", notifications(stuck, ["waits", "wait"]))
        } else if self.given_up > 0 {
            notifications(self.given_up, [&format!("was {GIVEN_UP}"), &format!("were {GIVEN_UP}")])
        } else if self.unknown > 0 {
            notifications(self.unknown, ["may have arrived", "may have arrived"])
        } else {
            "a channel was stopped".to_owned()
        })
    }

    /// Says why messages of a channel stay queued: in the log, and for the administrators.
    pub(super) fn say(&mut self, channel: Channel, messages: u64, failure: &Failure) {
        self.troubles.push(failure.to_string());
        let channel = channel.word();
        tracing::error!(channel, messages, "messages stay queued: {failure}");
    }
}

/// Messages that wait for better times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub channel: Channel,
    pub count: u64,
    /// None: until the next run.
    pub until: Option<DateTime<Utc>>,
    pub why: String,
}
