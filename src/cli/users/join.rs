//! `rostersync users join`

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{DetailArgs, send_now, writing};
use crate::attempt::Ending;
use crate::failure::Result;
use crate::people::{Joined, People, join};

/// Make an account active, because the person has joined the platform
///
/// For platforms without an export. From now on the setting decides which details the sync changes.
/// Details that you give count as the person's own edit. If the setting is ON for the person, these
/// details are refused, and the account still becomes active. A second join changes nothing.
#[derive(Debug, clap::Args)]
pub(super) struct JoinArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,

    #[command(flatten)]
    details: DetailArgs,
}

pub(super) fn run(args: &JoinArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (lock, store) = writing(&config, global)?;
    let user = &args.user;
    let joined = join(&People::new(&config, &store, global.now())?, user, &args.details.typed())?;
    drop(lock);
    let (said, status) = match joined {
        Joined::Before => (format!("{user} had joined before; nothing changed\n"), Ending::Ok),
        Joined::Now { refused: Some(refused), .. } => {
            let message = refused.sentence(&config);
            let code = refused.code();
            (
                format!(
                    "{user} has joined and is active; the details were not changed ({code}): {message}\n"
                ),
                Ending::Ok,
            )
        }
        Joined::Now { changes, refused: None } if changes.is_empty() => {
            (format!("{user} has joined and is active\n"), Ending::Ok)
        }
        Joined::Now { changes, refused: None } => {
            let fields: Vec<&str> = changes.iter().map(|change| change.field.noun()).collect();
            let said =
                format!("{user} has joined and is active, with a new {}\n", fields.join(" and a new "));
            (said, send_now(&config, &store, global, ui))
        }
        Joined::Refused(refused) => return Err(refused.failure(user, &config)),
    };
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(status)
}
