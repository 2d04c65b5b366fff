//! `rostersync codes`

use serde_json::{Value, json};

use super::layout::{Column, Screen, Table};
use super::ui::Ui;
use super::unprintable;
use crate::attempt::Ending;
use crate::codes::{self, Entry, Kind};
use crate::failure::{self, Failure, Result};
use crate::near::nearest;

/// Explain a note, a finding or an exit status: what it means, why it is so, what to do
///
/// Without CODE it lists all codes. CODE is a code of a report, of `check` or of a log line, or the
/// number or the word of an exit status. It needs no configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync codes dangling-org     a finding, with its cause and its cure
  rostersync codes 3                an exit status")]
pub(super) struct CodesArgs {
    /// The code, or the number of an exit status
    #[arg(value_name = "CODE")]
    code: Option<String>,

    /// How the codes are written to standard output
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

pub(super) fn run(args: &CodesArgs, ui: &Ui) -> Result<Ending> {
    let text = match &args.code {
        None => list(args.format, ui.screen),
        Some(code) => {
            let entries: Vec<&Entry> = codes::explain_all(code.trim()).collect();
            if entries.is_empty() {
                return Err(unknown(code));
            }
            match args.format {
                Format::Table => {
                    let explained = |entry| explained(entry, ui.screen);
                    entries.into_iter().map(explained).collect::<Vec<_>>().join("\n")
                }
                Format::Json => {
                    format!("{:#}\n", json!(entries.into_iter().map(as_json).collect::<Vec<_>>()))
                }
            }
        }
    };
    ui.result(text.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

fn list(format: Format, screen: Screen) -> String {
    if format == Format::Json {
        return format!("{:#}\n", json!(codes::all().map(as_json).collect::<Vec<_>>()));
    }
    let width = codes::all().map(|entry| entry.code.len()).max().unwrap_or_default();
    let mut text = String::new();
    for kind in Kind::ALL {
        let gap = if text.is_empty() { "" } else { "\n" };
        let mut table =
            Table::new([Column::new(kind.title()).least(width), Column::new("meaning").prose()], screen);
        codes::all()
            .filter(|entry| entry.kind == kind)
            .for_each(|entry| table.add(&[entry.code, entry.meaning]));
        text.push_str(gap);
        text.push_str(&String::from_utf8_lossy(&table.finish()));
    }
    text
}

fn explained(entry: &Entry, screen: Screen) -> String {
    let Entry { code, meaning, cause, cure, .. } = entry;
    let exits: Vec<String> = entry.exits.iter().map(u8::to_string).collect();
    let kind = match exits.is_empty() {
        true => entry.kind.word().to_owned(),
        false => format!("{} {}", entry.kind.word(), exits.join(", ")),
    };
    let parts = [("Meaning", meaning), ("Cause", cause), ("Cure", cure)];
    let lines = parts.map(|(word, text)| (word, (*text).to_owned()));
    format!("{code} ({kind})\n{}", String::from_utf8_lossy(&screen.labelled(&lines, 9)))
}

fn as_json(entry: &Entry) -> Value {
    let mut value = json!({
        "code": entry.code,
        "kind": entry.kind.word(),
        "meaning": entry.meaning,
        "cause": entry.cause,
        "cure": entry.cure,
    });
    if !entry.exits.is_empty() {
        value["exit"] = json!(entry.exits);
    }
    value
}

fn unknown(code: &str) -> Failure {
    let near = nearest(code, codes::all().map(|entry| entry.code));
    let cure = match near {
        Some(near) => format!("did you mean `{near}`? `rostersync codes` lists all codes"),
        None => "`rostersync codes` lists all codes".to_owned(),
    };
    Failure::new(failure::Kind::Usage, format!("there is no code `{code}`")).cure(cure)
}
