//! One night through the program, held against the model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::history::Tally;
use super::world::{Hand, Lie, World};
use crate::faults;
use crate::model::night::{District as Model, Message, Night, is_staff};
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

    /// A night. What the limits stop is approved, unless the file lies.
    pub(super) fn night(&mut self, world: &World, tally: &mut Tally) -> Result<(), Difference> {
        let _ = fs::remove_file(self.program.path("mail"));
        world.tonight.by_hand.iter().try_for_each(|hand| self.by_hand(hand, world, tally))?;
        let before = self.model.clone();
        let _ = fs::remove_dir_all(self.program.path("mail"));
        if let Some(lie @ (Lie::Cut | Lie::Empty | Lie::Headers)) = world.tonight.lie {
            tally.add(&format!("{lie:?}"));
            let is_first = !before.is_loaded;
            let done = self.program.run();
            // A cut file is known by the files before it.
            if !(is_first && lie == Lie::Cut) {
                expect("the exit status of a night with an unusable file", &done, 7)?;
            }
            return same("the accounts after an unusable file", accounts_of(&before), self.exported()?);
        }
        let night = self.model_night(world);
        if world.tonight.no_mail {
            self.program.file("mail", "no folder");
            tally.add("no mail");
        }
        let is_applied = self.disturbed_run(world, tally);
        let (archived, accounts) = night.archived;
        let is_over =
            if accounts < 20 { accounts >= 5 && 2 * archived > accounts } else { 10 * archived > accounts };
        if is_applied && !is_over {
            return self.after_the_fault(world, &night, tally);
        }
        let mut done = self.program.run();
        // Switching ON needs an approval where it changes something.
        let is_over = is_over || night.comes_on && done.code == 4;
        if is_over {
            expect("the exit status of a night over a limit", &done, 4)?;
            tally.add("blocked");
            same("the accounts of a blocked night", accounts_of(&before), self.exported()?)?;
            if world.tonight.lie.is_some() {
                self.model = before;
                return Ok(());
            }
            let checksum = done.checksum().to_owned();
            done = self.program.run_with(&["--approve", &checksum]);
        }
        let code = match () {
            () if night.is_waiting => 8,
            () if night.new_pairs + night.ended_permissions > 0 => 3,
            () => 0,
        };
        expect("the exit status", &done, code)?;
        self.compare(&night, &done, tally)
    }

    /// The night as the model has it.
    fn model_night(&mut self, world: &World) -> Night {
        let mut roster = world.said().to_vec();
        // A column that is blank as a whole says nothing: the schools stay.
        if world.tonight.lie == Some(Lie::NoSchools) {
            for record in &mut roster {
                let known = self.model.people.get(&record.id).map(|person| person.record.orgs.clone());
                record.orgs = known.unwrap_or_default();
            }
        }
        self.model.night(&world.config, &roster, world.export(), !world.tonight.no_mail)
    }

    /// A run with a fault at one of its calls to the disk. Whether it was applied all the same.
    fn disturbed_run(&self, world: &World, tally: &mut Tally) -> bool {
        let (Some((at, does)), Some(library)) = (&world.tonight.fault, faults::library()) else {
            return false;
        };
        let earlier = self.runs();
        let below = fs::canonicalize(self.program.path("")).unwrap();
        let mut command = self.program.command(&["run"]);
        command
            .env("LD_PRELOAD", library)
            .env("FAULTS_BELOW", below)
            .env("FAULTS_AT", at)
            .env("FAULTS_DOES", does);
        let done = command.output().unwrap();
        let is_applied = self.runs() > earlier;
        let outcome = if is_applied { "applied" } else { "not applied" };
        tally.add(&format!("{does}: {outcome}, exit {}", done.status.code().unwrap_or(-1)));
        is_applied
    }

    /// The run with the fault had applied everything: the next one finds nothing to do, and hands
    /// over what is left. The message that was being sent may come twice.
    fn after_the_fault(&mut self, world: &World, night: &Night, tally: &mut Tally) -> Result<(), Difference> {
        let again = self.model_night(world);
        let done = self.program.run();
        expect("the exit status of the run after a fault", &done, if again.is_waiting { 8 } else { 0 })?;
        let arrived: Vec<Message> = self.mails();
        let once: BTreeSet<&Message> = arrived.iter().collect();
        let expected: BTreeSet<&Message> = night.messages.iter().chain(&again.messages).collect();
        // A run that comes later gives a message to an old address up that another person has by now.
        let accounts = accounts_of(&self.model);
        let is_given_up = |message: &Message| {
            let address = format!(" | {} | ", message.to.to_lowercase());
            message.is_former && accounts.iter().any(|(_, details)| details.to_lowercase().contains(&address))
        };
        let is_lost = |message: &&&Message| !once.contains(**message) && !is_given_up(message);
        if !once.is_subset(&expected)
            || expected.iter().any(|message| is_lost(&message))
            || arrived.len() > once.len() + 1
        {
            return Err(format!(
                "the messages after a fault\n  model  : {expected:?}\n  program: {arrived:?}"
            ));
        }
        Self::compare_report(&again, &done)?;
        same("the accounts after a fault", accounts_of(&self.model), self.exported()?)?;
        tally.add("nights");
        Ok(())
    }

    /// The number of the last run, 0 if it was blocked.
    fn runs(&self) -> u64 {
        let status = self.program.cli(&["status", "--json"]);
        let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap_or_default();
        let last = &status["last_run"];
        last["run"].as_u64().filter(|_| last["applied"] == true).unwrap_or_default()
    }

    fn by_hand(&mut self, hand: &Hand, world: &World, tally: &mut Tally) -> Result<(), Difference> {
        let cli = |arguments: &[&str]| self.program.cli(&[&["users"], arguments].concat());
        let people = &self.model.people;
        // A person of last night may have another sourcedId since this morning.
        if let Hand::CanEdit { id, by } | Hand::Edit { id, by, .. } = hand
            && !(people.contains_key(id) && people.contains_key(by))
        {
            return Ok(());
        }
        match hand {
            Hand::Rekey { old, new } => {
                // The person may have left meanwhile, or be suppressed.
                let can = people.contains_key(old) && !people.contains_key(new);
                if can {
                    expect("the exit status of a rekey", &cli(&["rekey", old, new]), 0)?;
                    self.model.rekey(old, new);
                    tally.add("rekeyed");
                }
            }
            Hand::CanEdit { id, by } => {
                let done = cli(&["can-edit", id, "--as", by, "--json"]);
                let answer: serde_json::Value = serde_json::from_str(&done.stdout).unwrap_or_default();
                let program = answer["fields"]["email"]["code"].as_str().unwrap_or_default().to_owned();
                let model = self.model.refusal(&world.config, id, by).unwrap_or("ok").to_owned();
                tally.add(&format!("can-edit: {model}"));
                same(
                    "who may edit",
                    [(format!("{id} by {by}"), model)],
                    [(format!("{id} by {by}"), program)],
                )?;
            }
            Hand::Edit { id, by, email } => {
                let refusal = self.model.refusal(&world.config, id, by);
                let done = cli(&["edit", id, "--as", by, "--email", email]);
                expect(
                    &format!("the exit status of an edit of {id} by {by}"),
                    &done,
                    if refusal.is_none() { 0 } else { 4 },
                )?;
                if refusal.is_none() {
                    self.model.edit(id, email);
                    tally.add("edited");
                }
            }
            Hand::Grant { by, school } => {
                let person = &people[by];
                let can = is_staff(&person.record.role) && !person.account.archived;
                let school_option: &[&str] = if school.is_empty() { &[] } else { &["--school", school] };
                let done = cli(&[&["grant", by, "users-manager"], school_option].concat());
                expect(&format!("the exit status of a grant to {by}"), &done, if can { 0 } else { 4 })?;
                if let Some(person) = self.model.people.get_mut(by).filter(|_| can) {
                    person.manages.insert(school.clone());
                }
            }
            Hand::Revoke { by, school } => {
                if people[by].manages.contains(school) {
                    let school_option: &[&str] = if school.is_empty() { &[] } else { &["--school", school] };
                    let done = cli(&[&["revoke", by, "users-manager"], school_option].concat());
                    expect("the exit status of a revoke", &done, 0)?;
                    self.model.people.get_mut(by).into_iter().for_each(|person| {
                        person.manages.remove(school);
                    });
                }
            }
            Hand::Suppress(id) => {
                expect("the exit status of a suppression", &cli(&["suppress", id, "--reason", "asked"]), 0)?;
                self.model.suppressed.insert(id.clone());
            }
            Hand::Unsuppress(id) => {
                expect("the exit status of its end", &cli(&["unsuppress", id]), 0)?;
                self.model.suppressed.remove(id);
            }
        }
        Ok(())
    }

    fn compare_report(night: &Night, done: &Done) -> Result<(), Difference> {
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
        same("the report", said, rows_of(&done.report, &absent))
    }

    fn compare(&self, night: &Night, done: &Done, tally: &mut Tally) -> Result<(), Difference> {
        Self::compare_report(night, done)?;
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
                let is_former = mail.subject != "Lincoln District: Your contact details were updated";
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
