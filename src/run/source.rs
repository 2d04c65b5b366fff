//! Which source is read, by the configuration.

use std::cell::Cell;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::request::{Intent, Request, RunContext};
use crate::config::{Config, Source};
use crate::contact::PhoneReader;
use crate::failure::{Failure, Kind, Result};
use crate::last_night::file as kind;
use crate::owner;
use crate::roster::RoleList;
use crate::rules::Rules;
use crate::source::guardians::{self, WithGuardians};
use crate::source::oneroster_csv::lone::FileOpening;
use crate::source::oneroster_csv::{self, OneRosterCsv};
use crate::source::{
    About, ContactOptions, KnownGuardians, PullCache, Renamed, RosterSource, SourceCheck, Watch, clever,
    oneroster_api, sftp,
};
use crate::store::Store;

pub(super) type Opening<'a> = Box<dyn FnOnce() -> Result<Box<dyn RosterSource>> + Send + 'a>;

/// Opens the configured source, or CSV files at another place. Files are opened when this is called
/// for, in whatever thread. What takes the store or is pulled over the network is opened at once,
/// so that it is complete before a transaction begins; a run may keep it beside the store for the
/// next pull.
///
/// # Errors
/// Those of the source; `Usage` if there is another place and the configured source is no files.
pub(super) fn open_later<'a>(request: Request<'a>, store: &Store) -> Result<Opening<'a>> {
    let (config, path) = (request.config, request.options.source.as_deref());
    if let (Source::Csv { path: configured, options }, None) = (&config.source, &config.guardians) {
        let last_night = store.last_night()?.map(Arc::new);
        let (contacts, lists_all) = (contact_options(request), request.options.list_findings);
        return Ok(Box::new(move || {
            let options = oneroster_csv::Options { last_night, contacts, lists_all, ..options.clone() };
            let source = OneRosterCsv::open(path.unwrap_or(configured), options)?;
            Ok(Renamed::wrap(Box::new(source), &config.sync.role_names))
        }));
    }
    let source = open_now(request, store)?;
    Ok(Box::new(move || Ok(source)))
}

/// Where the roster of the last pull is kept for the next one.
pub(super) fn pulled_roster(config: &Config) -> PathBuf {
    owner::with_suffix(&config.sync.store, ".roster")
}

fn open_now(request: Request<'_>, store: &Store) -> Result<Box<dyn RosterSource>> {
    let Request { config, options, context, intent } = request;
    let path = options.source.as_deref();
    let known = || known_guardians(store);
    let last_night = store.last_night()?.map(Arc::new);
    let contacts = contact_options(request);
    // `check` does not pull, so the values of columns that are in no rule are counted once.
    let is_looked_at = last_night.as_deref().is_some_and(|night| night.contacts_are_looked_at);
    let over_network = Arc::new(ContactOptions { counts_unused: !is_looked_at, ..(*contacts).clone() });
    let csv = |options: &oneroster_csv::Options| oneroster_csv::Options {
        last_night: last_night.clone(),
        contacts: Arc::clone(&contacts),
        lists_all: request.options.list_findings,
        ..options.clone()
    };
    let file = pulled_roster(config);
    let keeping = PullCache { file, write: intent == Intent::Apply, erased: Arc::new(store.erased()?) };
    let source: Box<dyn RosterSource> = match (path, &config.source) {
        (Some(path), source) => match source.csv() {
            Some(options) => Box::new(OneRosterCsv::open(path, csv(options))?),
            None => {
                return Err(Failure::new(
                    Kind::Usage,
                    "`--source` is for rosters that are files, and the configured one is not",
                )
                .at(path.display())
                .cure("leave it out, or use a configuration with type = \"oneroster-csv\""));
            }
        },
        (None, Source::Csv { path, options }) => Box::new(OneRosterCsv::open(path, csv(options))?),
        (None, Source::Sftp(options)) => watched(context, |watch| {
            sftp::open(&sftp::Options { csv: csv(&options.csv), ..options.clone() }, watch)
        })?,
        (None, Source::OneRosterApi(options)) => {
            let options = oneroster_api::Options { contacts: Arc::clone(&over_network), ..options.clone() };
            watched(context, |watch| oneroster_api::open(&options, Some(&keeping), watch))?
        }
        (None, Source::Clever(options)) => {
            let options = clever::Options { contacts: Arc::clone(&over_network), ..options.clone() };
            watched(context, |watch| clever::open(&options, Some(&keeping), watch, &known))?
        }
    };
    // Before the guardians, who are guardians of people whose role is student.
    let source = Renamed::wrap(source, &config.sync.role_names);
    match &config.guardians {
        None => Ok(source),
        Some(beside) => {
            let placeholders = config.sync.ignore_emails.clone();
            let reader = guardians::Reader {
                phones: PhoneReader::new(config.sync.default_region),
                is_ignored: Box::new(move |email| placeholders.matches(email)),
            };
            let before = last_night.as_deref().and_then(|night| night.files.get(kind::GUARDIANS));
            let opening = FileOpening { setting: beside.encoding, before, ..FileOpening::default() };
            Ok(Box::new(WithGuardians::open(
                source,
                &beside.file,
                opening,
                beside.language_field.as_deref(),
                known()?,
                reader,
                &contacts,
            )?))
        }
    }
}

