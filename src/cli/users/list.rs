//! `rostersync users list`

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use super::super::layout::{Screen, Table};
use super::super::ui::{Results, Ui, results, table_results};
use super::super::{Global, condition, unprintable};
use super::reading;
use crate::account::Account;
use crate::attempt::Ending;
use crate::contact::Sought;
use crate::failure::{Failure, Kind, Result};
use crate::people::{Likenesses, People, Schools, likenesses};
use crate::plan::forecast;
use crate::report::{Csv, Json, Rendering};
use crate::roles;
use crate::store::{Grant, Missing};
use crate::suppressed::Suppressed;

/// List accounts, one line each, in the order of sourcedIds
///
/// If you give several filters, an account must fit all of them. A guardian is at the schools of
/// the guardian's students.
#[derive(Debug, clap::Args)]
#[command(after_help = COLUMNS_HELP)]
pub(super) struct ListArgs {
    /// Only accounts in this state
    #[arg(long, value_name = "STATE", value_parser = ["pending", "active", "archived"])]
    state: Option<String>,

    /// Only people that have this role today
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,

    /// Only people at this school (a sourcedId)
    #[arg(long, value_name = "ID")]
    school: Option<String>,

    /// Only people with a difference from the SIS that the latest run did not apply
    #[arg(long)]
    kept: bool,

    /// Only people with a difference from the SIS that a person has settled (`users settle --keep`)
    ///
    /// `settled` has the details.
    #[arg(long)]
    settled: bool,

    /// Only people that are suppressed (`users suppress`, or the file of the configuration), with the
    /// last day and the reason; also those that have no account
    #[arg(long, conflicts_with_all = ["kept", "settled", "duplicates"])]
    suppressed: bool,

    /// Only people that are missing from the SIS import, and whose accounts are not archived yet
    /// (`archive_after`)
    ///
    /// `missing_since` has the day of the first run without them.
    #[arg(long, conflicts_with = "suppressed")]
    missing: bool,

    /// Only accounts that may belong to the same person: the same name, and the same email or
    /// mobile
    ///
    /// `codes` is `possible-duplicate` if the other account is pending or active, `possible-rekey`
    /// if the other account is older and archived (the SIS may have given the person a new
    /// sourcedId), and `same-person` if a user of another kind (student, staff, guardian) has the
    /// same name and the same email, user name or identifier. `like` has the sourcedIds of the
    /// other accounts.
    #[arg(long)]
    duplicates: bool,

    /// Only people with this text in their name, email, number, sourcedId or identifier
    ///
    /// The search covers the account and the SIS. Upper and lower case, accents, and the way in
    /// which a number is written make no difference. Every word must be in a name.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    /// Only accounts with exactly this value in this column, or with this text in it (COLUMN~TEXT).
    /// If repeated, all conditions must hold
    ///
    /// `role`, `schools` and `users_manager` can hold several values; one equal value is enough.
    /// `COLUMN=` without a value finds blank cells. For `~`, case and accents make no difference.
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    filters: Vec<String>,

    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    format: Format,
}

const COLUMNS_HELP: &str = "\
Columns: sourced_id, state, role, schools, given_name, family_name, email, phone, \
home_phone, kept_since, users_manager; with --settled also settled, with --missing \
missing_since, with --suppressed until and reason, with --duplicates codes and like

Examples:
  rostersync users list --search diaz
  rostersync users list --where email~@gmail
  rostersync users list --state active --kept     details differ from the SIS
  rostersync users list --where users_manager=district
  rostersync users list --role guardian --format csv > guardians.csv";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Aligned columns for people
    Table,
    /// Cells that a spreadsheet would run as a formula have a leading apostrophe
    Csv,
    /// An array with one object for each account
    Json,
}

