//! What is known of people only when every person has been decided on: shared credentials, and new
//! people who seem to be known ones.

use std::collections::{BTreeSet, HashMap};

use super::Plan;
use crate::account::State;
use crate::contact::{Details, PersonName, likeness_keys};
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::message::Channel;
use crate::plan::block_result::Former;
use crate::plan::build::RowSource;
use crate::plan::row::RowHead;
use crate::plan::shared_credentials::{CREDENTIALS, Rekey};
use crate::plan::unchanged::CachedRow;
use crate::plan::{Action, PlanRow};
use crate::roles;
use crate::roster::current_roles;
use crate::roster::kept::{self, Kept};
use crate::spool;
use crate::store::Store;

/// So many may lose an active account to another sourcedId without a person having to look at it.
const FEW: u64 = 5;

/// How many people hold a credential (0 email, 1 phone; its hash) after the run.
type Holders = HashMap<(usize, u64), usize>;

/// The messages to old addresses and numbers that are not sent, because another person would read
/// them: that person has that address after the run, and had it before it or is new. Where it goes
/// from hand to hand among people that have accounts, each of them is told of their own change, and
/// the old holder is told as well.
pub(super) fn held_back(
    former: Vec<Former>,
    acquired: &[(usize, u64)],
    holders: &Holders,
) -> BTreeSet<(String, Channel)> {
    let mut left = holders.clone();
    for credential in acquired {
        if let Some(count) = left.get_mut(credential) {
            *count = count.saturating_sub(1);
        }
    }
    let is_held =
        |former: &Former| left.get(&(former.credential, former.hash)).is_some_and(|count| *count > 0);
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

    /// Finds new people that are like a person that is archived, before or by this run.
    pub(super) fn find_rekeys(&mut self, store: &Store) -> Result<()> {
        if self.summary.count(Action::Created) == 0 {
            return Ok(());
        }
        // By likeness: the sourcedId, and whether an active account is lost tonight.
        let mut gone: HashMap<u64, (Box<str>, bool)> = HashMap::new();
        let mut put = |details: &Details, id: &str, loses: bool| {
            for key in likeness_keys(details).into_iter().flatten() {
                let first = gone.entry(key).or_insert_with(|| (id.into(), loses));
                // The same one is named whatever the order: an account that is lost tonight, then
                // the lowest id.
                if (loses, first.0.as_ref()) > (first.1, id) {
                    *first = (id.into(), loses);
                }
            }
        };
        let known = &self.roster.people;
        let archived = |number: &u32| self.signs.is_archived(*number);
        let mut archived = known.with_account().filter(archived).peekable();
        if archived.peek().is_some() {
            let renamed = store.rekeyed()?;
            for id in archived.filter_map(|number| known.account(number)).filter(|id| !renamed.contains(id)) {
                let account = store.account_by_id(id)?;
                if let Some(account) = account {
                    put(&account.details, &account.sourced_id, false);
                }
            }
        }
        if self.summary.count(Action::Archived) > 0 {
            self.each_of(Action::Archived, |row| {
                let loses = row.state_before == Some(State::Active.word());
                put(&row.details.into(), row.sourced_id, loses);
            })?;
        }
        if gone.is_empty() {
            return Ok(());
        }
        let mut rekeys = Vec::new();
        self.each_of(Action::Created, |row| {
            let keys = likeness_keys(&row.details.into()).into_iter().zip(CREDENTIALS);
            let found = keys.filter_map(|(key, field)| Some((gone.get(&key?)?, field))).next();
            if let Some(((old, loses), field)) = found {
                rekeys.push(Rekey {
                    place: row.place,
                    line: row.line,
                    new: row.sourced_id.into(),
                    old: old.clone(),
                    field,
                    loses: *loses,
                });
            }
        })?;
        self.sharing.rekeys = rekeys;
        Ok(())
    }

    /// Says which new persons are probably known ones under another sourcedId. Where more than a
    /// few active ones lose their accounts by that, a person has to look at it.
    pub fn tell_rekeys(&self, file: &str, findings: &mut Findings) {
        let rekeys = &self.sharing.rekeys;
        for rekey in rekeys {
            let Rekey { line, new, old, field, loses, .. } = rekey;
            findings.warn("possible-rekey", At::file(file).line(*line).column("sourcedId"), || {
                let what = match old.eq_ignore_ascii_case(new) {
                    true => format!("differs from `{old}` only in upper and lower case, and has the same name and {}", field.noun()),
                    false => format!("has the name and the {} of `{old}`", field.noun()),
                };
                let loss = if *loses { "; the active account of that one is archived" } else { "" };
                format!(
                    "sourcedId `{new}` is new and {what}{loss}. If it is one person: rostersync users rekey {old} {new}"
                )
            });
        }
        let lost = rekeys.iter().filter(|rekey| rekey.loses).count() as u64;
        if lost > FEW {
            findings.attention("possible-rekey", At::file(file).column("sourcedId"), || {
                format!(
                    "{lost} active users lose their accounts tonight and seem to be back under another sourcedId; put the pairs into a file and \
                     run with --rekey before the next night, or undo this run"
                )
            });
        }
    }

    fn each_of(&self, action: Action, mut each: impl FnMut(&PlanRow<'_>)) -> Result<()> {
        let mut rows = self.rows.read();
        while let Some(bytes) = rows.next_bytes()? {
            let head: RowHead = spool::first_of(bytes)?;
            if head.action == action {
                each(&spool::first_of(bytes)?);
            }
        }
        Ok(())
    }
}
