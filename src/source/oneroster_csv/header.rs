//! Which column is which, by the names in the header row.
//!
//! Names are matched without case and surrounding blanks, in any order. Beyond that only spellings
//! that can hardly mean anything else are accepted, with a warning: `given_name`, `Given Name`, and
//! those listed beside a column, such as `sourceId`. `firstName` is not among them: whether a
//! column holds what OneRoster means is the district's to say.

use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};

#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'w> {
    pub name: &'w str,
    /// What other versions of the standard call it.
    pub formerly: &'w [&'w str],
    /// Near misses that were seen or are sure to be.
    pub misspelt: &'w [&'w str],
}

/// How well a header fits a wanted column; the best fit is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    Formerly,
    Misspelt,
    /// By its place among those that are also understood: the first is the likeliest.
    Also(usize),
}

/// Names of other systems for the columns of schools. A file without schools takes protection away,
/// so more is understood here than elsewhere.
const ALSO: [(&str, &[&str]); 2] = [
    (
        "orgSourcedIds",
        &[
            "orgIds",
            "orgs",
            "schoolSourcedIds",
            "schoolIds",
            "schools",
            "orgId",
            "org",
            "schoolSourcedId",
            "schoolId",
            "school",
        ],
    ),
    ("orgSourcedId", &["orgId", "org", "schoolSourcedId", "schoolId", "school", "orgIds", "orgs", "schools"]),
];

impl<'w> Wanted<'w> {
    pub(super) const fn new(name: &'w str) -> Self {
        Self { name, formerly: &[], misspelt: &[] }
    }

    pub(super) const fn formerly(self, formerly: &'w [&'w str]) -> Self {
        Self { formerly, ..self }
    }

    pub(super) const fn misspelt(self, misspelt: &'w [&'w str]) -> Self {
        Self { misspelt, ..self }
    }

    fn fit(&self, header: &str) -> Option<Fit> {
        let is = |name: &&str| header.eq_ignore_ascii_case(name);
        let squeezed = || header.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect::<String>();
        if is(&self.name) {
            Some(Fit::Exact)
        } else if self.formerly.iter().any(is) {
            Some(Fit::Formerly)
        } else if self.misspelt.iter().any(is) || squeezed().eq_ignore_ascii_case(self.name) {
            Some(Fit::Misspelt)
        } else {
            let squeezed = squeezed();
            let place = ALSO.iter().filter(|(name, _)| *name == self.name).flat_map(|(_, also)| also.iter());
            place.zip(0..).find(|(also, _)| squeezed.eq_ignore_ascii_case(also)).map(|(_, at)| Fit::Also(at))
        }
    }

    /// Whether a header could be this column.
    pub(super) fn matches(&self, header: &str) -> bool {
        self.fit(header).is_some()
    }
}

/// A header row.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// File name, for messages.
    pub file: String,
    pub line: u64,
    pub cells: Vec<String>,
}

impl Header {
    /// Position of each wanted column.
    ///
    /// # Errors
    /// If two columns could equally be the wanted one: rostersync does not guess which.
    pub(super) fn locate<const N: usize>(
        &self,
        wanted: &[Wanted<'_>; N],
        findings: &mut Findings,
    ) -> Result<[Option<usize>; N]> {
        let mut located = [None; N];
        for (column, wanted) in wanted.iter().enumerate() {
            let fits = || {
                self.cells.iter().enumerate().filter_map(|(at, cell)| wanted.fit(cell).map(|fit| (fit, at)))
            };
            let Some((best, at)) = fits().min() else { continue };
            if fits().filter(|(fit, _)| *fit == best).count() > 1 {
                return Err(Failure::new(
                    Kind::InputUnusable,
                    format!("{} has more than one column {}", self.file, wanted.name),
                )
                .at(format!("{} line {}", self.file, self.line))
                .cure(format!("export it again with one column {}", wanted.name)));
            }
            if best >= Fit::Misspelt {
                let message = format!("taken for {}", wanted.name);
                self.warn(findings, "misspelt-header", Some(&self.cells[at]), message);
            }
            located[column] = Some(at);
        }
        Ok(located)
    }

    /// Tells of something odd about the header row, or about one column.
    pub(super) fn warn(
        &self,
        findings: &mut Findings,
        code: &'static str,
        column: Option<&str>,
        message: impl Into<String>,
    ) {
        findings.warn(code, At::file(&self.file).line(self.line).column(column), || message.into());
    }

    /// The failure for a column that there has to be.
    pub(super) fn missing(&self, name: &str) -> Failure {
        Failure::new(
            Kind::InputUnusable,
            format!("{} has no column {name}; its columns are {}", self.file, self.listed()),
        )
        .at(format!("{} line {}", self.file, self.line))
        .cure(format!("have the SIS export the column {name}, under that name"))
    }

    /// The headers as a list for a message, not longer than a few lines whatever the file holds.
    fn listed(&self) -> String {
        let shown = |cell: &String| cell.chars().take(40).collect::<String>();
        let mut names: Vec<String> = self.cells.iter().take(60).map(shown).collect();
        if self.cells.len() > names.len() {
            names.push(format!("{} more", self.cells.len() - names.len()));
        }
        names.join(", ")
    }
}
