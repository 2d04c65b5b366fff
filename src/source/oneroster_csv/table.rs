//! One CSV file of a package: found usable once, then read as often as needed, always the same.
//!
//! It knows encoding, delimiter and header, and refuses what is no such file: empty, binary,
//! without a header, with a quote that is never closed, or changed since it was opened. What its
//! columns mean is not its business.

use std::io::Read;
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_64;

use super::EncodingSetting;
use super::blocks::{Block, Broken, Row, Splitter};
use super::cells::Cells;
use super::encoding::{Encoding, Fingerprint, Inspection, TextReader, inspect, read_piece};
use super::header::{Header, Wanted};
use super::lines::LineCounter;
use super::package::{Content, ExportFile};
use super::scan::{Dialect, Outcome, Scanned, Shape, record};
use super::shifted::{Judge, Sample};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::FileSeen;

/// How a file is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileOpening<'a> {
    pub setting: EncodingSetting,
    /// What was seen of this file on the last good night.
    pub before: Option<&'a FileSeen>,
    pub header: HeaderRow,
}

/// Which row is the header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HeaderRow {
    /// The first one, if some of its names are known: otherwise it is a person's row, whose details
    /// must not be shown.
    #[default]
    Recognised,
    /// The first one.
    First,
}

/// What is known of a file after it was opened.
#[derive(Debug)]
pub(super) struct Table {
    pub header: Header,
    pub dialect: Dialect,
    /// Some cells show letters of another code page than the one in which the file is read.
    pub foreign: bool,
    encoding: Encoding,
    fingerprint: Fingerprint,
    /// By what it is known that a row is shifted.
    pub judge: Judge,
    line_break: &'static str,
    /// A line break comes after the last row, so that it is whole.
    pub ended: bool,
    /// The last row that was seen on the last good night without a line break after it. If the same
    /// row stands at the end of another file again, it was not cut.
    last_row_before: Option<u64>,
}

/// What is counted of a file while it is read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Positions of the columns that are counted, and in how many rows each has a value.
    counted: Vec<(usize, u64)>,
    rows: u64,
    /// A hash of the last row of a file that does not end in a line break.
    pub(super) last_row: u64,
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
}

