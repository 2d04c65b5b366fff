//! How results are laid out for people: tables, lines that begin with a label, and paragraphs.
//!
//! [`Screen`] knows the width and the colours of one stream, `ui.screen` those of standard output.
//!
//! ```text
//! let columns = ["code".into(), Column::new("count").right(), Column::new("cause").prose()];
//! let mut table = Table::new(columns, ui.screen);
//! table.add(&["email-shared", "212", "Two people have the same address"]);
//! ui.result(&table.finish())
//! ```
//!
//! * **In a pipe** nothing depends on the width: a row is one line with all its text, and each
//!   column is as wide as its widest cell. `$COLUMNS` has no effect there. Scripts depend on this.
//! * **On a terminal** (its width, or `$COLUMNS`) a row that does not fit is folded: columns go on
//!   in lines below, indented, and so do the headers. A column is as wide as 95% of its cells need;
//!   the others are wrapped. Nothing is cut off. A [`Column::prose`] column takes the room that is
//!   left.
//! * **Colour** says what a word is: [`Column::word`] colours `archived`, `failed`, `warning` …
//! * Cells come from other people's systems: nothing in them may act on the terminal. The table
//!   takes care of that, so its output is printed as it is.
//! * To stream rows, use [`Rendering`]: the widths are those of the first 10,000 rows.
//! * [`blocks`] is for few rows of long values: on a narrow terminal each value has a line, with
//!   its header before it.
//!
//! [`Screen::labelled`] is for `State:  active` lines, [`Screen::paragraphs`] for sentences.

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::{BREAK, Rendering, harmless};

/// How many rows the widths are computed from.
const SAMPLE: usize = 10_000;

/// Indents the second line of a folded row.
const INDENT: usize = 4;

/// A terminal that reports no width, as on a serial line.
const USUAL_WIDTH: usize = 80;

/// The width and the colours of a stream. Without a width it is no terminal.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Screen {
    pub(super) width: Option<usize>,
    pub(super) color: bool,
}

impl Screen {
    pub(crate) fn new(width: Option<usize>, color: bool) -> Self {
        Self { width: width.map(|width| width.max(20)), color }
    }

