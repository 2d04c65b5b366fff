//! One line of the preview: what happens to a person, or is kept from happening.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::contact::Field;
use crate::failure::Result;
use crate::plan::{Action, FieldDecision, Note, PlanRow, Rekey, Renaming};
use crate::plural::agreed;
use crate::plural::or_none;
use crate::run::Outcome;

/// What kind of change a line is, the most dangerous first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    #[default]
    Archived,
    /// Email or mobile of an active person.
    SignIn,
    PendingAgain,
    Joined,
    Renamed,
    /// Name or home phone of an active person.
    Details,
    /// Links between an adult and children.
    Links,
    Restored,
    Created,
    /// Details of a person that has not joined.
    Pending,
    Held,
    Rejected,
    Missing,
    Kept,
}

impl Kind {
    pub(super) const ALL: [Self; 14] = [
        Self::Archived,
        Self::SignIn,
        Self::PendingAgain,
        Self::Joined,
        Self::Renamed,
        Self::Details,
        Self::Links,
        Self::Restored,
        Self::Created,
        Self::Pending,
        Self::Held,
        Self::Rejected,
        Self::Missing,
        Self::Kept,
    ];

    /// After a number.
    pub(super) fn counted(self, count: u64) -> &'static str {
        let (one, several) = self.words();
        agreed(count, one, several)
    }

    /// What comes after 1 and after other numbers.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Archived => ("archived", "archived"),
            Self::SignIn => ("change of a sign-in", "changes of sign-ins"),
            Self::PendingAgain => ("pending again", "pending again"),
            Self::Joined => ("joined", "joined"),
            Self::Renamed => ("with a new sourcedId", "with a new sourcedId"),
            Self::Details => ("other change of an active user", "other changes of active users"),
            Self::Links => ("change of links", "changes of links"),
            Self::Restored => ("restored", "restored"),
            Self::Created => ("created", "created"),
            Self::Pending => ("change of a pending user", "changes of pending users"),
            Self::Held => ("held", "held"),
            Self::Missing => ("missing", "missing"),
            Self::Rejected => ("rejected", "rejected"),
            Self::Kept => ("kept", "kept"),
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Created => "+",
            Self::Restored => "^",
            Self::Archived => "-",
            Self::Rejected => "!",
            Self::Held => "?",
            Self::Missing => ".",
            Self::Renamed => ">",
            Self::Kept => "=",
            Self::SignIn
            | Self::PendingAgain
            | Self::Joined
            | Self::Details
            | Self::Links
            | Self::Pending => "~",
        }
    }
}

/// Where a line is in the preview.
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

/// A change as JSON says it: values as they are.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) sourced_id: String,
    name: String,
    state: String,
    role: String,
    /// Its sourcedId.
    pub(super) school: String,
    pub(super) kind: Kind,
    /// As the report names it, or `links`, whose values are sourcedIds; none where it is no field, and then there is no old and no new value either.
    field: Option<String>,
    old: Option<String>,
    new: Option<String>,
    codes: Vec<String>,
}

/// A change, and what a line shows of it besides.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) change: Change,
    /// The field, or the kind of change.
    what: String,
    /// Old and new value, or the reason.
    detail: String,
    /// The name of the school; without one its sourcedId.
    school: String,
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

impl Line {
    /// The sign, the user, the state, what happens, how, and the school.
    pub(super) fn for_markdown(&self) -> [String; 6] {
        let Change { sourced_id, state, name, kind, .. } = &self.change;
        let user = format!("{sourced_id} {name}");
        let texts = [user.trim(), state, &self.what, &self.detail, &self.school];
        let [user, state, what, detail, school] = texts.map(str::to_owned);
        [kind.sign().to_string(), user, state, what, detail, school]
    }

    pub(super) fn order(&self) -> Order<'_> {
        let Change { kind, sourced_id, .. } = &self.change;
        Order { kind: *kind, rank: self.rank, school: &self.school, id: sourced_id, at: self.at }
    }

    /// Sign, sourcedId, state, what, detail, name, school.
    pub(super) fn cells(&self) -> [&str; 7] {
        let Change { kind, sourced_id, state, name, .. } = &self.change;
        [kind.sign(), sourced_id, state, &self.what, &self.detail, name, &self.school]
    }
}

