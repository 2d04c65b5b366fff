//! Differences from the SIS that a person has looked at: the actual value is right and stays without a
//! note, or the value of the SIS is right and is applied once.

use std::collections::HashMap;

use super::edit::{changes, origin};
use super::refused::Tried;
use super::{People, Refused, tell};
use crate::account::Account;
use crate::config::SharedContacts;
use crate::contact::Field;
use crate::failure::Result;
use crate::notify::Editor;
use crate::plan::{Change, Forecast, forecast};
use crate::policy::{Permit, Setting};
use crate::rules::Rules;
use crate::store::{AuditEntry, Origin};

/// Which of the two values is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    Keep,
    Take,
}

impl Settle {
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Take => "take",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settling {
    /// The account has what the SIS import has, or the SIS import says nothing.
    NoDifference,
    /// It was settled before, and neither value has changed since.
    Before,
    /// The SIS import has no value, and a blank cell takes nothing away.
    NothingToTake,
    Kept,
    /// The value of the SIS is applied, and so many messages tell of it.
    Taken {
        change: Change,
        told: usize,
    },
    /// Nothing was changed; that it was tried is in the audit.
    Refused(Refused),
}

/// Settles the difference of one field, in one transaction with the entry in the audit and the
/// messages. Without an `actor` it is the person that runs this program.
///
/// # Errors
/// `Usage` if `user` has no account; those of the store. A refusal is no error.
pub fn settle(
    people: &People<'_>,
    user: &str,
    actor: Option<&str>,
    field: Field,
    how: Settle,
) -> Result<Settling> {
    people.store.transaction(|| {
        let target = people.account(user)?;
        let mut by = By { origin: Origin::Operator, actor: actor.unwrap_or_default().to_owned() };
        let permit = match actor {
            None => people.operator_may_edit(&target)?.map_err(Refused::from),
            Some(actor) => match people.store.account(actor)? {
                None => Err(Refused::UnknownActor),
                Some(actor) => {
                    by.origin = origin(people, &target, &actor);
                    people.may_edit(&target, &actor)?.map_err(Refused::from)
                }
            },
        };
        let settling = match permit {
            Err(refused) => Settling::Refused(refused),
            Ok(permit) => settle_permitted(people, &permit, &target, &by, field, how)?,
        };
        if let Settling::Refused(refused) = &settling {
            people.record_refusal(&target, Tried::Settle, *refused, (by.origin, &by.actor))?;
        }
        Ok(settling)
    })
}

/// The person that settles.
struct By {
    origin: Origin,
    /// The sourcedId; empty for the person that runs this program.
    actor: String,
}

impl By {
    fn audit(&self, people: &People<'_>, account: &Account, field: &str, old: &str, new: &str) -> Result<()> {
        let entry = AuditEntry { origin: self.origin, field: field.into(), old: old.into(), new: new.into() };
        people.store.audit_by(account.id, None, &entry, &self.actor, people.now)
    }
}

fn settle_permitted(
    people: &People<'_>,
    permit: &Permit,
    before: &Account,
    by: &By,
    field: Field,
    how: Settle,
) -> Result<Settling> {
    let said = says(people, before, &people.rules)?;
    let decision = said.fields.of(field);
    if !decision.rule.can_be_settled() {
        return Ok(Settling::NoDifference);
    }
    match how {
        Settle::Keep if decision.settled => Ok(Settling::Before),
        Settle::Keep => {
            let mut after = before.clone();
            after.settled.settle(field, &before.details, &said.wanted);
            people.store.edit(permit, &after)?;
            by.audit(people, before, "settled", field.key(), how.word())?;
            Ok(Settling::Kept)
        }
        Settle::Take => take(people, permit, before, by, field),
    }
}

/// What the sync would do with the account.
fn says<'a>(people: &People<'_>, account: &'a Account, rules: &Rules) -> Result<Forecast<'a>> {
    let (roles, schools) = (people.roles_of(account), people.schools_of(account)?);
    Ok(forecast(account, &roles, &schools, rules))
}

/// Applies the value of the SIS as the sync would do it under ON.
fn take(people: &People<'_>, permit: &Permit, before: &Account, by: &By, field: Field) -> Result<Settling> {
    let under_on = Rules { district: Setting::On, schools: HashMap::new(), ..people.rules.clone() };
    let said = says(people, before, &under_on)?;
    if !said.fields.of(field).rule.changes() {
        return Ok(Settling::NothingToTake);
    }
    let mut details = before.details.clone();
    details.take(field, &said.details);
    let mut after = before.clone();
    after.replace_details(details);
    after.settled.end(field);
    if people.rules.shared_contacts == SharedContacts::Unique && people.store.holder(&after, field)?.is_some()
    {
        return Ok(Settling::Refused(Refused::Taken(field)));
    }
    people.store.edit(permit, &after)?;
    let (old, new) = (before.details.recorded(field), after.details.recorded(field));
    by.audit(people, before, field.key(), &old, &new)?;
    by.audit(people, before, "settled", field.key(), Settle::Take.word())?;
    let editor = if by.origin == Origin::Person { Editor::ThePerson } else { Editor::Staff };
    let changes = changes(&before.details, &after.details);
    let told = tell(people, None, before, &after, &changes, editor)?;
    let change = changes.into_iter().next().unwrap_or(Change { field, old, new, case_only: false });
    Ok(Settling::Taken { change, told })
}
