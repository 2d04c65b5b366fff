//! `rostersync run`

use std::path::PathBuf;

use serde_json::json;

use super::delivery::{
    attention_lines, delivery_json, delivery_lines, push_json, push_line, would_push_json, would_push_line,
    write_to_admins,
};
use super::layout::padded;
use super::preview;
use super::ui::{Ui, shown};
use super::{Global, is_broken_pipe, signals, unprintable};
use crate::attempt::Ending;
use crate::config::{Config, Pause};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::notify::{Ping, ping};
use crate::plan::{Action, Overrun, Step, Summary, said_overruns};
use crate::plural::{agreed, counted};
use crate::report;
use crate::run::{Options, Outcome, RunContext, pass, run as run_sync};

/// Sync: read the platform's export and the roster, apply the policy, send the messages, write the
/// report
///
/// A run makes changes only after it has read everything. It makes all changes at once, or none. If
/// a plan goes over a limit of the configuration, the run applies nothing and ends with 4; with
/// on_limit = "hold" it holds back only what is over the limit, and ends with 3. The message then
/// says how to approve exactly that plan.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT}"))]
pub(super) struct RunArgs {
    /// Preview: the same plan and report; nothing is written or sent
    #[arg(long)]
    dry_run: bool,

    /// Preview with the setting on (or off) everywhere, whatever the configuration says. Only with
    /// --dry-run
    #[arg(long, value_name = "MODE", value_parser = ["on", "off"], requires = "dry_run")]
    update_contacts: Option<String>,

    /// Read the roster from this folder or zip instead of [source] path
    #[arg(long, value_name = "PATH", value_parser = super::path())]
    source: Option<PathBuf>,

    /// Apply the changes, but send no notifications. The record of the run says so
    #[arg(long)]
    no_notify: bool,

    /// Re-check everyone, also users whose data has not changed since the last run. Slower; the
    /// result is the same
    #[arg(long)]
    decide_all: bool,

    /// Apply exactly the plan with this checksum, although it is over a limit; every other plan is
    /// refused
    #[arg(long, value_name = "CHECKSUM", value_parser = checksum, conflicts_with = "dry_run")]
    approve: Option<String>,

    /// Also write the Users report to this file
    #[arg(long, value_name = "FILE", value_parser = super::path())]
    report: Option<PathBuf>,

    /// Before the run, give old accounts new sourcedIds: a CSV file with the headers `old` and
    /// `new`
    ///
    /// Each row does the same as `users rekey`. The renames are part of the run: all or none of
    /// them are applied. Renames that were done before are skipped.
    #[arg(long, value_name = "FILE", value_parser = super::path())]
    rekey: Option<PathBuf>,

    /// Accept the platform's export, although it lacks the column `state` or most of the rows of
    /// the last good night
    ///
    /// Without this option the run refuses such an export (exit 7), because it is nearly always
    /// another file. The limits still hold. The next runs compare with this export.
    #[arg(long)]
    new_export: bool,

    /// Make a new store, although there are signs of an earlier one (reports, a copy, good runs on
    /// record)
    ///
    /// Then every person whom the platform's export does not show as active is pending, and gets
    /// the details of the SIS.
    #[arg(long)]
    new_store: bool,

    /// How the summary is written to standard output
    #[arg(long, value_enum, default_value_t = RunFormat::Text, value_name = "FORMAT")]
    format: RunFormat,

    /// With --dry-run: exit 10 if there are changes, 11 if some archive people or change active
    /// users
    #[arg(long, requires = "dry_run")]
    detailed_exitcode: bool,

    /// How many changes a preview prints; 0 prints all
    ///
    /// The most dangerous changes come first: archived accounts, then the sign-ins (email, mobile)
    /// of active people. Each kind of change gets some of the lines, and a last line counts the
    /// changes that are left out. JSON always has every change.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::whole_number::<u64>)]
    limit: u64,
}

const EXAMPLES: &str = "\
Examples:
  rostersync run --dry-run                    what a run would change
  rostersync run                              the nightly sync
  rostersync run --approve 8f14e45fceea167a   this plan, over a limit
  rostersync run --dry-run --update-contacts on --report preview.csv";

