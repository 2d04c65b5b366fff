//! What can be different tonight: each change is one thing that happens in a district.

use super::dice::Dice;
use super::member::{FLAWS, SCHOOLS};
use super::tamper::{self, Hand};
use super::world::World;

macro_rules! changes {
    ($($group:ident: $($change:ident)*;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Change { $($($change),*),* }

        impl Change {
            pub(super) const ALL: &[Self] = &[$($(Self::$change),*),*];
            $(const $group: &[Self] = &[$(Self::$change),*];)*
        }
    };
}

changes! {
    // The details of a user in the SIS; the users in it; their roles there.
    DETAILS: NewValue Dress Case Blank NoName Invalid Placeholder Share Swap;
    COMING: Newcomer Leave ComeBack NewId;
    ROWS: Enabled Status Identifier TwinSame TwinDiffering Broken Whole;
    ROLES: Role SecondRole RoleEnds RoleBegins Move Family;
    // Its files.
    FILES: Permute Column AllColumns Version Zip Ends Letters Bulk Delta Unclear Orgs FewRoles;
    PLATFORM: Export NoExport Joins PendingAgain Edits EditsBack RowGoes RowTwice RowBroken ExportColumn Stranger UsersJoin;
    PEOPLE: Settle OptOut Suppress Erase;
    SETTINGS: Setting SchoolSetting BlankValues SharedContacts Credential Region Ignore Schools Roles Timezone SamePerson ArchiveAfter PurgeAfter Pause Holds;
    // Whom the school may contact: an adult's own column, and the rules.
    CONTACTS: Rights Rules;
    // What holds for one night.
    NIGHT: Limit Held Approved NoNotify WhatIf Empty;
    STORE: Tamper Restore Exchange;
}

/// `[contacts]`, in some forms.
pub(super) const RULES: [&str; 4] = [
    "",
    "[[contacts.rule]]\nwhere = { \"metadata.rights\" = \"No Rights\" }\nclass = \"never\"\n\
     [[contacts.rule]]\nwhere = { \"metadata.rights\" = \"emerg*\" }\nclass = \"emergency\"\n",
    "[[contacts.rule]]\nwhere = { \"metadata.rights\" = [\"No Rights\", \"Joint\"], role = \"parent\" }\nclass = \"never\"\n",
    "[contacts]\notherwise = \"emergency\"\n[[contacts.rule]]\nwhere = { \"metadata.rights\" = [\"\", \"Joint\"] }\n\
     class = \"contact\"\n",
];

/// The keys of `[sync]`, with values as TOML.
pub(super) const VALUES: [(Change, &str, &[&str]); 11] = [
    (Change::Setting, "update_contacts", &["true", "false"]),
    (Change::BlankValues, "blank_values", &["\"clear\"", "\"keep\""]),
    (Change::SharedContacts, "shared_contacts", &["\"unique\"", "\"allow\""]),
    (Change::Credential, "phone_credential", &["\"phone\"", "\"sms-then-phone\"", "\"sms\""]),
    (Change::Region, "default_region", &["\"GB\"", "\"US\""]),
    (Change::Ignore, "ignore_emails", &["[]", "[\"noemail@*\"]", "[\"noemail@*\", \"family1@*\"]"]),
    (Change::Schools, "schools", &["[\"sch-1\", \"sch-2\"]", "[]", "[\"sch-3\"]"]),
    (
        Change::Roles,
        "roles",
        &["[\"student\", \"guardian\"]", "[]", "[\"teacher\", \"administrator\", \"student\"]"],
    ),
    (Change::ArchiveAfter, "archive_after", &["2", "3", "\"2d\"", "1"]),
    (Change::PurgeAfter, "purge_after", &["\"2d\"", "\"never\""]),
    (Change::Timezone, "timezone", &["\"Pacific/Kiritimati\"", "\"Pacific/Niue\"", "\"America/Chicago\""]),
];

impl Change {
    /// Any; some kinds more often than others.
    pub(super) fn any(dice: &mut Dice) -> Self {
        let group = match dice.below(31) {
            0..5 => Self::DETAILS,
            5..8 => Self::COMING,
            8..11 => Self::ROWS,
            11..14 => Self::ROLES,
            14..17 => Self::FILES,
            17..20 => Self::PLATFORM,
            20..22 => Self::SETTINGS,
            22..25 => Self::NIGHT,
            25..27 => Self::PEOPLE,
            27..30 => Self::CONTACTS,
            _ => Self::STORE,
        };
        dice.pick(group)
    }

    pub(super) fn apply(self, world: &mut World, dice: &mut Dice) {
        match self {
            Self::NewValue
            | Self::Dress
            | Self::Case
            | Self::Blank
            | Self::NoName
            | Self::Invalid
            | Self::Placeholder => {
                self.apply_to_detail(world, dice);
            }
            Self::Share | Self::Swap => self.apply_to_two(world, dice),
            Self::Enabled | Self::Status | Self::Identifier | Self::TwinSame | Self::TwinDiffering => {
                self.apply_to_row(world, dice);
            }
            Self::Pause => {
                let from = world.now.date_naive() - chrono::TimeDelta::days(1);
                let until = from + chrono::TimeDelta::days(1 + dice.below(4) as i64);
                let school = dice.pick(&["", SCHOOLS[0], SCHOOLS[1], SCHOOLS[2]]);
                // A pause of the whole sync leaves nothing to compare.
                let archive = if school.is_empty() || dice.one_in(3) { "archive = false\n" } else { "" };
                world.pause = format!(
                    "[[pause]]\nfrom = \"{from}\"\nuntil = \"{until}\"\nschool = \"{school}\"\n{archive}"
                );
            }
            Self::SamePerson => world.same_person = dice.pick(&["hold", "join", "off"]),
            Self::Newcomer | Self::Leave | Self::ComeBack | Self::NewId | Self::Family => {
                self.apply_to_members(world, dice)
            }
            Self::Broken => {
                if let Some((_, member)) = world.somebody(dice) {
                    member.flaw = Some(dice.pick(&FLAWS));
                }
            }
            Self::Whole => {
                for (id, member) in &mut world.members {
                    if member.flaw.take().is_some() | member.twin.take().is_some() {
                        world.tonight.touched.insert(id.clone());
                    }
                }
            }
            Self::Role | Self::SecondRole | Self::RoleEnds | Self::RoleBegins | Self::Move => {
                self.apply_to_roles(world, dice);
            }
            Self::Permute
            | Self::Column
            | Self::AllColumns
            | Self::Version
            | Self::Zip
            | Self::Ends
            | Self::Letters
            | Self::Bulk
            | Self::Delta
            | Self::Unclear
            | Self::Orgs
            | Self::FewRoles => self.apply_to_files(world, dice),
            Self::Export
            | Self::NoExport
            | Self::Joins
            | Self::PendingAgain
            | Self::Edits
            | Self::EditsBack
            | Self::RowGoes
            | Self::RowTwice
            | Self::RowBroken
            | Self::ExportColumn
            | Self::Stranger => self.apply_to_export(world, dice),
            Self::Setting
            | Self::SchoolSetting
            | Self::BlankValues
            | Self::SharedContacts
            | Self::Credential
            | Self::Region
            | Self::Ignore
            | Self::Schools
            | Self::Roles
            | Self::ArchiveAfter
            | Self::PurgeAfter
            | Self::Timezone => self.apply_to_settings(world, dice),
            Self::Rights => {
                let adults: Vec<String> = world
                    .members
                    .iter()
                    .filter(|(_, member)| !member.is_student())
                    .map(|(id, _)| id.clone())
                    .collect();
                if !adults.is_empty() {
                    let id = dice.pick(&adults);
                    world.tonight.touched.insert(id.clone());
                    if let Some(member) = world.members.get_mut(&id) {
                        member.rights = dice.pick(&["", "", "no rights", "NO RIGHTS", "Emergency", "Joint"]);
                    }
                }
            }
            Self::Rules => world.rules = dice.below(RULES.len()),
            Self::Holds => world.holds = !world.holds,
            Self::Limit | Self::Held | Self::Approved => {
                world.holds |= self == Self::Held;
                world.tonight.by_part = dice.one_in(2);
                let limits = super::files::LIMITS;
                match dice.one_in(2) {
                    true => world.tonight.tight.extend(limits),
                    false => world.tonight.tight.push(dice.pick(&limits)),
                }
                world.tonight.approve |= self == Self::Approved;
            }
            Self::Empty => world.tonight.empty = true,
            Self::NoNotify => world.tonight.no_notify = true,
            Self::WhatIf => world.tonight.what_if = Some(dice.one_in(2)),
            Self::UsersJoin => {
                if let Some((id, _)) = world.somebody(dice) {
                    world.tonight.users(&["join", &id]);
                }
            }
            Self::Settle => {
                if let Some((id, _)) = world.somebody(dice) {
                    let field = dice.pick(&["name", "email", "phone", "home_phone"]);
                    world.tonight.users(&["settle", &id, field, dice.pick(&["--keep", "--keep", "--take"])]);
                }
            }
            Self::OptOut => {
                if let Some((id, _)) = world.somebody(dice) {
                    let (command, channel) =
                        (dice.pick(&["opt-out", "opt-out", "opt-in"]), dice.pick(&["email", "sms"]));
                    world.tonight.users(&[command, &id, "--channel", channel]);
                }
            }
            Self::Suppress => {
                if let Some((id, _)) = world.somebody(dice) {
                    let last = world.now.date_naive() + chrono::TimeDelta::days(dice.below(4) as i64);
                    let last = last.to_string();
                    match dice.below(4) {
                        0 => world.tonight.users(&["unsuppress", &id]),
                        1 => world.tonight.users(&["suppress", &id, "--reason", "x"]),
                        _ => world.tonight.users(&["suppress", &id, "--reason", "x", "--until", &last]),
                    }
                }
            }
            Self::Erase => {
                if let Some((id, _)) = world.somebody(dice) {
                    match dice.below(3) {
                        0 => world.tonight.users(&["unsuppress", &id]),
                        _ => world.tonight.users(&["erase", &id, "--yes"]),
                    }
                }
            }
            Self::Tamper => {
                let ids: Vec<String> = world.members.keys().cloned().collect();
                world.tonight.by_hand.push(tamper::any(&ids, dice));
            }
            Self::Restore => world.tonight.by_hand.push(Hand::Restore(dice.below(3))),
            Self::Exchange => world.tonight.by_hand.push(Hand::Exchange),
        }
    }

    fn apply_to_settings(self, world: &mut World, dice: &mut Dice) {
        if self == Self::SchoolSetting {
            let school = dice.pick(&SCHOOLS);
            match dice.one_in(4) {
                true => world.schools.remove(school),
                false => world.schools.insert(school, dice.one_in(2)),
            };
            return;
        }
        let Some((_, key, values)) = VALUES.iter().find(|(change, ..)| *change == self) else { return };
        // Another value than there was.
        let others: Vec<&str> = values
            .iter()
            .copied()
            .filter(|value| world.settings.get(key).is_none_or(|now| now != value))
            .collect();
        world.settings.insert(key, dice.pick(&others).to_owned());
    }
}
