//! `rostersync init`: the configuration, the folders and the line for cron to start from.

mod ask;
mod schedule;

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr, stdin};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::check::looked_at;
use super::ui::Ui;
use super::{Global, path, unprintable};
use crate::attempt::Ending;
use crate::config::{Config, MailServer, MailStart, PROFILES, Profile, SourceStart, Starter};
use crate::failure::{Failure, Kind, Result};
use crate::owner;
use crate::plan::Action;
use crate::plural::{counted, listed};
use crate::run::RunContext;
use schedule::{Account, Schedule, Time};

/// Write a commented configuration to start from, and the line for cron
///
/// `init` writes the configuration for one source (the file of `-c`, or rostersync.toml here),
/// checks it, makes the folders, and prints the line for cron. It overwrites nothing. The setting
/// `update_contacts` is off until you turn it on.
///
/// On a terminal it asks for what the options do not say. Without a terminal `--source` is needed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct InitArgs {
    /// The roster: a folder, a .zip, sftp://USER@HOST/PATH/, or the https:// address of an API
    #[arg(long, value_name = "PLACE")]
    source: Option<String>,

    /// The type of the source [default: by --source and --profile]
    #[arg(long = "type", value_name = "TYPE", value_parser = TYPES)]
    kind: Option<String>,

    /// The system that the roster comes from, with its known traps
    #[arg(long, value_name = "NAME", value_parser = PROFILES.map(|profile| profile.name))]
    profile: Option<String>,

    /// How an API is logged in to [default: by the type or profile]
    #[arg(long, value_name = "TYPE", value_parser = AUTHS)]
    auth: Option<String>,

    /// The client id of the API
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,

    /// Where the API gives tokens (oauth2)
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,

    /// The file with the client secret or token of the API
    #[arg(long, value_name = "FILE", value_parser = path())]
    secret_file: Option<PathBuf>,

    /// The platform's export: who has joined, and their details there
    #[arg(long, value_name = "FILE", value_parser = path())]
    platform: Option<PathBuf>,

    /// The mail server: smtp://HOST:587, smtps://HOST:465, or file:FOLDER to only write the mail
    #[arg(long, value_name = "SERVER", requires = "from")]
    mail: Option<String>,

    /// The sender of the mail
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,

    /// The address that gets the summary of runs that need a person
    #[arg(long, value_name = "ADDRESS", requires = "mail")]
    admin: Option<String>,

    /// Whom people ask if their details are wrong, at the end of each message
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,

    /// The time zone of the district, such as America/Chicago [default: that of the system]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,

    /// The folder of the store and the reports [default: that of the configuration]
    #[arg(long, value_name = "FOLDER", value_parser = path())]
    data: Option<PathBuf>,

    /// The time of the nightly run
    #[arg(long, value_name = "HH:MM", default_value = "02:15")]
    at: Time,

    /// Also write units for systemd (service, timer), into the folder systemd/ beside the
    /// configuration
    #[arg(long)]
    systemd: bool,

    /// The user that will run rostersync; only root may name another one [default: this user]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  rostersync init
  rostersync init --source /srv/sis/oneroster.zip
  rostersync init --source sis/ --mail file:mail/ --from sync@lincoln.example
  rostersync init --profile clever --secret-file clever-token --systemd";

const TYPES: [&str; 4] = ["oneroster-csv", "oneroster-api", "classlink", "clever"];
const AUTHS: [&str; 4] = ["bearer", "oauth2", "oauth1", "clever"];

/// What the options say, completed by the answers.
#[derive(Default)]
struct Wanted {
    profile: Option<&'static Profile>,
    kind: String,
    place: Option<String>,
    auth: Option<String>,
    client_id: Option<String>,
    token_url: Option<String>,
    secret_file: Option<PathBuf>,
    /// Typed on the terminal: written to the file.
    secret: Option<String>,
    platform: Option<PathBuf>,
    mail: Option<String>,
    from: Option<String>,
    admin: Option<String>,
    contact: Option<String>,
    timezone: Option<String>,
}

