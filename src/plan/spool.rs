//! A sequence of values that is written once and read as often as needed, in memory while it is small and in an
//! anonymous temporary file (no name, readable by nobody else, gone with the process) when it grows.

use std::cell::RefCell;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::SpooledTempFile;

use crate::failure::{Failure, Kind, Result};

/// How much stays in memory.
const IN_MEMORY: usize = 8 << 20;
/// How much is written at once.
const BLOCK: usize = 256 << 10;

pub(super) struct Spool<T> {
    file: RefCell<SpooledTempFile>,
    pending: Vec<u8>,
    count: u64,
    of: PhantomData<T>,
}

fn failed(cause: std::io::Error) -> Failure {
    Failure::io(Kind::Failed, "the plan cannot be kept in a temporary file", &std::env::temp_dir(), cause)
}

impl<T: Serialize + DeserializeOwned> Spool<T> {
    pub(super) fn new() -> Self {
        Self {
            file: RefCell::new(SpooledTempFile::new(IN_MEMORY)),
            pending: Vec::new(),
            count: 0,
            of: PhantomData,
        }
    }

    pub(super) fn push(&mut self, value: &T) -> Result<()> {
        let start = self.pending.len();
        self.pending.extend_from_slice(&[0; 4]);
        // `to_extend` takes the buffer and gives it back.
        let buffer = std::mem::take(&mut self.pending);
        self.pending = postcard::to_extend(value, buffer)
            .map_err(|error| Failure::new(Kind::Failed, "the plan cannot be kept").because(error))?;
        let length = u32::try_from(self.pending.len() - start - 4)
            .map_err(|error| Failure::new(Kind::Failed, "a row of the plan is too long").because(error))?;
        self.pending[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.count += 1;
        if self.pending.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.borrow_mut().write_all(&self.pending).map_err(failed)?;
        self.pending.clear();
        Ok(())
    }

    /// No more is coming.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.flush()
    }

    /// Hands each value to `each`, in order. After [`Spool::finish`].
    pub(super) fn each(&self, mut each: impl FnMut(T) -> Result<()>) -> Result<()> {
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut reader = BufReader::with_capacity(BLOCK, &mut *file);
        let mut bytes = Vec::new();
        for _ in 0..self.count {
            let mut length = [0; 4];
            reader.read_exact(&mut length).map_err(failed)?;
            bytes.resize(u32::from_le_bytes(length) as usize, 0);
            reader.read_exact(&mut bytes).map_err(failed)?;
            let value = postcard::from_bytes(&bytes)
                .map_err(|error| Failure::new(Kind::Failed, "the plan cannot be read back").because(error))?;
            each(value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_as_often_as_wanted() {
        let mut spool = Spool::<(u32, String)>::new();
        let rows: Vec<(u32, String)> = (0..20_000).map(|i| (i, "x".repeat(i as usize % 1000))).collect();
        for row in &rows {
            spool.push(row).unwrap();
        }
        spool.finish().unwrap();
        for _ in 0..2 {
            let mut seen = Vec::new();
            spool
                .each(|row| {
                    seen.push(row);
                    Ok(())
                })
                .unwrap();
            assert_eq!(seen, rows);
        }
    }
}
