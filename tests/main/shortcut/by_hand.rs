//! Ways to cheat a shortcut, one by one: what is done to a store by hand.

use super::at_rest::{AtRest, night};
use super::change::Change;
use super::dice::Dice;
use super::seen::OF_THE_SHORTCUT;
use super::sides::Sides;
use super::tamper::{self, Hand, VALUES, columns_but};
use crate::support::{long, rounds, rows, sample};

#[test]
fn a_column_that_is_edited_by_hand() {
    let mut district = AtRest::new();
    let mut columns = rows(&district.sides.right(), "SELECT name FROM pragma_table_info('account')");
    columns.retain(|column| !OF_THE_SHORTCUT.contains(&format!("account.{column}").as_str()));
    let known: Vec<&str> = VALUES.iter().map(|(column, _)| *column).collect();
    assert_eq!(columns, known, "a column that nobody edits");
    let kept = district.account_with("kept");
    let mut shown = 0;
    for (turn, (column, values)) in sample(VALUES.to_vec(), 18).into_iter().enumerate() {
        for value in values.iter().take(rounds(1, 100) as usize) {
            // Without the long tests one of the two, in turn.
            for of in [None, Some(&kept)].into_iter().filter(|of| long() || of.is_none() == (turn % 2 == 0)) {
                let what = format!("{column} = {value} of {of:?}");
                let edit = tamper::update(column, value, of.map(String::as_str));
                let seen = district.by_hand(&what, vec![edit]);
                shown += u32::from(district.shows(&seen));
            }
        }
    }
    assert!(shown > if long() { 50 } else { 2 }, "only {shown} edits were to be seen at all");
}

#[test]
fn an_account_that_is_deleted_by_hand() {
    let mut district = AtRest::new();
    for action in ["kept", "unchanged"] {
        let delete = tamper::delete(&district.account_with(action));
        let seen = district.by_hand(&format!("somebody {action} is deleted"), vec![delete]);
        assert_eq!(seen.report.count("created"), 1);
    }
    let everybody = district.by_hand("everybody is deleted", vec![Hand::Sql("DELETE FROM account".into())]);
    assert!(everybody.report.count("created") > 9);
}

/// A new account gets the number of one that is gone, which says nothing about it.
#[test]
fn a_number_that_is_given_twice() {
    let mut district = AtRest::new();
    let seen = district.by_hand("the newest is deleted", vec![tamper::delete_newest()]);
    assert_eq!(seen.report.count("created"), 1);
    district.tonight("the newest is deleted, and somebody else comes", |world| {
        world.tonight.by_hand = vec![tamper::delete_newest()];
        Change::Newcomer.apply(world, &mut Dice::new(1));
        Change::Newcomer.apply(world, &mut Dice::new(2));
    });
}

#[test]
fn an_account_that_is_made_by_hand() {
    let mut district = AtRest::new();
    let skipped =
        district.quiet.rows.iter().find(|row| &row["action"] == "skipped" && row["state"].is_empty());
    let left_out = skipped.map(|row| row["sourced_id"].to_owned()).unwrap();
    for id in [left_out.as_str(), "stranger-1", "a-0"] {
        for action in ["kept", "unchanged"] {
            let insert = tamper::insert(id, &district.account_with(action));
            let seen = district.by_hand(&format!("{id} is made like somebody {action}"), vec![insert]);
            assert!(district.shows(&seen));
        }
    }
}

#[test]
fn accounts_that_change_places() {
    let mut district = AtRest::new();
    let (kept, unchanged) = (district.account_with("kept"), district.account_with("unchanged"));
    district.by_hand("two numbers", vec![tamper::swap(&kept, &unchanged)]);
    let seen = district.by_hand("two sourcedIds", vec![tamper::swap_names(&kept, &unchanged)]);
    assert!(district.shows(&seen));
    // As if one had been deleted and made again.
    let columns = columns_but(&["id"]);
    let again = format!(
        "CREATE TEMP TABLE copy AS SELECT * FROM account; DELETE FROM account; \
         INSERT INTO account ({columns}) SELECT {columns} FROM copy ORDER BY id DESC; DROP TABLE copy"
    );
    let seen = district.by_hand("all numbers", vec![Hand::Sql(again)]);
    assert!(!district.shows(&seen));
}

