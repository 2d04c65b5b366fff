//! The columns of the Users report: a contract with every spreadsheet and script that reads one.

use crate::failure::{Failure, Kind, Result};

/// What a table heads given and family name with.
pub const NAME: &str = "name";

/// A column, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    Line,
    SourcedId,
    Identifier,
    Role,
    Schools,
    State,
    Action,
    GivenName,
    FamilyName,
    Email,
    Phone,
    HomePhone,
    SisGivenName,
    SisFamilyName,
    SisEmail,
    SisPhone,
    SisHomePhone,
    Codes,
    FirstSeen,
    Notes,
}

impl Column {
    /// Every column, in the order of the file.
    pub const ALL: [Self; 20] = [
        Self::Line,
        Self::SourcedId,
        Self::Identifier,
        Self::Role,
        Self::Schools,
        Self::State,
        Self::Action,
        Self::GivenName,
        Self::FamilyName,
        Self::Email,
        Self::Phone,
        Self::HomePhone,
        Self::SisGivenName,
        Self::SisFamilyName,
        Self::SisEmail,
        Self::SisPhone,
        Self::SisHomePhone,
        Self::Codes,
        Self::FirstSeen,
        Self::Notes,
    ];

    /// The header, which is also what the command line calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::SourcedId => "sourced_id",
            Self::Identifier => "identifier",
            Self::Role => "role",
            Self::Schools => "schools",
            Self::State => "state",
            Self::Action => "action",
            Self::GivenName => "given_name",
            Self::FamilyName => "family_name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::HomePhone => "home_phone",
            Self::SisGivenName => "sis_given_name",
            Self::SisFamilyName => "sis_family_name",
            Self::SisEmail => "sis_email",
            Self::SisPhone => "sis_phone",
            Self::SisHomePhone => "sis_home_phone",
            Self::Codes => "codes",
            Self::FirstSeen => "first_seen",
            Self::Notes => "notes",
        }
    }

    /// The column with this header, if there is one.
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

    /// What stands between the members of a cell that can hold several values.
    pub(super) fn separator(self) -> Option<u8> {
        match self {
            Self::Role | Self::Schools => Some(b'|'),
            Self::Codes => Some(b' '),
            _ => None,
        }
    }

    /// Position in [`Column::ALL`].
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
