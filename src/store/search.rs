//! Looks for accounts by what people call them: one pass over a few columns, without an account in
//! memory.

use rusqlite::Row;

use super::Store;
use crate::contact::Contacts;
use crate::failure::Result;

/// What an account is found by.
pub struct Findable<'a> {
    pub id: i64,
    pub sourced_id: &'a str,
    pub identifier: &'a str,
    /// On the account.
    pub details: Contacts<'a>,
    /// As the roster last had them.
    pub sis: Contacts<'a>,
}

const COLUMNS: [&str; 13] = [
    "id",
    "sourced_id",
    "sis_identifier",
    "given_name",
    "family_name",
    "email",
    "phone",
    "home_phone",
    "sis_given_name",
    "sis_family_name",
    "sis_email",
    "sis_sms",
    "sis_phone",
];

impl Store {
    /// Goes through all accounts by sourcedId, archived ones too.
    pub fn each_findable(&self, mut each: impl FnMut(&Findable<'_>) -> Result<()>) -> Result<()> {
        let sql = format!("SELECT {} FROM account ORDER BY sourced_id", COLUMNS.join(", "));
        self.each(&sql, [], COLUMNS, |row, places| each(&findable(row, places)?))
    }
}

fn findable<'a>(row: &'a Row<'_>, places: [usize; 13]) -> rusqlite::Result<Findable<'a>> {
    let text = |at: usize| -> rusqlite::Result<&'a str> {
        Ok(row.get_ref(places[at])?.as_str_or_null()?.unwrap_or_default())
    };
    Ok(Findable {
        id: row.get(places[0])?,
        sourced_id: text(1)?,
        identifier: text(2)?,
        details: Contacts {
            given_name: text(3)?,
            family_name: text(4)?,
            email: text(5)?,
            phone: text(6)?,
            home_phone: text(7)?,
        },
        sis: Contacts {
            given_name: text(8)?,
            family_name: text(9)?,
            email: text(10)?,
            phone: text(11)?,
            home_phone: text(12)?,
        },
    })
}
