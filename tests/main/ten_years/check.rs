//! One night through the program, held against the model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::history::Tally;
use super::world::World;
use crate::model::night::{District as Model, Message, Night};
use crate::support::{District, Done, Report};

const RULES: &str = "[\
    { where = { \"metadata.contact\" = \"No Contact\" }, class = \"never\" }, \
    { where = { \"metadata.contact\" = \"Emergency\" }, class = \"emergency\" }, \
    { where = { \"metadata.contact\" = [\"\", \"Mother\"] }, class = \"contact\" }]";

/// What differs, in words.
pub(super) type Difference = String;

/// The district in its folder, and the model of it.
pub(super) struct Sides {
    pub(super) program: District,
    pub(super) model: Model,
}

impl Sides {
    pub(super) fn new() -> Self {
        let program = District::new()
            .without_limits()
            .with("limits.archive", "\"10%\"")
            .with("sync.ignore_emails", "[\"noemail@*\"]")
            .with("contacts.rule", RULES)
            .with("platform.max_age", "\"none\"");
        Self { program, model: Model::default() }
    }

    /// The files and the configuration of tonight.
    pub(super) fn write(&mut self, world: &World, now: &str, year: usize) {
        let program = &mut self.program;
        program.set("sync.update_contacts", &world.config.on.to_string());
        program.set("sync.blank_values", if world.config.settings.clear { "\"clear\"" } else { "\"keep\"" });
        program.set_schools(world.config.schools.iter().map(|(id, on)| (id.clone(), *on)).collect());
        program.file("sis/users.csv", world.users_csv());
        program.file("sis/orgs.csv", world.orgs_csv(year));
        program.platform_file(&world.platform_csv());
        program.at(now);
    }

    /// A night. What the limits stop is approved.
    pub(super) fn night(&mut self, world: &World, tally: &mut Tally) -> Result<(), Difference> {
        let before = self.model.clone();
        let night = self.model.night(&world.config, &world.roster, world.export());
        let _ = fs::remove_dir_all(self.program.path("mail"));
        let (archived, accounts) = night.archived;
        let is_over =
            if accounts < 20 { accounts >= 5 && 2 * archived > accounts } else { 10 * archived > accounts };
        let mut done = self.program.run();
        if is_over {
            expect("the exit status of a night over a limit", &done, 4)?;
            tally.add("blocked");
            same("the accounts of a blocked night", accounts_of(&before), self.exported()?)?;
            let checksum = done.checksum().to_owned();
            done = self.program.run_with(&["--approve", &checksum]);
        }
        expect("the exit status", &done, if night.new_pairs > 0 { 3 } else { 0 })?;
        self.compare(&night, &done, tally)
    }

    fn compare(&self, night: &Night, done: &Done, tally: &mut Tally) -> Result<(), Difference> {
        let said = night.said.iter().map(|said| {
            let schools: Vec<&str> = said.schools.iter().map(String::as_str).collect();
            // The papers do not say which schools a person has that has left.
            let schools = if said.is_absent { Vec::new() } else { schools };
            (
                said.id.clone(),
                format!("{} {} [{}] {}", said.action, said.state, schools.join("|"), sorted(&said.notes)),
            )
        });
        let absent = night.said.iter().filter(|said| said.is_absent).map(|said| said.id.as_str()).collect();
        same("the report", said, rows_of(&done.report, &absent))?;
        same("the accounts", accounts_of(&self.model), self.exported()?)?;
        if tally.is_turn(3) {
            let links = self.program.cli(&["users", "export", "--links"]);
            expect("the exit status of `users export --links`", &links, 0)?;
            same("the links", self.links(), links_of(&links.stdout))?;
        }
        let messages = night.messages.iter().map(|message| (format!("{message:?}"), String::new()));
        same("the messages", messages, self.mails().iter().map(|mail| (format!("{mail:?}"), String::new())))?;
        night.said.iter().for_each(|said| tally.add(said.action));
        tally.add("nights");
        tally.0.entry("messages".into()).and_modify(|count| *count += night.messages.len()).or_default();
        Ok(())
    }

