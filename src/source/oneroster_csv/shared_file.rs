//! A file that is held open and can be read by several readers at once, each at its own position.
//!
//! Holding the file matters: an export that is replaced by a rename while a run goes on is then
//! read to its end as it was, and one that is overwritten in place is noticed by its fingerprint.
//! It knows nothing of what is in the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

/// So much is read of a pipe.
const LARGEST_PIPE: u64 = 1 << 30;

/// One reader's view of the file; a clone begins where the original stands.
#[derive(Debug, Clone)]
pub(super) struct SharedFile {
    file: Arc<File>,
    position: u64,
}

impl SharedFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        // A pipe gives its content only once.
        if !file.metadata()?.is_file() {
            let mut copy = tempfile::tempfile()?;
            io::copy(&mut (&mut file).take(LARGEST_PIPE), &mut copy)?;
            file = copy;
        }
        Ok(Self { file: Arc::new(file), position: 0 })
    }

    /// When its content was changed last, in seconds since 1970.
    pub(super) fn written(&self) -> Option<i64> {
        Some(std::os::unix::fs::MetadataExt::mtime(&self.file.metadata().ok()?))
    }

    pub(super) fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Without moving the position that all handles of one open file share.
        let count = self.file.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => self.length()?.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
