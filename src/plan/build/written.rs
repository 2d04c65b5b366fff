//! What a run writes to the store of a plan.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::Plan;
use crate::failure::{Failure, Result};
use crate::message::Audience;
use crate::plan::{Newcomer, Write};
use crate::spool::{self, BLOCK, Batch};
use crate::store::{Missing, Store};

impl Plan {
    /// Hands over the accounts that are added and nothing else.
    pub fn each_newcomer(&self, mut each: impl FnMut(&Newcomer<'_>) -> Result<()>) -> Result<()> {
        let mut newcomers = self.newcomers.read();
        while let Some(newcomer) = newcomers.next_value()? {
            each(&newcomer)?;
        }
        Ok(())
    }

    /// Whether any account is made or changed, or has a new sourcedId.
    pub fn writes_accounts(&self) -> Result<bool> {
        Ok(self.summary.has_changes()
            || self.newcomers.read().next_bytes()?.is_some()
            || !self.writes.changed.is_empty()
            || self.writes.added.read().next_bytes()?.is_some())
    }

    /// How many accounts are changed.
    pub fn count_changed(&self) -> usize {
        self.writes.changed.count()
    }

    /// Hands over what else is to be written to the store, in its order: accounts by id, then those
    /// that are added. The next are read back meanwhile.
    pub fn each_write(&self, mut each: impl FnMut(Write<'_>) -> Result<()>) -> Result<()> {
        thread::scope(|scope| {
            let (give, take) = sync_channel::<Batch>(1);
            let read = move || {
                // An error of `give`: the thread that takes them has met one, and returns it.
                for range in self.writes.changed.ranges() {
                    let mut batch = Batch::default();
                    self.writes.changed.read(range, &mut batch)?;
                    if give.send(batch).is_err() {
                        return Ok(());
                    }
                }
                let mut batch = Batch::default();
                let mut added = self.writes.added.read();
                while let Some(write) = added.next_bytes()? {
                    batch.push(write);
                    if batch.length() >= BLOCK && give.send(std::mem::take(&mut batch)).is_err() {
                        return Ok(());
                    }
                }
                let _ = give.send(batch);
                Ok(())
            };
            let reader = thread::Builder::new().spawn_scoped(scope, read).map_err(Failure::no_thread)?;
            let mut done = Ok(());
            while done.is_ok()
                && let Ok(mut batch) = take.recv()
            {
                done = self.each_of(&mut batch, &mut each);
            }
            drop(take);
            let read: Result<()> = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            done.and(read)
        })
    }

    fn each_of(&self, batch: &mut Batch, each: &mut impl FnMut(Write<'_>) -> Result<()>) -> Result<()> {
        while let Some(write) = batch.next_bytes()? {
            each(self.without_held_back(spool::first_of(write)?))?;
        }
        Ok(())
    }

    /// What is told, without the message to an old address that another person would read.
    fn without_held_back<'a>(&self, mut write: Write<'a>) -> Write<'a> {
        if !self.held_back.is_empty() {
            write.recipients.retain(|to| {
                to.audience == Audience::Current
                    || !self.held_back.contains(&(write.account.sourced_id.to_owned(), to.channel))
            });
        }
        write
    }

    /// Puts away for how long people have been missing. Of people that are back, or whose accounts are
    /// archived, nothing is left.
    pub fn save_missing(&self, store: &Store) -> Result<()> {
        for account in self.rules.missing.keys() {
            let person = u32::try_from(account - 1).unwrap_or(u32::MAX);
            let is_back = self.roster.is_mentioned(person) && !self.roster.is_gone(person);
            if is_back || self.signs.is_archived(person) {
                store.forget_missing(*account)?;
            }
        }
        for (person, adults) in self.roster.all_missing() {
            let account = i64::from(person) + 1;
            let (since, runs) = self.rules.missing_with_tonight(account);
            store.put_missing(account, &Missing { since, runs, adults: adults.to_vec() })?;
        }
        Ok(())
    }

    /// Puts away what was decided, for the next night. After everything else was written; `created`
    /// are the people whose accounts were added, in the order of their ids.
    pub fn remember(&self, store: &Store, created: &[u32]) -> Result<()> {
        self.remembered.save(store, &self.unchanged, &self.roster.people, &self.signs, created)
    }
}
