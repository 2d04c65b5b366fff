//! The preview: each change as one line, before the summary. The most dangerous kind comes first, and no kind of change is
//! hidden behind another.
//!
//! The plan is gone through once. Of each kind only as many lines are held as may be printed; where all are wanted, they are
//! put in order in temporary files.

mod line;
mod sorted;

use std::collections::BinaryHeap;
use std::io::Write;

use anstyle::Style;
use serde_json::json;

use self::line::{Kind, Line, Order, Widths, each_rename, each_thing};
use self::sorted::Sorted;
use super::unprintable;
use crate::failure::Result;
use crate::run::Outcome;

/// With more lines than this they are not held in memory.
const HELD: u64 = 10_000;

#[derive(Default)]
struct Group {
    count: u64,
    widths: Widths,
    /// The first ones, the last of them on top.
    first: BinaryHeap<Line>,
}

/// Prints the changes of a plan, at most `limit` of them (0 is all), and says of each kind how many more there are.
pub(super) fn changes(outcome: &Outcome, limit: u64, color: bool, out: &mut dyn Write) -> Result<()> {
    let mut groups: [Group; Kind::ALL.len()] = Default::default();
    let in_memory = limit != 0 && limit <= HELD;
    let mut sorted = Sorted::default();
    let mut add = |order: Order<'_>, make: &dyn Fn() -> Line| -> Result<()> {
        let group = &mut groups[order.kind as usize];
        group.count += 1;
        if !in_memory {
            let line = make();
            group.widths.take_in(&line);
            return sorted.push(line);
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
        if in_memory {
            let mut first = std::mem::take(&mut group.first).into_sorted_vec();
            first.truncate(usize::try_from(share).unwrap_or(usize::MAX));
            first.iter().for_each(|line| group.widths.take_in(line));
            for line in &first {
                print(line, &group.widths, color, out)?;
            }
        } else if let Some(lines) = &mut lines {
            for at in 0..group.count {
                let Some(line) = lines.next()? else { break };
                if at < share {
                    print(&line, &group.widths, color, out)?;
                }
            }
        }
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

fn print(line: &Line, widths: &Widths, color: bool, out: &mut dyn Write) -> Result<()> {
    let style = if color { line.style() } else { Style::new() };
    writeln!(out, "{style}{}{style:#}", line.text(widths)).map_err(unprintable)
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
