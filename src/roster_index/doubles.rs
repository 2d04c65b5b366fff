//! Several rows of one sourcedId: whether they are one person, and what that person's lists are.

use std::collections::HashMap;

use super::Doubles;
use super::intake::{FamilyRow, Intake, MOST_ROWS};
use crate::account::SisDetails;
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::roster::kept::key;
use crate::roster::{Record, RoleList, current_roles};
use crate::rules::Rules;

/// The rows of one sourcedId that are about one person.
struct Rows {
    details: SisDetails,
    gone: bool,
    person: u32,
    /// Of the row that stands for all of them.
    place: u32,
    /// What they say of schools, roles and links, where they differ in it.
    all: Vec<FamilyRow>,
    /// The roles of the rows that have no row of the report.
    repeated: Vec<String>,
}

impl Rows {
    fn new(record: &Record<'_>, person: u32, place: u32) -> Self {
        Self {
            details: SisDetails::of(record),
            gone: record.deleted,
            person,
            place,
            all: vec![FamilyRow::of(record)],
            repeated: Vec::new(),
        }
    }

    /// Adds a row that agrees. Returns whether it says the same, and the place of the row that is
    /// not needed any more.
    fn add(&mut self, record: &Record<'_>, said: &SisDetails, place: u32, rules: &Rules) -> (bool, u32) {
        let same = self.gone == record.deleted && self.details.is_same(said, rules.phones);
        // A person that is gone in one row and there in another is there.
        match (self.gone, record.deleted) {
            (true, false) => {
                let repeated = std::mem::take(&mut self.repeated);
                let before = std::mem::replace(self, Self::new(record, self.person, place));
                self.repeated = repeated;
                (same, before.place)
            }
            (false, false) => {
                self.repeated.push(record.roles.0.to_owned());
                if !same {
                    self.all.push(FamilyRow::of(record));
                }
                (same, place)
            }
            (_, true) => (same, place),
        }
    }
}

struct Comparison<'a> {
    rules: &'a Rules,
    file: &'a str,
    /// By sourcedId: the rows so far; none for a row that cannot be compared.
    rows: HashMap<String, Option<Rows>>,
    doubles: Doubles,
}

impl Comparison<'_> {
    fn add(&mut self, record: &Record<'_>, person: u32, place: u32, findings: &mut Findings) {
        let usable = record.defect.is_none();
        let Some(before) = self.rows.get_mut(record.sourced_id) else {
            let rows = usable.then(|| Rows::new(record, person, place));
            self.rows.insert(record.sourced_id.to_owned(), rows);
            return;
        };
        let details = SisDetails::of(record);
        let agrees = |rows: &&mut Rows| {
            usable
                && rows.all.len() < MOST_ROWS
                && rows.details.has_same_contacts(&details, self.rules.phones)
        };
        let Some(rows) = before.as_mut().filter(agrees) else {
            self.doubles.contradicted.insert(record.sourced_id.to_owned());
            self.doubles.contradicted_people.insert(person);
            return;
        };
        let (same, repeated) = rows.add(record, &details, place, self.rules);
        self.doubles.repeated.insert(repeated);
        let (code, what) = match same {
            true => ("repeated-row", "with the same details; counted once"),
            false => (
                "merged-rows",
                "with the same name, email and numbers; it is one person with the schools, roles and links of all rows",
            ),
        };
        findings.warn(code, At::file(self.file).line(record.line).column("sourcedId"), || {
            format!("sourcedId `{}` appears again {what}", record.sourced_id)
        });
    }
}

impl Intake {
    /// Compares the rows of each sourcedId that seems to have several. Those that agree in name,
    /// email and numbers are one person, at all the schools, with all the roles and links that they
    /// name.
    pub(super) fn compare_doubles(
        &mut self,
        rules: &Rules,
        file: &str,
        findings: &mut Findings,
    ) -> Result<()> {
        if self.doubles.is_empty() {
            return Ok(());
        }
        let mut compared = Comparison { rules, file, rows: HashMap::new(), doubles: Doubles::default() };
        let is_double = |person| self.doubles.contains(&person);
        self.index.each_record_of(is_double, |place, person, record| {
            compared.add(record, person, place, findings);
        })?;
        let Comparison { rows, doubles, .. } = compared;
        let today = rules.today.to_string();
        for (id, rows) in rows {
            if let Some(rows) = rows.filter(|_| !doubles.contradicted.contains(&id)) {
                self.put_rows(rows, &today);
            }
        }
        for id in &doubles.contradicted {
            if let Some(person) = self.index.people.find(key(id)) {
                self.odd.remove(&person);
                self.unsettled.entry(person).or_default();
            }
        }
        self.index.doubles = doubles;
        Ok(())
    }

    fn put_rows(&mut self, rows: Rows, today: &str) {
        let Rows { person, details, mut all, repeated, .. } = rows;
        // Only the first row counts among the roles.
        for roles in &repeated {
            self.count_held(RoleList(roles), false, today);
        }
        if all.len() == 1 {
            return;
        }
        // The order of the rows makes no difference.
        all.sort_by(|a, b| (&a.roles, &a.orgs, &a.agents).cmp(&(&b.roles, &b.orgs, &b.agents)));
        if self.unsettled.remove(&person).is_none() {
            let mut roles = String::new();
            for row in &all {
                roles = RoleList(&roles).with(RoleList(&row.roles));
            }
            self.count_held(RoleList(&details.roles), false, today);
            self.count_held(RoleList(&roles), true, today);
        }
        self.odd.insert(person, all);
    }

    fn count_held(&mut self, roles: RoleList<'_>, more: bool, today: &str) {
        if roles.0.is_empty() {
            return;
        }
        let held = self.held_number(&current_roles(roles, today).join("|"));
        let count = &mut self.index.counts.held[held as usize].1;
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
    }
}
