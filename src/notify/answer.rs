//! What a mail server's answer means: for this person, for now, for today, or for us. Pure.

use std::time::Duration;

/// How far a message was when the answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Greeting, encryption, login, sender: nothing of it is about the recipient.
    Ourselves,
    Recipient,
    Content,
}

/// Whom an answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// This recipient, for good.
    Person,
    /// This message, not now.
    Later,
    /// Everything from us, for so long: the server has had enough.
    Enough(Duration),
    /// Everything from us, until somebody mends it.
    OurFault,
}

/// After that the server is asked again where it did not say when.
const SOON: Duration = Duration::from_secs(3600);
/// A limit of the day is often one of any 24 hours; the next night may try again.
const TOMORROW: Duration = Duration::from_secs(20 * 3600);

/// The class of a negative answer. `text` is what the server said after the code.
///
/// Limits of Google and Microsoft come as 5xx and mean "tomorrow" (550 5.4.5, 550 5.7.1 with a word of limits, 554 5.2.0):
/// taken for the recipient's, they would fail a whole district.
pub(super) fn classify(stage: Stage, code: u16, text: &str) -> Class {
    let said = text.to_lowercase();
    let enhanced = enhanced(text);
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    match (code, enhanced.as_deref()) {
        (421 | 432, _) => Class::Enough(SOON),
        (550, Some("5.4.5")) | (554, Some("5.2.0")) => Class::Enough(TOMORROW),
        (_, Some("5.7.1")) if says(&["limit", "quota", "rate", "exceed"]) => Class::Enough(TOMORROW),
        // Login wanted, wrong or switched off; not allowed to send as that sender.
        (530 | 534 | 535 | 538, _) | (_, Some("5.7.30" | "5.7.57" | "5.7.60" | "5.2.252")) => Class::OurFault,
        (500.., _) if stage == Stage::Ourselves => Class::OurFault,
        // The server does not pass on our mail, whoever it is for.
        (550 | 551 | 553 | 554, _) if stage == Stage::Recipient && says(&["relay"]) => Class::OurFault,
        (500.., _) => Class::Person,
        (..500, _) => Class::Later,
    }
}

/// `5.1.1`, where the text begins with such a code (RFC 3463).
fn enhanced(text: &str) -> Option<String> {
    let first = text.split_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let numbers =
        parts.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    (parts.len() == 3 && numbers).then(|| first.to_owned())
}

/// `550 5.1.1`: what may be kept and shown of an answer about a person. The text itself often repeats the address.
pub(super) fn reason(code: u16, text: &str) -> String {
    match enhanced(text) {
        Some(enhanced) => format!("{code} {enhanced}"),
        None => code.to_string(),
    }
}

/// The text of an answer about ourselves, without what looks like an address or a number.
pub(super) fn harmless(text: &str) -> String {
    let word = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if word.contains('@') || digits >= 7 { "…".to_owned() } else { word.to_owned() }
    };
    let mut text = text.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(200) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_an_answer_is_about() {
        use Stage::{Content, Ourselves, Recipient};
        for (stage, code, text, class) in [
            (Recipient, 550, "5.1.1 <rosa@x.example>: no such user", Class::Person),
            (Recipient, 524, "5.2.4 Mailing list expansion problem", Class::Person),
            (Recipient, 552, "5.2.2 mailbox over quota", Class::Person),
            (Recipient, 550, "5.7.1 rejected by policy", Class::Person),
            (Content, 554, "5.7.1 looks like spam", Class::Person),
            (Recipient, 450, "4.2.1 receiving mail too quickly", Class::Later),
            (Recipient, 451, "4.7.1 greylisted", Class::Later),
            (Content, 452, "4.3.1 no room", Class::Later),
            (Ourselves, 451, "4.3.0 try again", Class::Later),
            (Recipient, 421, "4.7.0 closing", Class::Enough(SOON)),
            (Ourselves, 432, "4.3.2 concurrent connections", Class::Enough(SOON)),
            (Content, 550, "5.4.5 Daily user sending limit exceeded", Class::Enough(TOMORROW)),
            (Recipient, 550, "5.7.1 Daily SMTP relay limit exceeded for customer", Class::Enough(TOMORROW)),
            (Content, 554, "5.2.0 quota exceeded", Class::Enough(TOMORROW)),
            (Ourselves, 535, "5.7.8 bad credentials", Class::OurFault),
            (Ourselves, 550, "5.7.30 Basic authentication is not supported", Class::OurFault),
            (Recipient, 530, "5.7.0 Must issue a STARTTLS command first", Class::OurFault),
            (Ourselves, 553, "sender not allowed", Class::OurFault),
            (Recipient, 554, "5.7.1 <rosa@x.example>: Relay access denied", Class::OurFault),
            (Content, 550, "5.7.60 no permission to send as this sender", Class::OurFault),
        ] {
            assert_eq!(classify(stage, code, text), class, "{code} {text}");
        }
    }

    #[test]
    fn what_is_kept_of_an_answer_names_nobody() {
        assert_eq!(reason(550, "5.1.1 <rosa@x.example>: no such user"), "550 5.1.1");
        assert_eq!(reason(550, "rosa@x.example unknown"), "550");
        assert_eq!(harmless("no <rosa@x.example> at +17185550142, sorry"), "no … at … sorry");
    }
}
