//! Accounts and records that have something in common, and which of them are one person. Pure.

use std::collections::HashMap;

use super::{
    Evidence, Facts, GUARDIAN, KINDS, Likeness, Match, NO_MARK, ONE_USER_ID, Strength, VALUES, weigh,
};

const NONE: u32 = u32::MAX;

/// Two people with something in common.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    old: u32,
    new: u32,
    common: u16,
}

/// All of them. Nearly every account has at most one, so that one is at the place of the account.
pub(super) struct Candidates<'a> {
    pub(super) olds: &'a [Facts],
    pub(super) news: &'a [Facts],
    first: Vec<(u32, u16)>,
    more: Vec<Candidate>,
}

impl<'a> Candidates<'a> {
    pub(super) fn new(olds: &'a [Facts], news: &'a [Facts]) -> Self {
        Self { olds, news, first: vec![(NONE, 0); olds.len()], more: Vec::new() }
    }

    pub(super) fn add(&mut self, old: u32, new: u32, common: u16) {
        let first = &mut self.first[old as usize];
        if first.0 == NONE {
            *first = (new, common);
        } else if first.0 == new {
            first.1 |= common;
        } else {
            self.more.push(Candidate { old, new, common });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.iter().all(|(new, _)| *new == NONE)
    }

    fn each(&self) -> impl Iterator<Item = Candidate> {
        let first = (0_u32..).zip(&self.first).filter(|(_, (new, _))| *new != NONE);
        let first = first.map(|(old, (new, common))| Candidate { old, new: *new, common: *common });
        first.chain(self.more.iter().copied())
    }

    /// Puts those together that were added more than once.
    pub(super) fn settle(&mut self) {
        self.more.sort_unstable_by_key(|one| (one.old, one.new));
        self.more.dedup_by(|later, one| {
            let same = (later.old, later.new) == (one.old, one.new);
            one.common |= if same { later.common } else { 0 };
            same
        });
    }

    /// Takes two out of which a person has said that they are two people.
    pub(super) fn remove(&mut self, is_distinct: impl Fn(&Facts, &Facts) -> bool) {
        let (olds, news) = (self.olds, self.news);
        let distinct = |old: u32, new: u32| is_distinct(&olds[old as usize], &news[new as usize]);
        for (old, first) in (0_u32..).zip(&mut self.first) {
            if first.0 != NONE && distinct(old, first.0) {
                *first = (NONE, 0);
            }
        }
        self.more.retain(|one| !distinct(one.old, one.new));
    }

    /// Adds those that alone on each side have a value, for each value and kind.
    pub(super) fn join_values(&mut self) {
        for (value, (_, one)) in VALUES.into_iter().enumerate() {
            for kind in KINDS {
                let sorted = |all: &[Facts]| {
                    let of_kind = (0_u32..)
                        .zip(all)
                        .filter(|(_, facts)| facts.kinds & kind != 0 && facts.marks[value] != NO_MARK);
                    let mut places: Vec<u32> = of_kind.map(|(place, _)| place).collect();
                    places.sort_unstable_by_key(|place| all[*place as usize].marks[value]);
                    places
                };
                let (olds, news) = (self.olds, self.news);
                let (a, b) = (sorted(olds), sorted(news));
                let mark = |all: &'a [Facts]| move |place: u32| all[place as usize].marks[value];
                each_single(&a, &b, mark(olds), mark(news), |old, new| self.add(old, new, one));
            }
        }
    }

    /// The same for the ids of other systems, of which a person can have several: the hash, and the
    /// place of the person.
    pub(super) fn join_user_ids(&mut self, olds: &[(u64, u32)], news: &[(u64, u32)]) {
        for kind in KINDS {
            let sorted = |all: &[(u64, u32)], facts: &[Facts]| {
                let mut own: Vec<(u64, u32)> = all
                    .iter()
                    .filter(|(_, place)| facts[*place as usize].kinds & kind != 0)
                    .copied()
                    .collect();
                own.sort_unstable();
                own.dedup();
                own
            };
            let (a, b) = (sorted(olds, self.olds), sorted(news, self.news));
            let mut found = Vec::new();
            each_single(&a, &b, |one| one.0, |one| one.0, |old, new| found.push((old.1, new.1)));
            found.into_iter().for_each(|(old, new)| self.add(old, new, ONE_USER_ID));
        }
    }

    /// Adds guardians with the same name and a child in common. `children`: guardian and child, of
    /// the accounts and of the records; children are numbers that mean the same on both sides.
    pub(super) fn join_children(&mut self, olds: &[(u32, u32)], news: &[(u32, u32)]) {
        let sorted = |links: &[(u32, u32)], facts: &[Facts]| {
            let named = |(guardian, child): &(u32, u32)| {
                let Facts { kinds, marks: [name, ..], .. } = facts[*guardian as usize];
                (kinds & GUARDIAN != 0 && name != NO_MARK).then_some((name, *child, *guardian))
            };
            let mut all: Vec<_> = links.iter().filter_map(named).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let (a, b) = (sorted(olds, self.olds), sorted(news, self.news));
        // All of a family that fit: where two have one name, none of them is a pair.
        let (mut i, mut j) = (0, 0);
        while let (Some(old), Some(new)) = (a.get(i), b.get(j)) {
            let (left, right) = ((old.0, old.1), (new.0, new.1));
            if left != right {
                if left < right {
                    i += 1
                } else {
                    j += 1
                }
                continue;
            }
            let is_same = |one: &&(_, _, u32)| (one.0, one.1) == left;
            let (own, others) = (a[i..].iter().take_while(is_same), b[j..].iter().take_while(is_same));
            let others: Vec<u32> = others.map(|other| other.2).collect();
            for old in own {
                others.iter().for_each(|new| self.add(old.2, *new, super::CHILD));
                i += 1;
            }
            j += others.len();
        }
    }

    /// Forgets that a value is of one person alone where others have it too. `others` hands over
    /// each of them, with the values that count, until none is wanted any more; `user_ids` are those
    /// of the accounts.
    pub(super) fn hold_against<E>(
        &mut self,
        others: impl FnOnce(Wanted, &mut dyn FnMut(&Facts, &[u64]) -> bool) -> Result<(), E>,
        user_ids: &[(u64, u32)],
    ) -> Result<(), E> {
        let (mut shared, mut wanted) = (Shared::default(), [false; VALUES.len()]);
        let mut by_user_id = Vec::new();
        for one in self.each() {
            let (old, kinds) = (&self.olds[one.old as usize], self.kinds(&one));
            for (value, (_, bit)) in VALUES.into_iter().enumerate() {
                if one.common & bit != 0 {
                    wanted[value] = true;
                    each_kind(kinds, |kind| shared.keys.push(value_key(value, kind, old.marks[value])));
                }
            }
            if one.common & ONE_USER_ID != 0 {
                by_user_id.push(one.old);
            }
        }
        by_user_id.sort_unstable();
        let counts = user_ids.iter().filter(|(_, old)| by_user_id.binary_search(old).is_ok());
        let mut shared_ids = Shared { keys: counts.map(|(hash, _)| *hash).collect(), ..Shared::default() };
        shared.begin();
        shared_ids.begin();
        if !shared.is_done() || !shared_ids.is_done() {
            others(wanted, &mut |other, ids| {
                for (value, mark) in other.marks.iter().enumerate().filter(|(_, mark)| **mark != NO_MARK) {
                    each_kind(other.kinds, |kind| shared.put(value_key(value, kind, *mark)));
                }
                ids.iter().for_each(|id| shared_ids.put(*id));
                !shared.is_done() || !shared_ids.is_done()
            })?;
        }
        let is_shared = |one: &Candidate| {
            let (old, kinds) = (&self.olds[one.old as usize], self.kinds(one));
            let mut lost = 0;
            for (value, (_, bit)) in VALUES.into_iter().enumerate() {
                each_kind(kinds, |kind| {
                    lost |= if shared.has(value_key(value, kind, old.marks[value])) { bit } else { 0 };
                });
            }
            lost
        };
        let lost: Vec<u16> = self.each().map(|one| is_shared(&one)).collect();
        let mut spoiled: Vec<u32> =
            user_ids.iter().filter(|(hash, _)| shared_ids.has(*hash)).map(|(_, old)| *old).collect();
        spoiled.sort_unstable();
        let firsts = (0_u32..).zip(&mut self.first).filter(|(_, (new, _))| *new != NONE);
        let firsts = firsts.map(|(old, (_, common))| (old, common));
        let all = firsts.chain(self.more.iter_mut().map(|one| (one.old, &mut one.common)));
        for ((old, common), lost) in all.zip(lost) {
            *common &= !lost;
            if spoiled.binary_search(&old).is_ok() {
                *common &= !ONE_USER_ID;
            }
        }
        Ok(())
    }

    /// The kinds that both have.
    fn kinds(&self, one: &Candidate) -> u8 {
        self.olds[one.old as usize].kinds & self.news[one.new as usize].kinds
    }

    fn weigh(&self, one: &Candidate) -> Option<(Strength, Evidence)> {
        let (old, new) = (&self.olds[one.old as usize], &self.news[one.new as usize]);
        let (strength, evidence) =
            weigh(one.common | old.common(new)).filter(|_| old.kinds & new.kinds != 0)?;
        Some((if old.named_only { Strength::Listed } else { strength }, evidence))
    }

    /// Which of them are one person: each has no other candidate of the same strength. Certain ones
    /// first; two that are not sure of each other are no candidates for anything less.
    pub(super) fn matches(&self) -> Vec<Match> {
        let mut found = Vec::new();
        let (mut old_done, mut new_done) = (vec![false; self.olds.len()], vec![false; self.news.len()]);
        for strength in [Strength::Certain, Strength::Probable] {
            let open: Vec<(Candidate, Evidence)> = self
                .each()
                .filter(|one| !old_done[one.old as usize] && !new_done[one.new as usize])
                .filter_map(|one| Some((one, self.weigh(&one).filter(|(of, _)| *of == strength)?.1)))
                .collect();
            let (mut of_old, mut of_new) = (vec![0_u8; self.olds.len()], vec![0_u8; self.news.len()]);
            for (one, _) in &open {
                for count in [&mut of_old[one.old as usize], &mut of_new[one.new as usize]] {
                    *count = count.saturating_add(1);
                }
            }
            let mut doubles = Vec::new();
            for (one, evidence) in &open {
                (old_done[one.old as usize], new_done[one.new as usize]) = (true, true);
                match (of_old[one.old as usize], of_new[one.new as usize]) {
                    (1, 1) => found.push(Match {
                        old: one.old,
                        new: one.new,
                        evidence: *evidence,
                        certain: strength == Strength::Certain,
                        is_second: false,
                    }),
                    (1, 2) if strength == Strength::Certain => doubles.push((one.new, one.old, *evidence)),
                    _ => {}
                }
            }
            doubles.sort_unstable_by_key(|(new, old, _)| (*new, *old));
            for two in doubles.chunk_by(|a, b| a.0 == b.0) {
                if let [a, b] = two {
                    found.extend(self.of_two_kinds(a.0, (a.1, a.2), (b.1, b.2)).into_iter().flatten());
                }
            }
        }
        found.sort_unstable_by_key(|one| one.old);
        found
    }

    /// Two accounts of one person, of whom the roster has one record by now: the active account goes
    /// on, otherwise that of the student or of the staff.
    fn of_two_kinds(&self, new: u32, a: (u32, Evidence), b: (u32, Evidence)) -> Option<[Match; 2]> {
        let of = |old: u32| &self.olds[old as usize];
        let (first, second, kinds) = (of(a.0), of(b.0), self.news[new as usize].kinds);
        if first.kinds & second.kinds != 0 || first.kinds & kinds == 0 || second.kinds & kinds == 0 {
            return None;
        }
        let rank = |facts: &Facts| (!facts.active, facts.kinds & GUARDIAN != 0);
        let (main, other) = if rank(first) <= rank(second) { (a, b) } else { (b, a) };
        let found = |(old, evidence): (u32, Evidence), is_second| Match {
            old,
            new,
            evidence,
            certain: true,
            is_second,
        };
        Some([found(main, false), found(other, true)])
    }

    /// Records without a match that are like an account: the most alike, of several an account that
    /// leaves tonight, and then the one that was added first. `is_matched` is by place.
    pub(super) fn likenesses(&self, old_matched: &[bool], new_matched: &[bool]) -> Vec<Likeness> {
        let mut best: HashMap<u32, (Evidence, bool, u32)> = HashMap::new();
        let mut add = |old: u32, new: u32, evidence: Evidence| {
            let rank = (evidence, self.olds[old as usize].archived, old);
            let known = best.entry(new).or_insert(rank);
            *known = (*known).min(rank);
        };
        let is_open = |old: u32, new: u32| !old_matched[old as usize] && !new_matched[new as usize];
        for one in self.each().filter(|one| is_open(one.old, one.new)) {
            if let Some((_, evidence)) = self.weigh(&one) {
                add(one.old, one.new, evidence);
            }
        }
        // The name with the email or the mobile, of however many people.
        for (value, evidence) in [(3, Evidence::Email), (4, Evidence::Mobile)] {
            let key = |facts: &Facts| {
                let (name, other) = (facts.marks[0], facts.marks[value]);
                (name != NO_MARK && other != NO_MARK).then_some((name, other))
            };
            let mut olds: Vec<_> = (0_u32..)
                .zip(self.olds)
                .filter(|(old, _)| !old_matched[*old as usize])
                .filter_map(|(old, facts)| Some((key(facts)?, facts.archived, old)))
                .collect();
            olds.sort_unstable();
            for (new, facts) in (0_u32..).zip(self.news).filter(|(new, _)| !new_matched[*new as usize]) {
                let Some(key) = key(facts) else { continue };
                let start = olds.partition_point(|old| old.0 < key);
                let alike = olds[start..].iter().take_while(|old| old.0 == key);
                let mut alike = alike.filter(|old| self.olds[old.2 as usize].kinds & facts.kinds != 0);
                if let Some((_, _, old)) = alike.next() {
                    add(*old, new, evidence);
                }
            }
        }
        let likeness = |(new, (evidence, _, old)): (&u32, &(Evidence, bool, u32))| Likeness {
            old: *old,
            new: *new,
            evidence: *evidence,
        };
        let mut all: Vec<Likeness> = best.iter().map(likeness).collect();
        all.sort_unstable_by_key(|one| one.new);
        all
    }
}

/// Which of [`VALUES`] count.
pub(super) type Wanted = [bool; VALUES.len()];

/// Values that count while no other person has them.
#[derive(Default)]
struct Shared {
    keys: Vec<u64>,
    is_shared: Vec<bool>,
    /// How many of them no other person was seen to have.
    alone: usize,
}

impl Shared {
    /// All keys are there.
    fn begin(&mut self) {
        self.keys.sort_unstable();
        self.keys.dedup();
        self.is_shared = vec![false; self.keys.len()];
        self.alone = self.keys.len();
    }

    /// Whether the people that are left can change nothing.
    fn is_done(&self) -> bool {
        self.alone == 0
    }

    fn put(&mut self, key: u64) {
        if let Ok(at) = self.keys.binary_search(&key)
            && !self.is_shared[at]
        {
            self.is_shared[at] = true;
            self.alone -= 1;
        }
    }

    fn has(&self, key: u64) -> bool {
        self.keys.binary_search(&key).is_ok_and(|at| self.is_shared[at])
    }
}

fn value_key(value: usize, kind: u8, mark: super::Mark) -> u64 {
    let [a, b, c, d, e] = mark;
    u64::from_le_bytes([a, b, c, d, e, kind, u8::try_from(value).unwrap_or(u8::MAX), 0])
}

fn each_kind(kinds: u8, each: impl FnMut(u8)) {
    KINDS.into_iter().filter(|kind| kinds & kind != 0).for_each(each);
}

/// Hands over the items whose key is that of no other item on their side, and of one on the other.
/// Both sides are sorted by key.
fn each_single<T: Copy, K: Ord>(
    a: &[T],
    b: &[T],
    key_a: impl Fn(T) -> K,
    key_b: impl Fn(T) -> K,
    mut each: impl FnMut(T, T),
) {
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let (left, right) = (key_a(a[i]), key_b(b[j]));
        match left.cmp(&right) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                let own = a[i..].iter().take_while(|one| key_a(**one) == left).count();
                let others = b[j..].iter().take_while(|one| key_b(**one) == right).count();
                if own == 1 && others == 1 {
                    each(a[i], b[j]);
                }
                (i, j) = (i + own, j + others);
            }
        }
    }
}
