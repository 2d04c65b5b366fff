//! Which school was most likely meant by an id that no school has.

/// The school that was most likely meant: one of this name, or one whose id is written a little
/// otherwise. Never one with other digits: `sch-3` is not a misspelt `sch-77`, but another school.
pub fn near_school<'a>(
    id: &str,
    schools: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Option<&'a str> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let digits = |text: &str| -> Vec<String> {
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
        numbers.map(|number| number.trim_start_matches('0').to_owned()).collect()
    };
    let wanted = plain(id);
    let alike = |near: &str| {
        let bare = |text: &str| plain(text).trim_start_matches('0').to_owned();
        bare(near) == bare(id)
            || digits(near) == digits(id)
                && wanted.len() > 3
                && strsim::osa_distance(&plain(near), &wanted) <= 2
    };
    let mut found = schools
        .into_iter()
        .filter(|(near, name)| !wanted.is_empty() && (plain(name) == wanted || alike(near)));
    // Where several could be meant, none is suggested.
    match (found.next(), found.next()) {
        (Some((near, _)), None) => Some(near),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_a_little_otherwise_is_suggested() {
        let schools: std::collections::HashMap<String, String> =
            [("sch-1", "Lincoln"), ("sch-3", "Roosevelt"), ("north", "North Elementary"), ("0042", "East")]
                .map(|(id, name)| (id.to_owned(), name.to_owned()))
                .into();
        for (typed, meant) in [
            ("sch-77", None),
            ("sch-2", None),
            ("sch-13", None),
            ("SCH-3", Some("sch-3")),
            ("sch_3", Some("sch-3")),
            ("shc-3", Some("sch-3")),
            ("sch-03", Some("sch-3")),
            ("nroth", Some("north")),
            ("42", Some("0042")),
            ("north elementary", Some("north")),
            ("Roosevelt", Some("sch-3")),
            ("", None),
            ("s", None),
        ] {
            assert_eq!(near_school(typed, &schools), meant, "{typed}");
        }
    }
}
