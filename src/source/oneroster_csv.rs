//! OneRoster CSV, versions 1.0, 1.1 and 1.2: a folder or a zip file with users.csv in it.
//!
//! Lenient with a row, strict with a package. An odd row is read as far as it can be, or rejected,
//! and told of; a package of which one cannot be sure that it is whole (a quote never closed, a
//! file that changes while it is read, no rows at all) is a failure, because people that are
//! missing from it would be archived.
//!
//! Which version it is follows from the columns, not from the manifest, which is often wrong.
//! Nothing is unpacked to disk, and only the columns that are needed are ever looked at.

mod archive;
mod blocks;
mod cells;
pub(super) mod dates;
mod encoding;
mod evidence;
mod header;
mod lines;
pub mod lone;
mod manifest;
mod orgs;
mod package;
mod roles;
pub(super) mod rows;
mod scan;
mod shared_file;
mod shifted;
mod strict;
mod table;
#[cfg(test)]
mod tests;
mod users;

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::archive::Limits;
use self::manifest::{FileMode, Manifest};
use self::package::{ExportFile, Package, Part, no_users, whole_place};
use self::roles::RoleIndex;
use self::rows::RowReader;
use self::table::{FileOpening, HeaderRow, Table};
use self::users::{Columns, OwnColumns};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::{FileSeen, LastNight, file as kind};
use crate::plural::counted;
use crate::roster::{Mode, NameKind, Record, ids};
use crate::source::{About, AfterRead, ContactOptions, RosterSource, hashed};
use crate::value::WordCounts;

pub use self::strict::{Standing, check_standard};

/// Whether absence from the export means anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModeSetting {
    /// What the manifest says; bulk without a manifest.
    #[default]
    Auto,
    Bulk,
    Delta,
}

/// How the files are encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EncodingSetting {
    /// UTF-16 if marked as such, else UTF-8 if all of it is valid, else windows-1252.
    #[default]
    Auto,
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "windows-1252")]
    Windows1252,
    #[serde(rename = "utf-16")]
    Utf16,
}

/// What the configuration says about the export.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub mode: ModeSetting,
    pub encoding: EncodingSetting,
    /// Header of a column with two-letter language codes, which the standard does not have.
    pub language_column: Option<String>,
    pub names: NameKind,
    /// Header of a column with the sourcedId that each person had before.
    pub earlier_id_column: Option<String>,
    pub contacts: Arc<ContactOptions>,
    /// What was seen on the last good night; none if there was none.
    pub last_night: Option<Arc<LastNight>>,
    /// All findings are kept, not only the first of each code.
    pub lists_all: bool,
}

/// An export that was found usable.
#[derive(Debug)]
pub struct OneRosterCsv {
    package: Package,
    users: Table,
    columns: Columns,
    roles: Option<RoleIndex>,
    /// roles.csv has only the roles that changed.
    delta_roles: bool,
    /// There is an orgs.csv with rows, so that an org that is not in it is worth telling.
    has_orgs: bool,
    about: About,
    contacts: Arc<ContactOptions>,
    /// What the next run is to know of the files besides users.csv.
    seen: BTreeMap<String, FileSeen>,
}

impl OneRosterCsv {
    /// Opens a folder or a zip file, and looks through its files once.
    ///
    /// # Errors
    /// `InputUnusable` if it is not a usable export, `SourceUnavailable` if it could not be read,
    /// `Usage` if the options cannot be followed.
    pub fn open(path: &Path, options: Options) -> Result<Self> {
        Self::open_within(path, &options, Limits::default())
    }

    fn open_within(path: &Path, options: &Options, limits: Limits) -> Result<Self> {
        let package = Package::open(path, limits)?;
        let places = package.places();
        Self::open_package(package, options).map_err(|failure| {
            let whole = |failure, (name, place): &(String, String)| whole_place(failure, name, place);
            places.iter().fold(failure, whole)
        })
    }

