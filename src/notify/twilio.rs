//! SMS by Twilio's Messages API.

use std::time::Duration;

use reqwest::blocking::Client;
use serde_json::Value;

use super::carrier::{Answer, Carrier};
use super::http::{self, Lost};
use crate::config::NotifySms;
use crate::failure::{Failure, Kind, Result};
use crate::message::DeliveryState;
use crate::secret::Secret;
use crate::store::Waiting;

const USUAL: &str = "https://api.twilio.com";

pub(super) struct Twilio<'a> {
    sms: &'a NotifySms,
    client: Client,
    /// `…/2010-04-01/Accounts/AC…/Messages.json`
    url: String,
    user: String,
    password: Secret,
}

impl<'a> Twilio<'a> {
    /// # Errors
    /// `Usage` if the password is not where the configuration says.
    pub(super) fn new(sms: &'a NotifySms) -> Result<Self> {
        let account = sms.account_sid.clone().unwrap_or_default();
        let password = match sms.password() {
            Some(place) => place.read()?,
            None => return Err(Failure::new(Kind::Usage, "[notify.sms] has no password")),
        };
        let base = sms.url.as_deref().unwrap_or(USUAL).trim_end_matches('/');
        Ok(Self {
            sms,
            client: http::client(sms.timeout.duration(), sms.ca_file.as_deref())?,
            url: format!("{base}/2010-04-01/Accounts/{account}/Messages.json"),
            user: sms.user.clone().unwrap_or(account),
            password,
        })
    }

    fn down(&self, why: &str) -> Answer {
        Answer::Down(
            Failure::new(Kind::Failed, "Twilio cannot be reached")
                .at(&self.url)
                .cure("check the network; the messages stay queued")
                .because(why.to_owned()),
        )
    }

    /// Twilio takes the same request twice for two messages, so whether it has this one is looked up.
    fn look_up(&self, waiting: &Waiting) -> std::result::Result<Option<String>, Answer> {
        let since = waiting.queued.format("%Y-%m-%d").to_string();
        let query = [("To", waiting.message.to.address.as_str()), ("DateSent>", &since), ("PageSize", "100")];
        let mut url = reqwest::Url::parse(&self.url).map_err(|_| self.down("the address is not one"))?;
        url.query_pairs_mut().extend_pairs(query);
        let request = self.client.get(url).basic_auth(&self.user, Some(self.password.reveal()));
        let unknown = || Answer::Unknown { reason: "the answer was lost".into(), repeat: true };
        let reply = http::ask(request).map_err(|_| unknown())?;
        let page: Value = match (reply.status, serde_json::from_str(&reply.body)) {
            (200, Ok(page)) => page,
            _ => return Err(unknown()),
        };
        let Some(messages) = page["messages"].as_array() else { return Err(unknown()) };
        // A trial account puts its own words before ours.
        let same = |message: &&Value| {
            message["body"].as_str().is_some_and(|body| body.ends_with(&waiting.message.body))
                && message["to"] == waiting.message.to.address.as_str()
        };
        Ok(messages.iter().find(same).map(|message| message["sid"].as_str().unwrap_or_default().to_owned()))
    }
}

impl Carrier for Twilio<'_> {
    fn hand_over(&mut self, waiting: &Waiting) -> Answer {
        if matches!(waiting.before, DeliveryState::Sending | DeliveryState::Unknown) {
            match self.look_up(waiting) {
                Ok(Some(sid)) => return Answer::Sent(sid),
                Ok(None) => {}
                Err(answer) => return answer,
            }
        }
        let sender = match &self.sms.messaging_service {
            Some(service) => ("MessagingServiceSid", service.as_str()),
            None => ("From", self.sms.from.as_deref().unwrap_or_default()),
        };
        let form = [("To", waiting.message.to.address.as_str()), ("Body", &waiting.message.body), sender];
        let request =
            self.client.post(&self.url).basic_auth(&self.user, Some(self.password.reveal())).form(&form);
        let reply = match http::ask(request) {
            Ok(reply) => reply,
            Err(Lost::Unsent(why)) => return self.down(&why),
            Err(Lost::Unanswered(reason)) => return Answer::Unknown { reason, repeat: true },
        };
        let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        if (200..300).contains(&reply.status) {
            return match body["sid"].as_str() {
                Some(sid) => Answer::Sent(sid.to_owned()),
                None => Answer::Unknown { reason: "an answer without a sid".into(), repeat: true },
            };
        }
        classify(reply.status, body["code"].as_u64(), &self.url)
    }
}

/// What a refusal means: <https://www.twilio.com/docs/api/errors>.
fn classify(status: u16, code: Option<u64>, url: &str) -> Answer {
    let reason = code.map_or_else(|| status.to_string(), |code| code.to_string());
    let fault = |what: &str, cure: &str| {
        Answer::OurFault(
            Failure::new(Kind::Failed, format!("Twilio refuses us: {what} ({reason})")).at(url).cure(cure),
        )
    };
    match (status, code) {
        (_, Some(21610)) => Answer::OptedOut(reason),
        // Not a number, unroutable, a region that is not enabled, a landline, no mobile.
        (_, Some(21211 | 21214 | 21217 | 21408 | 21612 | 21614 | 21635)) => Answer::Refused(reason),
        (_, Some(20003)) | (401 | 403, _) => {
            fault("the login is wrong", "check account_sid, user and password in [notify.sms]")
        }
        (_, Some(21212 | 21603 | 21606 | 21659 | 21660 | 21661 | 21703 | 21704)) => {
            fault("the sender is not ours", "check `from` or `messaging_service` in [notify.sms]")
        }
        (_, Some(21608)) => fault("a trial account texts verified numbers only", "upgrade the account"),
        (_, Some(30034)) => {
            fault("the sender is not registered (A2P 10DLC)", "register it in Twilio's console")
        }
        (404, _) => fault("there is no such account", "check account_sid and url in [notify.sms]"),
        // Never processed; the queue is full for ten hours.
        (429, _) | (_, Some(20429 | 14107)) => Answer::Enough(reason, Duration::from_secs(600)),
        (_, Some(21611)) => Answer::Enough(reason, Duration::from_secs(10 * 3600)),
        (500.., _) => Answer::Later(reason),
        // A 4xx that we do not know is about this message; it is not lost, only not repeated for ever.
        _ => Answer::Later(reason),
    }
}