pub(super) fn run(args: &InitArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let file = global.config.clone().unwrap_or_else(|| "rostersync.toml".into());
    let file = std::path::absolute(&file).unwrap_or(file);
    let account = Account::of(args.user.as_deref())?;
    let folder = owner::folder_of(&file).to_owned();
    let data = args.data.clone().unwrap_or_else(|| folder.clone());
    refuse_to_overwrite(&file, args.systemd.then(|| folder.join("systemd")).as_deref())?;
    let mut wanted = wanted(args)?;
    if stdin().is_terminal() && stderr().is_terminal() {
        ask::complete(&mut wanted, args, &file, &data, ui)?;
    }
    is_complete(&wanted, &file)?;
    let text = starter(&wanted, &folder, &data).text();
    let config = Config::parse(&text, &file).map_err(|failure| Failure {
        place: format!("what `init` would write to {}; nothing was written", file.display()),
        ..failure
    })?;
    let made = write(&config, &text, &wanted, &account)?;
    let schedule = Schedule { file: &file, data: &data, config: &config, account: &account, at: args.at };
    let units = if args.systemd { Some(schedule.write_units()?) } else { None };
    let mut said = format!("Wrote {} (only {} may read it)\n", file.display(), account.name);
    for folder in &made {
        let _ = writeln!(said, "Made the folder {}", folder.display());
    }
    for unit in units.iter().flatten() {
        let _ = writeln!(said, "Wrote {}", unit.display());
    }
    ui.print(said.as_bytes()).map_err(unprintable)?;
    let mut ending = checked(&config, global, ui)?;
    if let Some(failure) = kept_from(&config, &account) {
        ending = Ending::Failed(failure.kind);
        ui.trouble(&failure);
    }
    ui.print(next_steps(&config, &schedule, units.is_some()).as_bytes()).map_err(unprintable)?;
    ui.settle(ending).map_err(unprintable)?;
    Ok(ending)
}

fn refuse_to_overwrite(file: &Path, units: Option<&Path>) -> Result<()> {
    let units = units.into_iter().flat_map(|folder| schedule::UNITS.map(|(name, _)| folder.join(name)));
    match [file.to_owned()].into_iter().chain(units).find(|file| file.symlink_metadata().is_ok()) {
        None => Ok(()),
        Some(there) => {
            Err(Failure::new(Kind::Usage, "`init` overwrites no file, and this one is there already")
                .at(there.display())
                .cure("name another file with `-c FILE`, or move this one away"))
        }
    }
}

/// What the options say, and what follows from it.
fn wanted(args: &InitArgs) -> Result<Wanted> {
    let profile = args.profile.as_deref().and_then(Profile::named);
    // A folder that cron could not find from elsewhere would be no use.
    let place = args.source.as_ref().map(|place| match place.contains("://") {
        true => place.clone(),
        false if args.kind.as_deref() == Some("classlink") => place.clone(),
        false => std::path::absolute(place).unwrap_or_else(|_| place.into()).display().to_string(),
    });
    let is_address = place.as_ref().is_some_and(|place| place.starts_with("http"));
    let is_file = place.is_some()
        && !is_address
        && profile.is_none_or(|profile| {
            profile.auth.is_empty() || profile.kind == "oneroster-csv" || profile.kind == "oneroster-api"
        });
    let kind = match (&args.kind, profile) {
        (Some(kind), _) => kind.clone(),
        (None, Some(profile)) if is_address && profile.kind == "oneroster-csv" => "oneroster-api".to_owned(),
        (None, Some(profile)) if is_file && profile.kind == "oneroster-api" => "oneroster-csv".to_owned(),
        (None, Some(profile)) if place.is_some() || profile.kind == "clever" => profile.kind.to_owned(),
        (None, _) if is_address => "oneroster-api".to_owned(),
        (None, _) if place.is_some() => "oneroster-csv".to_owned(),
        (None, _) => String::new(),
    };
    if kind == "oneroster-csv" && is_address {
        return Err(Failure::new(
            Kind::Usage,
            "--source is an address, and --type says that the roster is files",
        )
        .cure("name a folder, a .zip or sftp://USER@HOST/PATH/, or another --type"));
    }
    Ok(Wanted {
        profile,
        kind,
        place,
        auth: args.auth.clone(),
        client_id: args.client_id.clone(),
        token_url: args.token_url.clone(),
        secret_file: args.secret_file.clone(),
        secret: None,
        platform: args.platform.clone(),
        mail: args.mail.clone(),
        from: args.from.clone(),
        admin: args.admin.clone(),
        contact: args.contact.clone(),
        timezone: args.timezone.clone(),
    })
}

