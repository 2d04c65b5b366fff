//! A world as files: what the SIS and the platform deliver, and the configuration.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use super::dice::Dice;
use super::member::{DETAILS, Flaw, Held, Member, SCHOOLS};
use super::world::{Encoding, Manifest, World};
use crate::support::{COLUMNS, line};

/// All limits; each is wide open unless a night makes it tight.
pub(super) const LIMITS: [&str; 12] = [
    "archive",
    "contact_updates",
    "notifications",
    "rejected",
    "joins",
    "unjoins",
    "export",
    "protection",
    "links",
    "credentials",
    "created",
    "pending_updates",
];

/// The columns that a file may lack and still be read, and now and then one that it may not.
pub(super) const MAY_LACK: [&str; 13] = [
    "status",
    "enabledUser",
    "orgSourcedIds",
    "username",
    "identifier",
    "email",
    "email",
    "sms",
    "phone",
    "agentSourcedIds",
    "agentSourcedIds",
    "givenName",
    "role",
];

const EXPORT: [(&str, Option<usize>); 7] = [
    ("sourced_id", None),
    ("state", None),
    ("given_name", Some(0)),
    ("family_name", Some(1)),
    ("email", Some(2)),
    ("phone", Some(3)),
    ("home_phone", Some(4)),
];

/// Columns that the platform's export may lack.
pub(super) const EXPORT_MAY_LACK: [&str; 6] =
    ["state", "given_name", "family_name", "email", "phone", "home_phone"];

impl World {
    /// Writes everything but the configurations into a folder, in place of what was there.
    pub(super) fn write(&self, folder: &Path) {
        let sis = folder.join("sis");
        let _ = fs::remove_dir_all(&sis);
        let _ = fs::remove_file(folder.join("sis.zip"));
        let files: Vec<(&str, Vec<u8>)> =
            self.roster().into_iter().map(|(name, text)| (name, self.encoded(&text))).collect();
        if self.files.zip {
            let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
            for (name, bytes) in &files {
                archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
                archive.write_all(bytes).unwrap();
            }
            fs::write(folder.join("sis.zip"), archive.finish().unwrap().into_inner()).unwrap();
        } else {
            fs::create_dir_all(&sis).unwrap();
            for (name, bytes) in &files {
                fs::write(sis.join(name), bytes).unwrap();
            }
        }
        if let Some(text) = self.export_csv() {
            fs::write(folder.join("platform-users.csv"), text).unwrap();
        }
    }

    fn encoded(&self, text: &str) -> Vec<u8> {
        let text = if self.files.crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
        match self.files.encoding {
            Encoding::Marked => format!("\u{feff}{text}").into_bytes(),
            Encoding::Utf16 => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
            // What windows-1252 has no letter for stays UTF-8.
            Encoding::Windows1252 if text.chars().all(|c| u8::try_from(c).is_ok()) => {
                text.chars().filter_map(|c| u8::try_from(c).ok()).collect()
            }
            Encoding::Plain | Encoding::Windows1252 => text.into_bytes(),
        }
    }

    fn roster(&self) -> Vec<(&'static str, String)> {
        let listed = self.listed();
        let mut files = vec![("users.csv", self.users_csv(&listed))];
        if self.files.with_roles {
            files.push(("roles.csv", self.roles_csv(&listed)));
        }
        if let Some(names) = self.files.orgs {
            let mut text = "sourcedId,name\n".to_owned();
            for school in SCHOOLS {
                writeln!(text, "{school},{school} School {names}").unwrap();
            }
            files.push(("orgs.csv", text));
        }
        let mode = match self.files.manifest {
            Manifest::None => return files,
            Manifest::Bulk => "file.users,bulk\nfile.roles,bulk\n",
            Manifest::Delta => "file.users,delta\nfile.roles,delta\n",
            Manifest::Unclear => "file.users,perhaps\n",
        };
        let mode = if self.files.with_roles { mode } else { mode.lines().next().unwrap() };
        files.push(("manifest.csv", format!("propertyName,value\nmanifest.version,1.0\n{mode}\n")));
        files
    }

