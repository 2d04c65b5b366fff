//! Tonight's export beside what was seen of the export on the last good night.
//!
//! An export of another district, one with another id column, one that lost a column: each of them
//! can be read without a mistake, and only the comparison shows it.

use std::path::Path;

use chrono::NaiveDate;

use super::Export;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::{ExportSeen, Gone};

/// From so many matching rows on, less than half of them is not the same export any more.
const MATCHING: u64 = 20;
/// So many values of a column do not all go in one night.
const VALUES: u64 = 5;
/// After so many good nights without a column its absence is the new normal.
const NIGHTS: u32 = 7;

const DETAILS: [&str; 5] = ["given_name", "family_name", "email", "phone", "home_phone"];

#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    pub last: Option<&'a ExportSeen>,
    pub today: NaiveDate,
    /// A person has said that this export is right although it lacks what the last one had.
    pub accepted: bool,
    pub option: &'a str,
}

#[derive(Debug, Clone, Default)]
pub struct Compared {
    pub seen: ExportSeen,
    /// A column of details in which no row has a value, although at least a few rows had one on the
    /// last good night.
    pub emptied: Option<String>,
}

/// Compares an export with the one of the last good night. `matching` is how many of its rows
/// belong to people whom the store or the roster knows.
///
/// # Errors
/// `InputUnusable` if it is not the same export any more: no row belongs to a known person, fewer
/// than half as many do as on the last good night, or the column `state` is gone.
pub fn compare(
    export: &Export,
    matching: u64,
    path: &Path,
    before: Before<'_>,
    findings: &mut Findings,
) -> Result<Compared> {
    let unusable = |what: String, cure: String| {
        Err(Failure::new(Kind::InputUnusable, what).at(path.display()).cure(cure))
    };
    let option = before.option;
    if matching == 0 {
        return unusable(
            "no row of the platform export belongs to a user of the store or the roster".into(),
            "check that it is the export of this district, and that its column sourced_id (or the one that [platform.columns] \
             names) holds the sourcedIds of the SIS; nothing was changed"
                .into(),
        );
    }
    let nothing = ExportSeen::default();
    let last = before.last.filter(|_| !before.accepted).unwrap_or(&nothing);
    if last.columns.contains_key("state") && !export.seen.columns.contains_key("state") {
        return unusable(
            "the platform export has no column `state` any more; on the last good night it had one".into(),
            format!(
                "without it every row counts as active, so everyone in it would join: correct the header, or name the new one \
                 in [platform.columns]; if the platform has dropped the column for good, use `{option}` once; nothing was changed"
            ),
        );
    }
    if last.matching >= MATCHING && matching * 2 < last.matching {
        return unusable(
            format!(
                "only {matching} rows of the platform export belong to known users; on the last good night {} did",
                last.matching
            ),
            format!(
                "check that the export is complete and of this district; if so many have left the platform, use `{option}` once; \
                 nothing was changed"
            ),
        );
    }
    let mut seen = ExportSeen { matching, columns: export.seen.columns.clone(), ..ExportSeen::default() };
    let mut emptied = None;
    for (column, values) in &last.columns {
        match seen.columns.get(column) {
            Some(0) if *values >= VALUES && DETAILS.contains(&column.as_str()) && emptied.is_none() => {
                emptied = Some(column.clone())
            }
            Some(_) => {}
            None => {
                let mut gone = last.gone.get(column).cloned().unwrap_or_default();
                if gone.last != Some(before.today) {
                    gone = Gone { nights: gone.nights + 1, last: Some(before.today) };
                }
                let nights = gone.nights;
                findings.attention("platform-column-gone", At::file(&export.file).line(1).column(column.as_str()), || {
                    format!(
                        "the column `{column}` was there on the last good night and is gone; what it held stays as it is. Name the \
                         new header in [platform.columns], or have the column exported again; night {nights} of {NIGHTS}, then \
                         this is taken for normal"
                    )
                });
                if nights < NIGHTS {
                    seen.columns.insert(column.clone(), *values);
                    seen.gone.insert(column.clone(), gone);
                }
            }
        }
    }
    Ok(Compared { seen, emptied })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(matching: u64) -> ExportSeen {
        ExportSeen { matching, columns: [("email".to_owned(), 5)].into(), ..ExportSeen::default() }
    }

    fn night(export: &Export, matching: u64, last: &ExportSeen, today: &str) -> (Result<Compared>, Findings) {
        let mut findings = Findings::default();
        let before = Before {
            last: Some(last),
            today: today.parse().unwrap(),
            accepted: false,
            option: "--new-export",
        };
        let compared = compare(export, matching, Path::new("platform.csv"), before, &mut findings);
        (compared, findings)
    }

    #[test]
    fn half_as_many_rows_are_enough_and_fewer_are_not() {
        let export = Export::default();
        let fine = |matching, last| night(&export, matching, &seen(last), "2026-11-23").0.is_ok();
        assert!(fine(10, 20) && fine(11, 21) && fine(1, 19) && fine(1, 1));
        assert!(!fine(9, 20) && !fine(10, 21) && !fine(0, 0) && !fine(0, 19));
    }

    #[test]
    fn a_column_is_missed_for_seven_days_and_not_for_seven_runs() {
        let export = Export::default();
        let mut last = seen(3);
        for day in 23..=29 {
            for _run in 0..3 {
                let (compared, findings) = night(&export, 3, &last, &format!("2026-11-{day}"));
                assert!(findings.needs_attention(), "on day {day}");
                if day < 29 {
                    last = compared.unwrap().seen;
                }
            }
        }
        let (compared, _) = night(&export, 3, &last, "2026-11-29");
        let (_, findings) = night(&export, 3, &compared.unwrap().seen, "2026-11-30");
        assert!(!findings.needs_attention(), "the new normal");
    }
}
