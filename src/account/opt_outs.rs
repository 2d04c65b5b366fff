//! Which channels a person has left, and what the platform's export last said of that.

use serde::{Deserialize, Serialize};

use crate::message::Channel;

/// Whether a person wants no messages by a channel. Whichever speaks last is right: the platform's
/// export, when its word changes; `users opt-out` and `users opt-in`; a STOP to the gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOuts([OptOut; 2]);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OptOut {
    out: bool,
    /// What the export last said. As long as it says so again, it says nothing new.
    exported: bool,
}

impl OptOuts {
    pub fn has_left(&self, channel: Channel) -> bool {
        self.0[channel as usize].out
    }

    /// Whether this changes anything.
    pub fn set(&mut self, channel: Channel, out: bool) -> bool {
        std::mem::replace(&mut self.0[channel as usize].out, out) != out
    }

    /// Takes in what the export says. Whether that changes anything.
    pub fn export_says(&mut self, channel: Channel, out: bool) -> bool {
        let before = std::mem::replace(&mut self.0[channel as usize].exported, out);
        before != out && self.set(channel, out)
    }

    /// As the store has it: `email:out sms:exported`.
    pub fn column(&self) -> Option<String> {
        let words: Vec<String> = Channel::ALL
            .into_iter()
            .zip(self.0)
            .flat_map(|(channel, OptOut { out, exported })| {
                let word = |holds: bool, word: &str| holds.then(|| format!("{}:{word}", channel.word()));
                [word(out, "out"), word(exported, "exported")]
            })
            .flatten()
            .collect();
        Some(words.join(" ")).filter(|text| !text.is_empty())
    }

    pub fn from_column(text: Option<&str>) -> Self {
        let mut opt_outs = Self::default();
        for (channel, word) in text.unwrap_or_default().split(' ').filter_map(|part| part.split_once(':')) {
            let Some(of) = Channel::ALL.into_iter().find(|known| known.word() == channel) else { continue };
            match word {
                "out" => opt_outs.0[of as usize].out = true,
                "exported" => opt_outs.0[of as usize].exported = true,
                _ => {}
            }
        }
        opt_outs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts() {
        let mut opt_outs = OptOuts::default();
        assert!(!opt_outs.export_says(Channel::Email, false), "nothing new");
        assert!(opt_outs.set(Channel::Email, true) && !opt_outs.set(Channel::Email, true));
        assert!(!opt_outs.export_says(Channel::Email, false), "the export does not know yet");
        assert!(opt_outs.has_left(Channel::Email));
        assert!(!opt_outs.export_says(Channel::Email, true), "now it does");
        assert!(opt_outs.export_says(Channel::Email, false), "and the person is back there");
        assert!(opt_outs.export_says(Channel::Sms, true) && opt_outs.set(Channel::Sms, false));
        assert!(!opt_outs.export_says(Channel::Sms, true) && !opt_outs.has_left(Channel::Sms));
        let column = opt_outs.column();
        assert_eq!(column.as_deref(), Some("sms:exported"));
        assert_eq!(OptOuts::from_column(column.as_deref()), opt_outs);
        assert_eq!(OptOuts::from_column(Some("email: x sms")), OptOuts::default());
    }
}