pub(super) const EXIT: &str = "\
Exit status:
  0 done, or nothing to do
  1 unexpected failure; nothing applied
  2 wrong command line or configuration
  3 done, but something needs a person, or too many records were rejected
  4 blocked by a limit; nothing applied
  5 another run holds the lock
  6 the source did not give everything; nothing applied
  7 an input is missing, empty or unusable; nothing applied
  8 applied, but messages could not be sent, or the push failed
  10, 11 see --detailed-exitcode
  129, 130, 143 interrupted (SIGHUP, SIGINT, SIGTERM); nothing applied";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum RunFormat {
    /// For people
    Text,
    /// For programs: docs/preview.schema.json describes it
    Json,
    /// For a ticket: the changes as a table. It has names, addresses and numbers
    Markdown,
}

impl RunArgs {
    /// Whether it is more than a preview.
    pub(super) fn applies(&self) -> bool {
        !self.dry_run
    }
}

pub(super) fn run(args: &RunArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let done = go(args, global, ui);
    if let (Err(failure), RunFormat::Json) = (&done, args.format) {
        let status = Ending::Failed(failure.kind);
        let json = json!({ "result": status.word(), "exit": status.exit(), "error": failure_json(failure) });
        print_json(&json, ui)?;
    }
    done
}

fn go(args: &RunArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    if args.dry_run {
        return sync(args, &config, global, ui, &mut String::new());
    }
    global.warn_of_root();
    let mut plan = String::new();
    let done = match config.pause_of_sync(config.sync.timezone.day(global.now())) {
        Some(pause) => pass_over(pause, args, &config, global, ui),
        None => sync(args, &config, global, ui, &mut plan),
    };
    match &done {
        Ok(status) => tell_monitor(&config, *status, &plan),
        Err(failure) => {
            let status = Ending::Failed(failure.kind);
            let what = match failure.kind {
                Kind::Busy => "the run did not begin",
                _ => "the run failed",
            };
            // The other run speaks for itself.
            if failure.kind != Kind::Busy {
                tell_monitor(&config, status, &plan);
            }
            write_to_admins(&config, status, true, what, &format!("{failure}\n"), None, global);
        }
    }
    done
}

/// A run on a day on which the whole sync is paused: it says so, and sends what waits.
fn pass_over(pause: &Pause, args: &RunArgs, config: &Config, global: &Global, ui: &Ui) -> Result<Ending> {
    let stop = signals::watch()?;
    let options = Options { no_notify: args.no_notify, ..Options::default() };
    let context = RunContext { now: global.now(), progress: ui, stop: &stop };
    let (delivery, push) = pass(config, pause, &options, &context)?;
    let is_pushed = push.as_ref().is_none_or(|push| push.failed.is_none());
    let mut findings = Findings::default();
    delivery.find(config, &mut findings);
    push.iter().for_each(|push| push.find(context.now, config, &mut findings));
    let status = match findings.needs_attention() {
        _ if delivery.is_undelivered() || !is_pushed => Ending::Undelivered,
        true => Ending::Attention,
        false => Ending::Paused,
    };
    let mut lines = vec![format!(
        "Paused: {}, by the [[pause]] from {}. Nothing was read, and nothing was changed.",
        pause.words(),
        pause.from
    )];
    lines.extend(delivery_lines(&delivery, config));
    lines.extend(push.as_ref().and_then(push_line));
    lines.extend(attention_lines(&findings, |_| true));
    let text = lines.join("\n") + "\n";
    if args.format == RunFormat::Json {
        let json = json!({
            "result": status.word(), "exit": status.exit(), "results": [status.word()], "run": null, "applied": false,
            "pause": pause_json(pause), "undelivered": delivery.undelivered, "delivery": delivery_json(&delivery),
            "push": push.as_ref().map(push_json), "attention": findings.attentions().collect::<Vec<_>>(),
        });
        print_json(&json, ui)?;
    } else {
        ui.print(ui.screen.paragraphs(&text).as_bytes())
            .and_then(|()| ui.settle(status))
            .map_err(unprintable)?;
    }
    write_to_admins(config, status, false, "paused", &text, None, global);
    ui.finished(status, None);
    Ok(status)
}

pub(super) fn pause_json(pause: &Pause) -> serde_json::Value {
    json!({ "from": pause.from, "until": pause.until, "school": pause.school, "archive": if pause.syncs { Some(false) } else { None } })
}

