//! `rostersync check`

use serde_json::json;

use super::run::{Format, failure_json};
use super::ui::Ui;
use super::{Global, unprintable};
use crate::attempt::Ending;
use crate::config::{Config, PhoneCredential};
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings, KEPT_PER_CODE, Severity};
use crate::plan::said_overruns;
use crate::plan::{self, Action, Note, PlanRow};
use crate::plural::{agreed, counted};
use crate::report::harmless;
use crate::run::{Checked, RunContext, check, check_source};
use crate::source::{Identifiers, SourceCheck};

/// List the problems that the next run would have
///
/// `check` reads the configuration, the secrets, the folders, the store, the platform's export and
/// the roster. It makes the plan of a dry run, and changes nothing. Each finding has file, line,
/// column and code, and never a person's details. Run `check` as the user that runs rostersync.
///
/// The exit status is that of a dry run: 0; 3 if too many records would be rejected or something
/// needs a person; 4 if a limit would stop the run; 1, 2, 6 or 7 if the run could not be done.
///
/// `check` does not connect to a source over the network. `check --source` does only that: it reads
/// a first page. From an SFTP server it fetches the export and reads the first users. Then exit 3
/// means that some data is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync check              what the next run would stumble over
  rostersync check --source     whether an API or SFTP server answers")]
pub(super) struct CheckArgs {
    /// Only connect to the source (an API or an SFTP server), read one page, and say which data is
    /// missing
    #[arg(long)]
    source: bool,

    /// How the findings are written to standard output
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &CheckArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    global.warn_of_root();
    let context = RunContext { now: global.now(), progress: ui, stop: &|| None };
    if args.source {
        return first_page(args, &config, &context, ui);
    }
    let file = file_of(&config);
    let mut checked = check(&config, &context, |source| Box::new(Identifiers::new(source, file)))?;
    if let Some(plan) = &checked.plan {
        plan.each_decided(|row| {
            for note in row.notes.iter() {
                add(note, row, &config, &mut checked.findings);
            }
            Ok(())
        })?;
    }
    let status = status_of(&checked);
    let text = match args.format {
        Format::Text => text(&checked, status),
        Format::Json => format!("{:#}\n", json(&checked, status)),
    };
    let said = match args.format {
        Format::Text => ui.print(ui.screen.paragraphs(&text).as_bytes()),
        Format::Json => ui.result(text.as_bytes()),
    };
    said.and_then(|()| ui.settle(status)).map_err(unprintable)?;
    let mut troubles = checked.troubles.into_iter();
    let Some(first) = troubles.next() else { return Ok(status) };
    for trouble in troubles {
        ui.trouble(&trouble);
    }
    Err(first)
}

/// How the next run would end.
fn status_of(checked: &Checked) -> Ending {
    match checked.troubles.first() {
        Some(failure) => Ending::Failed(failure.kind),
        None if !checked.overruns.is_empty() => Ending::BLOCKED,
        None if checked.partial => Ending::Partial,
        None if checked.findings.needs_attention() => Ending::Attention,
        None => Ending::Ok,
    }
}

fn json(checked: &Checked, status: Ending) -> serde_json::Value {
    let summary = checked.plan.as_ref().map(|plan| &plan.summary);
    json!({
        "result": status.word(),
        "exit": status.exit(),
        "source": if checked.not_tried { "not tried" } else { "tried" },
        "records": summary.map(|summary| summary.records),
        "rejected": summary.map(|summary| summary.count(Action::Rejected)),
        "limits": checked.overruns,
        "errors": checked.troubles.iter().map(failure_json).collect::<Vec<_>>(),
        "counts": checked.findings.counts(),
        "findings": checked.findings.kept(),
    })
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
        Format::Text => source_text(&seen),
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
    let at = At::file(file_of(config)).line(row.line).column(column);
    findings.add(severity, note.code(), at, || format!("{} (sourcedId `{}`)", message, row.sourced_id));
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

const BLANK_ROW: &str = "blank-row";

/// How many findings of a code are written out.
fn shown(code: &str) -> u64 {
    if code == BLANK_ROW { 1 } else { KEPT_PER_CODE }
}

fn text(checked: &Checked, status: Ending) -> String {
    let findings = &checked.findings;
    let mut text = String::new();
    let mut blank = false;
    for finding in findings.kept() {
        // Blank rows are all alike: the first one says it.
        if finding.code == BLANK_ROW && std::mem::replace(&mut blank, true) {
            continue;
        }
        let severity = match finding.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Attention => "attention",
        };
        let (place, message) = (harmless(&finding.place()), harmless(&finding.message));
        text.push_str(&format!("{place}: {severity}[{}] {message}\n", finding.code));
    }
    for (code, count) in findings.counts() {
        let shown = shown(code);
        if *count > shown {
            text.push_str(&format!("… and {} more of {code}\n", count - shown));
        }
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
