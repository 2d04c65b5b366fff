//! One user of the SIS, with everything that can be odd about a row, and what people are called and
//! reached by.

use chrono::NaiveDate;

use super::dice::Dice;

/// The cells of contact details.
pub(super) const DETAILS: [&str; 5] = ["givenName", "familyName", "email", "sms", "phone"];

pub(super) const SCHOOLS: [&str; 4] = ["sch-1", "sch-2", "sch-3", "sch-4"];

/// A role at an org. In OneRoster 1.1 the first role is the user's, and the orgs of all are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) role: String,
    pub(super) org: String,
    pub(super) begin: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
}

impl Held {
    pub(super) fn new(role: &str, org: &str) -> Self {
        Self { role: role.to_owned(), org: org.to_owned(), begin: None, end: None }
    }
}

/// A second row of the same sourcedId.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twin {
    Same,
    /// The same in other words.
    Dressed,
    Differing,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Shifted,
    Quoting,
    NoId,
    /// In roles.csv; in OneRoster 1.1, no role.
    RoleRow,
    /// A row of roles.csv without a user.
    RoleOfNobody,
}

pub(super) const FLAWS: [Flaw; 6] =
    [Flaw::Shifted, Flaw::Quoting, Flaw::NoId, Flaw::RoleRow, Flaw::RoleRow, Flaw::RoleOfNobody];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// In the order of [`DETAILS`].
    pub(super) details: [String; 5],
    pub(super) status: &'static str,
    pub(super) enabled: &'static str,
    pub(super) identifier: String,
    pub(super) roles: Vec<Held>,
    pub(super) agents: Vec<String>,
    /// An adult's column of its own.
    pub(super) rights: &'static str,
    pub(super) twin: Option<Twin>,
    pub(super) flaw: Option<Flaw>,
}

const GIVEN: [&str; 6] = ["Rosa", "José", "Ada", "rosa", "Li", "ROSA"];
const FAMILY: [&str; 6] = ["Diaz", "Núñez", "Wang", "diaz", "O'Neil", "de la Cruz"];

/// Few enough that families and strangers share them by chance.
fn number(dice: &mut Dice) -> String {
    let area = dice.pick(&["718", "917"]);
    format!("+1{area}555{:04}", 100 + dice.below(30))
}

/// A value that a field could have, most often a valid one.
pub(super) fn value(id: &str, field: usize, dice: &mut Dice) -> String {
    match field {
        0 => dice.pick(&GIVEN).to_owned(),
        1 => dice.pick(&FAMILY).to_owned(),
        2 => match dice.below(4) {
            0 => format!("{id}@school.example"),
            1 => format!("{id}.{}@work.example", dice.below(3)),
            _ => format!("family{}@mail.example", dice.below(8)),
        },
        // A number that is one in Britain, too, or only there.
        3 | 4 if dice.one_in(20) => dice.pick(&["020 7183 8750", "+442071838750"]).to_owned(),
        _ => number(dice),
    }
}

pub(super) fn invalid(field: usize) -> &'static str {
    match field {
        2 => "rosa(at)mail",
        3 | 4 => "555-0100",
        _ => "",
    }
}

/// The same in other words.
pub(super) fn dress(value: &str, field: usize, dice: &mut Dice) -> String {
    match field {
        0 | 1 => match dice.below(3) {
            0 => format!(" {} ", value.replace(' ', "   ")),
            1 => value.replace('é', "e\u{301}").replace('ñ', "n\u{303}").replace('ú', "u\u{301}"),
            _ => value.trim().to_owned(),
        },
        2 => match dice.below(3) {
            0 => value.to_uppercase(),
            1 => format!("  {value} "),
            _ => value.to_lowercase().trim().to_owned(),
        },
        _ => {
            let digits: String = value.chars().filter(char::is_ascii_digit).collect();
            match (digits.strip_prefix('1').filter(|rest| rest.len() == 10), dice.below(4)) {
                (Some(rest), 0) => format!("({}) {}-{}", &rest[..3], &rest[3..6], &rest[6..]),
                (Some(rest), 1) => format!("{}.{}.{} Work", &rest[..3], &rest[3..6], &rest[6..]),
                (Some(rest), 2) => format!("+1{rest} ext. 7"),
                (Some(rest), _) => format!("+1{rest}"),
                (None, _) => format!(" {value} "),
            }
        }
    }
}

impl Member {
    pub(super) fn new(id: &str, role: &str, org: &str, dice: &mut Dice) -> Self {
        let mut details = [0, 1, 2, 3, 4].map(|field| match dice.one_in(8) && field > 1 {
            true => String::new(),
            false => value(id, field, dice),
        });
        if dice.one_in(12) {
            details[2] = format!("noemail@{id}.example");
        }
        Self {
            details,
            status: "",
            enabled: "true",
            identifier: format!("00{}", dice.below(900)),
            roles: vec![Held::new(role, org)],
            agents: Vec::new(),
            rights: "",
            twin: None,
            flaw: None,
        }
    }

    pub(super) fn is_student(&self) -> bool {
        self.roles.first().is_some_and(|held| held.role == "student")
    }

    /// Another row of the same sourcedId.
    pub(super) fn second(&self, twin: Twin, id: &str) -> Self {
        let mut dice = Dice::new(id.len() as u64);
        let mut second = Self { twin: None, ..self.clone() };
        match twin {
            Twin::Same => {}
            Twin::Dressed => {
                for (field, cell) in second.details.iter_mut().enumerate() {
                    *cell = match cell.is_empty() {
                        true => String::new(),
                        false => dress(cell, field, &mut dice),
                    };
                }
            }
            Twin::Differing => second.details[2] = format!("{id}.other@work.example"),
        }
        second
    }
}
