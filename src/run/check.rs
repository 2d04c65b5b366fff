//! What the next run, started now, would stumble over: the same preparation and the same plan as a
//! dry run, without one that stops at the first obstacle.

use std::path::Path;

use super::ended_permissions::EndedPermissions;
use super::presence::{self, Signs};
use super::request::{Intent, Options, Request, RunContext};
use super::{plan, prepare, source};
use crate::config::{Config, MailServer, Push, PushTo, Source};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::lock::{Of, path_of};
use crate::message::Channel;
use crate::notify::{Templates, check_names, check_quiet_hours};
use crate::output::check_target;
use crate::owner::{self, absolute, name_of};
use crate::plan::{Overrun, Plan, too_many_rejected};
use crate::platform::{Export, Seen};
use crate::rules::Rules;
use crate::secret::{SecretPlace, readers};
use crate::source::{RosterSource, sftp};
use crate::store::Store;

#[derive(Default)]
pub struct Checked {
    /// What would stop the next run, or keep it from what it has to do; the first is how it would
    /// end.
    pub troubles: Vec<Failure>,
    pub findings: Findings,
    /// None if there was trouble, or the source was not tried.
    pub plan: Option<Plan>,
    pub overruns: Vec<Overrun>,
    /// More records would be rejected than `[limits] rejected` allows.
    pub partial: bool,
    /// The source is asked over the network, and was not.
    pub not_tried: bool,
}

/// Looks at everything that a run needs, and makes its plan. Nothing is written. `look` may wrap
/// the source.
///
/// # Errors
/// Only what keeps from looking: that the process is to stop. All else is in [`Checked::troubles`].
pub fn check(
    config: &Config,
    context: &RunContext<'_>,
    look: impl FnOnce(Box<dyn RosterSource>) -> Box<dyn RosterSource> + Send,
) -> Result<Checked> {
    let mut checked = Checked {
        not_tried: config.source.local_path().is_none(),
        findings: Findings::listing(true),
        ..Checked::default()
    };
    let options = Options { decide_all: true, count_unused: true, list_findings: true, ..Options::default() };
    let request = Request { config, options: &options, context, intent: Intent::Preview };
    let Checked { troubles, findings, .. } = &mut checked;
    troubles.extend(Templates::load(&config.notify).err());
    check_names(config, findings);
    places(config, troubles, findings);
    secrets(config, troubles, findings);
    plan::find_exposed_secrets(config, findings);
    if let Some(pause) = config.pause_of_sync(config.sync.timezone.day(context.now)) {
        findings.warn("paused", At::file(&name_of(&config.file)).column("[[pause]]"), || {
            format!(
                "the next run does nothing: {}. What follows is of a run without the pause",
                pause.words()
            )
        });
    }
    let ready = prepare::rules(config, &options, context.now)
        .and_then(|rules| presence::is_there(config, false).map(|_| rules))
        .map_err(|failure| troubles.push(failure));
    if let Ok(rules) = ready {
        match prepare::open_for_preview(config, &options) {
            Err(failure) => troubles.push(failure),
            Ok(store) => {
                let restored = presence::restored(&store, &Signs::of(config))?;
                if let Some(what) = restored {
                    findings.warn("store-restored", At::file(&name_of(&config.sync.store)), || what);
                }
                if let Some(copied) = store.copied()? {
                    findings.warn("store-copied", At::file(&name_of(&config.sync.store)), || {
                        presence::copied(&copied, config)
                    });
                }
                check_quiet_hours(config, &store, context.now, findings)?;
                let planned = if checked.not_tried {
                    export_alone(config, context, &mut checked.findings).map(|()| None)
                } else {
                    plan_of(request, &store, rules, &mut checked.findings, look).map(Some)
                };
                match planned {
                    Ok(Some((plan, overruns))) => {
                        checked.partial = too_many_rejected(&plan.summary, &config.limits);
                        checked.overruns = overruns;
                        checked.plan = Some(plan);
                    }
                    Ok(None) => {}
                    Err(failure) if matches!(failure.kind, Kind::Interrupted(_)) => return Err(failure),
                    Err(failure) => checked.troubles.push(failure),
                }
            }
        }
    }
    context.progress.end();
    Ok(checked)
}

