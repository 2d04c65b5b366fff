//! `rostersync users erase`

use super::super::layout::Screen;
use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{copying, writing};
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::lock::{Lock, Of, PATIENCE};
use crate::owner::absolute;
use crate::plural::counted;
use crate::report::harmless;
use crate::run::{BackupErasure, Erasure, erase};

/// Remove one user with all personal data, for good
///
/// The user goes from the store and its free pages, from its backups, from the reports that are
/// kept, and from the roster of the last pull. The history keeps what was done and when, without
/// the values. A backup that cannot be read is deleted. What the command cannot reach: the files of
/// the SIS, messages that were handed over, and copies in other places.
///
/// The SIS sends the user again the next night. So a keyed hash of the sourcedId stays in the
/// store, and no run adds the user until `users unsuppress`. The command can be repeated.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync users erase gua-1042 --dry-run     what would be removed
  rostersync users erase gua-1042 --yes")]
pub(super) struct EraseArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,

    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,

    /// Remove it: nothing brings the data back
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
}

pub(super) fn run(args: &EraseArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let now = global.now();
    if args.dry_run {
        let erasure = erase(&config, &copying(&config)?, &args.user, now, true)?;
        ui.print(&shown(&erasure, &config, true, ui.screen)).map_err(unprintable)?;
        return Ok(Ending::Ok);
    }
    if !args.yes {
        let user = harmless(args.user.trim());
        return Err(Failure::new(Kind::Usage, "nothing was removed: what is erased cannot be brought back")
            .cure(format!(
                "look at `rostersync users erase {user} --dry-run`, then erase the user with \
                 `rostersync users erase {user} --yes`"
            )));
    }
    let (_lock, store) = writing(&config, global)?;
    // No message to the user may be under way meanwhile.
    let stamp = config.sync.timezone.show(now);
    let _outbox = Lock::take(&config.sync.store, Of::Outbox, &stamp, PATIENCE)?;
    let erasure = erase(&config, &store, &args.user, now, false)?;
    ui.print(&shown(&erasure, &config, false, ui.screen)).map_err(unprintable)?;
    Ok(Ending::Ok)
}

fn shown(erasure: &Erasure, config: &Config, dry_run: bool, screen: Screen) -> Vec<u8> {
    let Erasure { sourced_id, removed, .. } = erasure;
    let mut lines: Vec<(&str, String)> = Vec::new();
    let first = match (dry_run, erasure.is_repeated) {
        (true, _) => format!("{sourced_id} would be erased:"),
        (false, false) => format!("{sourced_id} is erased:"),
        (false, true) => format!("{sourced_id} was erased before; what was left is removed:"),
    };
    lines.push((
        "Store",
        format!(
            "{}, {}, {}, links of {}",
            counted(removed.accounts, "account", "accounts"),
            counted(removed.audit_values, "value of the history", "values of the history"),
            counted(removed.messages, "message", "messages"),
            counted(removed.links, "other user", "other users"),
        ),
    ));
    for (path, left_out) in &erasure.reports {
        let rows = counted(left_out.rows, "row", "rows");
        let mentions = counted(left_out.mentions, "mention", "mentions");
        lines.push(("Report", format!("{}: {rows}, {mentions}", absolute(path).display())));
    }
    for (path, kind) in &erasure.backups {
        let what = match kind {
            BackupErasure::Rewritten => "rewritten without the user",
            BackupErasure::Deleted => "deleted, because it cannot be read as a store",
            BackupErasure::Unfinished => "deleted, because it was never finished",
        };
        lines.push(("Backup", format!("{}: {what}", absolute(path).display())));
    }
    if erasure.attempts > 0 {
        lines.push((
            "Attempts",
            counted(erasure.attempts, "attempt named the user", "attempts named the user"),
        ));
    }
    if let Some(path) = &erasure.pulled_roster {
        let path = absolute(path);
        lines.push(("Roster", format!("{}: deleted; the next pull is a whole one", path.display())));
    }
    if let Some(path) = &erasure.mail_folder {
        let path = absolute(path);
        lines.push(("Stays", format!("{}: messages that were handed over", path.display())));
    }
    for path in &erasure.other_stores {
        let path = absolute(path);
        lines.push(("Stays", format!("{}: it has the user too; if it is a copy, delete it", path.display())));
    }
    for other in &erasure.probably_also {
        lines.push((
            "Held",
            format!(
                "{other} is probably the same user, and the next run decides about it without {sourced_id}. \
                 Erase it too: `rostersync users erase {other} --yes`"
            ),
        ));
    }
    for earlier in &erasure.earlier {
        lines.push((
            "Earlier",
            format!("{earlier}: no run adds it, until `rostersync users unsuppress {earlier}`"),
        ));
    }
    if let Some(push) = &config.push {
        let still = if push.has_a_file() {
            "the file is there and may have the user"
        } else {
            "what was pushed there"
        };
        lines.push(("Stays", format!("{}: {still}; close the account on the platform too", push.place())));
    }
    lines.push(("Stays", "the files of the SIS, and copies that were taken elsewhere".to_owned()));
    let mut text = format!("{}\n", harmless(&first)).into_bytes();
    text.extend(screen.labelled(&lines, 11));
    let last = format!("No run adds the user again, until `rostersync users unsuppress {sourced_id}`");
    text.extend(format!("{}\n", harmless(&last)).into_bytes());
    text
}
