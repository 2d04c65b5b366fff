//! What was handed over to people, noted beside the store (`STORE.sent`) or where `sent_log` says.
//!
//! The store notes it as well. But a store that is restored from a copy does not know of the
//! messages that went out since the copy was made: the next run finds the same changes and would
//! tell them again. A line holds keyed hashes alone, under the key of the store: of the message, and
//! of each change that it told of, in which place and with which value. Without the store it says
//! nothing about any person.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::contact::Field;
use crate::erased::Erased;
use crate::failure::{Failure, Kind, Result};
use crate::message::{Audience, Recipient};
use crate::owner;

/// Longer than this the file does not grow; half of it is kept then. That is some 50,000 messages.
const LONGEST: u64 = 8 << 20;

pub fn beside(store: &Path) -> PathBuf {
    owner::with_suffix(store, ".sent")
}

/// A change that a message told of: the person, the recipient, the field, and the new value as
/// people read it.
pub struct Telling<'a> {
    pub sourced_id: &'a str,
    pub to: &'a Recipient,
    pub field: Field,
    pub new: &'a str,
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The parts, each with its length before it, so that no two of them read the same.
fn hash(key: &Erased, parts: &[&str]) -> String {
    let mut text = String::from("sent");
    for part in parts {
        text.push_str(&format!("\n{}:{part}", part.len()));
    }
    hex(key.hash(&text))
}

impl Telling<'_> {
    fn place(&self, key: &Erased) -> String {
        self.place_as(key, self.to.audience)
    }

    fn place_as(&self, key: &Erased, audience: Audience) -> String {
        let Self { sourced_id, to, field, .. } = self;
        let parts = [*sourced_id, to.channel.word(), audience.word(), &to.address, field.key()];
        hash(key, &parts)
    }
}

/// The line of one message: `RUN MESSAGE PLACE:VALUE …`. `run` is 0 for an edit, `message` is what
/// no other message has.
pub fn line(key: &Erased, run: i64, message: &str, tellings: &[Telling<'_>]) -> String {
    let mut line = format!("{run} {}", hash(key, &[message]));
    for telling in tellings {
        line.push_str(&format!(" {}:{}", telling.place(key), hash(key, &[telling.new])));
    }
    line
}

/// Notes that a run was done. A store that is put back together with all that is beside it can then be
/// recognised by a log elsewhere.
pub fn run_line(run: i64) -> String {
    format!("{run} -")
}

/// Appends a line to a log. It is not brought to the disk each time: a power cut costs the last few.
///
/// # Errors
/// `Failed` if it cannot be written.
pub fn append(path: &Path, line: &str) -> Result<()> {
    let written = || -> std::io::Result<()> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            // A link in its place may lead to any file of the user's.
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path)?;
        owner::adopt(path);
        let length = file.metadata()?.len();
        if length > LONGEST {
            let mut kept = Vec::new();
            file.seek(SeekFrom::Start(length - LONGEST / 2))?;
            Read::take(&mut file, LONGEST).read_to_end(&mut kept)?;
            let from = kept.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            file.set_len(0)?;
            file.write_all(&kept[from..])?;
        }
        file.write_all(format!("{line}\n").as_bytes())
    };
    written()
        .map_err(|cause| Failure::io(Kind::Failed, "the log of sent messages cannot be written", path, cause))
}

/// The highest number of a run that a log has.
///
/// # Errors
/// `Failed` if there is a log and it cannot be read.
pub fn last_run(path: &Path) -> Result<Option<i64>> {
    let bytes = bytes_of(path)?;
    let run = |line: &[u8]| std::str::from_utf8(line.split(|byte| *byte == b' ').next()?).ok()?.parse().ok();
    Ok(bytes.split(|byte| *byte == b'\n').filter_map(run).max().filter(|run: &i64| *run > 0))
}

/// Nothing of a log that is not there.
fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut bytes = Vec::new();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    match opened.and_then(|file| file.take(2 * LONGEST).read_to_end(&mut bytes)) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            let what = "the log of sent messages cannot be read";
            let cure = "correct the cause; without the log, people could be told again what they were told";
            Err(Failure::io(Kind::Failed, what, path, cause).cure(cure))
        }
        Ok(_) | Err(_) => Ok(bytes),
    }
}

/// What is noted in a log.
#[derive(Default)]
pub struct SentLog {
    messages: HashSet<String>,
    /// For each place the value that it was told last, in a run after the one that was asked for, and
    /// by which line.
    told: HashMap<String, (usize, String)>,
}

