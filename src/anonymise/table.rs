//! A CSV file rewritten cell by cell: quotes, delimiters, line breaks, byte order mark and encoding
//! stay byte by byte, so that whatever is odd about the file stays odd.

use super::cells::{Cells, Column, squeezed};

/// How the bytes of a file are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    /// Any code page with ASCII as its first half: the other bytes stay.
    Bytes,
}

/// A file as text, and how to write it again.
pub(super) struct Table {
    text: String,
    encoding: Encoding,
    delimiter: char,
    /// Where the rows begin that are no header.
    rows: usize,
    columns: Vec<Column>,
}

/// Whose first row is a header in any case, or only if it has a known name.
const KEYS: [&str; 5] = ["sourcedid", "sourceid", "propertyname", "property", "studentid"];

impl Table {
    pub(super) fn open(bytes: &[u8], cells: &Cells<'_>) -> Self {
        let (text, encoding) = decoded(bytes);
        let mut start = 0;
        for _ in 0..2 {
            let end = line_end(&text, start);
            let line = &text[start..end];
            if let Some(delimiter) = header_delimiter(line) {
                let headers = split(line, delimiter);
                let columns = headers.iter().map(|header| cells.column(unquoted(header))).collect();
                return Self { text, encoding, delimiter, rows: end, columns };
            }
            let bare = line.trim_start_matches('\u{FEFF}');
            if !bare.starts_with("sep=") && !bare.starts_with("#TYPE") {
                break;
            }
            start = end;
        }
        let first = &text[..line_end(&text, 0)];
        let delimiter = DELIMITERS.into_iter().max_by_key(|one| first.matches(*one).count()).unwrap_or(',');
        Self { text, encoding, delimiter, rows: 0, columns: Vec::new() }
    }

    /// How many rows there are, without blank ones.
    pub(super) fn count(&self) -> usize {
        let mut count = 0;
        self.each_row(|row| {
            count += usize::from(
                row.iter().any(|piece| matches!(piece, Piece::Cell(cell) if !cell.trim().is_empty())),
            )
        });
        count
    }

    pub(super) fn see(&self, cells: &mut Cells<'_>) {
        self.each_row(|row| {
            for (at, cell) in row.iter().filter_map(Piece::cell).enumerate() {
                cells.see(self.column(at), &cell.replace("\"\"", "\""));
            }
        });
    }

    pub(super) fn rewritten(&self, cells: &mut Cells<'_>) -> Vec<u8> {
        let mut out = self.text[..self.rows].to_owned();
        self.each_row(|row| {
            let first = row.iter().find_map(Piece::cell).unwrap_or_default();
            let mut at = 0;
            for piece in row {
                match piece {
                    Piece::Between(text) => out.push_str(text),
                    Piece::Cell(cell) => {
                        // Quotes inside a quoted cell are doubled.
                        let new = match cell.contains("\"\"") {
                            true => cells
                                .cell(self.column(at), &cell.replace("\"\"", "\""), first)
                                .replace('"', "\"\""),
                            false => cells.cell(self.column(at), cell, first),
                        };
                        out.push_str(&new);
                        at += 1;
                    }
                }
            }
        });
        encoded(&out, self.encoding)
    }

    fn column(&self, at: usize) -> &Column {
        self.columns.get(at).unwrap_or(&Column::Other)
    }

