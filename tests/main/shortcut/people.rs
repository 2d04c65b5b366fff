//! What changes about people in the SIS.

use chrono::TimeDelta;

use super::change::Change;
use super::dice::Dice;
use super::member::{DETAILS, Held, Member, SCHOOLS, Twin, dress, invalid, value};
use super::world::World;

impl Change {
    pub(super) fn apply_to_detail(self, world: &mut World, dice: &mut Dice) {
        let field = dice.below(DETAILS.len());
        let Some((id, member)) = world.somebody(dice) else { return };
        let before = member.details[field].clone();
        let cell = match self {
            Self::Dress => dress(&before, field, dice),
            Self::Case => {
                let field = dice.below(3);
                let cell = &mut member.details[field];
                *cell = if *cell == cell.to_uppercase() { cell.to_lowercase() } else { cell.to_uppercase() };
                return;
            }
            Self::NoName => {
                member.details[0].clear();
                member.details[1].clear();
                return;
            }
            Self::Blank => String::new(),
            Self::Invalid => invalid(field).to_owned(),
            Self::Placeholder => {
                member.details[2] = format!("noemail@{id}.example");
                return;
            }
            _ => value(&id, field, dice),
        };
        member.details[field] = cell;
    }

    /// One gets the credential of the other, or each that of the other.
    pub(super) fn apply_to_two(self, world: &mut World, dice: &mut Dice) {
        let field = 2 + dice.below(2);
        let Some(one) = world.somebody(dice).map(|(id, _)| id) else { return };
        let Some(other) = world.somebody(dice).map(|(id, _)| id) else { return };
        let values = [&one, &other].map(|id| world.members[id].details[field].clone());
        for (id, value) in [&one, &other].into_iter().zip([&values[1], &values[0]]) {
            if let Some(member) = world.members.get_mut(id) {
                value.clone_into(&mut member.details[field]);
            }
            if self == Self::Share {
                break;
            }
        }
    }

    pub(super) fn apply_to_row(self, world: &mut World, dice: &mut Dice) {
        let Some((_, member)) = world.somebody(dice) else { return };
        match self {
            Self::Enabled => member.enabled = dice.pick(&["false", "true", "", "perhaps"]),
            Self::Status => member.status = dice.pick(&["tobedeleted", "active", "", "inactive", "unheard"]),
            Self::Identifier => member.identifier = format!("{}", dice.below(900)),
            Self::TwinSame => member.twin = Some(dice.pick(&[Twin::Same, Twin::Dressed])),
            _ => member.twin = Some(Twin::Differing),
        }
    }

    pub(super) fn apply_to_members(self, world: &mut World, dice: &mut Dice) {
        match self {
            Self::Newcomer => {
                let number = (0..).find(|n| !world.members.contains_key(&format!("new-{n}"))).unwrap_or(0);
                let id = format!("new-{number}");
                let role = dice.pick(&["student", "guardian", "teacher", "parent"]);
                let mut member = Member::new(&id, role, dice.pick(&SCHOOLS), dice);
                if dice.one_in(5) {
                    member.details[0].clear();
                    member.details[1].clear();
                }
                if dice.one_in(3) {
                    member.details[2].clear();
                    member.details[3].clear();
                }
                world.tonight.touched.insert(id.clone());
                world.members.insert(id, member);
            }
            Self::Leave => {
                let Some((id, member)) = world.somebody(dice) else { return };
                let member = member.clone();
                if world.members.len() > 1 {
                    world.members.remove(&id);
                    world.tonight.left.insert(id.clone(), member.clone());
                    world.gone.insert(id, member);
                }
            }
            Self::NewId => {
                let Some((id, member)) = world.somebody(dice) else { return };
                let mut member = member.clone();
                let new = (0..).map(|n| format!("{id}-{n}")).find(|new| !world.members.contains_key(new));
                let new = new.unwrap_or_default();
                // What a SIS keeps: all of it, the identifier alone, or the name and the email.
                match dice.below(3) {
                    0 => member.details[2] = format!("{new}@mail.example"),
                    1 => member.identifier.clear(),
                    _ => {}
                }
                world.tonight.left.extend(world.members.remove_entry(&id));
                world.tonight.touched.insert(new.clone());
                world.members.insert(new, member);
            }
            Self::ComeBack => {
                let gone: Vec<String> = world.gone.keys().cloned().collect();
                if gone.is_empty() {
                    return Self::Leave.apply_to_members(world, dice);
                }
                let id = dice.pick(&gone);
                if let Some(member) = world.gone.remove(&id) {
                    world.tonight.touched.insert(id.clone());
                    world.tonight.left.remove(&id);
                    world.members.insert(id, member);
                }
            }
            _ => {
                // The students of a guardian, or the guardians of a student.
                let ids: Vec<String> = world.members.keys().cloned().collect();
                let Some((_, member)) = world.somebody(dice) else { return };
                let mut agents: Vec<String> = (0..dice.below(3)).map(|_| dice.pick(&ids)).collect();
                if dice.one_in(8) {
                    agents.push("unheard-of".into());
                }
                member.agents = agents;
            }
        }
    }

    pub(super) fn apply_to_roles(self, world: &mut World, dice: &mut Dice) {
        let today = world.now.date_naive();
        let students: Vec<String> = world
            .members
            .iter()
            .filter(|(_, member)| member.is_student())
            .map(|(id, _)| id.clone())
            .collect();
        let of_student = self == Self::Move && !students.is_empty() && !dice.one_in(4);
        let chosen =
            if of_student { Some(dice.pick(&students)) } else { world.somebody(dice).map(|(id, _)| id) };
        let Some(id) = chosen else { return };
        world.tonight.touched.insert(id.clone());
        let Some(member) = world.members.get_mut(&id) else { return };
        let at = dice.below(member.roles.len().max(1));
        match (self, member.roles.get_mut(at)) {
            (Self::SecondRole, _) => {
                let role = dice.pick(&["guardian", "student", "aide", "principal", "nurse"]);
                member.roles.push(Held::new(role, dice.pick(&SCHOOLS)));
                member.roles.truncate(3);
            }
            (_, None) => member.roles.push(Held::new("student", dice.pick(&SCHOOLS))),
            (Self::Role, Some(held)) => {
                let roles =
                    ["student", "guardian", "teacher", "nurse", "Administrator", "principal", "ext:x"];
                dice.pick(&roles).clone_into(&mut held.role);
            }
            (Self::RoleEnds, Some(held)) => {
                held.end = (!dice.one_in(4)).then(|| today + TimeDelta::days(dice.below(5) as i64 - 2));
            }
            (Self::RoleBegins, Some(held)) => {
                held.begin = (!dice.one_in(4)).then(|| today + TimeDelta::days(dice.below(5) as i64 - 2));
            }
            (_, Some(held)) => {
                let schools = ["sch-1", "sch-2", "sch-3", "sch-4", "sch-9", ""];
                dice.pick(&schools).clone_into(&mut held.org);
            }
        }
    }
}