/// The pauses of today, as the summary of a run says them.
fn pause_lines(config: &Config, global: &Global) -> Vec<String> {
    let today = config.sync.timezone.day(global.now());
    let of_today = config.pauses.iter().filter(|pause| pause.is_on(today));
    let line = |pause: &Pause| {
        let why = match pause.school.is_none() && !pause.syncs {
            true => ": a run does nothing. This is what it would do without the pause",
            false => "",
        };
        format!("Paused: {} ([[pause]]){why}", pause.words())
    };
    of_today.map(line).collect()
}

/// Tells the monitor how a run ended. The plan line has counts alone, no details of people.
fn tell_monitor(config: &Config, status: Ending, plan: &str) {
    let text = if plan.is_empty() { status.word().to_owned() } else { format!("{}\n{plan}", status.word()) };
    ping(config, Ping::Ended(status.exit()), &text);
}

/// `plan` is given the plan line, if there is a plan.
fn sync(args: &RunArgs, config: &Config, global: &Global, ui: &Ui, plan: &mut String) -> Result<Ending> {
    let stop = signals::watch()?;
    let mut options = Options {
        what_if: args.update_contacts.as_deref().map(|word| word == "on"),
        source: args.source.clone(),
        no_notify: args.no_notify,
        approve: args.approve.clone(),
        report: args.report.clone(),
        decide_all: args.decide_all,
        rekey: args.rekey.clone(),
        command: String::new(),
        new_export: args.new_export,
        new_store: args.new_store,
        ..Options::default()
    };
    options.command = command(&options, global);
    let context = RunContext { now: global.now(), progress: ui, stop: &stop };
    let outcome = match args.dry_run {
        true => crate::run::preview(config, &options, &context)?,
        false => run_sync(config, &options, &context)?,
    };

    *plan = outcome.plan.summary.to_string();
    let statuses = statuses(&outcome, args);
    let status = statuses.first().copied().unwrap_or(Ending::Ok);
    ui.findings(&outcome.findings, status);
    let text = text(&outcome, &options, config, global);
    match (say(args, ui, &text, &outcome, &statuses, status), outcome.run) {
        // What is applied is applied, whether or not it can be said.
        (Err(failure), Some(_)) if !is_broken_pipe(&failure) => {
            tracing::error!("the run is applied: {failure}")
        }
        (said, _) => said?,
    }
    if let Some(run) = outcome.run {
        let changes = outcome.plan.summary.has_changes() || outcome.delivery.failed > 0;
        let report = outcome.report.as_deref();
        // The log has it already; the administrators do not read the log.
        let text =
            outcome.delivery.troubles.iter().fold(text, |text, trouble| format!("{text}\n{trouble}\n"));
        write_to_admins(config, status, changes, &format!("run {run}"), &text, report, global);
    }
    ui.finished(status, outcome.run);
    Ok(status)
}

fn say(
    args: &RunArgs,
    ui: &Ui,
    text: &str,
    outcome: &Outcome,
    statuses: &[Ending],
    status: Ending,
) -> Result<()> {
    if args.format == RunFormat::Json {
        let summary = summary_json(outcome, statuses, status);
        if args.dry_run || outcome.blocked {
            return print_with_changes(&summary, outcome, ui);
        }
        return print_json(&summary, ui);
    }
    if args.format == RunFormat::Markdown {
        let limit = (args.dry_run || outcome.blocked).then_some(args.limit);
        let mut page = Vec::new();
        preview::markdown(outcome, text, limit, &mut page)?;
        return ui.print_data(&page).map_err(unprintable);
    }
    if args.dry_run || outcome.blocked {
        let mut preview = Vec::new();
        preview::changes(outcome, args.limit, ui.screen, &mut preview)?;
        ui.print(&preview).map_err(unprintable)?;
    }
    ui.print(ui.screen.paragraphs(text).as_bytes()).map_err(unprintable)?;
    ui.settle(status).map_err(unprintable)
}

/// All that apply, the one that becomes the exit status first.
fn statuses(outcome: &Outcome, args: &RunArgs) -> Vec<Ending> {
    let summary = &outcome.plan.summary;
    let detailed = args.detailed_exitcode;
    let all = [
        (outcome.blocked, Ending::BLOCKED),
        (outcome.is_undelivered(), Ending::Undelivered),
        (outcome.partial, Ending::Partial),
        (outcome.findings.needs_attention(), Ending::Attention),
        (detailed && summary.touches_people(), Ending::ChangesPeople),
        (detailed && summary.has_changes() && !summary.touches_people(), Ending::Changes),
    ];
    let found: Vec<Ending> =
        all.into_iter().filter(|(applies, _)| *applies).map(|(_, status)| status).collect();
    if found.is_empty() { vec![Ending::Ok] } else { found }
}

