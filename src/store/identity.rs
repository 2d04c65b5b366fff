//! Accounts that are probably back under another sourcedId, and sourcedIds that are two people's.

use std::collections::HashMap;

use chrono::NaiveDate;
use rusqlite::types::Value;
use rusqlite::{Row, named_params};

use super::Store;
use super::sql::text;
use crate::account::UserIds;
use crate::failure::Result;
use crate::roster::kept::key;
use crate::roster::{IdList, Record, RoleList};

/// What the SIS said of an account, as far as a person can be recognised by it.
pub struct Said<'a> {
    pub id: i64,
    pub archived: bool,
    pub active: bool,
    /// Without links and schools.
    pub record: Record<'a>,
    /// As [`crate::account::username_hash`].
    pub username: Option<u64>,
    pub user_ids: UserIds,
}

macro_rules! said {
    ($end:literal) => {
        concat!(
            "SELECT id, archived, state = 'active' AS active, sourced_id, sis_identifier, sis_given_name, sis_family_name, \
             sis_email, sis_sms, sis_phone, sis_roles, sis_username, sis_user_ids FROM account ",
            $end
        )
    };
}

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
    /// Goes through what the SIS said of all accounts, archived ones too, in the order in which they
    /// were added.
    pub fn each_said(&self, mut each: impl FnMut(&Said<'_>) -> Result<()>) -> Result<()> {
        self.each(said!("ORDER BY id"), [], [], |row, []| each(&said(row)?))
    }

    /// What the SIS said of one account, if there is one.
    pub fn said(&self, id: i64, mut each: impl FnMut(&Said<'_>) -> Result<()>) -> Result<()> {
        self.each(said!("WHERE id = ?1"), [id], [], |row, []| each(&said(row)?))
    }

    /// Writes new sourcedIds in place of old ones in what the SIS said of families. `renamed`: the key
    /// of the old one, and the account that has the new one.
    pub fn rename_in_lists(&self, renamed: &HashMap<u64, i64>) -> Result<()> {
        for (table, of, columns) in [
            ("account", "id", ["sis_agents", "sis_emergency", "sis_barred"]),
            ("bystander", "sourced_id", ["agents", "emergency", "barred"]),
        ] {
            for column in columns {
                let mut changed: Vec<(Value, String)> = Vec::new();
                let query = format!("SELECT {of}, {column} FROM {table} WHERE {column} <> ''");
                self.each(&query, [], [], |row, []| {
                    let list = IdList(text(row, 1)?);
                    let account = |id: &str| renamed.get(&key(id)).copied();
                    if list.iter().any(|id| account(id).is_some()) {
                        let new = |id: &str| account(id).map_or(Ok(id.to_owned()), |id| self.sourced_id(id));
                        let ids: Vec<String> = list.iter().map(new).collect::<Result<_>>()?;
                        changed.push((row.get(0)?, ids.join(",")));
                    }
                    Ok(())
                })?;
                let update = format!("UPDATE {table} SET {column} = ?2 WHERE {of} = ?1");
                changed.iter().try_for_each(|(of, list)| self.write(&update, (of, list)))?;
            }
        }
        Ok(())
    }

    /// Deletes the pairs that are not held any more.
    pub fn forget_same_people(&self, is_gone: impl Fn(&str, &str) -> bool) -> Result<()> {
        let query = "SELECT old, new FROM same_person";
        let all: Vec<(String, String)> = self.all(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (old, new) in all.iter().filter(|(old, new)| is_gone(old, new)) {
            self.write("DELETE FROM same_person WHERE old = ?1 AND new = ?2", [old, new])?;
        }
        Ok(())
    }

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

    /// The accounts that are held for the person of one record. They are two where two records of a
    /// person became one.
    pub fn held_for(&self, new: &str) -> Result<Vec<String>> {
        self.all("SELECT old FROM same_person WHERE new = ?1 ORDER BY old", [new], |row| row.get(0))
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

fn said<'a>(row: &'a Row<'_>) -> rusqlite::Result<Said<'a>> {
    let cell = |place| row.get_ref(place)?.as_str_or_null().map_err(rusqlite::Error::from);
    Ok(Said {
        id: row.get(0)?,
        archived: row.get(1)?,
        active: row.get(2)?,
        record: Record {
            sourced_id: text(row, 3)?,
            identifier: cell(4)?,
            given_name: cell(5)?,
            family_name: cell(6)?,
            email: cell(7)?,
            sms: cell(8)?,
            phone: cell(9)?,
            roles: RoleList(text(row, 10)?),
            ..Record::default()
        },
        username: row.get::<_, Option<i64>>(11)?.map(i64::cast_unsigned),
        user_ids: UserIds::from_bytes(row.get_ref(12)?.as_blob_or_null()?.unwrap_or_default()),
    })
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
        assert_eq!(store.first_same_people(9).unwrap(), std::slice::from_ref(&found));
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
