//! Single nights on which a user must not be skipped, and some on which nothing happens.

use chrono::TimeDelta;

use super::at_rest::{AtRest, night};
use super::change::{self, Change};
use super::dice::Dice;
use super::member::{Held, SCHOOLS};
use super::sides::Sides;
use super::world::{Manifest, World};
use crate::support::{Report, long, rounds};

#[test]
fn each_change_alone() {
    let mut district = AtRest::new();
    for change in Change::ALL.iter().step_by(rounds(6, 1) as usize) {
        for seed in 0..rounds(1, 2) {
            let what = format!("{change:?} by {seed}");
            district.tonight(&what, |world| change.apply(world, &mut Dice::new(seed)));
        }
    }
}

#[test]
fn a_setting_that_changes_for_a_night() {
    let mut district = AtRest::new();
    let mut shown = 0;
    let mut try_it = |what: &str, happens: &dyn Fn(&mut World)| {
        for blocked in [false, true].into_iter().take(rounds(1, 2) as usize) {
            district.sides.go_back(&district.moment);
            let mut world = district.world.clone();
            for is_the_night in [true, false] {
                world.pass(24);
                let before = (world.settings.clone(), world.schools.clone());
                if is_the_night {
                    happens(&mut world);
                    world.tonight.tight = if blocked { vec!["contact_updates"] } else { Vec::new() };
                }
                let seen = night(&mut district.sides, &world, &format!("{what}, blocked: {blocked}"));
                shown += u32::from(is_the_night && district.shows(&seen));
                (world.settings, world.schools) = before;
            }
        }
    };
    for (_, key, values) in change::VALUES {
        for value in values.iter().take(rounds(1, 100) as usize) {
            try_it(&format!("{key} = {value}"), &|world| {
                world.settings.insert(key, (*value).to_owned());
            });
        }
    }
    for school in SCHOOLS.into_iter().take(rounds(1, 100) as usize) {
        for on in [true, false] {
            try_it(&format!("{school} is {on}"), &|world| {
                world.schools.insert(school, on);
            });
            try_it(&format!("all but {school} are {on}"), &|world| {
                world.schools = SCHOOLS.into_iter().map(|of| (of, on)).collect();
                world.schools.remove(school);
            });
        }
    }
    try_it("no school has its own", &|world| world.schools.clear());
    assert!(shown > if long() { 20 } else { 3 }, "only {shown} settings were to be seen at all");
}

/// A person is as before, and is refused a credential, or not any more, for what others do.
#[test]
fn a_credential_that_others_hold() {
    let mut district = AtRest::with("shared_contacts", "\"unique\"");
    let taken = |report: &Report| {
        let rows = report.rows.iter().filter(|row| row["codes"].contains("-taken"));
        rows.map(|row| row["sourced_id"].to_owned()).collect::<Vec<_>>()
    };
    let before = taken(&district.quiet);
    let mut others = 0;
    for change in
        [Change::NewValue, Change::Share, Change::Swap, Change::Leave, Change::Newcomer, Change::Edits]
    {
        for seed in 0..rounds(2, 5) {
            let what = format!("{change:?} by {seed}");
            let seen = district.tonight(&what, |world| change.apply(world, &mut Dice::new(seed)));
            others += u32::from(taken(&seen.report) != before);
        }
    }
    assert!(others > if long() { 3 } else { 0 }, "{others}");
}

/// Nothing happens but that days go by.
#[test]
fn a_role_that_begins_or_ends_on_a_quiet_night() {
    let mut world = World::new(3);
    let mut dice = Dice::new(4);
    world.files.with_roles = true;
    world.files.manifest = Manifest::None;
    world.files.zip = false;
    let first = world.now.date_naive();
    for member in world.members.values_mut() {
        member.roles.push(Held::new("aide", dice.pick(&SCHOOLS)));
        for held in &mut member.roles {
            let day = |dice: &mut Dice| Some(first + TimeDelta::days(3 + dice.below(5) as i64));
            match dice.below(4) {
                0 => held.begin = day(&mut dice),
                1 | 2 => held.end = day(&mut dice),
                _ => {}
            }
        }
    }
    let mut sides = Sides::new(2);
    let (mut ended, mut began) = (0, 0);
    for number in 0..10 {
        let seen = night(&mut sides, &world, &format!("night {number}"));
        let codes = seen.report.column("codes");
        ended += codes.iter().filter(|codes| codes.contains("role-ended")).count();
        began += usize::from(number > 2) * seen.report.count("created");
        world.pass(24);
    }
    assert!(ended > 5 && began > 0, "{ended} {began}");
}

/// The note is about the present: it is there every night, since the same day.
#[test]
fn a_kept_difference_is_there_every_night_since_the_same_day() {
    let mut district = AtRest::new();
    let kept = |report: &Report| {
        let rows = report.rows.iter().filter(|row| &row["action"] == "kept");
        let mut kept: Vec<_> = rows
            .map(|row| (row["sourced_id"].to_owned(), row["first_seen"].to_owned(), row["notes"].to_owned()))
            .collect();
        kept.sort();
        kept
    };
    let before = kept(&district.quiet);
    assert!(before.iter().all(|(_, since, notes)| !since.is_empty() && !notes.is_empty()), "{before:?}");
    let mut world = district.world.clone();
    for hours in [24, 24, 1, 0, 24 * 31, 24] {
        world.pass(hours);
        let seen = night(&mut district.sides, &world, "a quiet night");
        assert_eq!(kept(&seen.report), before);
        // The rows stand elsewhere, and the same is said in other words.
        Change::Permute.apply(&mut world, &mut Dice::new(hours.unsigned_abs()));
    }
}

/// Nor from what the program says.
#[test]
fn the_program_says_the_same() {
    let district = AtRest::new();
    let mut dice = Dice::new(9);
    let mut world = district.world.clone();
    for format in ["text", "json", "text"] {
        world.pass(24);
        for change in [Change::NewValue, Change::Leave, Change::Edits, Change::Dress] {
            change.apply(&mut world, &mut dice);
        }
        district.sides.prepare(&world);
        for arguments in [
            vec!["run", "--dry-run", "--limit", "0", "--format", format],
            vec!["run", "--dry-run", "--update-contacts", "on", "--limit", "0", "--format", format],
            vec!["run", "--format", format],
            vec!["report"],
            vec!["status", "--json"],
            vec!["runs"],
        ] {
            let said: Vec<Vec<String>> = (0..2)
                .map(|side| {
                    let flag: &[&str] =
                        if side == 0 && arguments[0] == "run" { &["--decide-all"] } else { &[] };
                    district.sides.program(side, &world, &[&arguments, flag].concat())
                })
                .collect();
            let code = if arguments.contains(&"--update-contacts") { "Some(4)" } else { "Some(0)" };
            assert_eq!(said[0][0], code, "{arguments:?}: {:#?}", said[0]);
            for side in 1..2 {
                assert_eq!(said[side], said[0], "{arguments:?}");
            }
        }
    }
}
