//! People that are to have no account, whatever the SIS says.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::People;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roster::ids;
use crate::store::{Origin, Suppression};
use crate::suppressed::{Suppressed, suppressed_on, term};

impl People<'_> {
    /// Everyone that is suppressed today.
    pub fn suppressed(&self) -> Result<BTreeMap<String, Suppressed>> {
        Ok(suppressed_on(self.rules.today, self.config, self.store, &mut Findings::default())?.0)
    }

    /// Refuses to give a suppressed person the account back.
    pub(super) fn refuse_suppressed(&self, sourced_id: &str) -> Result<()> {
        let Some(suppressed) = self.suppressed()?.remove(sourced_id) else { return Ok(()) };
        Err(Failure::new(
            Kind::Blocked,
            format!("`{sourced_id}` is suppressed {}, so the account stays archived", suppressed.term()),
        )
        .cure("end that with `rostersync users unsuppress` first"))
    }
}

/// What suppressing a person did.
pub struct Suppressing {
    pub sourced_id: String,
    /// There is an account that is not archived: the next run archives it.
    pub has_account: bool,
    /// Messages that waited, and are discarded.
    pub discarded: u64,
}

/// Has a person have no account any more. What waits for the person in the outbox is discarded.
///
/// # Errors
/// `Usage` if the day has passed, or without a sourcedId or a reason; those of the store.
pub fn suppress(
    people: &People<'_>,
    user: &str,
    reason: &str,
    until: Option<NaiveDate>,
) -> Result<Suppressing> {
    let (sourced_id, reason) = (ids::encoded(user.trim()).into_owned(), reason.trim());
    if sourced_id.is_empty() || reason.is_empty() {
        let what = if sourced_id.is_empty() { "the sourcedId is blank" } else { "the reason is blank" };
        return Err(
            Failure::new(Kind::Usage, what).cure("write `rostersync users suppress USER --reason TEXT`")
        );
    }
    if let Some(day) = until.filter(|day| *day < people.rules.today) {
        return Err(Failure::new(Kind::Usage, format!("{day} has passed"))
            .cure("`--until` is the last day on which the person is suppressed; leave it out for no end"));
    }
    if people.store.erased()?.contains(&sourced_id) {
        let what = format!("`{sourced_id}` was erased, so no run adds the user already; nothing was changed");
        return Err(Failure::new(Kind::Usage, what).cure("`rostersync users unsuppress` would end that"));
    }
    people.store.transaction(|| {
        let account = people.store.account(&sourced_id)?;
        let before = people.store.suppressions()?.into_iter().find(|one| one.sourced_id == sourced_id);
        people.store.put_suppression(&Suppression {
            sourced_id: sourced_id.clone(),
            until,
            reason: reason.to_owned(),
            since: people.now,
        })?;
        let mut done = Suppressing { sourced_id, has_account: false, discarded: 0 };
        if let Some(account) = &account {
            let before = before.map(|one| term(one.until)).unwrap_or_default();
            people.record(account, Origin::Operator, "suppressed", &before, &term(until))?;
            done.has_account = !account.archived;
            done.discarded = people.store.waiting_for_account(account.id)?;
            if done.discarded > 0 {
                let waited = format!("{} waiting", done.discarded);
                people.record(account, Origin::Operator, "messages", &waited, "discarded")?;
                people.store.drop_all_waiting(account.id, people.now)?;
            }
            // Nor is what an edit queues before the next run.
            people.store.stop(account.id, people.now)?;
        }
        Ok(done)
    })
}

/// How it was that a person could have no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsuppressing {
    NotSuppressed,
    Suppressed,
    /// The person was erased: the next roster brings a new person.
    Erased,
}

/// Lets a person have an account again.
///
/// # Errors
/// Those of the store.
pub fn unsuppress(people: &People<'_>, user: &str) -> Result<Unsuppressing> {
    let sourced_id = ids::encoded(user.trim()).into_owned();
    people.store.transaction(|| {
        if people.store.end_erased(&sourced_id)? {
            return Ok(Unsuppressing::Erased);
        }
        let known = people.store.suppressions()?.into_iter().find(|one| one.sourced_id == sourced_id);
        let Some(known) = known else { return Ok(Unsuppressing::NotSuppressed) };
        people.store.end_suppression(&sourced_id)?;
        if let Some(account) = people.store.account(&sourced_id)? {
            people.record(&account, Origin::Operator, "suppressed", &term(known.until), "")?;
            people.store.go_on(account.id)?;
        }
        Ok(Unsuppressing::Suppressed)
    })
}
