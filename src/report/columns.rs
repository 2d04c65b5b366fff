//! The columns of the Users report, a contract with every spreadsheet and script that reads one: the one list of them, and
//! [`Row`], which has a cell for each.

use crate::failure::{Failure, Kind, Result};

/// The header of given and family name together, in a table.
pub const NAME: &str = "name";

/// What the cells of a column hold, and so how they are sorted, filtered and written as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// A number, or nothing. Rows without one come last in either order. A number in JSON.
    Number,
    Text,
    /// Several values, with this byte between them. A filter wants one of them, or the whole cell.
    Several(u8),
    /// The notes. Rows without one come last in either order, and a table wraps them.
    Notes,
}

/// Makes [`Column`] and [`Row`] of the one list of columns.
macro_rules! columns {
    ($first:ident $line:ident $number:expr, $about_first:literal;
     $($column:ident $cell:ident $holds:expr, $about:literal;)*) => {
        /// A column, in the order of the file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Column {
            #[doc = $about_first]
            $first,
            $(#[doc = $about] $column,)*
        }

        impl Column {
            /// Every column, in the order of the file.
            pub const ALL: [Self; 1 $(+ { let _ = Self::$column; 1 })*] = [Self::$first $(, Self::$column)*];

            /// The header, which is also the name on the command line.
            pub fn name(self) -> &'static str {
                match self { Self::$first => stringify!($line), $(Self::$column => stringify!($cell),)* }
            }

            pub(super) fn holds(self) -> Holds {
                match self { Self::$first => $number, $(Self::$column => $holds,)* }
            }

            /// The description in `docs/report.md`.
            #[cfg(test)]
            fn about(self) -> &'static str {
                match self { Self::$first => $about_first, $(Self::$column => $about,)* }
            }
        }

        /// One user: a text for every column; an empty one is a blank cell.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Row<'a> {
            #[doc = $about_first]
            pub $line: Option<u64>,
            $(#[doc = $about] pub $cell: &'a str,)*
        }

        impl<'a> Row<'a> {
            /// The row of these cells, the line apart.
            #[cfg(test)]
            pub(super) fn of(line: Option<u64>, cells: &'a [String]) -> Self {
                let mut cells = cells.iter().map(String::as_str);
                Self { $line: line, $($cell: cells.next().unwrap_or_default()),* }
            }

            /// All columns in order; the line is given as text.
            pub(super) fn cells(&self, line: &'a str) -> [&'a str; Column::ALL.len()] {
                [line $(, self.$cell)*]
            }
        }
    };
}

// The one list. A new column gets its line here; then the compiler names the places that fill a row, and a test the line of
// `docs/report.md`.
columns! {
    Line line Holds::Number,
        "line of the source file on which the record begins; blank for users that are not in the file";
    SourcedId sourced_id Holds::Text, "the SIS's id";
    Identifier identifier Holds::Text, "the SIS's other id, such as the student number";
    Role role Holds::Several(b'|'), "the roles, the primary one first, joined by `|`";
    Schools schools Holds::Several(b'|'),
        "sourcedIds of the schools, joined by `|`; a guardian has those of their students too";
    State state Holds::Text,
        "after the run: `pending`, `active`, `archived`; blank for a user without an account";
    Action action Holds::Text, "what the run did, see below";
    GivenName given_name Holds::Text, "the *actual* given name: on the account, after the run";
    FamilyName family_name Holds::Text, "the actual family name";
    Email email Holds::Text, "the actual email";
    Phone phone Holds::Text, "the actual mobile, with which people sign in";
    HomePhone home_phone Holds::Text, "the actual home phone number";
    SisGivenName sis_given_name Holds::Text, "the given name in the roster";
    SisFamilyName sis_family_name Holds::Text, "the family name in the roster";
    SisEmail sis_email Holds::Text, "the email in the roster";
    SisPhone sis_phone Holds::Text, "the mobile in the roster";
    SisHomePhone sis_home_phone Holds::Text, "the home phone number in the roster";
    Codes codes Holds::Several(b' '), "the codes of the notes, joined by a space";
    FirstSeen first_seen Holds::Text,
        "the day since which the newest of the row's kept differences has existed without a break. `users show` has the day for \
         each field";
    Notes notes Holds::Notes, "the notes, joined by `; `";
}

