//! What a mail server's reply is about: this recipient, this moment, the sending limit, or the
//! district. Pure.

use std::time::Duration;

/// The step of the conversation that the server replied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The name in EHLO or HELO.
    Hello,
    /// Greeting, encryption, login or sender: not about the recipient.
    Session,
    Recipient,
    Content,
}

/// What a negative reply is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// This recipient, for good; the words name no other cause.
    Mailbox,
    /// Probably this recipient, for good.
    Person,
    /// This message, not now.
    Later,
    /// All messages, for so long: the sending limit is reached.
    LimitReached(Duration),
    /// All messages, until a person corrects the fault.
    DistrictFault,
}

/// The next try, if the server does not name a time.
const SOON: Duration = Duration::from_secs(3600);
/// A daily limit often counts any 24 hours; the next night tries again.
const TOMORROW: Duration = Duration::from_secs(20 * 3600);

const LIMITS: [&str; 8] =
    ["quota", "quotas", "limit", "limits", "rate", "threshold", "throttled", "throttling"];
/// Words of servers that refuse all mail of the district.
const UNWELCOME: [&str; 9] = [
    "relay",
    "relaying",
    "blocked",
    "blacklist",
    "blacklisted",
    "blocklist",
    "blocklisted",
    "spamhaus",
    "unauthenticated",
];

/// The class of a negative reply. `text` is what the server said after the code.
///
/// Limits of Google and Microsoft come as 5xx and mean "tomorrow" (550 5.4.5, 550 5.1.90, 554 5.2.0
/// with a word for quotas). If they counted against recipients, a whole district would fail. Only
/// whole words count: `limited` is no limit.
pub(super) fn classify(stage: Stage, code: u16, text: &str) -> Class {
    let enhanced = enhanced(text).unwrap_or_default();
    let words = words(text);
    let says = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let about_recipient = !matches!(stage, Stage::Hello | Stage::Session);
    match (code, enhanced.as_str()) {
        (421 | 432, _) => Class::LimitReached(SOON),
        // Amazon's form.
        (454, _) if says(&LIMITS) => Class::LimitReached(SOON),
        (..500, _) => Class::Later,
        // A login that is missing, wrong or switched off.
        (530 | 534 | 535 | 538, _) => Class::DistrictFault,
        // No such mailbox or domain, or it is full, switched off, or accepts nothing so large.
        (
            _,
            "5.1.1" | "5.1.2" | "5.1.3" | "5.1.4" | "5.1.6" | "5.1.10" | "5.2.1" | "5.2.2" | "5.2.3"
            | "5.2.4" | "5.3.4",
        ) if about_recipient => Class::Mailbox,
        (552, _) if about_recipient && says(&["size", "large", "big"]) => Class::Mailbox,
        (_, "5.4.5" | "5.1.90") => Class::LimitReached(TOMORROW),
        _ if says(&LIMITS) => Class::LimitReached(TOMORROW),
        // Not allowed to send at all, or as that sender; no login; a bad sender.
        (_, "5.7.30" | "5.7.57" | "5.7.60" | "5.2.252" | "5.1.7" | "5.1.8") => Class::DistrictFault,
        // SPF, DKIM, DMARC and the DNS (RFC 7372), and tenants of Exchange Online that are not
        // trusted.
        (_, enhanced) if enhanced.starts_with("5.7.2") && enhanced.len() == 6 => Class::DistrictFault,
        (_, enhanced) if enhanced.starts_with("5.7.7") && enhanced.len() == 7 => Class::DistrictFault,
        (500 | 502..=504, _) => Class::DistrictFault,
        _ if !about_recipient || says(&UNWELCOME) || says_bad_sender(&words) => Class::DistrictFault,
        _ => Class::Person,
    }
}

/// `bad sender`, `Sender address rejected`.
fn says_bad_sender(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    words
        .windows(2)
        .any(|pair| matches!(pair, ["bad" | "invalid", "sender"] | ["sender", "rejected" | "denied"]))
        || words.windows(3).any(|three| matches!(three, ["sender", "address", "rejected" | "denied"]))
}

