//! A sequence of blocks of bytes that is written once and read as often as needed, in memory while
//! it is small and in an anonymous temporary file (no name, unreadable to other users, gone with
//! the process) when it grows.
//!
//! The roster and the plan are kept like that, so that memory does not grow with either. [`Values`]
//! holds values of one type in their order, [`PlacedValues`] values that are looked up. Everything here
//! fails with `Failed` only, where the temporary file cannot be written or read.

mod ordered;

pub use ordered::{Batch, Ordered};

use std::io::{Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::SpooledTempFile;

use crate::failure::{Failure, Kind, Result};

/// There are about ten of them in a run.
const IN_MEMORY: usize = 1 << 20;
/// How much is gathered before it is a block.
pub const BLOCK: usize = 128 << 10;

/// Blocks of bytes. They can be read while others are still added.
pub struct Spool {
    content: Mutex<Content>,
}

struct Content {
    file: SpooledTempFile,
    length: u64,
    blocks: u64,
}

fn failed(cause: std::io::Error) -> Failure {
    Failure::io(Kind::Failed, "a temporary file cannot be used", &std::env::temp_dir(), cause)
        .cure("free some space there, or set TMPDIR to a folder that has some, and run again")
}

/// A panic while the lock is held ends the run anyway.
fn lock<T>(file: &Mutex<T>) -> MutexGuard<'_, T> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Spool {
    fn default() -> Self {
        let file = SpooledTempFile::new(IN_MEMORY);
        Self { content: Mutex::new(Content { file, length: 0, blocks: 0 }) }
    }
}

impl Spool {
    /// Adds a block. An empty one is left out.
    pub fn push(&self, block: &[u8]) -> Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        let length = u32::try_from(block.len())
            .map_err(|error| Failure::new(Kind::Failed, "a record is too long").because(error))?;
        let mut content = lock(&self.content);
        let end = content.length;
        let file = &mut content.file;
        file.seek(SeekFrom::Start(end))
            .and_then(|_| file.write_all(&length.to_le_bytes()))
            .and_then(|()| file.write_all(block))
            .map_err(failed)?;
        content.length += 4 + u64::from(length);
        content.blocks += 1;
        Ok(())
    }

    pub fn read(&self) -> Reader<'_> {
        Reader { spool: self, position: 0, read: 0 }
    }
}

/// Reads a [`Spool`].
pub struct Reader<'a> {
    spool: &'a Spool,
    position: u64,
    read: u64,
}

impl Reader<'_> {
    /// Passes over the next block, of so many bytes, which there is.
    pub fn pass(&mut self, length: usize) {
        self.read += 1;
        self.position += 4 + length as u64;
    }

    /// Passes over the next block; false if there is none yet.
    pub fn skip(&mut self) -> Result<bool> {
        let length = self.begin(&mut lock(&self.spool.content))?;
        length.into_iter().for_each(|length| self.pass(length));
        Ok(length.is_some())
    }

    /// Puts the next block in place of what is in `block`; false if there is none yet.
    pub fn next(&mut self, block: &mut Vec<u8>) -> Result<bool> {
        let mut content = lock(&self.spool.content);
        let Some(length) = self.begin(&mut content)? else { return Ok(false) };
        block.resize(length, 0);
        content.file.read_exact(block).map_err(failed)?;
        drop(content);
        self.pass(length);
        Ok(true)
    }

    /// Goes to the next block; its length, if there is one.
    fn begin(&self, content: &mut Content) -> Result<Option<usize>> {
        if self.read == content.blocks {
            return Ok(None);
        }
        let mut length = [0; 4];
        content.file.seek(SeekFrom::Start(self.position)).map_err(failed)?;
        content.file.read_exact(&mut length).map_err(failed)?;
        Ok(Some(u32::from_le_bytes(length) as usize))
    }
}

