//! What changes about the files of the SIS and the platform's export.

use super::change::Change;
use super::dice::Dice;
use super::files::{EXPORT_MAY_LACK, MAY_LACK};
use super::member::{DETAILS, dress, invalid, value};
use super::world::{Encoding, Manifest, Seen, World};

impl Change {
    pub(super) fn apply_to_files(self, world: &mut World, dice: &mut Dice) {
        let files = &mut world.files;
        match self {
            Self::Permute => files.order = dice.roll(),
            Self::Column => {
                files.without.insert(dice.pick(&MAY_LACK));
            }
            Self::AllColumns => files.without.clear(),
            Self::Version => files.with_roles = !files.with_roles,
            Self::Zip => files.zip = !files.zip,
            Self::Ends => files.crlf = !files.crlf,
            Self::Letters => {
                let all = [Encoding::Plain, Encoding::Marked, Encoding::Utf16, Encoding::Windows1252];
                files.encoding = dice.pick(&all);
            }
            Self::Bulk => files.manifest = dice.pick(&[Manifest::None, Manifest::Bulk]),
            Self::Delta => files.manifest = Manifest::Delta,
            Self::Unclear => files.manifest = Manifest::Unclear,
            Self::FewRoles => files.few_roles = !files.few_roles,
            _ => files.orgs = (!dice.one_in(4)).then(|| dice.roll() % 3),
        }
    }

    pub(super) fn apply_to_export(self, world: &mut World, dice: &mut Dice) {
        if world.export.is_none() || self == Self::Export {
            return world.appear(dice);
        }
        if self == Self::NoExport {
            world.export = None;
            return;
        }
        let known: Vec<String> = world.members.keys().chain(world.gone.keys()).cloned().collect();
        let Some(export) = &mut world.export else { return };
        match self {
            Self::Stranger => export.stranger = !export.stranger,
            Self::ExportColumn if dice.one_in(3) => export.without.clear(),
            Self::ExportColumn => {
                export.without.insert(dice.pick(&EXPORT_MAY_LACK));
            }
            Self::Joins => {
                let id = dice.pick(&known);
                if let Some(member) = world.members.get(&id).or_else(|| world.gone.get(&id)) {
                    export.rows.insert(id.clone(), Seen { state: "active", ..Seen::of(&id, member, dice) });
                }
            }
            _ => {
                let listed: Vec<String> = export.rows.keys().cloned().collect();
                let id = if listed.is_empty() { return } else { dice.pick(&listed) };
                if self == Self::RowGoes && listed.len() > 1 {
                    export.rows.remove(&id);
                    return;
                }
                let Some(seen) = export.rows.get_mut(&id) else { return };
                let field = dice.below(DETAILS.len());
                match self {
                    Self::PendingAgain => seen.state = dice.pick(&["pending", "invited"]),
                    Self::RowTwice => seen.again = dice.pick(&[None, Some(true), Some(false)]),
                    Self::RowBroken => seen.malformed = !seen.malformed,
                    Self::EditsBack => {
                        if let Some(member) = world.members.get(&id) {
                            seen.details.clone_from(&member.details);
                        }
                    }
                    _ => {
                        seen.details[field] = match dice.below(5) {
                            0 => String::new(),
                            1 => dress(&seen.details[field], field, dice),
                            2 => invalid(field).to_owned(),
                            _ => value(&id, field, dice),
                        }
                    }
                }
            }
        }
    }
}
