//! `rostersync check`

use std::ops::ControlFlow;

use serde_json::json;

use super::exit::Status;
use super::run::Format;
use super::ui::Ui;
use super::{Global, unprintable};
use crate::config::{Config, PhoneCredential, SourceKind};
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{Finding, Findings, KEPT_PER_CODE, Severity};
use crate::notify::check_quiet_hours;
use crate::plan::{self, Action, Known, Note, PlanRow, Rules, Summary, Surveyed};
use crate::platform::{Export, Seen};
use crate::plural::{agreed, counted};
use crate::report::harmless;
use crate::run::{Surroundings, find_exposed_secrets, glance, open_later, unknown_schools};
use crate::source::{Glance, Identifiers, RosterSource};
use crate::store::Store;

/// Read the configuration, the roster and the platform export, and say what is wrong with them
///
/// Needs no store and changes nothing. Findings have file, line, column and code, and never a person's details. Exit 0;
/// 3 if more records would be rejected than [limits] allows, or something needs a person; 2, 6 or 7 if the configuration or an input is unusable.
/// With --source only a first page is read of a source that is asked over the network (of an SFTP server the export is fetched,
/// and its first users are read): whether it can be reached, accepts the credentials, and what it does not share. Then exit 3 means that
/// something is missing.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Only connect to the source (an API, an SFTP server), read one page, and say what is missing
    #[arg(long)]
    source: bool,

    /// How the findings are written to standard output
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &CheckArgs, global: &Global, ui: &Ui) -> Result<Status> {
    let config = global.load()?;
    let around = Surroundings { now: global.now(), progress: ui, stop: &|| None };
    if args.source {
        return first_page(args, &config, &around, ui);
    }
    let mut findings = Findings::default();
    let summary = look(&config, &around, &mut findings)?;
    check_quiet_hours(&config, Store::open_read(&config.sync.store)?.as_ref(), around.now, &mut findings)?;
    let status = match (plan::too_many_rejected(&summary, &config.limits), findings.needs_attention()) {
        (true, _) => Status::Partial,
        (false, true) => Status::Attention,
        (false, false) => Status::Ok,
    };
    let text = match args.format {
        Format::Text => text(&findings, &summary),
        Format::Json => format!(
            "{:#}\n",
            json!({
                "result": status.word(),
                "exit": status.code(),
                "records": summary.records,
                "rejected": summary.count(Action::Rejected),
                "counts": findings.counts(),
                "findings": findings.kept(),
            })
        ),
    };
    ui.print(text.as_bytes()).and_then(|()| ui.settle(status)).map_err(unprintable)?;
    Ok(status)
}

