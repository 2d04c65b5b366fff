//! One line of the preview: what happens to a person, or is kept from happening.

use std::cmp::Ordering;

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, Serialize};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::contact::Field;
use crate::failure::Result;
use crate::plan::{Action, FieldDecision, Note, PlanRow, Renaming, join_codes};
use crate::plural::agreed;
use crate::plural::or_none;
use crate::report::harmless;
use crate::run::Outcome;

/// What kind of change a line is, the most dangerous first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Kind {
    Archived,
    /// Email or mobile of an active person.
    SignIn,
    PendingAgain,
    Joined,
    Renamed,
    /// Name or home phone of an active person.
    Details,
    Restored,
    Created,
    /// Details of a person who has not joined.
    Pending,
    Held,
    Rejected,
    Kept,
}

impl Kind {
    pub(super) const ALL: [Self; 12] = [
        Self::Archived,
        Self::SignIn,
        Self::PendingAgain,
        Self::Joined,
        Self::Renamed,
        Self::Details,
        Self::Restored,
        Self::Created,
        Self::Pending,
        Self::Held,
        Self::Rejected,
        Self::Kept,
    ];

    /// As JSON names it.
    pub(super) fn word(self) -> &'static str {
        self.words().0
    }

    /// After a number.
    pub(super) fn counted(self, count: u64) -> &'static str {
        let (_, one, several) = self.words();
        agreed(count, one, several)
    }

    /// The word of JSON, and what comes after 1 and after other numbers.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Archived => ("archived", "archived", "archived"),
            Self::SignIn => ("sign-in", "change of a sign-in", "changes of sign-ins"),
            Self::PendingAgain => ("pending-again", "pending again", "pending again"),
            Self::Joined => ("joined", "joined", "joined"),
            Self::Renamed => ("renamed", "with a new sourcedId", "with a new sourcedId"),
            Self::Details => ("details", "other change of an active user", "other changes of active users"),
            Self::Restored => ("restored", "restored", "restored"),
            Self::Created => ("created", "created", "created"),
            Self::Pending => ("pending", "change of a pending user", "changes of pending users"),
            Self::Held => ("held", "held", "held"),
            Self::Rejected => ("rejected", "rejected", "rejected"),
            Self::Kept => ("kept", "kept", "kept"),
        }
    }
}

/// Where a line stands in the preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order<'a> {
    pub(super) kind: Kind,
    /// Within the kind: 0 comes first.
    rank: u8,
    school: &'a str,
    id: &'a str,
    /// The fields of one person in their order.
    at: u8,
}

/// A line, with all that JSON says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    kind: Kind,
    sign: char,
    pub(super) id: String,
    state: String,
    /// The field, or the kind of change.
    what: String,
    /// Old and new value, or the reason.
    detail: String,
    name: String,
    /// Its name; without one its sourcedId.
    school: String,
    school_id: String,
    role: String,
    /// As the report names it; empty where it is no field.
    field: String,
    old: String,
    new: String,
    codes: String,
    rank: u8,
    at: u8,
}

impl Ord for Line {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl PartialOrd for Line {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How wide the columns are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Widths([usize; 5]);

impl Default for Widths {
    fn default() -> Self {
        Self([9, 8, 10, 0, 0])
    }
}

impl Widths {
    /// A wider cell sticks out.
    const MOST: [usize; 5] = [36, 8, 12, 80, 24];

    pub(super) fn take_in(&mut self, line: &Line) {
        for ((width, most), cell) in self.0.iter_mut().zip(Self::MOST).zip(line.cells()) {
            *width = (*width).max(cell.width().min(most));
        }
    }
}

impl Line {
    #[cfg(test)]
    pub(super) fn of(kind: Kind, school: &str, id: &str) -> Self {
        Self {
            kind,
            sign: '+',
            id: id.into(),
            state: "pending".into(),
            what: kind.word().into(),
            detail: String::new(),
            name: "Rosa Diaz".into(),
            school: school.into(),
            school_id: school.into(),
            role: "teacher".into(),
            field: String::new(),
            old: String::new(),
            new: String::new(),
            codes: String::new(),
            rank: 0,
            at: 0,
        }
    }

    pub(super) fn order(&self) -> Order<'_> {
        Order { kind: self.kind, rank: self.rank, school: &self.school, id: &self.id, at: self.at }
    }

    fn cells(&self) -> [&str; 5] {
        [&self.id, &self.state, &self.what, &self.detail, &self.name]
    }

