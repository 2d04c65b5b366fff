//! What there is after a command, without what no two runs have in common.

use std::collections::{BTreeMap, BTreeSet};

use rostersync::store::Store;

use crate::mail_server::MailServer;
use crate::support::{District, rows};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Accounts, runs and history: before or after, and nothing between.
    pub(crate) core: BTreeMap<String, Vec<String>>,
    /// The other tables.
    others: BTreeMap<String, Vec<String>>,
    /// The files that a person looks at, with their contents.
    files: BTreeMap<String, String>,
    /// Recipient and subject of each message that has arrived, each once.
    mails: Vec<String>,
    /// More than one message that arrived twice.
    repeated: usize,
    pub(crate) unsound: Option<String>,
}

/// Tables of which a run that was disturbed may leave more, and a random key.
const APART: [&str; 4] = ["attempt", "outbox", "channel_rest", "erased_key"];

/// Random, or of the clock that no test sets.
const LEFT_OUT: [&str; 7] = ["nonce", "salt", "digest", "finished", "settled", "due", "written"];

const CORE: [&str; 5] = ["account", "run", "audit_row", "audit_value", "users_manager"];

impl State {
    /// Looks at a copy, and leaves the district as it is.
    pub(crate) fn of(district: &District, server: Option<&MailServer>) -> Self {
        let files = files(district);
        let copy = district.again();
        let mut state = Self {
            core: BTreeMap::new(),
            others: BTreeMap::new(),
            files,
            mails: Vec::new(),
            repeated: 0,
            unsound: None,
        };
        state.look_at_mails(district, server);
        if Store::is_there(&copy.path("rostersync.db")).unwrap() {
            state.look_at_store(&copy);
        }
        state
    }

    fn look_at_store(&mut self, copy: &District) {
        let store = copy.store();
        let sound = rows(&store, "PRAGMA integrity_check");
        let astray = rows(&store, "PRAGMA foreign_key_check");
        if sound != ["ok"] || !astray.is_empty() {
            self.unsound = Some(format!("the store is damaged: {sound:?} {astray:?}"));
            return;
        }
        for table in rows(&store, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
            if APART.contains(&table.as_str()) {
                continue;
            }
            let columns: Vec<String> =
                rows(&store, &format!("SELECT name FROM pragma_table_info('{table}')"))
                    .into_iter()
                    .filter(|column| !LEFT_OUT.contains(&column.as_str()))
                    .map(|column| format!("\"{column}\""))
                    .collect();
            let mut found = rows(&store, &format!("SELECT {} FROM {table}", columns.join(", ")));
            found.iter_mut().for_each(|row| *row = without_folders(row));
            found.sort();
            let part = if CORE.contains(&table.as_str()) { &mut self.core } else { &mut self.others };
            if !found.is_empty() {
                part.insert(table, found);
            }
        }
        if rows(&store, "SELECT 1 FROM sqlite_schema WHERE name = 'outbox'").len() == 1 {
            let outbox = rows(&store, "SELECT recipient, subject, state FROM outbox ORDER BY id");
            self.others.insert("outbox".into(), outbox);
        }
        drop(store);
        let verified = Store::open_read(&copy.path("rostersync.db"))
            .and_then(|store| store.map(|store| store.verify()).transpose());
        match verified {
            // Of a first night that was rolled back.
            Ok(None) => {}
            Ok(Some(verified)) => {
                self.unsound = verified.broken.map(|broken| format!("the audit is broken: {broken:?}"));
            }
            Err(failure) => self.unsound = Some(format!("the audit cannot be read: {failure}")),
        }
    }

    fn look_at_mails(&mut self, district: &District, server: Option<&MailServer>) {
        match server {
            None => {
                self.mails = district
                    .mails()
                    .into_iter()
                    .map(|mail| format!("{}: {}", mail.to, mail.subject))
                    .collect()
            }
            Some(server) => {
                let arrived = server.arrived();
                let mut seen = BTreeSet::new();
                for mail in &arrived {
                    if seen.insert(mail.message_id.clone()) {
                        self.mails.push(format!("{}: {}", mail.to, mail.subject));
                    }
                }
                // The one that was on its way may come twice.
                self.repeated = (arrived.len() - seen.len()).saturating_sub(1);
            }
        }
        self.mails.sort();
    }

    /// In what another state differs from this one; empty if in nothing.
    pub(crate) fn differs(&self, other: &Self) -> String {
        let mut text = String::new();
        for (wanted, found) in [(&self.core, &other.core), (&self.others, &other.others)] {
            let tables: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
            for table in tables {
                let rows =
                    |part: &BTreeMap<String, Vec<String>>| part.get(table).cloned().unwrap_or_default();
                let (wanted, found) = (rows(wanted), rows(found));
                let only = |these: &[String], others: &[String]| {
                    these.iter().filter(|row| !others.contains(row)).cloned().collect::<Vec<_>>()
                };
                if wanted != found {
                    let (missing, more) = (only(&wanted, &found), only(&found, &wanted));
                    text.push_str(&format!(
                        "table {table}: {} rows wanted, {} found; missing {missing:#?}, more {more:#?}\n",
                        wanted.len(),
                        found.len()
                    ));
                }
            }
        }
        let names: BTreeSet<&String> = self.files.keys().chain(other.files.keys()).collect();
        for name in names {
            let (wanted, found) = (self.files.get(name), other.files.get(name));
            if wanted != found {
                text.push_str(&format!("file {name}: wanted {wanted:?}, found {found:?}\n"));
            }
        }
        if self.mails != other.mails || other.repeated > 0 {
            text.push_str(&format!(
                "mails: wanted {:?}, found {:?}, repeated {}\n",
                self.mails, other.mails, other.repeated
            ));
        }
        text
    }
}

/// Each copy of a district has a folder of its own, which is named in the rows of runs.
fn without_folders(row: &str) -> String {
    let mut parts = row.split("/district-");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.find(|c: char| !c.is_ascii_alphanumeric()).map_or("", |end| &part[end..]);
        format!("{text}/DISTRICT{rest}")
    })
}

/// The files of the district, with a digest of their contents where two runs write the same.
fn files(district: &District) -> BTreeMap<String, String> {
    district
        .everything()
        .into_iter()
        .filter(|(name, _)| {
            !name.ends_with(".attempts") && !name.ends_with(".lock") && name != "rostersync.toml"
        })
        .map(|(name, (content, _))| {
            let is_same = name.starts_with("reports/") || name == "copy.csv";
            (name, if is_same { content } else { String::new() })
        })
        .collect()
}
