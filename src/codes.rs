//! Every code that rostersync prints, with its meaning, its cause and its cure: the notes of the
//! report, the findings, the exit statuses and the reasons of a refusal. Pure.
//!
//! `rostersync codes`, `check` and [docs/codes.md](../docs/codes.md) print it. A finding without an
//! entry fails the tests: [`crate::findings::Findings::add`] asserts that there is one.

mod exits;
mod findings;
mod history;
mod notes;
mod refusals;
mod standard;

/// Where a code stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A note of the Users report, in its column `codes`. Some are findings of `check` too.
    Note,
    /// A note of the report of an undo.
    UndoNote,
    /// An oddity of an input, or of the configuration.
    Finding,
    /// A finding about the difference from the nights before, and what `[limits] history` stops.
    History,
    /// What `check --source` did not see.
    Missing,
    /// A deviation from OneRoster CSV, as `check --strict` finds it.
    Standard,
    /// Why an edit, a join or a permission is refused.
    Refusal,
    /// How a command ended.
    ExitStatus,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Note,
        Self::UndoNote,
        Self::Finding,
        Self::History,
        Self::Missing,
        Self::Standard,
        Self::Refusal,
        Self::ExitStatus,
    ];

    /// In tables and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::UndoNote => "undo-note",
            Self::Finding => "finding",
            Self::History => "history",
            Self::Missing => "missing",
            Self::Standard => "standard",
            Self::Refusal => "refusal",
            Self::ExitStatus => "exit-status",
        }
    }

    /// Above the codes of this kind.
    pub fn title(self) -> &'static str {
        match self {
            Self::Note => "Notes of the report",
            Self::UndoNote => "Notes of the report of an undo",
            Self::Finding => "Findings",
            Self::History => "Findings of the history",
            Self::Missing => "Missing in a source",
            Self::Standard => "Deviations from the standard",
            Self::Refusal => "Refusals",
            Self::ExitStatus => "Exit statuses",
        }
    }
}

/// A code, explained. Each text is one or more sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub code: &'static str,
    pub kind: Kind,
    /// What it says.
    pub meaning: &'static str,
    /// Why it is so.
    pub cause: &'static str,
    /// What to do.
    pub cure: &'static str,
    /// The numbers of an exit status; of another kind none.
    pub exits: &'static [u8],
}

const fn entry(
    kind: Kind,
    code: &'static str,
    meaning: &'static str,
    cause: &'static str,
    cure: &'static str,
) -> Entry {
    Entry { code, kind, meaning, cause, cure, exits: &[] }
}

/// All entries, by kind.
const TABLES: [&[Entry]; 12] = [
    notes::NAME,
    notes::EMAIL,
    notes::PHONE,
    notes::HOME_PHONE,
    notes::NOTES,
    notes::UNDO,
    findings::FINDINGS,
    history::HISTORY,
    findings::MISSING,
    standard::STANDARD,
    refusals::REFUSALS,
    exits::EXITS,
];

/// All entries, in the order of [`Kind::ALL`].
pub fn all() -> impl Iterator<Item = &'static Entry> {
    TABLES.into_iter().flatten()
}

/// What a code means: the first entry of [`explain_all`].
pub fn explain(code: &str) -> Option<&'static Entry> {
    explain_all(code).next()
}

/// What a code means. Some codes are of two kinds: `archived` is a note and a refusal. An exit
/// status has a word and a number, and the number 3 has two words.
pub fn explain_all(code: &str) -> impl Iterator<Item = &'static Entry> {
    let number: Option<u8> = code.parse().ok();
    all()
        .filter(move |entry| entry.code == code || number.is_some_and(|number| entry.exits.contains(&number)))
}

#[cfg(test)]
mod tests;
