//! Everything that depends on who is looking: colour, progress, log lines, quiet.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::layout::Screen;
use crate::attempt::Ending;
use crate::failure::{self, Failure};
use crate::findings::{Findings, Severity};
use crate::report;
use crate::run::Progress;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// What the commands print with.
pub(super) struct Ui {
    pub(super) quiet: bool,
    /// Of standard output.
    pub(super) screen: Screen,
    errors: Screen,
    /// Whether a last log line says how the command ended: not to people that see the result.
    says_end: bool,
    json_logs: bool,
    bar: Option<ProgressBar>,
    /// With `-q`, what would have been printed, until it is known whether it will be wanted.
    held: Mutex<Vec<u8>>,
}

impl Ui {
    pub(super) fn new(quiet: bool, verbose: u8, log_format: LogFormat, color: Color, progress: bool) -> Self {
        let wants_color = |terminal: bool| match color {
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            Color::Always => true,
            Color::Never => false,
        };
        let bar = (progress && !quiet && stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(style(false));
            // Until a stage begins there is nothing to draw, also after a result was written beside the bar.
            bar.finish_and_clear();
            bar
        });
        let json_logs = log_format == LogFormat::Json;
        let level = match (quiet, verbose) {
            // What goes wrong with a certificate is said once, as a failure: not by the library as well.
            // And one line where a store is made.
            (true, _) => "error,rostersync::always=info,rustls=off,rustls_platform_verifier=off",
            (false, 0) => "warn,rustls=off,rustls_platform_verifier=off,rostersync=info",
            (false, 1) => "warn,rustls=off,rustls_platform_verifier=off,rostersync=debug",
            (false, _) => "info,rustls=off,rustls_platform_verifier=off,rostersync=trace",
        };
        let errors = Screen::of(&stderr(), wants_color(stderr().is_terminal()));
        let logs = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(level))
            .with_target(false)
            .with_ansi(wants_color(stderr().is_terminal()))
            .with_writer(AboveBar(bar.clone(), if json_logs { Screen::default() } else { errors }));
        // A second subscriber can only come from a test in the same process; the first one stays.
        let _ = if json_logs {
            logs.json().flatten_event(true).try_init()
        } else if stderr().is_terminal() {
            logs.without_time().try_init()
        } else {
            logs.try_init()
        };
        let screen = Screen::of(&stdout(), wants_color(stdout().is_terminal()));
        let sees_result = screen.width.is_some() && errors.width.is_some();
        let says_end = json_logs || verbose > 0 || !sees_result;
        Self { quiet, screen, errors, says_end, json_logs, bar, held: Mutex::default() }
    }

    /// Leaves the last line to the fleet that started this process; programs that read JSON get it.
    pub(super) fn leave_end_to_fleet(&mut self) {
        self.says_end = self.json_logs;
    }

    /// Says what was odd: a line for each code, with how often and where first. With `-q` only if the run did not simply
    /// go well: then it may be why.
    pub(super) fn findings(&self, findings: &Findings, status: Ending) {
        for (code, count) in findings.counts() {
            let Some(first) = findings.kept().iter().find(|finding| finding.code == *code) else { continue };
            if first.severity == Severity::Attention {
                // The summary has it.
                continue;
            }
            let said = report::harmless(&format!("{}: {}", first.place(), first.message));
            if self.quiet && status != Ending::Ok {
                tracing::error!(code, count, "{said}");
            } else {
                tracing::warn!(code, count, "{said}");
            }
        }
    }

    /// Says a failure in its three parts.
    pub(super) fn failure(&self, failure: &Failure, status: Ending) {
        self.clear();
        let failure = &harmless(failure);
        if self.json_logs {
            let cause = failure.causes().join(": ");
            tracing::error!(
                result = status.word(),
                exit = status.exit(),
                at = failure.place,
                cause,
                help = failure.cure,
                "{}",
                failure.what
            );
            return;
        }
        let text = in_parts(failure, self.errors);
        // Nothing is left to tell a failure to if standard error fails.
        let _ = stderr().write_all(text.as_bytes());
        if self.says_end {
            tracing::error!(result = status.word(), exit = status.exit(), "finished");
        }
    }

    /// Says a failure that is not the last word, in its three parts.
    pub(super) fn trouble(&self, failure: &Failure) {
        self.clear();
        let _ = stderr().write_all(in_parts(&harmless(failure), self.errors).as_bytes());
    }

    /// Says what the process of a district said on standard error, with the name of the district.
    pub(super) fn say_of(&self, district: &str, said: &str) {
        let line = |line: &str| match (self.json_logs, serde_json::from_str(line)) {
            (false, _) => self.errors.paragraphs(&format!("{district}: {}\n", report::harmless(line))),
            (true, Ok(serde_json::Value::Object(mut log))) => {
                log.insert("district".to_owned(), district.into());
                format!("{}\n", serde_json::Value::Object(log))
            }
            (true, _) => format!("{}\n", serde_json::json!({ "message": line, "district": district })),
        };
        let text: String = said.lines().map(line).collect();
        // Nothing is left to tell a failure to if standard error fails.
        let _ = self.beside_bar(|| stderr().write_all(text.as_bytes()));
    }

    /// The last log line.
    pub(super) fn finished(&self, status: Ending, run: Option<i64>) {
        self.clear();
        if !self.says_end {
            return;
        }
        let (result, exit) = (status.word(), status.exit());
        match (run, status) {
            (Some(run), Ending::Ok) => tracing::info!(run, result, exit, "finished"),
            (Some(run), _) => tracing::error!(run, result, exit, "finished"),
            (None, Ending::Ok | Ending::Paused | Ending::Changes | Ending::ChangesPeople) => {
                tracing::info!(result, exit, "finished")
            }
            (None, _) => tracing::error!(result, exit, "finished"),
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Prints a result; with `-q` only once it is known that the exit status is not 0.
    pub(super) fn print(&self, bytes: &[u8]) -> std::io::Result<()> {
        if self.quiet {
            if let Ok(mut held) = self.held.lock() {
                held.extend_from_slice(bytes);
            }
            return Ok(());
        }
        self.beside_bar(|| stdout().lock().write_all(bytes))
    }

    /// Writes a result while the progress is not on the screen.
    fn beside_bar<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// As [`Ui::result`], for values as they are: on a terminal nothing in them may act.
    pub(super) fn print_data(&self, bytes: &[u8]) -> std::io::Result<()> {
        match stdout().is_terminal() {
            true => self.result(&defused(bytes)),
            false => self.result(bytes),
        }
    }

    /// Prints a result that was asked for: also with `-q`.
    pub(super) fn result(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.beside_bar(|| {
            let mut out = stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        })
    }

    /// Prints what `-q` has held back, if the status says that it is wanted.
    pub(super) fn settle(&self, status: Ending) -> std::io::Result<()> {
        let held = self.held.lock().map(|mut held| std::mem::take(&mut *held)).unwrap_or_default();
        let mut out = stdout().lock();
        if !matches!(status, Ending::Ok | Ending::Paused) {
            out.write_all(&held)?;
        }
        out.flush()
    }
}

/// Standard output for results that are too many to be held. Values in them come from other people's systems, and stay as they
/// are for a file or a program; on a terminal nothing in them may move the cursor, change the colours or send keys.
pub(super) fn results() -> Results {
    let terminal = stdout().is_terminal();
    Results { out: std::io::BufWriter::with_capacity(64 << 10, stdout().lock()), terminal }
}

/// The same for tables, which take care of that themselves, and have colour.
pub(super) fn table_results() -> Results {
    Results { terminal: false, ..results() }
}

pub(super) struct Results {
    out: std::io::BufWriter<std::io::StdoutLock<'static>>,
    terminal: bool,
}

impl Write for Results {
    /// What is written at once are whole rows.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.terminal {
            true => self.out.write_all(&defused(bytes)).map(|()| bytes.len()),
            false => self.out.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Without what a terminal acts on; line breaks stay.
fn defused(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix("\r\n") {
            Some(line) => (line, "\r\n"),
            None => line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n")),
        };
        shown.push_str(&report::harmless(line));
        shown.push_str(end);
    }
    shown.into_bytes()
}

/// `error: …`, with place, cause and cure below.
fn in_parts(failure: &Failure, screen: Screen) -> String {
    let part = |indent: &str, label: &str, style: Style, text: &str| {
        let label = format!("{label}:");
        let said = screen.paragraphs(&format!("{indent}{label} {text}\n"));
        said.replacen(&label, &screen.paint(&label, style), 1)
    };
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    let mut text = part("", "error", color(AnsiColor::Red).bold(), &failure.what);
    if !failure.place.is_empty() {
        text.push_str(&part("  ", "at", Style::new().bold(), &failure.place));
    }
    for line in failure.excerpt().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    for cause in failure.causes() {
        text.push_str(&part("  ", "because", color(AnsiColor::Yellow), &cause));
    }
    if !failure.cure.is_empty() {
        text.push_str(&part("  ", "help", color(AnsiColor::Green), &failure.cure));
    }
    text
}

/// A failure without anything in it that a terminal would act on: parts of it may come from a server.
fn harmless(failure: &Failure) -> Failure {
    let lines = |text: &str| text.lines().map(report::harmless).collect::<Vec<_>>().join("\n");
    let plain = Failure::new(failure.kind, lines(&failure.what))
        .at(lines(&failure.place))
        .showing(lines(failure.excerpt()))
        .cure(lines(&failure.cure));
    let causes: Vec<String> = failure.causes().iter().map(|cause| lines(cause)).collect();
    Failure { cause: failure::chain(&causes), ..plain }
}

/// A path in a result: from here on if it is below the folder that the command was started in. Failures always show it whole.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.unwrap_or_else(|| path.to_owned()).display().to_string()
}

