//! `rostersync users list`

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use super::super::layout::Table;
use super::super::ui::{Ui, results, table_results};
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
use crate::store::Grant;
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

    fn accepts(&self, cells: &[String; COLUMNS.len()]) -> bool {
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
    let schools = match &found {
        Some(found) if found.len() <= FEW => SchoolsOf::Each(&people),
        _ => SchoolsOf::All(Box::new(Schools::read(&people)?)),
    };
    let grants = store.all_grants()?;
    let likenesses = if args.duplicates { likenesses(&people)? } else { Likenesses::new() };
    let is_shown = |at: &usize| args.has(*at) && (args.format != Format::Table || *at != HOME_PHONE);
    let headers: Vec<_> = (0..COLUMNS.len()).filter(is_shown).map(|at| COLUMNS[at]).collect();
    let mut rendering: Box<dyn Rendering> = match args.format {
        Format::Table => Box::new(Table::new(headers, ui.screen).folded(&FIRST)),
        Format::Csv => Box::new(Csv::for_spreadsheets(headers)),
        Format::Json => Box::new(Json::new(headers, None)),
    };
    let mut suppressed = if args.suppressed { people.suppressed()? } else { BTreeMap::new() };
    let missing = if args.missing { store.missing()? } else { HashMap::new() };
    let results = if args.format == Format::Table { table_results } else { results };
    let (mut out, mut buffer, mut any) = (results(), Vec::new(), false);
    rendering.begin(&mut buffer);
    let mut list = |account: &Account| -> Result<()> {
        if args.duplicates && !likenesses.contains_key(&account.id) {
            return Ok(());
        }
        if args.missing && !missing.contains_key(&account.id) {
            return Ok(());
        }
        if args.settled && account.settled.is_none() {
            return Ok(());
        }
        let mut cells = cells(account, &people, &schools, &grants, &likenesses)?;
        if args.settled {
            cells[SETTLED] = settled(account, &people, &schools)?;
            if cells[SETTLED].is_empty() {
                return Ok(());
            }
        }
        if let Some(missing) = missing.get(&account.id) {
            cells[MISSING] = missing.since.to_string();
        }
        if args.suppressed {
            let Some(one) = suppressed.remove(&account.sourced_id) else { return Ok(()) };
            put_suppressed(&one, &mut cells);
        }
        if args.kept && (cells[9].is_empty() || account.archived) || !filter.accepts(&cells) {
            return Ok(());
        }
        any = true;
        let shown: Vec<&[u8]> = (0..COLUMNS.len()).filter(is_shown).map(|at| cells[at].as_bytes()).collect();
        rendering.row(&shown, &mut buffer);
        out.write_all(&buffer).map_err(unprintable)?;
        buffer.clear();
        Ok(())
    };
    match &found {
        Some(found) => {
            for id in found {
                store.account_by_id(*id)?.as_ref().map_or(Ok(()), &mut list)?;
            }
        }
        None => store.each_account(list)?,
    }
    for (sourced_id, one) in suppressed {
        let mut cells: [String; COLUMNS.len()] = Default::default();
        cells[0] = sourced_id;
        put_suppressed(&one, &mut cells);
        if found.is_none() && filter.accepts(&cells) {
            any = true;
            let shown: Vec<&[u8]> =
                (0..COLUMNS.len()).filter(is_shown).map(|at| cells[at].as_bytes()).collect();
            rendering.row(&shown, &mut buffer);
        }
    }
    // A table of nothing has no headers either.
    if any || args.format != Format::Table {
        rendering.end(&mut buffer);
    }
    out.write_all(&buffer).and_then(|()| out.flush()).map_err(unprintable)?;
    Ok(Ending::Ok)
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

fn put_suppressed(one: &Suppressed, cells: &mut [String; COLUMNS.len()]) {
    cells[SUPPRESSED.start] = one.until.map(|day| day.to_string()).unwrap_or_default();
    cells[SUPPRESSED.start + 1].clone_from(&one.reason);
}

/// The details whose difference is settled, as both values are now.
fn settled(account: &Account, people: &People<'_>, schools: &SchoolsOf<'_>) -> Result<String> {
    if account.archived {
        return Ok(String::new());
    }
    let (roles, schools) = (people.roles_of(account), schools.of(account)?);
    let said = forecast(account, &roles, &schools, &people.rules);
    Ok(said.fields.settled().map(|decision| decision.field.key()).collect::<Vec<_>>().join("|"))
}

/// The place of the column that a table leaves out, since it is seldom looked for.
const HOME_PHONE: usize = 8;

fn cells(
    account: &Account,
    people: &People<'_>,
    schools: &SchoolsOf<'_>,
    grants: &HashMap<i64, Vec<Grant>>,
    likenesses: &Likenesses,
) -> Result<[String; COLUMNS.len()]> {
    let grants = grants.get(&account.id).map(Vec::as_slice).unwrap_or_default();
    // A permission that cannot be used is not found by `users_manager=district`, and is there to be seen all the same.
    let unusable = if grants.is_empty() { None } else { people.unusable_grant(account)? };
    let words: Vec<String> = grants
        .iter()
        .map(|grant| match unusable {
            None => grant.word().to_owned(),
            Some(_) => format!("asleep:{}", grant.word()),
        })
        .collect();
    let details = &account.details;
    let (codes, like) = match likenesses.get(&account.id) {
        Some((codes, like)) => (
            codes.iter().copied().collect::<Vec<_>>().join("|"),
            like.iter().map(String::as_str).collect::<Vec<_>>().join("|"),
        ),
        None => (String::new(), String::new()),
    };
    Ok([
        account.sourced_id.clone(),
        account.state_word().to_owned(),
        people.roles_of(account).join("|"),
        schools.of(account)?.join("|"),
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
