//! The rules of `[contacts]` in a source: where the raw columns are, each link gets its class.
//!
//! Columns of an adult's own record decide over all links of the adult, whichever record names
//! them; columns of a link's row (a guardians file, a relationship of Clever) over that link alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rights::rules::{LinkRules, Seen, Trial};
use crate::rights::{Class, looks_like_restriction};
use crate::roles::{RoleNames, canonical, is_guardian};
use crate::roster::{EVERY, IdList, Record, RoleList};
use crate::value::null_word;

/// What a source needs to know of `[contacts]`.
#[derive(Debug, Clone, Default)]
pub struct ContactOptions {
    pub rules: Option<Arc<LinkRules>>,
    pub role_names: RoleNames,
    /// The person whose classes are to be explained.
    pub watched: Option<String>,
    /// The values of columns that look like restrictions and are in no rule are counted.
    pub counts_unused: bool,
}

impl ContactOptions {
    /// What a roster that is kept has to agree with: its classes were worked out by these rules.
    pub(super) fn text(&self) -> String {
        self.rules.as_ref().map_or_else(String::new, |rules| format!(" {}", rules.text()))
    }

    fn is_watched(&self, sourced_id: &str) -> bool {
        self.watched.as_deref() == Some(sourced_id)
    }
}

/// Why a link of the watched person has its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The student; empty for all links of the person.
    pub student: String,
    /// None: a column of a rule is blank in all rows tonight.
    pub class: Option<Class>,
    pub why: String,
}

/// A column that looks as if it said whom a school may contact, and is in no rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnusedColumn {
    pub file: String,
    pub column: String,
    /// Its values with their counts; empty where they were not counted.
    pub values: BTreeMap<Box<str>, u64>,
}

/// What was seen of columns that say whom a school may contact.
#[derive(Debug, Clone, Default)]
pub struct ContactsSeen {
    /// None without rules.
    pub rules: Option<Seen>,
    pub explained: Vec<Explained>,
    pub unused: Vec<UnusedColumn>,
}

impl ContactsSeen {
    pub(super) fn add(&mut self, other: Self) {
        self.rules = match (self.rules.take(), other.rules) {
            (Some(own), Some(other)) => Some(own.with(other)),
            (own, other) => own.or(other),
        };
        self.explained.extend(other.explained);
        self.unused.extend(other.unused);
    }
}

/// Where the columns of the rules are, and columns that are in none.
#[derive(Debug, Clone, Default)]
pub(super) struct ContactColumns {
    /// By number of the rules' column.
    pub(super) places: Vec<Option<usize>>,
    pub(super) unused: Vec<usize>,
    /// Whether the cells of those are read.
    counts_unused: bool,
}

impl ContactColumns {
    /// Finds them in a header. `also` gives the place of a column that the file calls otherwise;
    /// columns that `is_read` says have a meaning of their own.
    pub(super) fn locate(
        options: &ContactOptions,
        header: &[String],
        also: impl Fn(&str) -> Option<usize>,
        is_read: impl Fn(usize) -> bool,
    ) -> Self {
        let rules = options.rules.as_deref();
        let place = |name: &String| {
            let own = header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
            own.or_else(|| also(name))
        };
        let places: Vec<Option<usize>> =
            rules.map(LinkRules::columns).unwrap_or_default().iter().map(place).collect();
        let is_unused = |at: &usize| {
            looks_like_restriction(&header[*at]) && !is_read(*at) && !places.contains(&Some(*at))
        };
        let unused = (0..header.len()).filter(is_unused).collect();
        Self { places, unused, counts_unused: options.counts_unused }
    }

    pub(super) fn used(&self) -> impl Iterator<Item = usize> {
        let unused = if self.counts_unused { self.unused.as_slice() } else { &[] };
        self.places.iter().flatten().chain(unused).copied()
    }
}

/// Counts the values of columns that are in no rule.
#[derive(Debug, Default)]
pub(super) struct UnusedValues(Vec<BTreeMap<Box<str>, u64>>);

/// So many different values of a column are kept.
const MOST_VALUES: usize = 1000;

impl UnusedValues {
    pub(super) fn count(&mut self, column: usize, value: &str) {
        if self.0.len() <= column {
            self.0.resize(column + 1, BTreeMap::new());
        }
        let values = &mut self.0[column];
        if !value.is_empty() && (values.len() < MOST_VALUES || values.contains_key(value)) {
            *values.entry(value.into()).or_default() += 1;
        }
    }