impl Table {
    /// Looks through the file once. Its header row is recognised by `known` columns, the first of
    /// which it must have.
    pub(super) fn open(
        file: ExportFile<'_>,
        opening: FileOpening<'_>,
        known: &[Wanted<'_>],
        findings: &mut Findings,
    ) -> Result<Self> {
        let inspection = look_through(file, opening, findings)?;
        let encoding = inspection.encoding;
        let Found { delimiter, line, cells, skipped } = header_row(file, encoding, opening.header, known)?;
        if let Some(what) = skipped {
            findings.warn("line-before-header", At::file(file.name()).line(1), || {
                format!("line 1 is `{what}`, which is no header; it was skipped")
            });
        }
        if delimiter != b',' {
            let name = match delimiter {
                b';' => "semicolons",
                b'|' => "vertical bars",
                _ => "tabs",
            };
            findings.warn("delimiter", At::file(file.name()).line(line), || {
                format!("its cells are set apart by {name} instead of commas; was it saved by a spreadsheet?")
            });
        }
        let dialect = Dialect { delimiter, width: cells.len() };
        let header = Header { file: file.name().to_owned(), line, cells };
        let key = known.first().filter(|_| opening.header == HeaderRow::Recognised);
        if let Some(key) = key.filter(|key| !header.cells.iter().any(|cell| key.matches(cell))) {
            return Err(header.missing(key.name));
        }
        let judge = sample(file, encoding, dialect, &header)?;
        let fingerprint = inspection.fingerprint;
        // The same file again proves nothing.
        let last_row_before = opening
            .before
            .filter(|before| before.fingerprint != fingerprint.hash && before.last_row != 0)
            .map(|before| before.last_row);
        let foreign = encoding == Encoding::Windows1252 && inspection.evidence.is_any();
        Ok(Self {
            header,
            dialect,
            foreign,
            judge,
            encoding,
            fingerprint,
            ended: inspection.ended,
            last_row_before,
            line_break: inspection.line_break,
        })
    }

    /// Whether the text is in the encoding of the standard.
    pub(super) fn is_utf8(&self) -> bool {
        self.encoding == Encoding::Utf8
    }

    /// Whether a row has more cells than there are headers, and more than is usual in the file or
    /// more that are filled.
    pub(super) fn is_wider(&self, text: &str, cells: &Cells) -> bool {
        let width = self.dialect.width;
        cells.len() > width && (cells.len() > self.judge.width || !cells.blank_from(text, width))
    }

    /// Whether a row, the last one of a file without a line break at its end, may have been cut in
    /// its last cell; and its hash.
    pub(super) fn may_be_cut(&self, text: &str, row: &Row) -> (bool, u64) {
        let hash = xxh3_64(&text.as_bytes()[row.start as usize..row.end as usize]).max(1);
        (!self.ended && self.last_row_before != Some(hash), hash)
    }

    /// What the next run is to know of the file. `columns` are the located columns of `wanted`.
    pub(super) fn seen<const N: usize>(
        &self,
        wanted: &[Wanted<'_>; N],
        columns: &[Option<usize>; N],
        tally: &Tally,
    ) -> FileSeen {
        let count = |column: usize| {
            tally.counted.iter().find(|(counted, _)| *counted == column).map_or(0, |(_, count)| *count)
        };
        let columns = wanted.iter().zip(columns);
        FileSeen {
            ended_in_line_break: self.ended,
            line_break: self.line_break.to_owned(),
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
    /// `SourceUnavailable` if the bytes are not those that were there when the file was opened,
    /// whatever else seemed wrong with them.
    pub(super) fn blocks(
        &self,
        file: ExportFile<'_>,
        each: &mut dyn FnMut(&Block) -> ControlFlow<()>,
    ) -> Result<()> {
        self.again(file, |mut blocks| {
            while blocks.advance()? && each(&blocks.block).is_continue() {}
            Ok(())
        })
    }

    /// Hands out all rows in order, mended in the given columns, blank ones left out. Counts what
    /// there is in these columns.
    pub(super) fn rows(
        &self,
        file: ExportFile<'_>,
        columns: &[Option<usize>],
        findings: &mut Findings,
        each: &mut dyn FnMut(TableRow<'_>, &mut Findings) -> Result<()>,
    ) -> Result<Tally> {
        self.again(file, |blocks| {
            let mut rows = Rows::of(blocks, columns.iter().flatten().copied().collect());
            while let Some(row) = rows.next_row()? {
                let (found, width) = (row.cells.len(), self.dialect.width);
                let at = At::file(&self.header.file).line(row.line());
                if found != width && row.defect().is_none() {
                    findings.warn("ragged-row", at, || format!("{found} cells under {width} headers"));
                }
                if let Some(column) = row.unproven.filter(|column| columns.contains(&Some(*column))) {
                    let column = self.header.cells.get(column).map(String::as_str);
                    findings
                        .warn("no-final-line-break", at.column(column), || NO_FINAL_LINE_BREAK.to_owned());
                }
                each(row, findings)?;
            }
            Ok(rows.tally)
        })
    }

    /// Whether there is a row that is not blank.
    pub(super) fn has_rows(&self, file: ExportFile<'_>) -> Result<bool> {
        self.again(file, |blocks| Ok(Rows::of(blocks, Vec::new()).next_row()?.is_some()))
    }

    /// All rows of a file alone, mended in all columns, to be taken one after the other.
    pub(super) fn pull<'t>(&'t self, file: ExportFile<'t>) -> Result<Rows<'t>> {
        let Content::File(opened) = &file.file.content else {
            return Err(Failure::new(Kind::Failed, "an archive entry has no rows of its own"));
        };
        Ok(Rows::of(Blocks::of(self, file, opened.clone()), (0..self.header.cells.len()).collect()))
    }

    /// Reads the file once more.
    fn again<T>(&self, file: ExportFile<'_>, use_it: impl FnOnce(Blocks<'_>) -> Result<T>) -> Result<T> {
        let mut started = false;
        let outcome = file.with_reader(|reader| {
            started = true;
            use_it(Blocks::of(self, file, reader))
        });
        // It could be unpacked when it was opened.
        if started { outcome } else { outcome.map_err(|_| changed(file)) }
    }

    fn broken(&self, file: ExportFile<'_>, broken: Broken) -> Failure {
        match broken {
            Broken::Io(cause) => self.interrupted(file).because(cause),
            Broken::NotUtf8 => changed(file),
            Broken::Unclosed { line } => file
                .unusable("has a quote that is never closed, so where its rows end is unknown")
                .at(file.line(line))
                .cure(
                    "correct the quote in the SIS (quotes inside a quoted cell have to be doubled) and export again; if that is \
                     where the file ends, it was cut off: have it delivered again",
                ),
        }
    }

    fn interrupted(&self, file: ExportFile<'_>) -> Failure {
        Failure::new(Kind::SourceUnavailable, format!("{} could not be read to its end", file.name()))
            .at(&file.package.name)
            .cure("check the disk or the network share and run again")
    }
}

/// The blocks of a file without its header, read one at a time.
struct Blocks<'t> {
    table: &'t Table,
    file: ExportFile<'t>,
    /// None once everything was read.
    splitter: Option<Splitter<'t>>,
    block: Block,
}

impl<'t> Blocks<'t> {
    fn of(table: &'t Table, file: ExportFile<'t>, reader: impl Read + 't) -> Self {
        let splitter = Splitter::new(TextReader::new(reader, table.encoding), table.dialect);
        Self { table, file, splitter: Some(splitter), block: Block::default() }
    }

    /// Reads the next block; false if there is none.
    fn advance(&mut self) -> Result<bool> {
        let (table, file) = (self.table, self.file);
        let Some(splitter) = &mut self.splitter else { return Ok(false) };
        let outcome = splitter.next(&mut self.block);
        if !matches!(outcome, Ok(true)) {
            let fingerprint = self.splitter.take().map(|splitter| splitter.text.finish()).transpose();
            let fingerprint = fingerprint.map_err(|cause| table.interrupted(file).because(cause))?;
            if fingerprint != Some(table.fingerprint) {
                return Err(changed(file));
            }
            return outcome.map_err(|broken| table.broken(file, broken));
        }
        if self.block.rows.first().is_some_and(|row| row.line <= table.header.line) {
            self.block.rows.retain(|row| row.line > table.header.line);
        }
        Ok(true)
    }
}

/// The rows of a file, handed out one at a time.
pub struct Rows<'t> {
    blocks: Blocks<'t>,
    /// How many rows of the block were handed out.
    at: usize,
    cells: Cells,
    /// Those that are mended.
    columns: Vec<usize>,
    tally: Tally,
}

impl<'t> Rows<'t> {
    fn of(blocks: Blocks<'t>, columns: Vec<usize>) -> Self {
        let tally = Tally::of(columns.iter().copied());
        Self { blocks, at: 0, cells: Cells::default(), columns, tally }
    }

    /// The next row that is not blank.
    ///
    /// # Errors
    /// `SourceUnavailable` if the file changed since it was opened, `InputUnusable` if a quote is
    /// never closed.
    pub fn next_row(&mut self) -> Result<Option<TableRow<'_>>> {
        let table = self.blocks.table;
        loop {
            while self.at == self.blocks.block.rows.len() {
                self.at = 0;
                if !self.blocks.advance()? {
                    return Ok(None);
                }
            }
            let (text, row) = (&self.blocks.block.text, &self.blocks.block.rows[self.at]);
            self.at += 1;
            self.cells.split(text, row, table.dialect.delimiter);
            if row.shape != Shape::Plain {
                self.cells.mend(text, row, self.columns.iter().copied());
            }
            if !self.cells.blank_from(text, 0) || matches!(row.shape, Shape::Malformed(_)) {
                break;
            }
        }
        let (block, cells) = (&self.blocks.block, &self.cells);
        let (text, row) = (&block.text, &block.rows[self.at - 1]);
        self.tally.add(text, cells);
        let mut unproven = None;
        if block.open_ended && self.at == block.rows.len() {
            let (may_be_cut, hash) = table.may_be_cut(text, row);
            self.tally.last_row = hash;
            unproven = may_be_cut.then(|| cells.len().saturating_sub(1));
        }
        Ok(Some(TableRow { text, row, cells, table, unproven }))
    }

    /// What the next run is to know of the file, once all rows were read. `name` is what a column
    /// is called in the documents.
    pub fn seen<'n>(&self, name: impl Fn(usize) -> Option<&'n str>) -> FileSeen {
        let counted = self.tally.counted.iter();
        let columns =
            counted.filter_map(|(column, count)| Some((name(*column)?.to_owned(), *count))).collect();
        FileSeen { columns, ..self.blocks.table.seen(&[], &[], &self.tally) }
    }
}

