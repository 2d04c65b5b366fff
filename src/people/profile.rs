//! All that is known of one person: the state of the account, the family, and the origin of each field.

use super::links::{Link, links_of};
use super::{Family, People, Refused};
use crate::account::{Account, State};
use crate::contact::Field;
use crate::failure::Result;
use crate::plan::forecast;
use crate::platform::Stamp;
use crate::policy::Setting;
use crate::store::{Audited, Created, Grant, Missing, Origin};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    pub origin: Origin,
    /// The sourcedId of the person that set it by hand; empty otherwise.
    pub actor: String,
    pub run: Option<i64>,
    pub at: Option<chrono::DateTime<chrono::Utc>>,
    /// For a value of the platform's export: which side set it on the platform, and when.
    pub there: Stamp,
}

#[derive(Clone)]
pub struct FieldProfile {
    pub field: Field,
    pub actual: String,
    /// As the roster last had it.
    pub sis: String,
    /// The day since when the difference between the two has been left alone.
    pub kept_since: Option<chrono::NaiveDate>,
    /// A person has looked at it.
    pub settled: bool,
    pub set: Provenance,
}

pub struct Profile {
    pub account: Account,
    pub roles: Vec<String>,
    pub schools: Vec<String>,
    pub setting: Setting,
    pub family: Family,
    pub links: Vec<Link>,
    pub grants: Vec<Grant>,
    pub created: Option<Created>,
    pub fields: Vec<FieldProfile>,
    /// The roster does not mention the person any more.
    pub missing: Option<Missing>,
    /// Whether the person may edit them now.
    pub editable: std::result::Result<(), Refused>,
}

impl Profile {
    /// Looks a person up.
    ///
    /// # Errors
    /// `Usage` if there is no account; those of the store.
    pub fn of(people: &People<'_>, sourced_id: &str) -> Result<Self> {
        let account = people.account(sourced_id)?;
        let (roles, schools) = (people.roles_of(&account), people.schools_of(&account)?);
        let history = people.store.audit_of(account.id)?;
        let created = people.store.created(account.id)?;
        let began = Stamp::of(&people.store.platform_stamp(account.id)?);
        let said = forecast(&account, &roles, &schools, &people.rules);
        let fields = Field::ALL
            .into_iter()
            .map(|field| FieldProfile {
                field,
                actual: account.details.shown(field),
                sis: said.sis.shown(field).into_owned(),
                kept_since: account.kept_since.of(field),
                settled: said.fields.of(field).settled,
                set: provenance(field, &account, &history, created, began),
            })
            .collect();
        let editable = people.may_edit(&account, &account)?.map(drop).map_err(Refused::from);
        Ok(Self {
            family: Family::of(&account, people.store)?,
            links: links_of(&account, people.store)?,
            grants: people.store.grants(account.id)?,
            missing: people.store.missing_of(account.id)?,
            setting: people.setting_at(&schools),
            account,
            roles,
            schools,
            created,
            fields,
            editable,
        })
    }
}

/// The origin of a field's value: the last change in the history or, if it was never changed, what the account began with.
/// `began` is the platform's stamp of that.
pub fn provenance(
    field: Field,
    account: &Account,
    history: &[Audited],
    created: Option<Created>,
    began: Stamp,
) -> Provenance {
    if let Some(last) = history.iter().rev().find(|entry| entry.field == field.key()) {
        let from_export = last.origin == Origin::Platform;
        return Provenance {
            origin: last.origin,
            actor: if from_export { String::new() } else { last.actor.clone() },
            run: last.run,
            at: Some(last.at),
            there: if from_export { Stamp::of(&last.actor) } else { Stamp::default() },
        };
    }
    // An account that was active from the beginning has its values from the platform's export.
    let began_active = match history.iter().find(|entry| entry.field == "state") {
        Some(first) => first.old == State::Active.word(),
        None => account.state == State::Active,
    };
    let exported = !account.exported.of(field).is_none();
    let from_export = began_active && exported;
    Provenance {
        there: if from_export { began } else { Stamp::default() },
        origin: if from_export { Origin::Platform } else { Origin::Sync },
        actor: String::new(),
        run: created.and_then(|created| created.run),
        at: created.and_then(|created| created.at),
    }
}
