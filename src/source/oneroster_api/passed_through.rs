//! Fields of users that rostersync has no use for, as the server gives them.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::Value;

use super::adults::text_at;
use super::json::Rows;
use super::list::{self, Name};
use super::tally::Seen;
use super::{Collection, NO_USERS, records_of};
use crate::failure::Result;
use crate::roster::ids;
use crate::source::hashed;

/// So many users are looked at for the names of the fields that there are.
const LOOKED_AT: usize = 1000;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    users: Rows<Value>,
}

/// The fields of users by their places: `username`, `metadata.contactid`.
pub(super) struct PassedThrough<'a> {
    columns: &'a [&'a str],
    name: Name,
    looked_at: usize,
    /// The fields of the first users.
    pub(super) fields: BTreeSet<String>,
    /// By sourcedId, in the order of the columns; blank where a user has none.
    pub(super) found: HashMap<String, Vec<String>>,
}

impl<'a> PassedThrough<'a> {
    pub(super) fn new(columns: &'a [&'a str]) -> Self {
        let (name, fields) = (Name::default(), BTreeSet::new());
        Self { columns, name, looked_at: 0, fields, found: HashMap::new() }
    }

    fn take(&mut self, id: &str, user: &Value) -> bool {
        if self.looked_at < LOOKED_AT {
            self.looked_at += 1;
            self.look(user);
        }
        let cells: Vec<Option<String>> = self.columns.iter().map(|column| text_at(user, column)).collect();
        for (column, cell) in self.columns.iter().zip(&cells) {
            if cell.is_some() && !self.fields.contains(*column) {
                self.fields.insert((*column).to_owned());
            }
        }
        let cells = cells.into_iter().map(Option::unwrap_or_default).collect();
        self.found.insert(ids::encoded(id).into_owned(), cells).is_none()
    }

    fn look(&mut self, user: &Value) {
        for (name, value) in user.as_object().into_iter().flatten() {
            match value {
                Value::Object(inner) => {
                    let places = inner.iter().filter(|(_, value)| !value.is_object() && !value.is_array());
                    self.fields.extend(places.map(|(inner, _)| format!("{name}.{inner}")));
                }
                Value::Array(_) => {}
                _ => {
                    self.fields.insert(name.clone());
                }
            }
        }
    }
}

impl Collection for PassedThrough<'_> {
    fn page(&mut self, body: &[u8], after: Option<u64>) -> serde_json::Result<Result<Seen>> {
        let missing = || list::missing("users", body, NO_USERS);
        let users = match records_of(body, &mut self.name, |page: Page| page.users, missing)? {
            Ok(users) => users,
            Err(failure) => return Ok(Err(failure)),
        };
        let own: Vec<String> =
            users.iter().map(|user| text_at(user, "sourcedId").unwrap_or_default()).collect();
        let ids: Vec<Option<u64>> =
            own.iter().map(|id| (!id.is_empty()).then(|| hashed(&ids::encoded(id)))).collect();
        Ok(Seen::page(&ids, after, |at| Ok(own[at].is_empty() || self.take(&own[at], &users[at]))))
    }
}
