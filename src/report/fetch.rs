//! Reads rows of a report in another order than they stand in, as if the file were like that.
//!
//! Where all rows have moved, that is a system call for each of them, which takes longer than parsing and printing
//! them. So two threads fetch rows ahead, in batches of a buffer each, taking turns: batch by batch the one reads what
//! the other does not.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use super::order::Place;
use super::writer::BUFFER;
use crate::failure::{Failure, Result};

const THREADS: usize = 2;

/// How many batches a thread may be ahead; with its own and the one being read, under 2 MiB altogether.
const AHEAD: usize = 1;

/// The rows in order, with a line break after each.
#[derive(Debug)]
pub(super) struct Fetched {
    batches: [Receiver<io::Result<Vec<u8>>>; THREADS],
    turn: usize,
    batch: Vec<u8>,
    taken: usize,
}

impl Fetched {
    /// Begins to fetch the rows. The threads end with the last row, or when the reader stops.
    ///
    /// # Errors
    /// `Failed` if the system makes no more threads.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        file: &'scope File,
        places: &'scope [Place],
    ) -> Result<Self> {
        let mut failed = None;
        let batches = std::array::from_fn(|thread| {
            let (to, from) = sync_channel(AHEAD);
            let work = move || fetch(file, batches(places).skip(thread).step_by(THREADS), &to);
            failed = std::thread::Builder::new().spawn_scoped(scope, work).err().or(failed.take());
            from
        });
        match failed {
            Some(cause) => Err(Failure::no_thread(cause)),
            None => Ok(Self { batches, turn: 0, batch: Vec::new(), taken: 0 }),
        }
    }
}

impl Read for Fetched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.batch.len() {
            // The thread whose turn it is has ended: then there was no further batch for the other either.
            let Ok(batch) = self.batches[self.turn].recv() else { return Ok(0) };
            self.batch = batch?;
            self.taken = 0;
            self.turn = (self.turn + 1) % THREADS;
        }
        let count = (&self.batch[self.taken..]).read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

/// The rows in batches of about a buffer, never empty ones.
fn batches(mut places: &[Place]) -> impl Iterator<Item = &[Place]> {
    std::iter::from_fn(move || {
        let mut size = 0;
        let fits = |place: &&Place| {
            let before = size;
            size += place.extent().1 - place.extent().0;
            before < BUFFER as u64
        };
        let count = places.iter().take_while(fits).count();
        let batch = places.split_off(..count)?;
        Some(batch).filter(|batch| !batch.is_empty())
    })
}

fn fetch<'a>(file: &File, batches: impl Iterator<Item = &'a [Place]>, to: &SyncSender<io::Result<Vec<u8>>>) {
    for places in batches {
        let batch = read(file, places);
        let failed = batch.is_err();
        if to.send(batch).is_err() || failed {
            return;
        }
    }
}

/// Reads a batch; rows that are neighbours in the file, as most are where few have notes, at one go.
fn read(file: &File, places: &[Place]) -> io::Result<Vec<u8>> {
    let mut batch = Vec::with_capacity(BUFFER + BUFFER / 8);
    for neighbours in places.chunk_by(|a, b| a.extent().1 == b.extent().0) {
        let (Some(first), Some(last)) = (neighbours.first(), neighbours.last()) else { continue };
        let start = batch.len();
        batch.resize(start + (last.extent().1 - first.extent().0) as usize, 0);
        file.read_exact_at(&mut batch[start..], first.extent().0).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other("it became shorter while it was read"),
            _ => cause,
        })?;
        // The last row of a file may have no line break.
        if batch.last() != Some(&b'\n') {
            batch.push(b'\n');
        }
    }
    Ok(batch)
}
