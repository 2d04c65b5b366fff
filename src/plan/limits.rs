//! Limits: what a run may do at most before a person has looked at it.

use serde::Serialize;

use super::summary::Step;
use super::tally::{Counted, Tallies, Tally};
use super::{Action, Summary};
use crate::config::{Limit, Limits};
use crate::plural;
use crate::roster::Schools;

/// A limit that the plan goes over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overrun {
    /// Its key in `[limits]`.
    pub limit: &'static str,
    #[serde(flatten)]
    pub scope: Scope,
    pub count: u64,
    /// The population that a share is of; none for a plain count.
    pub of: Option<u64>,
    /// As configured: `10%`, `500`.
    pub max: String,
    /// The whole sentence, with the rule that counted.
    pub message: String,
}

/// The part of the district that a limit is held against. Of the district as a whole it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Scope {
    /// Its sourcedId.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub school: Option<String>,
    /// In OneRoster's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// A column of the roster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// Under the minimum population, more than half of at least this many is still too much.
const FEW: u64 = 5;

/// So many people may join in one night, whatever share of the accounts they are.
const JOINS: u64 = 50;
/// So many may become pending again.
const UNJOINS: u64 = 5;
/// Of so many the export may change the details.
const EXPORT: u64 = 20;
/// So many may come from OFF to ON.
const PROTECTION: u64 = 5;