/// What is said of a last row in which the file may have been cut.
pub const NO_FINAL_LINE_BREAK: &str =
    "the file does not end in a line break, so its last value may be cut; it is not used";

/// One row of a `Table`.
pub struct TableRow<'a> {
    text: &'a str,
    row: &'a Row,
    cells: &'a Cells,
    table: &'a Table,
    /// Position of the last cell, where the file may have been cut in it.
    unproven: Option<usize>,
}

impl<'a> TableRow<'a> {
    pub fn line(&self) -> u64 {
        self.row.line
    }

    /// The cell in a column, trimmed; none without the column or the cell, or if the file may have
    /// been cut in it.
    pub fn get(&self, column: Option<usize>) -> Option<&'a str> {
        if self.unproven.is_some() && self.unproven == column {
            return None;
        }
        self.cells.get(self.text, column?)
    }

    /// All cells, as they are.
    pub fn into_cells(self) -> impl Iterator<Item = &'a str> {
        (0..self.cells.len()).map(move |at| self.cells.get(self.text, at).unwrap_or_default())
    }

    /// The cell in a column, also where the file may have been cut in it.
    pub fn as_it_stands(&self, column: Option<usize>) -> Option<&'a str> {
        self.cells.get(self.text, column?)
    }

    /// Position of the last cell, where the file may have been cut in it.
    pub fn unproven(&self) -> Option<usize> {
        self.unproven
    }

    /// Why the cells of the row cannot be trusted, as the code of a finding.
    pub fn defect(&self) -> Option<&'static str> {
        if matches!(self.row.shape, Shape::Malformed(_)) {
            Some("rejected-quoting")
        } else if self.table.is_wider(self.text, self.cells)
            || self.table.judge.misplaced(self.text, self.cells, &|_| false).is_some()
        {
            Some("rejected-shifted-row")
        } else {
            None
        }
    }
}