/// The summary for people; its last two lines are the plan and its checksum, and after them what a
/// limit has to say.
fn text(outcome: &Outcome, options: &Options, config: &Config, global: &Global) -> String {
    let summary = &outcome.plan.summary;
    let applied = outcome.run.is_some() && !outcome.blocked;
    let mut lines = pause_lines(config, global);
    if outcome.export_rows > 0 {
        let details = counted(summary.taken_over, "detail", "details");
        let mut line = format!(
            "Platform export: {}, {} {} taken over",
            counted(outcome.export_rows as u64, "row", "rows"),
            summary.joined,
            if applied { format!("joined, {details}") } else { format!("would join, {details} would be") },
        );
        if outcome.export_unknown > 0 {
            line.push_str(&format!(", {} unknown", outcome.export_unknown));
        }
        lines.push(line);
    }
    if summary.without_id > 0 {
        lines.push(format!(
            "{} no readable sourcedId: their accounts may be among the archived",
            counted(summary.without_id, "row has", "rows have")
        ));
    }
    match summary.reused {
        0 => {}
        held => lines.push(format!(
            "{} held, because another person seems to have the sourcedId now: `rostersync report --where codes=reused-id`",
            counted(held, "user is", "users are")
        )),
    }
    lines.extend(switched_on_lines(outcome));
    lines.extend(same_person_lines(outcome));
    lines.extend(people_lines(summary, applied));
    lines.extend(delivery_lines(&outcome.delivery, config));
    lines.extend(outcome.push.as_ref().and_then(push_line));
    lines.extend(outcome.would_push.as_ref().map(|push| would_push_line(push, summary.has_changes())));
    if outcome.partial {
        lines.push(format!(
            "{} of {} {} rejected, more than [limits] rejected allows: the rest {}; see the report",
            summary.count(Action::Rejected),
            counted(summary.records, "record", "records"),
            agreed(summary.count(Action::Rejected), "was", "were"),
            if applied { "was done" } else { "would be done" },
        ));
    }
    // What limits hold back is said at the end.
    lines.extend(attention_lines(&outcome.findings, |code| code != "held-by-limit"));
    if let Some(backup) = &outcome.backup {
        lines.push(format!(
            "Backup: {} ({}, {:.1} s)",
            shown(&backup.file),
            size(backup.bytes),
            backup.took.as_secs_f64()
        ));
    }
    if let Some(report) = &outcome.report {
        lines.push(match outcome.run {
            Some(run) if outcome.blocked => {
                format!("Run {run} was blocked, its report is {}", shown(report))
            }
            Some(run) => format!("Run {run}, its report is {}", shown(report)),
            None => format!("Report: {}", shown(report)),
        });
    }
    lines.push(summary.to_string());
    lines.push(format!("Checksum: {}", outcome.plan.checksum));
    let mut text = lines.join("\n");
    text.push('\n');
    if outcome.blocked {
        text.push_str(&verdict(outcome, options, global));
    } else if !outcome.held.is_empty() {
        text.push_str(&held_verdict(outcome, options, applied, global));
    }
    text
}

/// `12.3 MB`
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        ..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => {
            format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
        }
        1_000_000_000.. => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

/// How many students have no adult that can be reached, if there are any now or were before.
fn without_contact(summary: &Summary) -> Option<String> {
    let (now, before) = (summary.without_contact, summary.without_contact_before);
    (now > 0 || before.is_some_and(|before| before > 0)).then(|| {
        format!(
            "{} no contact that can be reached{}{}",
            counted(now, "student has", "students have"),
            compared(now, before),
            if now > 0 { ": `rostersync report --where codes=no-contact`" } else { "" }
        )
    })
}

/// `, 2 more than the night before`
pub(super) fn compared(now: u64, before: Option<u64>) -> String {
    let Some(before) = before else { return String::new() };
    match now.abs_diff(before) {
        0 => ", as many as the night before".to_owned(),
        more if now > before => format!(", {more} more than the night before"),
        fewer => format!(", {fewer} fewer than the night before"),
    }
}

