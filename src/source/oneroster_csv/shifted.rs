//! Whether the cells of a row stand under the headers that they belong to.
//!
//! A comma inside a cell without quotes moves all cells after it one column on. That shows in a row
//! that is wider than the others, whatever its last cells hold, and in a value that cannot stand in
//! its column but in the one beside it. Only columns with a fixed vocabulary and the email column
//! are judged: anything may be a name, a user name or an identifier. What most rows of a file do is
//! the way of its exporter, and no row is judged by it.

use super::cells::Cells;
use super::rows::Status;
use crate::roles;
use crate::value::boolean;

/// What a column holds, as far as its values can be told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Status,
    Boolean,
    Role,
    RoleType,
    Email,
    Phone,
    Date,
    Org,
}

impl Kind {
    fn of(header: &str) -> Option<Self> {
        let name: String = header
            .chars()
            .filter(|c| !matches!(c, '_' | '-' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        Some(match name.as_str() {
            "status" => Self::Status,
            "enableduser" | "enableuser" | "userenabled" => Self::Boolean,
            "role" => Self::Role,
            "roletype" => Self::RoleType,
            "email" | "emailaddress" => Self::Email,
            "sms" | "phone" | "mobile" | "homephone" | "mobilephone" | "cell" | "cellphone" => Self::Phone,
            "datelastmodified" | "begindate" | "enddate" => Self::Date,
            "orgsourcedids" | "orgsourcedid" | "orgs" | "org" | "orgids" | "schools" | "school" => Self::Org,
            _ => return None,
        })
    }

    /// Whether a value can be in a column of this kind; also where nothing speaks against it.
    #[inline]
    fn can_be(self, value: &str) -> bool {
        match self {
            Self::Status => Status::of(value).is_some(),
            Self::Boolean => matches!(value, "true" | "false") || boolean(value).is_some(),
            // Nearly every user has one of these.
            Self::Role => {
                matches!(value, "student" | "guardian" | "parent" | "relative" | "teacher")
                    || roles::is_known(&roles::canonical(value))
            }
            // A number of a phone begins so, and no address does with the parenthesis or the sign.
            Self::Email => {
                !value.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '(' | '+'))
                    || value.contains('@')
            }
            Self::RoleType | Self::Phone | Self::Date | Self::Org => true,
        }
    }

    /// Whether a value is certainly one of this kind.
    fn fits(self, value: &str, is_org: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Status => Status::of(value).is_some(),
            Self::Boolean => ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)),
            Self::Role => roles::is_known(&roles::canonical(value)),
            Self::RoleType => ["primary", "secondary"].iter().any(|word| value.eq_ignore_ascii_case(word)),
            Self::Email => value.split_once('@').is_some_and(|(_, domain)| domain.contains('.')),
            Self::Phone => {
                value.bytes().filter(u8::is_ascii_digit).count() >= 7
                    && value.bytes().all(|byte| byte.is_ascii_digit() || b"+()-. /".contains(&byte))
            }
            Self::Date => matches!(value.as_bytes(), [a, b, c, d, b'-', e, f, b'-', ..]
                if [a, b, c, d, e, f].into_iter().all(u8::is_ascii_digit)),
            Self::Org => is_org(value),
        }
    }
}

/// A column that is judged, and the kinds of those beside it.
#[derive(Debug)]
struct Judged {
    at: usize,
    kind: Kind,
    beside: Vec<Kind>,
}

/// By what the rows of one file are judged.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// A row with more cells than this is wider than the others.
    pub(super) width: usize,
    columns: Vec<Judged>,
}

impl Judge {
    pub(super) fn of(headers: &[String]) -> Self {
        let kinds: Vec<Option<Kind>> = headers.iter().map(|header| Kind::of(header)).collect();
        let columns = kinds.iter().enumerate().filter_map(|(at, kind)| {
            let kind = (*kind)
                .filter(|kind| matches!(kind, Kind::Status | Kind::Boolean | Kind::Role | Kind::Email))?;
            let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
            let beside: Vec<Kind> = beside
                .filter_map(|at| kinds.get(at).copied().flatten())
                .filter(|other| *other != kind)
                .collect();
            (!beside.is_empty()).then_some(Judged { at, kind, beside })
        });
        Self { width: headers.len(), columns: columns.collect() }
    }

    /// The column whose value belongs to the one beside it.
    #[inline]
    pub(super) fn misplaced(
        &self,
        text: &str,
        cells: &Cells,
        is_org: &dyn Fn(&str) -> bool,
    ) -> Option<usize> {
        self.columns.iter().find(|judged| judged.is_misplaced(text, cells, is_org)).map(|judged| judged.at)
    }
}

impl Judged {
    #[inline]
    fn is_misplaced(&self, text: &str, cells: &Cells, is_org: &dyn Fn(&str) -> bool) -> bool {
        let Some(value) = cells.get(text, self.at).filter(|value| !value.is_empty()) else { return false };
        !self.kind.can_be(value) && self.beside.iter().any(|kind| kind.fits(value, is_org))
    }
}

/// What the first rows of a file have in common.
#[derive(Debug)]
pub(super) struct Sample {
    judge: Judge,
    rows: usize,
    widths: Vec<usize>,
    misplaced: Vec<usize>,
}

impl Sample {
    /// So many rows say how an exporter writes.
    pub(super) const ROWS: usize = 200;

    pub(super) fn of(headers: &[String]) -> Self {
        let judge = Judge::of(headers);
        let misplaced = vec![0; judge.columns.len()];
        Self { judge, rows: 0, widths: Vec::new(), misplaced }
    }

    /// Takes a row in; true if there are enough.
    pub(super) fn add(&mut self, text: &str, cells: &Cells) -> bool {
        self.rows += 1;
        self.widths.push(cells.len());
        for (count, judged) in self.misplaced.iter_mut().zip(&self.judge.columns) {
            *count += usize::from(judged.is_misplaced(text, cells, &|_| true));
        }
        self.rows == Self::ROWS
    }

    /// By what the rows of the file are judged.
    pub(super) fn judge(mut self) -> Judge {
        let most = self.rows / 2 + 1;
        let mut counts = self.misplaced.into_iter();
        self.judge.columns.retain(|_| counts.next().is_none_or(|count| count < most));
        let header = self.judge.width;
        if self.widths.iter().filter(|width| **width > header).count() >= most {
            // Most rows are wider than the header. Those that are wider than most are shifted, if
            // most are alike.
            self.widths.sort_unstable();
            let usual = self.widths.chunk_by(|a, b| a == b).find(|alike| alike.len() >= most);
            self.judge.width = usual.map_or(usize::MAX, |alike| alike[0].max(header));
        }
        self.judge
    }
}
