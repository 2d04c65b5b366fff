//! What people do to accounts besides the sync: joining, editing, permissions, the platform's export by hand.
//!
//! [`People`] sees one district through its store, between two runs: the schools of each person, the value of the setting
//! there, and the staff who manage users. It asks [`crate::policy`], and writes through a permit of it.

mod corrections;
mod distinct;
mod duplicates;
mod edit;
mod exchange;
mod family;
mod find;
mod grant;
mod join;
mod links;
mod notice;
mod opt_outs;
mod profile;
mod refused;
mod rekey;
mod renames;
mod reused;
mod settle;
mod suppress;
mod typed;

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::account::{Account, State};
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::policy::{Actor, EditFacts, Permit, Refusal, Setting, Target, may_edit};
use crate::roles;
use crate::roster::{IdList, Record, RoleList, ids};
use crate::roster::{current_roles, own_schools};
use crate::rules::Rules;
use crate::store::{AuditEntry, Grant, Origin, Store};
use notice::Telling;

pub use corrections::{CORRECTION_COLUMNS, correction, correction_columns};
pub use distinct::{Distinct, distinct};
pub use duplicates::{Likenesses, likenesses};
pub use edit::{Done, edit};
pub use exchange::{Affected, ImportOptions, Imported, export_cells, export_headers, import};
pub use family::{Family, Schools};
pub use find::{Candidates, Fit, Found, Match, Wanted};
pub use grant::{Permission, Permitted, set_permission};
pub use join::{Joined, join};
pub use links::{ExportedLink, Link, export_links, links_of};
pub use notice::tell;
pub use opt_outs::{has_left, set_opt_out};
pub use profile::{FieldProfile, Profile, Provenance, provenance};
pub use refused::Refused;
pub use rekey::{AskedRename, Rekeyed, goes_on_instead, join_all, rekey, rekey_all};
pub use reused::{another, same};
pub use settle::{Settle, Settling, settle};
pub use suppress::{Suppressing, Unsuppressing, suppress, unsuppress};
pub use typed::{Typed, has_credential};

/// The people of a district, as its store knows them.
pub struct People<'a> {
    pub config: &'a Config,
    pub store: &'a Store,
    pub rules: Rules,
    pub now: DateTime<Utc>,
    /// Orgs that are no schools.
    others: HashSet<String>,
    telling: Telling,
}

impl<'a> People<'a> {
    pub fn new(config: &'a Config, store: &'a Store, now: DateTime<Utc>) -> Result<Self> {
        let mut rules = Rules::of(config, config.sync.timezone.day(now), None, true);
        rules.opted_out = store.stopped_numbers()?.into_iter().collect();
        let mut others = store.other_orgs()?;
        // An org that the configuration names is a school for us.
        others.retain(|id| !rules.schools.contains_key(id) && !rules.synced_schools.contains(id));
        Ok(Self { config, store, rules, now, others, telling: Telling::default() })
    }

    /// The account with this sourcedId.
    ///
    /// # Errors
    /// `Usage` if there is none.
    pub fn account(&self, sourced_id: &str) -> Result<Account> {
        self.store.account(&ids::encoded(sourced_id))?.ok_or_else(|| unknown(sourced_id))
    }

    /// The roles held today, in their own spelling, primary first.
    pub fn roles_of(&self, account: &Account) -> Vec<String> {
        current_roles(RoleList(&account.sis.roles), &self.rules.today.to_string())
    }

    /// A person's schools: their own and, for a guardian, those of the students; the last known ones where the roster names none.
    /// As the sync reckons them.
    pub fn schools_of(&self, account: &Account) -> Result<Vec<String>> {
        let mut schools =
            self.own_schools_of(&account.sourced_id, &account.sis.roles, &account.sis.orgs, false)?;
        let is_guardian = self.roles_of(account).iter().any(|role| roles::is_guardian(role));
        if is_guardian {
            for student in Family::of(account, self.store)?.students {
                for school in self.own_schools_of(&student.sourced_id, &student.roles, &student.orgs, true)? {
                    if !schools.contains(&school) {
                        schools.push(school);
                    }
                }
            }
        }
        if schools.is_empty() {
            schools = self.last_schools_of(&account.sourced_id)?;
        }
        Ok(schools)
    }

    /// The schools that a person's own record names. With `last`, the last known ones where it names none.
    fn own_schools_of(&self, sourced_id: &str, roles: &str, orgs: &str, last: bool) -> Result<Vec<String>> {
        let today = self.rules.today.to_string();
        let record = Record { roles: RoleList(roles), orgs: Some(IdList(orgs)), ..Record::default() };
        let schools: Vec<String> = own_schools(&record, &today)
            .into_iter()
            .filter(|org| !self.others.contains(*org))
            .map(str::to_owned)
            .collect();
        if schools.is_empty() && last { self.last_schools_of(sourced_id) } else { Ok(schools) }
    }

    fn last_schools_of(&self, sourced_id: &str) -> Result<Vec<String>> {
        let last = self.store.last_schools(sourced_id)?.unwrap_or_default();
        Ok(IdList(&last).iter().filter(|org| !self.others.contains(*org)).map(str::to_owned).collect())
    }

