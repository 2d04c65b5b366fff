//! `docs/scale.md`: the tables of the plan are what the simulation makes of the table of costs.

use std::fs;
use std::path::Path;

#[path = "../../benches/scale/plan.rs"]
mod plan;

const BEGIN: &str = "<!-- plan: begin -->\n";
const END: &str = "<!-- plan: end -->";

#[test]
fn the_plan_follows_from_the_measured_costs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale.md");
    let page = fs::read_to_string(&path).unwrap();
    let made = plan::markdown(&plan::costs(&page).unwrap());
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (there, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(there, made, "docs/scale.md is old: UPDATE_DOCS=1 cargo test --test main -- scale::");
}

#[test]
fn a_page_without_a_row_of_costs_makes_no_plan() {
    let mistake = plan::costs("| users | night |\n| 1,000 | day 2 | 1 | 2 |\n").err();
    assert_eq!(mistake.as_deref(), Some("this row has not 7 figures: | 1,000 | day 2 | 1 | 2 |"));
    assert_eq!(plan::costs("").err().as_deref(), Some("no row for 1000 users, first load"));
}
