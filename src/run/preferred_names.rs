//! `[sync] names = "preferred"`: whether the source has such names at all.

use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::LastNight;
use crate::roster::{Mode, NameKind};
use crate::rules::Rules;
use crate::source::{About, AfterRead};

/// Fewer preferred names may be gone in one night: a few users have left.
const FEW: u64 = 5;

/// Holds tonight's preferred names against those of the last good night, and puts down how many
/// there are. Only a whole roster says that there are none.
///
/// # Errors
/// `InputUnusable` if many users had one and none has one tonight: the legal names would replace
/// them all.
pub(super) fn compare(
    about: &About,
    after: &AfterRead,
    rules: &Rules,
    tonight: &mut LastNight,
    findings: &mut Findings,
) -> Result<()> {
    let wanted = rules.names == NameKind::Preferred && about.mode == Mode::Bulk;
    let Some(count) = after.preferred_names.filter(|_| wanted) else { return Ok(()) };
    let before = std::mem::replace(&mut tonight.preferred_names, count);
    if count > 0 {
        return Ok(());
    }
    if before >= FEW {
        let what = "no user has a preferred name tonight, and many had one on the last good night; nothing was applied";
        return Err(Failure::new(Kind::InputUnusable, what).at(&about.name).cure(
            "have the preferred names exported again; to go on with the legal names, set `names = \"legal\"` in [sync]",
        ));
    }
    findings.warn("no-preferred-names", At::file(about.users_name), || {
        "`names` in [sync] is \"preferred\", and the source has no preferred names; the legal names are used"
            .to_owned()
    });
    Ok(())
}
