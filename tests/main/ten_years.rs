//! Ten years in ten minutes: a made-up district, night after night, through the built program.
//! After each night the model of the policy ([`crate::model`]) says what must be: every account,
//! link, row of the report and message, and which people may edit.
//!
//! Everything follows from one seed. A history that fails is shortened and printed with the
//! command that repeats it: `docs/reliability.md`, "Ten years in ten minutes".

mod check;
mod event;
mod history;
mod world;

use history::History;

use crate::support::long;

fn number_from(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
#[expect(clippy::print_stderr, reason = "a long simulation says how it went")]
fn night_after_night_is_as_the_model_says() {
    let (nights, people, seeds) = if long() { (50, 40, 1..=4) } else { (6, 60, 1..=1) };
    let nights = number_from("ROSTERSYNC_NIGHTS", nights);
    let people = number_from("ROSTERSYNC_PEOPLE", people);
    let seed = number_from("ROSTERSYNC_SEED", 0);
    for seed in if seed > 0 { seed..=seed } else { seeds } {
        let begun = std::time::Instant::now();
        match History::new(seed as u64, nights, people).check() {
            Ok(tally) => eprintln!("seed {seed}, {nights} nights in {:.0?}: {tally:?}", begun.elapsed()),
            Err(failure) => panic!("{failure}"),
        }
    }
}
