//! The configuration that `init` writes: the keys of one source, each explained in the words of
//! `config.example.toml`.

use super::profiles::Profile;
use super::sections::{comment_lines_of, example_of};

/// What is known when a configuration is begun. Paths and texts are as the file will have them.
#[derive(Debug, Default)]
pub struct Starter {
    pub profile: Option<&'static Profile>,
    pub store: String,
    pub reports: String,
    pub timezone: Option<String>,
    pub source: SourceStart,
    pub platform: Option<String>,
    pub mail: Option<MailStart>,
    pub contact: Option<String>,
    /// Who gets the summary of runs that need a person.
    pub admin: Option<String>,
}

#[derive(Debug, Default)]
pub struct SourceStart {
    /// `type` of `[source]`.
    pub kind: String,
    /// The folder, the zip or the address.
    pub place: Option<String>,
    /// `type` of `[source.auth]`; none for files.
    pub auth: Option<String>,
    pub client_id: Option<String>,
    pub token_url: Option<String>,
    pub secret_file: Option<String>,
}

#[derive(Debug)]
pub struct MailStart {
    pub server: String,
    pub from: String,
}

/// Text as TOML has it, in quotes.
fn quoted(text: &str) -> String {
    // JSON's escapes are also TOML's.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A sentence as a comment, wrapped.
    fn say(&mut self, words: &str) {
        let mut line = "#".to_owned();
        for word in words.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > 100 {
                self.line(&line);
                line = "#".to_owned();
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    fn explain(&mut self, section: &str, key: &str) {
        comment_lines_of(section, key).iter().for_each(|line| self.line(line));
    }

    /// A key with its value, below its explanation.
    fn set(&mut self, section: &str, key: &str, value: &str) {
        self.explain(section, key);
        self.line(&format!("{key} = {value}"));
    }

    /// A key with its value, or switched off as the example has it.
    fn set_or_show(&mut self, section: &str, key: &str, value: Option<&str>) {
        match value {
            Some(text) => self.set(section, key, &quoted(text)),
            None => self.show(section, key),
        }
    }

    /// A key in a comment, as the example has it.
    fn show(&mut self, section: &str, key: &str) {
        self.explain(section, key);
        if let Some(line) = example_of(section, key) {
            self.line(&format!("# {line}"));
        }
    }
}

impl Starter {
    /// The text of the file.
    pub fn text(&self) -> String {
        let mut page = Page::default();
        let of = self.profile.map(|profile| format!(" for {}", profile.title)).unwrap_or_default();
        page.line(&format!("# The configuration of rostersync{of}, begun by `rostersync init`."));
        page.line("#");
        page.line(
            "# These are the keys that most districts set. `rostersync config example` shows every key,",
        );
        page.line("# `rostersync config show` what is in effect. Paths are relative to this file. An unknown key or");
        page.line("# a wrong value is an error that names its line. `rostersync check` reads all of it.");
        self.sync(&mut page);
        self.source(&mut page);
        self.platform(&mut page);
        self.people(&mut page);
        self.notify(&mut page);
        page.0
    }

    fn sync(&self, page: &mut Page) {
        page.line("\n[sync]");
        page.set("sync", "update_contacts", "false");
        page.line("");
        page.set("sync", "store", &quoted(&self.store));
        page.set("sync", "reports", &quoted(&self.reports));
        page.set("sync", "backups", "7");
        page.set_or_show("sync", "timezone", self.timezone.as_deref());
        page.show("sync", "archive_after");
        if self.source.kind != "clever" {
            page.show("sync", "phone_credential");
        }
        page.show("sync", "schools");
        page.say("Placeholder addresses that count as not provided; * and ? as in file names.");
        page.line("# ignore_emails = [\"noemail@*\"]");
        page.line("");
        page.explain("school", "");
        page.line("# [[school]]");
        page.line("# id = \"sch-2\"");
        page.line("# update_contacts = true");
    }

    fn source(&self, page: &mut Page) {
        let SourceStart { kind, place, .. } = &self.source;
        page.line("");
        for trap in self.profile.iter().flat_map(|profile| profile.traps) {
            page.say(trap);
        }
        if let Some(profile) = self.profile {
            page.say(&format!("More about {}: docs/sources/{}.md", profile.title, profile.name));
        }
        page.line("[source]");
        page.line(&format!("type = {}", quoted(kind)));
        if kind == "oneroster-csv" {
            page.set_or_show("source", "path", place.as_deref());
            page.show("source", "mode");
            page.show("source", "encoding");
            page.show("source", "language_field");
            if place.as_ref().is_some_and(|place| place.starts_with("sftp://")) {
                page.line("\n[source.sftp]");
                page.show("source.sftp", "key_file");
                page.show("source.sftp", "host_key");
            }
            return;
        }
        match (kind.as_str(), place) {
            (_, Some(place)) if place.contains("://") => page.set("source", "url", &quoted(place)),
            ("classlink", Some(id)) => page.set("source", "application", &quoted(id)),
            _ => page.show("source", "url"),
        }
        match kind.as_str() {
            "clever" => page.show("source", "district"),
            _ => page.show("source", "page_size"),
        }
        page.say("\"full\", or \"incremental\": only what changed since the pull before (docs/api.md).");
        page.line("# mode = \"full\"");
        self.auth(page);
    }

    fn auth(&self, page: &mut Page) {
        let Some(auth) = &self.source.auth else { return };
        page.line("\n[source.auth]");
        page.line(&format!("type = {}", quoted(auth)));
        let secret = if auth == "bearer" { "token_file" } else { "client_secret_file" };
        if auth == "oauth2" {
            page.set_or_show("source.auth", "token_url", self.source.token_url.as_deref());
        }
        if auth != "bearer" {
            page.set_or_show("source.auth", "client_id", self.source.client_id.as_deref());
        }
        page.say("The file with the secret, which only the user that runs rostersync may read (mode 0600).");
        page.line(&format!("{secret} = {}", quoted(self.source.secret_file.as_deref().unwrap_or("secret"))));
        if auth == "oauth2" {
            let scope = self.profile.map_or("", |profile| profile.scope);
            page.say("The scope that the server asks for; many servers name it in their documentation.");
            match scope {
                "" => page.line("# scope = \"\""),
                scope => page.line(&format!("scope = {}", quoted(scope))),
            }
        }
        if auth == "oauth1" {
            page.show("source.auth", "signature");
        }
    }

    fn platform(&self, page: &mut Page) {
        page.line("");
        page.explain("platform", "");
        let off = if self.platform.is_some() { "" } else { "# " };
        page.line(&format!("{off}[platform]"));
        page.line(&format!(
            "{off}users = {}",
            quoted(self.platform.as_deref().unwrap_or("platform-users.csv"))
        ));
        page.explain("platform", "max_age");
        page.line("# max_age = \"48h\"");
        page.line("");
        page.explain("platform.columns", "");
        page.line("# [platform.columns]");
        page.line("# email = \"Email Address\"");
    }

    /// Who a person is, and who may be contacted.
    fn people(&self, page: &mut Page) {
        let networked = self.source.kind != "oneroster-csv";
        if networked || self.profile.is_some_and(|profile| profile.name == "powerschool") {
            page.line("");
            page.explain("guardians", "");
            page.line("# [guardians]");
            page.line("# file = \"guardians.csv\"");
        }
        let earlier_id = self.profile.map(|profile| profile.earlier_id).filter(|column| !column.is_empty());
        if let Some(column) = earlier_id {
            page.line("");
            page.explain("identity", "");
            page.line("[identity]");
            page.explain("identity", "same_person");
            page.line("# same_person = \"hold\"");
            page.say("The column with the sourcedId that each person had before. Take the # away if the export has it: a run \
                      without the column ends with 7.");
            page.line(&format!("# earlier_id = {}", quoted(column)));
        }
        page.line("");
        page.say(
            "Which adults may be contacted: docs/contacts.md. Every column of a rule must be in the roster.",
        );
        page.line("# [[contacts.rule]]");
        let usual = ["where = { custody = [\"No Rights\", \"Restricted*\"] }", "class = \"never\""];
        let rule = self.profile.map(|profile| profile.rule).filter(|rule| !rule.is_empty()).unwrap_or(&usual);
        rule.iter().for_each(|line| page.line(&format!("# {line}")));
    }

    fn notify(&self, page: &mut Page) {
        page.line("\n[notify]");
        page.explain("notify", "district");
        page.line("# district = \"Lincoln Unified School District\"");
        page.explain("notify", "platform");
        page.line("# platform = \"ClassTag\"");
        page.explain("notify", "contact");
        match &self.contact {
            Some(contact) => page.line(&format!("contact = {}", quoted(contact))),
            None => page.line("# contact = \"the school office, (217) 555-0100\""),
        }
        page.line("");
        page.explain("notify.email", "");
        let off = if self.mail.is_some() { "" } else { "# " };
        let (server, from) = match &self.mail {
            Some(mail) => (mail.server.as_str(), mail.from.as_str()),
            None => ("file:mail/", "Lincoln District <no-reply@lincoln.example>"),
        };
        page.line(&format!("{off}[notify.email]"));
        page.explain("notify.email", "server");
        page.line(&format!("{off}server = {}", quoted(server)));
        page.line(&format!("{off}from = {}", quoted(from)));
        page.line("# reply_to = \"help@lincoln.example\"");
        if server.starts_with("smtp") {
            page.show("notify.email", "user");
            page.line("# password_file = \"/etc/rostersync/mail.password\"");
        }
        page.show("notify.email", "per_minute");
        page.line("");
        page.explain("notify.admins", "");
        // Without [notify.email] there is nothing to send it with.
        let admin = self.admin.as_ref().filter(|_| self.mail.is_some());
        let off = if admin.is_some() { "" } else { "# " };
        let to = admin.map_or("it@lincoln.example", String::as_str);
        page.line(&format!("{off}[notify.admins]"));
        page.line(&format!("{off}to = [{}]", quoted(to)));
        page.line("");
        page.say("Limits stop a run that would change too much, for example because an export was cut short. Each has \
                  a default: `rostersync config show` lists them.");
        page.line("# [limits]");
        page.line("# contact_updates = \"20%\"");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, PROFILES};
    use super::{MailStart, SourceStart, Starter};

    fn starter(kind: &str, auth: &str) -> Starter {
        let place = match kind {
            "clever" => None,
            "classlink" => Some("MoYPlyQWmG0%3D".to_owned()),
            "oneroster-csv" => Some("roster \"2026\"/".to_owned()),
            _ => Some("https://sis.lincoln.example/ims/oneroster/v1p1".to_owned()),
        };
        Starter {
            store: "data/rostersync.db".to_owned(),
            reports: "data/reports".to_owned(),
            source: SourceStart {
                kind: kind.to_owned(),
                place,
                auth: (kind != "oneroster-csv").then(|| auth.to_owned()),
                client_id: Some("rostersync".to_owned()),
                token_url: Some("https://sis.lincoln.example/token".to_owned()),
                secret_file: Some("secret".to_owned()),
            },
            ..Starter::default()
        }
    }

    /// As it is written, and with every key that is only shown.
    #[test]
    fn what_init_writes_is_a_configuration_for_every_source() {
        let file = Path::new("/etc/rs/rostersync.toml");
        let auths = [
            ("oneroster-csv", ""),
            ("oneroster-api", "oauth2"),
            ("oneroster-api", "oauth1"),
            ("oneroster-api", "bearer"),
            ("classlink", "oauth1"),
            ("classlink", "bearer"),
            ("clever", "bearer"),
            ("clever", "clever"),
        ];
        for (kind, auth) in auths {
            for profile in PROFILES.iter().map(Some).chain([None]) {
                for mail in [None, Some("file:mail/"), Some("smtps://mail.lincoln.example:465")] {
                    let mail = mail
                        .map(|server| MailStart { server: server.into(), from: "L <a@b.example>".into() });
                    let admin = Some("it@lincoln.example".to_owned());
                    let starter = Starter { profile, mail, admin, ..starter(kind, auth) };
                    let text = starter.text();
                    if let Err(error) = Config::parse(&text, file) {
                        panic!("{error}\n{text}");
                    }
                    let long = text.lines().find(|line| line.chars().count() > 100 && !line.contains(" = "));
                    assert_eq!(long, None, "{text}");
                }
            }
        }
    }
}
