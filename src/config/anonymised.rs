//! So much of a configuration as decides what a plan is, for a roster that is given away: ids are
//! renamed, and nothing of servers, people and secrets is in it.

use toml::{Table, Value};

use super::notify::of_words;
use super::{Config, Variables, Zone};
use crate::failure::{Failure, Kind, Result};

/// Keys of a section that stay as they are.
const KEPT: [(&str, &[&str]); 6] = [
    (
        "sync",
        &[
            "update_contacts",
            "archive_after",
            "purge_after",
            "roles",
            "role_names",
            "names",
            "phone_credential",
            "default_region",
            "blank_values",
            "shared_contacts",
        ],
    ),
    ("source", &["mode", "encoding", "language_field"]),
    ("guardians", &["encoding", "language_field"]),
    ("platform", &["columns"]),
    ("identity", &["same_person", "earlier_id"]),
    ("contacts", &["otherwise", "rule"]),
];

/// The files beside the roster, by their new names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside {
    pub guardians: Option<&'static str>,
    pub platform: Option<&'static str>,
    pub suppressed: Option<&'static str>,
}

/// A value of the configuration that is one of the district.
#[derive(Debug, Clone, Copy)]
pub enum Renamed<'a> {
    Id(&'a str),
    /// Of `ignore_emails`.
    Pattern(&'a str),
}

impl Config {
    /// The text of the configuration with other ids, for a roster in the folder that it is in.
    ///
    /// # Errors
    /// `Usage` if the file is not the one that was loaded any more.
    pub fn anonymised(
        &self,
        beside: &Beside,
        rename: &mut dyn FnMut(Renamed<'_>) -> String,
    ) -> Result<String> {
        let old = Self::with_document(Some(&self.file), &Variables::default(), |document| {
            document.table().map_err(|cause| {
                Failure::new(Kind::Usage, "the configuration has changed while it was read")
                    .at(self.file.display())
                    .because(cause)
            })
        })?;
        let mut new = Table::new();
        // Of [platform] nothing is left where no export of it is read: not what is pushed, and how.
        let is_there = |section: &str| section != "platform" || beside.platform.is_some();
        for (section, keys) in KEPT.into_iter().filter(|(section, _)| is_there(section)) {
            let Some(from) = old.get(section).and_then(Value::as_table) else { continue };
            let kept = from.iter().filter(|(key, _)| keys.contains(&key.as_str()));
            new.insert(
                section.to_owned(),
                kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Table>().into(),
            );
        }
        if let Some(limits) = old.get("limits") {
            new.insert("limits".to_owned(), limits.clone());
        }
        let ids: Vec<Value> = self.sync.schools.iter().map(|id| rename(Renamed::Id(id)).into()).collect();
        let patterns = &self.sync.ignore_emails.patterns;
        let patterns: Vec<Value> =
            patterns.iter().map(|glob| rename(Renamed::Pattern(glob)).into()).collect();
        for (key, list) in
            [("schools", ids), ("ignore_emails", patterns)].into_iter().filter(|(_, list)| !list.is_empty())
        {
            section(&mut new, "sync").insert(key.to_owned(), list.into());
        }
        for (key, id) in [("school", "id"), ("pause", "school")] {
            let Some(entries) = old.get(key).and_then(Value::as_array) else { continue };
            let entries = entries.iter().filter_map(Value::as_table).map(|entry| {
                let mut entry = entry.clone();
                if let Some(Value::String(own)) = entry.get_mut(id).filter(|own| own.as_str() != Some("")) {
                    *own = rename(Renamed::Id(own));
                }
                Value::Table(entry)
            });
            new.insert(key.to_owned(), Value::Array(entries.collect()));
        }
        let set = |new: &mut Table, name: &str, key: &str, value: &str| {
            section(new, name).insert(key.to_owned(), value.into());
        };
        // A variable may have set it.
        if let Zone::Named(zone) = self.sync.timezone {
            set(&mut new, "sync", "timezone", zone.name());
        }
        set(&mut new, "source", "type", "oneroster-csv");
        set(&mut new, "source", "path", ".");
        let kind = old.get("source").and_then(|source| source.get("type")).and_then(Value::as_str);
        if kind != Some("oneroster-csv") {
            section(&mut new, "source").retain(|key, _| key == "type" || key == "path");
        }
        if let Some(file) = beside.guardians {
            set(&mut new, "guardians", "file", file);
        }
        if let Some(file) = beside.platform {
            set(&mut new, "platform", "users", file);
            // The file is from the day on which it was anonymised.
            set(&mut new, "platform", "max_age", "none");
        }
        if let Some(file) = beside.suppressed {
            set(&mut new, "contacts", "suppressed", file);
        }
        if self.notify.email.is_some() {
            new.insert("notify".to_owned(), self.messages_to_no_one().into());
        }
        let head = "# Made by `rostersync anonymise`: the keys that decide a plan, with other ids. Messages go\n\
                    # to the folder mail/ and to no person.\n\n";
        let written = toml::to_string(&new).map_err(|cause| {
            Failure::new(Kind::Failed, "the configuration cannot be written anew").because(cause)
        })?;
        Ok(format!("{head}{written}"))
    }

    /// `[notify]` with the channels that the configuration has, and no address of a person.
    fn messages_to_no_one(&self) -> Table {
        let table = |keys: &[(&str, &str)]| -> Table {
            keys.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
        };
        // A name that is missing is a finding of `check`.
        let names = [
            ("district", &self.notify.district, "District"),
            ("platform", &self.notify.platform, "Platform"),
            ("contact", &self.notify.contact, "the school"),
        ];
        let names = names.into_iter().filter(|(_, own, _)| of_words(own.as_deref()).is_some());
        let mut notify = table(&names.map(|(key, _, other)| (key, other)).collect::<Vec<_>>());
        let email = [("server", "file:mail/"), ("from", "District <district@rostersync.example>")];
        notify.insert("email".to_owned(), table(&email).into());
        if self.notify.sms.is_some() {
            let mut sms = table(&[("provider", "http"), ("url", "http://127.0.0.1:9/")]);
            sms.insert("fields".to_owned(), table(&[("to", "{to}"), ("body", "{body}")]).into());
            notify.insert("sms".to_owned(), sms.into());
        }
        notify
    }
}

/// A section, made if it is not there.
fn section<'t>(table: &'t mut Table, name: &str) -> &'t mut Table {
    let value = table.entry(name.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    if !value.is_table() {
        *value = Value::Table(Table::new());
    }
    match value {
        Value::Table(table) => table,
        _ => unreachable!("it was just made a table"),
    }
}