    /// The screen behind a stream: its width counts only if it is a terminal.
    pub(super) fn of(stream: &(impl IsTerminal + std::os::fd::AsFd), color: bool) -> Self {
        if !stream.is_terminal() {
            return Self::new(None, color);
        }
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let reported = || terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0));
        let width = columns.filter(|columns| *columns > 0).or_else(reported);
        Self::new(Some(width.unwrap_or(USUAL_WIDTH)), color)
    }

    /// The text in this style, if there is colour at all.
    pub(super) fn paint(self, text: &str, style: Style) -> String {
        match self.color && style != Style::new() && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }

    /// Lines that each begin with a word: `State:     active`, the texts from column `width` on. A
    /// line without a word goes on with the one before. Words such as `blocked` or `ON` at the
    /// beginning of a text have their colour.
    pub(super) fn labelled(self, lines: &[(&str, String)], width: usize) -> Vec<u8> {
        let mut out = String::new();
        for (word, text) in lines {
            let label = if word.is_empty() { String::new() } else { format!("{word}:") };
            let text = harmless(text);
            let room = self.width.map(|all| all.saturating_sub(width).max(10));
            let pieces = match room {
                Some(room) if text.width() > room => wrap(&text, room, Commands::Whole),
                _ => vec![text],
            };
            let gap = " ".repeat(width.saturating_sub(label.width()));
            let style = Some(beginning(word)).filter(|style| *style != Style::new());
            out.push_str(&self.paint(&label, style.unwrap_or(Style::new().bold())));
            out.push_str(&gap);
            for (at, piece) in pieces.iter().enumerate() {
                if at > 0 {
                    out.push_str(&" ".repeat(width));
                }
                out.push_str(&if at == 0 { self.marked(piece) } else { piece.clone() });
                out.push('\n');
            }
            if pieces.is_empty() {
                out.push('\n');
            }
        }
        out.into_bytes()
    }

    /// Sentences, each on its line: on a terminal they are wrapped between words, and the lines
    /// below are indented. A command to be copied stays in one line.
    pub(super) fn paragraphs(self, text: &str) -> String {
        let mut out = String::new();
        for line in text.split_inclusive('\n') {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            let bare = line.trim_start();
            let pieces = match self.width {
                Some(width) if line.width() > width && !bare.starts_with("rostersync ") => {
                    let indent = line.len() - bare.len();
                    let pieces = wrap(bare, width.saturating_sub(indent + 2).max(10), Commands::Whole);
                    let below = |(at, piece): (usize, String)| {
                        " ".repeat(if at == 0 { indent } else { indent + 2 }) + &piece
                    };
                    pieces.into_iter().enumerate().map(below).collect()
                }
                _ => vec![line.to_owned()],
            };
            for (at, piece) in pieces.iter().enumerate() {
                out.push_str(if at > 0 { "\n" } else { "" });
                out.push_str(&self.paint(piece, beginning(bare)));
            }
            out.push_str(end);
        }
        out
    }

    /// A log line, which has colour already, wrapped.
    pub(super) fn log_line(self, line: &str) -> String {
        let Some(room) = self.width else { return line.to_owned() };
        let (mut out, mut used) = (String::new(), 0);
        for word in line.trim_end_matches('\n').split(' ') {
            let width = visible_width(word);
            let is_first = out.is_empty();
            if !is_first && used + 1 + width > room {
                out.push_str("\n      ");
                used = 6;
            } else if !is_first || word.is_empty() {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += width;
        }
        out.push('\n');
        out
    }

    /// The first words of a text in their colour: `12, blocked, 3 h ago`, `OFF: …`.
    fn marked(self, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let mut parts: Vec<String> = text.split(", ").map(str::to_owned).collect();
        for part in parts.iter_mut().take(2) {
            let end = part.find([':', ' ']).unwrap_or(part.len());
            let style = style_of(&part[..end]);
            *part = self.paint(&part[..end], style) + &part[end..];
        }
        parts.join(", ")
    }
}

/// The style of a line of a summary, by its first word.
fn beginning(line: &str) -> Style {
    let word = line.split([':', ' ']).next().unwrap_or_default();
    match word {
        "BLOCKED" | "But" | "Late" => colored(AnsiColor::Red).bold(),
        "HELD" | "Held" | "Paused" | "Pause" => colored(AnsiColor::Magenta),
        "Attention" => colored(AnsiColor::Yellow),
        "Plan" => Style::new().bold(),
        _ => Style::new(),
    }
}

/// The colour of a word that says how something is, or what is done.
pub(super) fn style_of(word: &str) -> Style {
    match word {
        "created" | "restored" | "joined" | "ok" | "ON" | "sent" | "good" | "valid" => {
            colored(AnsiColor::Green)
        }
        "archived" | "rejected" | "failed" | "blocked" | "BLOCKED" | "error" | "busy" | "usage"
        | "source-unavailable" | "input-unusable" | "undelivered" | "interrupted" | "late" => {
            colored(AnsiColor::Red)
        }
        "updated" | "attention" | "partial" | "warning" | "deferred" | "unknown" | "OFF" | "missing" => {
            colored(AnsiColor::Yellow)
        }
        "kept" => KEPT,
        "held" | "paused" => colored(AnsiColor::Magenta),
        "unchanged" | "skipped" | "discarded" => Style::new().dimmed(),
        _ => Style::new(),
    }
}

const KEPT: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));

fn colored(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}

/// One column of a table; `"header".into()` is a usual one.
#[derive(Debug, Clone)]
pub(crate) struct Column<'a> {
    header: &'a str,
    is_right: bool,
    is_prose: bool,
    is_word: bool,
    least: usize,
    most: usize,
}

impl<'a> Column<'a> {
    pub(crate) fn new(header: &'a str) -> Self {
        Self { header, is_right: false, is_prose: false, is_word: false, least: 0, most: usize::MAX }
    }

