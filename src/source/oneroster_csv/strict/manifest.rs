//! manifest.csv, held against the standard and against the package.

use std::collections::{BTreeMap, HashMap};

use super::standard::{self, TABLES, Version};
use super::{open, quiet, unreadable};
use crate::failure::{Kind, Result};
use crate::findings::{At, Findings};
use crate::near::nearest;
use crate::source::oneroster_csv::EncodingSetting;
use crate::source::oneroster_csv::package::{Package, Part};

/// How a file is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Absent,
    Bulk,
    Delta,
}

/// What the manifest says.
#[derive(Debug, Default)]
pub(super) struct Declared {
    /// None if there is no manifest that can be read.
    lines: Option<BTreeMap<String, (String, u64)>>,
    pub version: Option<Version>,
    modes: HashMap<&'static str, Mode>,
    pub rows: u64,
    name: String,
}

const PROPERTIES: [&str; 4] =
    ["manifest.version", "oneroster.version", "source.systemName", "source.systemCode"];

/// Reads the manifest of a package, and holds it against the standard.
pub(super) fn read(
    package: &Package,
    encoding: EncodingSetting,
    findings: &mut Findings,
) -> Result<Declared> {
    let mut declared = Declared { name: Part::Manifest.file_name().to_owned(), ..Declared::default() };
    let Some(file) = package.file(Part::Manifest) else {
        findings.error("manifest-absent", At::file(&declared.name), || {
            "the package has no manifest.csv".to_owned()
        });
        return Ok(declared);
    };
    file.name().clone_into(&mut declared.name);
    let Some(table) = open(file, encoding, findings)? else { return Ok(declared) };
    let header = &table.header;
    if header.cells != ["propertyName", "value"] {
        findings.error("manifest-header", At::file(file.name()).line(header.line), || {
            "the header row of the manifest is propertyName,value".to_owned()
        });
    }
    let mut lines = BTreeMap::new();
    let done = table.rows(file, &[Some(0), Some(1)], &mut Findings::default(), &mut |row, _| {
        declared.rows += 1;
        let at = At::file(file.name()).line(row.line());
        let (name, value) = (row.as_it_stands(Some(0)), row.as_it_stands(Some(1)));
        let name = name.unwrap_or_default();
        if lines.contains_key(name) {
            findings.error("manifest-repeated-property", at.column(name), || {
                "the property is there twice".to_owned()
            });
            return Ok(());
        }
        lines.insert(name.to_owned(), (value.unwrap_or_default().to_owned(), row.line()));
        Ok(())
    });
    match done {
        Err(failure) if failure.kind == Kind::InputUnusable => unreadable(file, &failure, findings),
        done => quiet(done.map(|_| ()))?,
    }
    declared.version = lines.get("oneroster.version").and_then(|(value, _)| match value.as_str() {
        "1.1" => Some(Version::V11),
        "1.2" | "1.2.1" => Some(Version::V12),
        _ => None,
    });
    declared.modes = standard::listed(Version::V12)
        .filter_map(|listed| {
            let mode = match lines.get(&format!("file.{listed}"))?.0.as_str() {
                "absent" => Mode::Absent,
                "bulk" => Mode::Bulk,
                "delta" => Mode::Delta,
                _ => return None,
            };
            Some((listed, mode))
        })
        .collect();
    declared.lines = Some(lines);
    Ok(declared)
}

impl Declared {
    pub(super) fn is_delta(&self, part: Part) -> bool {
        self.modes.get(stem(part)) == Some(&Mode::Delta)
    }

    /// Holds the properties against those of a version, and the modes against the package.
    pub(super) fn compare(&self, package: &Package, version: Version, findings: &mut Findings) {
        let Some(lines) = &self.lines else { return };
        let file = |line: Option<u64>| At::file(&self.name).line(line);
        let files: Vec<String> = standard::listed(version).map(|listed| format!("file.{listed}")).collect();
        for (name, (value, line)) in lines {
            let at = || file(Some(*line)).column(name.as_str());
            let right = match name.as_str() {
                "manifest.version" => value == "1.0",
                "oneroster.version" => matches!(value.as_str(), "1.1" | "1.2" | "1.2.1"),
                "source.systemName" | "source.systemCode" => true,
                _ if files.contains(name) => matches!(value.as_str(), "absent" | "bulk" | "delta"),
                _ => {
                    let known = files.iter().map(String::as_str).chain(PROPERTIES);
                    let near =
                        nearest(name, known).map_or_else(String::new, |near| format!("; is it {near}?"));
                    findings.error("manifest-unknown-property", at(), || {
                        format!("the manifest of OneRoster {} has no such property{near}", version.name())
                    });
                    continue;
                }
            };
            if !right {
                findings.error("manifest-invalid-value", at(), || {
                    let values = match name.as_str() {
                        "manifest.version" => "1.0",
                        "oneroster.version" => "1.1 or 1.2",
                        _ => "absent, bulk or delta",
                    };
                    format!("the value has to be {values}")
                });
            }
        }
        let needed = files.iter().map(String::as_str).chain(["manifest.version", "oneroster.version"]);
        for name in needed.filter(|name| !lines.contains_key(*name)) {
            findings.error("manifest-missing-property", file(None).column(name), || {
                "the manifest lacks a property".to_owned()
            });
        }
        self.compare_files(package, version, findings);
    }

    /// Every file that is there is declared, and the other way round.
    fn compare_files(&self, package: &Package, version: Version, findings: &mut Findings) {
        let others = &package.around.others;
        for listed in standard::listed(version) {
            let Some(mode) = self.modes.get(listed) else { continue };
            let name = format!("{listed}.csv");
            let part = TABLES.iter().map(|table| table.part).find(|part| stem(*part) == listed);
            let is_there = part.is_some_and(|part| package.file(part).is_some())
                || others.iter().any(|other| other.eq_ignore_ascii_case(&name));
            let property = format!("file.{listed}");
            let line = self.lines.as_ref().and_then(|lines| lines.get(&property)).map(|(_, line)| *line);
            let at = At::file(&self.name).line(line).column(property.as_str());
            match (mode, is_there) {
                (Mode::Absent, true) => findings.error("manifest-file-unexpected", at, || {
                    format!("{name} is called absent, and is there")
                }),
                (Mode::Bulk | Mode::Delta, false) => findings
                    .error("manifest-file-missing", at, || format!("{name} is declared, and is not there")),
                _ => {}
            }
        }
    }
}

/// A file as the manifest names it.
fn stem(part: Part) -> &'static str {
    part.file_name().trim_end_matches(".csv")
}