pub(in super::super) const COLUMNS: [&str; 17] = [
    "sourced_id",
    "state",
    "role",
    "schools",
    "given_name",
    "family_name",
    "email",
    "phone",
    "home_phone",
    "kept_since",
    "users_manager",
    "settled",
    "codes",
    "like",
    "until",
    "reason",
    "missing_since",
];

/// What the first line has where a row needs two.
const FIRST: [&str; 6] = ["sourced_id", "given_name", "family_name", "email", "phone", "home_phone"];

/// The place of the column that a table leaves out, since it is seldom looked for.
const HOME_PHONE: usize = 8;
const KEPT_SINCE: usize = 9;

/// The columns that are there only if they are asked for.
const SETTLED: usize = 11;
const LIKE: std::ops::Range<usize> = 12..14;
const SUPPRESSED: std::ops::Range<usize> = 14..16;
const MISSING: usize = 16;

/// Cells of these hold several values, joined by `|`.
const SEVERAL: [&str; 6] = ["role", "schools", "users_manager", "settled", "codes", "like"];

impl ListArgs {
    fn has(&self, column: usize) -> bool {
        match column {
            SETTLED => self.settled,
            MISSING => self.missing,
            column if LIKE.contains(&column) => self.duplicates,
            column => self.suppressed || !SUPPRESSED.contains(&column),
        }
    }
}

/// What is asked for: places in [`COLUMNS`], and values.
struct Filter {
    values: Vec<(usize, String)>,
    parts: Vec<(usize, Sought)>,
}

impl Filter {
    fn of(args: &ListArgs) -> Result<Self> {
        let (mut values, mut parts) = (Vec::new(), Vec::new());
        for typed in &args.filters {
            let Some((column, is_part, value)) = condition(typed) else {
                return Err(Failure::new(Kind::Usage, format!("`--where {typed}` has no `=` and no `~`"))
                    .cure("write `--where COLUMN=VALUE` or `--where COLUMN~TEXT`, for instance `--where users_manager=district`"));
            };
            let mut columns = (0..COLUMNS.len()).filter(|at| args.has(*at));
            let at = columns.clone().find(|at| COLUMNS[*at] == column).ok_or_else(|| {
                let first = columns.next().map(|at| COLUMNS[at].to_owned()).unwrap_or_default();
                let names = columns.fold(first, |names, at| format!("{names}, {}", COLUMNS[at]));
                Failure::new(Kind::Usage, format!("the list has no column `{column}`"))
                    .cure(format!("its columns are {names}"))
            })?;
            match is_part {
                true => parts.push((at, Sought::new(value))),
                false => values.push((at, value.to_owned())),
            }
        }
        let role = args.role.as_ref().map(|role| roles::canonical(role).into_owned());
        for (at, value) in [(1, args.state.clone()), (2, role), (3, args.school.clone())] {
            values.extend(value.map(|value| (at, value)));
        }
        Ok(Self { values, parts })
    }

    fn accepts(&self, cells: &Cells) -> bool {
        let has = |(at, value): &(usize, String)| {
            let cell = &cells[*at];
            cell == value || SEVERAL.contains(&COLUMNS[*at]) && cell.split('|').any(|one| one == value)
        };
        let has_part = |(at, part): &(usize, Sought)| match COLUMNS[*at] {
            "phone" | "home_phone" => part.is_in_number(&cells[*at]),
            _ => part.is_in(&cells[*at]),
        };
        self.values.iter().all(has) && self.parts.iter().all(has_part)
    }
}

pub(super) fn run(args: &ListArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let filter = Filter::of(args)?;
    let config = global.load()?;
    let store = reading(&config)?;
    let people = People::new(&config, &store, global.now())?;
    let found: Option<Vec<i64>> = match &args.search {
        Some(text) => Some(people.fitting(text)?.into_iter().map(|(id, _)| id).collect()),
        None => None,
    };
    let mut rows = Rows::read(args, filter, &people, found.as_deref())?;
    let mut list = List::begin(args, ui.screen);
    let mut add = |account: &Account| match rows.of(account)? {
        Some(cells) => list.add(&cells),
        None => Ok(()),
    };
    match &found {
        Some(found) => {
            for id in found {
                store.account_by_id(*id)?.as_ref().map_or(Ok(()), &mut add)?;
            }
        }
        None => {
            store.each_account(add)?;
            rows.without_account().try_for_each(|cells| list.add(&cells))?;
        }
    }
    list.end()?;
    Ok(Ending::Ok)
}

