//! The rows of a plan, as the report and the preview have them.

use std::thread;

use super::Plan;
use crate::failure::Result;
use crate::lanes::Lanes;
use crate::plan::PlanRow;
use crate::plan::build::RowSource;
use crate::plan::shared_credentials::Walk;
use crate::plan::unchanged::{CachedRow, UnchangedRows};
use crate::roster::kept;
use crate::spool::{self, BLOCK};

impl Plan {
    /// Writes the rows of the report: in the order of the source, then the people that are not in it
    /// by sourcedId. `format` appends one row to a piece of the report, by several threads at once;
    /// `out` takes the pieces, in order.
    pub fn write_rows(
        &self,
        format: impl Fn(&PlanRow<'_>, &mut Vec<u8>) + Sync,
        mut out: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let format = &format;
        thread::scope(|scope| {
            let mut lanes = Lanes::start(scope, || {
                let mut unchanged = UnchangedRows::new(&self.roster, &self.signs, &self.rules);
                move |piece: Piece<'_>| self.write_piece(piece, &mut unchanged, format)
            })?;
            let mut spare: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            let mut take =
                |lanes: &mut Lanes<Piece<'_>, Result<Written>>, spare: &mut Vec<_>| -> Result<bool> {
                    let Some(written) = lanes.pull()? else { return Ok(false) };
                    let Written { block, text } = written?;
                    out(&text)?;
                    spare.push((block, text));
                    Ok(true)
                };
            let mut rows = self.rows.read();
            let mut roster = self.roster.records.read();
            let mut sources = self.sources.as_slice();
            let mut place = 0;
            for records in &self.roster.blocks {
                let (mut block, mut text) = spare.pop().unwrap_or_default();
                roster.next(&mut block)?;
                text.clear();
                let own;
                (own, sources) = sources.split_at((*records as usize).min(sources.len()));
                let decided = own.iter().filter(|source| source.is_in_plan()).count();
                let mut ready = Vec::new();
                for _ in 0..decided {
                    ready.extend_from_slice(rows.next_bytes()?.unwrap_or_default());
                }
                let piece = Piece { block, text, sources: own, place, rows: ready };
                place += *records;
                lanes.push(piece)?;
                if lanes.is_full() {
                    take(&mut lanes, &mut spare)?;
                }
            }
            while take(&mut lanes, &mut spare)? {}
            let mut sharing = self.sharing.walk(place);
            let mut text = Vec::new();
            while let Some(mut row) = rows.next_value::<PlanRow<'_>>()? {
                self.share(&mut row, &mut sharing);
                if row.is_of_interest() {
                    format(&row, &mut text);
                }
                if text.len() >= BLOCK {
                    out(&text)?;
                    text.clear();
                }
            }
            out(&text)
        })
    }

    fn write_piece(
        &self,
        piece: Piece<'_>,
        unchanged: &mut UnchangedRows<'_>,
        format: &impl Fn(&PlanRow<'_>, &mut Vec<u8>),
    ) -> Result<Written> {
        let Piece { block, mut text, sources, place, rows } = piece;
        let mut sharing = self.sharing.walk(place);
        let mut rows = spool::values::<PlanRow<'_>>(&rows);
        let mut records = kept::records(&block)?;
        let mut notes = Vec::new();
        for (place, source) in (place..).zip(sources) {
            match source {
                RowSource::None => {
                    records.skip()?;
                }
                RowSource::Unchanged(CachedRow::Stored) | RowSource::Decided => {
                    records.skip()?;
                    if let Some(mut row) = rows.next().transpose()? {
                        self.share(&mut row, &mut sharing);
                        format(&row, &mut text);
                    }
                }
                RowSource::Unchanged(CachedRow::FromRecord) => {
                    let Some(kept) = records.next_record()? else { break };
                    notes.clear();
                    sharing.note(place, kept.record.sourced_id, &mut notes);
                    let person = self.roster.person_of(place).unwrap_or_default();
                    self.contacts.note(person, &mut notes);
                    unchanged.show(&kept, person, &notes, |row| format(row, &mut text))?;
                }
            }
        }
        Ok(Written { block, text })
    }

    pub(super) fn share(&self, row: &mut PlanRow<'_>, sharing: &mut Walk<'_>) {
        if row.compared {
            sharing.note(row.place, row.sourced_id, row.notes.to_mut());
        }
        self.contacts.note_row(row, &self.roster);
    }

    /// Hands over the rows about which there may be something to say or to do, without what the
    /// people share.
    pub fn each_decided(&self, mut each: impl FnMut(&PlanRow<'_>) -> Result<()>) -> Result<()> {
        let mut rows = self.rows.read();
        while let Some(row) = rows.next_value()? {
            each(&row)?;
        }
        Ok(())
    }

    /// As [`Plan::each_decided`], with what they share.
    pub fn each_decided_sharing(&self, mut each: impl FnMut(&PlanRow<'_>) -> Result<()>) -> Result<()> {
        let mut sharing = self.sharing.walk(0);
        let mut rows = self.rows.read();
        while let Some(mut row) = rows.next_value()? {
            self.share(&mut row, &mut sharing);
            each(&row)?;
        }
        Ok(())
    }

    /// Hands over the row of one person; none if there is nothing to say or to do. A plan with
    /// `decide_all` has the row of everyone.
    pub fn with_row<R>(&self, sourced_id: &str, with: impl FnOnce(Option<&PlanRow<'_>>) -> R) -> Result<R> {
        let mut sharing = self.sharing.walk(0);
        let mut rows = self.rows.read();
        while let Some(mut row) = rows.next_value::<PlanRow<'_>>()? {
            if row.sourced_id == sourced_id {
                self.share(&mut row, &mut sharing);
                return Ok(with(Some(&row).filter(|row| row.is_of_interest())));
            }
        }
        Ok(with(None))
    }
}

/// A block of the roster on its way to the thread that writes its rows, with what was decided of
/// it.
struct Piece<'a> {
    block: Vec<u8>,
    text: Vec<u8>,
    sources: &'a [RowSource],
    /// Of the first record.
    place: u32,
    /// Values of [`PlanRow`], as a spool has them.
    rows: Vec<u8>,
}

struct Written {
    block: Vec<u8>,
    text: Vec<u8>,
}
