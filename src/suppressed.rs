//! People that are to have no account, whatever the SIS says: by `users suppress`, and by the file that
//! the configuration names.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::config::Config;
use crate::failure::Result;
use crate::findings::Findings;
use crate::owner;
use crate::source::suppressed;
use crate::store::{Store, Suppression};

/// Why a person is suppressed today.
#[derive(Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// The last day; none: no end.
    pub until: Option<NaiveDate>,
    pub reason: String,
    /// The file that says so; none: `users suppress`.
    pub file: Option<String>,
}

impl Suppressed {
    /// `until 2027-06-30`, or `without an end`.
    pub fn term(&self) -> String {
        term(self.until)
    }
}

pub fn term(until: Option<NaiveDate>) -> String {
    until.map_or_else(|| "without an end".to_owned(), |day| format!("until {day}"))
}

/// Everyone that is suppressed on a day, by sourcedId. Of several terms of one person the longest
/// counts. Also how many rows the file has; none without a file.
///
/// # Errors
/// `InputUnusable` if the file of the configuration cannot be read; those of the store.
pub fn suppressed_on(
    today: NaiveDate,
    config: &Config,
    store: &Store,
    findings: &mut Findings,
) -> Result<(BTreeMap<String, Suppressed>, Option<u64>)> {
    let mut all: BTreeMap<String, Suppressed> = BTreeMap::new();
    let mut add = |sourced_id: String, one: Suppressed| {
        if one.until.is_some_and(|last| last < today) {
            return;
        }
        let longer = |known: &Suppressed| match (one.until, known.until) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(known)) => own > known,
        };
        if all.get(&sourced_id).is_none_or(longer) {
            all.insert(sourced_id, one);
        }
    };
    for Suppression { sourced_id, until, reason, .. } in store.suppressions()? {
        add(sourced_id, Suppressed { until, reason, file: None });
    }
    let Some(path) = &config.contacts.suppressed else { return Ok((all, None)) };
    let rows = suppressed::read(path, findings)?;
    let count = rows.len() as u64;
    for row in rows {
        let file = Some(owner::name_of(path));
        let one = Suppressed { until: row.until, reason: row.reason, file };
        // The file still has the sourcedId that the person had before.
        if let Some(now) = renamed_to(store, &row.sourced_id)? {
            add(now, one.clone());
        }
        add(row.sourced_id, one);
    }
    Ok((all, Some(count)))
}

/// The sourcedId that the account of an earlier one has now. None if another account has the earlier
/// one: then the row is about that user.
fn renamed_to(store: &Store, sourced_id: &str) -> Result<Option<String>> {
    let Some((_, account)) = store.earlier_id(sourced_id)? else { return Ok(None) };
    if store.account(sourced_id)?.is_some_and(|holder| !holder.archived) {
        return Ok(None);
    }
    Ok(store.account_by_id(account)?.map(|account| account.sourced_id))
}