    pub(super) fn text(&self, widths: &Widths) -> String {
        let mut text = format!("{} ", self.sign);
        for (cell, width) in self.cells().into_iter().zip(widths.0).filter(|(_, width)| *width > 0) {
            text.push_str(cell);
            // Names can have characters that are two columns wide, or none.
            text.push_str(&" ".repeat(width - cell.width().min(width) + 1));
        }
        text.push_str(&self.school);
        // A value can hold control characters, and a terminal must not obey them.
        harmless(text.trim_end())
    }

    pub(super) fn style(&self) -> Style {
        let color = match self.sign {
            '+' | '^' => AnsiColor::Green,
            '-' | '!' => AnsiColor::Red,
            '~' | '>' => AnsiColor::Yellow,
            _ => AnsiColor::Cyan,
        };
        Style::new().fg_color(Some(color.into()))
    }
}

/// A line for programs: values as they are.
pub(super) fn change_json(line: &Line) -> serde_json::Value {
    let or_null = |text: &str| if text.is_empty() { serde_json::Value::Null } else { text.into() };
    let is_change = !line.field.is_empty();
    json!({
        "sourced_id": line.id,
        "name": line.name,
        "state": line.state,
        "role": line.role,
        "school": line.school_id,
        "kind": line.kind.word(),
        "field": or_null(&line.field),
        "old": if is_change { line.old.as_str().into() } else { serde_json::Value::Null },
        "new": if is_change { line.new.as_str().into() } else { serde_json::Value::Null },
        "codes": line.codes.split(' ').filter(|code| !code.is_empty()).collect::<Vec<_>>(),
    })
}

/// Takes where a line stands, and what makes the line if it is wanted.
pub(super) type Add<'f> = dyn FnMut(Order<'_>, &dyn Fn() -> Line) -> Result<()> + 'f;

/// Goes through the rows of a plan: one line for each thing that happens to a person, or is kept from happening.
pub(super) fn each_thing(outcome: &Outcome, add: &mut Add<'_>) -> Result<()> {
    outcome.plan.each_decided(|row| {
        let person = Person::of(row, outcome);
        person.whole(add)?;
        person.state(outcome.plan.summary.joins > 0, add)?;
        row.fields.0.iter().try_for_each(|decision| person.field(decision, add))
    })
}

/// A person of the plan, about whom there may be lines.
struct Person<'a> {
    row: &'a PlanRow<'a>,
    id: &'a str,
    state: &'a str,
    school_id: &'a str,
    /// Its name; without one its sourcedId.
    school: &'a str,
}

impl<'a> Person<'a> {
    fn of(row: &'a PlanRow<'_>, outcome: &'a Outcome) -> Self {
        let school_id = row.schools.split('|').next().unwrap_or_default();
        let before = row.state_before.filter(|_| row.action == Action::Archived);
        Self {
            row,
            id: if row.sourced_id.is_empty() { "?" } else { row.sourced_id },
            state: before.unwrap_or(row.state),
            school_id,
            school: if school_id.is_empty() { "" } else { outcome.schools.name(school_id) },
        }
    }

    /// A line about no field.
    fn line(&self, kind: Kind, sign: char, what: &str, detail: String) -> Line {
        Line {
            kind,
            sign,
            id: self.id.to_owned(),
            state: self.state.to_owned(),
            what: what.to_owned(),
            detail,
            name: name(self.row),
            school: self.school.to_owned(),
            school_id: self.school_id.to_owned(),
            role: self.row.roles.split('|').next().unwrap_or_default().to_owned(),
            field: String::new(),
            old: String::new(),
            new: String::new(),
            codes: join_codes(&self.row.notes),
            rank: 0,
            at: 0,
        }
    }

