//! Addresses and numbers of people that may have no account: what another person had before is not
//! written to if one of these reads it.

use std::collections::HashSet;

use crate::account::Account;
use crate::contact::{Field, credential_hash};
use crate::failure::Result;
use crate::plan::block_result::Former;
use crate::plan::build::Inputs;
use crate::plan::decide::allowed;
use crate::plan::shared_credentials::CREDENTIALS;
use crate::plan::signs::Signs;
use crate::plan::sis::{Cells, Value, email};
use crate::rights::Allowed;
use crate::roles;
use crate::roster::{Record, current_roles};
use crate::roster_index::RosterIndex;
use crate::rules::Rules;

/// Credentials (0 email, 1 phone; their hashes) of people that rules or a suppression keep out: what
/// the SIS says of them tonight, and what an account of theirs has. `signs` are those after the run.
///
/// Nothing is looked up where there are no messages to old addresses.
pub(super) fn barred_credentials(
    former: &[Former],
    roster: &RosterIndex,
    signs: &Signs,
    inputs: &Inputs<'_>,
) -> Result<HashSet<(usize, u64)>> {
    let Inputs { store, rules, .. } = *inputs;
    let mut barred = HashSet::new();
    if former.is_empty() || rules.rights.is_none() && rules.suppressed.is_empty() {
        return Ok(barred);
    }
    let today = rules.today.to_string();
    let mut accounts: Vec<i64> = Vec::new();
    roster.each_record_of(
        |person| roster.people.account(person).is_none() || signs.is_archived(person),
        |_, person, record| {
            let record = &roster.taken(Some(person), record, None);
            if record.defect.is_some() || !is_kept_out(record, roster, rules, &today) {
                return;
            }
            barred.extend(credentials_of(record, rules));
            accounts.extend(roster.people.account(person));
        },
    )?;
    let mut add = |account: Option<Account>| {
        barred.extend(account.iter().flat_map(|account| {
            let hashes = CREDENTIALS.map(|field| account.details.credential_hash(field));
            hashes.into_iter().enumerate().filter_map(|(at, hash)| Some((at, hash?)))
        }));
    };
    for id in accounts {
        add(store.account_by_id(id)?);
    }
    // Also those that the roster does not have tonight.
    for sourced_id in &rules.suppressed {
        add(store.account(sourced_id)?);
    }
    for contacts in store.barred_contacts()? {
        let hashes = CREDENTIALS.iter().zip(&contacts).map(|(field, text)| credential_hash(*field, text));
        barred.extend(hashes.enumerate().filter_map(|(at, hash)| Some((at, hash?))));
    }
    Ok(barred)
}

/// While a column of a rule is blank, it is not known of a guardian without an account.
fn is_kept_out(record: &Record<'_>, roster: &RosterIndex, rules: &Rules, today: &str) -> bool {
    let roles = current_roles(record.roles, today);
    let is_unknown = rules.blank_columns.contact_rules && roles.iter().any(|role| roles::is_guardian(role));
    is_unknown || allowed(rules, record, None, &roles, roster.unclear, false) != Allowed::Yes
}

fn credentials_of(record: &Record<'_>, rules: &Rules) -> impl Iterator<Item = (usize, u64)> + use<> {
    let cells = Cells::of(record, rules.phone_credential);
    let email = match email(cells.email, rules) {
        Value::Is(email) => credential_hash(Field::Email, &email),
        Value::NotProvided | Value::Blank | Value::Invalid(_) => None,
    };
    let phone = cells.phone.filter(|cell| !cell.is_empty()).and_then(|cell| rules.phones.parse(cell));
    let phone = phone.and_then(|phone| credential_hash(Field::Phone, &phone.to_string()));
    [email, phone].into_iter().enumerate().filter_map(|(at, hash)| Some((at, hash?)))
}
