//! The rendering for people: aligned columns that fit the terminal.
//!
//! The widths are those of the first 10,000 rows shown, which are held until then; a later, wider cell is cut on a
//! terminal and sticks out in a pipe. Cells come from other people's systems, so nothing in them may move the cursor,
//! change colours or turn the direction of the text: such characters are shown as `·`.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::formats::Rendering;

/// How many rows the widths are computed from.
const SAMPLE: usize = 10_000;

const GAP: usize = 2;

#[derive(Debug)]
pub struct Table<'a> {
    headers: Vec<&'a str>,
    /// Which column takes the rest of the width and is wrapped instead of cut.
    wrapped: Option<usize>,
    terminal: Option<usize>,
    /// The rows from which the widths will be known, one after the other.
    held: Vec<String>,
    /// Known once the sample is complete.
    widths: Option<Vec<usize>>,
}

/// A whole table, of rows that have a cell for each header.
pub fn table(headers: &[&str], rows: &[Vec<String>]) -> Vec<u8> {
    let (mut table, mut out) = (Table::new(headers.to_vec()), Vec::new());
    for row in rows {
        table.row(&row.iter().map(String::as_bytes).collect::<Vec<_>>(), &mut out);
    }
    table.end(&mut out);
    out
}

impl<'a> Table<'a> {
    /// A table for a pipe, where nothing is cut or wrapped.
    pub fn new(headers: Vec<&'a str>) -> Self {
        Self { headers, wrapped: None, terminal: None, held: Vec::new(), widths: None }
    }

    /// A table that fits a terminal of this width, if there is one.
    pub(super) fn fitting(headers: Vec<&'a str>, wrapped: Option<usize>, terminal: Option<usize>) -> Self {
        Self { wrapped, terminal, ..Self::new(headers) }
    }

    /// Decides the widths and prints the rows held for that.
    fn settle(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        let headers: Vec<String> = self.headers.iter().map(|header| (*header).to_owned()).collect();
        let mut natural = vec![0; headers.len()];
        for row in std::iter::once(&headers[..]).chain(held.chunks(headers.len())) {
            for (width, text) in natural.iter_mut().zip(row) {
                *width = text.width().max(*width);
            }
        }
        let widths = fit(&natural, self.wrapped, self.terminal);
        self.print(&headers, &widths, out);
        for row in held.chunks(headers.len()) {
            self.print(row, &widths, out);
        }
        self.widths = Some(widths);
    }

    fn print(&self, row: &[String], widths: &[usize], out: &mut Vec<u8>) {
        let wrapped = self.wrapped.filter(|_| self.terminal.is_some());
        let mut pieces = match wrapped {
            Some(field) => wrap(&row[field], widths[field]),
            None => Vec::new(),
        }
        .into_iter();
        let mut first = true;
        loop {
            let piece = pieces.next().unwrap_or_default();
            let start = out.len();
            for (i, (text, &width)) in row.iter().zip(widths).enumerate() {
                let shown = match self.terminal {
                    Some(_) if wrapped == Some(i) => Cow::Borrowed(piece.as_str()),
                    _ if !first => Cow::Borrowed(""),
                    Some(_) => cut(text, width),
                    None => Cow::Borrowed(text.as_str()),
                };
                out.extend_from_slice(shown.as_bytes());
                out.resize(out.len() + width.saturating_sub(shown.width()) + GAP, b' ');
            }
            let line = out[start..].trim_ascii_end().len();
            out.truncate(start + line);
            out.push(b'\n');
            first = false;
            if pieces.len() == 0 {
                break;
            }
        }
    }
}

impl Rendering for Table<'_> {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn row(&mut self, cells: &[&[u8]], out: &mut Vec<u8>) {
        let texts = cells.iter().map(|cell| harmless(&String::from_utf8_lossy(cell)));
        if let Some(widths) = &self.widths {
            let row: Vec<String> = texts.collect();
            self.print(&row, widths, out);
            return;
        }
        self.held.extend(texts);
        if self.held.len() >= SAMPLE * self.headers.len() {
            self.settle(out);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.widths.is_none() {
            self.settle(out);
        }
    }
}

