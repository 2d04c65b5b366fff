//! Channels that people have left: by account, and numbers whose owners have answered STOP.

use chrono::{DateTime, Utc};

use super::sql::stamp;
use super::{AuditEntry, Origin, Store};
use crate::account::OptOuts;
use crate::failure::Result;
use crate::message::Channel;

impl Store {
    pub fn put_opt_outs(&self, account: i64, opt_outs: OptOuts) -> Result<()> {
        self.write("UPDATE account SET opt_outs = ?2 WHERE id = ?1", (account, opt_outs.column()))
    }

    /// Numbers whose owners have answered STOP.
    pub fn stopped_numbers(&self) -> Result<Vec<String>> {
        self.all("SELECT number FROM opt_out", [], |row| row.get(0))
    }

    pub fn is_stopped_number(&self, number: &str) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM opt_out WHERE number = ?1)", [number])
    }

    /// The owner has answered STOP: the number gets no texts any more, and neither do the people that
    /// have it. Does so in a transaction of its own.
    pub fn stop_number(&self, number: &str, at: DateTime<Utc>) -> Result<()> {
        self.transaction(|| {
            let insert = "INSERT OR IGNORE INTO opt_out (number, since) VALUES (?1, ?2)";
            self.write(insert, [number, &stamp(at)])?;
            self.people_with(number, true, at)
        })
    }

    /// Takes over the opt-outs of another store that this one does not have. Is part of a
    /// transaction. Returns how many there were.
    pub fn take_over_opt_outs(&self, from: &Self, at: DateTime<Utc>) -> Result<u64> {
        let mut taken = 0;
        for number in from.stopped_numbers()? {
            let insert = "INSERT OR IGNORE INTO opt_out (number, since) VALUES (?1, ?2)";
            taken += self.execute(insert, (&number, stamp(at)))? as u64;
        }
        let left: Vec<(String, Option<String>)> =
            from.all("SELECT sourced_id, opt_outs FROM account WHERE opt_outs NOT NULL", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        for (sourced_id, there) in left {
            let there = OptOuts::from_column(there.as_deref());
            let own: Vec<(i64, Option<String>)> =
                self.all("SELECT id, opt_outs FROM account WHERE sourced_id = ?1", [&sourced_id], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            for (account, column) in own {
                let mut opt_outs = OptOuts::from_column(column.as_deref());
                for channel in Channel::ALL.into_iter().filter(|channel| there.has_left(*channel)) {
                    if opt_outs.set(channel, true) {
                        taken += 1;
                        self.put_opt_outs(account, opt_outs)?;
                        let entry = AuditEntry::of_opt_out(Origin::Operator, channel, true);
                        self.audit(account, None, &entry, at)?;
                    }
                }
            }
        }
        Ok(taken)
    }

    /// The owner has answered START. Whether the number had been stopped.
    pub fn start_number(&self, number: &str, at: DateTime<Utc>) -> Result<bool> {
        let was_stopped = self.forget_stopped_number(number)?;
        if was_stopped {
            self.people_with(number, false, at)?;
        }
        Ok(was_stopped)
    }

    /// Whether it was one.
    pub fn forget_stopped_number(&self, number: &str) -> Result<bool> {
        Ok(self.execute("DELETE FROM opt_out WHERE number = ?1", [number])? > 0)
    }

    /// Has the people with a number leave the texts, or come back.
    fn people_with(&self, number: &str, out: bool, at: DateTime<Utc>) -> Result<()> {
        let people: Vec<(i64, Option<String>)> =
            self.all("SELECT id, opt_outs FROM account WHERE phone = ?1", [number], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        for (account, column) in people {
            let mut opt_outs = OptOuts::from_column(column.as_deref());
            if opt_outs.set(Channel::Sms, out) {
                self.put_opt_outs(account, opt_outs)?;
                self.audit(account, None, &AuditEntry::of_opt_out(Origin::Person, Channel::Sms, out), at)?;
            }
        }
        Ok(())
    }

    /// Whether a message that waits is not to be sent, since its person has left the channel. A change
    /// of a sign-in is told by email all the same.
    pub fn has_left_channel(&self, message: i64) -> Result<bool> {
        self.value(
            "SELECT EXISTS (SELECT 1 FROM outbox JOIN account ON account.id = account_id WHERE outbox.id = ?1 \
             AND instr(opt_outs, channel || ':out') > 0 AND (channel = 'sms' OR first_change NOT NULL AND NOT EXISTS ( \
             SELECT 1 FROM audit_row WHERE audit_row.account_id = outbox.account_id \
             AND audit_row.id BETWEEN first_change AND last_change AND field IN ('email', 'phone'))))",
            [message],
        )
    }
}
