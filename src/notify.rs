//! Notifications: composing a message (`compose`, `templates`,
//! `built_in`), and handing it over (`drain`).
//!
//! Which person gets a message is decided in `plan/recipients`. A message is composed when it is
//! queued, in the transaction of the change, and sent as it is; `drain` drops a message that is out
//! of date. Email goes through `mime` to `smtp` or `folder`, a text to `twilio` or `gateway`; all of
//! them are a `carrier`. `refusals` decides whether a refusal is about one recipient or about the district.
//! Outside the outbox: `sample`, `admins` (the summary of a run), `ping` (monitors).

mod admins;
mod built_in;
mod carrier;
mod check;
mod compose;
mod delivery;
mod drain;
mod folder;
mod gateway;
mod gsm7;
mod http;
mod language;
mod mime;
mod outlook;
mod pace;
mod ping;
mod refusals;
mod retry;
mod sample;
mod samples;
mod smtp;
mod templates;
mod twilio;

use crate::config::Config;
use crate::failure::Result;
use crate::lock::{Lock, Of, PATIENCE};
use crate::store::Store;

pub use admins::{send_kept_summaries, tell_admins};
pub use built_in::built_in_templates;
pub use check::{check_names, check_quiet_hours};
pub use compose::{About, Editor, Occasion, compose};
pub use delivery::{Delivery, GIVEN_UP, Held, Stuck};
pub use drain::Sending;
pub use gsm7::{Segments, segments};
pub use outlook::outlook;
pub use ping::{Ping, ping};
pub use sample::send_sample;
pub use samples::samples_page;
pub use templates::Templates;

/// Hands over what is due in the outbox. If another process is sending, waits for it for a moment:
/// it may have missed the messages that were queued last.
///
/// # Errors
/// `Busy` if another process is still sending, and those of the store. A message that cannot be
/// handed over is no error: it stays queued and is counted.
pub fn send(store: &Store, config: &Config, sending: &Sending<'_>) -> Result<Delivery> {
    let stamp = config.sync.timezone.show(sending.now);
    let _lock = Lock::take(&config.sync.store, Of::Outbox, &stamp, PATIENCE)?;
    drain::deliver(store, config, sending)
}
