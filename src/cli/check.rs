//! `rostersync check`

mod list;
mod standard;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::standard::Judged;
use super::layout::{Screen, style_of};
use super::run::failure_json;
use super::ui::Ui;
use super::{Global, path, unprintable};
use crate::attempt::Ending;
use crate::config::{Config, PhoneCredential, Source};
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings, Severity};
use crate::plan::said_overruns;
use crate::plan::{self, Action, Note, PlanRow};
use crate::plural::{agreed, counted};
use crate::report::harmless;
use crate::run::{Checked, RunContext, check, check_source};
use crate::source::oneroster_csv::EncodingSetting;
use crate::source::{Identifiers, SourceCheck};

/// List the problems that the next run would have
///
/// `check` reads the configuration, the secrets, the folders, the store, the platform's export and
/// the roster. It makes the plan of a dry run, and changes nothing. Each finding has file, line,
/// column, code and cure, and never a person's details. Findings of one cause are one line, with
/// their count; CSV and JSON list every finding. Run `check` as the user that runs rostersync.
///
/// The exit status is that of a dry run: 0; 3 if too many records would be rejected or something
/// needs a person; 4 if a limit would stop the run; 1, 2, 6 or 7 if the run could not be done.
///
/// `--strict` also holds all files of the package that are about rostering against the tables of
/// OneRoster 1.1 or 1.2. It ends with 3 if there are errors. With PATH it looks at that package
/// alone, and needs no configuration.
///
/// `check` does not connect to a source over the network. `check --source` does only that: it reads
/// a first page. From an SFTP server it fetches the export and reads the first users. Then exit 3
/// means that some data is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync check                       what the next run would stumble over
  rostersync check --format csv          every finding, for a spreadsheet
  rostersync check --strict              the whole package, against OneRoster
  rostersync check --strict export.zip   a package, without a configuration
  rostersync check --source              whether an API or SFTP server answers")]
pub(super) struct CheckArgs {
    /// Only connect to the source (an API or an SFTP server), read one page, and say which data is
    /// missing
    #[arg(long)]
    source: bool,

    /// Hold all rostering files of the package against OneRoster 1.1 or 1.2 too
    #[arg(long, conflicts_with = "source")]
    strict: bool,

    /// With --strict: a folder or zip file to look at, in place of the configured source
    #[arg(value_name = "PATH", requires = "strict", value_parser = path())]
    package: Option<PathBuf>,

    /// With --strict: write the log that a certification of a consumer asks for
    #[arg(long, value_name = "FILE", requires = "strict", value_parser = path())]
    log: Option<PathBuf>,

    /// How the findings are written to standard output
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, grouped by cause
    #[value(alias = "text")]
    Table,
    /// For programs
    Json,
    /// A row for each finding
    Csv,
}

pub(super) fn run(args: &CheckArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    if let Some(package) = &args.package {
        let judged =
            standard::judge(package, EncodingSetting::Auto, args.log.as_deref(), None, global.now())?;
        return package_alone(args, &judged, ui);
    }
    let config = global.load()?;
    global.warn_of_root();
    let context = RunContext { now: global.now(), progress: ui, stop: &|| None };
    if args.source {
        return first_page(args, &config, &context, ui);
    }
    let (package, encoding) = match (&config.source, args.strict) {
        (Source::Csv { path, options }, true) => (Some(path), options.encoding),
        (_, true) => {
            return Err(Failure::new(
                Kind::Usage,
                "`--strict` is for OneRoster CSV files, and the configured source is not",
            )
            .at(config.file.display())
            .cure("name a package: rostersync check --strict PATH"));
        }
        (_, false) => (None, EncodingSetting::Auto),
    };
    let mut checked = looked_at(&config, &context)?;
    let judged = match package
        .map(|path| standard::judge(path, encoding, args.log.as_deref(), Some(&config), context.now))
    {
        Some(Ok(judged)) => Some(judged),
        // Why the package cannot be read has been said already.
        Some(Err(failure)) if checked.troubles.is_empty() => return Err(failure),
        Some(Err(_)) | None => None,
    };
    if let Some(judged) = &judged {
        checked.findings.merge(&judged.findings);
    }
    let status = status_of(&checked, judged.as_ref());
    let said = match args.format {
        Format::Table => {
            let text = text(&checked, judged.as_ref(), status);
            ui.print(laid_out(&text, ui.screen).as_bytes())
        }
        Format::Json => print_json(json(&checked, judged.as_ref(), status), &checked.findings),
        Format::Csv => list::csv(&checked.findings, &mut super::ui::results()),
    };
    said.and_then(|()| ui.settle(status)).map_err(unprintable)?;
    let mut troubles = checked.troubles.into_iter();
    let Some(first) = troubles.next() else { return Ok(status) };
    for trouble in troubles {
        ui.trouble(&trouble);
    }
    Err(first)
}

