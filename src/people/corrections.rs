//! What the registrar should correct at the source: active people whose actual details are not those of the SIS, as rows of
//! a OneRoster users.csv. Read as the roster, it leaves no difference.

use super::{People, Schools};
use crate::account::{Account, State};
use crate::config::PhoneCredential;
use crate::contact::{Contacts, Details, Field, PersonName, email_key, phone_key};
use crate::failure::Result;
use crate::plan::forecast;
use crate::roster::own_schools;
use crate::roster::{NameKind, RoleList};

/// The columns, in the order of OneRoster 1.1, then the preferred name of 1.2. The last two are there only where the
/// preferred names are those that are compared, and the source has them.
pub const CORRECTION_COLUMNS: [&str; 14] = [
    "sourcedId",
    "status",
    "enabledUser",
    "orgSourcedIds",
    "role",
    "givenName",
    "familyName",
    "identifier",
    "email",
    "sms",
    "phone",
    "agentSourcedIds",
    "preferredGivenName",
    "preferredFamilyName",
];

/// How many of the columns there are for this district.
pub fn correction_columns(people: &People<'_>) -> Result<usize> {
    let preferred = people.rules.names == NameKind::Preferred
        && people.store.last_night()?.is_some_and(|night| night.preferred_names > 0);
    Ok(if preferred { CORRECTION_COLUMNS.len() } else { CORRECTION_COLUMNS.len() - 2 })
}

/// The row of an active person whose details differ from what the SIS last said; none for all others.
pub fn correction(account: &Account, people: &People<'_>, schools: &Schools) -> Option<[String; 14]> {
    if account.archived || account.state != State::Active {
        return None;
    }
    let (roles, schools) = (people.roles_of(account), schools.of(account));
    let said = forecast(account, &roles, &schools, &people.rules);
    let left = |field: &Field| said.fields.of(*field).rule.leaves();
    // Where neither has a value that counts, there is nothing to correct.
    if !said.differs().iter().any(|field| left(field) || account.details.has(*field)) {
        return None;
    }
    let (sis, details) = (&account.sis, &account.details);
    let Contacts { given_name, family_name, email, .. } = said.sis;
    let actual = [&details.name.given, &details.name.family];
    let same = details.name.same(&PersonName::new(given_name, family_name));
    let (legal, preferred) = match (people.rules.names, same) {
        // What is the same stays as the SIS writes it.
        (NameKind::Legal, true) => ([given_name, family_name].map(str::to_owned), Default::default()),
        (NameKind::Legal, false) => (actual.map(String::clone), Default::default()),
        // The legal name is not known here, and is none of the user's own to correct.
        (NameKind::Preferred, true) => Default::default(),
        (NameKind::Preferred, false) => {
            let sis = PersonName::new(given_name, family_name);
            let differs =
                |actual: &String, sis: &String| if actual == sis { String::new() } else { actual.clone() };
            (Default::default(), [differs(actual[0], &sis.given), differs(actual[1], &sis.family)])
        }
    };
    let ([given, family], [preferred_given, preferred_family]): ([String; 2], [String; 2]) =
        (legal, preferred);
    let email = match email_key(email) == email_key(&details.email) {
        true => email.to_owned(),
        false => details.email.clone(),
    };
    let (sms, phone) = phones(account, details, people);
    let today = people.rules.today.to_string();
    let record = account.sis.record(&account.sourced_id);
    let role = roles.first().cloned().or_else(|| {
        RoleList(&sis.roles).iter().next().map(|role| crate::roles::canonical(role.role).into_owned())
    });
    Some([
        account.sourced_id.clone(),
        "active".to_owned(),
        sis.enabled.map(|enabled| enabled.to_string()).unwrap_or_default(),
        own_schools(&record, &today).join(","),
        role.unwrap_or_default(),
        given,
        family,
        sis.identifier.clone().unwrap_or_default(),
        email,
        sms,
        phone,
        sis.agents.clone(),
        preferred_given,
        preferred_family,
    ])
}

/// The cells `sms` and `phone`, by the column that holds the mobile.
fn phones(account: &Account, details: &Details, people: &People<'_>) -> (String, String) {
    let rules = &people.rules;
    let cell = |cell: &Option<String>, actual: &str| match cell {
        Some(text) if phone_key(&rules.phones.canonical(text)) == phone_key(actual) => text.clone(),
        Some(_) | None => actual.to_owned(),
    };
    let (sms, phone) = (&account.sis.sms, &account.sis.phone);
    match rules.phone_credential {
        PhoneCredential::Sms => (cell(sms, &details.phone), cell(phone, &details.home_phone)),
        PhoneCredential::Phone => (sms.clone().unwrap_or_default(), cell(phone, &details.phone)),
        // Without a mobile a home phone cannot be said: it would be read as one.
        PhoneCredential::SmsThenPhone if details.phone.is_empty() => (String::new(), String::new()),
        PhoneCredential::SmsThenPhone => (cell(sms, &details.phone), cell(phone, &details.home_phone)),
    }
}