    fn open_package(package: Package, options: &Options) -> Result<Self> {
        let mut findings = Findings::listing(options.lists_all);
        let encoding = options.encoding;
        let opening = |kind: &str| FileOpening {
            setting: encoding,
            before: options.last_night.as_deref().and_then(|night| night.files.get(kind)),
            header: HeaderRow::Recognised,
        };
        let mut seen = BTreeMap::new();
        let users_file = part(&package, Part::Users)?;
        let manifest = package
            .file(Part::Manifest)
            .map(|file| Manifest::read(file, encoding, &mut findings).map(|manifest| (file, manifest)))
            .transpose()?;
        let mode = mode(options.mode, manifest.as_ref(), &mut findings);
        let users = Table::open(users_file, opening(kind::USERS), &users::COLUMNS, &mut findings)?;
        let roles_file = package.file(Part::Roles);
        let own = OwnColumns {
            language: options.language_column.as_deref(),
            earlier_id: options.earlier_id_column.as_deref(),
            contacts: Some(&*options.contacts),
            names: options.names,
        };
        // A 1.2 delta without changes of roles has no roles.csv: the store knows the roles.
        let roles_elsewhere = roles_file.is_some() || mode == Mode::Delta;
        let columns = Columns::locate(&users.header, own, roles_elsewhere, &mut findings)?;
        if !users.has_rows(users_file)? {
            // It is a broken export, and all accounts would be archived.
            return Err(users_file
                .unusable("has only a header")
                .cure("check the export in the SIS: it must list at least one user"));
        }
        let (mut orgs, mut roles) = (None, None);
        if let Some(file) = package.file(Part::Orgs) {
            let (read, seen_of_it) = orgs::read(file, opening(kind::ORGS), &mut findings)?;
            seen.insert(kind::ORGS.to_owned(), seen_of_it);
            orgs = read;
        }
        if let Some(file) = roles_file {
            let (known, delta) = (orgs.as_ref(), mode == Mode::Delta);
            let (read, seen_of_it) =
                RoleIndex::read(file, opening(kind::ROLES), known, delta, &mut findings)?;
            seen.insert(kind::ROLES.to_owned(), seen_of_it);
            roles = Some(read);
        }
        let roles_mode = manifest.as_ref().and_then(|(_, manifest)| manifest.roles);
        if let (None, Some(file), Some(roles)) = (columns.role, roles_file, &roles) {
            refuse_incomplete_roles(file, roles, mode, options.mode, roles_mode)?;
        }
        let has_orgs = orgs.is_some();
        let delta_roles = mode == Mode::Delta && columns.role.is_none() && roles_mode != Some(FileMode::Bulk);
        let about = About {
            name: package.name.clone(),
            mode,
            schools: orgs.unwrap_or_default(),
            findings,
            users_name: "users.csv",
            has_unclear_rows: roles.as_ref().is_some_and(|roles| roles.has_unclear_rows),
            shares_no_guardians: false,
        };
        let contacts = Arc::clone(&options.contacts);
        Ok(Self { package, users, columns, roles, delta_roles, has_orgs, about, contacts, seen })
    }
}

/// Given the header of users.csv, the places of the columns that are wanted.
pub type Ask<'a> = &'a mut dyn FnMut(&[String]) -> Result<Vec<usize>>;

