//! The roster as a whole beside that of the last good night: columns that lost their values, roles
//! that are missing, references that lead nowhere, another district's schools.

use std::collections::{BTreeMap, HashSet};

use super::intake::Intake;
use super::lists::quoted;
use super::{BLANK_AGENTS, BLANK_ORGS, BlankLists, LISTLESS, MENTIONED, ORGLESS};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::{FileSeen, file};
use crate::roster::Mode;
use crate::rules::Rules;
use crate::source::About;

/// So many new references to ids that are not known need a person, where they are more than one in
/// a hundred.
const MANY: u64 = 10;

impl Intake {
    /// If no user is at a school that is synced, it is another district's export, or the
    /// configuration is wrong. A delta may well be about other schools only; it archives no account
    /// for that.
    pub(super) fn refuse_other_schools(&self, about: &About, rules: &Rules) -> Result<()> {
        if rules.synced_schools.is_empty() || about.mode == Mode::Delta {
            return Ok(());
        }
        let index = &self.index;
        let synced: HashSet<u32> = index.sets.with(|school| rules.synced_schools.contains(school)).collect();
        let mut people = index.sets_of.iter().zip(&index.marks);
        if people.any(|(set, marks)| marks & MENTIONED != 0 && synced.contains(set)) {
            return Ok(());
        }
        Err(Failure::new(
            Kind::InputUnusable,
            "no user in the roster is at any of the configured schools",
        )
        .at(&about.name)
        .cure(
            "check `schools` in [sync] against orgs.csv, and that this is the right export; nothing was changed",
        ))
    }

    /// New references to ids that are not known are the sign of a file that is not whole.
    pub(super) fn say_dangling(&self, mode: Mode, rules: &Rules, file: &str, findings: &mut Findings) {
        if rules.last_night.is_none() || mode != Mode::Bulk {
            return;
        }
        let many = |new: u64, of: u64| new >= MANY && new * 100 > of;
        let new = self.dangling_agents.new;
        // Lists without any known id were set aside before links were counted.
        let of = self.link_count.max(new);
        if many(new, of) {
            findings.attention("many-dangling-agents", At::file(file).column("agentSourcedIds"), || {
                format!(
                    "{new} of {of} links name users that neither the roster nor the store knows, and did not on the last good \
                     night; check that {file} is complete"
                )
            });
        }
        let (new, of) = (self.dangling_orgs.new, self.mentioned);
        if many(new, of) {
            findings.attention("many-dangling-orgs", At::file(file).column("orgSourcedIds"), || {
                format!(
                    "{new} users of {of} are at orgs that neither the roster nor the store knows, and were not on the last good \
                     night; check the orgs of the export"
                )
            });
        }
    }

    /// A column that had values on the last good night and has none tonight says nothing.
    pub(super) fn look_at_columns(
        &mut self,
        about: &About,
        seen: &BTreeMap<String, FileSeen>,
        rules: &Rules,
        findings: &mut Findings,
    ) {
        let Some(last) = rules.last_night.as_deref().filter(|_| about.mode == Mode::Bulk) else { return };
        let lacks =
            |file: &str, column: &str| seen.get(file).is_some_and(|file| !file.columns.contains_key(column));
        let emptied = |file: &str, column: &str| {
            last.files.get(file).is_some_and(|file| file.had_values(column))
                && seen.get(file).is_some_and(|file| file.columns.get(column) == Some(&0))
        };
        let (users, roles) = (file::USERS, file::ROLES);
        // Without the column, and where it was emptied, no row says anything.
        if lacks(users, "orgSourcedIds")
            && (!seen.contains_key(roles) || lacks(roles, "orgSourcedId") || emptied(roles, "orgSourcedId"))
        {
            self.mark_all(MENTIONED, ORGLESS);
        }
        let counts = &self.index.counts;
        let blank = BlankLists {
            orgs: emptied(users, "orgSourcedIds") || last.roster.placed > 0 && counts.placed == 0,
            agents: emptied(users, "agentSourcedIds") || last.roster.linked > 0 && counts.linked == 0,
            roles: counts.held.iter().all(|(_, count)| *count == 0) && !last.roster.roles.is_empty(),
        };
        self.index.blank = blank;
        if blank.orgs {
            self.mark_all(BLANK_ORGS, ORGLESS);
        }
        if blank.agents {
            self.mark_all(BLANK_AGENTS, LISTLESS);
        }
        for (column, what) in blank.columns() {
            let had = last.files.get(users).is_some_and(|file| file.had_values(column));
            if had && lacks(users, column) {
                // Unlike cells that are blank for a summer, this is never meant: no change arrives
                // until it is back.
                findings.attention("column-gone", At::file(about.users_name).column(column), || {
                    format!(
                        "the column was there on the last good night and is gone; {what} stay as the store has them, and changes \
                         in the SIS do not arrive. Have the column exported again"
                    )
                });
                continue;
            }
            findings.warn("emptied-column", At::file(about.users_name).column(column), || {
                format!("every cell is blank, and on the last good night some were not; {what} stay as the store has them")
            });
        }
    }

    /// Adds a mark to the people that have another one.
    fn mark_all(&mut self, from: u8, to: u8) {
        for marks in self.index.marks.iter_mut().filter(|marks| **marks & from != 0) {
            *marks |= to;
        }
    }

    /// Whether many people have lost every role since the last good night: then roles are missing
    /// from the export.
    pub(super) fn has_lost_roles(&mut self, rules: &Rules, file: &str, findings: &mut Findings) -> bool {
        let Some(last) = rules.last_night.as_deref() else { return false };
        let new = self.index.counts.roleless.saturating_sub(last.roster.roleless);
        let lost = !self.index.blank.roles && new >= 3 && new * 100 > self.mentioned;
        if lost {
            findings.warn("roles-missing", At::file(file).column("role"), || {
                format!(
                    "{new} users more than on the last good night have no role; stored roles and schools are kept"
                )
            });
        }
        lost
    }

    pub(super) fn say_foreign_roles(&self, file: &str, findings: &mut Findings) {
        for (word, count) in &self.foreign {
            let (users, are) = if *count == 1 { ("user has", "is") } else { ("users have", "are") };
            findings.warn("unknown-role", At::file(file).column("role"), || {
                format!(
                    "{count} {users} the role {}, which OneRoster does not have, and {are} not synced for it; if it is another word \
                     for one of its roles, add it to `role_names` in [sync]",
                    quoted(word)
                )
            });
        }
    }
}