/// Asks the source for a page, and says what came.
fn first_page(args: &CheckArgs, config: &Config, around: &Surroundings<'_>, ui: &Ui) -> Result<Status> {
    let Some(seen) = glance(config, around)? else {
        return Err(Failure::new(Kind::Usage, "`--source` is for sources that are asked over the network")
            .at(config.source.path.display())
            .cure("leave it out: files are read whole"));
    };
    let status = if seen.missing.is_empty() { Status::Ok } else { Status::Partial };
    let text = match args.format {
        Format::Text => glance_text(&seen),
        Format::Json => format!(
            "{:#}\n",
            json!({
                "result": status.word(),
                "exit": status.code(),
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

fn glance_text(seen: &Glance) -> String {
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

/// Plans the roster against a store in which there is nobody: what is odd about a record shows without one.
fn look(config: &Config, around: &Surroundings<'_>, findings: &mut Findings) -> Result<Summary> {
    let now = around.now;
    let rules = Rules::of(config, config.sync.timezone.day(now), None, false);
    let store = Store::empty()?;
    let open = open_later(config, None, &store, around, false)?;
    around.progress.end();
    let file = file_of(config);
    let open = move || Ok(Box::new(Identifiers::new(open()?, file)) as Box<dyn RosterSource>);
    let prepare = |findings: &mut Findings| {
        let export = match &config.platform {
            Some(platform) => Export::read(platform, now.into(), 0, |_, _| Seen::New, None, findings)?,
            None => Export::default(),
        };
        Ok((Known::default(), export))
    };
    let go_on = |_| ControlFlow::Continue(());
    let Surveyed { source, survey, prepared: export } =
        plan::survey(open, prepare, &store, &rules, findings, go_on)?;
    find_exposed_secrets(config, findings);
    unknown_schools(config, &*source, &survey, &store, None, findings)?;
    let plan = plan::build(source.mode(), survey, &store, &export, &rules, true, go_on)?;
    plan.each_decided(|row| {
        for note in row.notes.iter() {
            add(note, row, config, findings);
        }
        Ok(())
    })?;
    // Without the store it cannot be known whether a row of the export belongs to somebody, so nothing is said of that.
    Ok(plan.summary)
}

/// A note of the plan as a finding: its place and its code, without the person's details.
fn add(note: &Note, row: &PlanRow<'_>, config: &Config, findings: &mut Findings) {
    let (code, column, message, severity) = match note {
        Note::SisInvalid(field, _) => {
            let code = match field {
                Field::Email => "sis-email-invalid",
                Field::Phone => "sis-phone-invalid",
                Field::Name => "sis-name-invalid",
                Field::HomePhone => "sis-home-phone-invalid",
            };
            let message = format!("not a valid {}; it will not be applied", field.noun());
            (code, Some(column_of(*field, config.sync.phone_credential)), message, Severity::Warning)
        }
        Note::GuardianUnreachable => {
            let message = "a guardian without a valid email or mobile is not added".to_owned();
            ("guardian-unreachable", None, message, Severity::Warning)
        }
        Note::RoleNotSynced(role) => {
            ("role-not-synced", Some("role"), format!("the role `{role}` is not synced"), Severity::Warning)
        }
        // The source has said why the row is unusable, with its column, unless only the plan can know.
        Note::Rejected(reason) => match reason {
            plan::Reason::NoSourcedId => {
                ("rejected-no-sourced-id", Some("sourcedId"), reason.text().into(), Severity::Error)
            }
            plan::Reason::Duplicate => {
                ("rejected-duplicate", Some("sourcedId"), reason.text().into(), Severity::Error)
            }
            plan::Reason::NoName => {
                ("rejected-no-name", Some("givenName"), reason.text().into(), Severity::Error)
            }
            plan::Reason::NoRole => ("rejected-no-role", Some("role"), reason.text().into(), Severity::Error),
            plan::Reason::ShiftedRow | plan::Reason::Quoting | plan::Reason::RoleRow => return,
        },
        Note::ActiveDiffers(..)
        | Note::Updated(..)
        | Note::SisBlank(..)
        | Note::Taken(..)
        | Note::Shared(..)
        | Note::Archived
        | Note::Restored
        | Note::Disabled
        | Note::RoleEnded(_)
        | Note::RoleNotBegun(_)
        | Note::SchoolNotSynced
        | Note::PendingAgain
        | Note::NotNotifiable
        | Note::PossibleDuplicate
        | Note::PossibleRekey
        | Note::Undeliverable(..)
        | Note::ToBeDeleted => return,
    };
    findings.add(code, || Finding {
        severity,
        code,
        file: file_of(config).into(),
        line: row.line,
        column: column.map(str::to_owned),
        message: format!("{} (sourcedId `{}`)", message, row.sourced_id),
    });
}

/// Where users are.
fn file_of(config: &Config) -> &'static str {
    match config.source.kind {
        SourceKind::OneRosterCsv => "users.csv",
        SourceKind::OneRosterApi | SourceKind::ClassLink | SourceKind::Clever => "users",
    }
}

fn column_of(field: Field, credential: PhoneCredential) -> &'static str {
    match (field, credential) {
        (Field::Name, _) => "givenName",
        (Field::Email, _) => "email",
        (Field::HomePhone, _) | (Field::Phone, PhoneCredential::Phone) => "phone",
        (Field::Phone, PhoneCredential::Sms | PhoneCredential::SmsThenPhone) => "sms",
    }
}

fn text(findings: &Findings, summary: &Summary) -> String {
    let mut text = String::new();
    for finding in findings.kept() {
        let severity = match finding.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Attention => "attention",
        };
        let (place, message) = (harmless(&finding.place()), harmless(&finding.message));
        text.push_str(&format!("{place}: {severity}[{}] {message}\n", finding.code));
    }
    for (code, count) in findings.counts().iter().filter(|(_, count)| **count > KEPT_PER_CODE) {
        text.push_str(&format!("… and {} more of {code}\n", count - KEPT_PER_CODE));
    }
    let total: u64 = findings.counts().values().sum();
    let rejected = summary.count(Action::Rejected);
    text.push_str(&format!(
        "{}; {rejected} would be rejected if there were no accounts yet; {}. The configuration is valid.\n",
        counted(summary.records, "record", "records"),
        counted(total, "finding", "findings"),
    ));
    text
}
