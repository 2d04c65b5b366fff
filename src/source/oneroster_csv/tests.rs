//! Every oddity that an export is known to have, one test each, on exports written to a temporary
//! folder.

mod columns;
mod encodings;
mod modes;
mod packages;
mod properties;
mod quotes;
mod rows;
mod shapes;
mod versions;

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::PathBuf;

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::archive::Limits;
use super::*;
use crate::roster::Defect;

/// The columns of OneRoster 1.1.
const V1_1: &str = "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,\
                    familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password\n";

/// Just enough columns to read, with nothing to warn of.
const SHORT: &str = "sourcedId,enabledUser,orgSourcedIds,role,username,givenName,familyName,email\n";

/// An export in a folder of its own, which goes away with it.
struct Export {
    folder: TempDir,
    options: Options,
}

impl Export {
    fn new(files: &[(&str, &str)]) -> Self {
        let export = Self { folder: tempfile::tempdir().unwrap(), options: Options::default() };
        for (name, text) in files {
            export.write(name, text.as_bytes());
        }
        export
    }

    /// An export with these rows of users under [`SHORT`] headers.
    fn short(rows: &str) -> Self {
        Self::new(&[("users.csv", &format!("{SHORT}{rows}"))])
    }

    fn of_bytes(users: &[u8]) -> Self {
        let export = Self::new(&[]);
        export.write("users.csv", users);
        export
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("export")
    }

    fn mode(mut self, mode: ModeSetting) -> Self {
        self.options.mode = mode;
        self
    }

    fn encoding(mut self, encoding: EncodingSetting) -> Self {
        self.options.encoding = encoding;
        self
    }

    fn open(&self) -> OneRosterCsv {
        OneRosterCsv::open(&self.path(), self.options.clone()).unwrap()
    }

    /// Opens and reads it.
    fn read(&self) -> Reading {
        let source = self.open();
        read(&source).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// The failure that opening or reading it ends in.
    fn failure(&self) -> Failure {
        match OneRosterCsv::open(&self.path(), self.options.clone()) {
            Err(failure) => failure,
            Ok(source) => read(&source).err().unwrap(),
        }
    }
}

/// Everything that came of an export.
struct Reading {
    records: Vec<Owned>,
    /// Of the package and of the rows.
    findings: Vec<crate::findings::Finding>,
}

/// A record that outlives its reading.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Owned {
    line: u64,
    id: String,
    deleted: bool,
    enabled: Option<bool>,
    given: Option<String>,
    family: Option<String>,
    email: Option<String>,
    sms: Option<String>,
    phone: Option<String>,
    identifier: Option<String>,
    language: Option<String>,
    username: Option<String>,
    user_ids: Option<String>,
    earlier_id: Option<String>,
    roles: String,
    orgs: String,
    agents: String,
    defect: Option<Defect>,
}

impl From<&Record<'_>> for Owned {
    fn from(record: &Record<'_>) -> Self {
        let text = |part: Option<&str>| part.map(str::to_owned);
        Self {
            line: record.line.unwrap(),
            id: record.sourced_id.to_owned(),
            deleted: record.deleted,
            enabled: record.enabled,
            given: text(record.given_name),
            family: text(record.family_name),
            email: text(record.email),
            sms: text(record.sms),
            phone: text(record.phone),
            identifier: text(record.identifier),
            language: text(record.language),
            username: text(record.username),
            user_ids: text(record.user_ids),
            earlier_id: text(record.earlier_id),
            roles: record.roles.0.to_owned(),
            orgs: record.orgs.unwrap_or_default().0.to_owned(),
            agents: record.agents.unwrap_or_default().0.to_owned(),
            defect: record.defect,
        }
    }
}

fn read(source: &OneRosterCsv) -> Result<Reading> {
    let mut records = Vec::new();
    let mut findings = Findings::default();
    source.read(&mut findings, &mut |record| {
        records.push(Owned::from(record));
        ControlFlow::Continue(())
    })?;
    let findings = source.about().findings.kept().iter().chain(findings.kept()).cloned().collect();
    Ok(Reading { records, findings })
}

impl Reading {
    fn ids(&self) -> Vec<&str> {
        self.records.iter().map(|record| record.id.as_str()).collect()
    }

    fn lines(&self) -> Vec<u64> {
        self.records.iter().map(|record| record.line).collect()
    }

    /// Codes and lines of all findings.
    fn found(&self) -> Vec<(&str, u64)> {
        self.findings.iter().map(|finding| (finding.code, finding.line.unwrap_or(0))).collect()
    }

    fn message(&self, code: &str) -> &str {
        &self.findings.iter().find(|finding| finding.code == code).unwrap().message
    }

    /// The only record there is.
    fn one(&self) -> &Owned {
        assert_eq!(self.records.len(), 1);
        &self.records[0]
    }
}

/// What, place and cure of a failure of the expected kind, in one text to look into.
fn told(failure: &Failure, kind: Kind) -> String {
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(!failure.place.is_empty() && !failure.cure.is_empty(), "{failure:?}");
    failure.to_string()
}

/// A zip file of these entries.
fn zipped(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