/// How many people, or messages, there are of a kind; one of them, and several.
type Population = (u64, [&'static str; 2]);

/// So many schools or roles over one limit are named where a person reads it.
const NAMED: usize = 10;

const ACCOUNTS: [&str; 2] = ["account", "accounts"];
const ACTIVE: [&str; 2] = ["active user", "active users"];

/// One limit, and what it is held against.
struct Measure<'a> {
    limit: &'static str,
    max: Limit,
    count: u64,
    /// What would become of them.
    what: &'static str,
    /// What a share is a share of.
    population: Population,
    /// Those that are counted, where they are none of the population.
    counted: Option<[&'static str; 2]>,
    rule: Rule,
    /// More to say in the brackets with the share.
    more: &'a str,
}

/// When a share is enforced.
#[derive(Clone, Copy)]
enum Rule {
    /// From this population on.
    From(u64),
    /// From this population on; under it, more than half of at least [`FEW`] is too much.
    OrHalf(u64),
    /// Where there are more than so many people, whatever the population.
    Above(u64),
    /// From [`FEW`] people on, whatever share they are, unless the limit is 100%.
    Emptied,
}

/// The limits that stop a plan. Those of schools and roles come after those of the district, the
/// worst first.
pub fn check(summary: &Summary, tallies: &Tallies, schools: &Schools, limits: &Limits) -> Vec<Overrun> {
    let tally = Tally::of(summary);
    // The step to ON explains the others. It holds on the night of an upgrade too: only a store that
    // knows the setting of the night before counts people for it.
    let mut over: Vec<Overrun> = switched_on(summary).into_iter().collect();
    over.extend(overruns([
        of_tally(Counted::Archived, &tally, summary, limits),
        of_tally(Counted::LeftOut, &tally, summary, limits),
        of_tally(Counted::ContactUpdates, &tally, summary, limits),
        Measure {
            counted: Some(["notification", "notifications"]),
            ..Measure::of(
                ("notifications", limits.notifications),
                ("would be sent", summary.notifications.total()),
                (summary.active, ACTIVE),
                Rule::From(limits.minimum),
            )
        },
    ]));
    if !summary.upgraded {
        over.extend(since_export(summary, limits));
    }
    if !summary.new_limits {
        over.extend(since_credentials(summary, limits));
    }
    over.extend(check_parts(summary, tallies, schools, limits));
    over
}

/// The limits that are new in this version, on the first night after an upgrade: they are said, and
/// hold from the next night on. Empty on any other night.
pub fn check_upgraded(summary: &Summary, limits: &Limits) -> Vec<Overrun> {
    let mut over = Vec::new();
    if summary.upgraded {
        over.extend(since_export(summary, limits));
    }
    if summary.new_limits {
        over.extend(since_credentials(summary, limits));
    }
    over
}

/// Limits that came with the platform's export, and with [`crate::last_night::LIMITS`] 1.
fn since_export(summary: &Summary, limits: &Limits) -> Vec<Overrun> {
    let mut over = check_export(summary, limits);
    over.extend(overruns([Measure::of(
        ("links", limits.links),
        ("between adults and children would be removed", summary.links_removed),
        (summary.links_before, ["link", "links"]),
        Rule::From(limits.minimum),
    )]));
    let what = "would come from OFF to ON although the configuration did not change";
    let active = (summary.active_before, ACTIVE);
    let limit = ("protection", limits.protection);
    over.extend(overruns([Measure {
        more: &by_school(&summary.protection_schools),
        ..Measure::of(limit, (what, summary.protection), active, Rule::Above(PROTECTION))
    }]));
    over
}

fn since_credentials(summary: &Summary, limits: &Limits) -> Vec<Overrun> {
    let tally = Tally::of(summary);
    let new = [Counted::Credentials, Counted::Created, Counted::PendingUpdates];
    overruns(new.map(|counted| of_tally(counted, &tally, summary, limits)))
}

/// The step to ON, which a person has to approve.
fn switched_on(summary: &Summary) -> Option<Overrun> {
    let Step { users, told, sign_ins } = summary.switched_on.all;
    let message = format!(
        "update_contacts is ON for the first time for {} whose details the sync would change now: {told} would be told, and \
         {sign_ins} would have another email or mobile to sign in with; this step needs an approval",
        plural::counted(users, "active user", "active users")
    );
    let scope = Scope::default();
    (users > 0).then(|| Overrun {
        limit: "update_contacts",
        scope,
        count: users,
        of: None,
        max: "0".into(),
        message,
    })
}

/// One limit that can hold for schools and roles, held against the district or one of them.
fn of_tally<'a>(counted: Counted, tally: &Tally, summary: &Summary, limits: &Limits) -> Measure<'a> {
    let under_on = ["active user under ON", "active users under ON"];
    let (what, population) = match counted {
        Counted::Archived if summary.same_person.held == 0 => ("would be archived", ACCOUNTS),
        Counted::Archived => (
            "would be archived, or are held because they are probably back under another sourcedId",
            ACCOUNTS,
        ),
        // They are not archived, but nothing that the SIS says reaches them any more.
        Counted::LeftOut => (
            "would be left out by role, role dates or school though still in the roster, and not on the last good night (no \
             account would be archived for it)",
            ACCOUNTS,
        ),
        Counted::ContactUpdates => ("would have their contact details changed", under_on),
        Counted::Credentials => ("would have another email or mobile to sign in with", under_on),
        Counted::Created => {
            ("would be created", ["account that there is already", "accounts that there are already"])
        }
        Counted::PendingUpdates => {
            ("would have their contact details changed", ["pending user", "pending users"])
        }
    };
    let rule = match counted {
        Counted::Created | Counted::PendingUpdates => Rule::From(limits.minimum),
        _ => Rule::OrHalf(limits.minimum),
    };
    let of = (tally.population(counted), population);
    Measure {
        counted: (counted == Counted::Created).then_some(["account", "accounts"]),
        ..Measure::of(counted.limit(limits), (what, tally.count(counted)), of, rule)
    }
}

/// The limits of each school and of each role. A plain count is one of the district.
fn check_parts(summary: &Summary, tallies: &Tallies, schools: &Schools, limits: &Limits) -> Vec<Overrun> {
    let is_share = |counted: &Counted| matches!(counted.limit(limits).1, Limit::Share(_));
    let is_new = |counted: &Counted| {
        matches!(counted, Counted::Credentials | Counted::Created | Counted::PendingUpdates)
    };
    let mut over = Vec::new();
    for counted in Counted::ALL.into_iter().filter(is_share) {
        if summary.new_limits && is_new(&counted) {
            continue;
        }
        let of_schools = tallies.schools.iter().map(|(id, tally)| {
            let scope = Scope { school: Some(id.clone()), ..Scope::default() };
            (scope, format!("at {}", schools.name(id)), tally)
        });
        let mut worst = part(of_schools, counted, summary, limits);
        let of_roles = tallies.roles.iter().map(|(role, tally)| {
            (Scope { role: Some(role.clone()), ..Scope::default() }, format!("with the role {role}"), tally)
        });
        worst.extend(part(of_roles, counted, summary, limits));
        over.extend(worst);
    }
    over
}

fn part<'a>(
    parts: impl Iterator<Item = (Scope, String, &'a Tally)>,
    counted: Counted,
    summary: &Summary,
    limits: &Limits,
) -> Vec<Overrun> {
    let mut over: Vec<Overrun> = parts
        .filter_map(|(scope, place, tally)| {
            let measure = of_tally(counted, tally, summary, limits);
            let whole = measure.overrun()?;
            let message = said_of_part(counted, tally, &place, &whole, limits);
            Some(Overrun { scope, message, ..whole })
        })
        .collect();
    // By share: 7 of 8 before 600 of 800.
    let share = |overrun: &Overrun| {
        (u128::from(overrun.count) << 64) / u128::from(overrun.of.unwrap_or_default().max(1))
    };
    over.sort_by_key(|overrun| std::cmp::Reverse((share(overrun), overrun.count)));
    over
}

/// `archive: 212 of 840 accounts at Lincoln Elementary (25.2%) is over 10%`
fn said_of_part(counted: Counted, tally: &Tally, place: &str, whole: &Overrun, limits: &Limits) -> String {
    let (count, of) = (tally.count(counted), tally.population(counted));
    let population = match counted {
        Counted::Archived | Counted::LeftOut => plural::counted(of, "account", "accounts"),
        Counted::ContactUpdates | Counted::Credentials => {
            plural::counted(of, "active user under ON", "active users under ON")
        }
        Counted::Created => plural::counted(of, "account", "accounts"),
        Counted::PendingUpdates => plural::counted(of, "pending user", "pending users"),
    };
    let subject = match counted {
        Counted::Created => {
            format!("{} for {population} {place}", plural::counted(count, "new account", "new accounts"))
        }
        Counted::LeftOut => {
            format!("{count} of {population} {place}, left out by role, role dates or school")
        }
        _ => format!("{count} of {population} {place}"),
    };
    // With a share alone the reader would look for a mistake: what counted is another rule.
    let minimum = limits.minimum;
    let why = match counted.limit(limits).1.to_string() == whole.max {
        true => String::new(),
        false => format!(", the most of fewer than {minimum} (minimum = {minimum})"),
    };
    format!("{}: {subject} ({}) is over {}{why}", whole.limit, percent(count, of), whole.max)
}

/// What people read of some overruns, with the key of each: of many schools or roles over one limit
/// the worst, and how many more there are.
pub fn said(overruns: &[Overrun]) -> Vec<(&'static str, String)> {
    let kind = |overrun: &Overrun| {
        let Scope { school, role, field } = &overrun.scope;
        (overrun.limit, school.is_some(), role.is_some(), field.is_some())
    };
    let mut lines = Vec::new();
    let mut rest = overruns;
    while let Some(first) = rest.first() {
        let of_a_kind = rest.iter().take_while(|overrun| kind(overrun) == kind(first)).count();
        let (own, others) = rest.split_at(of_a_kind);
        rest = others;
        lines.extend(own.iter().take(NAMED).map(|overrun| (overrun.limit, overrun.message.clone())));
        let more = own.len().saturating_sub(NAMED) as u64;
        if more > 0 {
            let [one, several] = match first.scope.school {
                Some(_) => ["more school", "more schools"],
                None => ["more role", "more roles"],
            };
            let verb = plural::agreed(more, "is", "are");
            let counted = plural::counted(more, one, several);
            let line =
                format!("{}: {counted} {verb} over the limit: `--format json` has them all", first.limit);
            lines.push((first.limit, line));
        }
    }
    lines
}

/// How many of them are now at which schools, most first.
fn by_school(schools: &std::collections::BTreeMap<String, u64>) -> String {
    const NAMED: usize = 5;
    let mut most: Vec<(&String, &u64)> = schools.iter().collect();
    most.sort_by_key(|(id, count)| (std::cmp::Reverse(**count), (*id).clone()));
    let mut said: Vec<String> = most
        .iter()
        .take(NAMED)
        .map(|(id, count)| match id.as_str() {
            "" => format!("{count} now at no school"),
            id => format!("{count} now at {id}"),
        })
        .collect();
    if most.len() > NAMED {
        said.push(format!("and {} more schools", most.len() - NAMED));
    }
    said.join(", ")
}

/// The limits on what the platform's export does, whether a run reads it or a person imports it.
pub fn check_export(summary: &Summary, limits: &Limits) -> Vec<Overrun> {
    let accounts = (summary.accounts_before, ACCOUNTS);
    let active = (summary.active_before, ACTIVE);
    let joins = ("would become active by the platform export", summary.joins);
    let unjoins = ("would become pending by the platform export", summary.unjoins);
    let changed = ("would have their details changed by the platform export", summary.export_changed);
    // People do not all give up the same detail in one night.
    let emptied = summary.export_emptied.as_ref();
    let rule = if emptied.is_some() { Rule::Emptied } else { Rule::Above(EXPORT) };
    let emptied = emptied.map(|column| format!("the column `{column}` has no value any more"));
    overruns([
        Measure::of(("joins", limits.joins), joins, accounts, Rule::Above(JOINS)),
        Measure::of(("unjoins", limits.unjoins), unjoins, active, Rule::Above(UNJOINS)),
        Measure {
            more: emptied.as_deref().unwrap_or_default(),
            ..Measure::of(("export", limits.export), changed, active, rule)
        },
    ])
}

/// Whether so many records were rejected that the run, although done, is only partial.
pub fn too_many_rejected(summary: &Summary, limits: &Limits) -> bool {
    let rejected = ("would be rejected", summary.count(Action::Rejected));
    let records = (summary.records, ["record", "records"]);
    let limit = ("rejected", limits.rejected);
    Measure::of(limit, rejected, records, Rule::From(limits.minimum)).overrun().is_some()
}

/// The sentence for so many people that are missing for the first time that their accounts together
/// would be over the limit on archiving. Nothing is done to them yet, so this does not block.
pub fn too_many_missing(summary: &Summary, limits: &Limits) -> Option<String> {
    let missing = ("are missing from the SIS import for the first time", summary.newly_missing);
    let accounts = (summary.accounts_before, ACCOUNTS);
    let limit = ("archive", limits.archive);
    Measure::of(limit, missing, accounts, Rule::OrHalf(limits.minimum)).overrun().map(|over| over.message)
}

fn overruns<'a>(measures: impl IntoIterator<Item = Measure<'a>>) -> Vec<Overrun> {
    measures.into_iter().filter_map(Measure::overrun).collect()
}

fn is_over(count: u64, percent: f64, population: u64) -> bool {
    // Exact for any population that fits into memory.
    #[expect(clippy::cast_precision_loss, reason = "a district has fewer than 2^53 people")]
    let over = count as f64 * 100.0 > percent * population as f64;
    over
}

/// `25.2%`
fn percent(count: u64, of: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a district has fewer than 2^53 people")]
    let percent = if of == 0 { 100.0 } else { count as f64 * 100.0 / of as f64 };
    format!("{percent:.1}%")
}

impl Measure<'_> {
    fn of(
        (limit, max): (&'static str, Limit),
        (what, count): (&'static str, u64),
        population: Population,
        rule: Rule,
    ) -> Self {
        Self { limit, max, count, what, population, counted: None, rule, more: "" }
    }

    fn overrun(self) -> Option<Overrun> {
        let Self { limit, count, population: (population, [_, several]), max, rule, .. } = self;
        let percent = match max {
            Limit::Count(most) => {
                return (count > most).then(|| self.over(None, &format!("[limits] {limit} allows {max}")));
            }
            Limit::Share(percent) => percent,
        };
        let allowed = format!("[limits] {limit} allows {max}");
        let enforced = match rule {
            Rule::From(minimum) | Rule::OrHalf(minimum) => population >= minimum,
            Rule::Above(people) => count > people,
            Rule::Emptied => count >= FEW && percent < 100.0,
        };
        if enforced && (matches!(rule, Rule::Emptied) || is_over(count, percent, population)) {
            let said = match rule {
                Rule::Above(people) => format!("{allowed}, and {people} in any case"),
                Rule::Emptied => format!("{allowed}, but no column that loses all its values"),
                Rule::From(_) | Rule::OrHalf(_) => allowed,
            };
            return Some(self.over(Some(population), &said));
        }
        match rule {
            Rule::OrHalf(minimum)
                if percent < 100.0 && (FEW..minimum).contains(&population) && count * 2 > population =>
            {
                // With a share alone the reader would look for a mistake: what counted is another
                // rule.
                let said = format!(
                    "[limits] {limit} of fewer than {minimum} {several} allows half of them (minimum = {minimum})"
                );
                Some(Overrun { max: "50%".into(), ..self.over(Some(population), &said) })
            }
            _ => None,
        }
    }

    /// The whole sentence. `rule` is what is allowed.
    fn over(&self, of: Option<u64>, rule: &str) -> Overrun {
        let Self { limit, what, count, max, more, population: (_, [one, several]), .. } = *self;
        let share = of.map(|of| percent(count, of));
        let said: Vec<&str> =
            share.as_deref().into_iter().chain(Some(more)).filter(|said| !said.is_empty()).collect();
        let brackets = if said.is_empty() { String::new() } else { format!(" ({})", said.join("; ")) };
        let [one_counted, several_counted] = self.counted.unwrap_or([one, several]);
        let counted = plural::counted(count, one_counted, several_counted);
        let subject = match (of.map(|of| plural::counted(of, one, several)), self.counted) {
            (Some(of), None) => format!("{count} of {of} {what}"),
            (Some(of), Some(_)) => format!("{counted} {what}, for {of}"),
            (None, _) => format!("{counted} {what}"),
        };
        let message = format!("{subject}{brackets}; {rule}");
        Overrun { limit, scope: Scope::default(), count, of, max: max.to_string(), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(archived: u64, accounts_before: u64, contact_updates: u64, active: u64) -> Summary {
        Summary {
            actions: [(Action::Archived, archived)].into(),
            accounts_before,
            contact_updates,
            changeable: active,
            active,
            ..Summary::default()
        }
    }

    fn judged(summary: &Summary, limits: &Limits) -> Vec<Overrun> {
        check(summary, &Tallies::default(), &Schools::default(), limits)
    }

    fn over(summary: &Summary, limits: &Limits) -> Vec<&'static str> {
        judged(summary, limits).into_iter().map(|overrun| overrun.limit).collect()
    }

    #[test]
    fn a_share_may_be_reached_and_not_passed() {
        let limits = Limits::default();
        assert_eq!(over(&summary(10, 100, 20, 100), &limits), [""; 0]);
        assert_eq!(over(&summary(11, 100, 0, 100), &limits), ["archive"]);
        assert_eq!(over(&summary(0, 100, 21, 100), &limits), ["contact_updates"]);
    }

    #[test]
    fn a_small_population_is_not_measured_in_shares_but_never_loses_more_than_half() {
        let limits = Limits::default();
        assert_eq!(over(&summary(9, 19, 9, 19), &limits), [""; 0]);
        assert_eq!(over(&summary(10, 19, 0, 19), &limits), ["archive"]);
        assert_eq!(over(&summary(0, 19, 10, 19), &limits), ["contact_updates"]);
        assert_eq!(over(&summary(0, 8, 4, 8), &limits), [""; 0]);
        assert_eq!(over(&summary(0, 8, 8, 8), &limits), ["contact_updates"]);
        assert_eq!(over(&summary(0, 4, 4, 4), &limits), [""; 0]);
        assert_eq!(over(&summary(4, 4, 0, 4), &limits), [""; 0]);
        assert_eq!(over(&summary(3, 5, 0, 5), &limits), ["archive"]);
    }

    #[test]
    fn a_count_holds_for_any_population() {
        let limits = Limits { archive: Limit::Count(2), ..Limits::default() };
        assert_eq!(over(&summary(2, 4, 0, 4), &limits), [""; 0]);
        assert_eq!(over(&summary(3, 4, 0, 4), &limits), ["archive"]);
        assert!(judged(&summary(3, 4, 0, 4), &limits)[0].message.contains("3 accounts would be archived"));
    }

    #[test]
    fn the_message_has_the_numbers() {
        let said = judged(&summary(25, 100, 0, 0), &Limits::default())[0].message.clone();
        assert_eq!(said, "25 of 100 accounts would be archived (25.0%); [limits] archive allows 10%");
    }

    /// A share alone would look like a mistake in reckoning: under the minimum another rule counts,
    /// and is named.
    #[test]
    fn the_message_has_the_rule_that_counted_and_numbers_that_agree() {
        let limits = Limits::default();
        let said = |summary: &Summary, limits: &Limits| judged(summary, limits)[0].message.clone();
        assert_eq!(
            said(&summary(10, 19, 0, 0), &limits),
            "10 of 19 accounts would be archived (52.6%); [limits] archive of fewer than 20 accounts allows half of them \
             (minimum = 20)"
        );
        let one = Limits { minimum: 1, contact_updates: Limit::Count(0), ..Limits::default() };
        assert_eq!(
            said(&summary(1, 1, 0, 0), &one),
            "1 of 1 account would be archived (100.0%); [limits] archive allows 10%"
        );
        assert_eq!(
            said(&summary(0, 1, 1, 1), &one),
            "1 active user under ON would have their contact details changed; [limits] contact_updates allows 0"
        );
        let messages = Summary {
            active: 30,
            notifications: crate::plan::summary::Notifications { email: 31, sms: 0 },
            ..Summary::default()
        };
        let share = Limits { notifications: Limit::Share(50.0), ..Limits::default() };
        assert_eq!(
            said(&messages, &share),
            "31 notifications would be sent, for 30 active users (103.3%); [limits] notifications allows 50%"
        );
    }

    /// Of a thousand accounts, 600 of them active, unless `change` says otherwise.
    fn night(change: impl FnOnce(&mut Summary)) -> Summary {
        let mut night = Summary { accounts_before: 1000, active_before: 600, ..Summary::default() };
        change(&mut night);
        night
    }

    #[test]
    fn the_limits_on_the_export_hold_above_their_share_and_their_number() {
        let limits = Limits::default();
        let joins = |count, accounts| {
            over(&night(|night| (night.joins, night.accounts_before) = (count, accounts)), &limits)
        };
        assert_eq!(joins(99, 1000), [""; 0]);
        assert_eq!(joins(100, 1000), [""; 0]);
        assert_eq!(joins(101, 1000), ["joins"]);
        assert_eq!(joins(49, 100), [""; 0]);
        assert_eq!(joins(50, 100), [""; 0]);
        assert_eq!(joins(51, 100), ["joins"]);
        assert_eq!(joins(51, 0), ["joins"]);
        let unjoins = |count, active| {
            over(&night(|night| (night.unjoins, night.active_before) = (count, active)), &limits)
        };
        assert_eq!(unjoins(5, 5), [""; 0]);
        assert_eq!(unjoins(6, 6), ["unjoins"]);
        assert_eq!(unjoins(29, 600), [""; 0]);
        assert_eq!(unjoins(30, 600), [""; 0]);
        assert_eq!(unjoins(31, 600), ["unjoins"]);
        let export = |count, active, emptied: Option<&str>| {
            let night = night(|night| {
                (night.export_changed, night.active_before) = (count, active);
                night.export_emptied = emptied.map(str::to_owned);
            });
            over(&night, &limits)
        };
        assert_eq!(export(19, 71, None), [""; 0]);
        assert_eq!(export(20, 71, None), [""; 0]);
        assert_eq!(export(21, 71, None), ["export"]);
        assert_eq!(export(119, 600, None), [""; 0]);
        assert_eq!(export(120, 600, None), [""; 0]);
        assert_eq!(export(121, 600, None), ["export"]);
        assert_eq!(export(7, 10, Some("email")), ["export"]);
        assert_eq!(export(4, 4, Some("email")), [""; 0]);
        assert_eq!(export(5, 600, Some("email")), ["export"]);
        let protection = |count, active| {
            over(&night(|night| (night.protection, night.active_before) = (count, active)), &limits)
        };
        assert_eq!(protection(5, 5), [""; 0]);
        assert_eq!(protection(6, 6), ["protection"]);
        assert_eq!(protection(6, 600), [""; 0]);
        assert_eq!(protection(7, 600), ["protection"]);
    }

    #[test]
    fn on_the_night_of_an_upgrade_new_limits_are_said_and_hold_from_the_next() {
        let night = night(|night| (night.unjoins, night.upgraded) = (600, true));
        assert_eq!(over(&night, &Limits::default()), [""; 0]);
        let said: Vec<&str> =
            check_upgraded(&night, &Limits::default()).iter().map(|overrun| overrun.limit).collect();
        assert_eq!(said, ["unjoins"]);
        let settled = Summary { upgraded: false, ..night };
        assert_eq!(over(&settled, &Limits::default()), ["unjoins"]);
        assert!(check_upgraded(&settled, &Limits::default()).is_empty());
    }

    #[test]
    fn the_new_messages_have_the_rule_that_counted() {
        let said = |night: &Summary| judged(night, &Limits::default())[0].message.clone();
        assert_eq!(
            said(&night(|night| night.joins = 300)),
            "300 of 1000 accounts would become active by the platform export (30.0%); [limits] joins allows 10%, and 50 in any case"
        );
        assert_eq!(
            said(&night(|night| {
                night.protection = 12;
                night.protection_schools = [("sch-1".to_owned(), 9), (String::new(), 3)].into();
            })),
            "12 of 600 active users would come from OFF to ON although the configuration did not change (2.0%; 9 now at sch-1, 3 \
             now at no school); [limits] protection allows 1%, and 5 in any case"
        );
        let night = night(|night| {
            (night.export_changed, night.active_before) = (6, 71);
            night.export_emptied = Some("email".into());
        });
        assert_eq!(
            said(&night),
            "6 of 71 active users would have their details changed by the platform export (8.5%; the column `email` has no value \
             any more); [limits] export allows 20%, but no column that loses all its values"
        );
    }
}
