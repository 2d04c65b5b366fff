//! One cell of the report, as written and as read back.
//!
//! A spreadsheet runs a cell that begins with one of `=`, `+`, `-`, `@`, tab or CR, and names and addresses come from
//! people. Such a cell is written with a leading apostrophe; a plain E.164 number is left alone, because it is harmless
//! and a phone number with an apostrophe is no use to anybody.
//!
//! The escape has an exact inverse, so that a value which itself looks escaped comes back as it was: what is escaped is
//! a cell of *any number of apostrophes* (none, mostly) and then one of these characters, and it gains one apostrophe. Reading
//! takes one apostrophe off a cell of *at least one* apostrophe and then one of these characters. Every other cell is
//! itself.

/// Appends one cell to a row: apostrophe where needed, quotes only where needed.
pub(super) fn append(cell: &[u8], out: &mut Vec<u8>) {
    let apostrophe = could_run(cell);
    if !needs_quotes(cell) {
        if apostrophe {
            out.push(b'\'');
        }
        out.extend_from_slice(cell);
        return;
    }
    out.push(b'"');
    if apostrophe {
        out.push(b'\'');
    }
    let mut rest = cell;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=quote]);
        out.push(b'"');
        rest = &rest[quote + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// The value of a cell that [`append`] wrote.
pub(super) fn unescape(cell: &[u8]) -> &[u8] {
    match cell {
        [b'\'', rest @ ..] if runs_after_apostrophes(rest) => rest,
        _ => cell,
    }
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

fn needs_quotes(cell: &[u8]) -> bool {
    // No early exit: nearly all cells are short and need none, and a plain fold is done 16 bytes at a time.
    cell.iter().fold(false, |found, &byte| found | matches!(byte, b',' | b'"' | b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cell: &str) -> String {
        let mut out = Vec::new();
        append(cell.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
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
