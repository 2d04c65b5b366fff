//! The roster of the last pull, kept beside the store, so that the next one need only ask for what
//! changed since.
//!
//! What changed is put into the kept roster, and the plan is handed a whole one as ever: a roster
//! that was pulled in pieces is treated like one that was pulled at once, and only users that are
//! said to be deleted are absent from it. It says nothing about accounts, so it need not agree with
//! the store: one that is older only asks for more.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::hashed;
use super::pulled::Records;
use crate::erased::Erased;
use crate::failure::{Failure, Kind, Result};
use crate::owner;
use crate::roster::{IdList, Record};

/// Another form of the file is another number.
const FORM: u32 = 5;

/// No record is longer; what seems to be is damage.
const LONGEST: u32 = 16 << 20;

/// Where the roster of a pull is kept for the next one.
#[derive(Debug, Clone)]
pub struct PullCache {
    pub file: PathBuf,
    /// Whether it may be written, too. A preview writes nothing.
    pub write: bool,
    /// People of whom nothing is kept.
    pub erased: Arc<Erased>,
}

impl PullCache {
    /// Keeps a roster for the next pull, or what is kept no longer where there is no mark to go on
    /// from. If it cannot be written the next pull is a whole one, which the log says.
    pub(super) fn keep<M: Serialize>(&self, head: Option<Head<M>>, records: &Records) {
        if !self.write {
            return;
        }
        match head.map(|head| head.keep(&self.file, records, &self.erased)) {
            Some(Ok(())) => return,
            Some(Err(failure)) => tracing::warn!("the next pull will be a whole one: {failure}"),
            None => {}
        }
        // What is kept is of no use any more. If it cannot be removed, the next pull notices.
        let _ = std::fs::remove_file(&self.file);
        let _ = std::fs::remove_file(unfinished(&self.file));
    }
}

/// What is known of a kept roster before its records. `M` is the mark from which on the source is
/// asked for changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head<M> {
    form: u32,
    /// Where it was pulled, and whose it is.
    place: String,
    pub(super) mark: M,
    /// When it was last pulled whole.
    pub(super) whole_at: DateTime<Utc>,
    records: u64,
}

/// The changed records, by sourcedId. Of several changes of one user the last one stands.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// None: gone.
    last: HashMap<u64, Option<Vec<u8>>>,
    /// In which order they first came.
    order: Vec<u64>,
    /// Some have no sourcedId, so that it is unknown which user they change.
    pub(super) has_unnamed: bool,
}

impl Changes {
    /// Takes in the present record of a user, who may be gone.
    pub(super) fn put(&mut self, record: &Record<'_>) -> Result<()> {
        self.has_unnamed |= record.sourced_id.is_empty();
        let bytes = match record.deleted {
            true => None,
            false => Some(postcard::to_allocvec(record).map_err(unwritable)?),
        };
        let key = hashed(record.sourced_id);
        if self.last.insert(key, bytes).is_none() {
            self.order.push(key);
        }
        Ok(())
    }
}

/// A kept roster, open to be read once.
pub(super) struct CachedRoster<M> {
    pub(super) head: Head<M>,
    file: Frames,
}

/// The pieces of the file.
struct Frames {
    reader: BufReader<File>,
    digest: Xxh3,
}

impl Frames {
    /// The next one; none if it is damaged.
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.reader.read_exact(&mut length).ok()?;
        let length = Some(u32::from_le_bytes(length)).filter(|length| *length <= LONGEST)?;
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.reader.read_exact(&mut bytes).ok()?;
        self.digest.update(&bytes);
        Some(bytes)
    }

    /// Whether what was read is what was written.
    fn is_sound(&mut self) -> bool {
        let mut sum = [0; 8];
        self.reader.read_exact(&mut sum).is_ok() && u64::from_le_bytes(sum) == self.digest.digest()
    }
}

