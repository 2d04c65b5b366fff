//! What is known of people only when every person has been decided on: shared credentials.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Plan;
use crate::contact::{Details, PersonName};
use crate::failure::Result;
use crate::message::Channel;
use crate::plan::block_result::Former;
use crate::plan::build::RowSource;
use crate::plan::row::RowHead;
use crate::plan::unchanged::CachedRow;
use crate::plan::{Action, PlanRow};
use crate::roles;
use crate::roster::current_roles;
use crate::roster::kept::{self, Kept};
use crate::spool;

/// How many people hold a credential (0 email, 1 phone; its hash) after the run.
type Holders = HashMap<(usize, u64), usize>;

/// The messages to old addresses and numbers that are not sent, because another person would read
/// them: that person has that address after the run, and had it before it or is new. Where it goes
/// from hand to hand among people that have accounts, each of them is told of their own change, and
/// the old holder is told as well. Nor are they sent to an address of a person that is `barred`.
pub(super) fn held_back(
    former: Vec<Former>,
    acquired: &[(usize, u64)],
    holders: &Holders,
    barred: &HashSet<(usize, u64)>,
) -> BTreeSet<(String, Channel)> {
    let mut left = holders.clone();
    for credential in acquired {
        if let Some(count) = left.get_mut(credential) {
            *count = count.saturating_sub(1);
        }
    }
    let is_held = |former: &Former| {
        let credential = (former.credential, former.hash);
        left.get(&credential).is_some_and(|count| *count > 0) || barred.contains(&credential)
    };
    let channel = |credential| if credential == 0 { Channel::Email } else { Channel::Sms };
    let found = former.into_iter().filter(is_held);
    found.map(|former| (former.sourced_id, channel(former.credential))).collect()
}

impl Plan {
    /// The counts are those of the report's rows, and whether an unmentioned person has a row can
    /// depend on the others.
    pub(super) fn count_rows_of_interest(&mut self) -> Result<()> {
        let mut none = 0;
        self.each_decided_sharing(|row| {
            none += u64::from(!row.is_of_interest());
            Ok(())
        })?;
        let unchanged = self.summary.actions.entry(Action::Unchanged).or_default();
        *unchanged = unchanged.saturating_sub(none);
        Ok(())
    }

    pub(super) fn name_sharers(&mut self) -> Result<()> {
        let sharers = self.sharing.sharers();
        let follows = |place: u32| {
            self.sources.get(place as usize) == Some(&RowSource::Unchanged(CachedRow::FromRecord))
        };
        let mut next = sharers.iter().copied().filter(|place| follows(*place)).peekable();
        let (mut roster, mut block) = (self.roster.records.read(), Vec::new());
        let today = self.rules.today.to_string();
        let mut place = 0;
        while next.peek().is_some() && roster.next(&mut block)? {
            let mut records = kept::records(&block)?;
            while next.peek().is_some() {
                if next.peek() != Some(&place) {
                    if !records.skip()? {
                        break;
                    }
                } else if let Some(Kept { record, .. }) = records.next_record()? {
                    let part = Option::unwrap_or_default;
                    let name = PersonName::new(part(record.given_name), part(record.family_name));
                    let held = current_roles(record.roles, &today);
                    let kinds = roles::kinds(held.iter().map(String::as_str));
                    self.sharing.name(place, record.sourced_id, &name, kinds);
                    next.next();
                } else {
                    break;
                }
                place += 1;
            }
        }
        let mut rows = self.rows.read();
        while let Some(bytes) = rows.next_bytes()? {
            let head: RowHead = spool::first_of(bytes)?;
            if sharers.binary_search(&head.place).is_ok() {
                let row: PlanRow<'_> = spool::first_of(bytes)?;
                if row.is_live() {
                    let kinds = roles::kinds(row.roles.split('|'));
                    let name = Details::from(row.details).name;
                    self.sharing.name(row.place, row.sourced_id, &name, kinds);
                }
            }
        }
        self.sharing.compare();
        Ok(())
    }
}
