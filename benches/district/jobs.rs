//! The jobs that are measured, each with its target.

use crate::check::{self, DAY1, MOVED, SHUFFLED, V1P2};
use crate::district::{District, Kept, SERVED};
use crate::made_up::files::Form;
use crate::made_up::people::{Change, Day, User};
use crate::measure::{Figures, measure};
use crate::others::{self, Script};
use crate::target::Target;

/// A line of the table.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    /// What the program is compared with, not the program.
    pub(crate) is_yardstick: bool,
    /// None: it could not be run, `targets` says nothing either.
    pub(crate) figures: Option<Figures>,
    pub(crate) targets: Vec<Target>,
}

/// The names that the table, the growth and the plot know the yardsticks by.
pub(crate) const IMPORT: &str = "`sqlite3 .import`, no key";
pub(crate) const PYTHON: &str = "Python, csv + sqlite3, day 2";

/// Up to so many users a district is small: there the time is what counts, not the ratio.
const SMALL: u64 = 10_000;

/// Measures all jobs of a district. Its stores are those after some nights of day 1.
pub(crate) fn measure_all(district: &District, rounds: usize) -> Vec<Job> {
    eprintln!("{} users: measuring …", crate::grouped(district.users));
    let mut bench = Bench { district, rounds, import: None, python: None, jobs: Vec::new() };
    if district.is_large() {
        bench.large();
        return bench.jobs;
    }
    make(district);
    bench.yardsticks();
    bench.runs();
    bench.moved();
    bench.served();
    bench.reports();
    bench.jobs
}

/// The files and the stores that the jobs begin with.
pub(crate) fn make_all(district: &District) {
    check::settle(district);
    if !district.is_large() {
        make(district);
    }
}

fn make(district: &District) {
    district.export("day2-v1p2", Day::Two, Form::V1p2);
    district.export_moved();
}

struct Bench<'a> {
    district: &'a District,
    rounds: usize,
    import: Option<Figures>,
    python: Option<Figures>,
    jobs: Vec<Job>,
}