/// In the order of [`COLUMNS`].
type Cells = [String; COLUMNS.len()];

/// What is printed: the columns that are asked for.
struct List {
    rendering: Box<dyn Rendering>,
    shown: Vec<usize>,
    out: Results,
    buffer: Vec<u8>,
    /// A table of nothing has no headers either.
    is_empty_table: bool,
}

impl List {
    fn begin(args: &ListArgs, screen: Screen) -> Self {
        let is_table = args.format == Format::Table;
        let is_shown = |at: &usize| args.has(*at) && !(is_table && *at == HOME_PHONE);
        let shown: Vec<usize> = (0..COLUMNS.len()).filter(is_shown).collect();
        let headers: Vec<_> = shown.iter().map(|at| COLUMNS[*at]).collect();
        let mut rendering: Box<dyn Rendering> = match args.format {
            Format::Table => Box::new(Table::new(headers, screen).folded(&FIRST)),
            Format::Csv => Box::new(Csv::for_spreadsheets(headers)),
            Format::Json => Box::new(Json::new(headers, None)),
        };
        let out = if is_table { table_results() } else { results() };
        let mut buffer = Vec::new();
        rendering.begin(&mut buffer);
        Self { rendering, shown, out, buffer, is_empty_table: is_table }
    }

    fn add(&mut self, cells: &Cells) -> Result<()> {
        self.is_empty_table = false;
        let shown: Vec<&[u8]> = self.shown.iter().map(|at| cells[*at].as_bytes()).collect();
        self.rendering.row(&shown, &mut self.buffer);
        self.out.write_all(&self.buffer).map_err(unprintable)?;
        self.buffer.clear();
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        if !self.is_empty_table {
            self.rendering.end(&mut self.buffer);
        }
        self.out.write_all(&self.buffer).and_then(|()| self.out.flush()).map_err(unprintable)
    }
}

/// What the rows are made of, and which of them are asked for.
struct Rows<'a> {
    args: &'a ListArgs,
    filter: Filter,
    people: &'a People<'a>,
    schools: SchoolsOf<'a>,
    grants: HashMap<i64, Vec<Grant>>,
    likenesses: Likenesses,
    missing: HashMap<i64, Missing>,
    /// Those of whom no account was seen yet.
    suppressed: BTreeMap<String, Suppressed>,
}

impl<'a> Rows<'a> {
    /// `found`: the people that are looked for, if not all are.
    fn read(
        args: &'a ListArgs,
        filter: Filter,
        people: &'a People<'a>,
        found: Option<&[i64]>,
    ) -> Result<Self> {
        let schools = match found {
            Some(found) if found.len() <= FEW => SchoolsOf::Each(people),
            _ => SchoolsOf::All(Box::new(Schools::read(people)?)),
        };
        Ok(Self {
            args,
            filter,
            people,
            schools,
            grants: people.store.all_grants()?,
            likenesses: if args.duplicates { likenesses(people)? } else { Likenesses::new() },
            missing: if args.missing { people.store.missing()? } else { HashMap::new() },
            suppressed: if args.suppressed { people.suppressed()? } else { BTreeMap::new() },
        })
    }