/// The widths that fit the terminal, if there is one.
///
/// The wrapped field keeps at least a quarter of the room, since it can go on below; the others share what is left, and
/// only those that want more than their share are cut.
fn fit(natural: &[usize], wrapped: Option<usize>, terminal: Option<usize>) -> Vec<usize> {
    let mut widths = natural.to_vec();
    let Some(terminal) = terminal else { return widths };
    let mut room = terminal.saturating_sub(GAP * natural.len().saturating_sub(1));
    if natural.iter().sum::<usize>() <= room {
        return widths;
    }
    let least = wrapped.map_or(0, |wrapped| natural[wrapped].min((room / 4).max(10)));
    let mut share = room.saturating_sub(least);
    // From the narrowest to the widest, so that what one does not need is there for the next.
    let mut others: Vec<usize> = (0..natural.len()).filter(|i| Some(*i) != wrapped).collect();
    others.sort_by_key(|i| natural[*i]);
    for (done, i) in others.iter().enumerate() {
        widths[*i] = natural[*i].min(share / (others.len() - done)).max(1);
        share = share.saturating_sub(widths[*i]);
        room = room.saturating_sub(widths[*i]);
    }
    if let Some(wrapped) = wrapped {
        widths[wrapped] = room.max(1);
    }
    widths
}

/// At most `width` columns of the text, the last of them `…` if something is left out.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let end = prefix(text, width.saturating_sub(1));
    Cow::Owned(format!("{}…", &text[..end]))
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

/// The text in lines of at most `width` columns, broken between words where it can be.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for mut word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > width {
            // At least one character, or a wide one would never fit into a narrow column.
            let first = word.chars().next().map_or(0, char::len_utf8);
            let (head, tail) = word.split_at(prefix(word, width).max(first));
            lines.push(head.to_owned());
            word = tail;
            if word.is_empty() {
                break;
            }
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

/// The text with a `·` for every character that acts instead of being seen: controls, line and paragraph separators,
/// the marks that turn the direction of text, and invisible ones. Joiners stay, whole scripts need them.
pub fn harmless(text: &str) -> String {
    let acts = |character: char| {
        character.is_control()
            || crate::contact::is_invisible(character)
            || matches!(character, '\u{2028}' | '\u{2029}')
    };
    text.chars().map(|character| if acts(character) { '·' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_that_want_more_than_their_share_are_cut() {
        assert_eq!(fit(&[4, 30, 6, 50], None, None), [4, 30, 6, 50]);
        assert_eq!(fit(&[4, 30, 6, 50], None, Some(96)), [4, 30, 6, 50]);
        assert_eq!(fit(&[4, 30, 6, 50], None, Some(56)), [4, 20, 6, 20]);
        assert_eq!(fit(&[4, 30, 6, 50], Some(3), Some(86)), [4, 30, 6, 40]);
        assert_eq!(fit(&[4, 30, 6, 50], Some(3), Some(46)), [4, 20, 6, 10]);
        assert_eq!(fit(&[4, 30, 6, 8], Some(3), Some(46)), [4, 22, 6, 8]);
        assert_eq!(fit(&[4, 30, 6, 50], Some(3), Some(0)), [1, 1, 1, 1]);
    }

    #[test]
    fn cutting_counts_columns_not_characters() {
        assert_eq!(cut("Zoë", 3), "Zoë");
        assert_eq!(cut("Zoe\u{308}y", 3), "Zo…");
        assert_eq!(cut("山田太郎", 8), "山田太郎");
        assert_eq!(cut("山田太郎", 7), "山田太…");
        assert_eq!(cut("山田太郎", 6), "山田…");
        assert_eq!(cut("山田", 1), "…");
    }

    #[test]
    fn wrapping() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("", 7), [""; 0]);
        assert_eq!(wrap("  spaced   out ", 20), ["spaced out"]);
        assert_eq!(wrap("an abcdefghij k", 4), ["an", "abcd", "efgh", "ij k"]);
        assert_eq!(wrap("abcd efgh", 4), ["abcd", "efgh"]);
        assert_eq!(wrap("山田 太郎", 1), ["山", "田", "太", "郎"]);
    }

    #[test]
    fn nothing_in_a_cell_acts_on_the_terminal() {
        assert_eq!(harmless("a\u{1B}[31mb\r\n\tc\u{9B}d\u{7F}"), "a·[31mb···c·d·");
        assert_eq!(harmless("abc\u{202E}gpj\u{2066}\u{200B}"), "abc·gpj··");
        assert_eq!(harmless("می\u{200C}خواهم 👩\u{200D}🏫 é"), "می\u{200C}خواهم 👩\u{200D}🏫 é");
    }
}
