//! The values that an option can have, for completions: by the name of the value, such as `RUN`.
//!
//! They come from the program and from the store of the configuration, which is only read. Where
//! there is no store, or it cannot be read, there are none: a Tab reports no failure. sourcedIds of
//! people are no candidates: there are too many, and a shell would keep them in its history.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, Command};
use clap_complete::CompletionCandidate as Candidate;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, PathCompleter, ValueCompleter};

use super::users::LIST_COLUMNS;
use crate::account::State;
use crate::codes::Kind;
use crate::config::Config;
use crate::notify::Templates;
use crate::plan::Action;
use crate::report::{Column, NAME, harmless};
use crate::roles;
use crate::store::{RunRow, Store};

/// The latest runs that are offered.
const RUNS: u64 = 50;

/// The commands with the values of their options. `words` is the command line as the shell has it.
pub(super) fn with_values(command: Command, words: &[OsString]) -> Command {
    let asked = Asked { words: words.iter().map(|word| word.to_string_lossy().into_owned()).collect() };
    below(command, &Arc::new(asked))
}

fn below(command: Command, asked: &Arc<Asked>) -> Command {
    let name = command.get_name().to_owned();
    command.mut_args(|arg| valued(arg, &name, asked)).mut_subcommands(|inner| below(inner, asked))
}

/// The option with its candidates, if they are known. `command` is the command of the option.
fn valued(arg: Arg, command: &str, asked: &Arc<Asked>) -> Arg {
    let Some(value) = arg.get_value_names().and_then(|names| names.first()) else { return arg };
    let value = value.to_string();
    let asked = Arc::clone(asked);
    let columns = if command == "list" { list_columns } else { report_columns };
    if value.starts_with("COLUMN=") {
        return arg.add(ArgValueCompleter::new(move |typed: &OsStr| asked.conditions(typed, columns)));
    }
    match value.as_str() {
        "RUN|FILE" => arg.add(ArgValueCompleter::new(move |typed: &OsStr| {
            let runs = starting(asked.runs(), typed);
            if typed.is_empty() && !runs.is_empty() {
                return runs;
            }
            let reports =
                PathCompleter::any().filter(|file| file.extension().is_some_and(|end| end == "csv"));
            runs.into_iter().chain(reports.complete(typed)).collect()
        })),
        value if value.split('|').any(|one| one == "RUN") => {
            arg.add(ArgValueCandidates::new(move || asked.runs()))
        }
        "COLUMN" => arg.add(ArgValueCandidates::new(columns)),
        "ROLE" => arg.add(ArgValueCandidates::new(|| plain(roles::NAMES))),
        "LANGUAGE" => arg.add(ArgValueCandidates::new(move || asked.languages())),
        "ID" if arg.get_id() == "school" => arg.add(ArgValueCandidates::new(move || asked.schools())),
        "CODE" => arg.add(ArgValueCandidates::new(|| codes(|_| true))),
        "COMMAND" => arg.add(ArgValueCandidates::new(move || asked.commands())),
        _ => arg,
    }
}

/// The command line that is completed.
struct Asked {
    words: Vec<String>,
}

impl Asked {
    /// The file that `-c` names on the command line.
    fn file(&self) -> Option<PathBuf> {
        let mut words = self.words.iter();
        let mut file = None;
        while let Some(word) = words.next() {
            let named = match word.as_str() {
                "-c" | "--config" => words.next().map(String::as_str),
                word => word.strip_prefix("--config=").or_else(|| {
                    word.strip_prefix("-c").filter(|name| !word.starts_with("--") && !name.is_empty())
                }),
            };
            file = named.map(str::to_owned).or(file);
        }
        // The shell has not replaced it yet.
        let home = |rest: &str| Some(PathBuf::from(std::env::var_os("HOME")?).join(rest));
        let file = file.map(|file| file.strip_prefix("~/").and_then(home).unwrap_or(PathBuf::from(&file)));
        let variable = || std::env::var_os("ROSTERSYNC_CONFIG").filter(|name| !name.is_empty());
        file.or_else(|| variable().map(PathBuf::from))
    }

    fn config(&self) -> Option<Config> {
        Config::load(self.file().as_deref(), &super::variables()).ok()
    }

    fn store(&self) -> Option<Store> {
        Store::open_unmigrated(&self.config()?.sync.store).ok()?
    }

