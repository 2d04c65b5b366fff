//! HTTP for text gateways and monitors: one request, one answer of limited length, and whether a
//! request that failed may have arrived.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};

use crate::failure::{Failure, Kind, Result};
use crate::tls;

const LONGEST: u64 = 64 << 10;

pub(super) struct Reply {
    pub status: u16,
    pub body: String,
}

pub(super) enum Lost {
    /// The request never left.
    Unsent(String),
    Unanswered(String),
}

/// A client that follows no redirects: the server there would get the password.
pub(super) fn client(timeout: Duration, ca_file: Option<&Path>) -> Result<Client> {
    let mut builder = Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("rostersync/", env!("CARGO_PKG_VERSION")));
    if let Some(path) = ca_file {
        let own = tls::certificates(path, "`ca_file` in [notify.sms]")?;
        builder = builder.tls_backend_preconfigured(tls::trusting(own)?);
    }
    builder.build().map_err(|error| {
        Failure::new(Kind::Failed, "encryption cannot be set up")
            .cure("check this system's certificate store")
            .quoting(said(&error))
    })
}

pub(super) fn send(request: RequestBuilder) -> std::result::Result<Reply, Lost> {
    let response = request.send().map_err(|error| match error.is_connect() || error.is_builder() {
        true => Lost::Unsent(said(&error)),
        false => Lost::Unanswered(said(&error)),
    })?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    response
        .take(LONGEST)
        .read_to_end(&mut body)
        .map_err(|_| Lost::Unanswered("the answer broke off".to_owned()))?;
    Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
}

/// The innermost error, without the address: that may contain a number or a secret.
fn said(error: &reqwest::Error) -> String {
    let mut said = if error.is_timeout() { "no answer in time" } else { "the connection failed" }.to_owned();
    let causes = std::iter::successors(std::error::Error::source(error), |cause| (**cause).source());
    if let Some(cause) = causes.last() {
        said = cause.to_string();
    }
    if said.contains("InvalidContentType") || said.contains("tls handshake eof") {
        return "the server does not use https at this address; is the address an http:// one?".to_owned();
    }
    super::carrier::harmless(&said)
}