/// Appends a value to a block.
pub fn append<T: Serialize>(block: &mut Vec<u8>, value: &T) -> Result<()> {
    let start = block.len();
    block.extend_from_slice(&[0; 4]);
    // `to_extend` takes the buffer and gives it back.
    *block = postcard::to_extend(value, std::mem::take(block))
        .map_err(|error| Failure::new(Kind::Failed, "the plan cannot be kept").because(error))?;
    let length = u32::try_from(block.len() - start - 4)
        .map_err(|error| Failure::new(Kind::Failed, "a row of the plan is too long").because(error))?;
    block[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Values of one type, in the order in which they were added.
pub struct Values<T> {
    spool: Spool,
    pending: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { spool: Spool::default(), pending: Vec::new(), of: PhantomData }
    }
}

impl<T> Values<T> {
    /// Adds a value, which may borrow what a `T` owns.
    pub fn push(&mut self, value: &impl Serialize) -> Result<()> {
        append(&mut self.pending, value)?;
        if self.pending.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    /// Adds values that [`append`] wrote.
    pub fn push_all(&mut self, values: &[u8]) -> Result<()> {
        self.pending.extend_from_slice(values);
        if self.pending.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.spool.push(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// No more is coming.
    pub fn finish(&mut self) -> Result<()> {
        self.flush()?;
        self.pending = Vec::new();
        Ok(())
    }

    /// The values, from the first. After [`Values::finish`].
    pub fn read(&self) -> Taking<'_> {
        Taking { reader: self.spool.read(), block: Vec::new(), at: 0 }
    }

    /// Hands each value to `each`, in order. After [`Values::finish`].
    pub fn each(&self, mut each: impl FnMut(T) -> Result<()>) -> Result<()>
    where
        T: DeserializeOwned,
    {
        let mut values = self.read();
        while let Some(value) = values.next_value()? {
            each(value)?;
        }
        Ok(())
    }
}

/// Reads [`Values`].
pub struct Taking<'a> {
    reader: Reader<'a>,
    block: Vec<u8>,
    at: usize,
}

fn lost() -> Failure {
    Failure::new(Kind::Failed, "the plan cannot be read back from its temporary file")
}

/// Takes the first value off, as [`append`] wrote it; returns how many bytes it has.
fn first(values: &[u8]) -> Result<usize> {
    let length = values.first_chunk::<4>().ok_or_else(lost)?;
    let length = 4 + u32::from_le_bytes(*length) as usize;
    if length <= values.len() { Ok(length) } else { Err(lost()) }
}

/// Hands over the values that [`append`] wrote, in order.
pub fn values<'a, T: Deserialize<'a> + 'a>(mut bytes: &'a [u8]) -> impl Iterator<Item = Result<T>> + 'a {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (value, rest) = match first(bytes) {
            Ok(length) => bytes.split_at(length),
            Err(failure) => {
                bytes = &[];
                return Some(Err(failure));
            }
        };
        bytes = rest;
        Some(postcard::from_bytes(&value[4..]).map_err(|error| lost().because(error)))
    })
}

/// The values that [`append`] wrote, in order, as they are there.
pub fn each_of(mut bytes: &[u8], mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    while !bytes.is_empty() {
        let value;
        (value, bytes) = bytes.split_at(first(bytes)?);
        each(value)?;
    }
    Ok(())
}

impl Taking<'_> {
    /// The next value, if there is one; it may borrow from what was read.
    pub fn next_value<'a, T: Deserialize<'a>>(&'a mut self) -> Result<Option<T>> {
        self.next_bytes()?.map(first_of).transpose()
    }

    /// The next value as [`append`] wrote it, not yet read.
    pub fn next_bytes(&mut self) -> Result<Option<&[u8]>> {
        if self.at == self.block.len() {
            self.at = 0;
            if !self.reader.next(&mut self.block)? {
                self.block.clear();
                return Ok(None);
            }
        }
        let length = first(&self.block[self.at..])?;
        self.at += length;
        Ok(Some(&self.block[self.at - length..self.at]))
    }
}

/// A value without what [`append`] puts before it.
pub fn bare(value: &[u8]) -> &[u8] {
    value.get(4..).unwrap_or_default()
}