impl Bench<'_> {
    fn yardsticks(&mut self) {
        let (district, rounds) = (self.district, self.rounds);
        self.import = others::sqlite_import(district, rounds);
        self.yardstick(IMPORT, self.import);
        self.yardstick("`qsv diff` of the two days, no store", others::qsv_diff(district, rounds));
        // Once at most sizes: it takes as long as all the rest, and its ratio is far from close.
        let few = if district.users <= 100_000 { rounds.min(3) } else { 1 };
        self.python = Script::Plain.night(district, "day2", few);
        self.yardstick(PYTHON, self.python);
        self.yardstick("polars, day 2", Script::Polars.night(district, "day2", rounds));
        self.yardstick("DuckDB, day 2", Script::DuckDb.night(district, "day2", rounds));
    }

    /// The nights of a whole state in one store.
    fn large(&mut self) {
        let district = self.district;
        self.import = others::sqlite_import(district, self.rounds);
        self.yardstick(IMPORT, self.import);
        let night = [&["run"], DAY1].concat();
        let found = self.run("off.toml", &night, &|| district.forget());
        self.push("first load", found, Vec::new());
        district.begin(Kept::Off);
        let found = self.run("off.toml", &night, &|| district.forget_reports());
        self.push("nothing changed", found, Vec::new());
        let found = self.run("off.toml", &["run"], &|| district.begin(Kept::Off));
        self.push("day 2, OFF", found, Vec::new());
    }

    fn runs(&mut self) {
        let district = self.district;
        let import = " × import";

        let night = |source: &[&'static str]| [&["run"], source].concat();
        let found = self.run("off.toml", &night(DAY1), &|| district.forget());
        let most = Target::at_most(2.0, import, self.of_import(found));
        let stretch = Target::at_most(1.3, " × import, the stretch", self.of_import(found));
        self.push("first load", found, vec![most, stretch]);

        district.begin(Kept::Off);
        let found = self.run("off.toml", &night(DAY1), &|| district.forget_reports());
        let mut targets = vec![Target::at_most(0.35, import, self.of_import(found))];
        if district.users <= SMALL {
            targets = vec![Target::at_most(50.0, " ms", Some(found.wall * 1000.0))];
        }
        self.push("nothing changed", found, targets);

        let day2 = |bench: &Self, found: Figures| {
            let script = bench.python.map(|python| python.wall / found.wall);
            let of_import = bench.of_import(found);
            vec![Target::at_most(0.6, import, of_import), Target::at_least(8.0, " × the script", script)]
        };
        let real = self.run("off.toml", &["run"], &|| district.begin(Kept::Off));
        self.push("day 2, OFF", real, day2(self, real));
        let found = self.run("on.toml", &["run", "--no-notify"], &|| district.begin(Kept::On));
        self.push("day 2, ON (no messages)", found, day2(self, found));

        // A dry run leaves the store as it is.
        district.begin(Kept::Off);
        let dry = ["run", "--dry-run", "--report", "preview.csv"];
        let found = self.run("off.toml", &dry, &|| {});
        let target = Target::at_most(0.7, " × the real one", Some(found.wall / real.wall));
        self.push("dry run of day 2, with its report", found, vec![target]);
        let dry = ["run", "--dry-run", "--report", "preview.csv", "--source", "day2-v1p2"];
        let found = self.run("off.toml", &dry, &|| {});
        let target = Target::at_most(1.5, import, self.of_import(found));
        self.push("dry run of day 2 as OneRoster 1.2", found, vec![target]);
    }

    /// The nights when much moves.
    fn moved(&mut self) {
        let district = self.district;
        let import = " × import";
        let night = |source: &[&'static str]| [&["run"], source].concat();

        let found = self.run("off.toml", &night(V1P2), &|| district.begin(Kept::Off));
        self.push("1.2 after 1.1", found, vec![Target::at_most(1.5, import, self.of_import(found))]);
        let found = self.run("off.toml", &night(DAY1), &|| district.begin(Kept::Unjoined));
        let target = Target::at_most(2.0, import, self.of_import(found));
        self.push("first export of the platform: half of the people join", found, vec![target]);

        let users = (0..district.users).map(|number| User::of(number, district.users));
        let rows = users.filter(|user| user.change(Day::Moved) != Change::Same).count();
        let quiet = self.found("nothing changed");
        let each = |found: Figures| {
            let each = quiet.map(|quiet| (found.wall - quiet.wall) * 1e6 / rows as f64);
            Target::at_most(10.0, " µs for each of these rows", each)
        };
        let than_duckdb = |found: Figures, other: Option<Figures>| {
            Target::at_most(1.0, " × DuckDB", other.map(|other| found.wall / other.wall))
        };
        let other = Script::DuckDb.night(district, "moved", self.rounds);
        let ordered = self.run("off.toml", &night(MOVED), &|| district.begin(Kept::Off));
        self.push("27% of the rows moved", ordered, vec![than_duckdb(ordered, other), each(ordered)]);
        self.yardstick("DuckDB, 27% of the rows moved", other);
        let other = Script::DuckDb.night(district, "moved-shuffled", self.rounds);
        let found = self.run("off.toml", &night(SHUFFLED), &|| district.begin(Kept::Off));
        let target = Target::at_most(1.1, " × in order", Some(found.wall / ordered.wall));
        let targets = vec![target, than_duckdb(found, other), each(found)];
        self.push("27% of the rows moved, in random order", found, targets);
        self.yardstick("DuckDB, 27% moved, in random order", other);
    }

    /// The same day 1 over HTTP, beside the jobs that read it from files.
    fn served(&mut self) {
        let district = self.district;
        let of_files = |bench: &Self, name: &str, found: Figures| {
            let files = bench.found(name);
            vec![Target::at_most(2.5, " × from files", files.map(|files| found.wall / files.wall))]
        };
        let found = self.run(SERVED, &["run"], &|| district.forget());
        self.push("first load over HTTP", found, of_files(self, "first load", found));
        // As from files: what is remembered of nights when nothing happened is remembered by the
        // second.
        district.sync(SERVED, &[]);
        district.sync(SERVED, &[]);
        let found = self.run(SERVED, &["run"], &|| district.forget_reports());
        self.push("nothing changed over HTTP", found, of_files(self, "nothing changed", found));
    }

    fn reports(&mut self) {
        let district = self.district;
        district.begin(Kept::Off);
        let report = district.sync("off.toml", &[]).display().to_string();
        // `sort` takes any comma for the end of a cell; in these reports only the notes have some,
        // and they come last.
        let sort = format!("LC_ALL=C sort -t, -k20 {report} > sorted.txt");
        let sort = ["sh".to_owned(), "-c".to_owned(), sort];
        let sort = measure(&sort, &district.folder, self.rounds, &|| {});
        let arguments = ["report", "--sort", "notes", "--format", "csv", "-o", "sorted.csv"];
        let found = self.run("off.toml", &arguments, &|| {});
        let target = Target::at_most(1.5, " × `sort`", Some(found.wall / sort.wall));
        self.push("`report --sort notes`", found, vec![target]);
        self.yardstick("`sort` of that report by its notes", Some(sort));
        let help = measure(&district.command("", &["--help"]), &district.folder, self.rounds, &|| {});
        self.jobs.push(Job {
            name: "`--help`",
            is_yardstick: false,
            figures: Some(help),
            targets: Vec::new(),
        });
    }

    fn run(&self, config: &str, arguments: &[&str], before: &dyn Fn()) -> Figures {
        measure(&self.district.command(config, arguments), &self.district.folder, self.rounds, before)
    }

    /// A job of something else.
    fn yardstick(&mut self, name: &'static str, figures: Option<Figures>) {
        self.jobs.push(Job { name, is_yardstick: true, figures, targets: Vec::new() });
    }

    /// What was found for a job before.
    fn found(&self, name: &str) -> Option<Figures> {
        self.jobs.iter().find(|job| job.name == name).and_then(|job| job.figures)
    }

    fn of_import(&self, found: Figures) -> Option<f64> {
        self.import.map(|import| found.wall / import.wall)
    }

    /// A job of the program: what it holds in memory has a target too.
    fn push(&mut self, name: &'static str, found: Figures, mut targets: Vec<Target>) {
        let memory = match self.district.users {
            0..=1_000_000 => 128.0,
            1_000_001..=3_000_000 => 224.0,
            _ => 640.0,
        };
        targets.push(Target::at_most(memory, " MiB", Some(found.peak_mib)));
        self.jobs.push(Job { name, is_yardstick: false, figures: Some(found), targets });
    }
}