    /// A column of numbers.
    pub(crate) fn right(self) -> Self {
        Self { is_right: true, ..self }
    }

    /// A column of sentences: it is wrapped in the room that the others leave.
    pub(crate) fn prose(self) -> Self {
        Self { is_prose: true, ..self }
    }

    /// A column of words that have a colour: actions, results, severities.
    pub(crate) fn word(self) -> Self {
        Self { is_word: true, ..self }
    }

    /// At least so wide, so that several tables look alike.
    pub(crate) fn least(self, least: usize) -> Self {
        Self { least, ..self }
    }

    /// In a pipe a wider cell sticks out.
    pub(crate) fn most(self, most: usize) -> Self {
        Self { most, ..self }
    }
}

impl<'a> From<&'a str> for Column<'a> {
    fn from(header: &'a str) -> Self {
        Self::new(header)
    }
}

/// A table whose rows have a cell for each column.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    columns: Vec<Column<'a>>,
    screen: Screen,
    gap: usize,
    has_headers: bool,
    /// The first column is a sign, which colours the row.
    is_signed: bool,
    /// A row that does not fit is a block of lines with labels.
    is_in_blocks: bool,
    /// The order in which a folded row has the columns.
    order: Vec<usize>,
    /// The rows from which the widths will be known, one after the other.
    held: Vec<String>,
    /// Known once the sample is complete.
    shape: Option<Shape>,
    /// What `add` has printed.
    out: Vec<u8>,
}

/// In which lines of a row the columns stand, and how wide.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    lines: Vec<Vec<Place>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    column: usize,
    width: usize,
}

impl<'a> Table<'a> {
    pub(crate) fn new(columns: impl IntoIterator<Item = impl Into<Column<'a>>>, screen: Screen) -> Self {
        let columns: Vec<Column<'a>> = columns.into_iter().map(Into::into).collect();
        let order = (0..columns.len()).collect();
        Self {
            columns,
            screen,
            gap: 2,
            has_headers: true,
            is_signed: false,
            is_in_blocks: false,
            order,
            held: Vec::new(),
            shape: None,
            out: Vec::new(),
        }
    }

    /// Lines of a preview: without headers, one space between the columns, and the first column is
    /// a sign (`+`, `~`, `-` …) that colours the line.
    pub(crate) fn of_lines(self) -> Self {
        Self { gap: 1, has_headers: false, is_signed: true, ..self }
    }

    /// For few rows of long values: where a row does not fit one line, each of its values has a
    /// line, with the header before it.
    pub(crate) fn in_blocks(self) -> Self {
        Self { is_in_blocks: true, ..self }
    }

    /// Where a row does not fit one line, these columns come first.
    pub(crate) fn folded(mut self, first: &[&str]) -> Self {
        let place = |at: &usize| first.iter().position(|header| *header == self.columns[*at].header);
        self.order.sort_by_key(|at| place(at).unwrap_or(first.len()));
        self
    }

    /// Adds a row, for a table that is printed as a whole.
    pub(crate) fn add(&mut self, cells: &[impl AsRef<str>]) {
        let mut out = std::mem::take(&mut self.out);
        let cells: Vec<&[u8]> = cells.iter().map(|cell| cell.as_ref().as_bytes()).collect();
        self.row(&cells, &mut out);
        self.out = out;
    }

