//! Connections to a server: through the district's proxy if there is one, but never to this
//! machine. A proxy would look for `localhost` on its own machine, and send the credentials there.

use std::time::Duration;

use reqwest::Url;
use reqwest::blocking::{Client, ClientBuilder};

use super::address::is_loopback;
use super::{Options, Proxy, explain};
use crate::failure::{Failure, Kind, Result, chain};
use crate::tls;

/// Connections that are kept open.
pub(super) struct Connections {
    out: Client,
    /// None if there is no proxy to avoid.
    here: Option<Client>,
}

impl Connections {
    pub(super) fn new(options: &Options) -> Result<Self> {
        let out = match &options.proxy {
            Proxy::System => builder(options)?,
            Proxy::None => builder(options)?.no_proxy(),
            Proxy::At(url) => builder(options)?.proxy(reqwest::Proxy::all(url).map_err(|cause| {
                Failure::new(Kind::Usage, "the proxy's address cannot be used")
                    .at("[source.http] proxy")
                    .cure("write for example \"http://proxy.lincoln.example:3128\"")
                    .because(cause.without_url())
            })?),
        };
        let here = match options.proxy {
            Proxy::None => None,
            Proxy::System | Proxy::At(_) => Some(build(builder(options)?.no_proxy())?),
        };
        Ok(Self { out: build(out)?, here })
    }

    pub(super) fn to(&self, url: &Url) -> &Client {
        self.here.as_ref().filter(|_| is_loopback(url)).unwrap_or(&self.out)
    }
}

fn builder(options: &Options) -> Result<ClientBuilder> {
    let builder = Client::builder()
        .user_agent(concat!("rostersync/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(options.timeout.min(Duration::from_secs(30)))
        .timeout(options.timeout);
    Ok(match &options.ca_file {
        Some(path) => {
            let own = tls::certificates(path, "`ca_file` in [source.http]")?;
            builder.tls_backend_preconfigured(tls::trusting(own)?)
        }
        None => builder,
    })
}

fn build(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|cause| {
        let failure = Failure::new(Kind::Failed, "connections cannot be made on this machine")
            .cure("check that the system has its certificates (package ca-certificates)");
        Failure { cause: chain(&explain::causes(&cause)), ..failure }
    })
}