    /// Those that messages can have: built in, or of the folder with templates.
    fn languages(&self) -> Vec<Candidate> {
        let templates = self.config().and_then(|config| Templates::load(&config.notify).ok());
        let languages = templates.map(|templates| templates.languages()).unwrap_or_default();
        languages.split(", ").filter(|language| !language.is_empty()).map(Candidate::new).collect()
    }

    /// The latest runs, the last one first.
    fn runs(&self) -> Vec<Candidate> {
        let Some(config) = self.config() else { return Vec::new() };
        let store = Store::open_unmigrated(&config.sync.store).ok().flatten();
        let runs = store.and_then(|store| store.runs(RUNS).ok()).unwrap_or_default();
        let about = |run: &RunRow| {
            let undo = run.undoes.map(|of| format!(", undo of {of}")).unwrap_or_default();
            format!("{} {}{undo}", config.sync.timezone.show(run.started), run.result.word())
        };
        runs.iter().map(|run| candidate(run.id.to_string(), about(run))).collect()
    }

    fn schools(&self) -> Vec<Candidate> {
        let schools = self.store().and_then(|store| store.schools().ok()).unwrap_or_default();
        schools.into_iter().map(|(id, name)| candidate(id, harmless(&name))).collect()
    }

    /// `COLUMN=VALUE`: first the columns, then the values of one.
    fn conditions(&self, typed: &OsStr, columns: fn() -> Vec<Candidate>) -> Vec<Candidate> {
        let text = typed.to_string_lossy();
        let Some((column, _)) = text.split_once('=') else {
            let with_sign =
                |column: Candidate| Candidate::new(format!("{}=", column.get_value().to_string_lossy()));
            return starting(columns().into_iter().map(with_sign).collect(), typed);
        };
        let values = match column {
            "action" => plain(Action::ALL.map(Action::word)),
            "state" => plain(State::ALL.map(State::word).into_iter().chain(["archived"])),
            "role" => plain(roles::NAMES),
            "schools" => self.schools(),
            "codes" => codes(|kind| matches!(kind, Kind::Note | Kind::UndoNote)),
            _ => Vec::new(),
        };
        let prefix = format!("{column}=");
        starting(values.into_iter().map(|value| value.add_prefix(&prefix)).collect(), typed)
    }

    /// The commands below those that stand before: `man users …`.
    fn commands(&self) -> Vec<Candidate> {
        let root = <super::Cli as clap::CommandFactory>::command();
        let after = self.words.iter().position(|word| word == "man").map_or(0, |at| at + 1);
        // The last word is the one that is completed.
        let end = self.words.len().saturating_sub(1).max(after);
        let words = self.words.get(after..end).unwrap_or_default().iter();
        let mut command = &root;
        for word in words.filter(|word| !word.starts_with('-')) {
            let Some(inner) = command.find_subcommand(word) else { return Vec::new() };
            command = inner;
        }
        let visible = command.get_subcommands().filter(|inner| !inner.is_hide_set());
        let about = |inner: &Command| inner.get_about().map(ToString::to_string).unwrap_or_default();
        visible.map(|inner| candidate(inner.get_name().to_owned(), about(inner))).collect()
    }
}

/// The codes of some kinds, with what they say.
fn codes(of: impl Fn(Kind) -> bool) -> Vec<Candidate> {
    let entries = crate::codes::all().filter(|entry| of(entry.kind));
    entries.map(|entry| candidate(entry.code.to_owned(), entry.meaning.to_owned())).collect()
}

fn report_columns() -> Vec<Candidate> {
    plain(Column::ALL.map(Column::name).into_iter().chain([NAME]))
}

fn list_columns() -> Vec<Candidate> {
    plain(LIST_COLUMNS)
}

fn plain(values: impl IntoIterator<Item = &'static str>) -> Vec<Candidate> {
    values.into_iter().map(Candidate::new).collect()
}

fn candidate(value: String, about: String) -> Candidate {
    Candidate::new(value).help(Some(about.into()))
}

fn starting(mut values: Vec<Candidate>, typed: &OsStr) -> Vec<Candidate> {
    let typed = typed.to_string_lossy();
    values.retain(|value| value.get_value().to_string_lossy().starts_with(&*typed));
    values
}
