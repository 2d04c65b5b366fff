//! The policy: whether the sync or a person may change contact details. Pure.
//!
//! [`decide`] is the decision table of the setting "Allow the sync to update contact details of active users", over small
//! enums and nothing else: no clock, no store, no text. `docs/decision-table.md` is printed from it by a test, to be
//! held against the prose.

mod edit;

pub use edit::{Actor, EditFacts, Permit, Refusal, Target, may_edit};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the person stands with the platform. An archived account that is back in the roster stands as it did before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// No account yet.
    New,
    /// Invited, has not joined.
    Pending,
    Active,
}

/// The setting, as it resolves for one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Setting {
    On,
    Off,
}

impl Setting {
    pub fn from_bool(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }

    /// The setting of a person at these schools: every school's own value, or the district's where it has none, must be
    /// ON. That is the reading which protects what people typed themselves. No school: the district's value.
    pub fn of_person(mut schools: impl Iterator<Item = Option<Setting>>, district: Setting) -> Self {
        let all_on = match schools.next() {
            None => district == Self::On,
            Some(first) => {
                let on = |own: Option<Setting>| own.unwrap_or(district) == Self::On;
                on(first) && schools.all(on)
            }
        };
        Self::from_bool(all_on)
    }
}

/// What the roster says of one field, beside the account's own value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sis {
    /// No such column, JSON null, an ignored placeholder, a refused credential: never changes or reports anything.
    NotProvided,
    /// An empty cell.
    Blank,
    /// Not an address, not a number.
    Invalid,
    /// Equal in normal form.
    Same,
    /// A name that is equal but for upper and lower case.
    CaseOnly,
    /// Valid, and another value.
    Differs,
}

/// What the account holds in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Held {
    Nothing,
    Value,
    /// A value that is never cleared: a name, or the last credential of an active account.
    Protected,
}

/// `blank_values`: what an empty cell in the roster means for a value on the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BlankValues {
    /// Nothing: the value stays and is noted.
    Keep,
    /// The value is to go, where the sync may change it.
    Clear,
}

/// All that the decision over one field depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts {
    pub standing: Standing,
    pub setting: Setting,
    pub sis: Sis,
    pub held: Held,
    pub blank_values: BlankValues,
}

/// What becomes of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Decision {
    /// Nothing to do, nothing to say.
    Nothing,
    /// The new account starts with the SIS value.
    Create,
    /// The SIS value replaces the account's: `… updated by the sync - was …`.
    Update,
    /// As `Update`, for a name's upper and lower case: noted, but no message is sent and no limit counts it.
    UpdateCase,
    /// The value is cleared: `… updated by the sync - was …`.
    Clear,
    /// The difference is left alone: `Active user has a new … in the SIS import - …`.
    LeaveDifferent,
    /// A blank cell changes nothing: `SIS import has no … - kept …`.
    KeepValue,
    /// As `KeepValue`, where `blank_values` is `clear` but the sync may not clear: the action is `kept`.
    LeaveValue,
    /// `SIS import has an invalid … - …`.
    IgnoreInvalid,
}

