//! What the sync would do with one account if the roster has the same record again. Pure.
//!
//! The next roster can have another record, and the credentials of other people are not compared:
//! `explain` plans the whole run.

use super::FieldDecisions;
use super::note::Note;
use super::person::{Case, judge};
use super::sis::{Cells, SisValues};
use crate::account::Account;
use crate::contact::{Contacts, Details, Field};
use crate::rights::Allowed;
use crate::rules::Rules;

/// What becomes of one account if the roster says again what it said last.
pub struct Forecast<'a> {
    /// As the roster had them.
    pub sis: Contacts<'a>,
    pub fields: FieldDecisions,
    /// The details that the account would have.
    pub details: Details,
    /// What the roster says, as details of an account.
    pub wanted: Details,
    notes: Vec<Note>,
}

impl Forecast<'_> {
    /// The fields in which the roster has another value, no value or an invalid one.
    pub fn differs(&self) -> Vec<Field> {
        let field = |note: &Note| match note {
            Note::ActiveDiffers(field, _) | Note::SisBlank(field, _) | Note::SisInvalid(field, _) => {
                Some(*field)
            }
            _ => None,
        };
        let noted: Vec<Field> = self.notes.iter().filter_map(field).collect();
        let is_settled = |field: &Field| self.fields.of(*field).settled;
        Field::ALL.into_iter().filter(|field| noted.contains(field) || is_settled(field)).collect()
    }
}

/// Decides over an account once more. `roles` are those held today, `schools` the person's own and,
/// for a guardian, the students'.
pub fn forecast<'a>(
    account: &'a Account,
    roles: &[String],
    schools: &[String],
    rules: &Rules,
) -> Forecast<'a> {
    let record = account.sis.record(&account.sourced_id);
    let schools: Vec<&str> = schools.iter().map(String::as_str).collect();
    let case = Case {
        record: &record,
        account: Some(account),
        roles,
        schools: &schools,
        duplicate: false,
        unclear: false,
        allowed: Allowed::Yes,
        refused_email: None,
        refused_phone: None,
    };
    let verdict = judge(&case, rules);
    let cells = Cells::of(&record, rules.phone_credential);
    Forecast {
        sis: cells.shown(),
        wanted: SisValues::read(cells, &account.details.name, rules).details(),
        details: verdict.account.map(|account| account.details).unwrap_or_default(),
        fields: verdict.fields,
        notes: verdict.notes,
    }
}
