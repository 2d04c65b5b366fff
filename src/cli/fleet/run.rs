//! `rostersync fleet run`

use std::collections::HashSet;
use std::io::{BufReader, Read};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::super::ui::Ui;
use super::super::{Global, signals, unprintable, variables};
use super::{Which, children, in_its_place, in_json, in_words, say, tally, time, word};
use crate::attempt::Ending;
use crate::failure::Result;
use crate::fleet::{self, Ended, Limits};
use crate::report::harmless;
use crate::run::Progress;

/// Run every district: `rostersync run` for each, in a process of its own
///
/// The district that waits longest for a good run is first. What happens to one district does not
/// touch the others. Each ends with its own exit status, and is on record in its own store; the
/// exit status of all is the worst of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync fleet run /etc/rostersync/districts
  rostersync fleet run districts --jobs 4 --time-limit 1h
  rostersync fleet run districts --dry-run --only lincoln")]
pub(super) struct RunArgs {
    #[command(flatten)]
    which: Which,

    /// Preview each district: nothing is written or sent
    #[arg(long)]
    dry_run: bool,

    /// At least so long between two starts: 500ms, 10s
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "0s")]
    stagger: Duration,

    /// Stop a district that takes longer, as with SIGTERM: 30m, 2h
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "4h")]
    time_limit: Duration,

    /// How the results are written to standard output
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line for each district, when it has ended
    Text,
    /// One JSON object, at the end
    Json,
}

/// What `rostersync run --format json` says of itself.
#[derive(Debug, Default, Deserialize)]
struct Said {
    /// Those of a preview, or of a blocked run, name people, and may be many.
    #[serde(default, rename = "changes")]
    _changes: IgnoredAny,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Said {
    fn read(from: &mut dyn Read) -> Self {
        // A process that could not say anything is told of by how it ended.
        serde_json::from_reader(BufReader::new(from)).unwrap_or_default()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.rest.get(key)?.as_str()
    }

    /// Why it did not simply go well, or what it did.
    fn in_words(&self) -> String {
        let first = |key: &str, inner: &str| self.rest.get(key)?.get(0)?.get(inner)?.as_str();
        let reason = self.rest.get("error").and_then(|error| error["what"].as_str());
        let reason = reason.or_else(|| first("limits", "message")).or_else(|| first("attention", "message"));
        let waiting = self.rest.get("undelivered").and_then(Value::as_u64).filter(|count| *count > 0);
        match (reason, waiting) {
            (Some(reason), _) => reason.to_owned(),
            (None, Some(waiting)) => format!("{}; {waiting} undelivered", self.actions()),
            (None, None) => self.actions(),
        }
    }

    fn actions(&self) -> String {
        let Some(actions) = self.rest.get("actions").and_then(Value::as_object) else {
            return String::new();
        };
        let quiet = ["unchanged", "skipped", "kept"];
        let told = actions.iter().filter(|(action, _)| !quiet.contains(&action.as_str()));
        let some =
            told.filter_map(|(action, count)| Some((action, count.as_u64().filter(|count| *count > 0)?)));
        let parts: Vec<String> = some.map(|(action, count)| format!("{count} {action}")).collect();
        if parts.is_empty() { "no changes".to_owned() } else { parts.join(", ") }
    }
}

pub(super) fn run(args: &RunArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let begun = Instant::now();
    let signals = signals::count()?;
    let mut districts = args.which.districts()?;
    args.which.refuse_shared()?;
    fleet::longest_first(&mut districts, &variables());
    let names: Vec<String> = districts.iter().map(|district| district.name.clone()).collect();
    let mut arguments: Vec<String> = ["run", "--format=json"].map(str::to_owned).to_vec();
    arguments.extend(args.dry_run.then(|| "--dry-run".to_owned()));
    if global.verbose == 0 {
        arguments.push("-q".to_owned());
    }
    let all = children(districts, &arguments, global);
    let limits = Limits {
        stagger: args.stagger,
        time_limit: Some(args.time_limit),
        in_order: false,
        ..args.which.limits()?
    };
    let mut night = Night::new(names);
    ui.begin("districts", Some(all.len() as u64));
    let mut printed = Ok(());
    let mut tell = |ended: Ended<Said>| {
        let ended = Told::of(ended);
        // With `-q`, what one that went well says as well is worth a line: a store was made, or put back.
        say(&ended.ended, ui);
        if args.format == Format::Text && printed.is_ok() {
            printed = ui.print(night.line(&ended).as_bytes());
        }
        night.ended.push(ended);
        ui.at(night.ended.len() as u64);
    };
    fleet::each(all, &limits, &|| signals.count(), Said::read, &mut tell)?;
    ui.end();
    printed.map_err(unprintable)?;
    let status = match signals.first() {
        Some(signal) => Ending::of_exit(u8::try_from(128 + signal).unwrap_or(1)),
        None => Ending::of_exit(fleet::worst(night.ended.iter().map(|told| told.ended.exit))),
    };
    let text = match args.format {
        Format::Json => format!("{:#}\n", night.json(status, begun.elapsed())),
        Format::Text => night.last_lines(begun.elapsed()),
    };
    match args.format {
        Format::Json => ui.result(text.as_bytes()),
        Format::Text => ui.print(ui.screen.paragraphs(&text).as_bytes()).and_then(|()| ui.settle(status)),
    }
    .map_err(unprintable)?;
    ui.finished(status, None);
    Ok(status)
}

/// A district, as it ended.
struct Told {
    ended: Ended<Said>,
    word: String,
}

impl Told {
    fn of(mut ended: Ended<Said>) -> Self {
        let said = ended.answer.take().unwrap_or_default();
        let word = word(&ended, said.text("result"));
        ended.answer = Some(said);
        Self { ended, word }
    }

