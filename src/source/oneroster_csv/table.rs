//! One CSV file of a package: found usable once, then read as often as needed, always the same.
//!
//! It knows encoding, delimiter and header, and refuses what is no such file: empty, binary, without a header, with a
//! quote that is never closed, or changed since it was opened. What its columns mean is not its business.

use std::io::Read as _;
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_64;

use super::EncodingSetting;
use super::blocks::{Block, Broken, Row, Splitter};
use super::cells::Cells;
use super::encoding::{Encoding, Fingerprint, Inspection, TextReader, inspect, read_piece};
use super::header::{Header, Wanted};
use super::lines::LineCounter;
use super::package::{Package, PackageFile};
use super::scan::{Dialect, Outcome, Scanned, Shape, record};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::last_night::FileSeen;

/// How a file is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileOpening<'a> {
    pub setting: EncodingSetting,
    /// What was seen of this file on the last good night.
    pub before: Option<&'a FileSeen>,
}

/// What is known of a file after it was opened.
#[derive(Debug)]
pub(super) struct Table {
    pub header: Header,
    pub dialect: Dialect,
    encoding: Encoding,
    fingerprint: Fingerprint,
    /// A line break comes after the last row, so that it is whole.
    pub ended: bool,
    /// The last row that was seen on the last good night without a line break after it. If the same row stands at the end of
    /// another file again, it was not cut.
    last_row_before: Option<u64>,
}

/// What is counted of a file while it is read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Positions of the columns that are counted, and in how many rows each has a value.
    counted: Vec<(usize, u64)>,
    rows: u64,
    last_row: u64,
}

impl Tally {
    pub(super) fn of(columns: impl Iterator<Item = usize>) -> Self {
        Self { counted: columns.map(|column| (column, 0)).collect(), ..Self::default() }
    }

    /// Counts a row that is not blank.
    #[inline]
    pub(super) fn add(&mut self, text: &str, cells: &Cells) {
        self.rows += 1;
        for (column, count) in &mut self.counted {
            *count += u64::from(cells.is_filled(text, *column));
        }
    }

    /// Takes notice of the last row of a file that does not end in a line break.
    pub(super) fn end_with(&mut self, last_row: u64) {
        self.last_row = last_row;
    }
}

impl Table {
    /// Looks through the file once. Its header row is recognised by `known` columns, the first of which it must have.
    pub(super) fn open(
        package: &Package,
        file: &PackageFile,
        opening: FileOpening<'_>,
        known: &[Wanted],
        findings: &mut Findings,
    ) -> Result<Self> {
        let setting = opening.setting;
        let unusable = |what: &str| Failure::new(Kind::InputUnusable, format!("{} {what}", file.name));
        let inspection = package
            .with_reader(file, |reader| inspect(reader, setting).map_err(|cause| unreadable(file, cause)))
            .map_err(|failure| placed(failure, package))?;
        if inspection.fingerprint.length == 0 {
            return Err(unusable("is empty").at(&package.name).cure(EXPORT_AGAIN));
        }
        if inspection.nul {
            return Err(unusable("is not a text file: it holds NUL characters").at(&package.name).cure(
                "export it as UTF-8; if it is UTF-16 without a byte order mark, set `[source] encoding = \"utf-16\"`",
            ));
        }
        if !inspection.ended && opening.before.is_some_and(|before| before.ended_in_line_break) {
            return Err(cut(package, file));
        }
        check_encoding(package, file, setting, &inspection, findings)?;
        let encoding = inspection.encoding;
        let found = package.with_reader(file, |reader| {
            let mut text = TextReader::new(reader, encoding);
            let mut head = Vec::new();
            loop {
                text.read_more(&mut head).map_err(|cause| unreadable(file, cause))?;
                let found = find_header(&head, text.ended(), known);
                if found.is_some() || text.ended() || head.len() >= HEADER_ROOM {
                    return Ok(found);
                }
            }
        })?;
        let key = known.first().map_or("", |wanted| wanted.name);
        // Without a header the first row is somebody's details, so it is not shown.
        let Some((delimiter, line, cells)) = found else {
            return Err(unusable(&format!("has no header row: no column {key} in its first row"))
                .at(format!("{} line 1", package.place(file)))
                .cure(EXPORT_AGAIN));
        };
        if delimiter != b',' {
            let name = if delimiter == b';' { "semicolons" } else { "tabs" };
            findings.warn("delimiter", &file.name, Some(line), None, || {
                format!("its cells are set apart by {name} instead of commas; was it saved by a spreadsheet?")
            });
        }
        let dialect = Dialect { delimiter, width: cells.len() };
        let header = Header { file: file.name.clone(), line, cells };
        if !header.cells.iter().any(|cell| known.first().is_some_and(|wanted| wanted.is(cell))) {
            return Err(header.missing(key));
        }
        let fingerprint = inspection.fingerprint;
        // The same file again proves nothing.
        let last_row_before = opening
            .before
            .filter(|before| before.fingerprint != fingerprint.hash && before.last_row != 0)
            .map(|before| before.last_row);
        Ok(Self { header, dialect, encoding, fingerprint, ended: inspection.ended, last_row_before })
    }

