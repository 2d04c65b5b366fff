//! Orgs that users name and that the source does not list: told of once for each cell, whether they
//! can be read or not.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::roster::ids::{self, Folded, Reading};
use crate::roster::{IdList, Schools};
use crate::value::null_word;

/// So many different cells are remembered.
const MOST: usize = 4096;

/// Holds the orgs that users name against those that there are.
pub(super) struct OrgCheck<'s> {
    /// None where there is no list of orgs to be missing from.
    schools: Option<&'s Schools>,
    folded: OnceCell<Folded>,
    /// The last cell whose orgs were all known: most rows of a school have the same.
    known: String,
    odd: HashMap<Box<str>, Vec<(&'static str, String)>>,
}

impl<'s> OrgCheck<'s> {
    pub(super) fn new(schools: Option<&'s Schools>) -> Self {
        Self { schools, folded: OnceCell::new(), known: String::new(), odd: HashMap::new() }
    }

    pub(super) fn has(&self, org: &str) -> bool {
        self.schools.is_some_and(|schools| schools.0.contains_key(org))
    }

    /// Looks at one cell. `say` is given a code and a message for whatever is odd.
    #[inline]
    pub(super) fn look(&mut self, cell: &str, say: impl FnMut(&'static str, &str)) {
        if let Some(schools) = self.schools
            && cell != self.known
            && null_word(cell).is_none()
        {
            self.look_closely(cell, schools, say);
        }
    }

    fn look_closely(&mut self, cell: &str, schools: &Schools, mut say: impl FnMut(&'static str, &str)) {
        if IdList(cell).iter().all(|org| schools.0.contains_key(org)) {
            self.known.clear();
            self.known.push_str(cell);
            return;
        }
        if self.odd.len() >= MOST {
            self.odd.clear();
        }
        if !self.odd.contains_key(cell) {
            let odd = self.judge(cell, schools);
            self.odd.insert(cell.into(), odd);
        }
        for (code, message) in self.odd.get(cell).into_iter().flatten() {
            say(code, message);
        }
    }

    fn judge(&self, cell: &str, schools: &Schools) -> Vec<(&'static str, String)> {
        let folded = self.folded.get_or_init(|| {
            let mut folded = Folded::default();
            schools.0.keys().for_each(|id| folded.add(id));
            folded
        });
        let resolve = |text: &str| match schools.0.contains_key(text) {
            true => Some(text.to_owned()),
            false => folded.find(text).map(str::to_owned),
        };
        match ids::read(cell, &resolve) {
            Reading::Known(orgs) => {
                vec![("odd-list", format!("not written as OneRoster has it; read as {}", orgs.join(", ")))]
            }
            Reading::Partly { unknown, .. } => {
                unknown.iter().map(|org| ("dangling-org", dangling(org))).collect()
            }
        }
    }
}

/// The finding about an org that is not there.
pub(super) fn dangling(org: &str) -> String {
    let short: String = org.chars().filter(|character| !character.is_control()).take(60).collect();
    format!("org {short} is not among the orgs; it is known by its id, and stored schools are kept as well")
}
