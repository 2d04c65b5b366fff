//! Whether a person may edit contact details by hand: the other half of the policy. Pure.
//!
//! `docs/who-may-edit.md` is printed from it by a test, to be held against the prose.

use super::Setting;

/// Where the account stands that is to be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Invited, has not joined.
    Pending,
    Active,
    /// No longer in the roster.
    Archived,
}

/// The person that wants to edit, as seen from the account that is to be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The person whose account it is.
    ThePerson,
    /// Manages users at one of the person's schools, or for the district.
    Manager,
    /// Manages users at one of the person's schools, but the person manages users too or is an administrator.
    Outranked,
    /// Manages users, at other schools only.
    ManagerElsewhere,
    /// Staff without the permission.
    OtherStaff,
    /// Another person, not staff.
    NotStaff,
    /// Another person, whose own account has not joined or is archived.
    Inactive,
    /// Staff that are disabled in the SIS import (`enabledUser`): their access is limited.
    Disabled,
    /// The person that runs this program, with a command that needs no other actor.
    Operator,
}

/// All that the question depends on. The field is not among it: the answer is the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EditFacts {
    pub target: Target,
    pub setting: Setting,
    pub actor: Actor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    ActorInactive,
    ActorDisabled,
    NotPermitted,
    OtherSchool,
    Outranked,
    Archived,
    NotJoined,
    ManagedBySync,
}

impl Refusal {
    pub fn code(self) -> &'static str {
        match self {
            Self::ActorInactive => "actor-inactive",
            Self::ActorDisabled => "actor-disabled",
            Self::NotPermitted => "not-permitted",
            Self::OtherSchool => "other-school",
            Self::Outranked => "outranked",
            Self::Archived => "archived",
            Self::NotJoined => "not-joined",
            Self::ManagedBySync => "managed-by-sync",
        }
    }
}

/// The permission to edit one account. Only [`may_edit`] makes one, and the store's edit demands one, so that an edit
/// without a check does not compile.
#[derive(Debug)]
pub struct Permit {
    account: i64,
}

impl Permit {
    /// The account that it is for, by its row in the store.
    pub fn account(&self) -> i64 {
        self.account
    }
}

/// Whether the contact details of an account may be edited.
///
/// # Errors
/// The reason. A person without a permission for the account learns nothing of its state.
pub fn may_edit(account: i64, facts: &EditFacts) -> Result<Permit, Refusal> {
    use Actor::{
        Disabled, Inactive, Manager, ManagerElsewhere, NotStaff, Operator, OtherStaff, Outranked, ThePerson,
    };
    use Setting::{Off, On};
    use Target::{Active, Archived, Pending};

    match (facts.actor, facts.target, facts.setting) {
        (Inactive, Pending | Active | Archived, On | Off) => Err(Refusal::ActorInactive),
        (Disabled, Pending | Active | Archived, On | Off) => Err(Refusal::ActorDisabled),
        (OtherStaff | NotStaff, Pending | Active | Archived, On | Off) => Err(Refusal::NotPermitted),
        (ManagerElsewhere, Pending | Active | Archived, On | Off) => Err(Refusal::OtherSchool),
        (ThePerson | Manager | Outranked | Operator, Archived, On | Off) => Err(Refusal::Archived),
        (ThePerson | Manager | Outranked | Operator, Pending, On | Off) => Err(Refusal::NotJoined),
        (ThePerson | Manager | Outranked | Operator, Active, On) => Err(Refusal::ManagedBySync),
        (Outranked, Active, Off) => Err(Refusal::Outranked),
        (ThePerson | Manager | Operator, Active, Off) => Ok(Permit { account }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGETS: [Target; 3] = [Target::Pending, Target::Active, Target::Archived];
    const SETTINGS: [Setting; 2] = [Setting::On, Setting::Off];
    const ACTORS: [Actor; 9] = [
        Actor::ThePerson,
        Actor::Manager,
        Actor::Outranked,
        Actor::ManagerElsewhere,
        Actor::OtherStaff,
        Actor::NotStaff,
        Actor::Inactive,
        Actor::Disabled,
        Actor::Operator,
    ];

    fn every_cell() -> impl Iterator<Item = EditFacts> {
        TARGETS.into_iter().flat_map(|target| {
            SETTINGS.into_iter().flat_map(move |setting| {
                ACTORS.into_iter().map(move |actor| EditFacts { target, setting, actor })
            })
        })
    }

    #[test]
    fn only_active_people_under_off_are_edited_and_only_by_themselves_or_their_manager() {
        for facts in every_cell() {
            let allowed = facts.target == Target::Active
                && facts.setting == Setting::Off
                && matches!(facts.actor, Actor::ThePerson | Actor::Manager | Actor::Operator);
            assert_eq!(may_edit(7, &facts).is_ok(), allowed, "{facts:?}");
        }
    }

    #[test]
    fn a_permit_is_for_one_account() {
        let facts = EditFacts { target: Target::Active, setting: Setting::Off, actor: Actor::ThePerson };
        assert_eq!(may_edit(7, &facts).unwrap().account(), 7);
    }

    /// A person without a permission for an account gets the same answer whatever its state.
    #[test]
    fn a_stranger_learns_nothing() {
        for actor in
            [Actor::ManagerElsewhere, Actor::OtherStaff, Actor::NotStaff, Actor::Inactive, Actor::Disabled]
        {
            let mut answers: Vec<Refusal> = every_cell()
                .filter(|facts| facts.actor == actor)
                .filter_map(|facts| may_edit(7, &facts).err())
                .collect();
            answers.dedup();
            assert_eq!(answers.len(), 1, "{actor:?}");
        }
    }

    /// `docs/who-may-edit.md` is this table, printed. After a wanted change: `UPDATE_DOCS=1 cargo test who_may_edit`.
    #[test]
    fn who_may_edit_in_the_docs_is_this_table() {
        let mut page = String::from(
            "# Who may edit\n\nPrinted from `policy::may_edit` by its test. The answer is `yes`, or the code of the refusal;\n\
             it is the same for every field.\n\n| account | setting | actor | answer |\n|---|---|---|---|\n",
        );
        for facts in every_cell() {
            let answer = match may_edit(7, &facts) {
                Ok(_) => "yes".to_owned(),
                Err(refusal) => format!("`{}`", refusal.code()),
            };
            page.push_str(&format!(
                "| {:?} | {:?} | {:?} | {answer} |\n",
                facts.target, facts.setting, facts.actor
            ));
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/who-may-edit.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap_or_default(),
            page,
            "docs/who-may-edit.md is out of date"
        );
    }
}
