//! Values that are put down in any order and read in the order of their numbers: what comes in the
//! order of the roster, and is read or written in the order of the store.
//!
//! The numbers are cut into ranges. The values of a range are put down in the order in which they
//! come, and sorted in memory when the range is read, so that only one range is in memory at once.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Mutex;

use tempfile::SpooledTempFile;

use super::{IN_MEMORY, failed, first, lock, lost};
use crate::failure::Result;

const RANGES: usize = 128;
/// How much of a range is gathered before it is put down.
const PIECE: usize = 16 << 10;

#[derive(Default)]
struct Range {
    /// Not put down yet.
    gathered: Vec<u8>,
    /// Place and length of what is.
    pieces: Vec<(u64, usize)>,
}

/// See the module.
pub struct Ordered {
    file: Mutex<SpooledTempFile>,
    length: u64,
    count: usize,
    /// How many numbers a range has.
    width: usize,
    ranges: Vec<Range>,
}

impl Ordered {
    /// For numbers up to about `most`; larger ones are all in the last range.
    pub fn up_to(most: usize) -> Self {
        Self {
            file: Mutex::new(SpooledTempFile::new(IN_MEMORY)),
            length: 0,
            count: 0,
            width: most / RANGES + 1,
            ranges: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a value as [`super::append`] wrote it.
    pub fn put(&mut self, number: u32, value: &[u8]) -> Result<()> {
        let range = (number as usize / self.width).min(RANGES - 1);
        if self.ranges.len() <= range {
            self.ranges.resize_with(range + 1, Range::default);
        }
        self.count += 1;
        let gathered = &mut self.ranges[range].gathered;
        gathered.extend_from_slice(&number.to_le_bytes());
        gathered.extend_from_slice(value);
        if gathered.len() >= PIECE { self.put_down(range) } else { Ok(()) }
    }

    fn put_down(&mut self, range: usize) -> Result<()> {
        let Range { gathered, pieces } = &mut self.ranges[range];
        let mut file = lock(&self.file);
        file.seek(SeekFrom::Start(self.length)).and_then(|_| file.write_all(gathered)).map_err(failed)?;
        pieces.push((self.length, gathered.len()));
        self.length += gathered.len() as u64;
        gathered.clear();
        Ok(())
    }

    /// No more is coming.
    pub fn finish(&mut self) -> Result<()> {
        for range in 0..self.ranges.len() {
            self.put_down(range)?;
            self.ranges[range].gathered = Vec::new();
        }
        Ok(())
    }

    fn has(&self, range: usize) -> bool {
        self.ranges.get(range).is_some_and(|range| range.pieces.iter().any(|piece| piece.1 > 0))
    }

    /// The ranges that have values, from the lowest numbers on. After [`Ordered::finish`].
    pub fn ranges(&self) -> impl Iterator<Item = usize> {
        (0..self.ranges.len()).filter(|range| self.has(*range))
    }

    /// Reads a range into `batch`.
    pub fn read(&self, range: usize, batch: &mut Batch) -> Result<()> {
        let Batch { bytes, order, .. } = batch;
        bytes.clear();
        order.clear();
        {
            let mut file = lock(&self.file);
            for (place, length) in &self.ranges[range].pieces {
                let start = bytes.len();
                bytes.resize(start + length, 0);
                file.seek(SeekFrom::Start(*place))
                    .and_then(|_| file.read_exact(&mut bytes[start..]))
                    .map_err(failed)?;
            }
        }
        let mut at = 0;
        while at < bytes.len() {
            let number = bytes[at..].first_chunk::<4>().ok_or_else(lost)?;
            let value = at + number.len();
            order.push((u32::from_le_bytes(*number), u32::try_from(value).unwrap_or(u32::MAX)));
            at = value + first(&bytes[value..])?;
        }
        // Values of one number stay in the order in which they came.
        order.sort_unstable();
        batch.next = 0;
        Ok(())
    }
}

/// Values with their numbers, in the order of the numbers.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// The number of each value, and where it is.
    order: Vec<(u32, u32)>,
    next: usize,
}

impl Batch {
    /// Adds a value as [`super::append`] wrote it, behind all others.
    pub fn push(&mut self, value: &[u8]) {
        self.order.push((u32::MAX, u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)));
        self.bytes.extend_from_slice(value);
    }

    /// How many bytes its values have.
    pub fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The number of the next value, if there is one.
    pub fn next_number(&self) -> Option<u32> {
        self.order.get(self.next).map(|(number, _)| *number)
    }

    /// The next value as [`super::append`] wrote it, if there is one.
    pub fn next_bytes(&mut self) -> Result<Option<&[u8]>> {
        let Some((_, at)) = self.order.get(self.next) else { return Ok(None) };
        self.next += 1;
        let value = &self.bytes[*at as usize..];
        Ok(Some(&value[..first(value)?]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{append, first_of};
    use super::*;

    #[test]
    fn values_come_out_by_their_numbers_and_those_of_one_number_in_their_order() {
        let numbers: Vec<u32> = (0..20_000_u32).map(|i| i.wrapping_mul(2_654_435_761) % 10_007).collect();
        let mut ordered = Ordered::up_to(9_000);
        assert!(ordered.is_empty());
        for (at, number) in (0_u32..).zip(&numbers) {
            let mut value = Vec::new();
            append(&mut value, &(*number, at, "x".repeat(*number as usize % 300))).unwrap();
            ordered.put(*number, &value).unwrap();
        }
        ordered.finish().unwrap();
        let mut expected: Vec<(u32, u32)> = numbers.iter().copied().zip(0..).collect();
        expected.sort_unstable();
        for _ in 0..2 {
            let (mut seen, mut batch) = (Vec::new(), Batch::default());
            for range in ordered.ranges() {
                ordered.read(range, &mut batch).unwrap();
                while let Some(number) = batch.next_number() {
                    let value = batch.next_bytes().unwrap().unwrap();
                    let (own, at, text): (u32, u32, &str) = first_of(value).unwrap();
                    assert_eq!((own, text.len()), (number, number as usize % 300));
                    seen.push((number, at));
                }
            }
            assert_eq!(seen, expected);
        }
    }

    #[test]
    fn what_has_no_number_comes_in_its_order() {
        let mut batch = Batch::default();
        for text in ["b", "a"] {
            let mut value = Vec::new();
            append(&mut value, &text).unwrap();
            batch.push(&value);
        }
        assert!(batch.length() > 0);
        for text in ["b", "a"] {
            assert_eq!(first_of::<&str>(batch.next_bytes().unwrap().unwrap()).unwrap(), text);
        }
        assert!(batch.next_bytes().unwrap().is_none());
    }
}
