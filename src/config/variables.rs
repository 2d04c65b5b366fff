//! Variables of the environment that stand in place of keys of the file: `ROSTERSYNC_SYNC_STORE` for
//! `store` in `[sync]`.
//!
//! Only keys that differ from machine to machine: places, addresses, names. What decides whose
//! details change, and the limits, is in the file alone.

use std::ffi::OsString;

use super::document::Document;
use crate::failure::{Failure, Kind, Result};
use crate::near::nearest;

const PREFIX: &str = "ROSTERSYNC_";

/// The keys that a variable can set. All of them hold text.
pub const KEYS: [&str; 16] = [
    "sync.store",
    "sync.reports",
    "sync.timezone",
    "source.path",
    "source.url",
    "source.auth.client_id",
    "source.auth.token_url",
    "guardians.file",
    "platform.users",
    "contacts.suppressed",
    "notify.templates",
    "notify.email.server",
    "notify.email.from",
    "notify.email.reply_to",
    "notify.email.user",
    "monitor.prometheus_file",
];

/// The sections in whose names a variable is one of these, or a mistake.
const SECTIONS: [&str; 12] = [
    "SYNC",
    "SCHOOL",
    "PAUSE",
    "SOURCE",
    "GUARDIANS",
    "PLATFORM",
    "REPORT",
    "LIMITS",
    "IDENTITY",
    "CONTACTS",
    "NOTIFY",
    "MONITOR",
];

/// `ROSTERSYNC_NOTIFY_EMAIL_SERVER` for `notify.email.server`.
pub fn name_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_uppercase())
}

/// The variables of the environment that are about the configuration.
#[derive(Debug, Clone, Default)]
pub struct Variables(Vec<(String, OsString)>);

impl Variables {
    /// Takes them out of the whole environment. An empty variable is one that is not set.
    pub fn of(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let is_about = |name: &str| {
            let rest = name.strip_prefix(PREFIX)?;
            let (section, _) = rest.split_once('_')?;
            SECTIONS.contains(&section).then_some(())
        };
        let mut variables: Vec<(String, OsString)> = environment
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| is_about(name).is_some())
            .collect();
        variables.sort();
        Self(variables)
    }

    /// Sets the keys in the document.
    ///
    /// # Errors
    /// `Usage`: a variable that looks as if it set a key, and sets none. One that the file names, for a
    /// secret, is none of these.
    pub(super) fn apply(&self, document: &mut Document<'_>) -> Result<()> {
        for (name, value) in &self.0 {
            if let Some(key) = KEYS.into_iter().find(|key| name_of(key) == *name) {
                let Some(value) = value.to_str() else {
                    return Err(mistake(name, "the value is not UTF-8", "write it in UTF-8".to_owned()));
                };
                document.set(key, name, value);
            } else if !document.names_variable(name) {
                let names = KEYS.map(name_of);
                let near = nearest(name, names.iter().map(String::as_str));
                let cure = match near {
                    Some(near) => format!("did you mean {near}?"),
                    None => "write the key in the configuration file, or remove the variable; `rostersync help config \
                             show` lists the variables that there are"
                        .to_owned(),
                };
                return Err(mistake(name, "this variable sets no key of the configuration", cure));
            }
        }
        Ok(())
    }
}

fn mistake(name: &str, what: &str, cure: String) -> Failure {
    Failure::new(Kind::Usage, what).at(format!("${name}")).cure(cure)
}
