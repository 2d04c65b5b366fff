//! Puts rows into order without loading them.
//!
//! For a row there are kept 32 bytes (48 while they are sorted) and its sort key, which is a single byte for a row
//! without notes when they are sorted by. A million rows by notes take so about 48 MiB and the notes themselves,
//! whatever the size of the file; the rows are then read again where they stand, see `fetch`.

use super::cell;
use super::columns::{Column, Holds};
use super::reader::Cells;

/// Where a row stands, and where its key does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Eight bytes of the key, those that are being compared: sorting looks into the keys once for each eight bytes,
    /// not once for each comparison.
    word: u64,
    offset: u64,
    key: u64,
    key_length: u32,
    length: u32,
}

impl Place {
    /// First byte and end of the row in the file.
    pub(super) fn extent(&self) -> (u64, u64) {
        (self.offset, self.offset + u64::from(self.length))
    }
}

/// Rows being collected for sorting.
#[derive(Debug)]
pub(super) struct Order<'a> {
    by: &'a [Column],
    reverse: bool,
    keys: Vec<u8>,
    places: Vec<Place>,
}

impl<'a> Order<'a> {
    /// By these columns in turn; by none, the order of the file.
    pub(super) fn new(by: &'a [Column], reverse: bool) -> Self {
        Self { by, reverse, keys: Vec::new(), places: Vec::new() }
    }

    pub(super) fn add(&mut self, cells: &Cells<'_>) {
        let start = self.keys.len();
        for &column in self.by {
            append_key(column, cells, self.reverse, &mut self.keys);
        }
        let (offset, end) = cells.extent();
        // The reader takes no row of more than a few MiB.
        let (length, key_length) = ((end - offset) as u32, (self.keys.len() - start) as u32);
        self.places.push(Place { word: 0, offset, key: start as u64, key_length, length });
    }

    /// The rows in order. The keys are let go.
    pub(super) fn sorted(mut self) -> Vec<Place> {
        if self.by.is_empty() {
            if self.reverse {
                self.places.reverse();
            }
        } else {
            sort(&mut self.places, &self.keys);
        }
        self.places
    }
}

/// Appends what makes rows compare by this column. No such key is the beginning of another, so that keys of several columns
/// can stand one after the other and a reversed one is simply its bytes inverted.
///
/// Rows without a note, or without a line, come last in either direction: the reverse order shows the other end of the
/// values, not a screen of blanks.
fn append_key(column: Column, cells: &Cells<'_>, reverse: bool, keys: &mut Vec<u8>) {
    const SOME: u8 = 0;
    const NONE: u8 = 1;
    match column.holds() {
        Holds::Number => match cell::number(cells.cell(column)) {
            Some(line) => {
                keys.push(SOME);
                keys.extend_from_slice(&if reverse { !line } else { line }.to_be_bytes());
            }
            None => keys.push(NONE),
        },
        Holds::Notes if cells.cell(column).is_empty() => keys.push(NONE),
        Holds::Notes => {
            keys.push(SOME);
            append_text(cells.cell(column), reverse, keys);
        }
        _ => append_text(cells.cell(column), reverse, keys),
    }
}

/// The text and a zero byte, which the text itself cannot have: 0 and 1 in it become 1 1 and 1 2.
fn append_text(text: &[u8], reverse: bool, keys: &mut Vec<u8>) {
    let start = keys.len();
    if memchr::memchr2(0, 1, text).is_none() {
        keys.extend_from_slice(text);
    } else {
        for &byte in text {
            if byte <= 1 { keys.extend_from_slice(&[1, byte + 1]) } else { keys.push(byte) }
        }
    }
    keys.push(0);
    if reverse {
        keys[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// Sorts by the keys; rows with equal keys stay as they were.
///
/// Notes begin alike for fifty bytes, so comparing whole keys would wander through memory again and again for nothing.
/// Instead all rows are sorted by eight bytes of the key; those that are equal so far, by the next eight.
fn sort(places: &mut [Place], keys: &[u8]) {
    const FEW: usize = 12;
    // Not recursion: the depth is the length of a text from a file.
    let mut open = vec![(0..places.len(), 0)];
    while let Some((range, depth)) = open.pop() {
        let start = range.start;
        let group = &mut places[range];
        if group.len() <= FEW {
            group.sort_by(|a, b| rest(a, keys, depth).cmp(rest(b, keys, depth)));
            continue;
        }
        for place in &mut *group {
            place.word = word(rest(place, keys, depth));
        }
        group.sort_by_key(|place| place.word);
        let mut first = start;
        for equal in group.chunk_by(|a, b| a.word == b.word) {
            // No key begins with another: if one of them ends here, all do, and they are equal.
            if equal.len() > 1 && equal[0].key_length as usize > depth + 8 {
                open.push((first..first + equal.len(), depth + 8));
            }
            first += equal.len();
        }
    }
}

fn rest<'a>(place: &Place, keys: &'a [u8], depth: usize) -> &'a [u8] {
    let key = place.key as usize;
    keys.get(key + depth..key + place.key_length as usize).unwrap_or_default()
}

fn word(key: &[u8]) -> u64 {
    match key.first_chunk() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; 8];
            bytes[..key.len()].copy_from_slice(key);
            u64::from_be_bytes(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(texts: &[[Vec<u8>; 2]], reverse: bool) -> Vec<usize> {
        let mut keys = Vec::new();
        let mut places = Vec::new();
        for (i, row) in texts.iter().enumerate() {
            let start = keys.len();
            row.iter().for_each(|text| append_text(text, reverse, &mut keys));
            let key_length = (keys.len() - start) as u32;
            places.push(Place { word: 0, offset: i as u64, key: start as u64, key_length, length: 0 });
        }
        sort(&mut places, &keys);
        places.iter().map(|place| place.offset as usize).collect()
    }

    #[test]
    fn long_equal_keys_need_no_stack() {
        let row = [vec![b'a'; 100_000], Vec::new()];
        assert_eq!(sorted(&vec![row; 20], false), (0..20).collect::<Vec<_>>());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn as_the_standard_sort(
            texts in proptest::collection::vec(
                [(0u8..3, 0usize..30), (0u8..3, 0usize..3)].prop_map(|pairs| pairs.map(|(byte, count)| vec![byte; count])),
                0..80,
            ),
            reverse: bool,
        ) {
            let mut expected: Vec<usize> = (0..texts.len()).collect();
            expected.sort_by(|&a, &b| if reverse { texts[b].cmp(&texts[a]) } else { texts[a].cmp(&texts[b]) });
            prop_assert_eq!(sorted(&texts, reverse), expected);
        }
    }
}
