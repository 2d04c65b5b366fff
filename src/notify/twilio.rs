//! SMS by Twilio's Messages API.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use reqwest::blocking::Client;
use serde_json::Value;

use super::carrier::{AT_WILL, Answer, Carrier, Refusal, Trouble, harmless};
use super::http::{self, Lost};
use crate::config::TwilioSms;
use crate::failure::{Failure, Kind, Result};
use crate::secret::{Redactor, Secret};
use crate::store::{Store, Waiting};

const USUAL: &str = "https://api.twilio.com";

pub(super) struct Twilio<'a> {
    sms: &'a TwilioSms,
    /// Has Twilio's ids of the messages in the outbox; none for a sample.
    store: Option<&'a Store>,
    client: Client,
    /// `…/2010-04-01/Accounts/AC…/Messages.json`
    url: String,
    user: String,
    password: Secret,
    /// Removes the password from answers.
    redactor: Redactor,
}

impl<'a> Twilio<'a> {
    /// # Errors
    /// `Usage` if the password is not where the configuration says.
    pub(super) fn new(sms: &'a TwilioSms, store: Option<&'a Store>) -> Result<Self> {
        let account = &sms.account_sid;
        let password = match sms.password() {
            Some(place) => place.read()?,
            None => return Err(Failure::new(Kind::Usage, "[notify.sms] has no password")),
        };
        let base = sms.url.as_deref().unwrap_or(USUAL).trim_end_matches('/');
        let mut redactor = Redactor::default();
        redactor.hide(password.reveal());
        Ok(Self {
            sms,
            store,
            client: http::client(sms.timeout, sms.ca_file.as_deref())?,
            url: format!("{base}/2010-04-01/Accounts/{account}/Messages.json"),
            user: sms.user.as_ref().unwrap_or(account).clone(),
            password,
            redactor,
        })
    }

    fn down(&self, why: &str) -> Answer {
        Answer::Stop(Trouble::Unreachable(
            Failure::new(Kind::Failed, "Twilio cannot be reached")
                .at(&self.url)
                .cure("check the network; the messages stay queued")
                .quoting(why),
        ))
    }

    /// The id of this message, if Twilio has it. Twilio would send a repeated request as a second
    /// message.
    fn look_up(&self, waiting: &Waiting) -> std::result::Result<Option<String>, Box<Answer>> {
        // Not by the day of sending: a message that waits at Twilio has none yet.
        let query = [("To", waiting.message.to.address.as_str()), ("PageSize", "100")];
        let mut url =
            reqwest::Url::parse(&self.url).map_err(|_| Box::new(self.down("the address is not one")))?;
        url.query_pairs_mut().extend_pairs(query);
        let request = self.client.get(url).basic_auth(&self.user, Some(self.password.reveal()));
        let reply = http::send(request).map_err(|lost| match lost {
            Lost::Unsent(why) | Lost::Unanswered(why) => Box::new(self.down(&why)),
        })?;
        let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        match (reply.status, body["messages"].as_array()) {
            (200, Some(messages)) => {
                let found = messages.iter().find(|message| self.is_it(message, waiting));
                Ok(found.map(|message| message["sid"].as_str().unwrap_or_default().to_owned()))
            }
            (200, None) => Err(Box::new(self.down("the answer has no list of messages"))),
            (status, _) => Err(Box::new(match self.classify(status, &body) {
                stop @ Answer::Stop(_) => stop,
                _ => self.down(&format!("messages cannot be looked up: {status}")),
            })),
        }
    }

    /// Whether a message at Twilio is this one, and not an earlier one with the same words. A
    /// message that failed does not count.
    fn is_it(&self, message: &Value, waiting: &Waiting) -> bool {
        // Twilio's clock may differ from this machine's.
        let earliest = waiting.queued - TimeDelta::minutes(5);
        let made = message["date_created"].as_str().and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        // Another district may use the same account, with a sender of its own.
        let sender = self.sms.from.as_deref().zip(message["from"].as_str());
        let known = |sid: &str| self.store.is_some_and(|store| store.has_reference(sid).unwrap_or(false));
        // A trial account puts its own words before the text.
        message["body"].as_str().is_some_and(|body| body.ends_with(&waiting.message.body))
            && message["to"] == waiting.message.to.address.as_str()
            && !matches!(message["status"].as_str(), Some("failed" | "undelivered" | "canceled"))
            && made.is_none_or(|made| made >= earliest)
            && sender.is_none_or(|(ours, theirs)| ours == theirs)
            && !message["sid"].as_str().is_some_and(known)
    }

