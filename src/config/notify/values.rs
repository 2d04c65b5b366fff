//! The kinds of values that only [notify] has.

use std::path::PathBuf;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::super::explain::wrong;
use super::super::values::{Zone, kind_of_value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailServer {
    /// `file:FOLDER`: one .eml for each message.
    Folder(PathBuf),
    /// `smtp://HOST:PORT`, or `smtps://` for encryption from the start.
    Smtp { host: String, port: u16, implicit_tls: bool },
}

/// As the file has it.
impl std::fmt::Display for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "file:{}", folder.display()),
            Self::Smtp { host, port, implicit_tls } => {
                let scheme = if *implicit_tls { "smtps" } else { "smtp" };
                match host.contains(':') {
                    true => write!(f, "{scheme}://[{host}]:{port}"),
                    false => write!(f, "{scheme}://{host}:{port}"),
                }
            }
        }
    }
}

kind_of_value!(MailServer, written, {
    "type": "string",
    "pattern": r"^\s*([Ff][Ii][Ll][Ee]:.+|[Ss][Mm][Tt][Pp][Ss]?://[^@]+)$",
});

impl<'de> Deserialize<'de> for MailServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refused = |why: &str| {
            Err(wrong(
                why,
                "write for example \"smtp://relay.lincoln.example:587\", \"smtps://mail.lincoln.example:465\" or \"file:mail/\"",
            ))
        };
        let (scheme, place) = text.trim().split_once(':').unwrap_or_default();
        let implicit_tls = match scheme.to_ascii_lowercase().as_str() {
            "file" if !place.is_empty() => return Ok(Self::Folder(place.into())),
            "smtp" => false,
            "smtps" => true,
            _ => return refused("`server` in [notify.email] is not a mail server"),
        };
        let Some(place) = place.strip_prefix("//").map(|place| place.trim_end_matches('/')) else {
            return refused("`server` in [notify.email] is not a mail server");
        };
        if place.contains('@') {
            // The message must not repeat it: there may be a password in it.
            return refused("a user and password have keys of their own: `user`, `password_file`");
        }
        let usual = if implicit_tls { 465 } else { 587 };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => match port.parse() {
                Ok(0) => return refused("the port in `server` is 0, where no server can be"),
                Ok(port) => (host, port),
                Err(_) => return refused("the port in `server` is not a number from 1 to 65535"),
            },
            Some(_) | None => (place, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', ' ', '?']) {
            return refused("`server` in [notify.email] has no host");
        }
        Ok(Self::Smtp { host: host.to_owned(), port, implicit_tls })
    }
}

/// Hours in which nothing is sent: `"21:00-07:00"`, by the time zone of `[sync]`. Equal ends are no hours at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    from: NaiveTime,
    to: NaiveTime,
}

/// When texts wake people up.
impl Default for QuietHours {
    fn default() -> Self {
        let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
        Self { from: hour(21), to: hour(8) }
    }
}

/// `21:00 to 08:00`
impl std::fmt::Display for QuietHours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.from.format("%H:%M"), self.to.format("%H:%M"))
    }
}

/// As the file has it.
impl Serialize for QuietHours {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.is_empty() {
            true => serializer.serialize_str("none"),
            false => serializer.collect_str(&format_args!(
                "{}-{}",
                self.from.format("%H:%M"),
                self.to.format("%H:%M")
            )),
        }
    }
}

kind_of_value!(QuietHours, {
    "type": "string",
    "pattern": r"^(none|\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*)$",
});

impl QuietHours {
    pub const NONE: Self = Self { from: NaiveTime::MIN, to: NaiveTime::MIN };

    pub fn is_empty(self) -> bool {
        self.from == self.to
    }

    /// When it is over, if it is quiet at this moment.
    pub fn until(self, zone: Zone, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let there = zone.local(moment);
        let time = there.time();
        let (quiet, days) = if self.from <= self.to {
            (self.from <= time && time < self.to, 0)
        } else {
            (time >= self.from || time < self.to, u64::from(time >= self.from))
        };
        let end = there.date().checked_add_days(Days::new(days))?.and_time(self.to);
        // Where the clocks skip the end, it is over when they have.
        let over = || zone.moment(end).or_else(|| zone.moment(end + TimeDelta::hours(1)));
        if quiet { over() } else { None }
    }
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self::NONE);
        }
        let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
        match text.split_once('-').and_then(|(from, to)| time(from).zip(time(to))) {
            Some((from, to)) if from != to => Ok(Self { from, to }),
            Some(_) | None => Err(wrong(
                format!("`quiet_hours = \"{text}\"` is not a time range"),
                "write for example \"21:00-07:00\", or \"none\"",
            )),
        }
    }
}
