//! The district's health in Clever's eyes, which is asked for before anybody's data.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use std::time::Duration;

use super::{Options, first, items, page};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::plural::counted;
use crate::source::http::Client;
use crate::source::oneroster_api::json::Text;

/// What follows from a district that is not well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
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
struct Said<'a> {
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
        items(body, &mut |district: Said<'_>| {
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
                "Clever gives no district with these credentials, so whose data these are is unknown; nothing was applied".to_owned(),
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

fn last_sync(district: &Said<'_>) -> Option<DateTime<Utc>> {
    let last = district.last_sync.filled()?;
    let moment = DateTime::parse_from_rfc3339(&last).ok().map(|last| last.with_timezone(&Utc));
    // A day alone is taken for its end: it was some time until then.
    moment
        .or_else(|| last.parse::<NaiveDate>().ok()?.succ_opt()?.and_hms_opt(0, 0, 0).map(|end| end.and_utc()))
}

/// Why what a district gives may be old, with the code of the finding.
fn trouble(
    district: &Said<'_>,
    max_age: Option<Duration>,
    now: DateTime<Utc>,
) -> Option<(&'static str, String)> {
    let state = district.state.filled().unwrap_or_default().to_ascii_lowercase();
    match state.as_str() {
        "paused" => {
            // A date, if it is one; anything else is not repeated.
            let end = district
                .pause_end
                .filled()
                .filter(|end| end.len() <= 30 && end.starts_with(|c: char| c.is_ascii_digit()));
            let until = end.map_or_else(String::new, |end| format!(" until {end}"));
            return Some((
                "district-paused",
                format!(
                    "the district is paused in Clever{until}: its data are those of the last sync before that"
                ),
            ));
        }
        "error" => {
            return Some((
                "district-error",
                "the district's sync with Clever has an error, which Clever has to correct: its data may be old"
                    .to_owned(),
            ));
        }
        "pending" => {
            return Some((
                "district-pending",
                "the district's sync with Clever waits until the district corrects something: its data may be old".to_owned(),
            ));
        }
        _ => {}
    }
    let max_age = max_age?;
    if district.last_sync.filled().is_none() {
        return Some((
            "district-stale",
            "Clever does not say that the district has ever been synced".to_owned(),
        ));
    }
    let Some(last) = last_sync(district) else {
        return Some((
            "district-stale",
            "when the district was last synced with Clever cannot be read: its data may be old".to_owned(),
        ));
    };
    let age = (now - last).to_std().ok()?;
    (age > max_age).then(|| {
        let hours = age.as_secs() / 3600;
        (
            "district-stale",
            format!(
                "the district was last synced with Clever {} ago: its data may be old",
                counted(hours, "hour", "hours")
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_district_that_is_not_well() {
        let now: DateTime<Utc> = "2026-11-23T08:00:00Z".parse().unwrap();
        let code = |json: &str| {
            let district: Said<'_> = serde_json::from_str(json).unwrap();
            trouble(&district, Some(Duration::from_secs(3 * 86_400)), now).map(|(code, _)| code)
        };
        assert_eq!(code(r#"{"state":"running","last_sync":"2026-11-22T16:08:05.652Z"}"#), None);
        assert_eq!(
            code(r#"{"state":"success","last_sync":"2026-11-12T16:08:05.652Z"}"#),
            Some("district-stale")
        );
        assert_eq!(code(r#"{"state":"running"}"#), Some("district-stale"));
        assert_eq!(code(r#"{"state":"running","last_sync":"2026-11-20"}"#), None);
        assert_eq!(code(r#"{"state":"running","last_sync":"2026-11-19"}"#), Some("district-stale"));
        assert_eq!(code(r#"{"state":"running","last_sync":"Nov 22 2026"}"#), Some("district-stale"));
        assert_eq!(code(r#"{"state":"paused","pause_end":"2026-08-15"}"#), Some("district-paused"));
        assert_eq!(code(r#"{"state":"error","error":"…"}"#), Some("district-error"));
        assert_eq!(code(r#"{"state":"pending"}"#), Some("district-pending"));
    }
}
