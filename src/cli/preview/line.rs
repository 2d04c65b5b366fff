//! One line of the preview: what happens to a person, or is kept from happening.

use std::cmp::Ordering;

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, Serialize};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::contact::Field;
use crate::failure::Result;
use crate::plan::{Action, Note, PlanRow, Renaming, join_codes};
use crate::plural::agreed;
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
        match self {
            Self::Archived => "archived",
            Self::SignIn => "sign-in",
            Self::PendingAgain => "pending-again",
            Self::Joined => "joined",
            Self::Renamed => "renamed",
            Self::Details => "details",
            Self::Restored => "restored",
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Kept => "kept",
        }
    }

    /// After a number.
    pub(super) fn counted(self, count: u64) -> &'static str {
        match self {
            Self::Archived => "archived",
            Self::SignIn => agreed(count, "change of a sign-in", "changes of sign-ins"),
            Self::PendingAgain => "pending again",
            Self::Joined => "joined",
            Self::Renamed => "with a new sourcedId",
            Self::Details => agreed(count, "other change of an active user", "other changes of active users"),
            Self::Restored => "restored",
            Self::Created => "created",
            Self::Pending => agreed(count, "change of a pending user", "changes of pending users"),
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Kept => "kept",
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
    /// The field, or what is done.
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
    /// What is wider than this sticks out.
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
        // Values come from files that anybody may have written to; a terminal must not obey them.
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

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

/// What a line says besides the person.
struct Thing<'a> {
    kind: Kind,
    sign: char,
    what: &'a str,
    field: Option<Field>,
    old: &'a str,
    new: &'a str,
    detail: &'a dyn Fn() -> String,
    at: u8,
}

/// Goes through the rows of a plan: one line for each thing that happens to a person, or is kept from happening.
pub(super) fn each_thing(outcome: &Outcome, add: &mut Add<'_>) -> Result<()> {
    outcome.plan.each_decided(|row| things(row, outcome, add))
}

fn things(row: &PlanRow<'_>, outcome: &Outcome, add: &mut Add<'_>) -> Result<()> {
    let school_id = row.schools.split('|').next().unwrap_or_default();
    let school = if school_id.is_empty() { "" } else { outcome.schools.name(school_id) };
    let before = row.state_before.filter(|_| row.action == Action::Archived);
    let state = before.unwrap_or(row.state);
    let id: &str = if row.sourced_id.is_empty() { "?" } else { row.sourced_id };
    let mut say = |thing: Thing<'_>| {
        let Thing { kind, sign, what, field, old, new, detail, at } = thing;
        add(Order { kind, rank: 0, school, id, at }, &|| Line {
            kind,
            sign,
            id: id.to_owned(),
            state: state.to_owned(),
            what: what.to_owned(),
            detail: detail(),
            name: name(row),
            school: school.to_owned(),
            school_id: school_id.to_owned(),
            role: row.roles.split('|').next().unwrap_or_default().to_owned(),
            field: field.map(|field| field.key().to_owned()).unwrap_or_default(),
            old: old.to_owned(),
            new: new.to_owned(),
            codes: join_codes(&row.notes),
            rank: 0,
            at,
        })
    };
    let nothing = || String::new();
    let whole = |kind: Kind, sign| Thing {
        kind,
        sign,
        what: kind.word(),
        field: None,
        old: "",
        new: "",
        detail: &nothing,
        at: 0,
    };
    match row.action {
        Action::Created => say(whole(Kind::Created, '+'))?,
        Action::Archived => say(whole(Kind::Archived, '-'))?,
        Action::Restored => say(whole(Kind::Restored, '^'))?,
        Action::Rejected => {
            let detail = || {
                let reason = row.notes.iter().find_map(|note| match note {
                    Note::Rejected(reason) => Some(reason.text()),
                    _ => None,
                });
                let place = row.line.map(|line| format!("line {line}: ")).unwrap_or_default();
                format!("{place}{}", reason.unwrap_or_default())
            };
            say(Thing { detail: &detail, ..whole(Kind::Rejected, '!') })?;
        }
        Action::Held => {
            let detail = || "another person now has this sourcedId".to_owned();
            say(Thing { detail: &detail, ..whole(Kind::Held, '?') })?;
        }
        Action::Updated | Action::Kept | Action::Unchanged | Action::Skipped => {}
    }
    // On the first read of an export nearly everybody joins, and no limit counts them.
    let joins =
        outcome.plan.summary.joins > 0 && row.state == "active" && row.state_before == Some("pending");
    if joins {
        let detail = || "pending → active".to_owned();
        say(Thing { what: "state", detail: &detail, ..whole(Kind::Joined, '~') })?;
    }
    if row.notes.contains(&Note::PendingAgain) {
        let detail = || "active → pending".to_owned();
        say(Thing { what: "state", detail: &detail, ..whole(Kind::PendingAgain, '~') })?;
    }
    for change in row.changes.iter() {
        let kind = match (row.state, change.field) {
            ("active", Field::Email | Field::Phone) => Kind::SignIn,
            ("active", Field::Name | Field::HomePhone) => Kind::Details,
            (_, _) => Kind::Pending,
        };
        let detail = || format!("{} → {}", or_none(&change.old), or_none(&change.new));
        say(Thing {
            kind,
            sign: '~',
            what: change.field.word(),
            field: Some(change.field),
            old: &change.old,
            new: &change.new,
            detail: &detail,
            at: change.field as u8,
        })?;
    }
    for (field, sis) in row.kept.iter() {
        let actual = row.details.shown(*field);
        let detail = || format!("kept {}, the SIS import has {}", or_none(&actual), or_none(sis));
        say(Thing {
            kind: Kind::Kept,
            sign: '=',
            what: field.word(),
            field: Some(*field),
            old: &actual,
            new: sis,
            detail: &detail,
            at: *field as u8,
        })?;
    }
    Ok(())
}

/// Of the account or, if there is none, as the roster has it.
fn name(row: &PlanRow<'_>) -> String {
    let name = row.details.shown(Field::Name);
    if name.is_empty() { row.sis.shown(Field::Name).into_owned() } else { name.into_owned() }
}

/// Goes through the new sourcedIds.
pub(super) fn each_rename(outcome: &Outcome, add: &mut Add<'_>) -> Result<()> {
    outcome.plan.renames().each(|renaming| {
        let school = if renaming.school.is_empty() { "" } else { outcome.schools.name(&renaming.school) };
        // Whoever can do most comes first.
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
