//! The files of OneRoster CSV 1.1 and 1.2 that are about rostering, and their columns: what has to
//! be there, of which type, and what it refers to. Pure.
//!
//! The columns are in the order of the standard. Where the two versions differ, a column has a line
//! for each.

use super::super::package::Part;

/// A version of the standard. 1.2.1 has the files of 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V11,
    V12,
}

impl Version {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V11 => "1.1",
            Self::V12 => "1.2",
        }
    }
}

/// What a cell of a column holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value {
    /// The record's own sourcedId.
    Id,
    /// The sourcedId of a record of another file, which is the record's own too.
    IdOf(Part),
    /// `status`: blank in a bulk file, required in a delta.
    Status,
    /// `dateLastModified`, likewise.
    Modified,
    Text,
    /// Any text, which is never looked at.
    Password,
    /// Texts, set apart by commas.
    Texts,
    Boolean,
    Date,
    Year,
    OneOf(Words),
    /// The sourcedId of a record, of this type if one is named.
    Reference(Part, Option<&'static str>),
    /// SourcedIds of records, set apart by commas.
    References(Part),
    /// `{type:id},{type:id}`
    UserIds,
}

/// The words of an enumeration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub words: &'static [&'static str],
    /// 1.2 allows other words that begin with `ext:`.
    pub extensible: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub name: &'static str,
    pub required: bool,
    pub value: Value,
    /// The only version that has the column so.
    pub only: Option<Version>,
}

/// A file of the standard.
#[derive(Debug)]
pub(super) struct Table {
    pub part: Part,
    pub columns: &'static [Column],
    pub only: Option<Version>,
}

impl Table {
    pub(super) fn columns(&self, version: Version) -> Vec<Column> {
        let is_of = |column: &&Column| column.only.is_none_or(|only| only == version);
        self.columns.iter().filter(is_of).copied().collect()
    }
}

const fn required(name: &'static str, value: Value) -> Column {
    Column { name, required: true, value, only: None }
}

const fn optional(name: &'static str, value: Value) -> Column {
    Column { name, required: false, value, only: None }
}

const fn in_11(column: Column) -> Column {
    Column { only: Some(Version::V11), ..column }
}

const fn in_12(column: Column) -> Column {
    Column { only: Some(Version::V12), ..column }
}

const fn closed(words: &'static [&'static str]) -> Value {
    Value::OneOf(Words { words, extensible: false })
}

const fn open(words: &'static [&'static str]) -> Value {
    Value::OneOf(Words { words, extensible: true })
}

use Value::{
    Boolean, Date, Id, IdOf, Modified, Password, Reference, References, Status, Text, Texts, UserIds, Year,
};

pub(super) const STATUS: &[&str] = &["active", "tobedeleted"];

const ORG_TYPES: &[&str] = &["department", "school", "district", "local", "state", "national"];
const SESSION_TYPES: &[&str] = &["gradingPeriod", "semester", "schoolYear", "term"];
const CLASS_TYPES: &[&str] = &["homeroom", "scheduled"];
const ROLES_11: &[&str] =
    &["administrator", "aide", "guardian", "parent", "proctor", "relative", "student", "teacher"];
const ROLES_12: &[&str] = &[
    "aide",
    "counselor",
    "districtAdministrator",
    "guardian",
    "parent",
    "principal",
    "proctor",
    "relative",
    "siteAdministrator",
    "student",
    "systemAdministrator",
    "teacher",
];
const ENROLLED_AS: &[&str] = &["administrator", "proctor", "student", "teacher"];