/// What the source needs to know of `[contacts]`.
fn contact_options(Request { config, options, .. }: Request<'_>) -> Arc<ContactOptions> {
    Arc::new(ContactOptions {
        rules: config.contacts.rules.clone(),
        role_names: config.sync.role_names.clone(),
        watched: options.explain_contacts.clone(),
        counts_unused: options.count_unused,
    })
}

/// Looks at the configured source without pulling it. None if it is files.
pub fn check_source(config: &Config, context: &RunContext<'_>) -> Result<Option<SourceCheck>> {
    let seen = match &config.source {
        Source::Csv { .. } => return Ok(None),
        Source::Sftp(options) => watched(context, |watch| sftp::check(options, watch)),
        Source::OneRosterApi(options) => watched(context, |watch| oneroster_api::check(options, watch)),
        Source::Clever(options) => watched(context, |watch| clever::check(options, watch)),
    };
    context.progress.end();
    let mut seen = seen?;
    if let Some(beside) = &config.guardians {
        seen.missing.retain(|(code, _)| !matches!(*code, "no-guardians" | "no-agents"));
        if let Err(cause) = std::fs::File::open(&beside.file) {
            let what = format!("the guardians file {} cannot be opened: {cause}", beside.file.display());
            seen.missing.push(("no-guardians-file", what));
        }
    }
    Ok(Some(seen))
}

pub(super) fn watched<T>(context: &RunContext<'_>, pull: impl FnOnce(&Watch<'_>) -> Result<T>) -> Result<T> {
    let begun = Cell::new(None);
    let progress = |records, total| {
        if begun.replace(Some(total)) != Some(total) {
            context.progress.begin("pulling the roster", total);
        }
        context.progress.at(records);
    };
    progress(0, None);
    pull(&Watch { now: context.now, progress: &progress, stop: context.stop })
}

/// The guardians of the store, for sources that give them no lasting id.
fn known_guardians(store: &Store) -> Result<KnownGuardians> {
    let mut known = KnownGuardians::default();
    store.each_guardian(|guardian| known.add(guardian))?;
    Ok(known)
}

/// Fewer guardians may be missing from a file of guardians in one night: they have left the file.
const FEW: u64 = 5;

/// An API that shares guardians no more would have all of them archived, and what is missing is a
/// permission.
pub(super) fn refuse_lost_guardians(
    about: &About,
    beside: Option<&HashSet<u64>>,
    store: &Store,
    rules: &Rules,
) -> Result<()> {
    if !about.shares_no_guardians {
        return Ok(());
    }
    let (mut lost, mut here) = (0_u64, 0_u64);
    store.each_relative(|known| {
        let synced = |role: &str| {
            crate::roles::is_guardian(role) && crate::roles::is_synced(role, &rules.synced_roles)
        };
        let is_one = RoleList(known.roles).iter().any(|held| synced(&crate::roles::canonical(held.role)));
        // A guardian with an id that did not come from the file may have come from the source.
        if is_one && !known.archived && !(beside.is_some() && guardians::is_own_id(known.sourced_id)) {
            match beside.is_some_and(|beside| beside.contains(&xxh3_64(known.sourced_id.as_bytes()))) {
                true => here += 1,
                false => lost += 1,
            }
        }
        Ok(())
    })?;
    // With a file beside it, a source that never shared any is nothing new; and people leave the
    // file.
    let is_loss = if beside.is_some() { lost >= FEW && lost > here } else { lost > 0 };
    if !is_loss {
        return Ok(());
    }
    Err(Failure::new(
        Kind::InputUnusable,
        format!("the source shares no guardians any more, and {lost} are known; nothing was applied"),
    )
    .at(&about.name)
    .cure(
        "have guardians (contacts, users that are not enrolled) shared with these credentials again; if they are not to be \
         synced any more, take guardian, parent and relative out of `roles` in [sync]",
    ))
}
