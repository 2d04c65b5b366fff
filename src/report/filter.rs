//! Which rows of a report are shown.

use super::columns::{Column, Holds};
use super::query::Query;
use super::reader::Cells;

impl Query {
    /// Whether a row is shown: all conditions hold.
    pub(super) fn accepts(&self, cells: &Cells<'_>) -> bool {
        (!self.notes_only || !cells.cell(Column::Notes).is_empty())
            && self
                .filters
                .iter()
                .all(|(column, value)| holds(*column, cells.cell(*column), value.as_bytes()))
            && (self.names.is_empty() || self.names.iter().all(|name| *name == whole_name(cells)))
    }
}

/// As a table shows it.
pub(super) fn whole_name(cells: &Cells<'_>) -> String {
    format!("{} {}", cells.text(Column::GivenName), cells.text(Column::FamilyName)).trim().to_owned()
}

/// Exact, by bytes; in a column of several values, any of them or all of them as written.
fn holds(column: Column, cell: &[u8], value: &[u8]) -> bool {
    if cell == value {
        return true;
    }
    // A blank value asks for a blank cell, never for a gap between two separators.
    match column.holds() {
        Holds::Several(separator) if !value.is_empty() => {
            cell.split(|&byte| byte == separator).any(|member| member == value)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for (column, cell, value, expected) in [
            (Column::State, "active", "active", true),
            (Column::State, "active", "Active", false),
            (Column::State, "active", "act", false),
            (Column::State, "", "", true),
            (Column::State, "active", "", false),
            (Column::Role, "parent|teacher", "parent", true),
            (Column::Role, "parent|teacher", "teacher", true),
            (Column::Role, "parent|teacher", "parent|teacher", true),
            (Column::Role, "parent|teacher", "teacher|parent", false),
            (Column::Role, "parent||teacher", "", false),
            (Column::Schools, "East High|West", "East High", true),
            (Column::Schools, "East High|West", "East", false),
            (Column::Codes, "email-shared active-email-differs", "email-shared", true),
            (Column::Codes, "email-shared", "email", false),
            (Column::Notes, "a|b", "a", false),
        ] {
            assert_eq!(holds(column, cell.as_bytes(), value.as_bytes()), expected, "{cell:?} = {value:?}");
        }
    }
}
