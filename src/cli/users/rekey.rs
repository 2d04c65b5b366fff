//! `rostersync users rekey`

use super::super::exit::Status;
use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::writing;
use crate::failure::Result;
use crate::people::{People, Rekeyed, rekey};

/// The SIS has given somebody a new sourcedId: let the old account go on under it
///
/// State, details, permissions and history go with the account. If a run has already made a pending account for the new
/// sourcedId, that one stays behind, archived, under the old one. `users list --duplicates` shows who it may be; `run --rekey
/// FILE` does it for many, before the run makes any.
#[derive(Debug, clap::Args)]
pub(super) struct RekeyArgs {
    /// The old sourcedId
    #[arg(value_name = "OLD")]
    old: String,

    /// The new sourcedId
    #[arg(value_name = "NEW")]
    new: String,
}

pub(super) fn run(args: &RekeyArgs, global: &Global, ui: &Ui) -> Result<Status> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let (old, new) = (&args.old, &args.new);
    let done = rekey(&People::new(&config, &store, global.now())?, old, new)?;
    let said = match done {
        Rekeyed::Before => format!("The account of {old} was that of {new} already; nothing changed\n"),
        Rekeyed::Renamed => format!("The account of {old} is now that of {new}\n"),
        Rekeyed::Replaced { unlike } => {
            let mut said = format!(
                "The account of {old} is now that of {new}\nWhat a run had made for {new} is archived under {old}\n"
            );
            if unlike {
                said.push_str(&format!(
                    "They had neither name and email nor name and phone number in common: if that was a mistake, nothing is \
                     lost, see `rostersync users history {new}`\n"
                ));
            }
            said
        }
    };
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Status::Ok)
}
