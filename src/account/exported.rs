//! What the platform's export may still show of an account without it being news.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contact::{Details, Field, PersonName};

/// Stands between values. What is kept has none of it: see [`AwaitedValues::add`].
const BETWEEN: char = '\u{1f}';

/// How many values of a field are remembered at most: the one that the export showed last, and the
/// latest of the others.
const MOST: usize = 8;

/// How what the export shows stands to the actual value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Actual,
    /// As far as it goes: one part of a name, where the other is not provided.
    ActualInPart,
    Another,
}

/// Values of one field that the platform's export may still show without it being news, oldest
/// first: what it said last, and what was replaced since by the sync or by hand. None: the export
/// has not said anything yet, and nothing was replaced.
///
/// A change of the account is ahead of the platform, which takes changes over later: an export can
/// show each of these values before it shows the actual one. Any other value was typed there.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitedValues(Option<String>);

impl AwaitedValues {
    pub fn from_column(text: Option<String>) -> Self {
        Self(text)
    }

    pub fn column(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.0.as_deref().into_iter().flat_map(|text| text.split(BETWEEN))
    }

    /// Whether this text, letter by letter, is the only one.
    pub fn is_just(&self, text: &str) -> bool {
        self.0.as_deref() == Some(text)
    }

    pub fn is_several(&self) -> bool {
        self.0.as_deref().is_some_and(|text| text.contains(BETWEEN))
    }

    /// Adds a value that was just replaced. Twice in a row is once.
    pub fn add(&mut self, value: &str) {
        let value = without_separator(value);
        if self.values().last() == Some(&value) {
            return;
        }
        let surplus = (self.values().count() + 1).saturating_sub(MOST);
        let others = self.values().skip(1 + surplus);
        let kept: Vec<&str> = self.values().take(1).chain(others).chain([value.as_str()]).collect();
        self.0 = Some(join(&kept));
    }

    /// Takes in what the export shows; true if that is news, and the actual value from now on.
    /// `same` tells whether a value is the same as what it shows.
    pub fn take_nightly(&mut self, text: &str, shown: Shown, same: impl Fn(&str) -> bool) -> bool {
        let known = self.values().position(&same);
        match (known, shown) {
            // As it was: it may not have come past the first value yet, which is the actual one
            // again.
            (Some(0), Shown::Actual) => {}
            // The platform has come as far as we are; what was before will not come again.
            (Some(at), Shown::Actual) => self.keep(at, 1),
            // It is on the way. It has gone past what came before this.
            (Some(at), Shown::ActualInPart | Shown::Another) => self.keep(at, MOST),
            (None, _) => self.0 = Some(without_separator(text)),
        }
        known.is_none() && shown == Shown::Another
    }

    /// Takes in what a file shows that a person has looked at and imported by hand, while runs read
    /// an export of their own: what that one may still show, it may still show. `actual` is the
    /// value that would be replaced.
    pub fn take_imported(
        &mut self,
        text: &str,
        actual: &str,
        shown: Shown,
        same: impl Fn(&str) -> bool,
    ) -> bool {
        if self.is_none() {
            return self.take_nightly(text, shown, same);
        }
        let news = shown == Shown::Another && !self.values().any(same);
        if news {
            self.add(actual);
        }
        news
    }

    fn keep(&mut self, from: usize, most: usize) {
        if from > 0 || most == 1 && self.is_several() {
            let kept: Vec<&str> = self.values().skip(from).take(most).collect();
            self.0 = Some(join(&kept));
        }
    }
}

fn join(values: &[&str]) -> String {
    values.join(&BETWEEN.to_string())
}

/// A control character in a value makes no difference to a reader, and would make two values of it
/// here.
fn without_separator(value: &str) -> String {
    value.replace(BETWEEN, " ")
}

impl fmt::Debug for AwaitedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwaitedValues({})", self.values().count())
    }
}

/// What the platform's export may still show of each field.
///
/// A value of the export becomes the actual one only if it is none of these: an export that still
/// shows an old value is waiting for the platform, and must not undo what the sync or a person did
/// since.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// Names as [`PersonName::in_parts`] has them.
    pub name: AwaitedValues,
    pub email: AwaitedValues,
    pub phone: AwaitedValues,
    pub home_phone: AwaitedValues,
}

impl Exported {
    pub fn of(&self, field: Field) -> &AwaitedValues {
        match field {
            Field::Name => &self.name,
            Field::Email => &self.email,
            Field::Phone => &self.phone,
            Field::HomePhone => &self.home_phone,
        }
    }

    pub fn replaced(&mut self, field: Field, before: &Details) {
        match field {
            Field::Name => self.name.add(&before.name.in_parts()),
            Field::Email => self.email.add(&before.email),
            Field::Phone => self.phone.add(&before.phone),
            Field::HomePhone => self.home_phone.add(&before.home_phone),
        }
    }

    /// Whether of some field several values can be shown. Only then does it matter how often an
    /// export that stays the same is looked at.
    pub fn is_several(&self) -> bool {
        Field::ALL.into_iter().any(|field| self.of(field).is_several())
    }

    /// The names as the store keeps them: given and family names apart. An older store may lack
    /// either.
    pub fn name_from_columns(given: Option<&str>, family: Option<&str>) -> AwaitedValues {
        if given.is_none() && family.is_none() {
            return AwaitedValues::default();
        }
        let parts = |column: Option<&str>| -> Vec<String> {
            column.unwrap_or_default().split(BETWEEN).map(str::to_owned).collect()
        };
        let (given, family) = (parts(given), parts(family));
        let count = given.len().max(family.len());
        // The newest are those that belong together.
        let part = |parts: &[String], at: usize| {
            (at + parts.len()).checked_sub(count).and_then(|at| parts.get(at)).cloned().unwrap_or_default()
        };
        let names: Vec<String> = (0..count)
            .map(|at| PersonName { given: part(&given, at), family: part(&family, at) }.in_parts())
            .collect();
        AwaitedValues(Some(names.join(&BETWEEN.to_string())))
    }

