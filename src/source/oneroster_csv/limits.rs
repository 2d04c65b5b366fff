//! What an archive may not exceed. Nothing is unpacked to disk, so this guards memory and time
//! only.

use std::io::{self, Read};

/// Bounds for a package.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub entries: usize,
    /// Uncompressed bytes of one file.
    pub file: u64,
    /// How many times larger than its compressed form a file may be, once it is larger than
    /// `ratio_from`.
    pub ratio: u64,
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 10_000, file: 8 << 30, ratio: 1_000, ratio_from: 64 << 20 }
    }
}

impl Limits {
    /// What is wrong with a file of this size, if anything.
    pub(super) fn objection(&self, size: u64, compressed: u64) -> Option<String> {
        if size > self.file {
            Some(format!("is larger than {} bytes", self.file))
        } else if size > self.ratio_from && size > compressed.saturating_mul(self.ratio) {
            Some(format!("is more than {} times larger than its compressed form", self.ratio))
        } else {
            None
        }
    }
}

/// Stops reading an entry that turns out larger than allowed, whatever the archive's directory
/// claims.
pub(super) struct Limited<R> {
    pub reader: R,
    pub limits: Limits,
    pub compressed: u64,
    pub read: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read += count as u64;
        match self.limits.objection(self.read, self.compressed) {
            Some(objection) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("it {objection}"))),
            None => Ok(count),
        }
    }
}