/// `planning the run       ━━━━━━━━━━━━──────── 61,000 of 100,000  61%  about 8 s left`
fn style(with_length: bool) -> ProgressStyle {
    let template = match with_length {
        true => "{msg:22} {wide_bar} {human_pos} of {human_len}  {percent:>3}%{left}",
        false => "{msg:22} {spinner} {human_pos}",
    };
    let left = |state: &ProgressState, line: &mut dyn std::fmt::Write| {
        // Nothing is left to tell a failure to.
        let _ = line.write_str(&left(state.pos(), state.len(), state.elapsed()));
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━━─").with_key("left", left)
}

/// How long a stage will still take, once it has run for a second: if it goes on as until now.
fn left(done: u64, all: Option<u64>, taken: Duration) -> String {
    let Some(all) = all.filter(|all| done > 0 && *all >= done && taken >= Duration::from_secs(1)) else {
        return String::new();
    };
    let seconds = (taken.as_secs_f64() * (all - done) as f64 / done as f64).ceil() as u64;
    match seconds {
        0..=90 => format!("  about {seconds} s left"),
        91..=5400 => format!("  about {} min left", seconds.div_ceil(60)),
        _ => format!("  about {} h left", seconds.div_ceil(3600)),
    }
}

impl Progress for Ui {
    fn begin(&self, stage: &'static str, steps: Option<u64>) {
        tracing::debug!("{stage}");
        let Some(bar) = &self.bar else { return };
        // Also after the end of the stage before: the time counts from here.
        bar.reset();
        bar.set_style(style(steps.is_some()));
        bar.set_length(steps.unwrap_or_default());
        bar.set_message(stage);
        bar.set_position(0);
    }

    fn at(&self, step: u64) {
        let Some(bar) = &self.bar else { return };
        // What was expected was too few.
        if bar.length().is_some_and(|expected| expected > 0 && expected < step) {
            bar.set_length(step);
        }
        bar.set_position(step);
    }

    fn reached(&self, step: u64, of: u64) {
        let Some(bar) = &self.bar else { return };
        if bar.length() != Some(of) {
            bar.set_style(style(true));
            bar.set_length(of);
        }
        bar.set_position(step);
    }

    fn end(&self) {
        self.clear();
    }
}

/// Writes log lines above the progress bar instead of through it.
struct AboveBar(Option<ProgressBar>, Screen);

impl<'a> MakeWriter<'a> for AboveBar {
    type Writer = LogLine<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LogLine(&self.0, self.1)
    }
}

struct LogLine<'a>(&'a Option<ProgressBar>, Screen);

impl Write for LogLine<'_> {
    /// Always succeeds: a log that cannot be written (a full disk) is no reason to stop a sync, and who is told of the
    /// failure would only try to say so on the same standard error.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = self.1.log_line(&String::from_utf8_lossy(bytes));
        let _ = match self.0 {
            Some(bar) => bar.suspend(|| stderr().write_all(line.as_bytes())),
            None => stderr().write_all(line.as_bytes()),
        };
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let _ = stderr().flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_stage_is_estimated_from_what_is_done() {
        let left = |done, all, seconds| left(done, all, Duration::from_secs(seconds));
        assert_eq!(left(25, Some(100), 10), "  about 30 s left");
        assert_eq!(left(10, Some(100), 60), "  about 9 min left");
        assert_eq!(left(1, Some(100), 360), "  about 10 h left");
        assert_eq!(left(100, Some(100), 10), "  about 0 s left");
        // Nothing is said before there is something to judge by.
        assert_eq!(left(0, Some(100), 10), "");
        assert_eq!(left(25, None, 10), "");
        assert_eq!(left(25, Some(100), 0), "");
    }
}
