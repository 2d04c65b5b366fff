//! Pings for monitors of cron jobs, in the form of healthchecks.io.

use std::time::Duration;

use super::http::{self, Lost};
use crate::config::Config;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    Start,
    /// With the exit status; 0 is a success.
    Ended(u8),
}

impl Ping {
    fn path(self) -> String {
        match self {
            Self::Start => "/start".to_owned(),
            Self::Ended(exit) => format!("/{exit}"),
        }
    }
}

/// The longest wait: a monitor that does not answer must not delay a run.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends a ping, with a text that has no details of people. A failure is only a warning in the log:
/// it does not change how the run ends. The address is a secret, and is not shown.
pub fn ping(config: &Config, ping: Ping, text: &str) {
    let Some(place) = config.monitor.ping_url() else { return };
    let said = place.read().and_then(|url| {
        let client = http::client(PATIENCE, None)?;
        let (address, query) = match url.reveal().split_once('?') {
            Some((address, query)) => (address, format!("?{query}")),
            None => (url.reveal(), String::new()),
        };
        let url = format!("{}{}{query}", address.trim_end_matches('/'), ping.path());
        Ok(http::send(client.post(url).body(text.to_owned())))
    });
    match said {
        Ok(Ok(reply)) if (200..300).contains(&reply.status) => {}
        Ok(Ok(reply)) => tracing::warn!(status = reply.status, "the monitor did not accept the ping"),
        Ok(Err(Lost::Unsent(why) | Lost::Unanswered(why))) => {
            tracing::warn!("the monitor cannot be reached: {why}");
        }
        Err(failure) => tracing::warn!("the ping cannot be sent: {failure}"),
    }
}
