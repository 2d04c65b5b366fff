//! `rostersync man`: a manual page for each command, made from the texts of its `--help`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};

use clap::builder::StyledStr;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::ui::{Ui, shown};
use super::{Cli, VERSION, unprintable};
use crate::attempt::Ending;
use crate::failure::{Failure, Kind, Result};
use crate::near::nearest;
use crate::output::write_public;
use crate::plural::counted;

/// Show the manual page of a command
///
/// On a terminal `man` shows the page. Otherwise the page is printed as `man` reads it (roff).
/// `--output` writes the pages of all commands: rostersync.1, rostersync-users-list.1 and so on. The
/// Debian package has them installed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync man users list
  rostersync man --output man1     all pages, a file each")]
pub(super) struct ManArgs {
    /// The command, such as `users list`; without it, the overview
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Write the pages of all commands into this folder
    #[arg(short, long, value_name = "FOLDER", value_parser = super::path(), conflicts_with = "command")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs, ui: &Ui) -> Result<Ending> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    if let Some(folder) = &args.output {
        let count = write_all(&root, folder)?;
        ui.print(format!("{} in {}\n", counted(count, "page", "pages"), shown(folder)).as_bytes())
            .map_err(unprintable)?;
        return Ok(Ending::Ok);
    }
    let mut command = &root;
    for word in &args.command {
        command = command.find_subcommand(word).ok_or_else(|| no_such(word, command))?;
    }
    let page = page(command).map_err(unprintable)?;
    if !std::io::stdout().is_terminal() {
        ui.result(&page).map_err(unprintable)?;
    } else if !shown_by_man(&page) {
        let text = command.clone().render_long_help();
        ui.result(text.to_string().as_bytes()).map_err(unprintable)?;
    }
    Ok(Ending::Ok)
}

fn no_such(word: &str, command: &Command) -> Failure {
    let path = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let names = command.get_subcommands().filter(|inner| !inner.is_hide_set()).map(Command::get_name);
    let near = nearest(word, names);
    let failure = Failure::new(Kind::Usage, format!("`{path}` has no command `{word}`"));
    match near {
        Some(near) => failure.cure(format!("`{near}` is there: `{path} --help` lists all commands")),
        None => failure.cure(format!("`{path} --help` lists the commands")),
    }
}

/// A file for each command.
fn write_all(root: &Command, folder: &std::path::Path) -> Result<u64> {
    std::fs::create_dir_all(folder)
        .map_err(|cause| Failure::io(Kind::Failed, "the folder cannot be made", folder, cause))?;
    let mut commands = vec![root];
    let mut count = 0;
    while let Some(command) = commands.pop() {
        let file = folder.join(format!("{}.1", name(command)));
        let page = page(command).map_err(unprintable)?;
        write_public(&file, None, |out| {
            out.write_all(&page)
                .map_err(|cause| Failure::io(Kind::Failed, "the page cannot be written", &file, cause))
        })?;
        count += 1;
        commands.extend(command.get_subcommands().filter(|inner| !inner.is_hide_set()));
    }
    Ok(count)
}

/// `rostersync-users-list`
fn name(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// The page as `man` reads it.
fn page(command: &Command) -> std::io::Result<Vec<u8>> {
    // A date would differ with each build; the version has that of the commit.
    let command = &command.clone().subcommand_help_heading("COMMANDS");
    let man = Man::new(command.clone()).source(format!("rostersync {VERSION}")).manual("rostersync");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    let mut roff = Roff::new();
    // Without the global options, which each page has below.
    let usage = command.clone().render_usage().to_string();
    roff.control("SH", ["SYNOPSIS"]).text([bold(usage.trim_start_matches("Usage:").trim())]);
    roff.to_writer(&mut text)?;
    man.render_description_section(&mut text)?;
    if command.get_arguments().any(|arg| !arg.is_hide_set()) {
        man.render_options_section(&mut text)?;
    }
    if command.get_subcommands().any(|inner| !inner.is_hide_set()) {
        man.render_subcommands_section(&mut text)?;
    }
    let end = command.get_after_long_help().or(command.get_after_help());
    let mut roff = Roff::new();
    for block in end.map(StyledStr::to_string).unwrap_or_default().split("\n\n") {
        sections(&mut roff, block);
    }
    ending(&mut roff, command);
    roff.to_writer(&mut text)?;
    Ok(emphasised(&String::from_utf8_lossy(&text)).into_bytes())
}

/// A block of the end of `--help`: `Examples:` and lines below, or `Columns: …` in one paragraph.
fn sections(roff: &mut Roff, block: &str) {
    let Some((title, rest)) = block.split_once(':') else {
        if !block.trim().is_empty() {
            roff.control("PP", []).text([roman(block.trim())]);
        }
        return;
    };
    roff.control("SH", [title.trim().to_uppercase().as_str()]);
    if rest.starts_with('\n') {
        roff.control("nf", []);
        for line in rest.trim_matches('\n').lines() {
            roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
        }
        roff.control("fi", []);
    } else {
        roff.text([roman(rest.trim())]);
    }
}

/// What the overview says besides, and where to read on.
fn ending(roff: &mut Roff, command: &Command) {
    let path = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let Some((above, _)) = path.rsplit_once(' ') else {
        sections(roff, super::run::EXIT);
        roff.control("SH", ["ENVIRONMENT"]);
        for (variable, text) in VARIABLES {
            roff.control("TP", []).text([bold(variable)]).text([roman(text)]);
        }
        roff.control("SH", ["FILES"]);
        for (file, text) in FILES {
            roff.control("TP", []).text([bold(file)]).text([roman(text)]);
        }
        return;
    };
    roff.control("SH", ["SEE ALSO"]);
    let mut words = vec![bold("rostersync"), roman("(1)")];
    if above != "rostersync" {
        words.extend([roman(", "), bold(above.replace(' ', "-")), roman("(1)")]);
    }
    roff.text(words);
}

const VARIABLES: [(&str, &str); 4] = [
    ("ROSTERSYNC_CONFIG", "The configuration file, if --config does not name one."),
    ("NO_COLOR", "If it is set and not empty, there is no colour."),
    (
        "COLUMNS",
        "The width that results on a terminal have, in place of what the terminal reports; for --help only if it reports none.",
    ),
    ("ROSTERSYNC_ALLOW_ROOT", "If it is true, a run as root gives no warning: in a container that is usual."),
];

const FILES: [(&str, &str); 2] = [
    ("./rostersync.toml, /etc/rostersync/rostersync.toml", "The configuration; the first one that is there."),
    (
        "/usr/share/doc/rostersync",
        "The documentation and a configuration with all keys, in the Debian package.",
    ),
];

/// Words in backticks are bold, as manual pages have commands and keys.
fn emphasised(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let even = line.matches('`').count() % 2 == 0;
        if line.starts_with('.') || !even {
            shown.push_str(&line.replace('`', "\\(ga"));
            continue;
        }
        for (place, part) in line.split('`').enumerate() {
            if place > 0 {
                shown.push_str(if place % 2 == 1 { "\\fB" } else { "\\fR" });
            }
            shown.push_str(part);
        }
    }
    shown
}

/// Whether `man` has shown the page.
fn shown_by_man(page: &[u8]) -> bool {
    let shown = Process::new("man").args(["-l", "-"]).stdin(Stdio::piped()).spawn().and_then(|mut man| {
        if let Some(mut input) = man.stdin.take() {
            // A reader that ends early has shown what it wants.
            let _ = input.write_all(page);
        }
        man.wait()
    });
    shown.is_ok_and(|status| status.success())
}