/// What is as it was is as it was; with a night in between, on which it was not, too.
#[test]
fn an_edit_that_is_taken_back() {
    let mut district = AtRest::new();
    let edited = VALUES.into_iter().filter(|(column, _)| *column != "id");
    for (column, values) in sample(edited.collect(), 5) {
        let there = format!(
            "CREATE TABLE kept_apart AS SELECT id, {column} AS value FROM account; UPDATE account SET {column} = {}",
            values[0]
        );
        let back = format!(
            "UPDATE OR IGNORE account SET {column} = (SELECT value FROM kept_apart WHERE kept_apart.id = account.id); DROP TABLE kept_apart"
        );
        let at_once = vec![Hand::Sql(there.clone()), Hand::Sql(back.clone())];
        let seen = district.by_hand(&format!("{column} there and back"), at_once);
        assert!(!district.shows(&seen), "{column}");
        for blocked in [false, true].into_iter().filter(|_| long()) {
            let what = format!("{column} there, a night, and back; blocked: {blocked}");
            district.sides.go_back(&district.moment);
            let mut world = district.world.clone();
            for hand in [there.clone(), back.clone()] {
                world.pass(24);
                world.tonight.by_hand = vec![Hand::Sql(hand)];
                world.tonight.tight = if blocked { vec!["archive", "contact_updates"] } else { Vec::new() };
                night(&mut district.sides, &world, &what);
            }
        }
    }
}

#[test]
fn a_store_of_an_earlier_night() {
    let mut district = AtRest::new();
    for nights in sample(vec![0, 1, 2, 3], 2) {
        let what = format!("the store of {nights} nights ago");
        district.by_hand(&what, vec![Hand::Restore(nights)]);
        // While the SIS went on.
        for changes in [vec![Change::NewValue; 12], vec![Change::Leave, Change::Newcomer, Change::Move]] {
            let what = format!("{what}, and {changes:?}");
            district.sides.go_back(&district.moment);
            let mut world = district.world.clone();
            let mut dice = Dice::new(nights as u64);
            for back in [false, true, false] {
                world.pass(24);
                changes.iter().for_each(|change| change.apply(&mut world, &mut dice));
                if back {
                    world.tonight.by_hand = vec![Hand::Restore(nights + 1)];
                }
                night(&mut district.sides, &world, &what);
            }
        }
    }
}

#[test]
fn a_store_of_another_district() {
    let mut district = AtRest::new();
    district.by_hand("the sides exchange their stores", vec![Hand::Exchange]);
    // The same people under another policy, and with other details.
    let policies = vec![
        ("update_contacts", "true"),
        ("blank_values", "\"clear\""),
        ("phone_credential", "\"phone\""),
        ("ignore_emails", "[]"),
        ("shared_contacts", "\"unique\""),
    ];
    for (key, value) in sample(policies, 2) {
        let mut world = district.world.clone();
        world.settings.insert(key, value.into());
        let mut dice = Dice::new(5);
        (0..10).for_each(|_| Change::NewValue.apply(&mut world, &mut dice));
        let mut elsewhere = Sides::new(2);
        for _ in 0..3 {
            world.pass(24);
            night(&mut elsewhere, &world, "the other district");
        }
        // Of each kind of store there can be: decided anew, passed over.
        for side in 0..2 {
            let store = elsewhere.moment()[side].last().cloned().flatten().unwrap();
            district.by_hand(&format!("a store with {key} = {value}"), vec![Hand::Replace(store)]);
        }
    }
}
