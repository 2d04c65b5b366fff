//! Writes a Users report. The same rows give the same bytes.
//!
//! A run of a million users spends a tenth of its time here at most, so a row goes from borrowed text straight into one
//! large buffer. Temporary names, modes and renaming are the caller's business.

use std::io::{self, Write};

use super::cell;
use super::columns::{Column, Row};
use crate::failure::{Failure, Kind, Result};

/// Spreadsheets take a CSV file for UTF-8 only if it begins with this.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Large enough that the system calls cost nothing, small enough to be no memory.
pub(super) const BUFFER: usize = 256 * 1024;

/// Appends one encoded row, with its line break, to a buffer. Allocates only if the buffer must grow.
pub fn csv_row(row: &Row<'_>, out: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let line = row.line.map_or("", |line| digits.format(line));
    cell::append_row(row.cells(line).map(str::as_bytes).into_iter(), out);
}

/// A Users report being written to a file or anything else.
#[derive(Debug)]
pub struct Writer<W: Write> {
    to: W,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a report: byte order mark and header.
    pub fn new(to: W) -> Self {
        // A row is a few hundred bytes, so the buffer never grows in practice.
        let mut buffer = Vec::with_capacity(BUFFER + BUFFER / 8);
        buffer.extend_from_slice(BYTE_ORDER_MARK);
        cell::append_row(Column::ALL.iter().map(|column| column.name().as_bytes()), &mut buffer);
        Self { to, buffer }
    }

    pub fn row(&mut self, row: &Row<'_>) -> Result<()> {
        csv_row(row, &mut self.buffer);
        if self.buffer.len() >= BUFFER { self.empty() } else { Ok(()) }
    }

    /// Writes rows that [`csv_row`] has encoded.
    pub fn rows(&mut self, rows: &[u8]) -> Result<()> {
        self.empty()?;
        self.to.write_all(rows).map_err(unwritable)
    }

    /// Writes what is left and hands back what was written to, for instance to sync it to disk. A writer that is only
    /// dropped leaves an incomplete report.
    pub fn finish(mut self) -> Result<W> {
        self.empty()?;
        self.to.flush().map_err(unwritable)?;
        Ok(self.to)
    }

    fn empty(&mut self) -> Result<()> {
        self.to.write_all(&self.buffer).map_err(unwritable)?;
        self.buffer.clear();
        Ok(())
    }
}

/// The failure of every write here; the caller knows the place.
pub(super) fn unwritable(cause: io::Error) -> Failure {
    let cure = match cause.kind() {
        io::ErrorKind::StorageFull => "free some disk space and run again",
        _ => "fix the cause shown above, then run again",
    };
    Failure::new(Kind::Failed, "the report could not be written").cure(cure).because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_bytes_of_a_file() {
        let mut writer = Writer::new(Vec::new());
        writer
            .row(&Row {
                line: Some(1042),
                sourced_id: "0042",
                identifier: "=1",
                role: "parent|teacher",
                schools: "Lincoln, \"North\"|East",
                state: "active",
                action: "kept",
                given_name: "Rosa",
                family_name: "Díaz",
                email: "@rosa",
                phone: "+17185550142",
                home_phone: "+17185550142 ext. 5",
                sis_given_name: "-",
                sis_family_name: "\tx",
                sis_email: "'=x",
                sis_phone: "two\r\nlines",
                sis_home_phone: "\rx",
                codes: "active-email-differs email-shared",
                first_seen: "2026-09-01",
                notes: "Active user has a new email in the SIS import - @rosa; Email is shared with 7",
            })
            .unwrap();
        writer.row(&Row::default()).unwrap();
        writer.row(&Row { line: Some(u64::MAX), ..Row::default() }).unwrap();
        let expected = "\u{FEFF}line,sourced_id,identifier,role,schools,state,action,given_name,family_name,email,phone,\
            home_phone,sis_given_name,sis_family_name,sis_email,sis_phone,sis_home_phone,codes,first_seen,notes\r\n\
            1042,0042,'=1,parent|teacher,\"Lincoln, \"\"North\"\"|East\",active,kept,Rosa,Díaz,'@rosa,+17185550142,\
            '+17185550142 ext. 5,'-,'\tx,''=x,\"two\r\nlines\",\"'\rx\",active-email-differs email-shared,2026-09-01,\
            Active user has a new email in the SIS import - @rosa; Email is shared with 7\r\n\
            ,,,,,,,,,,,,,,,,,,,\r\n\
            18446744073709551615,,,,,,,,,,,,,,,,,,,\r\n";
        assert_eq!(String::from_utf8(writer.finish().unwrap()).unwrap(), expected);
    }

    #[test]
    fn a_full_disk_says_so() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let failure = Writer::new(Full).finish().err().unwrap();
        assert_eq!(
            (failure.kind, failure.cure.as_str()),
            (Kind::Failed, "free some disk space and run again")
        );
    }
}