impl OneRosterCsv {
    /// Goes through the rows of users.csv as the SIS wrote them: the sourcedId in its normal form, and
    /// the cells of the columns that `ask` wants.
    ///
    /// # Errors
    /// Those of `ask`; `SourceUnavailable` if the file changed since it was opened.
    pub fn each_row(&self, ask: Ask<'_>, each: &mut dyn FnMut(&str, &[&str])) -> Result<()> {
        let file = part(&self.package, Part::Users)?;
        let wanted = ask(&self.users.header.cells)?;
        let columns: Vec<Option<usize>> =
            [self.columns.places[0]].into_iter().chain(wanted.iter().copied().map(Some)).collect();
        self.users.rows(file, &columns, &mut Findings::default(), &mut |row, _| {
            if row.defect().is_none() {
                let id = row.get(columns[0]).unwrap_or_default();
                let cells: Vec<&str> =
                    columns[1..].iter().map(|column| row.get(*column).unwrap_or_default()).collect();
                each(&ids::encoded(id), &cells);
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Goes through the names of users.csv once more. Only where one of them may be a word for "no
    /// value".
    fn count_words(&self, file: ExportFile<'_>) -> WordCounts {
        let columns = [Some(self.columns.given_name), Some(self.columns.family_name)];
        let mut counts = WordCounts::default();
        let mut aside = Findings::default();
        let counted = self.users.rows(file, &columns, &mut aside, &mut |row, _| {
            let [given, family] = columns.map(|column| row.get(column));
            counts.add(given, family);
            Ok(())
        });
        // A file that cannot be read again fails the reading that goes on.
        counted.map_or_else(|_| WordCounts::default(), |_| counts)
    }
}

impl RosterSource for OneRosterCsv {
    fn about(&self) -> &About {
        &self.about
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<AfterRead> {
        let file = part(&self.package, Part::Users)?;
        let schools = self.has_orgs.then_some(&self.about.schools);
        let count_words = || self.count_words(file);
        let mut rows = RowReader::new(&self.users, &self.columns, self.roles.as_ref(), schools, count_words);
        rows.try_contacts(&self.contacts);
        let mut broken_off = false;
        let mut seen = HashSet::new();
        let mut each = |record: &Record<'_>| {
            if self.delta_roles {
                seen.insert(hashed(record.sourced_id));
            }
            each(record)
        };
        self.users.blocks(file, &mut |block| {
            let flow = rows.read(block, findings, &mut each);
            broken_off |= flow.is_break();
            flow
        })?;
        if self.delta_roles && !broken_off && !self.roles.as_ref().is_none_or(|roles| roles.are_all_in(&seen))
        {
            return Err(Failure::new(
                Kind::InputUnusable,
                "roles.csv has changes for users that are not in users.csv, so their schools would be out of date",
            )
            .at(&self.package.name)
            .cure("have the delta list those users in users.csv as well, or deliver a bulk export"));
        }
        rows.tell(findings);
        let mut after = AfterRead { files: self.seen.clone(), ..AfterRead::default() };
        let users = self.users.seen(&users::COLUMNS, &self.columns.places, &rows.tally);
        after.contacts = rows.contacts_seen();
        after.preferred_names = self.columns.preferred.map(|_| rows.preferred);
        after.files.insert(kind::USERS.to_owned(), users);
        after.written = file.written();
        let unlisted = rows.unlisted_users();
        if self.about.mode == Mode::Bulk && !broken_off && unlisted > 0 {
            after.unlisted_users = unlisted;
            let name = self.package.file(Part::Roles).map_or("roles.csv", ExportFile::name);
            findings.warn("dangling-user", At::file(name).column("userSourcedId"), || {
                format!(
                    "{} in it {} not in users.csv; check that users.csv is complete",
                    counted(unlisted, "user", "users"),
                    if unlisted == 1 { "is" } else { "are" }
                )
            });
        }
        if let Some(line) = rows.cut_id.filter(|_| !broken_off) {
            return Err(file
                .unusable("does not end in a line break, and its last value is a sourcedId, which may be cut")
                .at(file.line(line))
                .cure(
                    "have the SIS end the file in a line break, or check that it was delivered completely",
                ));
        }
        match rows.cut_off().filter(|_| !broken_off) {
            None => Ok(after),
            Some(line) => Err(file
                .unusable("ends in the middle of a row: it seems to have been cut off")
                .at(file.line(line))
                .cure("check that the export was delivered completely, then run again")),
        }
    }
}

fn part(package: &Package, part: Part) -> Result<ExportFile<'_>> {
    package.file(part).ok_or_else(|| {
        let names = package.places().into_iter().map(|(name, _)| name).collect();
        no_users(Path::new(&package.name), 0, names)
    })
}

/// Which users leave when their record is absent, by the configuration or else by the manifest.
fn mode(
    setting: ModeSetting,
    manifest: Option<&(ExportFile<'_>, Manifest)>,
    findings: &mut Findings,
) -> Mode {
    let said = match manifest.and_then(|(_, manifest)| manifest.users) {
        Some(FileMode::Bulk) => Some(Mode::Bulk),
        Some(FileMode::Delta) => Some(Mode::Delta),
        Some(FileMode::Absent) | None => None,
    };
    let chosen = match setting {
        ModeSetting::Bulk => Mode::Bulk,
        ModeSetting::Delta => Mode::Delta,
        ModeSetting::Auto if manifest.is_none() => Mode::Bulk,
        ModeSetting::Auto => said.unwrap_or(Mode::Unknown),
    };
    if let Some((file, _)) = manifest {
        let at = At::file(file.name()).column("file.users");
        if chosen == Mode::Unknown {
            findings.warn("manifest-mode", at, || {
                "it does not say whether users.csv is complete (bulk) or holds only changes (delta), so no account is archived; \
                 `[source] mode = \"bulk\"` (or \"delta\") settles it"
                    .to_owned()
            });
        }
        if said.is_some_and(|said| said != chosen) {
            findings.warn("mode-overridden", at, || {
                "`[source] mode` is set and was followed, though the manifest says otherwise".to_owned()
            });
        }
    }
    chosen
}

/// Refuses a package whose users have no roles of their own and whose roles.csv cannot have them
/// all.
fn refuse_incomplete_roles(
    file: ExportFile<'_>,
    roles: &RoleIndex,
    mode: Mode,
    setting: ModeSetting,
    roles_mode: Option<FileMode>,
) -> Result<()> {
    if roles.is_empty() && mode != Mode::Delta {
        return Err(file.unusable("has no roles in it").cure(
            "check the export in the SIS: users.csv has no column role, so roles.csv has to have them",
        ));
    }
    // A configured mode holds for the whole package.
    let incomplete =
        setting == ModeSetting::Auto && mode == Mode::Bulk && roles_mode == Some(FileMode::Delta);
    if incomplete {
        return Err(Failure::new(
            Kind::InputUnusable,
            format!("users.csv is complete (bulk) but {} holds only changes (delta), so most roles are missing", file.name()),
        )
        .at(&file.package.name)
        .cure("export both as bulk; if both are complete and only the manifest is wrong, set `[source] mode = \"bulk\"`"));
    }
    Ok(())
}
