//! Accounts that were archived so long ago that they are removed, with all that the store has of
//! their people (`purge_after`).

use chrono::TimeDelta;

use super::request::Request;
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::owner;
use crate::plan::Plan;
use crate::store::{Last, Origin, Store};

/// So many accounts are removed at once.
const AT_ONCE: usize = 5_000;

/// After so many days without a good run no account is removed: the clock may be wrong, and what is
/// removed does not come back.
const CLOCK: TimeDelta = TimeDelta::days(100);

/// Accounts that are removed, by id.
#[derive(Debug, Default)]
pub(super) struct Purge(Vec<i64>);

impl Purge {
    /// Finds out which accounts are removed, and makes them a part of the plan. People that the roster
    /// still mentions stay, also if they have no account because the rules leave them out.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) fn find(
        plan: &mut Plan,
        request: Request<'_>,
        store: &Store,
        findings: &mut Findings,
    ) -> Result<Self> {
        let sync = &request.config.sync;
        let Some(days) = sync.purge_after.0 else { return Ok(Self::default()) };
        let now = request.context.now;
        let today = sync.timezone.day(now);
        let (mut found, mut ids) = (Vec::new(), Vec::new());
        for account in plan.archived_and_gone() {
            let Some(moment) = store.archived_at(account)? else { continue };
            if (today - sync.timezone.day(moment)).num_days() < i64::from(days) {
                continue;
            }
            // It may have been archived again tonight.
            if let Some(account) = store.account_by_id(account)?.filter(|account| account.archived) {
                found.push(account.id);
                ids.push(account.sourced_id);
            }
        }
        let last = store.last_attempt(Last::Good)?.map(|last| last.attempt.started);
        if !found.is_empty() && last.is_some_and(|last| now - last > CLOCK) {
            findings.warn("purge-waits", At::file(&owner::name_of(&request.config.file)).column("purge_after"), || {
                format!(
                    "no account is removed by this run, because the last good run was more than {} days ago: check the clock. The \
                     next run removes them",
                    CLOCK.num_days()
                )
            });
            return Ok(Self::default());
        }
        plan.take_in_purge(&ids);
        Ok(Self(found))
    }

    /// Removes them. After everything else was written.
    pub(super) fn write(&self, store: &Store, run: i64, now: chrono::DateTime<chrono::Utc>) -> Result<()> {
        for some in self.0.chunks(AT_ONCE) {
            let mut accounts = Vec::with_capacity(some.len());
            for account in some {
                accounts.extend(store.account_by_id(*account)?);
            }
            store.remove_people(&accounts, Origin::Sync, Some(run), now)?;
        }
        Ok(())
    }
}
