//! The rules of `[contacts]` on the rows of the guardians file.

use super::rows::{COLUMNS, LinkClass};
use crate::rights::rules::Seen;
use crate::source::contact_rules::{ContactColumns, ContactTrial, UnusedValues};
use crate::source::{ContactOptions, UnusedColumn};

/// The class of each row's link, by the columns of the row.
pub(super) struct FileLinks<'r> {
    options: &'r ContactOptions,
    trial: Option<ContactTrial<'r>>,
    /// Of each column of the rules its place among the cells that were asked for.
    rules: Vec<Option<usize>>,
    /// The names of the columns that are in no rule. Their cells come first.
    unused_names: Vec<String>,
    unused: UnusedValues,
}

impl<'r> FileLinks<'r> {
    pub(super) fn new(options: &'r ContactOptions) -> Self {
        Self {
            options,
            trial: None,
            rules: Vec::new(),
            unused_names: Vec::new(),
            unused: UnusedValues::default(),
        }
    }

    /// Finds the columns in the header. Returns the places of the cells that are needed.
    pub(super) fn locate(&mut self, header: &[String], located: &[Option<usize>; 9]) -> Vec<usize> {
        // A rule may use the name that the documents have, where the file has another.
        let also = |name: &str| {
            let known = COLUMNS.iter().position(|(own, _)| own.eq_ignore_ascii_case(name));
            known.and_then(|at| located[at])
        };
        let is_read = |at: usize| located.contains(&Some(at));
        let columns = ContactColumns::locate(self.options, header, also, is_read);
        self.trial = ContactTrial::of_file(self.options, &columns);
        self.unused_names = columns.unused.iter().map(|at| header[*at].clone()).collect();
        let mut wanted = if self.options.counts_unused { columns.unused.clone() } else { Vec::new() };
        self.rules = columns
            .places
            .iter()
            .map(|place| {
                wanted.push((*place)?);
                Some(wanted.len() - 1)
            })
            .collect();
        wanted
    }

    /// The class of a row's link.
    pub(super) fn class(&mut self, cells: &[Option<&str>]) -> LinkClass {
        if self.options.counts_unused {
            for (at, cell) in cells.iter().take(self.unused_names.len()).enumerate() {
                self.unused.count(at, cell.unwrap_or_default());
            }
        }
        let Self { trial, rules, .. } = self;
        match trial {
            Some(trial) => {
                let (class, why) = trial.class(|column| cells[rules[column]?]);
                LinkClass { class, why, ..LinkClass::default() }
            }
            None => LinkClass::default(),
        }
    }

    pub(super) fn seen(self, file: &str) -> (Option<Seen>, Vec<UnusedColumn>) {
        let names = self.unused_names.iter().map(String::as_str);
        let unused = self.unused.columns(file, names);
        (self.trial.and_then(|trial| trial.seen().rules), unused)
    }
}
