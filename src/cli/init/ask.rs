//! The questions of `init` on a terminal: one for each thing that no option has said.

use std::path::{Path, PathBuf};

use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Input, Password, Select};

use super::{InitArgs, Wanted};
use crate::cli::ui::Ui;
use crate::failure::{Failure, Kind, Result};
use crate::mailbox::Mailbox;

/// The sources by the words of people.
const SOURCES: [(&str, &str); 5] = [
    ("OneRoster CSV files in a folder or .zip of this machine", "oneroster-csv"),
    ("OneRoster CSV files on an SFTP server", "sftp"),
    ("A OneRoster API (REST)", "oneroster-api"),
    ("ClassLink Roster Server", "classlink"),
    ("Clever", "clever"),
];

/// Asks for what the options leave open.
pub(super) fn complete(
    wanted: &mut Wanted,
    args: &InitArgs,
    file: &Path,
    data: &Path,
    ui: &Ui,
) -> Result<()> {
    let theme: Box<dyn Theme> =
        if ui.screen.color { Box::new(ColorfulTheme::default()) } else { Box::new(SimpleTheme) };
    let ask = Ask(theme.as_ref());
    ask.say(&format!("This writes {}. Ctrl-C leaves everything as it is.", file.display()))?;
    source(&ask, wanted, file)?;
    if args.platform.is_none() {
        ask.say("The platform's export (CSV) says who has joined. Empty: there is none.")?;
        wanted.platform = ask.optional("Platform's export")?.map(|path| absolute(&path));
    }
    if args.mail.is_none() {
        ask.say("Messages go to a mail server (smtp://HOST:587, smtps://HOST:465). To look at")?;
        ask.say(&format!("them first, have them written: file:{}", data.join("mail").display()))?;
        ask.say("Empty: no messages; then the setting update_contacts cannot be ON.")?;
        wanted.mail = ask.optional("Mail server")?;
    }
    if wanted.mail.is_some() && args.from.is_none() {
        ask.say("Such as: Lincoln District <no-reply@lincoln.example>")?;
        wanted.from = Some(ask.valid("Sender of the mail", |text| {
            Mailbox::parse(text).map(drop).map_err(|no| format!("`{text}` {}", no.words()))
        })?);
    }
    if wanted.mail.is_some() && args.admin.is_none() {
        ask.say("The summary of a run that needs a person goes to this address. Empty: to none.")?;
        wanted.admin = ask.optional("Administrator")?;
    }
    if args.contact.is_none() {
        ask.say("Each message ends with whom to ask, such as: the school office, (217) 555-0100")?;
        wanted.contact = ask.optional("Contact for families")?;
    }
    if args.timezone.is_none() && super::zone_of_system().is_none() {
        wanted.timezone = Some(ask.valid("Time zone, such as America/Chicago", |text| {
            text.parse::<chrono_tz::Tz>().map(drop).map_err(|_| format!("`{text}` is not a time zone"))
        })?);
    }
    Ok(())
}

fn source(ask: &Ask<'_>, wanted: &mut Wanted, file: &Path) -> Result<()> {
    if wanted.kind.is_empty() {
        let kind = match wanted.profile.map(|profile| profile.kind) {
            Some(kind @ ("classlink" | "clever")) => kind,
            _ => SOURCES[ask.choose("Where does the roster come from?", &SOURCES.map(|(words, _)| words))?].1,
        };
        wanted.kind = if kind == "sftp" { "oneroster-csv".to_owned() } else { kind.to_owned() };
        if wanted.place.is_none() && kind != "clever" {
            wanted.place = Some(match kind {
                "oneroster-csv" => absolute(&ask.valid("Folder or .zip of the export", |text| {
                    let there = absolute(text).exists();
                    if there { Ok(()) } else { Err(format!("there is no {}", absolute(text).display())) }
                })?)
                .display()
                .to_string(),
                "sftp" => ask.valid("Address (sftp://USER@HOST/PATH/)", begins_with("sftp://"))?,
                "classlink" => ask.valid("https:// address or application id", |_| Ok(()))?,
                _ => ask.valid("Base address (https://…/v1p1)", begins_with("https://"))?,
            });
        }
    }
    if !wanted.is_network() {
        return Ok(());
    }
    let auth = match &wanted.auth {
        Some(auth) => auth.clone(),
        None => {
            let known: &[&str] = match wanted.kind.as_str() {
                "clever" => &["bearer", "clever"],
                _ => &["oauth2", "oauth1", "bearer"],
            };
            let usual = wanted.usual_auth();
            let mut list = vec![usual];
            list.extend(known.iter().filter(|auth| **auth != usual));
            list[ask.choose("How is it logged in to?", &list)?].to_owned()
        }
    };
    if auth != "bearer" && wanted.client_id.is_none() {
        wanted.client_id = Some(ask.valid("Client id (consumer key)", |_| Ok(()))?);
    }
    if auth == "oauth2" && wanted.token_url.is_none() {
        wanted.token_url = Some(ask.valid("Token address (https://…)", begins_with("https://"))?);
    }
    if wanted.secret_file.is_none() {
        let place = file.with_file_name(if auth == "bearer" { "source-token" } else { "source-secret" });
        if !place.exists() {
            ask.say(&format!("It is written to {}, for its owner only.", place.display()))?;
            wanted.secret = Some(ask.secret("Secret or token")?);
        }
        wanted.secret_file = Some(place);
    }
    wanted.auth = Some(auth);
    Ok(())
}

fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path.trim()).unwrap_or_else(|_| path.into())
}

fn begins_with(start: &'static str) -> impl Fn(&str) -> std::result::Result<(), String> {
    move |text| match text.starts_with(start) {
        true => Ok(()),
        false => Err(format!("it begins with {start}")),
    }
}

struct Ask<'t>(&'t dyn Theme);

impl Ask<'_> {
    fn say(&self, words: &str) -> Result<()> {
        console_line(words).map_err(|cause| unanswered(dialoguer::Error::IO(cause)))
    }

    fn optional(&self, words: &str) -> Result<Option<String>> {
        let input = Input::<String>::with_theme(self.0).with_prompt(words).allow_empty(true);
        let text = input.interact_text().map_err(unanswered)?;
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    }

    fn valid(&self, words: &str, check: impl Fn(&str) -> std::result::Result<(), String>) -> Result<String> {
        let input = Input::<String>::with_theme(self.0)
            .with_prompt(words)
            .validate_with(|text: &String| check(text.trim()));
        input.interact_text().map(|text| text.trim().to_owned()).map_err(unanswered)
    }

    fn choose(&self, words: &str, list: &[&str]) -> Result<usize> {
        Select::with_theme(self.0).with_prompt(words).items(list).default(0).interact().map_err(unanswered)
    }

    fn secret(&self, words: &str) -> Result<String> {
        Password::with_theme(self.0).with_prompt(words).interact().map_err(unanswered)
    }
}

fn console_line(words: &str) -> std::io::Result<()> {
    use std::io::Write;
    writeln!(std::io::stderr(), "{words}")
}

fn unanswered(cause: dialoguer::Error) -> Failure {
    let dialoguer::Error::IO(cause) = cause;
    Failure::new(Kind::Usage, "a question of `init` has no answer, and nothing was written")
        .cure("start it again, or give the answers as options: rostersync init --help")
        .because(cause)
}