    pub(super) fn columns<'n>(
        mut self,
        file: &str,
        names: impl Iterator<Item = &'n str>,
    ) -> Vec<UnusedColumn> {
        let name = |(at, name): (usize, &str)| UnusedColumn {
            file: file.to_owned(),
            column: name.to_owned(),
            values: self.0.get_mut(at).map(std::mem::take).unwrap_or_default(),
        };
        names.enumerate().map(name).collect()
    }
}

/// Tries the rules on links and on people.
#[derive(Debug)]
pub(super) struct ContactTrial<'r> {
    options: &'r ContactOptions,
    pub(super) trial: Trial<'r>,
    explained: Vec<Explained>,
    /// Used again for every record.
    list: String,
}

impl<'r> ContactTrial<'r> {
    /// None without rules.
    pub(super) fn new(options: &'r ContactOptions, has: impl Fn(&str) -> bool) -> Option<Self> {
        let trial = options.rules.as_deref()?.with_columns(has);
        Some(Self { options, trial, explained: Vec::new(), list: String::new() })
    }

    /// By the columns that were located in a header.
    pub(super) fn of_file(options: &'r ContactOptions, columns: &ContactColumns) -> Option<Self> {
        let rules = options.rules.as_deref()?;
        let at = |name: &str| rules.columns().iter().position(|own| own == name);
        Self::new(options, |name| at(name).is_some_and(|at| columns.places[at].is_some()))
    }

    pub(super) fn columns(&self) -> &'r [String] {
        self.options.rules.as_deref().map(LinkRules::columns).unwrap_or_default()
    }

    /// The class of a link, and the reason where it is asked for.
    pub(super) fn class<'c>(&mut self, cell: impl Fn(usize) -> Option<&'c str>) -> (Class, Option<String>) {
        let decided = self.trial.decide(&cell, |text| null_word(text).is_some());
        let why = self.options.watched.is_some().then(|| self.trial.why(decided, &cell));
        (decided.class, why)
    }

    pub(super) fn explain(&mut self, sourced_id: &str, student: &str, class: Class, why: Option<String>) {
        if self.options.is_watched(sourced_id)
            && let Some(why) = why
        {
            self.explained.push(Explained { student: student.to_owned(), class: Some(class), why });
        }
    }

    /// Hands over the record of a user with the class of all its links, where the user is an adult
    /// of children, or may be one.
    pub(super) fn of_person<'c, T>(
        &mut self,
        record: &Record<'_>,
        cell: impl Fn(usize) -> Option<&'c str>,
        use_it: impl FnOnce(&Record<'_>) -> T,
    ) -> T {
        if !self.concerns(record) {
            return use_it(record);
        }
        let no_roles = record.roles.0.is_empty();
        let (class, why) = self.class(cell);
        if self.options.watched.is_some() {
            self.explain(record.sourced_id, "", class, why);
        }
        if class == Class::Contact {
            return use_it(&Record { emergency: Some(IdList("")), barred: Some(IdList("")), ..*record });
        }
        let mut list = std::mem::take(&mut self.list);
        list.clear();
        // Of a user without a role it is not known whether the list is one of students.
        let agents = if no_roles { record.agents } else { record.agents.map(|_| IdList("")) };
        if let (false, Some(links)) = (no_roles, record.agents.filter(|list| !list.0.is_empty())) {
            list.push_str(links.0);
            list.push(',');
        }
        list.push_str(EVERY);
        let (own, other) = (Some(IdList(&list)), Some(IdList("")));
        let (emergency, barred) = if class == Class::Never { (other, own) } else { (own, other) };
        let done = use_it(&Record { agents, emergency, barred, ..*record });
        self.list = list;
        done
    }

    /// Whether the record is one of a user whose links have classes, or may have.
    pub(super) fn concerns(&self, record: &Record<'_>) -> bool {
        let may_be_adult = record.roles.0.is_empty() || self.is_adult(record.roles);
        record.defect.is_none() && !record.deleted && may_be_adult
    }

    fn is_adult(&self, roles: RoleList<'_>) -> bool {
        is_adult(roles, &self.options.role_names)
    }

    pub(super) fn seen(self) -> ContactsSeen {
        ContactsSeen { rules: Some(self.trial.seen()), explained: self.explained, unused: Vec::new() }
    }
}

/// Whether one of the roles is a guardian's, in whatever words the source has for roles.
pub(super) fn is_adult(roles: RoleList<'_>, names: &RoleNames) -> bool {
    roles.iter().any(|held| is_guardian(&canonical(names.role(held.role))))
}