/// The words of a reply in lower case. `SenderRejected` is two words.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || was_small && c.is_uppercase() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        was_small = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether the server only asks a new sender to try again after some minutes.
pub(super) fn is_greylisting(code: u16, text: &str) -> bool {
    let text = text.to_lowercase();
    code < 500 && ["greylist", "graylist", "grey list", "grey-list"].iter().any(|word| text.contains(word))
}

/// The cure of a reply that is about the district's own side.
pub(super) fn cure(stage: Stage, code: u16, text: &str) -> &'static str {
    let (words, enhanced) = (words(text), enhanced(text).unwrap_or_default());
    let says = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let domain = says(&["sender", "from"]) && says(&["domain", "dns", "resolve", "mx"]);
    match (stage, code) {
        _ if stage == Stage::Hello || says(&["helo", "ehlo"]) => {
            "set `hello` in [notify.email] to the full host name of this machine, as the DNS has it"
        }
        (_, 530) => {
            "the server wants a login or encryption: `user` and `password_file`, `starttls` in [notify.email]"
        }
        (_, 534 | 535 | 538) => "check `user` and the password or token in [notify.email]",
        _ if enhanced == "5.7.30" => {
            "the server no longer accepts passwords: use token_command, or a relay without login"
        }
        _ if matches!(enhanced.as_str(), "4.1.7" | "4.1.8" | "5.1.7" | "5.1.8") || domain => {
            "check `from` (or `envelope_from`) in [notify.email]: its domain must be in the DNS"
        }
        _ if matches!(enhanced.as_str(), "4.3.1" | "4.3.2" | "4.3.4") || code == 452 => {
            "the mail server has no room or is busy: tell the people who run it"
        }
        (Stage::Session, _) => "check that this machine and user may send as `from` (or `envelope_from`)",
        (Stage::Hello | Stage::Recipient | Stage::Content, _) => {
            "have the relay accept mail from this machine or user; the messages stay queued"
        }
    }
}

/// `5.1.1`, if the text begins with such a code (RFC 3463).
fn enhanced(text: &str) -> Option<String> {
    let first = text.split_whitespace().next()?;
    let parts: Vec<&str> = first.split('.').collect();
    let numbers =
        parts.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    (parts.len() == 3 && numbers).then(|| first.to_owned())
}

