//! `rostersync undo`

use crate::account::Account;
use crate::attempt::Ending;
use crate::failure::Result;
use crate::plural::{agreed, counted, or_none};
use crate::report::Rendering;
use crate::run::{
    NextRun, NextRunForecast, Part, Progress, RunContext, UndoOptions, UndoOutcome, Undone, ValueOutcome,
    send_undone, undo,
};

use super::delivery::attention_lines;
use super::layout::{Column, Screen, Table};
use super::ui::{Ui, shown};
use super::users::{copying, reading, writing};
use super::{Global, signals, unprintable};

/// Give back the contact details that a run changed
///
/// These values are kept and listed: values that were edited after the run, and values from the
/// platform's export. Without --all, accounts that the run created, archived or restored stay as they
/// are. The undo is a run of its own, with a report. It sends no messages without --notify.
///
/// With --all the undo also takes back the rest of the run. Accounts that the run created are
/// archived, not removed: the history names them. Accounts that it archived come back, accounts that
/// it restored are archived again, and accounts get the sourcedIds and the links that they had.
/// Accounts that were touched since are kept and listed, with the reason. Accounts of people that may
/// not be contacted stay archived, and removed or erased people are never brought back.
///
/// For each value the output says what the next run will do. The next run changes a value again if
/// the sync may change it and the roster still has another value. To know this, the command plans
/// the next run with the present files of the roster. It does not pull a roster over the network.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync undo 42 --dry-run     what it would give back
  rostersync undo 42 --all         also created, archived and restored accounts")]
pub(super) struct UndoArgs {
    /// Number of the run
    #[arg(value_name = "RUN", value_parser = super::whole_number::<i64>)]
    run: i64,

    /// Also accounts that the run created, archived, restored or gave another sourcedId, and links
    #[arg(long)]
    all: bool,

    /// Preview: show what would be given back; write nothing
    #[arg(long)]
    dry_run: bool,

    /// Send a message to each person whose details are given back
    #[arg(long)]
    notify: bool,

    /// How many values are printed; 0 prints all
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::whole_number::<u64>)]
    limit: u64,
}

pub(super) fn run(args: &UndoArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (lock, store) = match args.dry_run {
        // What the next run will do is planned over the accounts as the undo leaves them.
        true if config.source.local_path().is_some() => (None, copying(&config)?),
        true => (None, reading(&config)?),
        false => {
            let (lock, store) = writing(&config, global)?;
            (Some(lock), store)
        }
    };
    let stop = signals::watch()?;
    let context = RunContext { now: global.now(), progress: ui, stop: &stop };
    let options = UndoOptions { run: args.run, dry_run: args.dry_run, all: args.all, notify: args.notify };
    // What the run had changed; with --all more.
    let run = store.run(args.run)?;
    let counts = run.as_ref().and_then(|run| run.summary["fields"].as_object());
    let changed: u64 = counts.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    ui.begin("giving back", Some(changed).filter(|changed| *changed > 0));
    let (mut printed, mut more) = (0, 0);
    let (mut table, mut lines) = (table(ui.screen), Vec::new());
    let mut outcome = undo(&config, &store, options, &context, |account, value| {
        ui.at(printed + more + 1);
        if args.limit != 0 && printed == args.limit {
            more += 1;
            return Ok(());
        }
        printed += 1;
        let cells = cells(account, value);
        table.row(&cells.each_ref().map(|cell| cell.as_bytes()), &mut lines);
        ui.print(&std::mem::take(&mut lines)).map_err(unprintable)
    })?;
    table.end(&mut lines);
    ui.print(&lines).map_err(unprintable)?;
    drop(lock);
    // The undo is done, also if its messages cannot be sent now.
    let sent = send_undone(&mut outcome, &config, &store, &context);
    ui.end();
    let status = match &sent {
        Ok(()) if outcome.delivery.is_undelivered() => Ending::Undelivered,
        Ok(()) if outcome.findings.needs_attention() => Ending::Attention,
        Ok(()) => Ending::Ok,
        Err(failure) => {
            tracing::error!("the run is undone, but its notifications stay queued: {failure}");
            Ending::Undelivered
        }
    };
    let mut text = String::new();
    if more > 0 {
        text.push_str(&format!("… and {more} more (--limit 0 prints all)\n"));
    }
    if printed > 0 {
        text.push('\n');
    }
    text.push_str(&summary(args, &outcome));
    if outcome.run.is_some()
        && let Some(push) = &config.push
    {
        text.push_str(&format!("The next run pushes this to the platform: {}\n", push.place()));
    }
    attention_lines(&outcome.findings, |_| true).for_each(|line| text.push_str(&format!("{line}\n")));
    let said = ui.print(ui.screen.paragraphs(&text).as_bytes());
    said.and_then(|()| ui.settle(status)).map_err(unprintable)?;
    Ok(status)
}

fn table(screen: Screen) -> Table<'static> {
    let column = |least| Column::new("").least(least);
    Table::new([column(1), column(9), column(8), column(10), column(0).prose()], screen).of_lines()
}

