//! The audit chain: each run and each edit has a link that covers its rows, its own row in the
//! history, and the link before. To alter anything unseen, every later link has to be altered as
//! well; `verify` says where that was not done.
//!
//! The chain shows that something was altered by hand, not by whom. If the whole chain is written
//! anew, its last digest is another one, so that digest is worth keeping elsewhere.

use chrono::{DateTime, Utc};
use rusqlite::{Row, named_params};
use sha2::{Digest, Sha256};

use crate::failure::{Failure, Kind, Result};
use crate::store::Store;
use crate::store::sql::stamp;

/// What an audit row says besides its values.
pub(in crate::store) struct Meta<'a> {
    pub(in crate::store) account: i64,
    pub(in crate::store) run: Option<i64>,
    pub(in crate::store) origin: &'a str,
    pub(in crate::store) actor: &'a str,
    pub(in crate::store) field: &'a str,
    pub(in crate::store) at: &'a str,
}

/// What was written to the audit since the transaction began.
#[derive(Default, Clone)]
pub(in crate::store) struct Sealing {
    /// Makes the salts; never stored.
    key: Option<[u8; 32]>,
    salts: u64,
    rows: Option<(i64, i64)>,
    digests: Sha256,
    run: Option<i64>,
    at: Option<DateTime<Utc>>,
    /// The next account follows the highest that there ever was, which may have been removed.
    pub(in crate::store) follows_removed: bool,
    /// In the keys of the messages that this transaction queues.
    nonce: Option<String>,
}

impl Sealing {
    pub(in crate::store) fn row(&mut self, id: i64, digest: &[u8], at: DateTime<Utc>) {
        self.rows = Some((self.rows.map_or(id, |(first, _)| first), id));
        self.digests.update(digest);
        self.at.get_or_insert(at);
    }

    pub(in crate::store) fn last_row(&self) -> Option<i64> {
        self.rows.map(|(_, last)| last)
    }

    pub(in crate::store) fn of_run(&mut self, run: i64, at: DateTime<Utc>) {
        self.run = Some(run);
        self.at = Some(at);
    }
}

/// Every part with its length before it, so that no two rows read the same.
fn add(digest: &mut Sha256, part: &[u8]) {
    digest.update((part.len() as u64).to_le_bytes());
    digest.update(part);
}

fn half(digest: Sha256) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest.finalize()[..16]);
    half
}

pub(in crate::store) fn value_digest(salt: &[u8], old: &str, new: &str) -> [u8; 16] {
    let mut digest = Sha256::new();
    for part in [salt, old.as_bytes(), new.as_bytes()] {
        add(&mut digest, part);
    }
    half(digest)
}

/// The digest of a row: first that of its values, which outlives them, then that of all.
pub(in crate::store) fn digest(meta: &Meta<'_>, values: &[u8; 16]) -> [u8; 32] {
    let mut digest = Sha256::new();
    add(&mut digest, &meta.account.to_le_bytes());
    add(&mut digest, &meta.run.unwrap_or_default().to_le_bytes());
    for part in [meta.origin, meta.actor, meta.field, meta.at] {
        add(&mut digest, part.as_bytes());
    }
    add(&mut digest, values);
    let mut both = [0; 32];
    both[..16].copy_from_slice(values);
    both[16..].copy_from_slice(&half(digest));
    both
}

pub(in crate::store) struct Link {
    pub(in crate::store) id: i64,
    pub(in crate::store) run: Option<i64>,
    pub(in crate::store) at: String,
    pub(in crate::store) first: i64,
    pub(in crate::store) last: i64,
    pub(in crate::store) accounts: i64,
    pub(in crate::store) digest: Vec<u8>,
}