/// Looks through the bytes of a file and refuses it if they are no text, or not all of it.
fn look_through(
    file: ExportFile<'_>,
    opening: FileOpening<'_>,
    findings: &mut Findings,
) -> Result<Inspection> {
    let setting = opening.setting;
    let inspection = file
        .with_reader(|reader| inspect(reader, setting).map_err(|cause| unreadable(file, cause)))
        .map_err(|failure| failure.or_at(&file.package.name))?;
    if inspection.fingerprint.length == 0 {
        return Err(file.unusable("is empty").cure(EXPORT_AGAIN));
    }
    if inspection.nul {
        return Err(file.unusable("is not a text file: it holds NUL characters").cure(
            "export it as UTF-8; if it is UTF-16 without a byte order mark, set `[source] encoding = \"utf-16\"`",
        ));
    }
    let as_before = |before: &FileSeen| {
        let (own, other) = (inspection.line_break, before.line_break.as_str());
        before.ended_in_line_break && (own == other || own.is_empty() || other.is_empty())
    };
    if !inspection.ended && opening.before.is_some_and(as_before) {
        return Err(cut(file)?);
    }
    check_encoding(file, setting, &inspection, findings)?;
    Ok(inspection)
}

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What the first rows have in common.
fn sample(file: ExportFile<'_>, encoding: Encoding, dialect: Dialect, header: &Header) -> Result<Judge> {
    file.with_reader(|reader| {
        let mut splitter = Splitter::new(TextReader::new(reader, encoding), dialect);
        let (mut sample, mut block, mut cells) =
            (Sample::of(&header.cells), Block::default(), Cells::default());
        // What cannot be read is said when the file is read.
        while let Ok(true) = splitter.next(&mut block) {
            for row in block.rows.iter().filter(|row| row.line > header.line) {
                if matches!(row.shape, Shape::Malformed(_)) {
                    continue;
                }
                cells.split(&block.text, row, dialect.delimiter);
                if !cells.blank_from(&block.text, 0) && sample.add(&block.text, &cells) {
                    return Ok(sample.judge());
                }
            }
        }
        Ok(sample.judge())
    })
}

