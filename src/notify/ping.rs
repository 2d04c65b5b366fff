//! Pings to whoever watches over the run, as healthchecks.io and its like take them.

use std::time::Duration;

use super::http::{self, Lost};
use crate::config::Config;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    Start,
    Success,
    Failure,
}

impl Ping {
    fn path(self) -> &'static str {
        match self {
            Self::Start => "/start",
            Self::Success => "",
            Self::Failure => "/fail",
        }
    }
}

/// A monitor that does not answer must not hold up a run for long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells the monitor, with a line of counts and no details. What goes wrong with it is only mentioned: a run is not better
/// or worse for who watches it. The address is a secret; it is not shown.
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
        Ok(Ok(reply)) => tracing::warn!(status = reply.status, "the monitor did not take the ping"),
        Ok(Err(Lost::Unsent(why) | Lost::Unanswered(why))) => {
            tracing::warn!("the monitor cannot be reached: {why}");
        }
        Err(failure) => tracing::warn!("the monitor cannot be told: {failure}"),
    }
}