    fn order(&self, kind: Kind, at: u8) -> Order<'_> {
        Order { kind, rank: 0, school: self.school, id: self.id, at }
    }

    /// What happens to the person as a whole.
    fn whole(&self, add: &mut Add<'_>) -> Result<()> {
        let (kind, sign) = match self.row.action {
            Action::Created => (Kind::Created, '+'),
            Action::Archived => (Kind::Archived, '-'),
            Action::Restored => (Kind::Restored, '^'),
            Action::Rejected => (Kind::Rejected, '!'),
            Action::Held => (Kind::Held, '?'),
            Action::Updated | Action::Kept | Action::Unchanged | Action::Skipped => return Ok(()),
        };
        let detail = || match kind {
            Kind::Rejected => {
                let reason = self.row.notes.iter().find_map(|note| match note {
                    Note::Rejected(reason) => Some(reason.text()),
                    _ => None,
                });
                let place = self.row.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                format!("{place}{}", reason.unwrap_or_default())
            }
            Kind::Held => "another person now has this sourcedId".to_owned(),
            _ => String::new(),
        };
        add(self.order(kind, 0), &|| self.line(kind, sign, kind.word(), detail()))
    }

    /// A change of state by the platform's export. On the first read of an export nearly everyone joins, and no limit counts
    /// them: `says_joins` is false.
    fn state(&self, says_joins: bool, add: &mut Add<'_>) -> Result<()> {
        let joins = says_joins && self.row.state == "active" && self.row.state_before == Some("pending");
        let pending_again = self.row.notes.contains(&Note::PendingAgain);
        for (happens, kind, detail) in [
            (joins, Kind::Joined, "pending → active"),
            (pending_again, Kind::PendingAgain, "active → pending"),
        ] {
            if happens {
                add(self.order(kind, 0), &|| self.line(kind, '~', "state", detail.to_owned()))?;
            }
        }
        Ok(())
    }

    /// A field that is changed, or a difference that is left alone.
    fn field(&self, decision: &FieldDecision, add: &mut Add<'_>) -> Result<()> {
        let FieldDecision { field, rule, actual, sis } = decision;
        let kind = match (self.row.state, field) {
            _ if rule.leaves() => Kind::Kept,
            _ if !rule.changes() => return Ok(()),
            ("active", Field::Email | Field::Phone) => Kind::SignIn,
            ("active", Field::Name | Field::HomePhone) => Kind::Details,
            (_, _) => Kind::Pending,
        };
        let at = *field as u8;
        add(self.order(kind, at), &|| {
            let (sign, detail) = match kind {
                Kind::Kept => ('=', format!("kept {}, the SIS import has {}", or_none(actual), or_none(sis))),
                _ => ('~', format!("{} → {}", or_none(actual), or_none(sis))),
            };
            Line {
                field: field.key().to_owned(),
                old: actual.clone(),
                new: sis.clone(),
                at,
                ..self.line(kind, sign, field.word(), detail)
            }
        })
    }
}

/// Of the account or, if there is none, as the roster has it.
fn name(row: &PlanRow<'_>) -> String {
    let name = row.details.shown(Field::Name);
    if name.is_empty() { row.sis.shown(Field::Name).into_owned() } else { name.into_owned() }
}

/// Goes through the new sourcedIds.
pub(super) fn each_rename(outcome: &Outcome, add: &mut Add<'_>) -> Result<()> {
    outcome.plan.renamings.values.each(|renaming| {
        let school = if renaming.school.is_empty() { "" } else { outcome.schools.name(&renaming.school) };
        // Accounts with the widest permission come first.
        let rank = u8::from(!renaming.manages_district());
        add(Order { kind: Kind::Renamed, rank, school, id: &renaming.old, at: 0 }, &|| Line {
            kind: Kind::Renamed,
            sign: '>',
            id: renaming.old.clone(),
            state: renaming.state.clone(),
            what: "sourcedId".into(),
            detail: renamed(&renaming),
            name: renaming.name.clone(),
            school: school.to_owned(),
            school_id: renaming.school.clone(),
            role: renaming.role.clone(),
            field: "sourced_id".into(),
            old: renaming.old.clone(),
            new: renaming.new.clone(),
            codes: codes(&renaming).join(" "),
            rank,
            at: 0,
        })
    })
}

fn renamed(renaming: &Renaming) -> String {
    let mut text = format!("→ {}", renaming.new);
    if renaming.manages_district() {
        text.push_str(", MANAGES ALL USERS OF THE DISTRICT");
    } else if !renaming.manages.is_empty() {
        text.push_str(&format!(", MANAGES USERS of {}", renaming.manages.join(", ")));
    }
    if renaming.taken_back {
        text.push_str(", takes an earlier rename back");
    } else if renaming.replaces {
        text.push_str(", in place of the account that a run had made");
    }
    if renaming.unlike {
        text.push_str(", WHICH HAS ANOTHER NAME OR OTHER CONTACTS");
    }
    text
}

fn codes(renaming: &Renaming) -> Vec<&'static str> {
    let all = [
        (renaming.manages_district(), "manages-district"),
        (!renaming.manages.is_empty() && !renaming.manages_district(), "manages-school"),
        (renaming.replaces, "replaces-account"),
        (renaming.unlike, "unlike"),
        (renaming.taken_back, "taken-back"),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, code)| code).collect()
}
