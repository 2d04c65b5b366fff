//! Since when differences from the SIS have been left alone: a day for each field.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::contact::Field;

/// For each field, in the order of [`Field::ALL`], the day since when its kept difference stands
/// without a break.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSince([Option<NaiveDate>; 4]);

impl KeptSince {
    pub fn of(&self, field: Field) -> Option<NaiveDate> {
        self.0[field as usize]
    }

    pub fn set(&mut self, field: Field, since: NaiveDate) {
        self.0[field as usize] = Some(since);
    }

    pub fn is_none(&self) -> bool {
        self.0 == [None; 4]
    }

    pub fn newest(&self) -> Option<NaiveDate> {
        self.0.into_iter().flatten().max()
    }

    /// As the store has it: `email:2026-11-23 phone:2026-11-20`.
    pub fn column(&self) -> Option<String> {
        let days: Vec<String> = Field::ALL
            .into_iter()
            .filter_map(|field| self.of(field).map(|day| format!("{}:{day}", field.key())))
            .collect();
        Some(days.join(" ")).filter(|text| !text.is_empty())
    }

    /// What the store has. An earlier version kept one day for the whole account: it holds for each
    /// field that has a difference, which is seen when the account is decided on next.
    pub fn from_column(text: Option<&str>) -> Self {
        let mut since = Self::default();
        for part in text.unwrap_or_default().split(' ').filter(|part| !part.is_empty()) {
            match part.split_once(':') {
                Some((key, day)) => {
                    let field = Field::ALL.into_iter().find(|field| field.key() == key);
                    if let (Some(field), Ok(day)) = (field, day.parse()) {
                        since.set(field, day);
                    }
                }
                None => {
                    if let Ok(day) = part.parse() {
                        since.0 = [Some(day); 4];
                    }
                }
            }
        }
        since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_away_comes_back() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let mut since = KeptSince::default();
        assert_eq!((since.column(), since.newest()), (None, None));
        since.set(Field::HomePhone, day("2026-11-25"));
        since.set(Field::Email, day("2026-11-23"));
        let text = since.column();
        assert_eq!(text.as_deref(), Some("email:2026-11-23 home_phone:2026-11-25"));
        assert_eq!(KeptSince::from_column(text.as_deref()), since);
        assert_eq!(since.newest(), Some(day("2026-11-25")));
        let earlier = KeptSince::from_column(Some("2026-11-20"));
        assert!(Field::ALL.into_iter().all(|field| earlier.of(field) == Some(day("2026-11-20"))));
        for damaged in ["", "x", "email:x", "mail:2026-11-20"] {
            assert!(KeptSince::from_column(Some(damaged)).is_none(), "{damaged}");
        }
    }
}