    fn name(&self) -> &str {
        &self.ended.district.name
    }

    fn in_words(&self) -> String {
        let said = self.ended.answer.as_ref().map(Said::in_words).unwrap_or_default();
        let instead = in_its_place(&self.ended);
        harmless(if instead.is_empty() { &said } else { &instead })
    }

    fn json(&self) -> Value {
        let run = self.ended.answer.as_ref().map(|said| &said.rest).filter(|said| !said.is_empty());
        json!({
            "district": self.name(),
            "config": self.ended.district.config,
            "result": self.word,
            "exit": self.ended.exit,
            "seconds": seconds(self.ended.took),
            "reason": if self.ended.exit == 0 { None } else { Some(self.in_words()) },
            "run": run,
        })
    }
}

/// What became of all districts.
struct Night {
    /// All that were to run.
    names: Vec<String>,
    width: usize,
    ended: Vec<Told>,
}

/// A district that was to run when the fleet was stopped.
const NOT_BEGUN: &str = "not-begun";

impl Night {
    fn new(names: Vec<String>) -> Self {
        let width = names.iter().map(String::len).max().unwrap_or_default().min(30);
        Self { names, width, ended: Vec::new() }
    }

    /// `lincoln  ok  3.2 s  1 created, 2 updated`
    fn line(&self, told: &Told) -> String {
        let (name, word, width) = (told.name(), &told.word, self.width);
        let took = told.ended.took.as_secs_f64();
        let line = format!("{name:width$}  {word:18} {took:7.1} s  {}", told.in_words());
        format!("{}\n", line.trim_end())
    }

    fn not_begun(&self) -> impl Iterator<Item = &str> {
        let begun: HashSet<&str> = self.ended.iter().map(Told::name).collect();
        self.names.iter().map(String::as_str).filter(move |name| !begun.contains(name))
    }

    fn counts(&self) -> Vec<(&str, u64)> {
        let words = self.ended.iter().map(|told| told.word.as_str());
        tally(words.chain(self.not_begun().map(|_| NOT_BEGUN)))
    }

    fn last_lines(&self, took: Duration) -> String {
        let mut text = format!("{}; {:.1} s\n", in_words(&self.counts()), took.as_secs_f64());
        let bad = self.ended.iter().filter(|told| told.ended.exit != 0);
        let bad = bad.map(|told| format!("{} ({})", told.name(), told.word));
        let mut named: Vec<String> =
            bad.chain(self.not_begun().map(|name| format!("{name} ({NOT_BEGUN})"))).collect();
        named.sort();
        if !named.is_empty() {
            text.push_str(&format!("Look at: {}\n", named.join(", ")));
        }
        text
    }

    fn json(&self, status: Ending, took: Duration) -> Value {
        let mut districts: Vec<Value> = self.ended.iter().map(Told::json).collect();
        let none = |name| json!({ "district": name, "result": NOT_BEGUN, "exit": null });
        districts.extend(self.not_begun().map(none));
        json!({
            "result": status.word(), "exit": status.exit(), "seconds": seconds(took),
            "counts": in_json(&self.counts()), "districts": districts,
        })
    }
}

fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