    /// The cells of an account, if it is asked for.
    fn of(&mut self, account: &Account) -> Result<Option<Cells>> {
        let args = self.args;
        if args.duplicates && !self.likenesses.contains_key(&account.id)
            || args.missing && !self.missing.contains_key(&account.id)
            || args.settled && account.settled.is_none()
        {
            return Ok(None);
        }
        let mut cells = self.cells(account)?;
        if args.settled {
            cells[SETTLED] = self.settled(account)?;
            if cells[SETTLED].is_empty() {
                return Ok(None);
            }
        }
        if let Some(missing) = self.missing.get(&account.id) {
            cells[MISSING] = missing.since.to_string();
        }
        if args.suppressed {
            let Some(one) = self.suppressed.remove(&account.sourced_id) else { return Ok(None) };
            put_suppressed(&one, &mut cells);
        }
        let is_kept = || !cells[KEPT_SINCE].is_empty() && !account.archived;
        let is_asked_for = (!args.kept || is_kept()) && self.filter.accepts(&cells);
        Ok(is_asked_for.then_some(cells))
    }

    /// Those that are suppressed and have no account, after all accounts.
    fn without_account(self) -> impl Iterator<Item = Cells> {
        let filter = self.filter;
        let rows = self.suppressed.into_iter().map(|(sourced_id, one)| {
            let mut cells = Cells::default();
            cells[0] = sourced_id;
            put_suppressed(&one, &mut cells);
            cells
        });
        rows.filter(move |cells| filter.accepts(cells))
    }

    /// The details whose difference is settled, as both values are now.
    fn settled(&self, account: &Account) -> Result<String> {
        if account.archived {
            return Ok(String::new());
        }
        let (roles, schools) = (self.people.roles_of(account), self.schools.of(account)?);
        let said = forecast(account, &roles, &schools, &self.people.rules);
        Ok(said.fields.settled().map(|decision| decision.field.key()).collect::<Vec<_>>().join("|"))
    }

    fn cells(&self, account: &Account) -> Result<Cells> {
        let grants = self.grants.get(&account.id).map(Vec::as_slice).unwrap_or_default();
        // A permission that cannot be used is not found by `users_manager=district`, and is there to be seen all the same.
        let unusable = if grants.is_empty() { None } else { self.people.unusable_grant(account)? };
        let words: Vec<String> = grants
            .iter()
            .map(|grant| match unusable {
                None => grant.word().to_owned(),
                Some(_) => format!("asleep:{}", grant.word()),
            })
            .collect();
        let details = &account.details;
        let (codes, like) = match self.likenesses.get(&account.id) {
            Some((codes, like)) => (
                codes.iter().copied().collect::<Vec<_>>().join("|"),
                like.iter().map(String::as_str).collect::<Vec<_>>().join("|"),
            ),
            None => (String::new(), String::new()),
        };
        Ok([
            account.sourced_id.clone(),
            account.state_word().to_owned(),
            self.people.roles_of(account).join("|"),
            self.schools.of(account)?.join("|"),
            details.name.given.clone(),
            details.name.family.clone(),
            details.email.clone(),
            details.phone.clone(),
            details.home_phone.clone(),
            account.kept_since.newest().map(|day| day.to_string()).unwrap_or_default(),
            words.join("|"),
            String::new(),
            codes,
            like,
            String::new(),
            String::new(),
            String::new(),
        ])
    }
}

/// For so few people the schools are read one by one.
const FEW: usize = 500;

/// Where the schools of an account are from.
enum SchoolsOf<'a> {
    All(Box<Schools>),
    Each(&'a People<'a>),
}

impl SchoolsOf<'_> {
    fn of(&self, account: &Account) -> Result<Vec<String>> {
        match self {
            Self::All(schools) => Ok(schools.of(account)),
            Self::Each(people) => people.schools_of(account),
        }
    }
}

fn put_suppressed(one: &Suppressed, cells: &mut Cells) {
    cells[SUPPRESSED.start] = one.until.map(|day| day.to_string()).unwrap_or_default();
    cells[SUPPRESSED.start + 1].clone_from(&one.reason);
}