    /// The whole table, after the last [`Table::add`].
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.out);
        self.end(&mut out);
        out
    }

    /// Decides the widths and prints the rows held for that.
    fn settle(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        let count = self.columns.len();
        let header = |at: usize| if self.has_headers { self.columns[at].header.width() } else { 0 };
        let mut natural: Vec<usize> = (0..count).map(header).collect();
        // Of cells with several values the widest one: they can stand below each other.
        let mut widths: Vec<Vec<usize>> = vec![Vec::new(); count];
        for row in held.chunks(count) {
            for (at, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                natural[at] = natural[at].max(whole_width(cell));
                widths[at].extend(cell.split(BREAK).map(UnicodeWidthStr::width).max());
            }
        }
        let usual: Vec<usize> = (0..count)
            .map(|at| {
                let widths = &mut widths[at];
                widths.sort_unstable();
                let place = (widths.len() * 19).div_ceil(20).saturating_sub(1);
                widths.get(place).copied().unwrap_or_default().max(header(at))
            })
            .collect();
        let shape = self.shape_of(&natural, &usual);
        if self.is_in_blocks && shape.lines.len() > 1 {
            held.chunks(count).for_each(|row| self.block(row, out));
            self.shape = Some(shape);
            return;
        }
        if self.has_headers {
            let headers: Vec<String> = self.columns.iter().map(|column| column.header.to_owned()).collect();
            self.print(&headers, &shape, Some(Style::new().bold()), out);
        }
        for row in held.chunks(count) {
            self.print(row, &shape, self.sign_of(row), out);
        }
        self.shape = Some(shape);
    }

    /// The shape for cells of these widths: `usual` fits 95% of them.
    fn shape_of(&self, natural: &[usize], usual: &[usize]) -> Shape {
        let places = |widths: Vec<usize>| {
            let place = |(column, width)| Place { column, width };
            // A column without a word takes no room in a list without headers.
            let is_there = |place: &Place| place.width > 0 || self.has_headers;
            Shape { lines: vec![widths.into_iter().enumerate().map(place).filter(is_there).collect()] }
        };
        let least = |at: usize| natural[at].max(self.columns[at].least).min(self.columns[at].most);
        let Some(screen) = self.screen.width else {
            return places((0..natural.len()).map(least).collect());
        };
        let gaps = self.gap * natural.len().saturating_sub(1);
        for widths in [(0..natural.len()).map(least).collect(), natural.to_vec()] {
            // A cell that sticks out would push the ones after it over the edge.
            let is_whole = widths.iter().zip(natural).all(|(width, natural)| width >= natural);
            if is_whole && widths.iter().sum::<usize>() + gaps <= screen {
                return places(widths);
            }
        }
        // A row on one line, with some cells wrapped, keeps the order of the columns.
        let is_there = |at: &usize| natural[*at] > 0 || self.has_headers;
        let unfolded = self.fold((0..natural.len()).filter(is_there), natural, usual, screen);
        if unfolded.lines.len() == 1 {
            return unfolded;
        }
        let (prose, others): (Vec<usize>, Vec<usize>) =
            self.order.iter().filter(|at| is_there(at)).partition(|at| self.columns[**at].is_prose);
        self.fold(others.into_iter().chain(prose), natural, usual, screen)
    }

    /// Puts the columns on as few lines as they need, in this order.
    fn fold(
        &self,
        order: impl Iterator<Item = usize>,
        natural: &[usize],
        usual: &[usize],
        screen: usize,
    ) -> Shape {
        let mut lines: Vec<Vec<Place>> = vec![Vec::new()];
        let mut room = screen;
        for column in order {
            let gap = if lines.last().is_some_and(Vec::is_empty) { 0 } else { self.gap };
            let wanted = match self.columns[column].is_prose {
                true => natural[column].min(screen * 2 / 5),
                false => usual[column],
            };
            if gap > 0 && wanted + gap > room {
                lines.push(Vec::new());
                room = screen - INDENT;
            }
            let gap = if lines.last().is_some_and(Vec::is_empty) { 0 } else { self.gap };
            let width = wanted.min(room);
            room -= (width + gap).min(room);
            if let Some(line) = lines.last_mut() {
                line.push(Place { column, width });
            }
        }
        for (at, line) in lines.iter_mut().enumerate() {
            let used = line.iter().map(|place| place.width + self.gap).sum::<usize>() - self.gap;
            let mut left = (screen - if at == 0 { 0 } else { INDENT }).saturating_sub(used);
            // Sentences take what the others leave.
            for is_prose in [false, true] {
                for place in line.iter_mut().filter(|place| self.columns[place.column].is_prose == is_prose) {
                    let more = natural[place.column].saturating_sub(place.width).min(left);
                    place.width += more;
                    left -= more;
                }
            }
        }
        Shape { lines }
    }

    fn block(&self, row: &[String], out: &mut Vec<u8>) {
        let Some((first, rest)) = row.split_first() else { return };
        out.extend_from_slice(self.screen.paint(first, Style::new().bold()).as_bytes());
        out.push(b'\n');
        let headers = self.columns[1..].iter().map(|column| column.header);
        let label = headers.clone().map(UnicodeWidthStr::width).max().unwrap_or_default() + 4;
        let room = self.screen.width.map_or(usize::MAX, |width| width.saturating_sub(label).max(10));
        for (header, cell) in headers.zip(rest).filter(|(_, cell)| !cell.is_empty()) {
            let text = cell.replace(BREAK, " ");
            for (at, line) in wrap(&text, room, Commands::Broken).iter().enumerate() {
                let header = if at == 0 { header } else { "" };
                out.extend_from_slice(format!("  {header:0$}{line}\n", label - 2).as_bytes());
            }
        }
    }

    fn print(&self, row: &[String], shape: &Shape, style: Option<Style>, out: &mut Vec<u8>) {
        for (at, places) in shape.lines.iter().enumerate() {
            // What the row is about stands out where rows have several lines.
            let is_bold = |place: &Place| shape.lines.len() > 1 && at == 0 && place == &places[0];
            let own = |place: &Place| match style {
                None if is_bold(place) => Some(Style::new().bold()),
                _ => style,
            };
            let cells: Vec<Vec<Piece>> =
                places.iter().map(|place| self.pieces(*place, &row[place.column], own(place))).collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or_default();
            // A blank row is a blank line, but nothing below it.
            for line in 0..if at == 0 { height.max(1) } else { height } {
                let mut blank = if at == 0 { 0 } else { INDENT };
                for (place, pieces) in places.iter().zip(&cells) {
                    let Some(piece) = pieces.get(line).filter(|piece| piece.width > 0) else {
                        blank += place.width + self.gap;
                        continue;
                    };
                    let rest = place.width.saturating_sub(piece.width);
                    let is_right = self.columns[place.column].is_right;
                    out.resize(out.len() + blank + if is_right { rest } else { 0 }, b' ');
                    out.extend_from_slice(piece.text.as_bytes());
                    blank = self.gap + piece.trailing + if is_right { 0 } else { rest };
                }
                out.push(b'\n');
            }
        }
    }

    /// The style of a whole row.
    fn sign_of(&self, row: &[String]) -> Option<Style> {
        let sign = row.first().filter(|_| self.is_signed)?;
        Some(match sign.as_str() {
            "+" | "^" => colored(AnsiColor::Green),
            "-" | "!" => colored(AnsiColor::Red),
            "~" | ">" => colored(AnsiColor::Yellow),
            _ => KEPT,
        })
    }

    /// The lines of a cell.
    fn pieces(&self, place: Place, cell: &str, style: Option<Style>) -> Vec<Piece> {
        let own = || if self.columns[place.column].is_word { style_of(cell) } else { Style::new() };
        let style = style.unwrap_or_else(own);
        let values =
            || cell.split(BREAK).enumerate().map(|(at, value)| (value, if at == 0 { style } else { KEPT }));
        if cell.is_empty() {
            return Vec::new();
        }
        if self.screen.width.is_none() || whole_width(cell) <= place.width {
            let whole: Vec<Piece> = values().map(|(value, style)| self.piece(value, style)).collect();
            let mut all = Piece::default();
            for piece in whole {
                all.add(&piece);
            }
            return vec![all];
        }
        let wrapped = values().flat_map(|(value, style)| {
            let lines = wrap(value, place.width.max(1), Commands::Broken);
            lines.into_iter().map(move |line| self.piece(&line, style))
        });
        wrapped.collect()
    }

    /// A text without the blanks at its end, which are not painted.
    fn piece(&self, text: &str, style: Style) -> Piece {
        let shown = text.trim_ascii_end();
        let width = shown.width();
        Piece { text: self.screen.paint(shown, style), width, trailing: text.width() - width }
    }
}

