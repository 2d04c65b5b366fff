//! `rostersync db`: the store as a whole.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::run::size;
use super::ui::Ui;
use super::{Global, path, unprintable};
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::lock::{Lock, Of, PATIENCE};
use crate::output::check_target;
use crate::owner::{absolute, with_suffix};
use crate::plural::counted;
use crate::run::{Progress, restore};
use crate::store::{Checked, Store};

/// Back up the store, copy it, check it, restore it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync db backup
  rostersync db copy /mnt/new/rostersync.db
  rostersync db verify")]
pub(super) struct DbArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy the store, also while a run is under way
    ///
    /// The copy is as the last run left the store. It is complete or not there, and only its owner
    /// may read it. Without FILE it is put beside the store, with the time in its name. `[sync]
    /// backups = N` makes such copies before runs.
    #[command(after_help = "\
Examples:
  rostersync db backup
  rostersync db backup /var/backups/rostersync.db")]
    Backup(BackupArgs),
    /// Copy the store to another place, checked
    ///
    /// The copy is a whole store of this version, to move a district or to try something with it. Its
    /// first run says that it is a copy: two stores of one district would tell people twice.
    #[command(after_help = "\
Example:
  rostersync db copy /mnt/new/rostersync.db")]
    Copy(CopyArgs),
    /// Check a store or a backup: the file, its references and its history
    ///
    /// Without FILE it checks the store. It ends with 1 and names what is wrong.
    #[command(after_help = "\
Examples:
  rostersync db verify
  rostersync db verify /var/backups/rostersync.db")]
    Verify(FileArgs),
    /// Put a backup in the place of the store
    ///
    /// The backup is checked first. The store that was there is kept under another name. The next
    /// run plans again what happened since the backup, and tells no person twice: the file
    /// STORE.sent, beside the store, notes which messages went out. Users that were erased since
    /// then are erased again.
    #[command(after_help = "\
Example:
  rostersync db restore /var/backups/rostersync.db")]
    Restore(RestoreArgs),
}

