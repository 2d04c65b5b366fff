//! `rostersync users grant` and `users revoke`

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{place_of, writing};
use crate::attempt::Ending;
use crate::failure::Result;
use crate::people::{People, Permission, Permitted, set_permission};
use crate::store::Grant;

#[derive(Debug, clap::Args)]
pub(super) struct PermissionArgs {
    /// sourcedId of the staff account
    #[arg(value_name = "ACTOR")]
    actor: String,

    /// The permission
    #[arg(value_name = "PERMISSION", value_parser = ["users-manager"])]
    permission: String,

    /// Only at this school (a sourcedId); without it, in the whole district
    #[arg(long, value_name = "ID")]
    school: Option<String>,
}

pub(super) fn run(args: &PermissionArgs, what: Permission, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let grant = args.school.clone().map_or(Grant::District, Grant::School);
    let done = set_permission(&People::new(&config, &store, global.now())?, &args.actor, &grant, what)?;
    let (actor, permission, place) = (&args.actor, &args.permission, place_of(&grant, &store)?);
    let said = match (what, done) {
        (_, Permitted::Refused(refused)) => return Err(refused.failure(actor, &config)),
        (Permission::Grant, Permitted::Changed) => format!("{actor} now has {permission} for {place}\n"),
        (Permission::Grant, Permitted::Before) => {
            format!("{actor} had {permission} for {place} already; nothing changed\n")
        }
        (Permission::Revoke, Permitted::Changed) => {
            format!("{actor} no longer has {permission} for {place}\n")
        }
        (Permission::Revoke, Permitted::Before) => {
            format!("{actor} has no {permission} for {place}; nothing changed\n")
        }
    };
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}
