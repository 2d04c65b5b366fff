//! A district in which nothing has happened for some nights, to try one thing after the other on.

use super::change::Change;
use super::dice::Dice;
use super::seen::Seen;
use super::sides::Sides;
use super::tamper::Hand;
use super::world::{Manifest, World};
use crate::support::Report;

/// A district at rest: all users that can be skipped have been, for two nights.
pub(super) struct AtRest {
    pub(super) world: World,
    pub(super) sides: Sides,
    pub(super) moment: Vec<Vec<Option<Vec<u8>>>>,
    /// What the nights are like if nothing happens.
    pub(super) quiet: Report,
}

impl AtRest {
    /// Under OFF but for one school, all users with a difference somewhere.
    pub(super) fn new() -> Self {
        Self::with("shared_contacts", "\"allow\"")
    }

    /// As [`AtRest::new`], with one thing in `[sync]` otherwise.
    pub(super) fn with(key: &'static str, value: &str) -> Self {
        let mut world = World::new(3);
        let mut dice = Dice::new(11);
        world.files.zip = false;
        world.files.with_roles = false;
        world.files.manifest = Manifest::None;
        world.files.orgs = Some(0);
        world.settings.insert("update_contacts", "false".into());
        world.settings.insert("shared_contacts", "\"allow\"".into());
        world.settings.insert(key, value.into());
        world.schools = [("sch-2", true)].into();
        world.appear(&mut dice);
        let mut sides = Sides::new(2);
        let mut quiet = night(&mut sides, &world, "the first night").report;
        for happens in [true, false, false] {
            world.pass(24);
            for _ in 0..if happens { 25 } else { 0 } {
                let changes =
                    [Change::NewValue, Change::Blank, Change::Invalid, Change::Edits, Change::Enabled];
                dice.pick(&changes).apply(&mut world, &mut dice);
            }
            quiet = night(&mut sides, &world, "a night that makes the district").report;
        }
        assert!(quiet.count("kept") > 3 && quiet.count("unchanged") > 3, "{:?}", quiet.column("action"));
        let moment = sides.moment();
        Self { world, sides, moment, quiet }
    }

    /// Tonight this happens, and nothing else ever did; then a night without it.
    pub(super) fn tonight(&mut self, what: &str, happens: impl FnOnce(&mut World)) -> Seen {
        self.sides.go_back(&self.moment);
        let mut world = self.world.clone();
        world.pass(24);
        happens(&mut world);
        let seen = night(&mut self.sides, &world, what);
        world.pass(24);
        night(&mut self.sides, &world, &format!("{what}, and then nothing"));
        seen
    }

    pub(super) fn by_hand(&mut self, what: &str, hands: Vec<Hand>) -> Seen {
        self.tonight(what, |world| world.tonight.by_hand = hands)
    }

    /// The id of the account of the first user with this action in the report.
    pub(super) fn account_with(&self, action: &str) -> String {
        let row = self.quiet.rows.iter().find(|row| &row["action"] == action && !row["state"].is_empty());
        let row = row.unwrap_or_else(|| panic!("nobody is {action}"));
        format!("(SELECT id FROM account WHERE sourced_id = '{}')", &row["sourced_id"])
    }

    /// Whether a report is another one than that of a quiet night.
    pub(super) fn shows(&self, seen: &Seen) -> bool {
        seen.report.rows != self.quiet.rows
    }
}

#[track_caller]
pub(super) fn night(sides: &mut Sides, world: &World, what: &str) -> Seen {
    sides.night(world).unwrap_or_else(|difference| panic!("{what}: {}", difference.0))
}