impl Column {
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// The column that a user typed; the failure names the nearest one, and all.
    pub fn parse(typed: &str) -> Result<Self> {
        let typed = typed.trim();
        Self::named(typed).ok_or_else(|| {
            let failure = Failure::new(Kind::Usage, format!("the report has no column `{typed}`"));
            let all =
                format!("{}, and `{NAME}` for given and family name", Self::ALL.map(Self::name).join(", "));
            match nearest(typed) {
                Some(column) => {
                    failure.cure(format!("did you mean `{}`? The columns are {all}", column.name()))
                }
                None => failure.cure(format!("the columns are {all}")),
            }
        })
    }

    /// The columns that a user typed: one, or the two of the table's own header `name`.
    pub fn parse_several(typed: &str) -> Result<Vec<Self>> {
        match typed.trim() {
            NAME => Ok(vec![Self::GivenName, Self::FamilyName]),
            typed => Self::parse(typed).map(|column| vec![column]),
        }
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }
}

/// People type `first-seen`, `firstSeen` or a slip of the finger; beyond that a guess would only confuse.
fn nearest(typed: &str) -> Option<Column> {
    let folded = |text: &str| text.replace(['-', '_', ' '], "").to_lowercase();
    let typed = folded(typed);
    Column::ALL
        .into_iter()
        .map(|column| (strsim::jaro_winkler(&folded(column.name()), &typed), column))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8)
        .map(|(_, column)| column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_contract() {
        assert_eq!(
            Column::ALL.map(Column::name).join(","),
            "line,sourced_id,identifier,role,schools,state,action,given_name,family_name,email,phone,home_phone,\
             sis_given_name,sis_family_name,sis_email,sis_phone,sis_home_phone,codes,first_seen,notes"
        );
        for (i, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.index(), i);
            assert_eq!(Column::parse(column.name()).unwrap(), column);
        }
    }

    #[test]
    fn the_columns_in_the_docs_are_these() {
        let docs = include_str!("../../docs/report.md");
        let (_, from) = docs.split_once("## Columns\n\n| column | |\n|---|---|\n").unwrap();
        let (table, _) = from.split_once("\n\n").unwrap();
        let printed = Column::ALL
            .map(|column| format!("| `{}` | {} |", column.name(), column.about().replace('|', "\\|")));
        assert_eq!(table, printed.join("\n"));
    }

    #[test]
    fn a_slip_gets_a_suggestion() {
        for (typed, meant) in [
            ("emial", "email"),
            ("first-seen", "first_seen"),
            ("sisEmail", "sis_email"),
            ("Notes", "notes"),
            ("note", "notes"),
            ("sourcedId", "sourced_id"),
            ("school", "schools"),
        ] {
            let failure = Column::parse(typed).unwrap_err();
            assert_eq!(failure.kind, Kind::Usage);
            let cure = format!("did you mean `{meant}`? The columns are line, sourced_id,");
            assert!(failure.cure.starts_with(&cure), "{typed}: {}", failure.cure);
        }
    }

    #[test]
    fn nonsense_gets_the_list() {
        let failure = Column::parse("xyzzy").unwrap_err();
        assert_eq!(failure.what, "the report has no column `xyzzy`");
        assert!(failure.cure.starts_with("the columns are line, sourced_id,"), "{}", failure.cure);
        assert!(failure.cure.ends_with(", notes, and `name` for given and family name"), "{}", failure.cure);
    }

    #[test]
    fn the_tables_own_header_is_a_name_too() {
        assert_eq!(Column::parse_several("name").unwrap(), [Column::GivenName, Column::FamilyName]);
        assert_eq!(Column::parse_several(" email").unwrap(), [Column::Email]);
    }
}