    /// The meaning of a refusal, with Twilio's words.
    fn classify(&self, status: u16, body: &Value) -> Answer {
        // A number, or text from a gateway in between.
        let code = body["code"].as_u64().or_else(|| body["code"].as_str()?.parse().ok());
        let words = body["message"].as_str().map(|words| harmless(&self.redactor.clean(words)));
        classify(status, code, words.unwrap_or_default().trim(), &self.url)
    }
}

impl Carrier for Twilio<'_> {
    fn hand_over(&mut self, waiting: &Waiting) -> Answer {
        if waiting.lost > 0 {
            match self.look_up(waiting) {
                Ok(Some(sid)) => return Answer::Sent(sid),
                Ok(None) => {}
                Err(answer) => return *answer,
            }
        }
        let sender = match &self.sms.messaging_service {
            Some(service) => ("MessagingServiceSid", service.as_str()),
            None => ("From", self.sms.from.as_deref().unwrap_or_default()),
        };
        let form = [("To", waiting.message.to.address.as_str()), ("Body", &waiting.message.body), sender];
        let request =
            self.client.post(&self.url).basic_auth(&self.user, Some(self.password.reveal())).form(&form);
        let reply = match http::send(request) {
            Ok(reply) => reply,
            Err(Lost::Unsent(why)) => return self.down(&why),
            Err(Lost::Unanswered(reason)) => return Answer::Unknown(reason),
        };
        let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        if (200..300).contains(&reply.status) {
            return match body["sid"].as_str() {
                Some(sid) => Answer::Sent(sid.to_owned()),
                None => Answer::Unknown("an answer without a sid".into()),
            };
        }
        self.classify(reply.status, &body)
    }

    fn place(&self) -> String {
        self.url.clone()
    }

    /// A repeated message is looked up first.
    fn repeats(&self) -> u32 {
        AT_WILL
    }
}

/// The meaning of a refusal: <https://www.twilio.com/docs/api/errors>.
fn classify(status: u16, code: Option<u64>, words: &str, url: &str) -> Answer {
    let reason = code.map_or_else(|| status.to_string(), |code| code.to_string());
    let said = if words.is_empty() { reason.clone() } else { format!("{reason} {words}") };
    let refusal = || {
        let cure = match code {
            Some(code) => format!("see https://www.twilio.com/docs/api/errors/{code} and Twilio's console"),
            None => "see Twilio's console".to_owned(),
        };
        Refusal { said: format!("Twilio says {said}"), ..Refusal::of(reason.clone(), cure) }
    };
    let fault = |what: &str, cure: &str| {
        let what = format!("Twilio refuses the district's messages: {what} ({said})");
        Trouble::DistrictFault(Failure::new(Kind::Failed, what).at(url).cure(cure))
    };
    let enough = |seconds| Answer::Stop(Trouble::LimitReached(reason.clone(), Duration::from_secs(seconds)));
    match (status, code) {
        (_, Some(21610)) => Answer::OptedOut(reason),
        // Not a number, unroutable, a region that is not enabled, a landline, no mobile.
        (_, Some(21211 | 21214 | 21217 | 21408 | 21612 | 21614 | 21635)) => {
            Answer::Refused { refusal: refusal(), named: true }
        }
        (_, Some(20003)) | (401 | 403, None) => {
            Answer::Stop(fault("the login is wrong", "check account_sid, user and password in [notify.sms]"))
        }
        (_, Some(20005)) => {
            Answer::Stop(fault("the account is not active", "activate it in Twilio's console"))
        }
        // Some of these depend on the country of the recipient.
        (_, Some(21212 | 21603 | 21606 | 21659 | 21660 | 21661 | 21703 | 21704)) => {
            let cure = "check `from` or `messaging_service` in [notify.sms]";
            Answer::MaybeStop(fault("the sender is not the account's", cure), reason)
        }
        (_, Some(21608)) => {
            let what = "a trial account texts verified numbers only";
            Answer::MaybeStop(fault(what, "upgrade the account"), reason)
        }
        (_, Some(30034)) => Answer::MaybeStop(
            fault("the sender is not registered (A2P 10DLC)", "register it in Twilio's console"),
            reason,
        ),
        (404, _) => {
            Answer::Stop(fault("there is no such account", "check account_sid and url in [notify.sms]"))
        }
        (300..=399, _) => Answer::Stop(fault(
            "Twilio answers with a redirect, and redirects are not followed",
            "check url in [notify.sms]",
        )),
        // The account's messages for today.
        (_, Some(63038)) => enough(20 * 3600),
        // Never processed; the queue is full for ten hours.
        (429, _) | (_, Some(20429 | 14107)) => enough(600),
        (_, Some(21611)) => enough(10 * 3600),
        (401 | 403, _) => Answer::Stop(fault(
            "the account may not do that",
            "check account_sid, user and password in [notify.sms]",
        )),
        // An unknown code is about this message, unless all recipients get it.
        _ => Answer::Later(refusal()),
    }
}
