//! Telling people what the sync changed: what is said (`words`, `compose`), and handing it over (`drain`).
//!
//! Who is told is the plan's business. A message is composed when it is queued, in the transaction of the change, so
//! that what was promised is what is sent, whenever that is. By `mime` and `smtp` or `folder` it goes out as mail, by
//! `twilio` or `gateway` as a text; `answer` is what a mail server's answers mean, `pace` how fast it may go.

mod admins;
mod answer;
mod carrier;
mod compose;
mod delivery;
mod doubts;
mod drain;
mod edited;
mod folder;
mod foresee;
mod gateway;
mod gsm7;
mod http;
mod limits;
mod mime;
mod outlook;
mod pace;
mod ping;
mod sample;
mod smtp;
mod token;
mod twilio;
mod words;

use crate::config::Config;
use crate::failure::Result;
use crate::lock::{Lock, Of, PATIENCE};
use crate::store::Store;

pub use admins::{send_kept_summaries, tell_admins};
pub use compose::{About, Occasion, compose};
pub use delivery::{Delivery, Held, Stuck};
pub use drain::Sending;
pub use edited::{Editor, compose_edit};
pub use foresee::check_quiet_hours;
pub use outlook::outlook;
pub use ping::{Ping, ping};
pub use sample::send_sample;
pub use words::Words;

impl<'a> Occasion<'a> {
    /// What messages of this moment have in common.
    pub fn of(config: &'a Config, words: &'a Words, at: chrono::DateTime<chrono::Utc>) -> Self {
        let phones = crate::contact::PhoneReader::new(config.sync.default_region);
        Self { at, zone: config.sync.timezone, notify: &config.notify, words, phones }
    }

    /// Whom to contact if something is wrong, in this language as far as the configuration says.
    fn contact(&self, language: &str) -> &'a str {
        let own = self.notify.contacts.get(language).or(self.notify.contact.as_ref());
        let own = own.map_or(if language == "es" { "su escuela" } else { "your school" }, String::as_str);
        // The sentence has a full stop of its own.
        own.trim_end().trim_end_matches('.')
    }
}

/// Hands over what is due in the outbox, if nobody else is doing that. Whoever is about to finish is waited for: it may not
/// have seen what was queued last.
///
/// # Errors
/// `Busy` if somebody else is, and those of the store. That a message cannot be handed over is no error: it stays queued
/// and is counted.
pub fn send(store: &Store, config: &Config, sending: &Sending<'_>) -> Result<Delivery> {
    let stamp = config.sync.timezone.show(sending.now);
    let _lock = Lock::take(&config.sync.store, Of::Outbox, &stamp, PATIENCE)?;
    drain::deliver(store, config, sending)
}