impl Link {
    pub(in crate::store) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            run: row.get("run_id")?,
            at: row.get("at")?,
            first: row.get("first_audit")?,
            last: row.get("last_audit")?,
            accounts: row.get("accounts")?,
            digest: row.get("digest")?,
        })
    }

    /// `rows` is the digest over the digests of its rows, `run` that of its row in the history.
    pub(in crate::store) fn seal(&self, before: &[u8], run: &[u8], rows: &[u8]) -> Vec<u8> {
        let mut digest = Sha256::new();
        add(&mut digest, before);
        for number in [self.id, self.run.unwrap_or_default(), self.first, self.last, self.accounts] {
            add(&mut digest, &number.to_le_bytes());
        }
        for part in [self.at.as_bytes(), run, rows] {
            add(&mut digest, part);
        }
        digest.finalize().to_vec()
    }

    /// What the first link says, in words: its digest, see `0007_chain.sql`. None of one that was
    /// not sealed, because the chain had begun before that was done.
    pub(in crate::store) fn says(&self) -> Vec<u8> {
        format!(
            "older than the chain: rows to {}, accounts to {}, runs to {}",
            self.last,
            self.accounts,
            self.run.unwrap_or_default()
        )
        .into_bytes()
    }
}

pub(in crate::store) fn lost() -> Failure {
    Failure::new(Kind::Failed, "the history has lost its links: they were removed by hand")
        .cure("`rostersync status --verify` says more; restore the store from a backup")
}

impl Store {
    pub(in crate::store) fn salt(&self) -> Result<[u8; 16]> {
        let mut sealing = self.sealing.borrow_mut();
        let key = match sealing.key {
            Some(key) => key,
            None => {
                let key = self.value("SELECT randomblob(32)", [])?;
                *sealing.key.insert(key)
            }
        };
        sealing.salts += 1;
        let mut digest = Sha256::new();
        digest.update(key);
        digest.update(sealing.salts.to_le_bytes());
        Ok(half(digest))
    }

    /// The random value that is part of the key of every message that this transaction queues.
    pub(in crate::store) fn nonce(&self) -> Result<String> {
        let mut sealing = self.sealing.borrow_mut();
        match &sealing.nonce {
            Some(nonce) => Ok(nonce.clone()),
            None => {
                let drawn = self.value("SELECT lower(hex(randomblob(6)))", [])?;
                Ok(sealing.nonce.insert(drawn).clone())
            }
        }
    }

    /// Adds the link over what was written since the transaction began, if anything was. Returns its
    /// digest.
    pub(in crate::store) fn seal(&self) -> Result<Option<Vec<u8>>> {
        let sealing = self.sealing.take();
        let Some(at) = sealing.at else { return Ok(None) };
        let before =
            self.first("SELECT * FROM link ORDER BY id DESC LIMIT 1", [], Link::read)?.ok_or_else(lost)?;
        let (first, last) = sealing.rows.unwrap_or((before.last + 1, before.last));
        let accounts = before.accounts.max(self.value("SELECT coalesce(max(id), 0) FROM account", [])?);
        let link = Link {
            id: before.id + 1,
            run: sealing.run,
            at: stamp(at),
            first,
            last,
            accounts,
            digest: Vec::new(),
        };
        let run = self.digest_of_run(sealing.run)?;
        let digest = link.seal(&before.digest, &run, &sealing.digests.finalize());
        self.write(
            "INSERT INTO link (id, run_id, at, first_audit, last_audit, accounts, digest) \
             VALUES (:id, :run, :at, :first, :last, :accounts, :digest)",
            named_params! {
                ":id": link.id, ":run": link.run, ":at": link.at, ":first": link.first, ":last": link.last,
                ":accounts": link.accounts, ":digest": digest,
            },
        )?;
        Ok(Some(digest))
    }

    pub(in crate::store) fn digest_of_run(&self, run: Option<i64>) -> Result<Vec<u8>> {
        let Some(run) = run else { return Ok(Vec::new()) };
        let query = "SELECT started, finished, result, source, mode, checksum, summary, notify, \
                     coalesce(undoes, 0) AS undoes FROM run WHERE id = ?1";
        let digest = self.first(query, [run], |row| {
            let mut digest = Sha256::new();
            for column in ["started", "finished", "result", "source", "mode", "checksum", "summary"] {
                add(&mut digest, row.get_ref(column)?.as_str()?.as_bytes());
            }
            for column in ["notify", "undoes"] {
                add(&mut digest, &row.get::<_, i64>(column)?.to_le_bytes());
            }
            Ok(digest.finalize().to_vec())
        })?;
        Ok(digest.unwrap_or_default())
    }
}