    fn is_delta(&self) -> bool {
        self.files.manifest == Manifest::Delta
    }

    /// The users with a row tonight, in the order of the file.
    fn listed(&self) -> Vec<(String, Member)> {
        let mut listed: Vec<(String, Member)> = self
            .members
            .iter()
            .enumerate()
            // A delta also repeats some users that have not changed.
            .filter(|(at, (id, _))| !self.is_delta() || self.tonight.touched.contains(*id) || at % 7 == 0)
            .map(|(_, (id, member))| (id.clone(), member.clone()))
            .collect();
        if self.is_delta() {
            for (id, member) in &self.tonight.left {
                listed.push((id.clone(), Member { status: "tobedeleted", ..member.clone() }));
            }
        }
        let place = |id: &str| {
            Dice::new(id.bytes().fold(self.files.order, |h, b| h.rotate_left(7) ^ u64::from(b))).roll()
        };
        listed.sort_by_key(|(id, _)| place(id));
        let twins: Vec<(String, Member)> = listed
            .iter()
            .filter_map(|(id, member)| member.twin.map(|twin| (id.clone(), member.second(twin, id))))
            .collect();
        listed.extend(twins);
        listed
    }

    fn users_csv(&self, listed: &[(String, Member)]) -> String {
        let elsewhere = ["role", "orgSourcedIds"];
        let columns: Vec<&str> = COLUMNS
            .into_iter()
            .chain(["metadata.rights"])
            .filter(|column| !self.files.without.contains(column))
            .filter(|column| !self.files.with_roles || !elsewhere.contains(column))
            .collect();
        let mut text = line(columns.iter().map(|column| (*column).to_owned()));
        for (id, member) in listed.iter().filter(|_| !self.tonight.empty) {
            let mut row = line(columns.iter().map(|column| cell(id, member, column)));
            match member.flaw {
                Some(Flaw::Shifted) => row.insert_str(row.len() - 1, ",moved,by,a,comma"),
                Some(Flaw::Quoting) => {
                    let given = &member.details[0];
                    row = row.replacen(&format!(",{given},"), ",\"Rosa \"Rosie\" D\",", 1);
                }
                Some(Flaw::NoId) => row.replace_range(..id.len(), ""),
                Some(Flaw::RoleRow | Flaw::RoleOfNobody) | None => {}
            }
            text.push_str(&row);
        }
        text
    }

    fn roles_csv(&self, listed: &[(String, Member)]) -> String {
        let mut text = "sourcedId,userSourcedId,roleType,role,orgSourcedId,beginDate,endDate\n".to_owned();
        let mut said: BTreeSet<&str> = BTreeSet::new();
        for (id, member) in listed {
            let unsaid = self.is_delta() && self.files.few_roles && id.len() % 2 == 0;
            if unsaid || !said.insert(id) {
                continue;
            }
            for (at, held) in member.roles.iter().enumerate() {
                let Held { role, org, begin, end } = held;
                let day =
                    |day: &Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
                let (begin, end) = (day(begin), day(end));
                let kind = if at == 0 { "primary" } else { "secondary" };
                let user = if member.flaw == Some(Flaw::RoleOfNobody) { "" } else { id.as_str() };
                let shift = if member.flaw == Some(Flaw::RoleRow) { ",x,y" } else { "" };
                writeln!(text, "r-{id}-{at},{user},{kind},{role},{org},{begin},{end}{shift}").unwrap();
            }
        }
        text
    }

