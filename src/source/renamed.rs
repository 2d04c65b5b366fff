//! A source whose own words for roles are put into OneRoster's, before anything else looks at them.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use super::RosterSource;
use crate::failure::Result;
use crate::findings::Findings;
use crate::last_night::FileSeen;
use crate::roles::RoleNames;
use crate::roster::{Mode, Record, RoleList, Schools};

/// A source with its role words replaced.
pub struct Renamed {
    inner: Box<dyn RosterSource>,
    names: RoleNames,
}

impl Renamed {
    /// The source itself, if there is no word to replace.
    pub fn wrap(inner: Box<dyn RosterSource>, names: &RoleNames) -> Box<dyn RosterSource> {
        match names.is_empty() {
            true => inner,
            false => Box::new(Self { inner, names: names.clone() }),
        }
    }
}

impl RosterSource for Renamed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn mode(&self) -> Mode {
        self.inner.mode()
    }

    fn schools(&self) -> &Schools {
        self.inner.schools()
    }

    fn roles_of_nobody(&self) -> u64 {
        self.inner.roles_of_nobody()
    }

    fn users_name(&self) -> &'static str {
        self.inner.users_name()
    }

    fn findings(&self) -> &Findings {
        self.inner.findings()
    }

    fn names_nobody_somewhere(&self) -> bool {
        self.inner.names_nobody_somewhere()
    }

    fn shares_no_guardians(&self) -> bool {
        self.inner.shares_no_guardians()
    }

    fn guardians_beside(&self) -> Option<&HashSet<u64>> {
        self.inner.guardians_beside()
    }

    fn files_seen(&self) -> BTreeMap<String, FileSeen> {
        self.inner.files_seen()
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        self.inner.read(findings, &mut |record| match self.names.replace(record.roles) {
            Some(roles) => each(&Record { roles: RoleList(&roles), ..*record }),
            None => each(record),
        })
    }
}