    /// The value of the setting for a person at these schools.
    pub fn setting_at(&self, schools: &[String]) -> Setting {
        let schools: Vec<&str> = schools.iter().map(String::as_str).collect();
        self.rules.setting_of(&schools)
    }

    /// Whether `actor` may edit the account of `target`.
    ///
    /// # Errors
    /// Those of the store. A refusal is an answer, and no error.
    pub fn may_edit(&self, target: &Account, actor: &Account) -> Result<Result<Permit, Refusal>> {
        let schools = self.schools_of(target)?;
        let actor = self.actor(target, &schools, actor)?;
        Ok(self.permit(target, &schools, actor))
    }

    /// As [`People::may_edit`], for the person that runs this program.
    pub fn operator_may_edit(&self, target: &Account) -> Result<Result<Permit, Refusal>> {
        Ok(self.permit(target, &self.schools_of(target)?, Actor::Operator))
    }

    fn permit(&self, target: &Account, schools: &[String], actor: Actor) -> Result<Permit, Refusal> {
        let facts = EditFacts { target: standing(target), setting: self.setting_at(schools), actor };
        may_edit(target.id, &facts)
    }

    fn actor(&self, target: &Account, schools: &[String], actor: &Account) -> Result<Actor> {
        if actor.id == target.id {
            return Ok(Actor::ThePerson);
        }
        match self.unusable_grant(actor)? {
            Some(UnusableGrant::Archived | UnusableGrant::NotJoined | UnusableGrant::Held) => {
                return Ok(Actor::Inactive);
            }
            Some(UnusableGrant::NotStaff) => return Ok(Actor::NotStaff),
            Some(UnusableGrant::Disabled) => return Ok(Actor::Disabled),
            None => {}
        }
        let grants = self.store.grants(actor.id)?;
        let here = |grant: &Grant| match grant {
            Grant::District => true,
            Grant::School(school) => schools.contains(school),
        };
        Ok(if grants.is_empty() {
            Actor::OtherStaff
        } else if grants.contains(&Grant::District) {
            Actor::Manager
        } else if !grants.iter().any(here) {
            Actor::ManagerElsewhere
        } else if self.roles_of(target).iter().any(|role| roles::is_administrator(role))
            || !self.store.grants(target.id)?.is_empty()
        {
            Actor::Outranked
        } else {
            Actor::Manager
        })
    }
}

/// Why a permission to manage users cannot be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusableGrant {
    Archived,
    NotJoined,
    NotStaff,
    Disabled,
    /// The account is probably back under another sourcedId, and is held until a person decides.
    Held,
}

impl UnusableGrant {
    /// After `users of the whole district`.
    pub fn until(self) -> &'static str {
        match self {
            Self::Archived => "not while archived",
            Self::NotJoined => "once joined",
            Self::NotStaff => "not without a staff role",
            Self::Disabled => "not while disabled in the SIS",
            Self::Held => "not while held",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::NotJoined => "not-joined",
            Self::NotStaff => "not-staff",
            Self::Disabled => "disabled",
            Self::Held => "held",
        }
    }
}

impl People<'_> {
    /// Puts what was done to an account into its history.
    fn record(&self, account: &Account, origin: Origin, field: &str, old: &str, new: &str) -> Result<()> {
        let entry = AuditEntry { origin, field: field.into(), old: old.into(), new: new.into() };
        self.store.audit(account.id, None, &entry, self.now)
    }

    /// Why a permission of this person, if there is one, cannot be used.
    ///
    /// # Errors
    /// Those of the store.
    pub fn unusable_grant(&self, account: &Account) -> Result<Option<UnusableGrant>> {
        Ok(if account.archived {
            Some(UnusableGrant::Archived)
        } else if account.state != State::Active {
            Some(UnusableGrant::NotJoined)
        } else if !is_staff(&self.roles_of(account)) {
            Some(UnusableGrant::NotStaff)
        } else if account.sis.enabled == Some(false) {
            Some(UnusableGrant::Disabled)
        } else {
            self.store.is_held(&account.sourced_id)?.then_some(UnusableGrant::Held)
        })
    }
}

fn standing(account: &Account) -> Target {
    match (account.archived, account.state) {
        (true, State::Pending | State::Active) => Target::Archived,
        (false, State::Pending) => Target::Pending,
        (false, State::Active) => Target::Active,
    }
}

/// Whether one of the roles held today is a staff role. A role that OneRoster does not have may be anything: until
/// `role_names` says what it is, it gives no right to edit others. Whether a role is synced makes no difference: that
/// says whose details the sync looks after, not who works here.
pub fn is_staff(held: &[String]) -> bool {
    held.iter().any(|role| roles::is_known(role) && role != "student" && !roles::is_guardian(role))
}

fn unknown(sourced_id: &str) -> Failure {
    Failure::new(Kind::Usage, format!("there is no account with the sourcedId `{sourced_id}`"))
        .cure("check it in the column sourced_id of `rostersync report`")
}
