//! `rostersync config`: the configuration in effect, the example, the schema.

use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::layout::Screen;
use super::ui::Ui;
use super::{Global, unprintable, variables};
use crate::attempt::Ending;
use crate::config::{Config, EXAMPLE, Effective, Key, Origin, Shown, VARIABLE_KEYS, schema, variable_of};
use crate::failure::Result;
use crate::owner;
use crate::report::{acts, harmless};

/// Show the configuration in effect, the commented example, or the JSON Schema
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  rostersync config show         each value, and where it comes from
  rostersync config example      every key with its default, explained
  rostersync config schema > rostersync.schema.json";

#[derive(Debug, Subcommand)]
enum Command {
    /// Every key in effect, each with its origin: a line of the file, a variable, or the default
    ///
    /// The output is a configuration again (TOML), with paths from the root. Secrets are masked. A
    /// section that is not in the file and has no effect without it is left out.
    Show(ShowArgs),
    /// The example with every key, its default and an explanation
    #[command(after_help = EXAMPLE_HELP)]
    Example,
    /// The JSON Schema of the configuration, for editors
    ///
    /// An editor with a TOML language server (taplo, Even Better TOML) completes keys and marks
    /// mistakes with it. Write the schema beside the configuration, and name it in the first line:
    /// `#:schema ./rostersync.schema.json`
    #[command(after_help = SCHEMA_HELP)]
    Schema,
}

const EXAMPLE_HELP: &str = "\
Example:
  rostersync config example > rostersync.toml";

const SCHEMA_HELP: &str = "\
Example:
  rostersync config schema > rostersync.schema.json";

#[derive(Debug, clap::Args)]
#[command(after_help = SHOW_HELP, after_long_help = show_help())]
struct ShowArgs {
    /// One JSON array: section, key, value, origin
    #[arg(long)]
    json: bool,
}

const SHOW_HELP: &str = "\
Examples:
  rostersync config show
  rostersync -c /etc/rostersync/rostersync.toml config show --json";

/// With the variables that can set a key.
fn show_help() -> String {
    let mut text = format!("{SHOW_HELP}\n\nVariables that set a key in place of the file:\n");
    for key in VARIABLE_KEYS {
        let (section, key_name) = key.rsplit_once('.').unwrap_or(("", key));
        text.push_str(&format!("  {:38} {key_name} in [{section}]\n", variable_of(key)));
    }
    text.push_str("\nA relative path in a variable starts at the folder of the configuration file.");
    text
}

pub(super) fn run(args: &ConfigArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let text = match &args.command {
        Command::Show(args) => {
            let effective = Config::effective(global.config.as_deref(), &variables())?;
            if args.json { format!("{:#}\n", as_json(&effective)) } else { as_toml(&effective, ui.screen) }
        }
        Command::Example => EXAMPLE.to_owned(),
        Command::Schema => format!("{:#}\n", schema()),
    };
    ui.result(text.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

/// The column at which origins stand, if the values leave room.
const ORIGIN_AT: usize = 48;

fn as_toml(effective: &Effective, screen: Screen) -> String {
    let folder = owner::folder_of(&effective.file);
    let file = harmless(&effective.file.display().to_string());
    let mut text = format!("# The configuration in effect: {file}\n");
    if let Some(included) = &effective.included {
        text.push_str(&format!("# It includes: {}\n", harmless(&included.display().to_string())));
    }
    for section in &effective.sections {
        text.push_str(&format!("\n{}\n", section.header));
        for key in &section.keys {
            let line = match &key.value {
                Shown::Value(value) => format!("{} = {}", key.name, literal(value)),
                Shown::Words(words) => format!("# {}: {words}", key.name),
            };
            let style = match key.origin {
                Origin::Default => anstyle::Style::new().dimmed(),
                Origin::Line(..) | Origin::Variable(_) => anstyle::Style::new(),
            };
            let origin = format!("# {}", harmless(&words_of(&key.origin, folder)));
            let length = line.width().max(ORIGIN_AT) + 2 + origin.width();
            // On a screen without the room the origin is above the key.
            match screen.width.is_some_and(|width| length > width) {
                true => text.push_str(&format!("{}\n{line}\n", screen.paint(&origin, style))),
                false => text.push_str(&format!("{line:ORIGIN_AT$}  {}\n", screen.paint(&origin, style))),
            }
        }
    }
    text
}

/// `rostersync.toml:12`; the place of a file is shown from the folder of the configuration.
fn words_of(origin: &Origin, folder: &Path) -> String {
    match origin {
        Origin::Default => "default".to_owned(),
        Origin::Line(file, line) => format!("{}:{line}", file.strip_prefix(folder).unwrap_or(file).display()),
        Origin::Variable(name) => format!("${name}"),
    }
}

/// A value as TOML has it, in one line.
fn literal(value: &Value) -> String {
    let is_bare = |key: &str| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let table = |(key, value): (&String, &Value)| match is_bare(key) && !key.is_empty() {
        true => format!("{key} = {}", literal(value)),
        false => format!("{} = {}", one_line(key), literal(value)),
    };
    match value {
        Value::String(text) => one_line(text),
        Value::Array(list) => format!("[{}]", list.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            format!("{{ {} }}", entries.iter().map(table).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// JSON's escapes are also TOML's. What could act on a terminal is escaped as well.
fn one_line(text: &str) -> String {
    let escaped = |c: char| match u32::from(c) {
        _ if !acts(c) => c.to_string(),
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    };
    Value::from(text).to_string().chars().map(escaped).collect()
}

fn as_json(effective: &Effective) -> Value {
    let key = |section: &str, key: &Key| {
        let (value, default) = match &key.value {
            Shown::Value(value) => (value.clone(), None),
            Shown::Words(words) => (Value::Null, Some(*words)),
        };
        let (from, line, variable) = match &key.origin {
            Origin::Default => ("default", None, None),
            Origin::Line(file, line) => ("file", Some(format!("{}:{line}", file.display())), None),
            Origin::Variable(name) => ("variable", None, Some(name.clone())),
        };
        let mut entry = json!({ "section": section, "key": key.name, "value": value, "from": from });
        if let Value::Object(entry) = &mut entry {
            entry.extend(line.map(|line| ("file".to_owned(), json!(line))));
            entry.extend(variable.map(|name| ("variable".to_owned(), json!(name))));
            entry.extend(default.map(|words| ("default".to_owned(), json!(words))));
        }
        entry
    };
    let all =
        effective.sections.iter().flat_map(|section| section.keys.iter().map(|one| key(&section.path, one)));
    json!(all.collect::<Vec<_>>())
}
