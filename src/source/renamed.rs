//! A source whose own words for roles are put into OneRoster's, before anything else looks at them.

use std::ops::ControlFlow;

use super::{About, AfterRead, RosterSource};
use crate::failure::Result;
use crate::findings::Findings;
use crate::roles::RoleNames;
use crate::roster::{Record, RoleList};

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
    fn about(&self) -> &About {
        self.inner.about()
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<AfterRead> {
        self.inner.read(findings, &mut |record| match self.names.replace(record.roles) {
            Some(roles) => each(&Record { roles: RoleList(&roles), ..*record }),
            None => each(record),
        })
    }
}
