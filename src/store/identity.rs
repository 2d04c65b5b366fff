//! Accounts that are probably back under another sourcedId, and sourcedIds that are two people's.

use chrono::NaiveDate;
use rusqlite::{Row, named_params};

use super::Store;
use super::sql::text;
use crate::failure::Result;

/// An account that is held, and the record that is probably the same person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamePerson {
    pub old: String,
    pub new: String,
    /// The day of the run that found the two.
    pub since: NaiveDate,
    /// The SIS says it; otherwise it is only likely.
    pub certain: bool,
    /// In the words of the note: `same identifier`.
    pub evidence: String,
}

impl Store {
    /// Goes through the pairs that the last run held, by the sourcedId of the account.
    pub fn each_same_person(&self, mut each: impl FnMut(SamePerson) -> Result<()>) -> Result<()> {
        self.each("SELECT * FROM same_person ORDER BY old, new", [], [], |row, []| each(from_row(row)?))
    }

    /// How many pairs the last run held: certain ones, and all.
    pub fn same_people(&self) -> Result<(u64, u64)> {
        let query = "SELECT count(*) AS all_of_them, coalesce(sum(certain), 0) AS certain FROM same_person";
        Ok(self
            .first(query, [], |row| Ok((row.get("certain")?, row.get("all_of_them")?)))?
            .unwrap_or_default())
    }

    /// The first pairs, by the sourcedId of the account.
    pub fn first_same_people(&self, limit: u64) -> Result<Vec<SamePerson>> {
        self.all("SELECT * FROM same_person ORDER BY old, new LIMIT ?1", [limit], from_row)
    }

    /// The pair of an account, by its sourcedId or by that of the record.
    pub fn same_person(&self, sourced_id: &str) -> Result<Option<SamePerson>> {
        self.first(
            "SELECT * FROM same_person WHERE old = ?1 UNION ALL SELECT * FROM same_person WHERE new = ?1",
            [sourced_id],
            from_row,
        )
    }

    /// Whether an account is held, because it is probably back under another sourcedId.
    pub fn is_held(&self, sourced_id: &str) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM same_person WHERE old = ?1)", [sourced_id])
    }

    /// Stores a pair. One that is known keeps the day on which it was found.
    pub fn put_same_person(&self, pair: &SamePerson) -> Result<()> {
        self.write(
            "INSERT INTO same_person (old, new, since, certain, evidence) \
             VALUES (:old, :new, :since, :certain, :evidence) ON CONFLICT (old, new) DO UPDATE \
             SET certain = :certain, evidence = :evidence WHERE certain <> :certain OR evidence <> :evidence",
            named_params! {
                ":old": pair.old, ":new": pair.new, ":since": pair.since.to_string(), ":certain": pair.certain,
                ":evidence": pair.evidence,
            },
        )
    }

    /// Deletes the pairs that name a sourcedId: it is decided, or the run has not found them again.
    pub fn forget_same_person(&self, sourced_id: &str) -> Result<()> {
        self.write("DELETE FROM same_person WHERE old = ?1", [sourced_id])?;
        self.write("DELETE FROM same_person WHERE new = ?1", [sourced_id])
    }

    /// Remembers that two sourcedIds are two people's, and deletes their pair.
    pub fn put_distinct(&self, old: &str, new: &str, day: NaiveDate) -> Result<()> {
        self.write("DELETE FROM same_person WHERE old = ?1 AND new = ?2", [old, new])?;
        self.write(
            "INSERT OR IGNORE INTO distinct_people (old, new, decided) VALUES (?1, ?2, ?3)",
            [old, new, &day.to_string()],
        )
    }

    /// Forgets that two sourcedIds are two people's: one of them is the other's account now.
    pub fn forget_distinct(&self, one: &str, other: &str) -> Result<()> {
        let delete = "DELETE FROM distinct_people WHERE old = ?1 AND new = ?2";
        self.write(delete, [one, other])?;
        self.write(delete, [other, one])
    }

    /// Whether a person has said that two sourcedIds are two people's.
    pub fn is_distinct(&self, old: &str, new: &str) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM distinct_people WHERE old = ?1 AND new = ?2)", [old, new])
    }

    /// Goes through the sourcedIds, two and two, that are two people's.
    pub fn each_distinct(&self, mut each: impl FnMut(&str, &str)) -> Result<()> {
        let columns = ["old", "new"];
        self.each("SELECT old, new FROM distinct_people", [], columns, |row, [old, new]| {
            each(text(row, old)?, text(row, new)?);
            Ok(())
        })
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<SamePerson> {
    Ok(SamePerson {
        old: row.get("old")?,
        new: row.get("new")?,
        // Altered by hand: found long ago.
        since: row.get_ref("since")?.as_str()?.parse().unwrap_or_default(),
        certain: row.get("certain")?,
        evidence: row.get("evidence")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(old: &str, new: &str, day: &str) -> SamePerson {
        SamePerson {
            old: old.into(),
            new: new.into(),
            since: day.parse().unwrap(),
            certain: true,
            evidence: "same identifier".into(),
        }
    }

    #[test]
    fn a_pair_that_is_found_again_keeps_its_day() {
        let store = Store::empty().unwrap();
        store.put_same_person(&pair("s-1", "1", "2026-11-23")).unwrap();
        store.put_same_person(&SamePerson { certain: false, ..pair("s-1", "1", "2026-11-24") }).unwrap();
        let found = SamePerson { certain: false, ..pair("s-1", "1", "2026-11-23") };
        assert_eq!(store.first_same_people(9).unwrap(), [found.clone()]);
        assert_eq!(store.same_person("1").unwrap(), Some(found));
        assert_eq!(store.same_people().unwrap(), (0, 1));
        assert!(store.is_held("s-1").unwrap() && !store.is_held("1").unwrap());
        store.forget_same_person("1").unwrap();
        assert_eq!(store.same_person("s-1").unwrap(), None);
    }

    #[test]
    fn two_people_are_no_pair_any_more() {
        let store = Store::empty().unwrap();
        store.put_same_person(&pair("s-1", "1", "2026-11-23")).unwrap();
        store.put_same_person(&pair("s-2", "2", "2026-11-23")).unwrap();
        for _ in 0..2 {
            store.put_distinct("s-1", "1", "2026-11-24".parse().unwrap()).unwrap();
        }
        assert!(store.is_distinct("s-1", "1").unwrap() && !store.is_distinct("1", "s-1").unwrap());
        assert_eq!(store.first_same_people(9).unwrap(), [pair("s-2", "2", "2026-11-23")]);
        let mut all = Vec::new();
        store.each_distinct(|old, new| all.push(format!("{old} {new}"))).unwrap();
        assert_eq!(all, ["s-1 1"]);
    }
}
