//! SMS by any gateway that takes one HTTP request for each message, as the configuration describes
//! it.

use std::time::Duration;

use reqwest::Method as HttpMethod;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;

use super::carrier::{AT_WILL, Answer, Carrier, Refusal, Trouble, harmless};
use super::http::{self, Lost};
use crate::config::{BodyForm, GatewaySms, Method};
use crate::failure::{Failure, Kind, Result};
use crate::secret::{Redactor, Secret, SecretPlace};
use crate::store::Waiting;

pub(super) struct Gateway<'a> {
    sms: &'a GatewaySms,
    client: Client,
    url: &'a str,
    password: Option<Secret>,
    token: Option<(HeaderName, HeaderValue)>,
    idempotency: Option<HeaderName>,
    /// Removes secrets from answers.
    redactor: Redactor,
}

impl<'a> Gateway<'a> {
    /// # Errors
    /// `Usage` if a secret is not where the configuration says, or a header name or value is not
    /// possible.
    pub(super) fn new(sms: &'a GatewaySms) -> Result<Self> {
        let no_header = |what: &str| {
            Failure::new(Kind::Usage, format!("{what} in [notify.sms] cannot be an HTTP header"))
                .cure("letters, digits and hyphens only")
        };
        let name = |text: &str, what| HeaderName::try_from(text).map_err(|_| no_header(what));
        let url = &sms.url;
        let mut redactor = Redactor::default();
        // A key may be in the query of the address.
        for (_, value) in reqwest::Url::parse(url).iter().flat_map(|url| url.query_pairs()) {
            redactor.hide(&value);
        }
        let mut secret = |place: Option<SecretPlace>| -> Result<Option<Secret>> {
            let secret = place.map(|place| place.read()).transpose()?;
            secret.iter().for_each(|secret| redactor.hide(secret.reveal()));
            Ok(secret)
        };
        let password = secret(sms.password())?;
        let token = secret(sms.token())?.map(|token| {
            let (header, text) = match &sms.header {
                Some(header) => (name(header, "`header`")?, token.reveal().to_owned()),
                None => (reqwest::header::AUTHORIZATION, format!("Bearer {}", token.reveal())),
            };
            let mut value = HeaderValue::try_from(text).map_err(|_| no_header("the token"))?;
            value.set_sensitive(true);
            Ok::<_, Failure>((header, value))
        });
        let idempotency = sms.idempotency_header.as_deref().map(|text| name(text, "`idempotency_header`"));
        Ok(Self {
            sms,
            client: http::client(sms.timeout, sms.ca_file.as_deref())?,
            url,
            password,
            token: token.transpose()?,
            idempotency: idempotency.transpose()?,
            redactor,
        })
    }

    /// The address without its query, which may hold a key.
    fn address(&self) -> &str {
        self.url.split(['?', '#']).next().unwrap_or_default()
    }

    fn request(&self, waiting: &Waiting) -> RequestBuilder {
        let reference = format!("rostersync-{}", waiting.key('-'));
        let values = [
            ("{to}", waiting.message.to.address.as_str()),
            ("{from}", self.sms.from.as_deref().unwrap_or_default()),
            ("{body}", &waiting.message.body),
            ("{ref}", &reference),
        ];
        let fields = self.sms.fields.iter();
        let fields: Vec<(&str, String)> =
            fields.map(|(field, template)| (field.as_str(), fill(template, &values))).collect();
        let method = match self.sms.method {
            Method::Put => HttpMethod::PUT,
            Method::Post => HttpMethod::POST,
        };
        let mut request = self.client.request(method, self.url);
        request = match self.sms.body {
            BodyForm::Form => request.form(&fields),
            BodyForm::Json => {
                let object: serde_json::Map<String, Value> =
                    fields.into_iter().map(|(field, value)| (field.to_owned(), value.into())).collect();
                request.header(CONTENT_TYPE, "application/json").body(Value::Object(object).to_string())
            }
        };
        if let Some(user) = &self.sms.user {
            request = request.basic_auth(user, self.password.as_ref().map(Secret::reveal));
        }
        if let Some((header, value)) = &self.token {
            request = request.header(header.clone(), value.clone());
        }
        if let Some(header) = &self.idempotency {
            request = request.header(header.clone(), reference);
        }
        request
    }