/// In an order in which each file comes after those that it refers to, as far as there is one.
pub(super) static TABLES: &[Table] = &[
    Table {
        part: Part::Orgs,
        only: None,
        columns: &[
            required("sourcedId", Id),
            optional("status", Status),
            optional("dateLastModified", Modified),
            required("name", Text),
            required("type", open(ORG_TYPES)),
            optional("identifier", Text),
            optional("parentSourcedId", Reference(Part::Orgs, None)),
        ],
    },
    Table {
        part: Part::AcademicSessions,
        only: None,
        columns: &[
            required("sourcedId", Id),
            optional("status", Status),
            optional("dateLastModified", Modified),
            required("title", Text),
            required("type", open(SESSION_TYPES)),
            required("startDate", Date),
            required("endDate", Date),
            optional("parentSourcedId", Reference(Part::AcademicSessions, None)),
            required("schoolYear", Year),
        ],
    },
    Table {
        part: Part::Courses,
        only: None,
        columns: &[
            required("sourcedId", Id),
            optional("status", Status),
            optional("dateLastModified", Modified),
            optional("schoolYearSourcedId", Reference(Part::AcademicSessions, Some("schoolYear"))),
            required("title", Text),
            optional("courseCode", Text),
            optional("grades", Texts),
            required("orgSourcedId", Reference(Part::Orgs, None)),
            optional("subjects", Texts),
            optional("subjectCodes", Texts),
        ],
    },
    Table {
        part: Part::Users,
        only: None,
        columns: &[
            required("sourcedId", Id),
            optional("status", Status),
            optional("dateLastModified", Modified),
            required("enabledUser", Boolean),
            in_11(required("orgSourcedIds", References(Part::Orgs))),
            in_11(required("role", closed(ROLES_11))),
            in_11(required("username", Text)),
            in_12(optional("username", Text)),
            optional("userIds", UserIds),
            required("givenName", Text),
            required("familyName", Text),
            optional("middleName", Text),
            optional("identifier", Text),
            optional("email", Text),
            optional("sms", Text),
            optional("phone", Text),
            optional("agentSourcedIds", References(Part::Users)),
            optional("grades", Texts),
            optional("password", Password),
            in_12(optional("userMasterIdentifier", Text)),
            in_12(optional("preferredGivenName", Text)),
            in_12(optional("preferredMiddleName", Text)),
            in_12(optional("preferredFamilyName", Text)),
            in_12(optional("primaryOrgSourcedId", Reference(Part::Orgs, None))),
            in_12(optional("pronouns", Text)),
        ],
    },
    Table {
        part: Part::UserProfiles,
        only: Some(Version::V12),
        columns: &[
            required("sourcedId", Id),
            optional("status", Status),
            optional("dateLastModified", Modified),
            required("userSourcedId", Reference(Part::Users, None)),
            required("profileType", Text),
            required("vendorId", Text),
            optional("applicationId", Text),
            optional("description", Text),
            required("credentialType", Text),
            required("username", Text),
            optional("password", Password),
        ],
    },
    Table {
        part: Part::Roles,
        only: Some(Version::V12),
        columns: &[
            required("sourcedId", Id),
            optional("status", Status),
            optional("dateLastModified", Modified),
            required("userSourcedId", Reference(Part::Users, None)),
            required("roleType", closed(&["primary", "secondary"])),
            required("role", open(ROLES_12)),
            optional("beginDate", Date),
            optional("endDate", Date),
            required("orgSourcedId", Reference(Part::Orgs, None)),
            optional("userProfileSourcedId", Reference(Part::UserProfiles, None)),
        ],
    },
    Table {
        part: Part::Classes,
        only: None,
        columns: &[
            required("sourcedId", Id),
            optional("status", Status),
            optional("dateLastModified", Modified),
            required("title", Text),
            optional("grades", Texts),
            required("courseSourcedId", Reference(Part::Courses, None)),
            optional("classCode", Text),
            required("classType", open(CLASS_TYPES)),
            optional("location", Text),
            required("schoolSourcedId", Reference(Part::Orgs, Some("school"))),
            required("termSourcedIds", References(Part::AcademicSessions)),
            optional("subjects", Texts),
            optional("subjectCodes", Texts),
            optional("periods", Texts),
        ],
    },
    Table {
        part: Part::Enrollments,
        only: None,
        columns: &[
            required("sourcedId", Id),
            optional("status", Status),
            optional("dateLastModified", Modified),
            required("classSourcedId", Reference(Part::Classes, None)),
            required("schoolSourcedId", Reference(Part::Orgs, Some("school"))),
            required("userSourcedId", Reference(Part::Users, None)),
            required("role", open(ENROLLED_AS)),
            optional("primary", Boolean),
            optional("beginDate", Date),
            optional("endDate", Date),
        ],
    },
    Table {
        part: Part::Demographics,
        only: None,
        columns: &[
            required("sourcedId", IdOf(Part::Users)),
            optional("status", Status),
            optional("dateLastModified", Modified),
            optional("birthDate", Date),
            in_11(optional("sex", closed(&["male", "female"]))),
            in_12(optional("sex", open(&["male", "female", "unspecified", "other"]))),
            optional("americanIndianOrAlaskaNative", Boolean),
            optional("asian", Boolean),
            optional("blackOrAfricanAmerican", Boolean),
            optional("nativeHawaiianOrOtherPacificIslander", Boolean),
            optional("white", Boolean),
            optional("demographicRaceTwoOrMoreRaces", Boolean),
            optional("hispanicOrLatinoEthnicity", Boolean),
            optional("countryOfBirthCode", Text),
            optional("stateOfBirthAbbreviation", Text),
            optional("cityOfBirth", Text),
            optional("publicSchoolResidenceStatus", Text),
        ],
    },
];

/// The files that a manifest lists in both versions.
const LISTED: &[&str] = &[
    "academicSessions",
    "categories",
    "classes",
    "classResources",
    "courses",
    "courseResources",
    "demographics",
    "enrollments",
    "lineItems",
    "orgs",
    "resources",
    "results",
    "users",
];

/// The files that a manifest of 1.2 lists besides.
const LISTED_IN_12: &[&str] = &[
    "lineItemLearningObjectiveIds",
    "lineItemScoreScales",
    "resultLearningObjectiveIds",
    "resultScoreScales",
    "roles",
    "scoreScales",
    "userProfiles",
    "userResources",
];

/// The files of a version, as a manifest names them.
pub(super) fn listed(version: Version) -> impl Iterator<Item = &'static str> {
    let more = if version == Version::V12 { LISTED_IN_12 } else { &[] };
    LISTED.iter().chain(more).copied()
}

/// Whether a file of this name belongs to the standard, in any version and with any case.
pub(super) fn is_of_standard(name: &str) -> bool {
    let stem = name.rsplit_once('.').filter(|(_, end)| end.eq_ignore_ascii_case("csv")).map(|(stem, _)| stem);
    stem.is_some_and(|stem| listed(Version::V12).any(|listed| listed.eq_ignore_ascii_case(stem)))
}
