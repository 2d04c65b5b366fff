//! What manifest.csv says: above all whether users.csv is complete or holds only changes.
//!
//! Manifests are often careless where the files beside them are fine, so nothing in one stops a
//! reading. It only decides whether absent users are archived, and where it does not say that
//! plainly, none are.

use std::collections::BTreeMap;

use super::EncodingSetting;
use super::header::Wanted;
use super::package::{ExportFile, Part};
use super::table::{FileOpening, Table};
use crate::failure::{Kind, Result};
use crate::findings::{At, Findings};

/// How a file was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileMode {
    Absent,
    Bulk,
    Delta,
}

/// The manifest's word on a file: none if it says nothing or nothing that can be understood.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub users: Option<FileMode>,
    pub orgs: Option<FileMode>,
    pub roles: Option<FileMode>,
}

const COLUMNS: [Wanted<'static>; 2] =
    [Wanted::new("propertyName").misspelt(&["property"]), Wanted::new("value").misspelt(&["propertyValue"])];

/// Files that a manifest may list, in lower case.
const LISTED: [&str; 21] = [
    "academicsessions",
    "categories",
    "classes",
    "classresources",
    "courses",
    "courseresources",
    "demographics",
    "enrollments",
    "lineitemlearningobjectiveids",
    "lineitems",
    "lineitemscorescales",
    "orgs",
    "resources",
    "resultlearningobjectiveids",
    "results",
    "resultscorescales",
    "roles",
    "scorescales",
    "userprofiles",
    "userresources",
    "users",
];

impl Manifest {
    /// Reads the manifest; an unreadable one says nothing.
    pub(super) fn read(
        file: ExportFile<'_>,
        setting: EncodingSetting,
        findings: &mut Findings,
    ) -> Result<Self> {
        match properties(file, setting, findings) {
            Ok(properties) => {
                let manifest = Self::understand(&properties, file, findings);
                manifest.compare(file, findings);
                Ok(manifest)
            }
            Err(failure) if failure.kind == Kind::InputUnusable => {
                findings.warn("manifest-unreadable", At::file(file.name()), || failure.to_string());
                Ok(Self::default())
            }
            Err(failure) => Err(failure),
        }
    }

    fn understand(
        properties: &BTreeMap<String, String>,
        file: ExportFile<'_>,
        findings: &mut Findings,
    ) -> Self {
        let mut manifest = Self::default();
        let mut unknown = Vec::new();
        let mut warn_version = |property: &str, message: &str| {
            findings.warn("manifest-version", At::file(file.name()).column(property), || message.to_owned());
        };
        for (property, value) in properties {
            match (property.as_str(), property.strip_prefix("file.")) {
                ("manifest.version", _) if value != "1.0" => {
                    warn_version(property, "not 1.0; read all the same");
                }
                ("oneroster.version", _) if !["1.0", "1.1", "1.2", "1.2.1"].contains(&value.as_str()) => {
                    warn_version(property, "not a version that is known; the columns decide");
                }
                ("manifest.version" | "oneroster.version" | "source.systemname" | "source.systemcode", _) => {
                }
                (_, Some(listed)) if LISTED.contains(&listed) => {
                    let mode = match value.to_ascii_lowercase().as_str() {
                        "absent" => Some(FileMode::Absent),
                        "bulk" => Some(FileMode::Bulk),
                        "delta" => Some(FileMode::Delta),
                        _ => None,
                    };
                    match listed {
                        "users" => manifest.users = mode,
                        "orgs" => manifest.orgs = mode,
                        "roles" => manifest.roles = mode,
                        _ => {}
                    }
                }
                _ => unknown.push(property.as_str()),
            }
        }
        if !unknown.is_empty() {
            findings.warn("manifest-property", At::file(file.name()), || {
                let shown: Vec<String> =
                    unknown.iter().take(5).map(|name| name.chars().take(40).collect()).collect();
                format!("properties that are not known were ignored: {}", shown.join(", "))
            });
        }
        manifest
    }

    /// Tells where the manifest and the package do not agree. For users.csv that is decided with
    /// the mode.
    fn compare(&self, file: ExportFile<'_>, findings: &mut Findings) {
        for (part, mode) in [(Part::Orgs, self.orgs), (Part::Roles, self.roles)] {
            let message = match (file.package.file(part), mode) {
                (Some(_), Some(FileMode::Absent)) => "said to be absent, but it is there and was read",
                (None, Some(FileMode::Bulk | FileMode::Delta)) => "said to be there, but it is not",
                _ => continue,
            };
            findings.warn("manifest-file", At::file(file.name()), || {
                format!("{} is {message}", part.file_name())
            });
        }
    }
}

/// The properties by their names in lower case.
fn properties(
    file: ExportFile<'_>,
    setting: EncodingSetting,
    findings: &mut Findings,
) -> Result<BTreeMap<String, String>> {
    // A manifest that was cut says less, and where it says nothing no account is archived.
    let opening = FileOpening { setting, ..FileOpening::default() };
    let table = Table::open(file, opening, &COLUMNS, findings)?;
    let columns = table.header.locate(&COLUMNS, findings)?;
    let [name, value] = columns;
    if value.is_none() {
        return Err(table.header.missing("value"));
    }
    let mut properties = BTreeMap::new();
    table.rows(file, &columns, findings, &mut |row, findings| {
        let property = row.get(name).unwrap_or_default().to_ascii_lowercase();
        let value = row.get(value).unwrap_or_default().to_owned();
        if let Some(before) = properties.insert(property, value.clone())
            && before != value
        {
            // Two answers are no answer.
            findings.warn("manifest-property", At::file(file.name()).line(row.line()), || {
                "two different values; ignored".to_owned()
            });
            properties.insert(row.get(name).unwrap_or_default().to_ascii_lowercase(), String::new());
        }
        Ok(())
    })?;
    Ok(properties)
}
