//! The form of `--help`: the own options of a command, then the global ones, then examples.
//!
//! `-h` and `--help` fit a screen: one or two lines for each option. `rostersync help COMMAND` and
//! `rostersync man COMMAND` have the whole text.

use clap::Command;
use clap::builder::StyledStr;

/// The heading of the options that every command has.
pub(super) const GLOBAL: &str = "Global options";

/// The end of `rostersync --help`.
pub(super) const FIRST_STEPS: &str = "\
Examples:
  rostersync run --dry-run     what a run would change
  rostersync run               the nightly sync
  rostersync report --notes    the users with notes, and why";

/// The commands with what all of their help texts have in common.
pub(super) fn arranged(command: Command) -> Command {
    let name = command.get_name().to_owned();
    // The whole text of a command is about that command.
    let command = command.mut_args(|arg| match arg.get_help_heading() == Some(GLOBAL) {
        true => arg.hide_long_help(true),
        false => arg,
    });
    below(command, &name)
}

fn below(command: Command, path: &str) -> Command {
    let end = |text: Option<&StyledStr>, line: String| match text {
        Some(text) => format!("{text}\n\n{line}"),
        None => line,
    };
    let whole = match path.split_once(' ') {
        Some((program, names)) => format!("In full: {program} help {names}"),
        None => format!("In full: {path} help COMMAND"),
    };
    let short = end(command.get_after_help(), whole);
    let long = command.get_after_long_help().or(command.get_after_help());
    let long = end(long, "Global options: rostersync --help".to_owned());
    command.after_help(short).after_long_help(long).mut_subcommands(|inner| {
        let path = format!("{path} {}", inner.get_name());
        below(inner, &path)
    })
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::super::Cli;
    use super::arranged;

    /// All commands with their full names, those that have commands below them too.
    fn commands() -> Vec<(String, clap::Command)> {
        let mut root = arranged(Cli::command()).term_width(80).disable_help_subcommand(true);
        root.build();
        let mut all = vec![("rostersync".to_owned(), root)];
        let mut next = 0;
        while let Some((name, command)) = all.get(next).cloned() {
            let visible = command.get_subcommands().filter(|inner| !inner.is_hide_set());
            all.extend(visible.map(|inner| (format!("{name} {}", inner.get_name()), inner.clone())));
            next += 1;
        }
        all
    }

    /// A snapshot for each command, of `--help` and of `rostersync help COMMAND`.
    #[test]
    fn the_help_of_every_command() {
        for (name, mut command) in commands() {
            let short = command.render_help().to_string();
            let text = format!("{short}\n{:=<80}\n{}", "", command.render_long_help());
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(name.replace(' ', "_"), text);
            });
        }
    }

    /// Own options come before the global ones, each command has an example, and it fits a screen.
    #[test]
    fn help_has_a_form() {
        for (name, mut command) in commands() {
            let help = command.render_help().to_string();
            let place =
                |part: &str| help.find(part).unwrap_or_else(|| panic!("{name}: no {part:?}:\n{help}"));
            let global = place("\nGlobal options:\n");
            assert!(help.find("\nOptions:\n").is_none_or(|own| own < global), "{name}");
            assert!(place("\nExample") > global, "{name}");
            assert!(help.contains(&format!("\n  {name}")), "{name}: no example of it");
            let lines = help.lines().count();
            assert!(lines <= 70, "{name}: {lines} lines are no short help");
        }
    }

    /// Every example can be typed as it stands, and fits 80 columns.
    #[test]
    fn examples_are_valid_command_lines() {
        let mut wrong = Vec::new();
        for (name, command) in commands() {
            let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for example in text.lines().filter(|line| line.starts_with("  rostersync ")) {
                if example.chars().count() > 80 {
                    wrong.push(format!("{name}: longer than 80 columns: {example}"));
                }
                let parsed = arranged(Cli::command()).try_get_matches_from(words(example));
                if let Err(error) = parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
                    wrong.push(format!("{name}: {example}: {error}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// The words of an example as a shell takes them, without the explanation after several spaces.
    fn words(example: &str) -> Vec<String> {
        let line = example.trim_start().split("   ").next().unwrap_or_default();
        let line = line.split(" >").next().unwrap_or_default();
        let mut words = Vec::new();
        for (place, part) in line.split('"').enumerate() {
            match place % 2 {
                1 => words.push(part.to_owned()),
                _ => words.extend(part.split_whitespace().map(str::to_owned)),
            }
        }
        words
    }
}