/// `550 5.1.1`: the part of a reply that is stored and shown. The text itself often repeats the
/// address.
pub(super) fn reason(code: u16, text: &str) -> String {
    match enhanced(text) {
        Some(enhanced) => format!("{code} {enhanced}"),
        None => code.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reply_is_about() {
        use Stage::{Content, Recipient, Session};
        for (stage, code, text, class) in [
            (Recipient, 550, "5.1.1 <rosa@x.example>: no such user", Class::Mailbox),
            (Recipient, 524, "5.2.4 Mailing list expansion problem", Class::Mailbox),
            (Recipient, 552, "5.2.2 mailbox over quota", Class::Mailbox),
            (Content, 552, "5.3.4 message size exceeds fixed limit", Class::Mailbox),
            (Content, 552, "message exceeds the size limit", Class::Mailbox),
            (Recipient, 501, "5.1.3 Bad recipient address syntax", Class::Mailbox),
            (Recipient, 550, "5.7.1 rejected by policy", Class::Person),
            (Recipient, 550, "5.7.1 Message rejected by corporate policy", Class::Person),
            (Recipient, 550, "5.7.1 <a2>: separate policy", Class::Person),
            (
                Recipient,
                550,
                "5.7.1 Delivery not authorized, only accepts from a limited list",
                Class::Person,
            ),
            (Recipient, 550, "no such user", Class::Person),
            (Content, 554, "5.7.1 looks like spam", Class::Person),
            (Content, 554, "5.2.0 StoragePermanentException; mailbox is corrupt", Class::Person),
            (Recipient, 450, "4.2.1 receiving mail too quickly", Class::Later),
            (Recipient, 451, "4.7.1 greylisted", Class::Later),
            (Content, 452, "4.3.1 no room", Class::Later),
            (Session, 451, "4.3.0 try again", Class::Later),
            (Content, 454, "Throttling failure: Daily message quota exceeded.", Class::LimitReached(SOON)),
            (Recipient, 421, "4.7.0 closing", Class::LimitReached(SOON)),
            (Session, 432, "4.3.2 concurrent connections", Class::LimitReached(SOON)),
            (Content, 550, "5.4.5 Daily user sending limit exceeded", Class::LimitReached(TOMORROW)),
            (Session, 550, "5.4.5 Daily user sending limit exceeded", Class::LimitReached(TOMORROW)),
            (
                Recipient,
                550,
                "5.7.1 Daily SMTP relay limit exceeded for customer",
                Class::LimitReached(TOMORROW),
            ),
            (Content, 554, "5.2.0 quota exceeded", Class::LimitReached(TOMORROW)),
            (Content, 554, "5.2.0 STOREDRV:SubmissionQuotaExceededException", Class::LimitReached(TOMORROW)),
            (
                Recipient,
                550,
                "5.1.90 you have reached your daily limit for recipients",
                Class::LimitReached(TOMORROW),
            ),
            (
                Recipient,
                550,
                "5.7.705 Access denied, tenant has exceeded threshold",
                Class::LimitReached(TOMORROW),
            ),
            (
                Recipient,
                554,
                "Message rejected: Maximum sending rate exceeded",
                Class::LimitReached(TOMORROW),
            ),
            (Recipient, 550, "Daily message quota exceeded", Class::LimitReached(TOMORROW)),
            (Session, 535, "5.7.8 bad credentials", Class::DistrictFault),
            (Session, 550, "5.7.30 Basic authentication is not supported", Class::DistrictFault),
            (Recipient, 530, "5.7.0 Must issue a STARTTLS command first", Class::DistrictFault),
            (Session, 553, "sender not allowed", Class::DistrictFault),
            (Recipient, 554, "5.7.1 <rosa@x.example>: Relay access denied", Class::DistrictFault),
            (Content, 550, "5.7.60 no permission to send as this sender", Class::DistrictFault),
            (Recipient, 550, "5.7.708 traffic not accepted from this IP", Class::DistrictFault),
            (Content, 550, "5.7.26 This mail is unauthenticated", Class::DistrictFault),
            (Content, 550, "5.7.25 no PTR record", Class::DistrictFault),
            (Recipient, 554, "5.7.1 Client host [192.0.2.1] blocked using Spamhaus", Class::DistrictFault),
            (Recipient, 501, "5.1.7 bad address", Class::DistrictFault),
            (Recipient, 553, "Sender address rejected: not logged in", Class::DistrictFault),
            (Recipient, 503, "5.5.1 Bad sequence", Class::DistrictFault),
            (Recipient, 500, "5.5.1 unrecognized", Class::DistrictFault),
        ] {
            assert_eq!(classify(stage, code, text), class, "{code} {text}");
        }
    }

    #[test]
    fn the_stored_reason_has_no_address() {
        assert_eq!(reason(550, "5.1.1 <rosa@x.example>: no such user"), "550 5.1.1");
        assert_eq!(reason(550, "rosa@x.example unknown"), "550");
    }

    #[test]
    fn the_cure_names_the_key() {
        for (stage, code, text, key) in [
            (Stage::Hello, 504, "5.5.2 <sync01>: need fully-qualified hostname", "`hello`"),
            (Stage::Recipient, 504, "5.5.2 <sync01>: Helo command rejected: need a name", "`hello`"),
            (Stage::Recipient, 450, "4.7.1 <sync01>: Helo command rejected: Host not found", "`hello`"),
            (Stage::Recipient, 450, "4.1.8 <x>: Sender address rejected: Domain not found", "`from`"),
            (Stage::Recipient, 454, "4.7.1 <x>: Relay access denied", "have the relay accept"),
            (Stage::Content, 452, "4.3.1 Insufficient system storage", "has no room"),
            (Stage::Session, 535, "5.7.8 bad credentials", "`user`"),
        ] {
            assert!(cure(stage, code, text).contains(key), "{code} {text}: {}", cure(stage, code, text));
        }
    }
}
