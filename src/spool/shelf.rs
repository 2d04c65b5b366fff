//! Values that are looked up one by one, by the place where they were put.

use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Mutex;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::SpooledTempFile;

use super::{BLOCK, IN_MEMORY, append, failed, first_of, lock, lost};
use crate::failure::Result;

/// Values that are looked up by the place where they were put.
pub struct Shelf {
    file: Mutex<Looked>,
    length: u64,
    /// The end of it, not yet in the file.
    pending: Vec<u8>,
}

/// The file of a shelf, and the piece of it that was looked at last: values are mostly asked for in the order in which they
/// were put down.
struct Looked {
    file: SpooledTempFile,
    start: u64,
    piece: Vec<u8>,
}

/// How much is read when a value is asked for. Not much more than a page: it may be the only one of them that is wanted.
const PIECE: usize = 16 << 10;

impl Looked {
    /// The bytes from a place on: so many, and more if they are at hand.
    fn from(&mut self, place: u64, least: usize) -> Result<&[u8]> {
        let at = place.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let at = match at.filter(|at| self.piece.len() >= at.saturating_add(least)) {
            Some(at) => at,
            None => {
                self.piece.clear();
                self.start = place;
                self.file.seek(SeekFrom::Start(place)).map_err(failed)?;
                let most = least.max(PIECE) as u64;
                (&mut self.file).take(most).read_to_end(&mut self.piece).map_err(failed)?;
                0
            }
        };
        Ok(&self.piece[at..])
    }
}

impl Default for Shelf {
    fn default() -> Self {
        let looked = Looked { file: SpooledTempFile::new(IN_MEMORY), start: 0, piece: Vec::new() };
        Self { file: Mutex::new(looked), length: 0, pending: Vec::new() }
    }
}

impl Shelf {
    /// Puts a value down; returns its place.
    ///
    /// # Errors
    /// Those of [`append`], and `Failed` if the temporary file cannot be written.
    pub fn put<T: Serialize>(&mut self, value: &T) -> Result<u64> {
        if self.pending.len() >= BLOCK {
            let mut looked = lock(&self.file);
            // What was looked at may have ended where this begins.
            looked.piece.clear();
            let file = &mut looked.file;
            file.seek(SeekFrom::Start(self.length))
                .and_then(|_| file.write_all(&self.pending))
                .map_err(failed)?;
            self.length += self.pending.len() as u64;
            self.pending.clear();
        }
        let place = self.length + self.pending.len() as u64;
        append(&mut self.pending, value)?;
        Ok(place)
    }

    /// The value at a place.
    ///
    /// # Errors
    /// `Failed` if it cannot be read back.
    pub fn get<T: DeserializeOwned>(&self, place: u64) -> Result<T> {
        if let Some(at) = place.checked_sub(self.length) {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            return first_of(self.pending.get(at..).ok_or_else(lost)?);
        }
        let mut looked = lock(&self.file);
        let length = looked.from(place, 4)?.first_chunk().ok_or_else(lost)?;
        let length = 4 + u32::from_le_bytes(*length) as usize;
        first_of(looked.from(place, length)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_down_is_found_at_its_place() {
        let mut shelf = Shelf::default();
        let text = |i: usize| "x".repeat(i % 1000);
        let places: Vec<u64> = (0..20_000).map(|i| shelf.put(&text(i)).unwrap()).collect();
        let is_found = |i: usize| assert_eq!(shelf.get::<String>(places[i]).unwrap(), text(i));
        (0..20_000).for_each(is_found);
        (0..20_000).rev().step_by(7).for_each(is_found);
        // While more is put down.
        let mut shelf = Shelf::default();
        let mut before = shelf.put(&text(0)).unwrap();
        for i in 1..20_000 {
            let place = shelf.put(&text(i)).unwrap();
            assert_eq!(shelf.get::<String>(before).unwrap(), text(i - 1));
            before = place;
        }
    }
}
