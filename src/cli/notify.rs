//! `rostersync notify`

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use clap::Subcommand;

use super::preview_folder::PreviewFolder;
use super::ui::Ui;
use super::{Global, unprintable};
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::message::{Channel, Message};
use crate::notify::{
    Editor, Occasion, Templates, built_in_templates, compose, samples_page, segments, send_sample,
};
use crate::plan::said_overruns;
use crate::plural::counted;
use crate::run::{MessageContext, Options, RunContext, preview as preview_run};
use crate::store::Store;

/// Preview the messages to people, and test the delivery
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync notify preview --all --output messages
  rostersync notify test --to you@lincoln.example")]
pub(super) struct NotifyArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Preview(PreviewArgs),
    Templates(TemplatesArgs),
    Test(TestArgs),
}

/// Show the messages that a run would send now; nothing is stored or sent
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync notify preview gua-1042
  rostersync notify preview --all --output messages     a file each
  rostersync notify preview --samples --output samples")]
struct PreviewArgs {
    /// The person's sourcedId
    #[arg(value_name = "USER", required_unless_present_any = ["all", "samples"])]
    user: Option<String>,

    /// The messages to all users
    #[arg(long, conflicts_with = "user")]
    all: bool,

    /// Every kind of message in every language on one page, for a made-up person
    ///
    /// Nothing is read but the configuration. The page is index.html in the folder of `--output`.
    #[arg(long, requires = "output", conflicts_with_all = ["user", "all", "update_contacts", "source"])]
    samples: bool,

    /// Write the messages into this folder instead of printing them: a text file each, and for an
    /// email also a web page
    #[arg(short, long, value_name = "FOLDER", value_parser = super::path())]
    output: Option<PathBuf>,

    /// Preview with the setting on (or off) everywhere, whatever the configuration says
    #[arg(long, value_name = "MODE", value_parser = ["on", "off"])]
    update_contacts: Option<String>,

    /// Read the roster from this folder or zip instead of [source] path
    #[arg(long, value_name = "PATH", value_parser = super::path())]
    source: Option<PathBuf>,
}

/// Write the built-in templates of a language into a folder, to change them
///
/// The folder is for [notify] templates. Existing files stay as they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync notify templates --language es --output templates")]
struct TemplatesArgs {
    /// Language of the templates, such as es
    #[arg(long, value_name = "LANGUAGE")]
    language: String,

    /// Folder of all templates; a folder for the language is made in it
    #[arg(short, long, value_name = "FOLDER", value_parser = super::path())]
    output: PathBuf,
}

/// Send one sample message through the configured server or gateway
///
/// The message contains no person's details. An email goes to an address, a text to a mobile
/// number.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync notify test --to you@lincoln.example
  rostersync notify test --to \"(718) 555-0142\" --language es")]
struct TestArgs {
    /// An email address, or a mobile number for a text
    #[arg(long, value_name = "ADDRESS")]
    to: String,

    /// Language of the message, such as es [default: that of the configuration]
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<String>,
}

pub(super) fn run(args: &NotifyArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    match &args.command {
        Command::Preview(args) => preview(args, &global.load()?, global, ui)?,
        Command::Templates(args) => write_templates(args, ui)?,
        Command::Test(args) => {
            let config = global.load()?;
            let said = send_sample(&config, &args.to, args.language.as_deref(), global.now())?;
            ui.print(format!("{said}\n").as_bytes()).map_err(unprintable)?;
        }
    }
    Ok(Ending::Ok)
}

fn write_templates(args: &TemplatesArgs, ui: &Ui) -> Result<()> {
    let (language, templates) = built_in_templates(&args.language)?;
    let folder = args.output.join(language);
    let failed = |cause| Failure::io(Kind::Failed, "the templates cannot be written", &folder, cause);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
    if std::fs::read_dir(&folder).map_err(failed)?.next().is_some() {
        return Err(Failure::new(Kind::Usage, "there are templates of this language already")
            .at(folder.display())
            .cure("name another folder, or remove this one: its files are not overwritten"));
    }
    for (name, text) in &templates {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(folder.join(name));
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
    }
    let said = format!("{} templates are in {}\n", templates.len(), super::ui::shown(&folder));
    ui.print(said.as_bytes()).map_err(unprintable)
}

