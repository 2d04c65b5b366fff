//! What single steps cost: reading a roster, normal forms, the policy, the report. `cargo bench
//! --bench micro`, with a word for those with it in their names (`-- phone`).
//!
//! For seeing what a change of one of them does; what a run costs, and whether it is right, is for
//! the benchmark
//! `district`. The inputs are the same each time.

#[expect(dead_code, reason = "only the files are wanted here; who is in them matters to the other benchmark")]
#[path = "made_up/mod.rs"]
mod made_up;

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

use made_up::files::{self, Form};
use made_up::people::Day;
use rostersync::contact::{Email, PersonName, PhoneReader, Region, email_key};
use rostersync::findings::Findings;
use rostersync::policy::{BlankValues, Facts, Held, Setting, Sis, Standing, decide};
use rostersync::report::{Column, Csv, Format, Query, Row, Writer, render};
use rostersync::roster::Record;
use rostersync::source::RosterSource;
use rostersync::source::oneroster_csv::{OneRosterCsv, Options};

const USERS: u64 = 10_000;

fn group<'a>(criterion: &'a mut Criterion, name: &str, elements: u64) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(elements));
    group
}

fn open(folder: &Path) -> OneRosterCsv {
    OneRosterCsv::open(folder, Options::default()).expect("the roster that was just made up")
}

fn each_record(roster: &OneRosterCsv, each: &mut dyn FnMut(&Record<'_>)) {
    let mut each = |record: &Record<'_>| {
        each(record);
        ControlFlow::Continue(())
    };
    roster.read(&mut Findings::default(), &mut each).expect("the roster that was just made up");
}

/// A made-up export of day 1 for as long as the value lives.
fn exported(form: Form) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder to work in");
    files::roster(folder.path(), USERS, Day::One, form).expect("a OneRoster export");
    folder
}

/// Rows per second: opening an export looks through its files once, reading hands over the records.
fn roster(criterion: &mut Criterion) {
    let mut group = group(criterion, "roster", USERS);
    for (name, form) in [("OneRoster 1.1", Form::V1p1), ("OneRoster 1.2", Form::V1p2)] {
        let folder = exported(form);
        group.bench_function(format!("open, {name}"), |bencher| bencher.iter(|| open(folder.path())));
        let roster = open(folder.path());
        group.bench_function(format!("read, {name}"), |bencher| {
            bencher.iter(|| {
                let mut count = 0_u64;
                each_record(&roster, &mut |record| {
                    black_box(record);
                    count += 1;
                });
                assert_eq!(count, USERS);
            });
        });
    }
}

/// Values per second, of those in the roster.
fn normal_forms(criterion: &mut Criterion) {
    let folder = exported(Form::V1p1);
    let (mut names, mut emails, mut phones) = (Vec::new(), Vec::new(), Vec::new());
    each_record(&open(folder.path()), &mut |record| {
        let owned = |cell: Option<&str>| cell.unwrap_or_default().to_owned();
        names.push((owned(record.given_name), owned(record.family_name)));
        emails.push(owned(record.email));
        phones.push(owned(record.sms));
    });
    let shouted: Vec<String> = emails.iter().map(|email| email.to_uppercase()).collect();
    let accented: Vec<String> = emails.iter().map(|email| format!("é{email}")).collect();

    let mut group = group(criterion, "normal forms", USERS);
    let mut values = |name: &str, all: &[String], each: &dyn Fn(&str)| {
        group.bench_function(name, |bencher| bencher.iter(|| all.iter().for_each(|value| each(value))));
    };
    values("email key, as is", &emails, &|email| drop(black_box(email_key(email))));
    values("email key, upper case", &shouted, &|email| drop(black_box(email_key(email))));
    values("email key, not ASCII", &accented, &|email| drop(black_box(email_key(email))));
    values("email, validated", &emails, &|email| drop(black_box(Email::parse(email))));
    let reader = PhoneReader::new(Region::US);
    values("phone to E.164", &phones, &|phone| drop(black_box(reader.parse(phone))));
    group.bench_function("name", |bencher| {
        bencher.iter(|| {
            names.iter().for_each(|(given, family)| drop(black_box(PersonName::new(given, family))));
        });
    });
}

