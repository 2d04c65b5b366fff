//! `rostersync check`

use std::ops::ControlFlow;

use serde_json::json;

use super::exit::Status;
use super::run::Format;
use super::ui::{Ui, place};
use super::{Global, unprintable};
use crate::config::{Config, PhoneCredential};
use crate::contact::Field;
use crate::failure::Result;
use crate::findings::{Finding, Findings, KEPT_PER_CODE, Severity};
use crate::plan::{self, Action, Note, PlanRow, Rules, Summary};
use crate::platform::Export;
use crate::run::{find_unknown_schools, open_source};
use crate::store::Store;

/// Read the configuration, the roster and the platform export, and say what is wrong with them
///
/// Needs no store and changes nothing. Findings have file, line, column and code, and never a person's details. Exit 0;
/// 3 if more records would be rejected than [limits] allows; 2, 6 or 7 if the configuration or an input is unusable.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// How the findings are written to standard output
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,
}

pub(super) fn run(args: &CheckArgs, global: &Global, ui: &Ui) -> Result<Status> {
    let config = global.load()?;
    let mut findings = Findings::default();
    let summary = look(&config, global, &mut findings)?;
    let status = match plan::too_many_rejected(&summary, &config.limits) {
        true => Status::Partial,
        false => Status::Ok,
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

/// Plans the roster against a store in which there is nobody: what is odd about a record shows without one.
fn look(config: &Config, global: &Global, findings: &mut Findings) -> Result<Summary> {
    let now = global.now();
    let mut export = match &config.platform {
        Some(platform) => Export::read(platform, now.into(), findings)?,
        None => Export::default(),
    };
    let source = open_source(config, None)?;
    findings.merge(source.findings());
    let rules = Rules::of(config, config.sync.timezone.day(now), None, false);
    let store = Store::empty()?;
    find_unknown_schools(config, &*source, &store, findings)?;
    let go_on = |_: &crate::roster::Record<'_>| ControlFlow::Continue(());
    let survey = plan::survey(&*source, &store, &rules, findings, go_on)?;
    let plan = plan::build(&*source, &survey, &store, &mut export, &rules, go_on)?;
    plan.each_row(|row| {
        for note in &row.notes {
            add(note, row, config, findings);
        }
        Ok(())
    })?;
    // Without the store it cannot be known whether a row of the export belongs to somebody, so nothing is said of that.
    Ok(plan.summary)
}

/// A note of the plan as a finding: its place and its code, without the person's details.
fn add(note: &Note, row: &PlanRow, config: &Config, findings: &mut Findings) {
    let (code, column, message, severity) = match note {
        Note::SisInvalid(field, _) => {
            let code = match field {
                Field::Email => "sis-email-invalid",
                Field::Phone => "sis-phone-invalid",
                Field::Name | Field::HomePhone => "sis-home-phone-invalid",
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
        | Note::ToBeDeleted => return,
    };
    findings.add(code, || Finding {
        severity,
        code,
        file: "users.csv".into(),
        line: row.line,
        column: column.map(str::to_owned),
        message: format!("{} (sourcedId `{}`)", message, row.sourced_id),
    });
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
        };
        text.push_str(&format!("{}: {severity}[{}] {}\n", place(finding), finding.code, finding.message));
    }
    for (code, count) in findings.counts().iter().filter(|(_, count)| **count > KEPT_PER_CODE) {
        text.push_str(&format!("… and {} more of {code}\n", count - KEPT_PER_CODE));
    }
    let total: u64 = findings.counts().values().sum();
    let rejected = summary.count(Action::Rejected);
    text.push_str(&format!(
        "{} records; {rejected} would be rejected if there were no accounts yet; {total} findings. The configuration is valid.\n",
        summary.records
    ));
    text
}