    pub fn name_columns(&self) -> [Option<String>; 2] {
        if self.name.is_none() {
            return [None, None];
        }
        let names: Vec<(&str, &str)> =
            self.name.values().map(|name| name.split_once('\t').unwrap_or(("", name))).collect();
        let column = |part: fn(&(&str, &str)) -> String| {
            Some(names.iter().map(part).collect::<Vec<_>>().join(&BETWEEN.to_string()))
        };
        [column(|name| name.0.to_owned()), column(|name| name.1.to_owned())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(values: &[&str]) -> AwaitedValues {
        AwaitedValues::from_column((!values.is_empty()).then(|| join(values)))
    }

    /// What becomes of the values, and whether it is news.
    fn take(values: &[&str], actual: &str, shown: &str) -> (Vec<String>, bool) {
        let mut known = news(values);
        let is = if actual == shown { Shown::Actual } else { Shown::Another };
        let is_news = known.take_nightly(shown, is, |value| value == shown);
        (known.values().map(str::to_owned).collect(), is_news)
    }

    #[test]
    fn what_is_new_becomes_the_actual_value() {
        assert_eq!(take(&[], "a", "x"), (vec!["x".into()], true), "at first sight");
        assert_eq!(take(&[], "a", "a"), (vec!["a".into()], false));
        assert_eq!(take(&["a", "b"], "c", "x"), (vec!["x".into()], true));
    }

    #[test]
    fn what_was_there_before_waits_for_the_platform() {
        let all = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        assert_eq!(take(&["a", "b"], "c", "a"), (all(&["a", "b"]), false));
        assert_eq!(take(&["a", "b"], "c", "b"), (all(&["b"]), false), "it has gone past the first");
        assert_eq!(take(&["a", "b", "a"], "c", "a"), (all(&["a", "b", "a"]), false), "it may be the first");
    }

    #[test]
    fn what_is_actual_ends_the_waiting() {
        assert_eq!(take(&["a", "b"], "c", "c"), (vec!["c".into()], false));
        assert_eq!(take(&["a", "b"], "b", "b"), (vec!["b".into()], false));
        // There and back: the export has yet to come to "b", or will never show it.
        assert_eq!(take(&["a", "b"], "a", "a"), (vec!["a".into(), "b".into()], false));
        assert_eq!(take(&["a", "b"], "a", "b"), (vec!["b".into()], false));
        assert_eq!(take(&["b"], "a", "a"), (vec!["a".into()], false));
        // The next value that differs is the person's own, even an old one.
        assert_eq!(take(&["c"], "c", "a"), (vec!["a".into()], true));
    }

    #[test]
    fn what_was_replaced_is_remembered_up_to_a_point() {
        let mut known = AwaitedValues::default();
        for value in ["a", "a", "b", "", "c\u{1f}d"] {
            known.add(value);
        }
        assert_eq!(known.values().collect::<Vec<_>>(), ["a", "b", "", "c d"]);
        (0..20).for_each(|number| known.add(&number.to_string()));
        assert_eq!(known.values().collect::<Vec<_>>(), ["a", "13", "14", "15", "16", "17", "18", "19"]);
    }

    #[test]
    fn a_file_brought_by_hand_takes_nothing_away() {
        let by_hand = |values: &[&str], actual: &str, shown: &str| {
            let mut known = news(values);
            let is = if actual == shown { Shown::Actual } else { Shown::Another };
            let is_news = known.take_imported(shown, actual, is, |value| value == shown);
            (known.values().map(str::to_owned).collect::<Vec<_>>().join(" "), is_news)
        };
        assert_eq!(by_hand(&["a", "b"], "c", "c"), ("a b".into(), false));
        assert_eq!(by_hand(&["a", "b"], "c", "b"), ("a b".into(), false));
        assert_eq!(by_hand(&["a"], "c", "x"), ("a c".into(), true));
        assert_eq!(by_hand(&[], "c", "x"), ("x".into(), true));
    }

    #[test]
    fn names_stand_in_two_columns() {
        let mut exported = Exported::default();
        assert_eq!(exported.name_columns(), [None, None]);
        for name in [PersonName::new("Mary Ann", "Lee"), PersonName::new("", "Wang")] {
            exported.replaced(Field::Name, &Details { name, ..Details::default() });
        }
        let [given, family] = exported.name_columns();
        assert_eq!((given.as_deref(), family.as_deref()), (Some("Mary Ann\u{1f}"), Some("Lee\u{1f}Wang")));
        assert_eq!(Exported::name_from_columns(given.as_deref(), family.as_deref()), exported.name);
        // As an older store has it.
        let one = Exported::name_from_columns(None, Some("Lee"));
        assert_eq!(one.values().collect::<Vec<_>>(), ["\tLee"]);
        let uneven = Exported::name_from_columns(Some("Mary"), Some("Wang\u{1f}Lee"));
        assert_eq!(uneven.values().collect::<Vec<_>>(), ["\tWang", "Mary\tLee"]);
    }

    #[test]
    fn nothing_of_it_is_shown_in_logs() {
        assert_eq!(format!("{:?}", news(&["rosa@mail.example"])), "AwaitedValues(1)");
    }
}
