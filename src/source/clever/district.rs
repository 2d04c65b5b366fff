//! The state of the district's sync as Clever reports it, asked for before the data.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use super::{Options, first, items, page};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::plural::counted;
use crate::source::http::Client;
use crate::source::oneroster_api::json::Text;

/// What follows from a district that is not well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trouble {
    /// It is told of, and the data are taken as they are.
    #[default]
    Warn,
    /// Nothing is applied.
    Stop,
}

/// The district that is pulled.
#[derive(Debug, Default)]
pub(super) struct District {
    pub(super) id: String,
    pub(super) last_sync: Option<DateTime<Utc>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DistrictJson<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    state: Text<'a>,
    #[serde(borrow)]
    last_sync: Text<'a>,
    #[serde(borrow)]
    pause_end: Text<'a>,
}

/// Looks whether it is the right district, and whether what it gives is of today.
pub(super) fn look(
    client: &Client<'_>,
    options: &Options,
    now: DateTime<Utc>,
    findings: &mut Findings,
) -> Result<District> {
    let url = first(options, "districts", &[]);
    let mut ids = Vec::new();
    let mut troubles = Vec::new();
    let mut found = District::default();
    page(client, &url, 0, &mut |body| {
        items(body, &mut |district: DistrictJson<'_>| {
            let id = district.id.id().into_owned();
            if options.district.as_ref().is_none_or(|wanted| *wanted == id) {
                troubles.extend(trouble(&district, options.max_sync_age, now));
                found = District { id: id.clone(), last_sync: last_sync(&district) };
            }
            ids.push(id);
            Ok(())
        })
    })?;
    let wrong =
        |what: String, cure: &str| Err(Failure::new(Kind::SourceUnavailable, what).at(&url).cure(cure));
    match &options.district {
        _ if ids.is_empty() => {
            return wrong(
                "Clever gives no district with these credentials, so the owner of the data is unknown; nothing was applied".to_owned(),
                "check the token in [source.auth]: it has to be that of a district",
            );
        }
        Some(wanted) if !ids.contains(wanted) => {
            return wrong(
                format!("these credentials are not for the district {wanted} but for {}", ids.join(", ")),
                "check `district` in [source] and the credentials",
            );
        }
        None if ids.len() > 1 => {
            return wrong(
                format!("these credentials are for {} districts", ids.len()),
                "say which one with `district = \"…\"` in [source]",
            );
        }
        Some(_) | None => {}
    }
    for (code, what) in troubles {
        if options.trouble == Trouble::Stop {
            return wrong(
                format!("{what}; nothing was applied"),
                "look at the district in Clever; to take the data as they are, set `trouble = \"warn\"` in [source]",
            );
        }
        findings.warn(code, At::file("districts"), || what);
    }
    Ok(found)
}

fn last_sync(district: &DistrictJson<'_>) -> Option<DateTime<Utc>> {
    // A day alone is taken for its end: it was some time until then.
    let day_after = || district.last_sync.filled()?.parse::<NaiveDate>().ok()?.succ_opt();
    district.last_sync.moment().or_else(|| Some(day_after()?.and_hms_opt(0, 0, 0)?.and_utc()))
}

/// Why what a district gives may be old, with the code of the finding.
fn trouble(
    district: &DistrictJson<'_>,
    max_age: Option<Duration>,
    now: DateTime<Utc>,
) -> Option<(&'static str, String)> {
    let (code, what) = match district.state.filled().unwrap_or_default().to_ascii_lowercase().as_str() {
        "paused" => {
            // A date, if it is one; anything else is not repeated.
            let end = district
                .pause_end
                .filled()
                .filter(|end| end.len() <= 30 && end.starts_with(|c: char| c.is_ascii_digit()));
            let until = end.map_or_else(String::new, |end| format!(" until {end}"));
            (
                "district-paused",
                format!(
                    "the district is paused in Clever{until}: its data are those of the last sync before that"
                ),
            )
        }
        "error" => (
            "district-error",
            "the district's sync with Clever has an error, which Clever has to correct: its data may be old"
                .to_owned(),
        ),
        "pending" => (
            "district-pending",
            "the district's sync with Clever waits until the district corrects something: its data may be old".to_owned(),
        ),
        _ => ("district-stale", stale(district, max_age?, now)?),
    };
    Some((code, what))
}

/// Why the last sync of a district may be too old.
fn stale(district: &DistrictJson<'_>, max_age: Duration, now: DateTime<Utc>) -> Option<String> {
    if district.last_sync.filled().is_none() {
        return Some("Clever does not say that the district has ever been synced".to_owned());
    }
    let Some(last) = last_sync(district) else {
        return Some(
            "when the district was last synced with Clever cannot be read: its data may be old".to_owned(),
        );
    };
    let age = (now - last).to_std().ok().filter(|age| *age > max_age)?;
    let hours = counted(age.as_secs() / 3600, "hour", "hours");
    Some(format!("the district was last synced with Clever {hours} ago: its data may be old"))
}