    /// The gateway's words, unless they repeat the text that was sent.
    fn words(&self, body: &Value, sent: &str) -> Option<String> {
        const PLACES: [&str; 9] = [
            "/message",
            "/error/message",
            "/error",
            "/errors/0/message",
            "/errors/0/detail",
            "/errors/0/title",
            "/messages/0/error-text",
            "/detail",
            "/title",
        ];
        let words = PLACES.iter().find_map(|place| body.pointer(place)?.as_str())?;
        let sent: Vec<char> = sent.chars().collect();
        let repeats = sent.windows(12).any(|part| words.contains(&part.iter().collect::<String>()));
        (!repeats && !words.is_empty()).then(|| harmless(&self.redactor.clean(words)))
    }

    fn classify(&self, status: u16, body: &Value, sent: &str) -> Answer {
        let at = |pointer: &Option<String>| {
            let value = pointer.as_deref().and_then(|pointer| body.pointer(pointer));
            value.map(text_of).unwrap_or_default()
        };
        let code = at(&self.sms.code_pointer);
        let reason = if code.is_empty() { status.to_string() } else { format!("{status} {code}") };
        // Without a code, the status is the code.
        let code = if code.is_empty() { status.to_string() } else { code };
        let of = |codes: &[String]| codes.contains(&code);
        let reason = harmless(&self.redactor.clean(&reason));
        let said = match self.words(body, sent) {
            Some(words) => format!("{reason} {words}"),
            None => reason.clone(),
        };
        let refusal = |cure: &str| Refusal {
            said: format!("the text gateway says {said}"),
            ..Refusal::of(reason.clone(), cure)
        };
        let fault = |cure: &str| {
            let what = format!("the text gateway refuses the district's messages: {said}");
            Trouble::DistrictFault(Failure::new(Kind::Failed, what).at(self.address()).cure(cure))
        };
        let is_success = match (&self.sms.success_pointer, &self.sms.success_equals) {
            (Some(_), Some(wanted)) => at(&self.sms.success_pointer) == *wanted,
            _ => true,
        };
        const MANUAL: &str = "look the code up in the gateway's manual";
        // The configuration's meaning of a code goes before the meaning of the status.
        match status {
            200..=299 if is_success => Answer::Sent(at(&self.sms.id_pointer)),
            _ if of(&self.sms.opted_out_codes) => Answer::OptedOut(reason),
            _ if of(&self.sms.permanent_codes) => Answer::Refused { refusal: refusal(MANUAL), named: true },
            _ if of(&self.sms.our_fault_codes) => {
                let cure = "the code is one of our_fault_codes: check [notify.sms] and the account";
                Answer::MaybeStop(fault(cure), reason)
            }
            _ if of(&self.sms.retry_codes) => Answer::Later(refusal(MANUAL)),
            401 | 403 | 404 | 405 => {
                Answer::Stop(fault("check url, user, password and token in [notify.sms]"))
            }
            300..=399 => Answer::Stop(fault(
                "the gateway answers with a redirect, and redirects are not followed: check url in [notify.sms]",
            )),
            429 => Answer::Stop(Trouble::LimitReached(reason, Duration::from_secs(600))),
            // The gateway may have sent the text before it failed, and would not recognise it.
            408 | 500.. if self.idempotency.is_none() => Answer::Unknown(reason),
            // Nothing says that the refusal is for good.
            _ => Answer::Later(refusal(
                "look the code up in the gateway's manual, and name it in one of the lists of codes in [notify.sms]",
            )),
        }
    }
}

impl Carrier for Gateway<'_> {
    fn hand_over(&mut self, waiting: &Waiting) -> Answer {
        match http::send(self.request(waiting)) {
            Ok(reply) => {
                let body = serde_json::from_str(&reply.body).unwrap_or_default();
                self.classify(reply.status, &body, &waiting.message.body)
            }
            Err(Lost::Unsent(why)) => Answer::Stop(Trouble::Unreachable(
                Failure::new(Kind::Failed, "the text gateway cannot be reached")
                    .at(self.address())
                    .cure("check url in [notify.sms] and the network; the messages stay queued")
                    .quoting(why),
            )),
            Err(Lost::Unanswered(reason)) => Answer::Unknown(reason),
        }
    }

    fn place(&self) -> String {
        self.address().to_owned()
    }

    /// The gateway recognises a repeated request by its reference, if it uses that header.
    fn repeats(&self) -> u32 {
        if self.idempotency.is_some() { AT_WILL } else { 0 }
    }
}

/// Fills in every placeholder once: placeholders in the values stay as they are.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        match values.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                filled.push_str(value);
                rest = &rest[name.len()..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_once() {
        let values = [("{to}", "+1"), ("{body}", "say {to} {")];
        assert_eq!(fill("{to}: {body} {else}", &values), "+1: say {to} { {else}");
    }
}