fn plan_of(
    request: Request<'_>,
    store: &Store,
    rules: Rules,
    findings: &mut Findings,
    look: impl FnOnce(Box<dyn RosterSource>) -> Box<dyn RosterSource> + Send,
) -> Result<(Plan, Vec<Overrun>)> {
    let mut rules = prepare::of_store(rules, store)?;
    let open = source::open_later(request, store)?;
    let open: source::Opening<'_> = Box::new(move || Ok(look(open()?)));
    store.preview(|| {
        let planned = plan::plan(request, open, store, &mut rules, findings)?;
        EndedPermissions::find(&planned.plan, store, findings)?;
        Ok((planned.plan, planned.overruns))
    })
}

/// Of a source over the network only what lies here is looked at.
fn export_alone(config: &Config, context: &RunContext<'_>, findings: &mut Findings) -> Result<()> {
    if let Some(guardians) = &config.guardians {
        std::fs::File::open(&guardians.file).map_err(|cause| {
            Failure::io(Kind::InputUnusable, "the guardians file cannot be opened", &guardians.file, cause)
        })?;
    }
    if let Some(platform) = &config.platform {
        Export::read(platform, context.now.into(), 0, |_, _| Seen::New, |_| Ok(None), None, findings)?;
    }
    Ok(())
}

fn places(config: &Config, troubles: &mut Vec<Failure>, findings: &mut Findings) {
    let store = &config.sync.store;
    let folders = [
        ("the folder of the store", owner::folder_of(store)),
        ("the folder of the reports", &config.sync.reports),
    ];
    for (what, folder) in folders {
        if let Some(cause) = owner::unwritable(folder) {
            troubles.push(unwritable(what, folder, cause));
        }
    }
    let files = [store.clone(), path_of(store, Of::Run), path_of(store, Of::Outbox)];
    for file in files.iter().filter(|file| file.exists()) {
        if let Some(cause) = owner::unwritable_file(file) {
            troubles.push(unwritable("a file of the store", file, cause));
        }
    }
    if owner::is_open_to_others(owner::folder_of(store)) {
        findings.warn("store-folder-open", At::file(&name_of(store)), || {
            format!(
                "other users may write to the folder {}: they could replace the store; take that away with chmod 700",
                absolute(owner::folder_of(store)).display()
            )
        });
    }
    if let Some(kind) = owner::network_file_system(owner::folder_of(store)) {
        findings.warn("store-on-network", At::file(&name_of(store)), || {
            format!(
                "the store is on a network file system ({kind}): a lock of this machine may not keep out another one, \
                 and the store can be damaged; move it to a local disk or a block device"
            )
        });
    }
    if config.sync.reports.is_dir() && owner::is_open_to_others(&config.sync.reports) {
        findings.warn("reports-folder-open", At::file(&name_of(&config.sync.reports)), || {
            format!(
                "other users may write to the folder {}: they could replace reports; take that away with chmod 700",
                absolute(&config.sync.reports).display()
            )
        });
    }
    if let Some(email) = &config.notify.email
        && let MailServer::Folder(folder) = &email.server
        && let Some(cause) = owner::unwritable(folder)
    {
        troubles.push(unwritable("the mail folder", folder, cause));
    }
    if let Some(log) = &config.sync.sent_log {
        troubles.extend(file_trouble("`sent_log` in [sync]", log));
    }
    for (channel, what) in
        [(Channel::Email, "`pace_file` in [notify.email]"), (Channel::Sms, "`pace_file` in [notify.sms]")]
    {
        troubles.extend(config.notify.pace_file(channel).and_then(|file| file_trouble(what, file)));
    }
    if let Some(push) = &config.push {
        troubles.extend(push_trouble(push, config));
    }
}

