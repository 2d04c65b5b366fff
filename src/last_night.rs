//! What a run saw of its inputs, kept in the store for the next run to compare with.
//!
//! A file that was cut, a column that is gone, a role that no user has any more: none of these can
//! be seen in tonight's input alone. Every run that was applied leaves this behind, in its own
//! transaction. There is none before the first run, and none on the first night after an upgrade
//! from a version that did not keep it: then nothing is compared.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::rights::rules::Seen;

/// What was seen on the last good night.
///
/// It is kept as JSON, so every field has a default: an older version did not know some of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastNight {
    /// The input files, by kind: `users`, `roles`, `orgs`, `guardians`, `platform`. A delta leaves
    /// those of the last bulk import as they are.
    pub files: BTreeMap<String, FileSeen>,
    pub roster: RosterSeen,
    /// How many users had a part of a preferred name, when that was wanted last.
    pub preferred_names: u64,
    /// How many rows the file of suppressed people had; none without such a file.
    pub suppressed_rows: Option<u64>,
    /// None until a platform export was read.
    pub export: Option<ExportSeen>,
    /// The setting, as the configuration had it. None before the first run that kept it.
    pub setting: Option<SettingSeen>,
    /// None before the first run that looked at links.
    pub links: Option<LinksSeen>,
    /// sourcedIds of archived accounts that another person seems to have now, and since when they
    /// are held.
    pub reused: BTreeMap<String, NaiveDate>,
    /// Columns that look as if they said whom a school may contact, and are in no rule: said once.
    pub contact_columns: BTreeSet<String>,
    /// They were looked for in a source over the network, of which `check` sees nothing.
    pub contacts_are_looked_at: bool,
    /// sourcedIds that another person has now, by a decision (`users another`): the platform's
    /// export may still show the details of the account that had it before.
    #[serde(rename = "apart")]
    pub reassigned_ids: BTreeSet<String>,
    /// Which limits held: the highest [`LIMITS`] of a run. 0 before there was such a number.
    pub limits: u32,
}

/// Raised with a version that has new limits: on the first night after the upgrade they are only
/// said.
pub const LIMITS: u32 = 1;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileSeen {
    pub ended_in_line_break: bool,
    /// How its lines end: `CRLF`, `LF` or `CR`. Where that is another one, another program has
    /// written the file, and whether it ends the last line says nothing.
    pub line_break: String,
    pub fingerprint: u64,
    /// A hash of the text of its last row, where no line break came after it; otherwise 0.
    pub last_row: u64,
    /// How many rows it had, without the header and blank rows.
    pub rows: u64,
    /// The columns that there were, by their standard names, and in how many rows each had a value.
    pub columns: BTreeMap<String, u64>,
}

impl LastNight {
    /// The columns of the rules of `[contacts]` that are blank in all rows, and were not on that
    /// night.
    pub fn blank_contact_columns<'a>(&'a self, seen: &'a Seen) -> impl Iterator<Item = &'a str> {
        let before = self.files.get(file::CONTACT_RULES);
        let blank = seen.columns.iter().filter(|(_, column)| column.filled == 0 && seen.is_whole);
        let had_values = move |name: &&str| before.is_some_and(|before| before.had_values(name));
        blank.map(|(name, _)| name.as_str()).filter(had_values)
    }
}

impl FileSeen {
    /// What the next run is to know after a night on which `before` had been known. A column that
    /// is gone or has no value any more stays known for what it was: it says nothing, however many
    /// nights that lasts.
    #[must_use]
    pub fn after(mut self, before: &Self) -> Self {
        for (column, rows) in before.columns.iter().filter(|(_, rows)| **rows > 0) {
            let own = self.columns.entry(column.clone()).or_default();
            if *own == 0 {
                *own = *rows;
            }
        }
        self
    }

    pub fn had_values(&self, column: &str) -> bool {
        self.columns.get(column).is_some_and(|rows| *rows > 0)
    }
}

/// So many ids that are not known are kept, at most.
pub const MOST_DANGLING: usize = 20_000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RosterSeen {
    /// In how many records there was an `email`, an `sms`, a `phone`.
    pub contacts: BTreeMap<String, u64>,
    /// Columns of those that have been blank as a whole since.
    pub blank: BTreeMap<String, Gone>,
    /// How many synced people held each role and were at each school, at the last bulk import.
    pub roles: BTreeMap<String, u64>,
    pub schools: BTreeMap<String, u64>,
    /// Records that named a school, and a link. Where all of them are blank the next night, the
    /// column says nothing.
    pub placed: u64,
    pub linked: u64,
    pub roleless: u64,
    /// Users that had roles in a file of their own and no row among the users.
    #[serde(rename = "roles_of_nobody")]
    pub roles_without_user: u64,
    /// Ids that were named and that neither the roster nor the store knew, as hashes, sorted.
    pub dangling: Vec<u64>,
    /// The configuration of which people are synced.
    pub configured: ConfiguredSeen,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfiguredSeen {
    pub roles: Vec<String>,
    pub schools: Vec<String>,
    pub role_names: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportSeen {
    /// Rows of people whom the store or the roster knew.
    pub matching: u64,
    /// The columns that there were, by their names in the documents, and in how many rows each had
    /// a value.
    pub columns: BTreeMap<String, u64>,
    /// Columns of those that have been gone since.
    pub gone: BTreeMap<String, Gone>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gone {
    /// On how many good nights. Several runs of one day count once.
    pub nights: u32,
    pub last: Option<NaiveDate>,
}

/// The links between guardians and students.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinksSeen {
    pub count: u64,
    /// Students without any contact that can be reached.
    pub without_contact: u64,
}

/// The setting, as the configuration had it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingSeen {
    pub district: bool,
    pub schools: BTreeMap<String, bool>,
}

/// The kinds of input files, as [`LastNight::files`] names them.
pub mod file {
    pub const USERS: &str = "users";
    pub const ROLES: &str = "roles";
    pub const ORGS: &str = "orgs";
    pub const GUARDIANS: &str = "guardians";
    pub const PLATFORM: &str = "platform";
    /// No file: the columns that the rules of `[contacts]` use, wherever they are.
    pub const CONTACT_RULES: &str = "contact rules";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_gone_or_empty_stays_known_for_what_it_was() {
        let seen = |columns: &[(&str, u64)]| FileSeen {
            columns: columns.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect(),
            ..FileSeen::default()
        };
        let first = seen(&[("email", 3), ("sms", 2), ("phone", 0), ("role", 4)]);
        let second = seen(&[("email", 0), ("phone", 0), ("role", 5)]).after(&first);
        assert_eq!(second, seen(&[("email", 3), ("sms", 2), ("phone", 0), ("role", 5)]));
        assert_eq!(seen(&[("email", 0)]).after(&second).columns["sms"], 2);
        assert_eq!(seen(&[("sms", 9)]).after(&second).columns["sms"], 9);
    }
}