fn preview(args: &PreviewArgs, config: &Config, global: &Global, ui: &Ui) -> Result<()> {
    if let Some(folder) = args.output.as_deref().filter(|_| args.samples) {
        let page = samples_page(config, global.now())?;
        PreviewFolder::make(folder, config)?.write_page(&page)?;
        let said =
            format!("All messages in all languages: {}\n", super::ui::shown(&folder.join("index.html")));
        return ui.print(said.as_bytes()).map_err(unprintable);
    }
    let options = Options {
        what_if: args.update_contacts.as_deref().map(|word| word == "on"),
        source: args.source.clone(),
        ..Options::default()
    };
    let context = RunContext { now: global.now(), progress: ui, stop: &|| None };
    let outcome = preview_run(config, &options, &context)?;
    let plan = &outcome.plan;
    let words = Templates::load(&config.notify)?;
    let occasion = Occasion::of(config, &words, global.now());
    let store = Store::open_read(&config.sync.store)?;
    let message_context = MessageContext::of(plan, &outcome.schools, config, store.as_ref(), global.now())?;
    let mut folder = args.output.as_deref().map(|folder| PreviewFolder::make(folder, config)).transpose()?;
    let (mut count, mut texts, mut parts) = (0, 0, 0);
    plan.each_write(|write| {
        let user = write.account.sourced_id;
        if args.user.as_deref().is_some_and(|wanted| wanted != user) {
            return Ok(());
        }
        if write.recipients.is_empty() {
            return Ok(());
        }
        let account = write.account.account(write.id);
        for recipient in &write.recipients {
            count += 1;
            let message = {
                let about = message_context.about(&account, &write.changes);
                compose(recipient, &about, Editor::Sync, &occasion)?
            };
            if message.to.channel == Channel::Sms {
                texts += 1;
                parts += segments(&message.body).parts as u64;
            }
            match &mut folder {
                Some(folder) => folder.write(user, &message)?,
                None => ui.result(shown(user, &message).as_bytes()).map_err(unprintable)?,
            }
        }
        Ok(())
    })?;
    let texts = match texts {
        0 => String::new(),
        texts => {
            format!("; {} in {}", counted(texts, "text", "texts"), counted(parts, "segment", "segments"))
        }
    };
    let said = match (&args.output, count, &args.user) {
        (_, 0, Some(user)) => format!("A run would send {user} no message.\n"),
        (_, 0, None) => "A run would send no messages.\n".to_owned(),
        (Some(folder), count, _) => {
            format!(
                "{} in {}{texts}\n",
                counted(count, "message is", "messages are"),
                super::ui::shown(folder)
            )
        }
        (None, count, _) => format!("{}{texts}\n", counted(count, "message", "messages")),
    };
    ui.print(said.as_bytes()).map_err(unprintable)?;
    if outcome.blocked {
        let mut text = "A run would be blocked, and none of them sent:\n".to_owned();
        for (_, line) in said_overruns(&outcome.overruns) {
            text.push_str(&format!("  {}\n", crate::report::harmless(&line)));
        }
        ui.print(text.as_bytes()).map_err(unprintable)?;
    }
    Ok(())
}

fn shown(user: &str, message: &Message) -> String {
    let to = &message.to;
    let mut text = format!("{user}: {} to {} ({})\n", to.channel.word(), to.address, to.audience.word());
    if to.channel == Channel::Email {
        text.push_str(&format!("Subject: {}\n", message.subject));
    }
    text.push_str(&format!("\n{}\n", message.body));
    if to.channel == Channel::Sms {
        text.push_str(&format!("({})\n", segments(&message.body)));
    }
    text.push_str("----\n");
    text
}
