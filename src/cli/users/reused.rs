//! `rostersync users same` and `users another`

use super::super::exit::Status;
use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{place_of, writing};
use crate::failure::Result;
use crate::people::{People, another, same};
use crate::store::{Grant, Store};

/// A user who is held is the same person, who is back: restore the account
///
/// A run holds an archived account when its sourcedId comes back with another name and nothing else in common (action `held`, code
/// `reused-id`). This restores it to what it was, pending or active; the next run decides about its details as about any other. A
/// permission that it had has ended.
#[derive(Debug, clap::Args)]
pub(super) struct SameArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,
}

/// A user who is held is another person: make room for a new account
///
/// The old account goes on as USER~1, archived, with its details and its history. The next run gives the other person an account of
/// their own; a delta does so when it mentions the person again. Nothing of the old account is passed on.
#[derive(Debug, clap::Args)]
pub(super) struct AnotherArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,
}

pub(super) fn run_same(args: &SameArgs, global: &Global, ui: &Ui) -> Result<Status> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let user = args.user.trim();
    let done = same(&People::new(&config, &store, global.now())?, user)?;
    let mut said =
        format!("{user} is restored, and {} again. The next run decides about the details\n", done.state);
    said.push_str(&ended(&done.ended, user, &store)?);
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Status::Ok)
}

pub(super) fn run_another(args: &AnotherArgs, global: &Global, ui: &Ui) -> Result<Status> {
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
    Ok(Status::Ok)
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