    fn each_row(&self, mut each: impl FnMut(&[Piece<'_>])) {
        let mut rest = &self.text[self.rows..];
        let mut row = Vec::new();
        while !rest.is_empty() {
            row.clear();
            rest = next_row(rest, self.delimiter, &mut row);
            each(&row);
        }
    }
}

/// A part of a row.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Cell(&'t str),
    /// Delimiters, quotes and line breaks.
    Between(&'t str),
}

impl<'t> Piece<'t> {
    fn cell(&self) -> Option<&'t str> {
        match self {
            Self::Cell(cell) => Some(cell),
            Self::Between(_) => None,
        }
    }
}

/// Takes one row apart; returns what comes after it. Where quotes are not closed properly, the line
/// is taken apart at its delimiters alone.
fn next_row<'t>(text: &'t str, delimiter: char, row: &mut Vec<Piece<'t>>) -> &'t str {
    let mut rest = text;
    loop {
        let open = rest.trim_start_matches(|c| matches!(c, ' ' | '\t') && c != delimiter);
        let quoted =
            open.strip_prefix('"').and_then(|inside| Some((inside, closing_quote(inside, delimiter)?)));
        if let Some((inside, close)) = quoted {
            row.push(Piece::Between(&rest[..rest.len() - inside.len()]));
            row.push(Piece::Cell(&inside[..close]));
            rest = &inside[close..];
            let end = rest.find([delimiter, '\n', '\r']).unwrap_or(rest.len());
            let (between, after) = rest.split_at(end);
            row.push(Piece::Between(between));
            rest = after;
        } else {
            let end = rest.find([delimiter, '\n', '\r']).unwrap_or(rest.len());
            let (cell, after) = rest.split_at(end);
            match cell.trim() {
                // Some databases write it for NULL.
                "\"N" => row.push(Piece::Between(cell)),
                _ => row.push(Piece::Cell(cell)),
            }
            rest = after;
        }
        let Some(c) = rest.chars().next() else { return rest };
        let length = if rest.starts_with("\r\n") { 2 } else { c.len_utf8() };
        let (between, after) = rest.split_at(length);
        row.push(Piece::Between(between));
        rest = after;
        if c != delimiter {
            return rest;
        }
    }
}

/// Where a quoted cell ends, if what follows may follow.
fn closing_quote(inside: &str, delimiter: char) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + inside[from..].find('"')?;
        let after = &inside[at + 1..];
        if after.starts_with('"') {
            from = at + 2;
            continue;
        }
        let next = after.trim_start_matches(|c| matches!(c, ' ' | '\t') && c != delimiter).chars().next();
        return next.is_none_or(|c| c == delimiter || c == '\n' || c == '\r').then_some(at);
    }
}

const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// The delimiter of a line that is a header.
fn header_delimiter(line: &str) -> Option<char> {
    let is_header = |delimiter: &char| {
        let headers: Vec<String> = split(line, *delimiter).iter().map(|header| squeezed(header)).collect();
        headers.iter().any(|header| KEYS.contains(&header.as_str()))
    };
    DELIMITERS.into_iter().find(is_header)
}

fn split(line: &str, delimiter: char) -> Vec<&str> {
    line.trim_end_matches(['\r', '\n']).split(delimiter).collect()
}

fn unquoted(header: &str) -> &str {
    header.trim_matches(|c: char| c == '"' || c == '\u{FEFF}' || c.is_whitespace())
}

/// Where the line after this one begins.
fn line_end(text: &str, start: usize) -> usize {
    let Some(at) = text[start..].find(['\n', '\r']) else { return text.len() };
    let end = start + at;
    if text[end..].starts_with("\r\n") { end + 2 } else { end + 1 }
}

fn decoded(bytes: &[u8]) -> (String, Encoding) {
    let wide = |read: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    let zeros = |at: usize| bytes.iter().skip(at).step_by(2).take(40).filter(|byte| **byte == 0).count() > 30;
    if bytes.starts_with(b"\xFF\xFE") || zeros(1) {
        return (wide(u16::from_le_bytes), Encoding::Utf16Le);
    }
    if bytes.starts_with(b"\xFE\xFF") || zeros(0) {
        return (wide(u16::from_be_bytes), Encoding::Utf16Be);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), Encoding::Utf8),
        Err(_) => (bytes.iter().map(|byte| char::from(*byte)).collect(), Encoding::Bytes),
    }
}

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        // All others stayed.
        Encoding::Bytes => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<Vec<Piece<'_>>> {
        let (mut rest, mut rows) = (text, Vec::new());
        while !rest.is_empty() {
            let mut row = Vec::new();
            rest = next_row(rest, ',', &mut row);
            rows.push(row);
        }
        rows
    }

    #[test]
    fn rows_are_taken_apart_and_nothing_is_lost() {
        for text in [
            "a,b\r\nc,d",
            "\"a,1\", \"b\"\"2\" ,c\n",
            "\"a\nb\",c\n\"open,x\ny,z\n",
            "\"N,\"N\n",
            "5\" pipe,\"bad\"x,y\n",
            ",,\n\n",
        ] {
            let whole: String = pieces(text)
                .iter()
                .flatten()
                .map(|piece| match piece {
                    Piece::Cell(text) | Piece::Between(text) => *text,
                })
                .collect();
            assert_eq!(whole, text);
        }
        let cells = |text| {
            pieces(text)
                .iter()
                .map(|row| row.iter().filter_map(Piece::cell).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        assert_eq!(cells("\"a,1\", \"b\"\"2\" ,c\n"), [["a,1", "b\"\"2", "c"]]);
        assert_eq!(cells("\"a\nb\",c\nd,e"), [["a\nb", "c"], ["d", "e"]]);
    }
}
