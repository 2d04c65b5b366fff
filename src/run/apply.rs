//! The one transaction of a run: accounts, audit, outbox, and the run's own row.

use super::approval::{BASIS, Basis};
use super::ended_permissions::EndedPermissions;
use super::{MessageContext, Surroundings};
use crate::failure::{Failure, Kind, Result};
use crate::last_night::LastNight;
use crate::notify::{Editor, Occasion, compose};
use crate::plan::Plan;
use crate::roster::Mode;
use crate::source::RosterSource;
use crate::store::{AccountRow, NewRun, Origin, RunResult, Store};

/// What there is to say of a run besides its plan.
pub(super) struct Applied<'a> {
    pub(super) run: i64,
    pub(super) result: RunResult,
    pub(super) source: &'a dyn RosterSource,
    /// What the run saw of its inputs.
    pub(super) tonight: &'a LastNight,
    pub(super) notify: bool,
    /// What its messages are composed with.
    pub(super) told: &'a MessageContext,
    pub(super) occasion: &'a Occasion<'a>,
    /// Kept of a blocked run, for the one who approves it later.
    pub(super) basis: &'a Basis,
    /// Permissions that end with it.
    pub(super) ending: &'a EndedPermissions,
}

/// Writes a run to the store, of a blocked one only the row. It counts once the store commits.
pub(super) fn write(
    store: &Store,
    plan: &Plan,
    applied: &Applied<'_>,
    around: &Surroundings<'_>,
) -> Result<()> {
    let Applied { run: number, result, source, tonight, notify, told, occasion, basis, ending } = *applied;
    let unkept = |error| Failure::new(Kind::Failed, "the summary cannot be kept").because(error);
    let mut summary = serde_json::to_value(&plan.summary).map_err(unkept)?;
    if result == RunResult::Blocked {
        summary[BASIS] = serde_json::to_value(basis).map_err(unkept)?;
    }
    store.insert_run(&NewRun {
        id: number,
        started: around.now,
        finished: around.now.max(chrono::Utc::now()),
        result,
        source: &source.about().name,
        mode: source.about().mode,
        notify,
        checksum: &plan.checksum,
        summary: &summary.to_string(),
        undoes: None,
    })?;
    if result != RunResult::Blocked {
        around.progress.begin("applying", None);
        let schools = &source.about().schools;
        for (id, name) in &schools.0 {
            store.put_school(id, name, schools.1.contains(id))?;
        }
        plan.last_schools().write(store)?;
        if source.about().mode == Mode::Bulk {
            store.forget_bystanders(|id| !plan.mentions(id))?;
        }
        plan.each_bystander(|bystander| store.put_bystander(&bystander))?;
        let (waits, gone) = (store.waiting()? > 0, store.has_gone()?);
        let (first_load, bystanders) = (!store.has_accounts()?, store.has_bystanders()?);
        if first_load {
            store.drop_account_index()?;
        }
        let mut created = Vec::new();
        let mut add = |person: Option<u32>, account: &AccountRow<'_>| {
            let id = store.insert_row(account)?;
            if bystanders {
                store.forget_bystander(account.sourced_id)?;
            }
            created.extend(person);
            Ok::<_, Failure>(id)
        };
        plan.each_newcomer(|newcomer| {
            let id = add(Some(newcomer.person), &newcomer.account)?;
            if newcomer.stamp.is_empty() { Ok(()) } else { store.put_platform_stamp(id, newcomer.stamp) }
        })?;
        plan.each_write(|write| {
            let account = match write.account.id {
                0 => AccountRow::with(&write.account, |row| add(write.person(), &row))?,
                id => {
                    store.update_account(&write.account)?;
                    id
                }
            };
            if write.account.id == 0 && !write.stamp.is_empty() {
                store.put_platform_stamp(account, &write.stamp)?;
            }
            for entry in &write.audit {
                let by = if entry.origin == Origin::Platform { write.stamp.as_str() } else { "" };
                store.audit_by(account, Some(number), entry, by, around.now)?;
            }
            if waits && write.leaves {
                store.drop_all_waiting(account, around.now)?;
            }
            if (waits || gone) && (write.since.is_some() || !write.recipients.is_empty()) {
                store.drop_out_of_date(account, &write.account.details, around.now)?;
            }
            if gone && notify && !write.account.archived {
                store.queue_again(account, &write.account.details, around.now)?;
            }
            for recipient in &write.recipients {
                let message = compose(recipient, &told.about(&write), Editor::Sync, occasion)?;
                store.queue(number, account, &message, write.since, around.now)?;
            }
            Ok(())
        })?;
        ending.write(store, number, around.now)?;
        if first_load {
            store.make_account_index()?;
        }
        plan.remember(store, &created)?;
        store.keep_night(tonight)?;
    }
    Ok(())
}
