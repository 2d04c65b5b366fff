//! Many districts in one folder: which there are, in which order they run, and a process for each.
//!
//! Each district is a whole of its own. A store that is damaged, a file that is bad or a crash is
//! that district's alone. So this module opens no store: everything is done by processes, and what
//! the order needs is beside the stores.

mod children;
mod districts;

pub use children::{Child, Ended, How, Limits, each, end_with};
pub use districts::{District, districts, longest_first, refuse_shared};

/// The exit statuses, the worst first: of all districts the first one counts.
const WORST: [u8; 10] = [1, 2, 7, 6, 4, 9, 5, 8, 3, 0];

/// The exit status for all, of those of each. A process that a signal ended counts as failed: 128
/// and more would say that a signal ended the fleet.
pub fn worst(exits: impl Iterator<Item = u8>) -> u8 {
    let known = |exit: u8| if WORST.contains(&exit) { exit } else { 1 };
    let rank = |exit: &u8| WORST.iter().position(|worst| worst == exit);
    exits.map(known).min_by_key(rank).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_all_counts() {
        assert_eq!(worst([].into_iter()), 0);
        assert_eq!(worst([0, 3, 0, 8].into_iter()), 8);
        assert_eq!(worst([3, 7, 4, 0].into_iter()), 7);
        assert_eq!(worst([0, 9, 5].into_iter()), 9);
        assert_eq!(worst([137, 7].into_iter()), 1);
    }
}