impl Wanted {
    fn is_network(&self) -> bool {
        !self.kind.is_empty() && self.kind != "oneroster-csv"
    }

    /// The login that the type or the profile has as a rule.
    fn usual_auth(&self) -> &'static str {
        match (self.kind.as_str(), self.profile) {
            ("clever", _) => "bearer",
            ("classlink", _) => "oauth1",
            (_, Some(profile)) if !["", "bearer"].contains(&profile.auth) => profile.auth,
            _ => "oauth2",
        }
    }
}

/// Says all that is missing at once, with an example.
fn is_complete(wanted: &Wanted, file: &Path) -> Result<()> {
    let auth = wanted.auth.as_deref().unwrap_or_else(|| wanted.usual_auth());
    let needs_place = wanted.place.is_none() && wanted.kind != "clever";
    let needs = [
        ("--source", needs_place),
        ("--secret-file", wanted.is_network() && wanted.secret_file.is_none()),
        ("--client-id", wanted.is_network() && auth != "bearer" && wanted.client_id.is_none()),
        ("--token-url", wanted.is_network() && auth == "oauth2" && wanted.token_url.is_none()),
    ];
    let missing: Vec<&str> = needs.into_iter().filter(|(_, needed)| *needed).map(|(name, _)| name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let example = match wanted.kind.as_str() {
        "clever" => "rostersync init --profile clever --secret-file clever-token",
        "classlink" => {
            "rostersync init --profile classlink --source https://DISTRICT.rosterserver.com --client-id ID --secret-file secret"
        }
        "oneroster-api" => {
            "rostersync init --source https://sis.lincoln.example/ims/oneroster/v1p1 --client-id ID --token-url URL \
             --secret-file secret"
        }
        _ => "rostersync init --source /srv/sis/oneroster.zip --platform /srv/platform/users.csv",
    };
    let what = format!("`init` needs {}; without a terminal it cannot ask", listed(&missing));
    Err(Failure::new(Kind::Usage, format!("{what}, and nothing was written"))
        .at(file.display())
        .cure(format!("write for example `{example}`, or start it on a terminal")))
}

/// A path as the configuration has it: from its own folder where it is inside.
fn from(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder)
        .ok()
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn starter(wanted: &Wanted, folder: &Path, data: &Path) -> Starter {
    let relative = |path: &PathBuf| from(folder, path);
    let is_path =
        wanted.kind == "oneroster-csv" && wanted.place.as_ref().is_some_and(|place| !place.contains("://"));
    let place = wanted.place.clone().map(|place| if is_path { relative(&place.into()) } else { place });
    let mail = wanted.mail.as_ref().zip(wanted.from.as_ref()).map(|(server, sender)| MailStart {
        server: match server.strip_prefix("file:") {
            Some(mail) => {
                format!("file:{}", relative(&std::path::absolute(mail).unwrap_or_else(|_| mail.into())))
            }
            None => server.clone(),
        },
        from: sender.clone(),
    });
    let auth = wanted.auth.clone().unwrap_or_else(|| wanted.usual_auth().to_owned());
    Starter {
        profile: wanted.profile,
        store: relative(&data.join("rostersync.db")),
        reports: relative(&data.join("reports")),
        timezone: wanted.timezone.clone().or_else(zone_of_system),
        source: SourceStart {
            kind: wanted.kind.clone(),
            place,
            auth: wanted.is_network().then_some(auth),
            client_id: wanted.client_id.clone(),
            token_url: wanted.token_url.clone(),
            secret_file: wanted.secret_file.as_ref().map(relative),
        },
        platform: wanted.platform.as_ref().map(relative),
        mail,
        contact: wanted.contact.clone(),
        admin: wanted.admin.clone(),
    }
}

/// The name of the system's time zone. UTC is none of a school district: the machine was not told.
fn zone_of_system() -> Option<String> {
    let link = std::fs::canonicalize("/etc/localtime").ok()?;
    let (_, name) = link.to_str()?.split_once("/zoneinfo/")?;
    let name = name.trim_start_matches("posix/");
    let is_place = name.contains('/') && !name.starts_with("Etc/") && name.parse::<chrono_tz::Tz>().is_ok();
    is_place.then(|| name.to_owned())
}

/// Writes the configuration and makes the folders; returns those that are new.
fn write(config: &Config, text: &str, wanted: &Wanted, account: &Account) -> Result<Vec<PathBuf>> {
    let mut folders = vec![owner::folder_of(&config.sync.store).to_owned(), config.sync.reports.clone()];
    if let Some(email) = &config.notify.email
        && let MailServer::Folder(folder) = &email.server
    {
        folders.push(folder.clone());
    }
    let unwritable = |path: &Path, cause| Failure::io(Kind::Failed, "`init` cannot write here", path, cause);
    let mut made = Vec::new();
    for folder in folders {
        if !folder.is_dir() {
            owner::make_folder(&folder).map_err(|cause| unwritable(&folder, cause))?;
            account.own(&folder).map_err(|cause| unwritable(&folder, cause))?;
            made.push(folder);
        }
    }
    let above = owner::folder_of(&config.file);
    owner::make_folder(above).map_err(|cause| unwritable(above, cause))?;
    if let Some((secret, place)) = wanted.secret.as_ref().zip(wanted.secret_file.as_ref()) {
        write_new(place, secret.as_bytes(), account)?;
    }
    write_new(&config.file, text.as_bytes(), account)?;
    Ok(made)
}

/// Writes a file whole or not at all, for its owner only, and never over another one.
fn write_new(path: &Path, bytes: &[u8], account: &Account) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(owner::folder_of(path))?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        account.own(path)
    };
    write().map_err(|cause| Failure::io(Kind::Failed, "`init` cannot write this file", path, cause))
}