    /// Whether a row, the last one of a file without a line break at its end, may have been cut in its last cell; and its hash.
    pub(super) fn may_be_cut(&self, text: &str, row: &Row) -> (bool, u64) {
        let hash = xxh3_64(&text.as_bytes()[row.start as usize..row.end as usize]).max(1);
        (!self.ended && self.last_row_before != Some(hash), hash)
    }

    /// What the next run is to know of the file. `columns` are the located columns of `wanted`.
    pub(super) fn seen<const N: usize>(
        &self,
        wanted: &[Wanted; N],
        columns: &[Option<usize>; N],
        tally: &Tally,
    ) -> FileSeen {
        let count = |column: usize| {
            tally.counted.iter().find(|(counted, _)| *counted == column).map_or(0, |(_, count)| *count)
        };
        let columns = wanted.iter().zip(columns);
        FileSeen {
            ended_in_line_break: self.ended,
            fingerprint: self.fingerprint.hash,
            last_row: tally.last_row,
            rows: tally.rows,
            columns: columns
                .filter_map(|(wanted, column)| Some((wanted.name.to_owned(), count((*column)?))))
                .collect(),
        }
    }

    /// Hands out all blocks in order, without the header, until `each` breaks off.
    ///
    /// # Errors
    /// `SourceUnavailable` if the bytes are not those that were there when the file was opened, whatever else seemed
    /// wrong with them.
    pub(super) fn blocks(
        &self,
        package: &Package,
        file: &PackageFile,
        each: &mut dyn FnMut(&Block) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut started = false;
        let outcome = package.with_reader(file, |reader| {
            started = true;
            let mut splitter = Splitter::new(TextReader::new(reader, self.encoding), self.dialect);
            let mut block = Block::default();
            let outcome = loop {
                match splitter.next(&mut block) {
                    Ok(false) => break Ok(()),
                    Err(broken) => break Err(self.broken(package, file, broken)),
                    Ok(true) => {}
                }
                if block.rows.first().is_some_and(|row| row.line <= self.header.line) {
                    block.rows.retain(|row| row.line > self.header.line);
                }
                if each(&block)?.is_break() {
                    return Ok(());
                }
            };
            let fingerprint =
                splitter.finish().map_err(|cause| self.interrupted(package, file).because(cause))?;
            if fingerprint != self.fingerprint {
                return Err(changed(package, file));
            }
            outcome
        });
        // It could be unpacked when it was opened.
        if started { outcome } else { outcome.map_err(|_| changed(package, file)) }
    }