impl<M: DeserializeOwned> CachedRoster<M> {
    /// Opens it to put changes into it.
    ///
    /// # Errors
    /// Why it is of no use, so that everything has to be pulled: there is none of this place, or it
    /// is time for it.
    pub(super) fn open(
        path: &Path,
        place: &str,
        full_every: Duration,
        now: DateTime<Utc>,
    ) -> Result<Self, &'static str> {
        let kept = Self::of(path, place).ok_or("there is no roster of an earlier pull that could be used")?;
        match (now - kept.head.whole_at).to_std() {
            Ok(age) if age < full_every => Ok(kept),
            Ok(_) | Err(_) => Err("the last pull of everything is long enough ago"),
        }
    }

    /// Opens it, however old it is; none if there is none of this place.
    pub(super) fn of(path: &Path, place: &str) -> Option<Self> {
        let reader = BufReader::with_capacity(256 << 10, File::open(path).ok()?);
        let mut file = Frames { reader, digest: Xxh3::new() };
        let head: Head<M> = postcard::from_bytes(&file.next()?).ok()?;
        (head.form == FORM && head.place == place).then_some(Self { head, file })
    }

    /// Hands the roster with the changes in it to `take`. False if the file is damaged: then
    /// nothing of it may be used.
    pub(super) fn with(
        mut self,
        changes: &Changes,
        take: &mut dyn FnMut(&Record<'_>) -> Result<()>,
    ) -> Result<bool> {
        let mut used = HashSet::new();
        for _ in 0..self.head.records {
            let Some(bytes) = self.file.next() else { return Ok(false) };
            let Ok(record) = postcard::from_bytes::<Record<'_>>(&bytes) else { return Ok(false) };
            let key = hashed(record.sourced_id);
            match changes.last.get(&key) {
                None => take(&record)?,
                // In the place of what it changes, once.
                Some(new) if used.insert(key) => put(new.as_deref(), take)?,
                Some(_) => {}
            }
        }
        if !self.file.is_sound() {
            return Ok(false);
        }
        for key in changes.order.iter().filter(|key| !used.contains(key)) {
            put(changes.last[key].as_deref(), take)?;
        }
        Ok(true)
    }
}

/// Where a roster is written before it has its name.
fn unfinished(path: &Path) -> PathBuf {
    owner::with_suffix(path, ".new")
}