/// `~ 1042      active   email      b@x → a@x; the next run leaves it`
fn cells(account: &Account, value: &Undone) -> [String; 5] {
    let Undone { part, now, was, outcome } = value;
    let (sourced_id, state) = (&account.sourced_id, account.state_word());
    let (now, was) = (or_none(now), or_none(was));
    let (sign, what) = match outcome {
        ValueOutcome::GivenBack(next) => {
            let then = match next {
                NextRun::Stays => "it stays".to_owned(),
                NextRun::StaysWhile(what) => format!("it stays while {what}"),
                NextRun::Reported => "the next run leaves it and reports the SIS value".to_owned(),
                NextRun::Does(what) => format!("the next run {what}"),
                NextRun::ChangedTo(value) => format!("the next run changes it to {} again", or_none(value)),
            };
            let was = match part {
                Part::Created | Part::Restored => "archived",
                _ => was,
            };
            ("~", format!("{now} → {was}; {then}"))
        }
        ValueOutcome::Kept(why) => ("=", format!("kept {now}, was {was}: {}", why.word())),
    };
    [sign.to_owned(), sourced_id.clone(), state.to_owned(), part.word().to_owned(), what]
}

fn summary(args: &UndoArgs, outcome: &UndoOutcome) -> String {
    let UndoOutcome { stay, again, kept, .. } = *outcome;
    let counts = format!(
        "{} given back ({} {}, {again} changed again by the next run){}, {kept} kept",
        counted(stay + again, "value", "values"),
        stay,
        agreed(stay, "stays", "stay"),
        if args.all { taken_back(outcome) } else { String::new() },
    );
    let mut text = String::new();
    match outcome.run {
        Some(run) => {
            if let Some(report) = &outcome.report {
                text.push_str(&format!("Run {run}, its report is {}\n", shown(report)));
            }
            text.push_str(&format!(
                "Undo of run {}: {counts}; {}\n",
                args.run,
                counted(outcome.told, "notification", "notifications")
            ));
        }
        None if stay + again + outcome.taken_back() == 0 => {
            text.push_str(&format!(
                "Undo of run {}: nothing to give back, {kept} kept; nothing was changed\n",
                args.run
            ));
        }
        None => text.push_str(&format!("Undo of run {}, preview: {counts}\n", args.run)),
    }
    text.push_str(&not_told(args, outcome));
    if outcome.removed > 0 {
        text.push_str(&format!(
            "{} removed since, with all personal data, and {} not brought back.\n",
            counted(outcome.removed, "account was", "accounts were"),
            agreed(outcome.removed, "is", "are")
        ));
    }
    if again > 0 {
        text.push_str(&format!(
            "To keep {} that the next run would change again, correct {} in the SIS, or let active users keep their own \
             details (update_contacts = false) first.\n",
            agreed(again, "the value", "the values"),
            agreed(again, "it", "them")
        ));
    }
    match &outcome.forecast {
        NextRunForecast::NotAsked => {}
        NextRunForecast::Planned { overruns } if overruns.is_empty() => {}
        NextRunForecast::Planned { overruns } => {
            text.push_str(&format!(
                "But the next run would be blocked by {}, and change nothing:\n",
                agreed(overruns.len() as u64, "a limit", "limits")
            ));
            overruns.iter().for_each(|overrun| text.push_str(&format!("  {overrun}\n")));
        }
        NextRunForecast::Remembered { .. } if stay + again + outcome.taken_back() == 0 => {}
        NextRunForecast::Remembered { why } => text.push_str(&format!(
            "What the next run does is estimated from the last roster; what has changed in the SIS since, the \
             platform's export, other people's values and the limits are left out: {why}.\n"
        )),
    }
    text
}

/// What is taken back besides values.
fn taken_back(outcome: &UndoOutcome) -> String {
    let UndoOutcome { archived, restored, rekeyed, links, repeated, .. } = *outcome;
    format!(
        ", {} archived, {restored} brought back, {rekeyed} with the old sourcedId, {} taken back ({repeated} of these changed \
         again by the next run)",
        counted(archived, "account", "accounts"),
        counted(links, "link", "links"),
    )
}

/// What people know of the run that is taken back, if they get no message about the undo.
fn not_told(args: &UndoArgs, outcome: &UndoOutcome) -> String {
    let mut text = String::new();
    let done = outcome.run.is_some();
    let (told, waiting) = (outcome.were_told, outcome.have_waiting);
    if told > 0 && !args.notify {
        let who = counted(told, "person was", "people were");
        let run = args.run;
        text.push_str(&match done {
            true => format!("{who} told of run {run} and {} not told of this.\n", agreed(told, "is", "are")),
            false => format!(
                "{who} told of run {run} and would not be told of this; --notify tells {}.\n",
                agreed(told, "that person", "them")
            ),
        });
    }
    if waiting > 0 && !args.notify {
        text.push_str(&format!(
            "{} that still {} of what is taken back {} sent.\n",
            counted(waiting, "message", "messages"),
            agreed(waiting, "waits and tells", "wait and tell"),
            match (done, waiting) {
                (true, 1) => "is not",
                (true, _) => "are not",
                (false, _) => "would not be",
            }
        ));
    }
    text
}
