//! `rostersync fleet`

mod check;
mod report;
mod run;
mod status;

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::ui::{LogFormat, Ui};
use super::{Global, variables};
use crate::attempt::Ending;
use crate::config::span;
use crate::failure::{Failure, Kind, Result};
use crate::fleet::{self, Child, District, Ended, How, Limits};
use crate::plural::counted;

/// Run and watch many districts: a folder with a configuration for each
///
/// A district is each NAME.toml in the folder, and each NAME/rostersync.toml. What they share can be
/// in a file of its own that they name: include = "defaults.toml". Each district is a process of its
/// own, with a store, a lock and a report of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync fleet run districts --jobs 4
  rostersync fleet status districts --max-age 26h")]
pub(super) struct FleetArgs {
    #[command(subcommand)]
    command: FleetCommand,
}

#[derive(Debug, Subcommand)]
enum FleetCommand {
    Run(run::RunArgs),
    Status(status::StatusArgs),
    Check(check::CheckArgs),
    Report(report::ReportArgs),
}

/// Which districts, and how many at a time.
#[derive(Debug, clap::Args)]
struct Which {
    /// The folder with the configurations
    #[arg(value_name = "DIR", value_parser = super::path())]
    folder: PathBuf,

    /// Only this district: the name of its configuration, without .toml. Can be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// How many at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = jobs)]
    jobs: Option<usize>,
}

pub(super) fn run(args: &FleetArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    // What the variable names is the configuration of other commands.
    let named = std::env::var_os("ROSTERSYNC_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
    if global.config.is_some() && global.config != named {
        return Err(Failure::new(
            Kind::Usage,
            "`fleet` reads the configurations of its folder, and not `-c FILE`",
        )
        .cure("leave out `-c FILE`; `--only NAME` takes one district"));
    }
    match &args.command {
        FleetCommand::Run(args) => run::run(args, global, ui),
        FleetCommand::Status(args) => status::run(args, global, ui),
        FleetCommand::Check(args) => check::run(args, global, ui),
        FleetCommand::Report(args) => report::run(args, global, ui),
    }
}

impl Which {
    fn districts(&self) -> Result<Vec<District>> {
        fleet::districts(&self.folder, &self.only)
    }

    /// Also if only some of them are wanted: the others have run in the same store.
    fn refuse_shared(&self) -> Result<()> {
        fleet::refuse_shared(&fleet::districts(&self.folder, &[])?, &variables())
    }

    /// Without a pause between two starts and without a time limit, told of in the order of the names.
    fn limits(&self) -> Result<Limits> {
        let failed =
            |cause| Failure::new(Kind::Failed, "the program does not know its own file").because(cause);
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Limits {
            program: std::env::current_exe().map_err(failed)?,
            jobs: self.jobs.unwrap_or_else(processors),
            stagger: Duration::ZERO,
            time_limit: None,
            in_order: true,
        })
    }

    /// A process for each district, with these arguments, until `stopped`.
    fn each<T: Send + 'static>(
        &self,
        arguments: &[String],
        global: &Global,
        stopped: &(dyn Fn() -> bool + Sync),
        read: fn(&mut dyn Read) -> T,
        tell: &mut dyn FnMut(Ended<T>),
    ) -> Result<()> {
        let children = children(self.districts()?, arguments, global);
        fleet::each(children, &self.limits()?, &|| usize::from(stopped()), read, tell)
    }
}

fn children(districts: Vec<District>, arguments: &[String], global: &Global) -> Vec<Child> {
    let mut all = vec![format!("--of-fleet={}", std::process::id())];
    all.extend(["--no-progress", "--color=never"].map(str::to_owned));
    if global.log_format == LogFormat::Json {
        all.push("--log-format=json".to_owned());
    }
    all.extend((0..global.verbose).map(|_| "-v".to_owned()));
    all.extend(global.now.map(|now| format!("--now={}", now.to_rfc3339())));
    all.extend(arguments.iter().cloned());
    districts.into_iter().map(|district| Child { district, arguments: all.clone() }).collect()
}

/// How one ended, in a word. `result` is its own.
fn word<T>(ended: &Ended<T>, result: Option<&str>) -> String {
    match &ended.how {
        How::AtTimeLimit => "time-limit".to_owned(),
        How::BySignal => "killed".to_owned(),
        How::NotStarted(_) => "not-started".to_owned(),
        How::ByItself => result.map_or_else(|| Ending::of_exit(ended.exit).word().to_owned(), str::to_owned),
    }
}

/// Why a process could not say it itself; empty if it could.
fn in_its_place<T>(ended: &Ended<T>) -> String {
    match &ended.how {
        How::ByItself => String::new(),
        How::AtTimeLimit => "it took longer than --time-limit, and was stopped".to_owned(),
        How::BySignal => {
            format!("signal {} ended the process", i32::from(ended.exit) - 128)
        }
        How::NotStarted(cause) => format!("the process cannot be started: {cause}"),
    }
}

/// What a process said on standard error, and why it ended if it could not say it.
fn say<T>(ended: &Ended<T>, ui: &Ui) {
    ui.say_of(&ended.district.name, &ended.said);
    ui.say_of(&ended.district.name, &in_its_place(ended));
}

/// How often there is each word, the most frequent first.
fn tally<'a>(words: impl Iterator<Item = &'a str>) -> Vec<(&'a str, u64)> {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for word in words {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    counts.sort_by_key(|(word, count)| (std::cmp::Reverse(*count), *word));
    counts
}

/// `300 districts: 297 ok, 2 failed, 1 killed`
fn in_words(counts: &[(&str, u64)]) -> String {
    let all = counts.iter().map(|(_, count)| count).sum();
    let each: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    format!("{}: {}", counted(all, "district", "districts"), each.join(", "))
}

fn in_json(counts: &[(&str, u64)]) -> serde_json::Value {
    counts.iter().map(|(word, count)| ((*word).to_owned(), serde_json::Value::from(*count))).collect()
}

/// Text of a process that is shown, or parsed, as a whole.
fn text(from: &mut dyn Read) -> String {
    let mut bytes = Vec::new();
    // What was read before an error is shown.
    let _ = from.take(MOST).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// More of it is not kept.
const MOST: u64 = 4 << 20;

fn jobs(text: &str) -> std::result::Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1000).contains(number));
    number.ok_or_else(|| "write a whole number from 1 to 1000".to_owned())
}

fn time(text: &str) -> std::result::Result<Duration, String> {
    span(text).ok_or_else(|| "write for example 500ms, 30m or 2h".to_owned())
}