/// Within how many bytes the header row has to be.
const HEADER_ROOM: usize = 1 << 20;

const EXPORT_AGAIN: &str = "check that the file is complete and a CSV file with a header row, then run again";

/// A file that ended in a line break on the last good night, and does not tonight.
fn cut(file: ExportFile<'_>) -> Result<Failure> {
    let line = line_of(file, u64::MAX)?;
    Ok(Failure::new(
        Kind::InputUnusable,
        format!(
            "the file was cut: {} ends in the middle of a row, and on the last good night it ended in a line break",
            file.name()
        ),
    )
    .at(file.line(line))
    .cure(
        "check that it was delivered completely, then run again; if the SIS no longer ends the file in a line break, have it add \
         one: without it a cut file cannot be told from a whole one",
    ))
}

fn changed(file: ExportFile<'_>) -> Failure {
    Failure::new(Kind::SourceUnavailable, format!("{} changed while it was being read", file.name()))
        .at(&file.package.name)
        .cure("run again when the export is complete")
}

/// A failure to read at the first look. Damaged content is the export's fault, anything else the
/// machine's.
fn unreadable(file: ExportFile<'_>, cause: std::io::Error) -> Failure {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof, Unsupported};
    let damaged = matches!(cause.kind(), InvalidData | InvalidInput | UnexpectedEof | Unsupported);
    let kind = if damaged { Kind::InputUnusable } else { Kind::SourceUnavailable };
    Failure::new(kind, format!("{} cannot be read", file.name()))
        .cure("check that the export was delivered completely, then run again")
        .because(cause)
}

/// Refuses text that is not in the encoding that was asked for, and tells of one that was only
/// fallen back on.
fn check_encoding(
    file: ExportFile<'_>,
    setting: EncodingSetting,
    inspection: &Inspection,
    findings: &mut Findings,
) -> Result<()> {
    let Some(byte) = inspection.first_bad else { return Ok(()) };
    if matches!(inspection.encoding, Encoding::Utf16Le | Encoding::Utf16Be) {
        return Err(file
            .unusable("is not valid UTF-16")
            .at(format!("{} byte {}", file.place(), byte + 1))
            .cure("export it again as UTF-8"));
    }
    let line = line_of(file, byte)?;
    let refuse = |what: &str, cure: &str| {
        Err(file.unusable(what).at(format!("{}, byte {}", file.line(line), byte + 1)).cure(cure))
    };
    const ALL_THROUGH: &str =
        "export it as UTF-8; if it is windows-1252 all through, set `[source] encoding = \"windows-1252\"`";
    if inspection.encoding == Encoding::Utf8 && setting == EncodingSetting::Utf8 {
        return refuse(
            "is not valid UTF-8",
            "export it as UTF-8, or set `[source] encoding = \"windows-1252\"` if that is what it is",
        );
    }
    if inspection.mixed {
        return refuse(
            "is UTF-8 in some places and not in others, so no reading of its names can be right",
            ALL_THROUGH,
        );
    }
    if inspection.evidence.is_most() {
        return refuse(
            "is neither UTF-8 nor windows-1252: most of the cells with accents show letters of another code page (of DOS, of a Mac, \
             ISO 8859-2), so no reading of its names can be right",
            ALL_THROUGH,
        );
    }
    findings.warn("not-utf-8", At::file(file.name()).line(line), || {
        format!(
            "not UTF-8 (first at byte {}), so all of it was read as windows-1252; set `[source] encoding` to say which it is",
            byte + 1
        )
    });
    Ok(())
}

