//! One cell of the report, as written and as read back.
//!
//! A spreadsheet runs a cell that begins with one of `=`, `+`, `-`, `@`, tab or CR, and names and addresses come from
//! people. Such a cell is written with a leading apostrophe; a plain E.164 number is left alone, because it is harmless
//! and a phone number with an apostrophe is of no use.
//!
//! The escape has an exact inverse, so that a value which itself looks escaped is read back as it was. A cell of *any number of
//! apostrophes* (mostly none) and then one of these characters gains one apostrophe. Reading takes one apostrophe off a cell of
//! *at least one* apostrophe and then one of these characters. Every other cell stays as it is.

/// Appends a row: apostrophes where needed, quotes only where needed, and the line break.
///
/// Nearly no row needs a quote. So the cells are first written without, and the row as a whole is searched for a sign
/// that one of them does need quotes; that takes half the time of asking each of twenty short cells.
pub(super) fn append_row<'a>(cells: impl Iterator<Item = &'a [u8]> + Clone, out: &mut Vec<u8>) {
    let start = out.len();
    let mut commas = 0;
    for (i, cell) in cells.clone().enumerate() {
        if i > 0 {
            out.push(b',');
            commas = i;
        }
        if could_run(cell) {
            out.push(b'\'');
        }
        out.extend_from_slice(cell);
    }
    let row = &out[start..];
    if memchr::memchr3(b'"', b'\r', b'\n', row).is_some() || memchr::memchr_iter(b',', row).count() != commas
    {
        out.truncate(start);
        append_cells(cells, could_run, out);
        return;
    }
    if row.is_empty() {
        // A row of a single blank cell would be an empty line, which readers leave out.
        out.extend_from_slice(b"\"\"");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a row for a program to read: quotes where needed, no apostrophes.
pub fn append_plain_row<'a>(cells: impl Iterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    append_cells(cells, |_| false, out);
}

/// Appends cells and the line break: quotes where needed, and an apostrophe where `is_escaped` says so.
fn append_cells<'a>(
    cells: impl Iterator<Item = &'a [u8]>,
    is_escaped: impl Fn(&[u8]) -> bool,
    out: &mut Vec<u8>,
) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let quoted = cell.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'));
        if quoted {
            out.push(b'"');
        }
        if is_escaped(cell) {
            out.push(b'\'');
        }
        let mut rest = cell;
        while let Some(quote) = memchr::memchr(b'"', rest) {
            out.extend_from_slice(&rest[..=quote]);
            out.push(b'"');
            rest = &rest[quote + 1..];
        }
        out.extend_from_slice(rest);
        if quoted {
            out.push(b'"');
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// The value of a cell as it was written.
pub(super) fn unescape(cell: &[u8]) -> &[u8] {
    match cell {
        [b'\'', rest @ ..] if runs_after_apostrophes(rest) => rest,
        _ => cell,
    }
}

/// The number in a cell, where it is one.
pub(super) fn number(cell: &[u8]) -> Option<u64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

fn could_run(cell: &[u8]) -> bool {
    match cell.first() {
        Some(b'+') => !is_e164(cell),
        Some(_) => runs_after_apostrophes(cell),
        None => false,
    }
}

fn runs_after_apostrophes(cell: &[u8]) -> bool {
    let first = cell.iter().find(|&&byte| byte != b'\'');
    matches!(first, Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'))
}

fn is_e164(cell: &[u8]) -> bool {
    // The plus and 7 to 15 digits. An extension makes it text again.
    (8..=16).contains(&cell.len()) && cell[1..].iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cell: &str) -> String {
        let row = |cells: &[&str]| {
            let mut out = Vec::new();
            append_row(cells.iter().map(|cell| cell.as_bytes()), &mut out);
            String::from_utf8(out).unwrap()
        };
        // Alone, in company, and in company that needs quotes.
        let alone = row(&["", cell]);
        let written = alone.strip_prefix(',').and_then(|row| row.strip_suffix("\r\n")).unwrap();
        assert_eq!(row(&["x", cell, "y"]), format!("x,{written},y\r\n"));
        assert_eq!(row(&["x,", cell, "y"]), format!("\"x,\",{written},y\r\n"));
        written.to_owned()
    }

    #[test]
    fn exact_bytes() {
        for (cell, expected) in [
            ("", ""),
            ("Rosa Díaz", "Rosa Díaz"),
            (" spaces stay ", " spaces stay "),
            ("0077", "0077"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("\"", "\"\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("a\nb", "\"a\nb\""),
            ("=1+1", "'=1+1"),
            ("+1+1", "'+1+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("+17185550142", "+17185550142"),
            ("+1234567", "+1234567"),
            ("+123456789012345", "+123456789012345"),
            ("+123456", "'+123456"),
            ("+1234567890123456", "'+1234567890123456"),
            ("+17185550142 ext. 5", "'+17185550142 ext. 5"),
            ("+1718555014A", "'+1718555014A"),
            ("+", "'+"),
            ("'", "'"),
            ("'Ukulele", "'Ukulele"),
            ("'=1", "''=1"),
            ("''=1", "'''=1"),
            ("'+17185550142", "''+17185550142"),
            ("O'Neil", "O'Neil"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(written(cell), expected, "{cell:?}");
        }
    }

    #[test]
    fn a_single_blank_cell_is_still_a_row() {
        let mut out = Vec::new();
        append_row([&b""[..]].into_iter(), &mut out);
        append_row([&b""[..], b""].into_iter(), &mut out);
        assert_eq!(out, b"\"\"\r\n,\r\n");
    }

    #[test]
    fn unescape_is_exact() {
        let alphabet = ["", "'", "=", "+", "1", "\t", "+17185550142", "x", " "];
        for a in alphabet {
            for b in alphabet {
                for c in alphabet {
                    for d in alphabet {
                        let cell = [a, b, c, d].concat();
                        let written = written(&cell);
                        assert_eq!(unescape(written.as_bytes()), cell.as_bytes(), "{cell:?} as {written:?}");
                    }
                }
            }
        }
    }
}