/// A line of a cell.
#[derive(Debug, Default)]
struct Piece {
    text: String,
    width: usize,
    trailing: usize,
}

impl Piece {
    /// Puts another value beside this one.
    fn add(&mut self, other: &Self) {
        if self.width > 0 && other.width > 0 {
            let between = 1 + self.trailing;
            self.text.push_str(&" ".repeat(between));
            self.width += between;
        }
        self.text.push_str(&other.text);
        self.width += other.width;
        self.trailing = other.trailing;
    }
}

/// The width of a text without the colours in it.
fn visible_width(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().map_or(0, UnicodeWidthStr::width);
    // A colour ends with its `m`.
    first + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.width())).sum::<usize>()
}

/// How wide the values of a cell are beside each other.
fn whole_width(cell: &str) -> usize {
    match cell.split_once(BREAK) {
        None => cell.width(),
        Some((first, rest)) => first.width() + 1 + whole_width(rest),
    }
}

impl Rendering for Table<'_> {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[&[u8]], out: &mut Vec<u8>) {
        let texts = cells.iter().map(|cell| {
            let cell = String::from_utf8_lossy(cell);
            let values: Vec<String> = cell.split(BREAK).map(harmless).collect();
            values.join(&BREAK.to_string())
        });
        if let Some(shape) = &self.shape {
            let row: Vec<String> = texts.collect();
            self.print(&row, shape, self.sign_of(&row), out);
            return;
        }
        self.held.extend(texts);
        if self.held.len() >= SAMPLE * self.columns.len() {
            self.settle(out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.shape.is_none() {
            self.settle(out);
        }
    }
}