/// Checks what was written, as `rostersync check` does, and says in one line what came of it.
fn checked(config: &Config, global: &Global, ui: &Ui) -> Result<Ending> {
    let context = RunContext { now: global.now(), progress: ui, stop: &|| None };
    let checked = looked_at(config, &context)?;
    let ending = match checked.troubles.first() {
        Some(failure) => Ending::Failed(failure.kind),
        None => Ending::Ok,
    };
    let findings: u64 = checked.findings.counts().values().sum();
    let mut said = match &checked.plan {
        Some(plan) => format!(
            "Checked: {}, of which {} would be rejected; {}.\n",
            counted(plan.summary.records, "record", "records"),
            plan.summary.count(Action::Rejected),
            counted(findings, "finding", "findings"),
        ),
        None if checked.troubles.is_empty() => {
            "Checked, without the network: `rostersync check --source` tries the connection.\n".to_owned()
        }
        None => "The configuration is written, but the check found what would stop a run:\n".to_owned(),
    };
    if findings > 0 && checked.troubles.is_empty() {
        said.push_str("`rostersync check` lists the findings.\n");
    }
    ui.print(said.as_bytes()).map_err(unprintable)?;
    checked.troubles.iter().for_each(|trouble| ui.trouble(trouble));
    Ok(ending)
}

/// What another user could not do that root can.
fn kept_from(config: &Config, account: &Account) -> Option<Failure> {
    let store = owner::folder_of(&config.sync.store);
    let mut paths = vec![(store, true)];
    paths.extend(schedule::inputs(config).into_iter().map(|path| (path, false)));
    let path = account.kept_from(&paths)?;
    let name = &account.name;
    let cure = if path == store {
        format!(
            "`chown {name}` this folder, or move the configuration away and name another one with `--data`"
        )
    } else if schedule::secret_file(config) == Some(path) {
        format!("`chown {name}` this file: a secret is read by its owner alone")
    } else {
        format!("let {name} read it, for example by `chgrp` and `chmod g+r`")
    };
    let what = format!("rostersync will run as the user `{name}`, which has no access to this");
    Some(Failure::new(Kind::Failed, what).at(path.display()).cure(cure))
}

fn next_steps(config: &Config, schedule: &Schedule<'_>, has_units: bool) -> String {
    let name = schedule.command();
    let mut text = String::from("\nNext:\n");
    if config.source.local_path().is_none() {
        let _ = writeln!(text, "  {name} check --source   try the connection");
    }
    let _ = writeln!(text, "  {name} run --dry-run    what the first run would do");
    let _ = writeln!(text, "  {name} run              the first run");
    let _ =
        writeln!(text, "\nEvery night at {}, {}:\n\n{}", schedule.at, schedule.where_cron(), schedule.cron());
    if has_units {
        let _ = writeln!(text, "or with systemd, in place of cron:\n\n{}", schedule.install());
    }
    text
}
