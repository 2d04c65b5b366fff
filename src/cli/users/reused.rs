//! `rostersync users same` and `users another`

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{place_of, writing};
use crate::attempt::Ending;
use crate::failure::Result;
use crate::people::{People, another, same};
use crate::store::{Grant, Store};

#[derive(Debug, clap::Args)]
pub(super) struct HeldArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,
}

pub(super) fn run_same(args: &HeldArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let user = args.user.trim();
    let done = same(&People::new(&config, &store, global.now())?, user)?;
    let mut said =
        format!("{user} is restored, and {} again. The next run decides about the details\n", done.state);
    said.push_str(&ended(&done.ended, user, &store)?);
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

pub(super) fn run_another(args: &HeldArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let user = args.user.trim();
    let done = another(&People::new(&config, &store, global.now())?, user)?;
    let mut said = format!(
        "The old account is now {}, archived. The next run creates an account for the person who has {user} now\n",
        done.moved_to
    );
    said.push_str(&ended(&done.ended, user, &store)?);
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

/// Which permissions have ended.
fn ended(grants: &[Grant], user: &str, store: &Store) -> Result<String> {
    let mut said = String::new();
    for grant in grants {
        let place = place_of(grant, store)?;
        said.push_str(&format!(
            "The permission users-manager for {place} has ended; `rostersync users grant {user} users-manager` gives it\n"
        ));
    }
    Ok(said)
}
