//! `rostersync fleet status`

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::layout::{Column, Table};
use super::super::status::{age, ago};
use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{Which, in_its_place, in_json, in_words, say, tally, text};
use crate::attempt::Ending;
use crate::failure::Result;
use crate::fleet::{self, Ended};
use crate::report::harmless;

/// Show how each district is: late, blocked, failing, held, waiting
///
/// What needs a person comes first. The command ends with the worst exit status of all: of each
/// district it is that of its last attempt, as in `rostersync status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync fleet status districts --max-age 26h
  rostersync fleet status districts --prometheus > fleet.prom")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    which: Which,

    /// JSON for programs
    #[arg(long, conflicts_with = "prometheus")]
    json: bool,

    /// Text for Prometheus, with the label `district`; always ends with 0
    #[arg(long)]
    prometheus: bool,

    /// A district is late (9) if its last good run is longer ago than this: 26h, 90m, 2d
    #[arg(long, value_name = "TIME", value_parser = age, conflicts_with = "prometheus")]
    max_age: Option<Duration>,
}

pub(super) fn run(args: &StatusArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let mut arguments = vec!["status".to_owned()];
    arguments.push(if args.prometheus { "--prometheus" } else { "--json" }.to_owned());
    arguments.extend(args.max_age.map(|age| format!("--max-age={}s", age.as_secs())));
    let mut all: Vec<Ended<String>> = Vec::new();
    args.which.each(&arguments, global, &|| false, text, &mut |ended| all.push(ended))?;
    if args.prometheus {
        all.iter().for_each(|ended| say(ended, ui));
        ui.result(prometheus(&all).as_bytes()).map_err(unprintable)?;
        return Ok(Ending::Ok);
    }
    let status = Ending::of_exit(fleet::worst(all.iter().map(|ended| ended.exit)));
    let mut states: Vec<State> = all.iter().map(State::of).collect();
    states.sort_by_key(|state| state.rank());
    let bytes = if args.json { json(&states, status) } else { table(&states, ui) };
    ui.result(&bytes).map_err(unprintable)?;
    Ok(status)
}

/// What a district is in one word, what needs a person first.
const WORDS: [&str; 9] =
    ["failing", "blocked", "late", "attention", "held", "waiting", "new", "paused", "ok"];

/// How a district is, and what it said of itself.
struct State<'a> {
    ended: &'a Ended<String>,
    word: &'static str,
    says: Value,
    reason: String,
}

impl<'a> State<'a> {
    fn of(ended: &'a Ended<String>) -> Self {
        let says: Value =
            serde_json::from_str(ended.answer.as_deref().unwrap_or_default()).unwrap_or_default();
        let mut state = Self { ended, word: "ok", says, reason: String::new() };
        state.word = state.in_a_word();
        state.reason = state.why();
        state
    }

    fn in_a_word(&self) -> &'static str {
        let Self { says, .. } = self;
        let last = &says["last_attempt"]["result"];
        match self.ended.exit {
            3 if last == "attention" || last == "partial" => "attention",
            4 => "blocked",
            8 => "waiting",
            9 => "late",
            0 if says.is_null() => "failing",
            0 if last.is_null() => "new",
            0 if last == "paused" => "paused",
            0 if self.held() > 0 => "held",
            0 if self.waiting() > 0 => "waiting",
            0 => "ok",
            _ => "failing",
        }
    }

    /// People to whom nothing is done until a person has decided.
    fn held(&self) -> u64 {
        let reused = self.says["held"].as_object().map_or(0, serde_json::Map::len) as u64;
        reused + self.says["same_person"]["held"].as_u64().unwrap_or_default()
    }

    fn waiting(&self) -> u64 {
        self.says["notifications_waiting"].as_u64().unwrap_or_default()
    }

    fn why(&self) -> String {
        let last = &self.says["last_attempt"];
        let reason = last["reason"].as_str().filter(|reason| !reason.is_empty());
        match self.word {
            "ok" | "new" | "paused" | "held" => return String::new(),
            "waiting" if self.ended.exit == 0 => return String::new(),
            "late" => {
                let late = "no good run within --max-age";
                return reason.map_or_else(|| late.to_owned(), |reason| format!("{late}; {reason}"));
            }
            _ => {}
        }
        let instead = Some(in_its_place(self.ended)).filter(|instead| !instead.is_empty());
        let store = self.says["store"].as_str().map(str::to_owned);
        let reason = instead.or(store).or_else(|| reason.map(str::to_owned));
        reason.unwrap_or_else(|| first_error(&self.ended.said))
    }

    fn rank(&self) -> (usize, &'a str) {
        let rank = WORDS.iter().position(|word| *word == self.word);
        (rank.unwrap_or_default(), &self.ended.district.name)
    }

    fn json(&self) -> Value {
        json!({
            "district": self.ended.district.name,
            "config": self.ended.district.config,
            "state": self.word,
            "exit": self.ended.exit,
            "reason": self.reason,
            "status": self.says,
        })
    }
}