/// A whole table of usual columns.
pub(crate) fn table(headers: &[&str], rows: &[Vec<String>], screen: Screen) -> Vec<u8> {
    let mut table = Table::new(headers.iter().copied(), screen);
    rows.iter().for_each(|row| table.add(row));
    table.finish()
}

/// A table of few rows and long values, see [`Table::in_blocks`].
pub(crate) fn blocks(headers: &[&str], rows: &[Vec<String>], screen: Screen) -> Vec<u8> {
    let mut table = Table::new(headers.iter().copied(), screen).in_blocks();
    rows.iter().for_each(|row| table.add(row));
    table.finish()
}

/// The text cut to this width, or filled up to it.
pub(super) fn padded(text: &str, width: usize) -> String {
    let text = harmless(text);
    let shown = match text.width() > width {
        true => format!("{}…", &text[..prefix(&text, width.saturating_sub(1))]),
        false => text,
    };
    let rest = width.saturating_sub(shown.width());
    shown + &" ".repeat(rest)
}

/// What becomes of a command in backticks that is longer than a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commands {
    /// It stays in one line, to be copied, as paths and addresses do.
    Whole,
    /// It is broken: it stands in a column.
    Broken,
}

/// The text in lines of at most `width` columns, broken between words where it can be.
fn wrap(text: &str, width: usize, commands: Commands) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in words(text) {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        let is_broken = commands == Commands::Broken || !word.contains(['`', '/']);
        while is_broken && word.width() > width {
            let (head, tail) = word.split_at(break_of(word, width));
            lines.push(head.to_owned());
            word = tail;
        }
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// The words of a text; a command in backticks is one.
fn words(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut in_command) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'`' => in_command = !in_command && text[at + 1..].contains('`'),
            b' ' if !in_command => {
                words.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

/// Where a word that is too long is broken: after a sign in it if one is near the edge, such as the
/// `@` of an address. At least one character, or a wide one would never fit into a narrow column.
fn break_of(word: &str, width: usize) -> usize {
    let end = prefix(word, width).max(word.chars().next().map_or(1, char::len_utf8));
    let near = word[..end].rfind(['@', '.', '-', '_', '/', '|', ',', ' ']).map(|at| at + 1);
    near.filter(|at| word[..*at].width() * 2 > width).unwrap_or(end)
}

/// Where the longest beginning of the text ends that is at most `width` columns wide.
fn prefix(text: &str, width: usize) -> usize {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or_default();
        if used > width {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
