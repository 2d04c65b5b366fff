//! `rostersync anonymise`

use std::path::PathBuf;

use super::ui::Ui;
use super::{Global, path, unprintable};
use crate::anonymise::{self, CONFIG, Package};
use crate::attempt::Ending;
use crate::config::{Config, PLACES};
use crate::failure::{Failure, Kind, Result};
use crate::output::{check_target, write_file};
use crate::owner::name_of;
use crate::plural::counted;
use crate::report::harmless;

/// Make a roster without personal data, to send to support
///
/// The new archive gives the same findings and the same counts of the plan, and has no value of the
/// original: ids, names, addresses, numbers, schools and dates are others. Equal values stay equal,
/// and what is invalid stays invalid. Passwords are left out. Headers stay: look at them.
///
/// If there is a configuration, the guardians file, the platform's export and the list of suppressed
/// people that it names are in the archive, with a rostersync.toml for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rostersync anonymise district.zip -o support.zip")]
pub(super) struct AnonymiseArgs {
    /// The folder or zip file of a OneRoster export
    #[arg(value_name = "DIR|ZIP", value_parser = path())]
    roster: PathBuf,

    /// The archive to write
    #[arg(short, long, value_name = "ZIP", value_parser = path())]
    output: PathBuf,

    /// With the same key, a value becomes the same one again, for example on the next night. Made if
    /// it does not exist; keep it to yourself. Without it a random key is used once
    #[arg(long, value_name = "FILE", value_parser = path())]
    key_file: Option<PathBuf>,
}

pub(super) fn run(args: &AnonymiseArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    // A roster from elsewhere may have no configuration here.
    let is_configured =
        global.config.is_some() || PLACES.iter().any(|place| std::path::Path::new(place).exists());
    let config = if is_configured { Some(global.load()?) } else { None };
    global.warn_of_root();
    if args.output.as_os_str() == "-" {
        return Err(Failure::new(Kind::Usage, "the archive cannot be written to standard output")
            .cure("name a file: -o support.zip"));
    }
    let mut inputs = vec![args.roster.as_path()];
    inputs.extend(args.key_file.as_deref());
    check_target(&args.output, config.as_ref(), &inputs)?;
    let (key, is_new) = anonymise::key(args.key_file.as_deref())?;
    let zone = config.as_ref().map(|config| config.sync.timezone).unwrap_or_default();
    let package = anonymise::anonymise(&args.roster, key, config.as_ref(), zone.day(global.now()))?;
    write_file(&args.output, config.as_ref(), &inputs, |out| {
        out.write_all(&package.archive)
            .map_err(|cause| Failure::io(Kind::Failed, "the archive cannot be written", &args.output, cause))
    })?;
    ui.print(text(args, &package, config.as_ref(), is_new).as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

fn text(args: &AnonymiseArgs, package: &Package, config: Option<&Config>, is_new: bool) -> String {
    let mut text = format!("{}:\n", args.output.display());
    for (name, rows) in &package.files {
        text.push_str(&format!("  {name}: {}\n", counted(*rows as u64, "row", "rows")));
    }
    if let Some(config) = config {
        text.push_str(&format!("  {CONFIG}: the keys of {} that decide a plan\n", name_of(&config.file)));
    }
    if !package.left_out.is_empty() {
        text.push_str(&format!(
            "Left out, because they are no files of OneRoster: {}\n",
            harmless(&package.left_out.join(", "))
        ));
    }
    match (&args.key_file, is_new) {
        (Some(key), true) => text.push_str(&format!(
            "A new key was made: {}. The key tells which value became which: do not send it.\n",
            key.display()
        )),
        (Some(_), false) => {}
        (None, _) => text.push_str("The key was used once and is not kept.\n"),
    }
    text.push_str("Headers of columns stay as they are. Look at the archive before you send it.\n");
    if package.has_config {
        text.push_str(&format!(
            "Try it: unzip -d support {} && rostersync -c support/{CONFIG} check\n",
            args.output.display()
        ));
    }
    text
}