#[derive(Debug, clap::Args)]
struct BackupArgs {
    /// The file to write, which must not be there
    #[arg(value_name = "FILE", value_parser = path())]
    file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct CopyArgs {
    /// The file to write, which must not be there
    #[arg(value_name = "FILE", value_parser = path())]
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct FileArgs {
    /// The store or backup [default: the store]
    #[arg(value_name = "FILE", value_parser = path())]
    file: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE", value_parser = path())]
    file: PathBuf,
}

pub(super) fn run(args: &DbArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (said, ending) = match &args.command {
        Command::Backup(args) => (back_up(args, &config, global, ui)?, Ending::Ok),
        Command::Copy(args) => (copy(args, &config, global, ui)?, Ending::Ok),
        Command::Verify(args) => (verify(args, &config, ui)?, Ending::Ok),
        Command::Restore(args) => put_back(args, &config, global, ui)?,
    };
    ui.print(&said).map_err(unprintable)?;
    Ok(ending)
}

fn back_up(args: &BackupArgs, config: &Config, global: &Global, ui: &Ui) -> Result<Vec<u8>> {
    let store = &config.sync.store;
    if !Store::is_there(store)? {
        return Err(no_store(config));
    }
    let file = match &args.file {
        Some(file) => {
            check_target(file, Some(config), &[])?;
            file.clone()
        }
        None => with_suffix(store, &format!(".{}.bak", config.sync.timezone.compact(global.now()))),
    };
    refuse_existing(&file, "backup")?;
    ui.begin("copying the store", None);
    let bytes = Store::back_up(store, &file, &|at, of| ui.reached(at, of));
    ui.end();
    let bytes = bytes?;
    Ok(format!("The backup is {} ({})\n", absolute(&file).display(), size(bytes)).into_bytes())
}

fn refuse_existing(file: &Path, what: &str) -> Result<()> {
    if file.symlink_metadata().is_err() {
        return Ok(());
    }
    let what = format!("the file for the {what} is there already; nothing was written");
    Err(Failure::new(Kind::Usage, what).at(absolute(file).display()).cure("name a file that is not there"))
}

fn copy(args: &CopyArgs, config: &Config, global: &Global, ui: &Ui) -> Result<Vec<u8>> {
    let (store, file) = (&config.sync.store, &args.file);
    if !Store::is_there(store)? {
        return Err(no_store(config));
    }
    check_target(file, Some(config), &[])?;
    refuse_existing(file, "copy")?;
    let copied = Store::copy_to(store, file, global.now(), &|what| ui.begin(what, None), &|at, of| {
        ui.reached(at, of);
    });
    ui.end();
    let (bytes, checked) = copied?;
    let place = absolute(file).display().to_string();
    let mut lines = vec![("Copy", format!("{place} ({})", size(bytes)))];
    lines.extend(about(&checked, config));
    lines.push((
        "Use",
        "name it as `store` in [sync]; only one of the two stores may go on running".to_owned(),
    ));
    Ok(ui.screen.labelled(&lines, 11))
}

fn verify(args: &FileArgs, config: &Config, ui: &Ui) -> Result<Vec<u8>> {
    let file = args.file.as_deref().unwrap_or(&config.sync.store);
    if args.file.is_none() && !Store::is_there(file)? {
        return Err(no_store(config));
    }
    ui.begin("checking the store", None);
    let checked = Store::check(file, &|at, of| ui.reached(at, of));
    ui.end();
    let checked = checked?;
    if !checked.is_sound() {
        let place = absolute(file);
        return Err(Failure::new(Kind::Failed, format!("the store does not hold: {}", wrong(&checked)))
            .at(place.display())
            .cure("restore a backup from before: `rostersync db verify FILE` checks one, `rostersync db restore FILE` restores it"));
    }
    let mut lines = vec![("Store", absolute(file).display().to_string())];
    lines.extend(about(&checked, config));
    Ok(ui.screen.labelled(&lines, 11))
}

/// What a store is that was checked and is sound.
fn about(checked: &Checked, config: &Config) -> Vec<(&'static str, String)> {
    let version = match checked.version == checked.current {
        true => format!("{}, as this version writes it", checked.version),
        false => format!("{}, of an older version; this one writes {}", checked.version, checked.current),
    };
    let history = format!(
        "holds: {} in {}",
        counted(checked.audit.rows, "change", "changes"),
        counted(checked.audit.links, "link", "links")
    );
    let run = if checked.last_run == 0 { "none yet".to_owned() } else { checked.last_run.to_string() };
    let mut lines = vec![
        ("File", "sound".to_owned()),
        ("Schema", version),
        ("History", history),
        ("Accounts", checked.accounts.to_string()),
        ("Last run", run),
    ];
    if let Some(copied) = &checked.copied {
        let made = config.sync.timezone.show(copied.made);
        lines.push(("Copy of", format!("{}, made on {made}; no run has used it yet", copied.of)));
    }
    lines
}

fn wrong(checked: &Checked) -> String {
    let mut all = Vec::new();
    if let Some(first) = checked.damage.first() {
        all.push(format!("the file is damaged ({first})"));
    }
    if checked.dangling > 0 {
        all.push(format!(
            "{} to a row that is not there",
            counted(checked.dangling, "row refers", "rows refer")
        ));
    }
    if checked.audit.broken.is_some() {
        all.push("the history was altered by hand (`rostersync status --verify` names the place)".to_owned());
    }
    all.join("; ")
}

fn put_back(args: &RestoreArgs, config: &Config, global: &Global, ui: &Ui) -> Result<(Vec<u8>, Ending)> {
    let (store, stamp) = (&config.sync.store, config.sync.timezone.show(global.now()));
    let _run = Lock::take(store, Of::Run, &stamp, PATIENCE)?;
    let _outbox = Lock::take(store, Of::Outbox, &stamp, PATIENCE)?;
    let restored = restore(config, &args.file, global.now(), ui);
    ui.end();
    let restored = restored?;
    let file = absolute(&args.file);
    let mut lines = vec![
        ("Restored", file.display().to_string()),
        ("Accounts", restored.accounts.to_string()),
        ("Last run", format!("{}; the next one is {}", restored.last_run, restored.next_run)),
    ];
    if let Some(kept) = &restored.kept {
        lines.push(("Kept", format!("{}: the store that was there", absolute(kept).display())));
    }
    if restored.erased > 0 {
        let erased = counted(restored.erased, "user that was", "users that were");
        lines.push(("Erased", format!("{erased} erased after the backup was made")));
        let them = if restored.erased == 1 { "that user" } else { "those users" };
        lines.push(("Stays", format!("{}: the backup still has {them}; delete it", file.display())));
    }
    if restored.suppressed > 0 {
        let made = counted(restored.suppressed, "suppression that was", "suppressions that were");
        lines.push(("Kept out", format!("{made} made after the backup")));
    }
    if restored.opt_outs > 0 {
        let made = counted(restored.opt_outs, "opt-out that was", "opt-outs that were");
        lines.push(("Opted out", format!("{made} made after the backup")));
    }
    let ending = match &restored.unknown {
        None => Ending::Ok,
        Some(why) => {
            let what = "users that were erased, suppressed or opted out since the backup; do that again";
            lines.push(("Not known", format!("{what} ({why})")));
            Ending::Attention
        }
    };
    Ok((ui.screen.labelled(&lines, 11), ending))
}

fn no_store(config: &Config) -> Failure {
    Failure::new(Kind::Usage, "there is no store yet")
        .at(absolute(&config.sync.store).display())
        .cure("`rostersync run` makes it; if there was one, `rostersync db restore FILE` restores a backup")
}
