//! Differences from the SIS that a person has looked at and left as they are (`users settle`).

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::contact::{Details, Field};

/// For each field, in the order of [`Field::ALL`], a mark of the two values that were looked at; 0
/// for none. A difference is settled as long as neither value changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled([u64; 4]);

impl Settled {
    pub fn settle(&mut self, field: Field, actual: &Details, sis: &Details) {
        self.0[field as usize] = mark(field, actual, sis);
    }

    pub fn end(&mut self, field: Field) {
        self.0[field as usize] = 0;
    }

    /// Whether these are the values that were looked at. How they are written makes no difference.
    pub fn holds(&self, field: Field, actual: &Details, sis: &Details) -> bool {
        self.0[field as usize] != 0 && self.0[field as usize] == mark(field, actual, sis)
    }

    pub fn is_none(&self) -> bool {
        self.0 == [0; 4]
    }

    /// As the store has it: `email:9f86d081884c7d65`.
    pub fn column(&self) -> Option<String> {
        let marks: Vec<String> = Field::ALL
            .into_iter()
            .zip(self.0)
            .filter(|(_, mark)| *mark != 0)
            .map(|(field, mark)| format!("{}:{mark:016x}", field.key()))
            .collect();
        Some(marks.join(" ")).filter(|text| !text.is_empty())
    }

    pub fn from_column(text: Option<&str>) -> Self {
        let mut settled = Self::default();
        for (key, mark) in text.unwrap_or_default().split(' ').filter_map(|part| part.split_once(':')) {
            if let (Some(field), Ok(mark)) = (Field::of_key(key), u64::from_str_radix(mark, 16)) {
                settled.0[field as usize] = mark;
            }
        }
        settled
    }
}

/// Stands for two values in normal form. Never 0.
fn mark(field: Field, actual: &Details, sis: &Details) -> u64 {
    xxh3_64(format!("{}\t{}", actual.key(field), sis.key(field)).as_bytes()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_settled_until_a_value_changes() {
        let with = |email: &str| Details { email: email.into(), ..Details::default() };
        let (own, sis) = (with("rosa@home.example"), with("rosa@work.example"));
        let mut settled = Settled::default();
        assert!(settled.is_none() && !settled.holds(Field::Email, &own, &sis));
        settled.settle(Field::Email, &own, &sis);
        assert!(settled.holds(Field::Email, &with("Rosa@Home.example"), &sis));
        for (other_own, other_sis) in
            [("", "rosa@work.example"), ("rosa@home.example", ""), ("a@b.c", "a@b.c")]
        {
            assert!(!settled.holds(Field::Email, &with(other_own), &with(other_sis)));
        }
        assert!(!settled.holds(Field::Phone, &own, &sis));
        let column = settled.column();
        assert_eq!(Settled::from_column(column.as_deref()), settled);
        for damaged in ["", "email", "mail:1", "email:x"] {
            assert!(Settled::from_column(Some(damaged)).is_none(), "{damaged}");
        }
        settled.end(Field::Email);
        assert_eq!((settled.is_none(), settled.column()), (true, None));
    }
}