    fn export_csv(&self) -> Option<String> {
        let export = self.export.as_ref()?;
        let columns: Vec<_> =
            EXPORT.into_iter().filter(|(column, _)| !export.without.contains(column)).collect();
        let mut text = line(columns.iter().map(|(column, _)| (*column).to_owned()));
        let mut put = |id: &str, state: &str, details: &[String; 5], tail: &str| {
            let cells = columns.iter().map(|(column, field)| match (*column, field) {
                (_, Some(field)) => details[*field].clone(),
                ("state", None) => state.to_owned(),
                _ => id.to_owned(),
            });
            let row = line(cells);
            writeln!(text, "{}{tail}", row.trim_end_matches('\n')).unwrap();
        };
        for (id, seen) in &export.rows {
            put(id, seen.state, &seen.details, if seen.malformed { ",moved" } else { "" });
            if let Some(same) = seen.again {
                let mut details = seen.details.clone();
                if !same {
                    details[2].insert_str(0, "other.");
                }
                put(id, seen.state, &details, "");
            }
        }
        if export.stranger {
            put("nobody-1", "active", &Default::default(), "");
        }
        Some(text)
    }

    /// The configuration of a side. Its own files are in a folder of its name.
    pub(super) fn config(&self, side: &str) -> String {
        let mut text = String::new();
        for (school, on) in &self.schools {
            writeln!(text, "[[school]]\nid = \"{school}\"\nupdate_contacts = {on}").unwrap();
        }
        text.push_str(&self.pause);
        writeln!(text, "[sync]\nstore = \"{side}/rostersync.db\"\nreports = \"{side}/reports\"").unwrap();
        if !self.settings.contains_key("timezone") {
            text.push_str("timezone = \"America/Chicago\"\n");
        }
        for (key, value) in &self.settings {
            writeln!(text, "{key} = {value}").unwrap();
        }
        let source = if self.files.zip { "sis.zip" } else { "sis" };
        writeln!(text, "[source]\ntype = \"oneroster-csv\"\npath = \"{source}\"").unwrap();
        if self.export.is_some() {
            text.push_str("[platform]\nusers = \"platform-users.csv\"\nmax_age = \"none\"\n");
        }
        text.push_str(super::change::RULES[self.rules]);
        writeln!(text, "[identity]\nsame_person = {:?}", self.same_person).unwrap();
        text.push_str("[limits]\n");
        for key in LIMITS {
            let most = match (self.tonight.tight.contains(&key), self.tonight.by_part) {
                (false, _) => "100_000",
                (true, false) => "0",
                (true, true) => "\"30%\"",
            };
            writeln!(text, "{key} = {most}").unwrap();
        }
        let (hold, by_part) = (if self.holds { "hold" } else { "stop" }, self.tonight.by_part);
        writeln!(text, "minimum = 2\non_limit = \"{hold}\"\nper_school = {by_part}\nper_role = {by_part}")
            .unwrap();
        writeln!(
            text,
            "[notify]\ncontact = \"the school office\"\n[notify.email]\nserver = \"file:{side}/mail/\"\n\
             from = \"Lincoln District <no-reply@lincoln.example>\""
        )
        .unwrap();
        text
    }
}

fn cell(id: &str, member: &Member, column: &str) -> String {
    let no_role = member.flaw == Some(Flaw::RoleRow);
    match column {
        "sourcedId" | "username" => id.to_owned(),
        "status" => member.status.to_owned(),
        "enabledUser" => member.enabled.to_owned(),
        "identifier" => member.identifier.clone(),
        "role" if no_role => String::new(),
        "role" => member.roles.first().map(|held| held.role.clone()).unwrap_or_default(),
        "orgSourcedIds" => {
            let orgs: Vec<&str> =
                member.roles.iter().map(|held| held.org.as_str()).filter(|org| !org.is_empty()).collect();
            orgs.join(",")
        }
        "metadata.rights" => member.rights.to_owned(),
        "agentSourcedIds" => member.agents.join(","),
        "password" => "secret".to_owned(),
        detail => DETAILS
            .iter()
            .position(|name| *name == detail)
            .map(|field| member.details[field].clone())
            .unwrap_or_default(),
    }
}