/// Takes where a line stands, and what makes the line if it is wanted.
pub(super) type Add<'f> = dyn FnMut(Order<'_>, &dyn Fn() -> Line) -> Result<()> + 'f;

/// Goes through the rows of a plan: one line for each thing that happens to a person, or is kept from happening.
pub(super) fn each_thing(outcome: &Outcome, add: &mut Add<'_>) -> Result<()> {
    outcome.plan.each_decided(|row| {
        let person = Person::of(row, outcome);
        person.whole(add)?;
        person.state(outcome.plan.summary.joins > 0, add)?;
        person.links(add)?;
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

    fn line(&self, kind: Kind, what: &str, detail: String) -> Line {
        let row = self.row;
        // Of the account or, if there is none, as the roster has it.
        let name = Some(row.details.shown(Field::Name)).filter(|name| !name.is_empty());
        let change = Change {
            sourced_id: self.id.to_owned(),
            name: name.unwrap_or_else(|| row.sis.shown(Field::Name)).into_owned(),
            state: self.state.to_owned(),
            role: row.roles.split('|').next().unwrap_or_default().to_owned(),
            school: self.school_id.to_owned(),
            kind,
            codes: row.notes.iter().map(|note| note.code().to_owned()).collect(),
            ..Change::default()
        };
        Line { change, what: what.to_owned(), detail, school: self.school.to_owned(), ..Line::default() }
    }

    fn order(&self, kind: Kind, at: u8) -> Order<'_> {
        Order { kind, rank: 0, school: self.school, id: self.id, at }
    }

    /// What happens to the person as a whole.
    fn whole(&self, add: &mut Add<'_>) -> Result<()> {
        let kind = match self.row.action {
            Action::Created => Kind::Created,
            Action::Archived => Kind::Archived,
            Action::Restored => Kind::Restored,
            Action::Rejected => Kind::Rejected,
            Action::Held => Kind::Held,
            Action::Missing => Kind::Missing,
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
            Kind::Held => self.held(),
            Kind::Missing => self.missing(),
            _ => String::new(),
        };
        add(self.order(kind, 0), &|| self.line(kind, kind.counted(1), detail()))
    }

    /// Why nothing is done to the person until another one decides.
    fn held(&self) -> String {
        let limit = self.row.notes.iter().find_map(|note| match note {
            Note::HeldByLimit(limit) => Some(limit),
            _ => None,
        });
        if let Some(limit) = limit {
            return format!("by the limit {limit}");
        }
        let found = self.row.notes.iter().find_map(|note| match note {
            Note::PossibleRekey(what, other, evidence) => Some((what, other, evidence.words())),
            _ => None,
        });
        match found {
            Some((Rekey::NotAdded, other, words)) => format!("probably the same person as {other} ({words})"),
            Some((_, other, words)) => format!("probably back as {other} ({words})"),
            None => "another person now has this sourcedId".to_owned(),
        }
    }

    /// Since when the person is missing.
    fn missing(&self) -> String {
        let since = self.row.notes.iter().find_map(|note| match note {
            Note::Missing(since) => Some(format!("since {since}")),
            Note::NotArchived(until) => Some(format!("not archived until {until}")),
            _ => None,
        });
        since.unwrap_or_default()
    }

    /// A change of state by the platform's export. On the first read of an export nearly everyone joins, and no limit counts
    /// them: `says_joins` is false.
    fn state(&self, says_joins: bool, add: &mut Add<'_>) -> Result<()> {
        let joins = says_joins && self.row.state == "active" && self.row.state_before == Some("pending");
        let pending_again = self.row.notes.contains(&Note::PendingAgain);
        for note in self.row.notes.iter() {
            let Note::OptOut(channel, out) = note else { continue };
            let detail = if *out { "opted out" } else { "opted in again" };
            let order = Order { rank: *channel as u8, ..self.order(Kind::Details, 0) };
            add(order, &|| {
                let line = self.line(Kind::Details, channel.word(), detail.to_owned());
                Line { rank: *channel as u8, ..line }
            })?;
        }
        for (happens, kind, detail) in [
            (joins, Kind::Joined, "pending → active"),
            (pending_again, Kind::PendingAgain, "active → pending"),
        ] {
            if happens {
                add(self.order(kind, 0), &|| self.line(kind, "state", detail.to_owned()))?;
            }
        }
        Ok(())
    }

    /// Links that come and go. An account that is created begins with its links.
    fn links(&self, add: &mut Add<'_>) -> Result<()> {
        let ids = |of: fn(&Note) -> Option<&Vec<String>>| {
            self.row.notes.iter().find_map(of).map(Vec::as_slice).unwrap_or_default()
        };
        let added = ids(|note| if let Note::Linked(ids) = note { Some(ids) } else { None });
        let removed = ids(|note| if let Note::Unlinked(ids) = note { Some(ids) } else { None });
        if added.is_empty() && removed.is_empty() || self.row.action == Action::Created {
            return Ok(());
        }
        add(self.order(Kind::Links, 0), &|| {
            let signed = [('+', added), ('-', removed)];
            let each = signed.iter().flat_map(|(sign, ids)| ids.iter().map(move |id| format!("{sign} {id}")));
            let line = self.line(Kind::Links, "links", each.collect::<Vec<_>>().join(", "));
            let change = Change {
                field: Some("links".into()),
                old: Some(removed.join(",")),
                new: Some(added.join(",")),
                ..line.change
            };
            Line { change, ..line }
        })
    }

    /// A field that is changed, or a difference that is left alone.
    fn field(&self, decision: &FieldDecision, add: &mut Add<'_>) -> Result<()> {
        let FieldDecision { field, rule, actual, sis, settled } = decision;
        let kind = match (self.row.state, field) {
            _ if *settled => return Ok(()),
            _ if rule.leaves() => Kind::Kept,
            _ if !rule.changes() => return Ok(()),
            ("active", Field::Email | Field::Phone) => Kind::SignIn,
            ("active", Field::Name | Field::HomePhone) => Kind::Details,
            (_, _) => Kind::Pending,
        };
        let at = *field as u8;
        add(self.order(kind, at), &|| {
            let (old, new) = (or_none(actual), or_none(sis));
            let detail = match kind {
                Kind::Kept => format!("kept {old}, the SIS import has {new}"),
                _ => format!("{old} → {new}"),
            };
            let line = self.line(kind, field.word(), detail);
            let change = Change {
                field: Some(field.key().to_owned()),
                old: Some(actual.clone()),
                new: Some(sis.clone()),
                ..line.change
            };
            Line { change, at, ..line }
        })
    }
}

pub(super) fn each_rename(outcome: &Outcome, add: &mut Add<'_>) -> Result<()> {
    outcome.plan.renamings.values.each(|renaming| {
        let school = if renaming.school.is_empty() { "" } else { outcome.schools.name(&renaming.school) };
        // Accounts with the widest permission come first.
        let rank = u8::from(!renaming.manages_district());
        add(Order { kind: Kind::Renamed, rank, school, id: &renaming.old, at: 0 }, &|| Line {
            change: Change {
                sourced_id: renaming.old.clone(),
                name: renaming.name.clone(),
                state: renaming.state.clone(),
                role: renaming.role.clone(),
                school: renaming.school.clone(),
                kind: Kind::Renamed,
                field: Some("sourced_id".into()),
                old: Some(renaming.old.clone()),
                new: Some(renaming.new.clone()),
                codes: codes(&renaming),
            },
            what: "sourcedId".into(),
            detail: renamed(&renaming),
            school: school.to_owned(),
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

fn codes(renaming: &Renaming) -> Vec<String> {
    let all = [
        (renaming.manages_district(), "manages-district"),
        (!renaming.manages.is_empty() && !renaming.manages_district(), "manages-school"),
        (renaming.replaces, "replaces-account"),
        (renaming.unlike, "unlike"),
        (renaming.taken_back, "taken-back"),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, code)| code.to_owned()).collect()
}