/// What of differences and messages is seen in no other line.
fn people_lines(summary: &Summary, applied: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if summary.settled > 0 {
        lines.push(format!(
            "{} settled: `rostersync report --where codes=settled`",
            counted(summary.settled, "difference is", "differences are")
        ));
    }
    if summary.cannot_be_told > 0 {
        lines.push(format!(
            "{} {} be told of their changes: no way to reach them",
            counted(summary.cannot_be_told, "person", "people"),
            if applied { "cannot" } else { "could not" },
        ));
    }
    if summary.purged > 0 {
        lines.push(format!(
            "{} archived so long ago that {} removed with all personal data",
            counted(summary.purged, "account was", "accounts were"),
            if applied {
                agreed(summary.purged, "it is", "they are")
            } else {
                agreed(summary.purged, "it would be", "they would be")
            },
        ));
    }
    lines.extend(without_contact(summary));
    if summary.held_back > 0 {
        lines.push(format!(
            "{} to an old address {} not sent: another person has that address now",
            counted(summary.held_back, "message", "messages"),
            agreed(summary.held_back, "is", "are"),
        ));
    }
    lines
}

/// What the step to ON does, school by school: the table to look at before it is approved.
fn switched_on_lines(outcome: &Outcome) -> Vec<String> {
    const MOST: usize = 30;
    let switched_on = &outcome.plan.summary.switched_on;
    if switched_on.all.users == 0 {
        return Vec::new();
    }
    let mut steps: Vec<(&str, Step)> = switched_on
        .schools
        .iter()
        .map(|(id, step)| (if id.is_empty() { "(no school)" } else { outcome.schools.name(id) }, *step))
        .collect();
    steps.sort_by_key(|(school, step)| (std::cmp::Reverse(step.users), *school));
    let more = steps.len().saturating_sub(MOST);
    let row = |school: &str, [users, told, sign_ins]: [&str; 3]| {
        // With this a row has 60 columns.
        let school = padded(school, 30);
        format!("  {school} {users:>8} {told:>8} {sign_ins:>9}")
    };
    let numbers = |step: &Step| [step.users, step.told, step.sign_ins].map(|count| count.to_string());
    let row_of = |(school, step): &(&str, Step)| row(school, numbers(step).each_ref().map(String::as_str));
    let mut lines = vec![
        "Switched ON: active users whose details change for the first time".to_owned(),
        row("School", ["Users", "Told", "Sign-ins"]),
    ];
    lines.extend(steps.iter().take(MOST).map(row_of));
    if more > 0 {
        lines.push(format!("  and {}", counted(more as u64, "more school", "more schools")));
    }
    lines.push(row_of(&("All", switched_on.all)));
    lines
}

/// Accounts that are probably back under another sourcedId, and where they are listed.
fn same_person_lines(outcome: &Outcome) -> Vec<String> {
    let found = &outcome.plan.summary.same_person;
    if found.held == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{} probably back under another sourcedId ({}): `rostersync report --where codes=possible-rekey`",
        counted(found.held, "account is held, because it is", "accounts are held, because they are"),
        found.by_strength()
    )];
    // What a blocked run says of them comes with its verdict.
    if !outcome.blocked {
        lines.extend(outcome.renames.iter().map(|file| format!("Renames: {}", shown(file))));
    }
    lines
}

/// What a blocked run says first of all: that those who would be archived seem to be still there, and
/// how their accounts go on.
fn still_there(outcome: &Outcome, options: &Options, global: &Global) -> String {
    let found = &outcome.plan.summary.same_person;
    let gone = outcome.plan.summary.count(Action::Archived) + found.held;
    let is_asked = outcome.overruns.iter().any(|overrun| overrun.limit == "archive");
    if found.back() == 0 || !is_asked {
        return String::new();
    }
    let mut text = format!(
        "  {} of the {} that would be archived {} to be back under another sourcedId: {}\n",
        found.back(),
        counted(gone, "account", "accounts"),
        agreed(found.back(), "seems", "seem"),
        found.shown()
    );
    let rekey = |file: PathBuf| command(&Options { rekey: Some(file), ..options.clone() }, global);
    let mut files = outcome.renames.iter();
    if outcome.plan.same_person.has_renames(true) {
        text.push_str(&match files.next() {
            Some(file) => format!(
                "  Their old and new sourcedIds are in {}. If they are the same people, their accounts go on:\n    {}\n",
                shown(file),
                rekey(file.clone())
            ),
            None => format!(
                "  A run writes their old and new sourcedIds into a file beside its report. If they are the same people, their \
                 accounts go on:\n    {}\n",
                rekey(PathBuf::from("FILE"))
            ),
        });
    }
    if outcome.plan.same_person.has_renames(false) {
        text.push_str(&probable_ones(outcome, files.next(), rekey));
    }
    text
}

