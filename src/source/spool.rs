//! Records that were pulled, in order, until they are read: in memory while they are few, and beyond that in an anonymous
//! temporary file (no name, readable by nobody else, gone with the process).

use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::SpooledTempFile;

use crate::failure::{Failure, Kind, Result};
use crate::roster::Record;

/// How much stays in memory.
const IN_MEMORY: usize = 8 << 20;
/// How much is written at once.
const BLOCK: usize = 256 << 10;

/// Written first, then read, by any thread.
#[derive(Debug)]
pub(super) struct Spool {
    file: Mutex<SpooledTempFile>,
    pending: Vec<u8>,
    count: u64,
}

fn failed(cause: std::io::Error) -> Failure {
    Failure::io(Kind::Failed, "the roster cannot be kept in a temporary file", &std::env::temp_dir(), cause)
}

impl Spool {
    pub(super) fn new() -> Self {
        Self { file: Mutex::new(SpooledTempFile::new(IN_MEMORY)), pending: Vec::new(), count: 0 }
    }

    /// How many records are in it.
    pub(super) fn len(&self) -> u64 {
        self.count
    }

    pub(super) fn push(&mut self, record: &Record<'_>) -> Result<()> {
        let start = self.pending.len();
        self.pending.extend_from_slice(&[0; 4]);
        // `to_extend` takes the buffer and gives it back.
        let buffer = std::mem::take(&mut self.pending);
        self.pending = postcard::to_extend(record, buffer)
            .map_err(|error| Failure::new(Kind::Failed, "the roster cannot be kept").because(error))?;
        let length = u32::try_from(self.pending.len() - start - 4)
            .map_err(|error| Failure::new(Kind::Failed, "a record is too long").because(error))?;
        self.pending[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.count += 1;
        if self.pending.len() >= BLOCK { self.flush() } else { Ok(()) }
    }

    /// Writes what is pending. Needed once, before reading.
    pub(super) fn flush(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        self.file().write_all(&pending).map_err(failed)?;
        self.pending = pending;
        self.pending.clear();
        Ok(())
    }

    /// Hands each record to `each`, in order, until it breaks off.
    pub(super) fn each(&self, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<()> {
        let mut file = self.file();
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut reader = BufReader::with_capacity(BLOCK, &mut *file);
        let mut bytes = Vec::new();
        for _ in 0..self.count {
            let mut length = [0; 4];
            reader.read_exact(&mut length).map_err(failed)?;
            bytes.resize(u32::from_le_bytes(length) as usize, 0);
            reader.read_exact(&mut bytes).map_err(failed)?;
            let record: Record<'_> = postcard::from_bytes(&bytes).map_err(|error| {
                Failure::new(Kind::Failed, "the roster cannot be read back").because(error)
            })?;
            if each(&record).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// A thread that panicked here has left nothing half written that a next one would read.
    fn file(&self) -> MutexGuard<'_, SpooledTempFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::{IdList, RoleList};

    #[test]
    fn what_goes_in_comes_out_as_often_as_wanted() {
        let mut spool = Spool::new();
        let long = "x".repeat(3000);
        let record = |line| Record {
            line: Some(line),
            sourced_id: "stu-1",
            email: Some(&long),
            phone: Some(""),
            roles: RoleList("student\tsch-1\naide"),
            agents: Some(IdList("a,b")),
            ..Record::default()
        };
        for line in 0..5_000 {
            spool.push(&record(line)).unwrap();
        }
        spool.flush().unwrap();
        for _ in 0..2 {
            let mut next = 0;
            spool
                .each(&mut |read| {
                    assert_eq!(*read, record(next));
                    next += 1;
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert_eq!(next, 5_000);
        }
    }
}
