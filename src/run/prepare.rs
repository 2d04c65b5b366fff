//! Before a run reads anything: its rules, its lock, its store.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::attempts;
use super::html_report;
use super::presence::{self, Signs};
use super::request::{Intent, Options, Request};
use super::{ALWAYS, report_file};
use crate::attempt::Attempt;
use crate::config::{Config, OnSamePerson};
use crate::failure::{Failure, Kind, Result};
use crate::lock::{Lock, Of, PATIENCE};
use crate::notify::{self, Ping, Templates};
use crate::output::check_target;
use crate::owner::absolute;
use crate::policy::Setting;
use crate::rules::Rules;
use crate::scratch;
use crate::sent::{SentLog, Told};
use crate::store::Store;

pub(super) struct Prepared {
    pub(super) store: Store,
    pub(super) signs: Signs,
    pub(super) rules: Rules,
    pub(super) templates: Templates,
}

/// Prepares a run. Whatever can be known to stop it stops it here. The lock of a run is put into
/// `held`, with a note that the attempt has begun.
///
/// # Errors
/// `Usage` if the configuration cannot be run; `Busy` if another run holds the lock; `InputUnusable` if the store is lost;
/// those of the store.
pub(super) fn prepare(
    request: Request<'_>,
    begun: Option<&Attempt>,
    held: &mut Option<Lock>,
) -> Result<Prepared> {
    let Request { config, options, context, intent } = request;
    let rules = rules(config, options, context.now)?;
    // A mistake in a template shows before anything is changed.
    let templates = Templates::load(&config.notify)?;
    if let Some(path) = &options.report {
        check_target(path, Some(config), &options.inputs())?;
    }
    let is_there = presence::is_there(config, options.new_store)?;
    let (store, signs) = match intent {
        Intent::Preview => (open_for_preview(config, options)?, Signs::of(config)),
        Intent::Apply => {
            let lock = held.insert(lock(request)?);
            begun.map_or(Ok(()), |begun| attempts::begin(config, lock, begun))?;
            let store = Store::open(&config.sync.store)?;
            let signs = Signs::of(config);
            if is_there {
                if let Some(restored) = presence::restored(&store, &signs)? {
                    tracing::info!(target: ALWAYS, "{restored}");
                }
                if let Some(copied) = store.copied()? {
                    tracing::info!(target: ALWAYS, "{}", presence::copied(&copied, config));
                    store.forget_copied()?;
                }
            } else {
                let place = absolute(&config.sync.store);
                let next = signs.last_run() + 1;
                tracing::info!(target: ALWAYS, "there was no store, so a new one was made: {}; its first run is run {next}", place.display());
            }
            report_file::finish_interrupted(&config.sync.reports, &store)?;
            html_report::catch_up(config, &store)?;
            scratch::remove_left_over();
            (store, signs)
        }
    };
    let mut rules = of_store(rules, &store)?;
    let last = store.last_run_number()?;
    if last > 0 && signs.last_run() > last {
        let log = SentLog::read(&config.sync.sent_log(), Some(last))?;
        rules.told = Told::new(Arc::clone(&rules.erased), log);
    }
    Ok(Prepared { store, signs, rules, templates })
}

fn lock(Request { config, options, context, .. }: Request<'_>) -> Result<Lock> {
    let stamp = config.sync.timezone.show(context.now);
    let lock = Lock::take(&config.sync.store, Of::Run, &stamp, PATIENCE)?;
    // Not before: a run that finds the lock taken says nothing in the middle of the other one.
    notify::ping(config, Ping::Start, "");
    if !options.no_notify {
        // What stops the sending should stop the run before it has changed anything.
        Lock::try_usable(&config.sync.store, Of::Outbox)?;
    }
    Ok(lock)
}

/// The rules of the configuration, if it can be run at all.
///
/// # Errors
/// `Usage` if people are to be told of changes and there is no way to do that.
pub(super) fn rules(config: &Config, options: &Options, now: DateTime<Utc>) -> Result<Rules> {
    if config.on_anywhere()
        && config.notify.email.is_none()
        && !options.no_notify
        && options.what_if.is_none()
    {
        return Err(Failure::new(
            Kind::Usage,
            "update_contacts is on, but there is no [notify.email] to tell people of the changes",
        )
        .at(config.file.display())
        .cure("add [notify.email] with server and from, or run with --no-notify"));
    }
    let today = config.sync.timezone.day(now);
    Ok(Rules::of(config, today, options.what_if.map(Setting::from_bool), !options.no_notify))
}

/// The rules with what the store knows besides the accounts.
pub(super) fn of_store(rules: Rules, store: &Store) -> Result<Rules> {
    Ok(Rules {
        opted_out: store.stopped_numbers()?.into_iter().collect(),
        erased: Arc::new(store.erased()?),
        last_night: store.last_night()?.map(Arc::new),
        missing: store.missing()?,
        ..rules
    })
}

pub(super) fn open_for_preview(config: &Config, options: &Options) -> Result<Store> {
    // The plan is made as if the accounts had their new sourcedIds.
    let found = match options.rekey.is_some() || config.identity.same_person == OnSamePerson::Join {
        true => Store::open_copy(&config.sync.store)?,
        false => Store::open_read(&config.sync.store)?,
    };
    found.map_or_else(Store::empty, Ok)
}
