//! The preview: each change as one line, before the summary. The most dangerous kind comes first, and no kind of change is
//! hidden behind another.
//!
//! The plan is gone through once. Of each kind only as many lines are held as may be printed; where all are wanted, they are
//! put in order in temporary files.

mod line;
mod markdown;
mod sorted;

use std::collections::BinaryHeap;
use std::io::Write;

use serde_json::json;

use self::line::{Kind, Line, Order, each_rename, each_thing};
use self::sorted::Sorted;
use super::layout::{Column, Screen, Table};
use super::unprintable;
use crate::failure::Result;
use crate::report::Rendering;
use crate::run::Outcome;

pub(super) use self::markdown::markdown;

/// With more lines than this they are not held in memory.
const HELD: u64 = 10_000;

#[derive(Default)]
struct Group {
    count: u64,
    /// The first ones, the last of them on top.
    first: BinaryHeap<Line>,
}

/// Prints the changes of a plan, at most `limit` of them (0 is all), and says of each kind how many more there are.
pub(super) fn changes(outcome: &Outcome, limit: u64, screen: Screen, out: &mut dyn Write) -> Result<()> {
    let mut groups: [Group; Kind::ALL.len()] = Default::default();
    let in_memory = limit != 0 && limit <= HELD;
    let mut sorted = Sorted::default();
    let mut add = |order: Order<'_>, make: &dyn Fn() -> Line| -> Result<()> {
        let group = &mut groups[order.kind as usize];
        group.count += 1;
        if !in_memory {
            return sorted.push(make());
        }
        let full = group.first.len() as u64 == limit;
        if full && group.first.peek().is_some_and(|last| last.order() <= order) {
            return Ok(());
        }
        group.first.push(make());
        if full {
            group.first.pop();
        }
        Ok(())
    };
    each_thing(outcome, &mut add)?;
    each_rename(outcome, &mut add)?;
    let shares = shares(groups.each_ref().map(|group| group.count), limit);
    let mut lines = if in_memory { None } else { Some(sorted.read()?) };
    for ((kind, group), share) in Kind::ALL.into_iter().zip(&mut groups).zip(shares) {
        let mut table = table(screen);
        let mut buffer = Vec::new();
        if in_memory {
            let mut first = std::mem::take(&mut group.first).into_sorted_vec();
            first.truncate(usize::try_from(share).unwrap_or(usize::MAX));
            first.iter().for_each(|line| table.row(&line.cells().map(str::as_bytes), &mut buffer));
        } else if let Some(lines) = &mut lines {
            for at in 0..group.count {
                let Some(line) = lines.next()? else { break };
                if at < share {
                    table.row(&line.cells().map(str::as_bytes), &mut buffer);
                }
                out.write_all(&buffer).map_err(unprintable)?;
                buffer.clear();
            }
        }
        table.end(&mut buffer);
        out.write_all(&buffer).map_err(unprintable)?;
        let rest = group.count - share;
        if rest > 0 {
            let more = if share > 0 { " more" } else { "" };
            writeln!(out, "… {rest}{more} {} (`--limit 0` lists all)", kind.counted(rest))
                .map_err(unprintable)?;
        }
    }
    if groups.iter().any(|group| group.count > 0) {
        writeln!(out).map_err(unprintable)?;
    }
    Ok(())
}

/// The lines of one kind, with the same places as those of the others.
fn table(screen: Screen) -> Table<'static> {
    let column = |name, least, most| Column::new(name).least(least).most(most);
    let columns = [
        column("sign", 1, 1),
        column("sourced_id", 9, 36),
        column("state", 8, 8),
        column("what", 10, 12),
        column("detail", 0, 80),
        column("name", 0, 24),
        column("school", 0, usize::MAX),
    ];
    Table::new(columns, screen).of_lines().folded(&["sign", "sourced_id", "state", "what", "name"])
}

/// How many lines each kind may have. All have the same share; what a kind does not need goes to the others, the most
/// dangerous first.
fn shares<const N: usize>(counts: [u64; N], limit: u64) -> [u64; N] {
    if limit == 0 {
        return counts;
    }
    let mut shares = [0; N];
    let mut left = limit;
    while left > 0 {
        let open = (0..N).filter(|at| shares[*at] < counts[*at]).count() as u64;
        if open == 0 {
            break;
        }
        let each = (left / open).max(1);
        for at in 0..N {
            let more = each.min(counts[at] - shares[at]).min(left);
            shares[at] += more;
            left -= more;
        }
    }
    shares
}

/// Hands over every change of a plan in the order of the preview, as JSON.
pub(super) fn each_change(
    outcome: &Outcome,
    mut each: impl FnMut(&serde_json::Value) -> Result<()>,
) -> Result<()> {
    let mut sorted = Sorted::default();
    let mut add = |_: Order<'_>, make: &dyn Fn() -> Line| sorted.push(make());
    each_thing(outcome, &mut add)?;
    each_rename(outcome, &mut add)?;
    let mut lines = sorted.read()?;
    while let Some(line) = lines.next()? {
        each(&json!(line.change))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_is_hidden_behind_another() {
        assert_eq!(shares([100, 3, 0, 400], 50), [24, 3, 0, 23]);
        assert_eq!(shares([1, 2, 3], 50), [1, 2, 3]);
        assert_eq!(shares([100, 100, 100], 2), [1, 1, 0]);
        assert_eq!(shares([100, 1], 0), [100, 1]);
        assert_eq!(shares([60], 50), [50]);
        // Whatever there is: as many as may be, and of each kind as many as of any other or all.
        for counts in [[7, 0, 90, 2], [1000, 1000, 1000, 1000], [0, 0, 0, 51], [13, 14, 15, 16]] {
            let shares = shares(counts, 50);
            assert_eq!(shares.iter().sum::<u64>(), counts.iter().sum::<u64>().min(50), "{counts:?}");
            let most = shares.iter().max().unwrap();
            for (share, count) in shares.iter().zip(counts) {
                assert!(*share == count || share + 2 > *most, "{counts:?}: {shares:?}");
            }
        }
    }
}