/// Where the probable pairs are, and what to do with them. A run takes one file of renames, and as
/// long as it leaves more accounts held than the limit allows, it is blocked again.
fn probable_ones(outcome: &Outcome, file: Option<&PathBuf>, rekey: impl Fn(PathBuf) -> String) -> String {
    let place = file.map_or_else(
        || "A run writes those that are only probable into a file of their own".to_owned(),
        |file| format!("Those that are only probable are in {}", shown(file)),
    );
    if outcome.plan.same_person.has_renames(true) {
        return format!("  {place}. Look at each row. Add the rows that are one person to the first file\n");
    }
    let file = file.cloned().unwrap_or_else(|| PathBuf::from("FILE"));
    format!(
        "  {place}. Look at each row, and delete the rows that are two people. Then the accounts of the others go on:\n    {}\n",
        rekey(file)
    )
}

/// What an approval does to accounts that seem to be back.
fn approving(outcome: &Outcome) -> String {
    let found = &outcome.plan.summary.same_person;
    match (found.held, found.archived) {
        (0, 0) => "If that is what should happen, approve exactly this plan:".to_owned(),
        (0, archived) => format!(
            "The command below approves exactly this plan. It archives {} of people who are still there:",
            counted(archived, "account", "accounts")
        ),
        (held, archived) => {
            let also = match archived {
                0 => String::new(),
                archived => {
                    let accounts = counted(archived, "account", "accounts");
                    format!(" It archives {accounts} of people who are still there.")
                }
            };
            format!(
                "The command below approves exactly this plan. It decides nothing about the {}: {} until `users rekey`, `users \
                 distinct` or `run --rekey`.{also}",
                counted(held, "held account", "held accounts"),
                if held == 1 { "it stays held" } else { "they stay held" }
            )
        }
    }
}

const WHAT_IF: &str =
    "This was a what-if preview. To do it, set update_contacts in the configuration and preview again.\n";

/// Why nothing was applied, and what would be: it ends with the command that approves exactly this
/// plan.
fn verdict(outcome: &Outcome, options: &Options, global: &Global) -> String {
    let mut text = String::from("\nBLOCKED: nothing was applied\n");
    text.push_str(&still_there(outcome, options, global));
    text.push_str(&figures(&outcome.overruns, &approving(outcome), outcome, options, global));
    text
}

/// What the limits hold back, and how it is applied after all.
fn held_verdict(outcome: &Outcome, options: &Options, applied: bool, global: &Global) -> String {
    let held = outcome.plan.summary.held_by_limit;
    let users = counted(held, "user", "users");
    let mut text = match applied {
        _ if held == 0 => "\nHELD: no change is held back, but these figures need an approval\n".to_owned(),
        true => format!(
            "\nHELD: {users} {} held back by limits, the rest was applied\n",
            agreed(held, "is", "are")
        ),
        false => format!("\nHELD: {users} would be held back by limits, the rest would be applied\n"),
    };
    let approving = match applied {
        _ if held == 0 => "If the figures are right, approve exactly this plan:",
        true => "If that is what should happen, approve exactly what is held:",
        false => "If that is what should happen, approve exactly this plan, with what is held:",
    };
    text.push_str(&figures(&outcome.held, approving, outcome, options, global));
    text
}

/// The figures of limits, and the command that approves the plan.
fn figures(
    overruns: &[Overrun],
    approving: &str,
    outcome: &Outcome,
    options: &Options,
    global: &Global,
) -> String {
    let mut text = String::new();
    for (_, line) in said_overruns(overruns) {
        // Names of schools come from files.
        text.push_str(&format!("  {}\n", report::harmless(&line)));
    }
    if options.what_if.is_some() {
        return text + WHAT_IF;
    }
    let command = command(options, global);
    text + &format!("{approving}\n  {command} --approve {}\n", outcome.plan.checksum)
}

/// The command as it was given, without what makes it a preview or an approval.
fn command(options: &Options, global: &Global) -> String {
    let path = |path: &PathBuf| quoted(&path.display().to_string());
    let mut words = vec!["rostersync".to_owned()];
    words.extend(global.config.iter().map(|file| format!("-c {}", path(file))));
    words.push("run".to_owned());
    words.extend(options.source.iter().map(|source| format!("--source {}", path(source))));
    words.extend(options.rekey.iter().map(|rekey| format!("--rekey {}", path(rekey))));
    let flags = [("--new-export", options.new_export), ("--no-notify", options.no_notify)];
    words.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| (*flag).to_owned()));
    words.join(" ")
}

