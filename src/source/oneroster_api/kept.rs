//! The roster of the last pull, kept beside the store, so that the next one need only ask for what changed since.
//!
//! What changed is put into the kept roster, and the plan is handed a whole one as ever: a roster that was pulled in pieces
//! is treated like one that was pulled at once, and nobody is absent from it but those who are said to be deleted. It says
//! nothing about accounts, so it need not agree with the store: one that is older only asks for more.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::failure::{Failure, Kind, Result};
use crate::roster::Record;
use crate::source::pulled::Records;

/// Another form of the file is another number.
const FORM: u32 = 1;

/// No record is longer; what seems to be is damage.
const LONGEST: u32 = 16 << 20;

/// What is known of a kept roster before its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    form: u32,
    /// Where it was pulled.
    pub(super) url: String,
    /// The server's own stamp of the latest change in it.
    pub(super) latest: DateTime<Utc>,
    /// When it was last pulled whole.
    pub(super) whole_at: DateTime<Utc>,
    records: u64,
}

/// A kept roster, open to be read once.
pub(super) struct Kept {
    pub(super) head: Head,
    reader: BufReader<File>,
    digest: Xxh3,
}

impl Kept {
    /// Opens it; none if there is none that is of use, whatever the reason: then everything is pulled.
    pub(super) fn open(path: &Path, url: &str) -> Option<Self> {
        let mut kept = Self {
            head: Head {
                form: 0,
                url: String::new(),
                latest: DateTime::UNIX_EPOCH,
                whole_at: DateTime::UNIX_EPOCH,
                records: 0,
            },
            reader: BufReader::with_capacity(256 << 10, File::open(path).ok()?),
            digest: Xxh3::new(),
        };
        let bytes = kept.frame()?;
        kept.head = postcard::from_bytes(&bytes).ok()?;
        (kept.head.form == FORM && kept.head.url == url).then_some(kept)
    }

    /// One piece of the file; none if it is damaged.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.reader.read_exact(&mut length).ok()?;
        let length = Some(u32::from_le_bytes(length)).filter(|length| *length <= LONGEST)?;
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.reader.read_exact(&mut bytes).ok()?;
        self.digest.update(&bytes);
        Some(bytes)
    }

    /// The roster with the changes put into it; none if the file is damaged.
    pub(super) fn with(mut self, changes: &Records) -> Result<Option<Records>> {
        let mut changed: HashMap<u64, Vec<u8>> = HashMap::new();
        let mut order = Vec::new();
        changes.each(&mut |record| {
            let key = Records::key(record.sourced_id);
            order.push(key);
            changed.insert(key, postcard::to_allocvec(record).unwrap_or_default());
            ControlFlow::Continue(())
        })?;
        let mut used: HashMap<u64, bool> = HashMap::new();
        let mut merged = Records::new();
        let put = |merged: &mut Records, bytes: &[u8]| -> Result<Option<()>> {
            let Ok(record) = postcard::from_bytes::<Record<'_>>(bytes) else { return Ok(None) };
            if !record.deleted {
                merged.take(&record)?;
            }
            Ok(Some(()))
        };
        for _ in 0..self.head.records {
            let Some(bytes) = self.frame() else { return Ok(None) };
            let Ok(record) = postcard::from_bytes::<Record<'_>>(&bytes) else { return Ok(None) };
            let key = Records::key(record.sourced_id);
            let Some(new) = changed.get(&key).filter(|_| !record.sourced_id.is_empty()) else {
                merged.take(&record)?;
                continue;
            };
            // In the place of what it changes, once.
            if used.insert(key, true).is_none() && put(&mut merged, new)?.is_none() {
                return Ok(None);
            }
        }
        let mut sum = [0; 8];
        if self.reader.read_exact(&mut sum).is_err() || u64::from_le_bytes(sum) != self.digest.digest() {
            return Ok(None);
        }
        for key in order.iter().filter(|key| !used.contains_key(key)) {
            if put(&mut merged, &changed[key])?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(merged))
    }
}

/// Keeps a roster, readable by its owner only. After [`Records::finish`].
pub(super) fn keep(
    path: &Path,
    url: &str,
    latest: DateTime<Utc>,
    whole_at: DateTime<Utc>,
    records: &Records,
) -> Result<()> {
    let failed =
        |cause| Failure::io(Kind::Failed, "the pulled roster cannot be kept for the next pull", path, cause);
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let mut out = BufWriter::with_capacity(256 << 10, file);
    let mut digest = Xxh3::new();
    let mut frame = |bytes: &[u8]| {
        digest.update(bytes);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        out.write_all(&length.to_le_bytes()).and_then(|()| out.write_all(bytes))
    };
    let mut count = 0;
    records.each(&mut |record| {
        count += u64::from(!record.deleted);
        ControlFlow::Continue(())
    })?;
    let head = Head { form: FORM, url: url.to_owned(), latest, whole_at, records: count };
    let unwritable = |error: postcard::Error| {
        Failure::new(Kind::Failed, "the pulled roster cannot be kept for the next pull").because(error)
    };
    frame(&postcard::to_allocvec(&head).map_err(unwritable)?).map_err(failed)?;
    let mut done = Ok(());
    records.each(&mut |record| {
        if record.deleted {
            return ControlFlow::Continue(());
        }
        done =
            postcard::to_allocvec(record).map_err(unwritable).and_then(|bytes| frame(&bytes).map_err(failed));
        if done.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    done?;
    let sum = digest.digest();
    out.write_all(&sum.to_le_bytes()).map_err(failed)?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::RoleList;

    fn records(people: &[(&str, &str, bool)]) -> Records {
        let mut records = Records::new();
        for (sourced_id, email, deleted) in people {
            let record = Record {
                sourced_id,
                email: Some(email),
                deleted: *deleted,
                roles: RoleList("aide"),
                ..Record::default()
            };
            records.take(&record).unwrap();
        }
        records.finish().unwrap();
        records
    }

    fn shown(mut records: Records) -> Vec<String> {
        records.finish().unwrap();
        let mut all = Vec::new();
        let each = &mut |record: &Record<'_>| {
            all.push(format!("{} {}", record.sourced_id, record.email.unwrap()));
            ControlFlow::Continue(())
        };
        records.each(each).unwrap();
        all
    }

    #[test]
    fn changes_are_put_into_what_was_kept_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let now = DateTime::UNIX_EPOCH;
        let old = records(&[("a", "1", false), ("b", "1", false), ("c", "1", false), ("gone", "1", true)]);
        keep(&path, "url", now, now, &old).unwrap();
        let changes =
            records(&[("d", "2", false), ("b", "2", false), ("c", "2", true), ("never", "2", true)]);
        let merged = Kept::open(&path, "url").unwrap().with(&changes).unwrap().unwrap();
        assert_eq!(shown(merged), ["a 1", "b 2", "d 2"]);
        assert!(Kept::open(&path, "another").is_none());
        assert!(Kept::open(&folder.path().join("nothing"), "url").is_none());

        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            let read = Kept::open(&path, "url").and_then(|kept| kept.with(&changes).unwrap());
            assert!(read.is_none(), "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            let read = Kept::open(&path, "url").and_then(|kept| kept.with(&changes).unwrap());
            assert!(read.is_none(), "cut at {at}");
        }
    }
}