/// The line on which a byte stands. Read again for that, since it is hardly ever asked.
fn line_of(file: ExportFile<'_>, byte: u64) -> Result<u64> {
    file.with_reader(|reader| {
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

/// Finds the header row of a file.
fn header_row(
    file: ExportFile<'_>,
    encoding: Encoding,
    header: HeaderRow,
    known: &[Wanted<'_>],
) -> Result<Found> {
    let found = file.with_reader(|reader| {
        let mut text = TextReader::new(reader, encoding);
        let mut head = Vec::new();
        loop {
            text.read_more(&mut head).map_err(|cause| unreadable(file, cause))?;
            let found = find_header(&head, text.ended, known);
            if found.is_some() || text.ended || head.len() >= HEADER_ROOM {
                let first = || widest_row(&head, text.ended);
                return Ok(if header == HeaderRow::First { found.or_else(first) } else { found });
            }
        }
    })?;
    // Without a header the first row is a person's details, so it is not shown.
    found.ok_or_else(|| {
        let key = known.first().map_or("", |wanted| wanted.name);
        let what = format!("has no header row: no column {key} in its first row");
        file.unusable(&what).at(file.line(1)).cure(EXPORT_AGAIN)
    })
}

/// A header row that was found.
struct Found {
    delimiter: u8,
    line: u64,
    cells: Vec<String>,
    /// What is on the line before it, if that was skipped.
    skipped: Option<&'static str>,
}

/// The header row at the beginning of a file: the first row that is not blank, if it has the first
/// of the known columns or, failing that, two others.
fn find_header(head: &[u8], whole: bool, known: &[Wanted<'_>]) -> Option<Found> {
    let found = |enough: &dyn Fn(&[String]) -> bool| {
        let mut rows = DELIMITERS.into_iter().filter_map(|delimiter| first_row(head, whole, delimiter));
        rows.find(|found| enough(&found.cells))
    };
    let has = |cells: &[String], wanted: &Wanted<'_>| cells.iter().any(|cell| wanted.matches(cell));
    let by_key = |cells: &[String]| known.first().is_some_and(|key| has(cells, key));
    let by_others = |cells: &[String]| known.iter().filter(|wanted| has(cells, wanted)).count() >= 2;
    found(&by_key).or_else(|| found(&by_others))
}

/// The first row that is not blank, by the delimiter of which it has most.
fn widest_row(head: &[u8], whole: bool) -> Option<Found> {
    let rows = DELIMITERS.into_iter().rev().filter_map(|delimiter| first_row(head, whole, delimiter));
    rows.max_by_key(|found| found.cells.len())
}

/// The first row that is not blank, without a line for spreadsheets or of PowerShell before it.
fn first_row(head: &[u8], whole: bool, delimiter: u8) -> Option<Found> {
    // How wide the rows are is what is to be found out.
    let dialect = Dialect { delimiter, width: usize::MAX };
    let (mut start, mut line, mut skipped) = (0, 1, None);
    while start < head.len() {
        let first = if line == 1 { no_header(head, start) } else { None };
        let Outcome::Record(found) = record(head, start, dialect, whole) else { return None };
        if first.is_some() {
            skipped = first;
        } else {
            let cells = header_cells(head, start, found, delimiter)?;
            if cells.iter().any(|cell| !cell.is_empty()) {
                return Some(Found { delimiter, line, cells, skipped });
            }
        }
        start = found.next;
        line += found.breaks;
    }
    None
}

/// What a first line is that is known to be no header: `sep=;`, with which spreadsheets are told
/// the delimiter, or PowerShell's `#TYPE …`.
fn no_header(head: &[u8], start: usize) -> Option<&'static str> {
    let line = head[start..].split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let begins = |with: &[u8]| line.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    if begins(b"#TYPE") {
        return Some("#TYPE …");
    }
    match line.get(4).filter(|_| begins(b"sep=") && line.len() <= 6) {
        Some(b';') => Some("sep=;"),
        Some(b',') => Some("sep=,"),
        Some(b'\t') => Some("sep=<tab>"),
        Some(_) => Some("sep=…"),
        None => None,
    }
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
    let invisible =
        |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}');
    let name = |at| cells.get(text, at).unwrap_or_default().trim_matches(invisible).to_owned();
    Some((0..cells.len()).map(name).collect())
}