/// What `--approve` takes.
pub(super) fn checksum(typed: &str) -> std::result::Result<String, String> {
    let typed = typed.trim();
    if typed.len() == 16 && typed.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(typed.to_ascii_lowercase());
    }
    Err("not a checksum: give the 16 hexadecimal digits from the last line of the preview".into())
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn summary_json(outcome: &Outcome, statuses: &[Ending], status: Ending) -> serde_json::Value {
    let summary = &outcome.plan.summary;
    let actions: serde_json::Map<String, serde_json::Value> = Action::ALL
        .into_iter()
        .map(|action| (action.word().to_owned(), summary.count(action).into()))
        .collect();
    let fields: serde_json::Map<String, serde_json::Value> = crate::contact::Field::ALL
        .into_iter()
        .map(|field| {
            (field.key().to_owned(), summary.fields.get(field.key()).copied().unwrap_or_default().into())
        })
        .collect();
    json!({
        "result": status.word(),
        "exit": status.exit(),
        "results": statuses.iter().map(|status| status.word()).collect::<Vec<_>>(),
        "run": outcome.run,
        "checksum": outcome.plan.checksum,
        "actions": actions,
        "fields": fields,
        "notifications": { "email": summary.notifications.email, "sms": summary.notifications.sms },
        "cannot_be_told": summary.cannot_be_told,
        "settled": summary.settled,
        "undelivered": outcome.delivery.undelivered,
        "delivery": delivery_json(&outcome.delivery),
        "push": outcome.push.as_ref().map(push_json).or(outcome.would_push.as_ref().map(would_push_json)),
        "limits": outcome.overruns,
        "held": { "users": summary.held_by_limit, "limits": outcome.held },
        "switched_on": summary.switched_on,
        "applied": outcome.run.is_some() && !outcome.blocked,
        "renamed": summary.renamed,
        "purged": summary.purged,
        "links": { "added": summary.links_added, "removed": summary.links_removed },
        "students_without_contact": { "now": summary.without_contact, "before": summary.without_contact_before },
        "rows_without_id": summary.without_id,
        "platform": { "rows": outcome.export_rows, "joined": summary.joined, "taken_over": summary.taken_over,
                      "unknown": outcome.export_unknown },
        "findings": outcome.findings.counts(),
        "attention": outcome.findings.attentions().collect::<Vec<_>>(),
        "same_person": {
            "held": summary.same_person.held, "certain": summary.same_person.held_certain,
            "archived": summary.same_person.archived, "pattern": summary.same_person.pattern,
            "examples": summary.same_person.examples, "files": outcome.renames,
        },
        "report": outcome.report,
        "backup": outcome.backup.as_ref().map(|backup| json!({
            "file": backup.file, "bytes": backup.bytes, "seconds": backup.took.as_secs_f64(),
        })),
    })
}

/// Prints the summary, and in it every change as it is read back from the plan, however many there
/// are.
fn print_with_changes(summary: &serde_json::Value, outcome: &Outcome, ui: &Ui) -> Result<()> {
    let whole = format!("{summary:#}");
    let head = whole.trim_end().trim_end_matches('}').trim_end();
    ui.print_data(format!("{head},\n  \"changes\": [").as_bytes()).map_err(unprintable)?;
    let mut separator = "\n";
    preview::each_change(outcome, |change| {
        let text = format!("{separator}    {change}");
        separator = ",\n";
        ui.print_data(text.as_bytes()).map_err(unprintable)
    })?;
    let end = if separator == "\n" { "]\n}\n" } else { "\n  ]\n}\n" };
    ui.print_data(end.as_bytes()).map_err(unprintable)
}

pub(super) fn failure_json(failure: &Failure) -> serde_json::Value {
    json!({
        "what": failure.what,
        "at": failure.place,
        "help": failure.cure,
        "cause": failure.cause.as_ref().map(|_| failure.causes().join(": ")),
    })
}

fn print_json(value: &serde_json::Value, ui: &Ui) -> Result<()> {
    ui.print_data(format!("{value:#}\n").as_bytes()).map_err(unprintable)
}