/// In the width of the terminal, the severities in their colours.
fn laid_out(text: &str, screen: Screen) -> String {
    let text = screen.paragraphs(text);
    if !screen.color {
        return text;
    }
    ["attention", "error", "warning"].into_iter().fold(text, |text, word| {
        text.replace(&format!(": {word}["), &format!(": {}[", screen.paint(word, style_of(word))))
    })
}

/// Says what is wrong with a package, where there is no configuration.
fn package_alone(args: &CheckArgs, judged: &Judged, ui: &Ui) -> Result<Ending> {
    let status = if judged.is_valid() { Ending::Ok } else { Ending::Attention };
    let said = match args.format {
        Format::Table => {
            let text = list::table(&judged.findings) + &judged.text();
            ui.print(laid_out(&text, ui.screen).as_bytes())
        }
        Format::Json => {
            let head = json!({
                "result": status.word(),
                "exit": status.exit(),
                "standard": judged.json(),
                "counts": judged.findings.counts(),
            });
            print_json(head, &judged.findings)
        }
        Format::Csv => list::csv(&judged.findings, &mut super::ui::results()),
    };
    said.and_then(|()| ui.settle(status)).map_err(unprintable)?;
    Ok(status)
}

/// Prints an object, with all causes and all findings at its end. There may be very many.
fn print_json(head: Value, findings: &Findings) -> std::io::Result<()> {
    #[derive(serde::Serialize)]
    struct Whole<'f> {
        #[serde(flatten)]
        head: Value,
        groups: list::Causes<'f>,
        findings: list::All<'f>,
    }
    let mut out = super::ui::results();
    let whole = Whole { head, groups: list::Causes(findings), findings: list::All(findings) };
    serde_json::to_writer_pretty(&mut out, &whole)?;
    std::io::Write::write_all(&mut out, b"\n")?;
    std::io::Write::flush(&mut out)
}

/// How the next run would end.
fn status_of(checked: &Checked, judged: Option<&Judged>) -> Ending {
    match checked.troubles.first() {
        Some(failure) => Ending::Failed(failure.kind),
        None if !checked.overruns.is_empty() => Ending::BLOCKED,
        None if checked.partial => Ending::Partial,
        None if checked.findings.needs_attention() => Ending::Attention,
        None if judged.is_some_and(|judged| !judged.is_valid()) => Ending::Attention,
        None => Ending::Ok,
    }
}

fn json(checked: &Checked, judged: Option<&Judged>, status: Ending) -> Value {
    let summary = checked.plan.as_ref().map(|plan| &plan.summary);
    let mut value = json!({
        "result": status.word(),
        "exit": status.exit(),
        "source": if checked.not_tried { "not tried" } else { "tried" },
        "records": summary.map(|summary| summary.records),
        "rejected": summary.map(|summary| summary.count(Action::Rejected)),
        "limits": checked.overruns,
        "errors": checked.troubles.iter().map(failure_json).collect::<Vec<_>>(),
        "counts": checked.findings.counts(),
    });
    if let Some(judged) = judged {
        value["standard"] = judged.json();
    }
    value
}

/// Asks the source for a page, and says what came.
fn first_page(args: &CheckArgs, config: &Config, context: &RunContext<'_>, ui: &Ui) -> Result<Ending> {
    let Some(seen) = check_source(config, context)? else {
        return Err(Failure::new(Kind::Usage, "`--source` is for sources that are asked over the network")
            .at(config.source.local_path().unwrap_or(&config.file).display())
            .cure("leave it out: files are read whole"));
    };
    let status = if seen.missing.is_empty() { Ending::Ok } else { Ending::Partial };
    let text = match args.format {
        Format::Table => source_text(&seen),
        Format::Csv => {
            return Err(Failure::new(Kind::Usage, "`--source` has no list of findings to write as CSV")
                .cure("use --format json"));
        }
        Format::Json => format!(
            "{:#}\n",
            json!({
                "result": status.word(),
                "exit": status.exit(),
                "source": seen.place,
                "users": { "looked_at": seen.users, "total": seen.total, "roles": seen.roles, "with_email": seen.with_email,
                           "with_sms": seen.with_sms, "with_phone": seen.with_phone, "with_agents": seen.with_agents },
                "orgs": seen.orgs,
                "missing": seen.missing.iter()
                    .map(|(code, message)| json!({ "code": code, "message": message })).collect::<Vec<_>>(),
            })
        ),
    };
    ui.print(text.as_bytes()).and_then(|()| ui.settle(status)).map_err(unprintable)?;
    Ok(status)
}