/// The first sentence of a failure on standard error, for people or as a line of JSON.
fn first_error(said: &str) -> String {
    let plain = said.lines().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned);
    let logged = || {
        let logs = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        logs.filter_map(|log| log["message"].as_str().map(str::to_owned)).next_back()
    };
    plain.or_else(logged).unwrap_or_default()
}

fn table(states: &[State<'_>], ui: &Ui) -> Vec<u8> {
    let right = |header| Column::new(header).right();
    let columns = [
        Column::new("district"),
        Column::new("state").word(),
        right("last good run"),
        right("active"),
        right("pending"),
        right("waiting"),
        right("held"),
        Column::new("reason").prose(),
    ];
    let mut table = Table::new(columns, ui.screen);
    for state in states {
        let accounts = &state.says["accounts"];
        let number = |value: &Value| value.as_u64().map(|count| count.to_string()).unwrap_or_default();
        let some = |count: u64| if count > 0 { count.to_string() } else { String::new() };
        let age = state.says["age_seconds"].as_i64().map(|age| format!("{} ago", ago(age)));
        table.add(&[
            state.ended.district.name.as_str(),
            state.word,
            &age.unwrap_or_default(),
            &number(&accounts["active"]),
            &number(&accounts["pending"]),
            &some(state.waiting()),
            &some(state.held()),
            &harmless(&state.reason),
        ]);
    }
    let mut bytes = table.finish();
    let counts = tally(states.iter().map(|state| state.word));
    bytes.extend(format!("{}\n", in_words(&counts)).into_bytes());
    bytes
}

fn json(states: &[State<'_>], status: Ending) -> Vec<u8> {
    let counts = tally(states.iter().map(|state| state.word));
    let json = json!({
        "result": status.word(), "exit": status.exit(), "counts": in_json(&counts),
        "districts": states.iter().map(State::json).collect::<Vec<_>>(),
    });
    format!("{json:#}\n").into_bytes()
}

/// What a district that says nothing is for Prometheus.
const SILENT: &str = "rostersync_readable 0\n";

/// The metrics of all districts: each metric once, with a line for each district.
fn prometheus(all: &[Ended<String>]) -> String {
    let mut order: Vec<String> = Vec::new();
    let mut metrics: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for ended in all {
        let says = ended.answer.as_deref().filter(|text| !text.is_empty() && ended.exit == 0);
        for line in says.unwrap_or(SILENT).lines() {
            // `# HELP name …`, `# TYPE name …`, `name value` or `name{label="…"} value`
            let is_comment = line.starts_with("# ");
            let series = if is_comment { line.split(' ').nth(2) } else { line.split(' ').next() };
            let name = series.unwrap_or_default().split('{').next().unwrap_or_default();
            let (heads, samples) = metrics.entry(name.to_owned()).or_insert_with(|| {
                order.push(name.to_owned());
                Default::default()
            });
            match is_comment {
                true if !heads.iter().any(|head| head == line) => heads.push(line.to_owned()),
                true => {}
                false => samples.push(labelled(line, &ended.district.name)),
            }
        }
    }
    let mut text = String::new();
    for name in order {
        let (heads, samples) = metrics.remove(&name).unwrap_or_default();
        heads.into_iter().chain(samples).for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text
}

/// A sample with the label `district` before its own.
fn labelled(sample: &str, district: &str) -> String {
    let (series, value) = sample.rsplit_once(' ').unwrap_or((sample, ""));
    let district = district.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{district=\"{district}\",{labels} {value}"),
        None => format!("{series}{{district=\"{district}\"}} {value}"),
    }
}