impl SentLog {
    /// Reads what is noted; a line that was cut off says nothing. `after`: what was told in runs
    /// after this one is wanted as well. A store knows of all that was told in its own runs.
    ///
    /// # Errors
    /// `Failed` if there is a log and it cannot be read.
    pub fn read(path: &Path, after: Option<i64>) -> Result<Self> {
        let mut log = Self::default();
        let bytes = bytes_of(path)?;
        for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let mut words = line.split(' ');
            let (Some(run), Some(message)) = (words.next(), words.next()) else { continue };
            let Ok(run) = run.parse::<i64>() else { continue };
            log.messages.insert(message.to_owned());
            if after.is_some_and(|after| run > after) {
                let told = words.filter_map(|word| word.split_once(':'));
                log.told.extend(told.map(|(place, value)| (place.to_owned(), (number, value.to_owned()))));
            }
        }
        Ok(log)
    }

    /// Whether a message was handed over, although the store does not say so.
    pub fn has_message(&self, key: &Erased, message: &str) -> bool {
        !self.messages.is_empty() && self.messages.contains(&hash(key, &[message]))
    }
}

/// What people were told in runs that the store does not know, because it was restored from a copy.
#[derive(Clone, Default)]
pub struct Told {
    key: Arc<Erased>,
    told: Arc<HashMap<String, (usize, String)>>,
}

impl Told {
    pub fn new(key: Arc<Erased>, log: SentLog) -> Self {
        Self { key, told: Arc::new(log.told) }
    }

    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Whether the recipient was told this last. An old address is told that it is one, whatever the
    /// new one is: that holds until it was the address again.
    pub fn has(&self, telling: &Telling<'_>) -> bool {
        let Some((line, value)) = self.told.get(&telling.place(&self.key)) else { return false };
        if *value == hash(&self.key, &[telling.new]) {
            return true;
        }
        let current = || self.told.get(&telling.place_as(&self.key, Audience::Current));
        telling.to.audience == Audience::Former && current().is_none_or(|(since, _)| since < line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Channel;

    #[test]
    fn what_was_told_last_is_known_again_and_only_in_runs_that_the_store_does_not_know() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("store.db.sent");
        let key = Arc::new(Erased::new(vec![1; 32], HashSet::new()));
        let to = |address: &str| Recipient {
            channel: Channel::Email,
            audience: Audience::Current,
            address: address.into(),
        };
        let (ann, bob) = (to("ann@x.example"), to("bob@x.example"));
        let telling = |to, new| Telling { sourced_id: "s-1", to, field: Field::Email, new };
        for (run, new) in [(5, "a"), (6, "b"), (7, "c")] {
            append(&log, &line(&key, run, &format!("{run}.1"), &[telling(&ann, new)])).unwrap();
        }
        append(&log, "8 cut").unwrap();
        let told = |after| Told::new(Arc::clone(&key), SentLog::read(&log, after).unwrap());
        assert!(told(Some(5)).has(&telling(&ann, "c")));
        assert!(!told(Some(5)).has(&telling(&ann, "b")), "told something else since");
        assert!(!told(Some(5)).has(&telling(&bob, "c")));
        assert!(told(Some(7)).is_empty() && told(None).is_empty());
        let noted = SentLog::read(&log, None).unwrap();
        assert!(noted.has_message(&key, "6.1") && !noted.has_message(&key, "9.1"));
        assert_eq!(last_run(&log).unwrap(), Some(8));
        let other = Erased::new(vec![2; 32], HashSet::new());
        assert!(!noted.has_message(&other, "6.1"), "another store");
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(!text.contains("s-1") && !text.contains("x.example"), "{text}");
    }

    #[test]
    fn an_old_address_that_knows_it_is_not_told_again_until_it_was_the_address_again() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("store.db.sent");
        let key = Arc::new(Erased::new(vec![1; 32], HashSet::new()));
        let to = |audience| Recipient { channel: Channel::Email, audience, address: "ann@x.example".into() };
        let (former, current) = (to(Audience::Former), to(Audience::Current));
        let telling = |to, new| Telling { sourced_id: "s-1", to, field: Field::Email, new };
        let told = || Told::new(Arc::clone(&key), SentLog::read(&log, Some(4)).unwrap());
        append(&log, &line(&key, 5, "5.1", &[telling(&former, "bob@x.example")])).unwrap();
        assert!(told().has(&telling(&former, "eve@x.example")));
        append(&log, &line(&key, 6, "6.1", &[telling(&current, "ann@x.example")])).unwrap();
        assert!(!told().has(&telling(&former, "eve@x.example")));
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("store.db.sent");
        let long = "x".repeat(1 << 20);
        for run in 0..12 {
            append(&log, &format!("{run} {long}")).unwrap();
        }
        assert!(std::fs::metadata(&log).unwrap().len() <= LONGEST + (2 << 20));
    }
}
