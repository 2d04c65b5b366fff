//! `rostersync notify`

use std::path::PathBuf;

use clap::Subcommand;

use super::preview_folder::PreviewFolder;
use super::ui::Ui;
use super::{Global, unprintable};
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::Result;
use crate::message::{Channel, Message};
use crate::notify::{Editor, Occasion, Templates, compose, send_sample};
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
    Test(TestArgs),
}

/// Show the messages that a run would send now; nothing is stored or sent
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync notify preview gua-1042
  rostersync notify preview --all --output messages     a file each")]
struct PreviewArgs {
    /// The person's sourcedId
    #[arg(value_name = "USER", required_unless_present = "all")]
    user: Option<String>,

    /// The messages to all users
    #[arg(long, conflicts_with = "user")]
    all: bool,

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
    let config = global.load()?;
    match &args.command {
        Command::Preview(args) => preview(args, &config, global, ui)?,
        Command::Test(args) => {
            let said = send_sample(&config, &args.to, args.language.as_deref(), global.now())?;
            ui.print(format!("{said}\n").as_bytes()).map_err(unprintable)?;
        }
    }
    Ok(Ending::Ok)
}

fn preview(args: &PreviewArgs, config: &Config, global: &Global, ui: &Ui) -> Result<()> {
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
    let message_context = MessageContext::of(plan, config, store.as_ref())?;
    let mut folder = args.output.as_deref().map(|folder| PreviewFolder::make(folder, config)).transpose()?;
    let mut count = 0;
    plan.each_write(|write| {
        let user = write.account.sourced_id.as_str();
        if args.user.as_deref().is_some_and(|wanted| wanted != user) {
            return Ok(());
        }
        for recipient in &write.recipients {
            count += 1;
            let message = compose(recipient, &message_context.about(&write), Editor::Sync, &occasion)?;
            match &mut folder {
                Some(folder) => folder.write(user, &message)?,
                None => ui.result(shown(user, &message).as_bytes()).map_err(unprintable)?,
            }
        }
        Ok(())
    })?;
    let said = match (&args.output, count, &args.user) {
        (_, 0, Some(user)) => format!("A run would send {user} no message.\n"),
        (_, 0, None) => "A run would send no messages.\n".to_owned(),
        (Some(folder), count, _) => {
            format!("{} in {}\n", counted(count, "message is", "messages are"), super::ui::shown(folder))
        }
        (None, count, _) => format!("{}\n", counted(count, "message", "messages")),
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
        text.push_str(&format!(
            "({})\n",
            counted(message.body.chars().count() as u64, "character", "characters")
        ));
    }
    text.push_str("----\n");
    text
}