/// Decisions per second, over the whole product of the facts.
fn policy(criterion: &mut Criterion) {
    let mut cells = Vec::new();
    for sis in [Sis::NotProvided, Sis::Blank, Sis::Invalid, Sis::Same, Sis::CaseOnly, Sis::Differs] {
        for standing in [Standing::New, Standing::Pending, Standing::Active] {
            for setting in [Setting::On, Setting::Off] {
                for held in [Held::Nothing, Held::Value, Held::Protected] {
                    for blank_values in [BlankValues::Keep, BlankValues::Clear] {
                        cells.push(Facts { standing, setting, sis, held, blank_values });
                    }
                }
            }
        }
    }
    let mut group = group(criterion, "policy", cells.len() as u64);
    group.bench_function("decide, every cell", |bencher| {
        bencher.iter(|| {
            for facts in &cells {
                black_box(decide(black_box(facts)));
            }
        });
    });
}

/// What a row of the report has of its user, and a note for one in ten.
struct Person {
    line: Option<u64>,
    sourced_id: String,
    role: String,
    schools: String,
    given_name: String,
    family_name: String,
    email: String,
    phone: String,
    notes: String,
}

impl Person {
    fn of(record: &Record<'_>) -> Self {
        let owned = |cell: Option<&str>| cell.unwrap_or_default().to_owned();
        let has_notes = record.line.is_some_and(|line| line.is_multiple_of(10));
        let email = owned(record.email);
        Self {
            line: record.line,
            sourced_id: record.sourced_id.to_owned(),
            role: record.roles.0.to_owned(),
            schools: owned(record.orgs.map(|orgs| orgs.0)),
            given_name: owned(record.given_name),
            family_name: owned(record.family_name),
            phone: owned(record.sms),
            notes: if has_notes {
                format!("Active user has a new email in the SIS import - {email}")
            } else {
                String::new()
            },
            email,
        }
    }

    fn row(&self) -> Row<'_> {
        let has_notes = !self.notes.is_empty();
        Row {
            line: self.line,
            sourced_id: &self.sourced_id,
            role: &self.role,
            schools: &self.schools,
            state: "active",
            action: if has_notes { "kept" } else { "unchanged" },
            given_name: &self.given_name,
            family_name: &self.family_name,
            email: &self.email,
            phone: &self.phone,
            sis_given_name: &self.given_name,
            sis_family_name: &self.family_name,
            sis_email: &self.email,
            sis_phone: &self.phone,
            codes: if has_notes { "active-email-differs" } else { "" },
            first_seen: if has_notes { "2026-09-01" } else { "" },
            notes: &self.notes,
            ..Row::default()
        }
    }
}

fn write_report<W: io::Write>(people: &[Person], to: W) -> W {
    let mut writer = Writer::new(to);
    for person in people {
        writer.row(&person.row()).expect("a row");
    }
    writer.finish().expect("the report")
}

/// Rows per second: written, shown again as CSV, and shown in another order.
fn report(criterion: &mut Criterion) {
    let folder = exported(Form::V1p1);
    let mut people = Vec::new();
    each_record(&open(folder.path()), &mut |record| people.push(Person::of(record)));
    let file = folder.path().join("report.csv");
    write_report(&people, File::create(&file).expect("a file for the report"));

    let mut group = group(criterion, "report", USERS);
    group.bench_function("write rows", |bencher| bencher.iter(|| write_report(&people, io::sink())));
    for (name, sort) in [("as it stands", Vec::new()), ("sort by notes", vec![Column::Notes])] {
        let query = Query { sort, format: Format::Csv, ..Query::default() };
        group.bench_function(format!("show, {name}"), |bencher| {
            bencher.iter(|| {
                let shown = render(
                    &file,
                    &query,
                    &|headers| Box::new(Csv::for_spreadsheets(headers.to_vec())),
                    &mut io::sink(),
                )
                .expect("the report");
                assert_eq!(shown.rows, USERS);
            });
        });
    }
}

criterion_group! {
    name = steps;
    config = Criterion::default()
        .without_plots()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = roster, normal_forms, policy, report
}
criterion_main!(steps);
