//! What a night must do and say for each user, from the policy as it is written, not from the
//! program.
//!
//! Nothing is kept: an answer follows from the number of the user and of its two neighbours, the
//! only users that can share an email with it. So the answers of millions are gone through beside
//! the report, row by row.

use crate::made_up::files::{Form, count, newcomers, place};
use crate::made_up::people::{Change, Day, User, e164};

/// Which accounts there are when a night begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// None: the first load.
    Nothing,
    /// Day 1 was synced, without the platform's export: all people were pending.
    Unjoined,
    /// Day 1 was synced; `on` if ever with the setting ON, so that active people have the details
    /// of the SIS.
    Day1 { on: bool },
    /// Day 2 was synced too; `on` if it ever was with the setting ON, `day1_on` if day 1 was before
    /// it.
    Day2 { on: bool, day1_on: bool },
}

/// One run.
#[derive(Clone, Copy)]
pub(crate) struct Night {
    pub(crate) users: u64,
    /// Which day's export is synced.
    pub(crate) day: Day,
    pub(crate) on: bool,
    pub(crate) before: Before,
}

/// A row of the report, without what depends on the form of the file.
#[derive(PartialEq, Eq)]
pub(crate) struct Answer {
    /// Where the record begins in users.csv, or which one it is of a server's; 0 if there is none.
    pub(crate) line: u64,
    pub(crate) sourced_id: String,
    pub(crate) role: &'static str,
    pub(crate) state: &'static str,
    pub(crate) action: &'static str,
    pub(crate) details: Details,
    pub(crate) notes: String,
}

/// What an account holds, as it holds it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) given: &'static str,
    pub(crate) family: &'static str,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) home: String,
}

impl Details {
    fn of_the_sis(user: User, day: Day) -> Self {
        let (phone, home) = (e164(&user.mobile(day)), e164(&user.home(day)));
        Self { given: user.given(day), family: user.family(), email: user.email(day), phone, home }
    }

    fn of_the_platform(user: User) -> Self {
        Self { email: user.platform_email(), ..Self::of_the_sis(user, Day::One) }
    }

    /// After the sync took over what the SIS says; the one blank cell that there can be changes
    /// nothing.
    fn overwritten_by(self, sis: Self) -> Self {
        Self { email: if sis.email.is_empty() { self.email } else { sis.email }, ..sis }
    }
}

impl Night {
    /// Every row of the report, in its order: as in the source, then the users that are gone, by
    /// sourcedId.
    pub(crate) fn answers(self, form: Form) -> impl Iterator<Item = Answer> {
        let all = count(self.users, self.day);
        let there = (0..all)
            .map(move |index| User::of(place(index, all, form), self.users))
            .filter(move |user| user.is_there(self.day));
        // Three in a thousand.
        let mut gone: Vec<(String, User)> = (0..self.users)
            .filter(|_| matches!(self.before, Before::Day1 { .. }))
            .map(|number| User::of(number, self.users))
            .filter(|user| user.change(self.day) == Change::Left)
            .map(|user| (user.id(), user))
            .collect();
        gone.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let gone = gone.into_iter().filter_map(move |(id, user)| self.archived(user, id));
        // The header of a file is line 1.
        let first = if form == Form::Served { 1 } else { 2 };
        there.zip(first..).map(move |(user, line)| self.answer(user, line)).chain(gone)
    }

    /// The account before the night, with what the platform says of it.
    fn account(self, user: User) -> Option<Details> {
        let is_known = match self.before {
            Before::Nothing => user.active,
            Before::Unjoined | Before::Day1 { .. } => !user.is_new,
            Before::Day2 { .. } => true,
        };
        if !is_known {
            return None;
        }
        if user.is_new {
            return Some(Details::of_the_sis(user, Day::Two));
        }
        let own =
            if user.active { Details::of_the_platform(user) } else { Details::of_the_sis(user, Day::One) };
        let taken_over = |day| own.clone().overwritten_by(Details::of_the_sis(user, day));
        match self.before {
            Before::Day1 { on } if on || !user.active => Some(taken_over(Day::One)),
            // What day 1 brought stays where day 2 is blank.
            Before::Day2 { on, day1_on } if on || !user.active => {
                let day1 = if day1_on { taken_over(Day::One) } else { own.clone() };
                Some(day1.overwritten_by(Details::of_the_sis(user, Day::Two)))
            }
            Before::Nothing | Before::Unjoined | Before::Day1 { .. } | Before::Day2 { .. } => Some(own),
        }
    }

    /// What the user has in the end.
    fn after(self, user: User) -> Details {
        let sis = Details::of_the_sis(user, self.day);
        match self.account(user) {
            None => sis,
            Some(own) if user.active && !self.on => own,
            Some(own) => own.overwritten_by(sis),
        }
    }

    fn answer(self, user: User, line: u64) -> Answer {
        let may_update = !user.active || self.on;
        let (account, sis, details) =
            (self.account(user), Details::of_the_sis(user, self.day), self.after(user));
        let mut notes = Vec::new();
        let (mut updated, mut kept) = (false, false);
        if let Some(own) = &account {
            let name = |of: &Details| format!("{} {}", of.given, of.family);
            for (title, noun, own, sis) in [
                ("Name", "name", &name(own), &name(&sis)),
                ("Email", "email", &own.email, &sis.email),
                ("Phone number", "phone number", &own.phone, &sis.phone),
                ("Home phone number", "home phone number", &own.home, &sis.home),
            ] {
                let shown = if own.is_empty() { "none" } else { own };
                if own == sis {
                    continue;
                }
                if sis.is_empty() {
                    notes.push(format!("SIS import has no {noun} - kept {own}"));
                } else if may_update {
                    updated = true;
                    notes.push(format!("{title} updated by the sync - was {shown}"));
                } else {
                    kept = true;
                    notes.push(format!("Active user has a new {noun} in the SIS import - {shown}"));
                }
            }
        }
        let sharers = self.sharers(user, &details.email);
        if !sharers.is_empty() {
            notes.push(format!("Email is shared with {}", sharers.join(", ")));
        }
        let is_new = match self.before {
            Before::Nothing => true,
            Before::Unjoined | Before::Day1 { .. } => user.is_new,
            Before::Day2 { .. } => false,
        };
        let action = match (is_new, updated, kept) {
            (true, ..) => "created",
            (false, true, _) => "updated",
            (false, false, true) => "kept",
            (false, false, false) => "unchanged",
        };
        let state = if user.active { "active" } else { "pending" };
        let (sourced_id, role, notes) = (user.id(), user.role(), notes.join("; "));
        Answer { line, sourced_id, role, state, action, details, notes }
    }

    /// The other users that have this email in the end, by sourcedId. There can be two of them, so
    /// that all are named.
    fn sharers(self, user: User, email: &str) -> Vec<String> {
        let all = self.users + newcomers(self.users);
        let neighbours = [user.number.checked_sub(1), user.number.checked_add(1)];
        let mut sharers: Vec<String> = neighbours
            .into_iter()
            .flatten()
            .filter(|number| *number < all)
            .map(|number| User::of(number, self.users))
            .filter(|other| other.is_there(self.day) && self.after(*other).email == email)
            .map(User::id)
            .collect();
        sharers.sort_unstable();
        sharers
    }

    fn archived(self, user: User, sourced_id: String) -> Option<Answer> {
        let details = self.account(user)?;
        let notes = "User is no longer in the SIS import - archived".to_owned();
        let (line, role, state, action) = (0, user.role(), "archived", "archived");
        Some(Answer { line, sourced_id, role, state, action, details, notes })
    }
}