/// What would keep the next run from writing to a file that a key names.
fn file_trouble(what: &str, file: &Path) -> Option<Failure> {
    let folder = owner::folder_of(file);
    match (file.exists(), folder.is_dir()) {
        (true, _) => owner::unwritable_file(file).map(|cause| unwritable(what, file, cause)),
        (false, true) => owner::unwritable(folder).map(|cause| unwritable(what, folder, cause)),
        (false, false) => Some(
            Failure::new(Kind::Failed, format!("the folder of {what} is not there"))
                .at(absolute(folder).display())
                .cure("make it, mount its volume, or correct the key"),
        ),
    }
}

/// What would make the push of the next run fail, as far as that is seen without it.
fn push_trouble(push: &Push, config: &Config) -> Option<Failure> {
    if let Some(key) = &push.key_file
        && let Err(failure) = sftp::check_key(key)
    {
        let cure = failure.cure.replace("[source.sftp]", "[platform.push]");
        return Some(failure.cure(cure));
    }
    match &push.to {
        PushTo::File(file) if !owner::folder_of(file).is_dir() => {
            let what = "the folder of `to` in [platform.push] is not there";
            let place = absolute(owner::folder_of(file));
            Some(Failure::new(Kind::Failed, what).at(place.display()).cure("make it, or correct `to`"))
        }
        PushTo::File(file) => {
            let folder = owner::folder_of(file);
            let refused = |failure: Failure| {
                Failure::new(Kind::Failed, format!("`to` in [platform.push]: {}", failure.what))
                    .at(absolute(file).display())
                    .cure(failure.cure)
            };
            check_target(file, Some(config), &[]).err().map(refused).or_else(|| {
                owner::unwritable(folder)
                    .map(|cause| unwritable("the folder of `to` in [platform.push]", folder, cause))
            })
        }
        PushTo::Command(words) => {
            let program = Path::new(words.first()?);
            let is_gone = program.is_absolute() && !program.is_file();
            is_gone.then(|| {
                let what = "the program of `command` in [platform.push] is not there";
                Failure::new(Kind::Failed, what)
                    .at(program.display())
                    .cure("correct `command`, or install it")
            })
        }
        PushTo::Sftp(_) => None,
    }
}

fn unwritable(what: &str, place: &Path, cause: std::io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("{what} cannot be written"))
        .at(absolute(place).display())
        .cure("give it to the user that runs rostersync (chown), or run `check` as that user")
        .because(cause)
}

/// Passwords and tokens: whether they are there, and which other users of the machine may read
/// them.
fn secrets(config: &Config, troubles: &mut Vec<Failure>, findings: &mut Findings) {
    let mut all = Vec::new();
    if let Some(email) = &config.notify.email {
        all.extend(email.password());
        all.extend(email.token_file.clone().map(SecretPlace::File));
    }
    if let Some(sms) = &config.notify.sms {
        all.extend(sms.secrets());
    }
    all.extend(config.monitor.ping_url());
    match &config.source {
        Source::OneRosterApi(options) => all.push(options.credentials.secret().clone()),
        Source::Clever(options) => all.push(options.credentials.secret().clone()),
        Source::Csv { .. } | Source::Sftp(_) => {}
    }
    for place in all {
        if let SecretPlace::File(path) = &place {
            if readers(path).is_some_and(|mode| mode & 0o040 != 0) {
                findings.warn("secret-group", At::file(&path.display().to_string()), || {
                    "the group may read this secret, too; that is right for a group of the service alone"
                        .to_owned()
                });
            }
            // What is in a pipe can be read once, and the run needs it.
            if path.exists() && !path.is_file() {
                continue;
            }
        }
        troubles.extend(place.read().err());
    }
}
