//! `rostersync fleet check`

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{Which, in_words, say, tally, text, word};
use crate::attempt::Ending;
use crate::failure::Result;
use crate::fleet::{self, Ended};
use crate::report::harmless;

/// Check every district: `rostersync check` for each
///
/// It changes nothing. What a check says follows the line of its district, if it does not end with
/// 0. The exit status is the worst of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync fleet check districts
  rostersync fleet check districts --source --only lincoln")]
pub(super) struct CheckArgs {
    #[command(flatten)]
    which: Which,

    /// Only connect to the source of each (an API or an SFTP server), and read one page
    #[arg(long)]
    source: bool,
}

pub(super) fn run(args: &CheckArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let mut arguments = vec!["check".to_owned()];
    arguments.extend(args.source.then(|| "--source".to_owned()));
    let (mut words, mut exits, mut printed) = (Vec::new(), Vec::new(), Ok(()));
    let mut tell = |ended: Ended<String>| {
        let word = word(&ended, None);
        let mut lines = format!("{}: {word}\n", ended.district.name);
        if ended.exit != 0 {
            let answer = ended.answer.as_deref().unwrap_or_default();
            lines.extend(answer.lines().map(|line| format!("  {}\n", harmless(line))));
        }
        if printed.is_ok() {
            printed = ui.print(ui.screen.paragraphs(&lines).as_bytes());
        }
        if ended.exit != 0 || global.verbose > 0 {
            say(&ended, ui);
        }
        words.push(word);
        exits.push(ended.exit);
    };
    args.which.refuse_shared()?;
    args.which.each(&arguments, global, &|| false, text, &mut tell)?;
    printed.map_err(unprintable)?;
    let status = Ending::of_exit(fleet::worst(exits.into_iter()));
    let counts = in_words(&tally(words.iter().map(String::as_str)));
    ui.print(format!("{counts}\n").as_bytes()).and_then(|()| ui.settle(status)).map_err(unprintable)?;
    Ok(status)
}