    /// Hands out all rows in order, mended in the given columns, blank ones left out. Counts what there is in these columns.
    pub(super) fn rows(
        &self,
        package: &Package,
        file: &PackageFile,
        columns: &[Option<usize>],
        each: &mut dyn FnMut(TableRow<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<Tally> {
        let mut cells = Cells::default();
        let mut tally = Tally::of(columns.iter().flatten().copied());
        self.blocks(package, file, &mut |block| {
            for (at, row) in block.rows.iter().enumerate() {
                cells.split(&block.text, row, self.dialect.delimiter);
                cells.mend(&block.text, row, columns.iter().flatten().copied());
                if cells.blank_from(&block.text, 0) && !matches!(row.shape, Shape::Malformed(_)) {
                    continue;
                }
                tally.add(&block.text, &cells);
                let mut unproven = None;
                if block.open_ended && at + 1 == block.rows.len() {
                    let (may_be_cut, hash) = self.may_be_cut(&block.text, row);
                    tally.end_with(hash);
                    unproven = may_be_cut.then(|| cells.len().saturating_sub(1));
                }
                let width = self.dialect.width;
                let row = TableRow { text: &block.text, row, cells: &cells, width, unproven };
                if each(row)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(tally)
    }

    fn broken(&self, package: &Package, file: &PackageFile, broken: Broken) -> Failure {
        match broken {
            Broken::Io(cause) => self.interrupted(package, file).because(cause),
            Broken::NotUtf8 => changed(package, file),
            Broken::Unclosed { line } => Failure::new(
                Kind::InputUnusable,
                format!("{} has a quote that is never closed, so where its rows end is unknown", file.name),
            )
            .at(format!("{} line {line}", package.place(file)))
            .cure(
                "correct the quote in the SIS (quotes inside a quoted cell have to be doubled) and export again; if that is \
                 where the file ends, it was cut off: have it delivered again",
            ),
        }
    }

    fn interrupted(&self, package: &Package, file: &PackageFile) -> Failure {
        Failure::new(Kind::SourceUnavailable, format!("{} could not be read to its end", file.name))
            .at(&package.name)
            .cure("check the disk or the network share and run again")
    }
}

/// One row of a [`Table`].
pub(super) struct TableRow<'a> {
    text: &'a str,
    row: &'a Row,
    cells: &'a Cells,
    width: usize,
    /// Position of the last cell, where the file may have been cut in it.
    unproven: Option<usize>,
}

impl<'a> TableRow<'a> {
    pub(super) fn line(&self) -> u64 {
        self.row.line
    }

    /// The cell in a column, trimmed; none without the column or the cell.
    pub(super) fn get(&self, column: Option<usize>) -> Option<&'a str> {
        self.cells.get(self.text, column?)
    }

    /// Whether the value in a column may have been cut: it is the last value of a file that does not end in a line break.
    pub(super) fn is_unproven(&self, column: Option<usize>) -> bool {
        self.unproven.is_some() && self.unproven == column
    }

    /// Whether the row is the last one of a file that may have been cut in it.
    pub(super) fn may_be_cut(&self) -> bool {
        self.unproven.is_some()
    }

    /// Why the cells of the row cannot be trusted, as the code of a finding.
    pub(super) fn defect(&self) -> Option<&'static str> {
        if matches!(self.row.shape, Shape::Malformed(_)) {
            Some("rejected-quoting")
        } else if !self.cells.blank_from(self.text, self.width) {
            Some("rejected-shifted-row")
        } else {
            None
        }
    }
}

/// Within how many bytes the header row has to be.
const HEADER_ROOM: usize = 1 << 20;

const EXPORT_AGAIN: &str = "check that the export is complete and made as OneRoster CSV, then run again";

/// A file that ended in a line break on the last good night, and does not tonight.
fn cut(package: &Package, file: &PackageFile) -> Failure {
    Failure::new(
        Kind::InputUnusable,
        format!("the file was cut: {} does not end in a line break, and did on the last good night", file.name),
    )
    .at(package.place(file))
    .cure(
        "have it delivered again; if the SIS no longer ends the file in a line break, have it add one: without it a cut file cannot \
         be told from a whole one",
    )
}

fn changed(package: &Package, file: &PackageFile) -> Failure {
    Failure::new(Kind::SourceUnavailable, format!("{} changed while it was being read", file.name))
        .at(&package.name)
        .cure("run again when the export is complete")
}

/// A failure to read at the first look. Damaged content is the export's fault, anything else the machine's.
fn unreadable(file: &PackageFile, cause: std::io::Error) -> Failure {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    let damaged = matches!(cause.kind(), InvalidData | InvalidInput | UnexpectedEof);
    let kind = if damaged { Kind::InputUnusable } else { Kind::SourceUnavailable };
    Failure::new(kind, format!("{} cannot be read", file.name))
        .cure("check that the export was delivered completely, then run again")
        .because(cause)
}

fn placed(failure: Failure, package: &Package) -> Failure {
    if failure.place.is_empty() { failure.at(&package.name) } else { failure }
}

/// Refuses text that is not in the encoding that was asked for, and tells of one that was only fallen back on.
fn check_encoding(
    package: &Package,
    file: &PackageFile,
    setting: EncodingSetting,
    inspection: &Inspection,
    findings: &mut Findings,
) -> Result<()> {
    let Some(byte) = inspection.first_bad else { return Ok(()) };
    if matches!(inspection.encoding, Encoding::Utf16Le | Encoding::Utf16Be) {
        return Err(Failure::new(Kind::InputUnusable, format!("{} is not valid UTF-16", file.name))
            .at(format!("{} byte {}", package.place(file), byte + 1))
            .cure("export it again as UTF-8"));
    }
    let line = line_of(package, file, byte)?;
    if inspection.encoding == Encoding::Utf8 && setting == EncodingSetting::Utf8 {
        return Err(Failure::new(Kind::InputUnusable, format!("{} is not valid UTF-8", file.name))
            .at(format!("{} line {line}, byte {}", package.place(file), byte + 1))
            .cure(
                "export it as UTF-8, or set `[source] encoding = \"windows-1252\"` if that is what it is",
            ));
    }
    if inspection.mixed {
        return Err(Failure::new(
            Kind::InputUnusable,
            format!("{} is UTF-8 in some places and not in others, so no reading of its names can be right", file.name),
        )
        .at(format!("{} line {line}, byte {}", package.place(file), byte + 1))
        .cure("export it as UTF-8; if it is windows-1252 all through, set `[source] encoding = \"windows-1252\"`"));
    }
    findings.warn("not-utf-8", &file.name, Some(line), None, || {
        format!(
            "not UTF-8 (first at byte {}), so all of it was read as windows-1252; set `[source] encoding` to say which it is",
            byte + 1
        )
    });
    Ok(())
}

/// The line on which a byte stands. Read again for that, since it is hardly ever asked.
fn line_of(package: &Package, file: &PackageFile, byte: u64) -> Result<u64> {
    package.with_reader(file, |reader| {
        let mut lines = LineCounter::default();
        let mut before = reader.take(byte);
        let mut piece = Vec::new();
        while read_piece(&mut before, &mut piece).map_err(|cause| unreadable(file, cause))? > 0 {
            lines.add(&piece);
            piece.clear();
        }
        Ok(lines.line())
    })
}

/// The delimiter, the line and the cells of the header row at the beginning of a file: the first row that is not blank,
/// if it has the first of the known columns or, failing that, two others.
fn find_header(head: &[u8], whole: bool, known: &[Wanted]) -> Option<(u8, u64, Vec<String>)> {
    let with = |delimiter, enough: &dyn Fn(&[String]) -> bool| {
        let (line, cells) = first_row(head, whole, delimiter)?;
        enough(&cells).then_some((delimiter, line, cells))
    };
    let has = |cells: &[String], wanted: &Wanted| cells.iter().any(|cell| wanted.is(cell));
    let by_key = |cells: &[String]| known.first().is_some_and(|key| has(cells, key));
    let by_others = |cells: &[String]| known.iter().filter(|wanted| has(cells, wanted)).count() >= 2;
    let delimiters = [b',', b';', b'\t'];
    delimiters
        .into_iter()
        .find_map(|delimiter| with(delimiter, &by_key))
        .or_else(|| delimiters.into_iter().find_map(|delimiter| with(delimiter, &by_others)))
}

/// Line and cells of the first row that is not blank.
fn first_row(head: &[u8], whole: bool, delimiter: u8) -> Option<(u64, Vec<String>)> {
    // How wide the rows are is what is to be found out.
    let dialect = Dialect { delimiter, width: usize::MAX };
    let (mut start, mut line) = (0, 1);
    while start < head.len() {
        let Outcome::Record(found) = record(head, start, dialect, whole) else { return None };
        let cells = header_cells(head, start, found, delimiter)?;
        if cells.iter().any(|cell| !cell.is_empty()) {
            return Some((line, cells));
        }
        start = found.next;
        line += found.breaks;
    }
    None
}

fn header_cells(head: &[u8], start: usize, found: Scanned, delimiter: u8) -> Option<Vec<String>> {
    let text = std::str::from_utf8(head.get(start..found.end)?).ok()?;
    let shape = match found.shape {
        Shape::Malformed(at) => Shape::Malformed(at - start),
        shape => shape,
    };
    let row = Row { start: 0, end: text.len() as u32, line: 0, shape };
    let mut cells = Cells::default();
    cells.split(text, &row, delimiter);
    cells.mend(text, &row, 0..cells.len());
    Some((0..cells.len()).map(|at| cells.get(text, at).unwrap_or_default().to_owned()).collect())
}