pub fn decide(facts: &Facts) -> Decision {
    use BlankValues::{Clear, Keep};
    use Held::{Nothing, Protected, Value};
    use Setting::{Off, On};
    use Standing::{Active, New, Pending};

    match (facts.sis, facts.standing, facts.setting, facts.held, facts.blank_values) {
        // Tested before anything else, and silent.
        (
            Sis::NotProvided | Sis::Same,
            New | Pending | Active,
            On | Off,
            Nothing | Value | Protected,
            Keep | Clear,
        ) => Decision::Nothing,
        // Never applied; the rest of the record is.
        (Sis::Invalid, New | Pending | Active, On | Off, Nothing | Value | Protected, Keep | Clear) => {
            Decision::IgnoreInvalid
        }
        (Sis::Differs | Sis::CaseOnly, New, On | Off, Nothing | Value | Protected, Keep | Clear) => {
            Decision::Create
        }
        (Sis::Differs, Pending, On | Off, Nothing | Value | Protected, Keep | Clear)
        | (Sis::Differs, Active, On, Nothing | Value | Protected, Keep | Clear) => Decision::Update,
        (Sis::Differs, Active, Off, Nothing | Value | Protected, Keep | Clear) => Decision::LeaveDifferent,
        (Sis::CaseOnly, Pending, On | Off, Nothing | Value | Protected, Keep | Clear)
        | (Sis::CaseOnly, Active, On, Nothing | Value | Protected, Keep | Clear) => Decision::UpdateCase,
        (Sis::CaseOnly, Active, Off, Nothing | Value | Protected, Keep | Clear) => Decision::Nothing,
        (Sis::Blank, New | Pending | Active, On | Off, Nothing, Keep | Clear)
        | (Sis::Blank, New, On | Off, Value | Protected, Keep | Clear) => Decision::Nothing,
        (Sis::Blank, Pending | Active, On | Off, Value | Protected, Keep) => Decision::KeepValue,
        (Sis::Blank, Pending, On | Off, Value, Clear) | (Sis::Blank, Active, On, Value, Clear) => {
            Decision::Clear
        }
        (Sis::Blank, Pending, On | Off, Protected, Clear) | (Sis::Blank, Active, On, Protected, Clear) => {
            Decision::KeepValue
        }
        (Sis::Blank, Active, Off, Value | Protected, Clear) => Decision::LeaveValue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDINGS: [Standing; 3] = [Standing::New, Standing::Pending, Standing::Active];
    const SETTINGS: [Setting; 2] = [Setting::On, Setting::Off];
    const BLANKS: [BlankValues; 2] = [BlankValues::Keep, BlankValues::Clear];
    const HELD: [Held; 3] = [Held::Nothing, Held::Value, Held::Protected];
    const SIS: [Sis; 6] =
        [Sis::NotProvided, Sis::Blank, Sis::Invalid, Sis::Same, Sis::CaseOnly, Sis::Differs];

    fn every_cell() -> impl Iterator<Item = Facts> {
        let mut cells = Vec::new();
        for sis in SIS {
            for standing in STANDINGS {
                for setting in SETTINGS {
                    for held in HELD {
                        for blank_values in BLANKS {
                            cells.push(Facts { standing, setting, sis, held, blank_values });
                        }
                    }
                }
            }
        }
        cells.into_iter()
    }

    /// One row of the prose: which cells it speaks of, and what it says.
    struct Rule {
        says: &'static str,
        of: fn(&Facts) -> bool,
        decision: Decision,
    }

    /// The table of the domain document, row by row. Every cell is covered by exactly one row.
    const TABLE: &[Rule] = &[
        Rule {
            says: "not provided: never anything",
            of: |f| f.sis == Sis::NotProvided,
            decision: Decision::Nothing,
        },
        Rule {
            says: "the same: nothing, not even a rewrite",
            of: |f| f.sis == Sis::Same,
            decision: Decision::Nothing,
        },
        Rule {
            says: "invalid: never applied",
            of: |f| f.sis == Sis::Invalid,
            decision: Decision::IgnoreInvalid,
        },
        Rule {
            says: "no account yet: create it with the SIS values",
            of: |f| f.standing == Standing::New && matches!(f.sis, Sis::Differs | Sis::CaseOnly),
            decision: Decision::Create,
        },
        Rule {
            says: "pending: update, whatever the setting",
            of: |f| f.standing == Standing::Pending && f.sis == Sis::Differs,
            decision: Decision::Update,
        },
        Rule {
            says: "active, ON: update",
            of: |f| f.standing == Standing::Active && f.setting == Setting::On && f.sis == Sis::Differs,
            decision: Decision::Update,
        },
        Rule {
            says: "active, OFF: leave it alone",
            of: |f| f.standing == Standing::Active && f.setting == Setting::Off && f.sis == Sis::Differs,
            decision: Decision::LeaveDifferent,
        },
        Rule {
            says: "a name's case: applied where the sync may update",
            of: |f| {
                f.sis == Sis::CaseOnly
                    && (f.standing == Standing::Pending
                        || f.standing == Standing::Active && f.setting == Setting::On)
            },
            decision: Decision::UpdateCase,
        },
        Rule {
            says: "a name's case: the same under OFF",
            of: |f| f.sis == Sis::CaseOnly && f.standing == Standing::Active && f.setting == Setting::Off,
            decision: Decision::Nothing,
        },
        Rule {
            says: "blank, and nothing to lose",
            of: |f| f.sis == Sis::Blank && (f.held == Held::Nothing || f.standing == Standing::New),
            decision: Decision::Nothing,
        },
        Rule {
            says: "blank, keep: leave the value",
            of: |f| {
                f.sis == Sis::Blank
                    && f.standing != Standing::New
                    && f.held != Held::Nothing
                    && f.blank_values == BlankValues::Keep
            },
            decision: Decision::KeepValue,
        },
        Rule {
            says: "blank, clear: where the sync may update",
            of: |f| {
                f.sis == Sis::Blank
                    && f.held == Held::Value
                    && f.blank_values == BlankValues::Clear
                    && (f.standing == Standing::Pending
                        || f.standing == Standing::Active && f.setting == Setting::On)
            },
            decision: Decision::Clear,
        },
        Rule {
            says: "blank, clear: never a name, never the last credential",
            of: |f| {
                f.sis == Sis::Blank
                    && f.held == Held::Protected
                    && f.blank_values == BlankValues::Clear
                    && (f.standing == Standing::Pending
                        || f.standing == Standing::Active && f.setting == Setting::On)
            },
            decision: Decision::KeepValue,
        },
        Rule {
            says: "blank, clear, active, OFF: leave it, as kept",
            of: |f| {
                f.sis == Sis::Blank
                    && f.held != Held::Nothing
                    && f.blank_values == BlankValues::Clear
                    && f.standing == Standing::Active
                    && f.setting == Setting::Off
            },
            decision: Decision::LeaveValue,
        },
    ];

    #[test]
    fn every_cell_is_decided_as_the_table_says() {
        for facts in every_cell() {
            let rows: Vec<&Rule> = TABLE.iter().filter(|rule| (rule.of)(&facts)).collect();
            assert_eq!(
                rows.len(),
                1,
                "{facts:?} must be covered once, by: {:?}",
                rows.iter().map(|r| r.says).collect::<Vec<_>>()
            );
            assert_eq!(decide(&facts), rows[0].decision, "{facts:?}: {}", rows[0].says);
        }
    }

    #[test]
    fn nothing_of_an_active_person_changes_under_off() {
        for facts in every_cell().filter(|f| f.standing == Standing::Active && f.setting == Setting::Off) {
            let applies = [Decision::Create, Decision::Update, Decision::UpdateCase, Decision::Clear];
            assert!(!applies.contains(&decide(&facts)), "{facts:?}");
        }
    }

    #[test]
    fn a_protected_value_is_never_cleared() {
        for facts in every_cell().filter(|f| f.held == Held::Protected) {
            assert_ne!(decide(&facts), Decision::Clear, "{facts:?}");
        }
    }

    #[test]
    fn all_schools_must_be_on() {
        let (on, off, none) = (Some(Setting::On), Some(Setting::Off), None);
        let of =
            |schools: &[Option<Setting>], district| Setting::of_person(schools.iter().copied(), district);
        assert_eq!(of(&[], Setting::On), Setting::On);
        assert_eq!(of(&[], Setting::Off), Setting::Off);
        assert_eq!(of(&[none], Setting::On), Setting::On);
        assert_eq!(of(&[on], Setting::Off), Setting::On);
        assert_eq!(of(&[on, none], Setting::Off), Setting::Off);
        assert_eq!(of(&[on, off], Setting::On), Setting::Off);
        assert_eq!(of(&[on, on], Setting::Off), Setting::On);
    }

    /// `docs/decision-table.md` is this table, printed. After a wanted change: `UPDATE_DOCS=1 cargo test decision_table`.
    #[test]
    fn the_decision_table_in_the_docs_is_this_one() {
        let mut page = String::from(
            "# The decision table\n\nPrinted from `policy::decide` by its test: every cell of the policy.\n\
             `Protected` is a name, or the last credential of an active account.\n\n\
             | SIS value | account | setting | account holds | keep | clear |\n|---|---|---|---|---|---|\n",
        );
        for facts in every_cell().filter(|f| f.blank_values == BlankValues::Keep) {
            let clear = decide(&Facts { blank_values: BlankValues::Clear, ..facts });
            page.push_str(&format!(
                "| {:?} | {:?} | {:?} | {:?} | {:?} | {clear:?} |\n",
                facts.sis,
                facts.standing,
                facts.setting,
                facts.held,
                decide(&facts)
            ));
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/decision-table.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap_or_default(),
            page,
            "docs/decision-table.md is out of date"
        );
    }
}
