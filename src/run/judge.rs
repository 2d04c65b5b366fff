//! What a plan as a whole comes to: within the limits, approved, or blocked.

use super::approval::{self, Basis};
use super::backup::BackupMade;
use super::ended_permissions::EndedPermissions;
use super::plan::{self, Planned};
use super::presence::{Signs, next_run};
use super::purge::Purge;
use super::push::{PUSH_FAILED, PushForecast, Pushed};
use super::report_file::{self, Undeliverable};
use super::request::{Intent, Request};
use super::source::Opening;
use crate::attempt::Ending;
use crate::failure::Result;
use crate::findings::Findings;
use crate::last_night::LastNight;
use crate::notify::Delivery;
use crate::output::write_file;
use crate::plan::{Overrun, Plan, too_many_rejected};
use crate::roster::Schools;
use crate::rules::Rules;
use crate::source::{About, Explained};
use crate::store::{Savepoint, Store};

pub struct Outcome {
    /// Its number; none for a preview.
    pub run: Option<i64>,
    pub plan: Plan,
    pub schools: Schools,
    /// Limits that the plan goes over, whether approved or not.
    pub overruns: Vec<Overrun>,
    /// Limits whose people are held back while the rest is applied.
    pub held: Vec<Overrun>,
    pub blocked: bool,
    /// More records were rejected than `[limits] rejected` allows.
    pub partial: bool,
    pub report: Option<std::path::PathBuf>,
    /// The accounts that are probably back under another sourcedId: the certain ones, for `--rekey`,
    /// and the others. Files of those that there are.
    pub renames: Vec<std::path::PathBuf>,
    pub delivery: Delivery,
    /// What was given to the platform.
    pub push: Option<Pushed>,
    /// More is known of the run than at its commit: of its messages, of its push, or what needs a person.
    pub(super) more_known: bool,
    /// In a preview: what would be.
    pub would_push: Option<PushForecast>,
    /// The copy of the store that was made before the run.
    pub backup: Option<BackupMade>,
    pub findings: Findings,
    /// Rows of the platform's export, and how many of them belong to no user.
    pub export_rows: usize,
    pub export_unknown: u64,
    /// Which rules of `[contacts]` decided over [`Options::explain_contacts`](super::Options).
    pub explained_contacts: Vec<Explained>,
}

impl Outcome {
    /// Messages or a push could not be handed over: why, in a sentence for the record of the run.
    pub(super) fn undelivered(&self) -> Option<String> {
        let push = self.push.as_ref().and_then(|push| push.failed.as_ref());
        let push = push.map(|why| format!("{PUSH_FAILED}: {why}"));
        let all: Vec<String> = self.delivery.problem().into_iter().chain(push).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Whether a run ends with [`Ending::Undelivered`] because of it.
    pub fn is_undelivered(&self) -> bool {
        self.undelivered().is_some()
    }

    pub(super) fn result(&self) -> Ending {
        match (self.blocked, self.partial) {
            (true, _) => Ending::BLOCKED,
            (false, true) => Ending::Partial,
            (false, false) => Ending::Ok,
        }
    }
}

/// A plan that was judged, and what is written besides it.
pub(super) struct Judged<'a> {
    pub(super) outcome: Outcome,
    pub(super) number: i64,
    pub(super) about: About,
    pub(super) tonight: LastNight,
    /// When the list of users was written, in seconds since 1970.
    pub(super) written: Option<i64>,
    /// Stored with a blocked run, to compare a later approval with.
    pub(super) basis: Basis,
    pub(super) purge: Purge,
    pub(super) ended: EndedPermissions,
    pub(super) undeliverable: Undeliverable,
    pub(super) before_renames: Option<Savepoint<'a>>,
}

/// Makes the plan and judges it, and writes the report that `--report` asks for.
pub(super) fn judge<'a>(
    request: Request<'_>,
    source: Opening<'_>,
    store: &'a Store,
    signs: &Signs,
    rules: &'a mut Rules,
) -> Result<Judged<'a>> {
    let Request { config, options, context, intent } = request;
    let mut findings = Findings::default();
    let Planned {
        plan,
        rules,
        about,
        purge,
        overruns,
        held,
        tonight,
        written,
        export_rows,
        export_unknown,
        explained,
        before_renames,
    } = plan::plan(request, source, store, rules, &mut findings)?;
    let ended = EndedPermissions::find(&plan, store, &mut findings)?;
    let basis = Basis::of(rules, &about, options);
    let approved = approval::approve(&plan, &basis, options, store)?;
    let undeliverable = Undeliverable::of(store)?;
    if let Some(path) = &options.report {
        write_file(path, Some(config), &options.inputs(), |out| {
            report_file::write_rows(out, &plan, &undeliverable)
        })?;
    }
    context.interrupted()?;
    let number = next_run(store, signs)?;
    let outcome = Outcome {
        run: (intent == Intent::Apply).then_some(number),
        partial: too_many_rejected(&plan.summary, &config.limits),
        blocked: !overruns.is_empty() && !approved,
        plan,
        schools: about.schools.clone(),
        overruns,
        held,
        report: options.report.clone(),
        renames: Vec::new(),
        delivery: Delivery::default(),
        push: None,
        more_known: false,
        would_push: None,
        backup: None,
        findings,
        export_rows,
        export_unknown,
        explained_contacts: explained,
    };
    Ok(Judged {
        outcome,
        number,
        about,
        tonight,
        written,
        basis,
        purge,
        ended,
        undeliverable,
        before_renames,
    })
}