fn source_text(seen: &SourceCheck) -> String {
    let mut text = format!("{}: connected and logged in\n", seen.place);
    if let Some(orgs) = seen.orgs {
        text.push_str(&format!(
            "  {} on the first page\n",
            counted(orgs, "org or school", "orgs or schools")
        ));
    }
    let of = seen.total.map_or_else(String::new, |total| format!(" of {total}"));
    let roles: Vec<String> =
        seen.roles.iter().map(|(role, count)| harmless(&format!("{count} {role}"))).collect();
    text.push_str(&format!(
        "  {}{of} {} looked at: {}\n",
        seen.users,
        agreed(seen.total.unwrap_or(seen.users), "user", "users"),
        roles.join(", ")
    ));
    text.push_str(&format!(
        "  {} with an email, {} with sms (mobile), {} with phone, {} linked to guardians or students\n",
        seen.with_email, seen.with_sms, seen.with_phone, seen.with_agents
    ));
    for (code, message) in &seen.missing {
        text.push_str(&format!("missing[{code}] {}\n", harmless(message)));
    }
    if seen.missing.is_empty() {
        text.push_str("Nothing is missing.\n");
    }
    text
}

/// What the next run would stumble over, with the notes of the plan among the findings.
pub(super) fn looked_at(config: &Config, context: &RunContext<'_>) -> Result<Checked> {
    let file = file_of(config);
    let mut checked = check(config, context, |source| Box::new(Identifiers::new(source, file)))?;
    if let Some(plan) = &checked.plan {
        plan.each_decided(|row| {
            for note in row.notes.iter() {
                add(note, row, config, &mut checked.findings);
            }
            Ok(())
        })?;
    }
    Ok(checked)
}

/// A note of the plan as a finding: its place and its code, without the person's details.
fn add(note: &Note, row: &PlanRow<'_>, config: &Config, findings: &mut Findings) {
    use plan::Reason::{Duplicate, NoName, NoRole, NoSourcedId};
    let (column, message) = match note {
        Note::SisInvalid(field, _) => (
            Some(column_of(*field, config.sync.phone_credential)),
            format!("not a valid {}; it will not be applied", field.noun()),
        ),
        Note::GuardianUnreachable => {
            (None, "a guardian without a valid email or mobile is not added".to_owned())
        }
        Note::RoleNotSynced(role) => (Some("role"), format!("the role `{role}` is not synced")),
        // Where another reason makes the row unusable, the source has said so, with its column.
        Note::Rejected(reason @ (NoSourcedId | Duplicate)) => (Some("sourcedId"), reason.text().into()),
        Note::Rejected(NoName) => (Some("givenName"), NoName.text().into()),
        Note::Rejected(NoRole) => (Some("role"), NoRole.text().into()),
        _ => return,
    };
    let severity = if matches!(note, Note::Rejected(_)) { Severity::Error } else { Severity::Warning };
    let at = At::file(file_of(config)).line(row.line).column(column).user(row.sourced_id);
    findings.add(severity, note.code(), at, || message);
}

/// Where users are.
fn file_of(config: &Config) -> &'static str {
    if config.source.csv().is_some() { "users.csv" } else { "users" }
}

fn column_of(field: Field, credential: PhoneCredential) -> &'static str {
    match (field, credential) {
        (Field::Name, _) => "givenName",
        (Field::Email, _) => "email",
        (Field::HomePhone, _) | (Field::Phone, PhoneCredential::Phone) => "phone",
        (Field::Phone, PhoneCredential::Sms | PhoneCredential::SmsThenPhone) => "sms",
    }
}

fn text(checked: &Checked, judged: Option<&Judged>, status: Ending) -> String {
    let findings = &checked.findings;
    let mut text = list::table(findings);
    if let Some(judged) = judged {
        text.push_str(&judged.text());
    }
    for (_, line) in said_overruns(&checked.overruns) {
        text.push_str(&format!("limit: {}\n", harmless(&line)));
    }
    let found = counted(findings.counts().values().sum(), "finding", "findings");
    if !checked.troubles.is_empty() {
        if !text.is_empty() {
            text.push_str(&format!(
                "{found}, and {}.\n",
                counted(checked.troubles.len() as u64, "error", "errors")
            ));
        }
        return text;
    }
    if let Some(plan) = &checked.plan {
        let rejected = plan.summary.count(Action::Rejected);
        text.push_str(&format!(
            "{}; {rejected} would be rejected; {found}. ",
            counted(plan.summary.records, "record", "records")
        ));
    } else {
        text.push_str(&format!(
            "{found}. The source was not tried: `rostersync check --source` connects to it, `rostersync run --dry-run` pulls it. "
        ));
    }
    match status {
        Ending::Ok if checked.not_tried => text.push_str("All else that a run needs is there.\n"),
        Ending::Ok => text.push_str("The configuration is valid.\n"),
        status => {
            text.push_str(&format!("The next run would end with {} ({}).\n", status.exit(), status.word()));
        }
    }
    text
}