/// Hands on a changed record, unless the user is gone.
fn put(change: Option<&[u8]>, take: &mut dyn FnMut(&Record<'_>) -> Result<()>) -> Result<()> {
    let Some(bytes) = change else { return Ok(()) };
    let record: Record<'_> = postcard::from_bytes(bytes)
        .map_err(|error| Failure::new(Kind::Failed, "a change cannot be read back").because(error))?;
    take(&record)
}

/// Why changes cannot be had, to be said before everything is pulled instead.
pub(super) fn reason(failure: &Failure) -> &str {
    failure.what.trim_end_matches("; nothing was applied")
}

fn unwritable(error: postcard::Error) -> Failure {
    Failure::new(Kind::Failed, "the pulled roster cannot be kept for the next pull").because(error)
}

impl<M: Serialize> Head<M> {
    /// Of a roster that is to be kept.
    pub(super) fn new(place: &str, mark: M, whole_at: DateTime<Utc>, records: &Records) -> Self {
        Self { form: FORM, place: place.to_owned(), mark, whole_at, records: records.present }
    }

    /// Keeps a roster, readable by its owner only. After [`Records::finish`].
    fn keep(mut self, path: &Path, records: &Records, erased: &Erased) -> Result<()> {
        let failed = |cause| {
            Failure::io(Kind::Failed, "the pulled roster cannot be kept for the next pull", path, cause)
        };
        let unfinished = unfinished(path);
        let file = owner::create_anew(&unfinished).map_err(failed)?;
        let mut out = BufWriter::with_capacity(256 << 10, file);
        let mut digest = Xxh3::new();
        let mut frame = |bytes: &[u8]| {
            digest.update(bytes);
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            out.write_all(&length.to_le_bytes()).and_then(|()| out.write_all(bytes))
        };
        if !erased.is_empty() {
            records.each(&mut |record| {
                self.records -= u64::from(!record.deleted && erased.contains(record.sourced_id));
                Ok(ControlFlow::Continue(()))
            })?;
        }
        frame(&postcard::to_allocvec(&self).map_err(unwritable)?).map_err(failed)?;
        records.each(&mut |record| {
            if !record.deleted && !erased.contains(record.sourced_id) {
                let agents = record.agents.and_then(|list| erased.without(list.0));
                let record = Record { agents: agents.as_deref().map(IdList).or(record.agents), ..*record };
                frame(&postcard::to_allocvec(&record).map_err(unwritable)?).map_err(failed)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let sum = digest.digest();
        out.write_all(&sum.to_le_bytes()).map_err(failed)?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        owner::adopt(&unfinished);
        std::fs::rename(&unfinished, path).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::RoleList;

    fn records(people: &[(&str, &str, bool)]) -> Records {
        let mut records = Records::new(crate::value::ONEROSTER);
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
            Ok(ControlFlow::Continue(()))
        };
        records.each(each).unwrap();
        all
    }

    const DAY: Duration = Duration::from_secs(86_400);

    fn changes(people: &[(&str, &str, bool)]) -> Changes {
        let mut changes = Changes::default();
        for (sourced_id, email, deleted) in people {
            let record = Record { sourced_id, email: Some(email), deleted: *deleted, ..Record::default() };
            changes.put(&record).unwrap();
        }
        changes
    }

    /// What a pull of changes comes to, if the kept roster can be used.
    fn merged(path: &Path, place: &str, changes: &Changes) -> Option<Vec<String>> {
        let kept = CachedRoster::<String>::open(path, place, DAY, DateTime::UNIX_EPOCH).ok()?;
        assert_eq!(kept.head.mark, "mark");
        let mut records = Records::new(crate::value::ONEROSTER);
        let is_sound = kept.with(changes, &mut |record| records.take(record).map(drop)).unwrap();
        is_sound.then(|| shown(records))
    }

    #[test]
    fn changes_are_put_into_what_was_kept_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let now = DateTime::UNIX_EPOCH;
        let old = records(&[("a", "1", false), ("b", "1", false), ("c", "1", false), ("gone", "1", true)]);
        Head::new("url", "mark".to_owned(), now, &old).keep(&path, &old, &Erased::default()).unwrap();
        let changes = changes(&[
            ("d", "1", false),
            ("b", "1", true),
            ("b", "2", false),
            ("c", "2", false),
            ("c", "2", true),
            ("never", "2", true),
            ("d", "2", false),
        ]);
        assert_eq!(merged(&path, "url", &changes).unwrap(), ["a 1", "b 2", "d 2"]);
        assert!(merged(&path, "another", &changes).is_none());
        assert!(merged(&folder.path().join("nothing"), "url", &changes).is_none());
        let later = CachedRoster::<String>::open(&path, "url", DAY, now + DAY);
        assert_eq!(later.err(), Some("the last pull of everything is long enough ago"));

        let whole = std::fs::read(&path).unwrap();
        let unusable = || {
            CachedRoster::<String>::open(&path, "url", DAY, now)
                .map_or(true, |kept| !kept.with(&changes, &mut |_| Ok(())).unwrap())
        };
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(unusable(), "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(unusable(), "cut at {at}");
        }
    }

    #[test]
    fn nothing_is_kept_of_an_erased_person() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        let key = Erased::new(vec![1; 32], HashSet::new());
        let erased = Erased::new(vec![1; 32], HashSet::from([key.hash("gone-4711")]));
        let all = records(&[("a", "1", false), ("gone-4711", "secret", false), ("c", "1", false)]);
        Head::new("url", "mark".to_owned(), DateTime::UNIX_EPOCH, &all).keep(&path, &all, &erased).unwrap();
        assert_eq!(merged(&path, "url", &changes(&[])).unwrap(), ["a 1", "c 1"]);
        let bytes = std::fs::read(&path).unwrap();
        for word in ["gone-4711", "secret"] {
            assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn a_change_without_a_sourced_id_is_noticed() {
        assert!(changes(&[("a", "1", false), ("", "1", false)]).has_unnamed);
        assert!(!changes(&[("a", "1", false)]).has_unnamed);
    }
}