    fn exported(&self) -> Result<Vec<(String, String)>, Difference> {
        let done = self.program.cli(&["users", "export"]);
        expect("the exit status of `users export`", &done, 0)?;
        let rows = Report::parse(done.stdout.as_bytes()).rows;
        let columns = ["state", "given_name", "family_name", "email", "phone", "home_phone"];
        Ok(rows
            .iter()
            .map(|row| {
                (row["sourced_id"].to_owned(), columns.map(|column| row[column].to_owned()).join(" | "))
            })
            .collect())
    }

    /// Links of people that have not left, as the export writes them.
    fn links(&self) -> Vec<(String, String)> {
        let is_here = |id: &String| self.model.people.get(id).is_some_and(|person| !person.account.archived);
        let links = self
            .model
            .links
            .iter()
            .filter(|((adult, student), emergency)| (**emergency || is_here(adult)) && is_here(student));
        links
            .map(|((adult, student), emergency)| {
                (format!("{adult} {student}"), if *emergency { "emergency" } else { "yes" }.to_owned())
            })
            .collect()
    }

    fn mails(&self) -> Vec<Message> {
        let mails = self.program.mails();
        let mut found: Vec<Message> = mails
            .iter()
            .map(|mail| {
                let is_former = mail.subject != "Your contact details were updated";
                let lines = mail.body.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned);
                Message { to: mail.to.clone(), is_former, lines: lines.collect() }
            })
            .collect();
        found.sort();
        found
    }
}

fn accounts_of(district: &Model) -> Vec<(String, String)> {
    let live = district.people.iter().filter(|(_, person)| !person.account.archived);
    live.map(|(id, person)| {
        let crate::model::person::Details { given, family, email, mobile, home } = &person.account.details;
        let state = if person.account.active { "active" } else { "pending" };
        (id.clone(), [state, given, family, email, mobile, home].join(" | "))
    })
    .collect()
}

fn rows_of(report: &Report, absent: &BTreeSet<&str>) -> Vec<(String, String)> {
    let row = |row: &crate::support::Row| {
        let mut schools: Vec<&str> = row["schools"].split('|').collect();
        schools.sort_unstable();
        if absent.contains(&row["sourced_id"]) {
            schools.clear();
        }
        let schools = schools.join("|");
        (
            row["sourced_id"].to_owned(),
            format!("{} {} [{schools}] {}", &row["action"], &row["state"], sorted(&row["notes"])),
        )
    };
    report.rows.iter().map(row).collect()
}

/// Notes without their order.
fn sorted(notes: &str) -> String {
    let mut notes: Vec<&str> = notes.split("; ").collect();
    notes.sort_unstable();
    notes.join("; ")
}

fn links_of(csv: &str) -> Vec<(String, String)> {
    let rows = Report::parse(csv.as_bytes()).rows;
    rows.iter()
        .map(|row| (format!("{} {}", &row["guardian_id"], &row["student_id"]), row["contact"].to_owned()))
        .collect()
}

fn expect(what: &str, done: &Done, code: i32) -> Result<(), Difference> {
    match done.code == code {
        true => Ok(()),
        false => Err(format!("{what} is {}, not {code}\n{}\n{}", done.code, done.stdout, done.stderr)),
    }
}

/// Names the first few keys whose values differ.
fn same(
    what: &str,
    model: impl IntoIterator<Item = (String, String)>,
    program: impl IntoIterator<Item = (String, String)>,
) -> Result<(), Difference> {
    let gather = |pairs: &mut dyn Iterator<Item = (String, String)>| {
        let mut found = BTreeMap::<String, Vec<String>>::new();
        pairs.for_each(|(key, value)| found.entry(key).or_default().push(value));
        found
    };
    let (model, program) = (gather(&mut model.into_iter()), gather(&mut program.into_iter()));
    if model == program {
        return Ok(());
    }
    let keys: BTreeSet<&String> = model.keys().chain(program.keys()).collect();
    let differing = keys.into_iter().filter(|key| model.get(*key) != program.get(*key));
    let lines = differing.take(6).map(|key| {
        format!(
            "{key}\n  model  : {:?}\n  program: {:?}",
            model.get(key).cloned().unwrap_or_default(),
            program.get(key).cloned().unwrap_or_default()
        )
    });
    Err(format!("{what}:\n{}", lines.collect::<Vec<_>>().join("\n")))
}