/// Reads a value as [`append`] wrote it, or what its type begins with.
pub fn first_of<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T> {
    let value = bytes.get(4..).ok_or_else(lost)?;
    postcard::take_from_bytes(value).map(|(value, _)| value).map_err(|error| lost().because(error))
}

/// Values that are looked up by the place where they were put.
pub struct PlacedValues {
    file: Mutex<Looked>,
    length: u64,
    /// The end of it, not yet in the file.
    pending: Vec<u8>,
}

/// The file of a placed, and the piece of it that was looked at last: values are mostly asked for
/// in the order in which they were written.
struct Looked {
    file: SpooledTempFile,
    start: u64,
    piece: Vec<u8>,
}

/// How much is read when a value is asked for. Not much more than a page: it may be the only one of
/// them that is wanted.
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

impl Default for PlacedValues {
    fn default() -> Self {
        let looked = Looked { file: SpooledTempFile::new(IN_MEMORY), start: 0, piece: Vec::new() };
        Self { file: Mutex::new(looked), length: 0, pending: Vec::new() }
    }
}

impl PlacedValues {
    /// Puts a value down; returns its place.
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
    pub fn get<T: DeserializeOwned>(&self, place: u64) -> Result<T> {
        self.look_at(place, |bytes| first_of(bytes))
    }

    /// Hands over the value at a place as [`append`] wrote it, not yet read.
    pub fn look_at<T>(&self, place: u64, take: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        if let Some(at) = place.checked_sub(self.length) {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            let rest = self.pending.get(at..).ok_or_else(lost)?;
            return take(&rest[..first(rest)?]);
        }
        let mut looked = lock(&self.file);
        let length = looked.from(place, 4)?.first_chunk().ok_or_else(lost)?;
        let length = 4 + u32::from_le_bytes(*length) as usize;
        take(looked.from(place, length)?.get(..length).ok_or_else(lost)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_as_often_as_wanted() {
        let mut values = Values::<(u32, String)>::default();
        let all: Vec<(u32, String)> = (0..20_000).map(|i| (i, "x".repeat(i as usize % 1000))).collect();
        for value in &all {
            values.push(value).unwrap();
        }
        values.finish().unwrap();
        for _ in 0..2 {
            let mut seen = Vec::new();
            values
                .each(|value| {
                    seen.push(value);
                    Ok(())
                })
                .unwrap();
            assert_eq!(seen, all);
        }
        let (mut reader, mut bytes) = (values.read(), Vec::new());
        while let Some(value) = reader.next_bytes().unwrap() {
            bytes.extend_from_slice(value);
        }
        let read: Vec<(u32, String)> = super::values(&bytes).map(Result::unwrap).collect();
        assert_eq!(read, all);
        bytes.pop();
        assert!(super::values::<(u32, String)>(&bytes).last().unwrap().is_err());
    }

    #[test]
    fn nothing_is_no_block() {
        let spool = Spool::default();
        spool.push(b"").unwrap();
        spool.push(b"ab").unwrap();
        let (mut reader, mut block) = (spool.read(), Vec::new());
        assert!(reader.next(&mut block).unwrap());
        assert_eq!(block, b"ab");
        assert!(!reader.next(&mut block).unwrap());
    }

    #[test]
    fn what_is_put_down_is_found_at_its_place() {
        let mut placed = PlacedValues::default();
        let text = |i: usize| "x".repeat(i % 1000);
        let places: Vec<u64> = (0..20_000).map(|i| placed.put(&text(i)).unwrap()).collect();
        let is_found = |i: usize| assert_eq!(placed.get::<String>(places[i]).unwrap(), text(i));
        (0..20_000).for_each(is_found);
        (0..20_000).rev().step_by(7).for_each(is_found);
        // While more is written.
        let mut placed = PlacedValues::default();
        let mut before = placed.put(&text(0)).unwrap();
        for i in 1..20_000 {
            let place = placed.put(&text(i)).unwrap();
            assert_eq!(placed.get::<String>(before).unwrap(), text(i - 1));
            before = place;
        }
    }
}
