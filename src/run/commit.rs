//! The one transaction of a run: accounts, audit, outbox, and the run's own row.

use super::{Options, Outcome, Surroundings};
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::notify::{Occasion, compose};
use crate::roster::Mode;
use crate::source::RosterSource;
use crate::store::{NewRun, RunResult, Store};

/// Whom to contact where the configuration does not say.
const SOMEBODY: &str = "your school";

/// Commits a run. Of a blocked one only the row.
pub(super) fn commit(
    store: &Store,
    outcome: &Outcome,
    result: RunResult,
    source: &dyn RosterSource,
    config: &Config,
    options: &Options,
    around: &Surroundings<'_>,
) -> Result<()> {
    let Some(number) = outcome.run else { return Ok(()) };
    let summary = serde_json::to_string(&outcome.plan.summary)
        .map_err(|error| Failure::new(Kind::Failed, "the summary cannot be kept").because(error))?;
    store.insert_run(&NewRun {
        id: number,
        started: around.now,
        finished: around.now.max(chrono::Utc::now()),
        result,
        source: source.name(),
        mode: source.mode(),
        notify: !options.no_notify,
        checksum: &outcome.plan.checksum,
        summary: &summary,
    })?;
    if !outcome.blocked {
        around.progress.begin("applying", None);
        for (id, name) in &source.schools().0 {
            store.put_school(id, name)?;
        }
        let occasion = Occasion {
            at: around.now,
            zone: config.sync.timezone,
            contact: config.notify.contact.as_deref().unwrap_or(SOMEBODY),
        };
        if source.mode() == Mode::Bulk {
            store.forget_bystanders(|id| !outcome.survey.mentions(id))?;
        }
        outcome.plan.each_bystander(|bystander| store.put_bystander(&bystander))?;
        outcome.plan.each_write(|write| {
            let account = match write.account.id {
                0 => {
                    let id = store.insert_account(&write.account)?;
                    store.forget_bystander(&write.account.sourced_id)?;
                    id
                }
                id => {
                    store.update_account(&write.account)?;
                    id
                }
            };
            for entry in &write.audit {
                store.audit(account, Some(number), entry, around.now)?;
            }
            for recipient in &write.recipients {
                let message = compose(recipient, &write.account.details, &write.changes, &occasion);
                store.queue(number, account, &message, around.now)?;
            }
            Ok(())
        })?;
    }
    store.commit()
}
