//! Requests to a server: with retries, within bounds, and with the credentials shown to no other
//! server.
//!
//! A request is tried again when the trouble may pass (no connection, 429, 5xx, an answer that was
//! cut short), waits as long as the server asks, and has an end. Redirects are not followed, since
//! the next server would be handed the credentials. Neither bodies nor secrets are ever logged.

mod address;
mod auth;
mod credentials;
mod explain;
mod oauth1;
mod retry;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

pub use reqwest::Url;
use reqwest::blocking::{ClientBuilder, Request, RequestBuilder, Response};
use reqwest::header::HeaderMap;

use crate::failure::{Failure, Kind, Result, chain};
use crate::source::Watch;
use crate::tls;
use address::is_loopback;
pub use address::{base, same_server, under};
use auth::Auth;
pub use credentials::{Credentials, SecretIn};
use explain::Asked;
pub use oauth1::Signature;

/// No answer is larger than this, unpacked.
const LARGEST_BODY: u64 = 256 << 20;

/// How much of the memory for an answer is made ready at once.
const PIECE: usize = 64 << 10;

/// How many times all requests of one pull together are tried again.
const RETRIES_PER_PULL: u32 = 200;

/// How long it takes at most until it is noticed that the run is to stop.
const NAP: Duration = Duration::from_millis(100);

/// How servers are asked.
#[derive(Debug, Clone)]
pub struct Options {
    /// For connecting, and again for a whole answer.
    pub timeout: Duration,
    /// How many times one request is tried again.
    pub retries: u32,
    /// Before the first of them; it doubles from one to the next.
    pub retry_wait: Duration,
    /// PEM file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    pub proxy: Proxy,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(120),
            retries: 5,
            retry_wait: Duration::from_secs(1),
            ca_file: None,
            proxy: Proxy::System,
        }
    }
}

/// The way out of the district's network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// What the environment says (`HTTPS_PROXY`, `NO_PROXY`).
    #[default]
    System,
    None,
    At(String),
}

/// What a server answered, whatever its status.
pub struct Answer {
    pub status: u16,
    headers: HeaderMap,
    pub body: Vec<u8>,
    /// What was asked.
    pub url: Url,
}

impl Answer {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

enum Trouble {
    /// It may pass: what happened, and how long the server wants to be left alone.
    Passing(Failure, Option<Duration>),
    /// It will not.
    Lasting(Failure),
}

/// Asks one server for one pull.
pub struct Client<'w> {
    connections: Connections,
    options: Options,
    auth: RefCell<Auth>,
    watch: &'w Watch<'w>,
    retries_left: Cell<u32>,
    /// The server wants to be left alone until then.
    not_before: Cell<Option<Instant>>,
    /// What was asked for before it is wanted.
    ahead: RefCell<HashMap<Url, Receiver<Result<Answer, Trouble>>>>,
    /// Buffers of bodies that were read, for the next ones: a large one for each page, from another
    /// thread each time, would leave the allocator with several of them.
    buffers: RefCell<Vec<Vec<u8>>>,
    /// The length of the longest body so far.
    longest: Cell<usize>,
}

impl<'w> Client<'w> {
    /// A client that shows these credentials.
    ///
    /// # Errors
    /// `Usage` if the options or the secrets cannot be used.
    pub fn new(options: &Options, credentials: &Credentials, watch: &'w Watch<'w>) -> Result<Self> {
        Ok(Self {
            connections: Connections::new(options),
            options: options.clone(),
            auth: RefCell::new(Auth::new(credentials.clone())?),
            watch,
            retries_left: Cell::new(RETRIES_PER_PULL),
            not_before: Cell::new(None),
            ahead: RefCell::default(),
            buffers: RefCell::default(),
            longest: Cell::default(),
        })
    }

    /// As [`Client::get`], behind what should be the end: none if the server says that there is no
    /// such page.
    pub fn get_unless_past_end<T>(
        &self,
        url: &Url,
        read: impl FnMut(&Answer) -> serde_json::Result<T>,
    ) -> Result<Option<T>> {
        match self.get_or_refusal(url, read)? {
            Ok(value) => Ok(Some(value)),
            Err(refusal) if matches!(refusal.status, 400 | 404 | 416) => Ok(None),
            Err(refusal) => Err(self.explain(&refusal)),
        }
    }

    /// Asks for an address and has the answer read by `read`, again if it was cut short. Where
    /// records of the same list came `before`, that there is no such page does not mean that the
    /// address is wrong.
    ///
    /// # Errors
    /// `SourceUnavailable` if there is no answer, a refusal, or not what was asked for;
    /// `Interrupted` if the run is to stop.
    pub fn get<T>(
        &self,
        url: &Url,
        before: u64,
        read: impl FnMut(&Answer) -> serde_json::Result<T>,
    ) -> Result<T> {
        self.get_or_refusal(url, read)?.map_err(|refusal| match refusal.status {
            404 | 410 if before > 0 => explain::later_page(&refusal, before),
            _ => self.explain(&refusal),
        })
    }

    fn explain(&self, refusal: &Answer) -> Failure {
        explain::refusal(refusal, Asked::Roster(&self.auth.borrow().credentials))
    }

    fn get_or_refusal<T>(
        &self,
        url: &Url,
        mut read: impl FnMut(&Answer) -> serde_json::Result<T>,
    ) -> Result<Result<T, Answer>> {
        let mut renewed = false;
        loop {
            let read = |answer: Answer| {
                if !answer.is_success() {
                    return Ok(Err(answer));
                }
                match read(&answer) {
                    Ok(value) => {
                        self.buffers.borrow_mut().push(answer.body);
                        Ok(Ok(value))
                    }
                    Err(error) if error.is_eof() && !answer.body.is_empty() => {
                        Err(Trouble::Passing(explain::cut_short(&answer), None))
                    }
                    Err(error) => {
                        Err(Trouble::Lasting(explain::not_json(&answer, &error, explain::CHECK_SOURCE)))
                    }
                }
            };
            let authorized = || self.authorized(url);
            let answer = match self.ask(&authorized, read)? {
                Ok(value) => return Ok(Ok(value)),
                Err(answer) => answer,
            };
            // A token may have been replaced or have run out before its time; once is enough to
            // know.
            if answer.status == 401 && !renewed && self.auth.borrow_mut().renew() {
                tracing::info!("the token has expired; getting another one");
                renewed = true;
                continue;
            }
            return Ok(Err(answer));
        }
    }

    /// Sends what `build` makes until there is an answer that `read` takes, or until it is of no
    /// use to go on.
    fn ask<T>(
        &self,
        build: &dyn Fn() -> Result<RequestBuilder>,
        mut read: impl FnMut(Answer) -> Result<T, Trouble>,
    ) -> Result<T> {
        let mut attempt = 0;
        loop {
            self.rest()?;
            let (failure, asked) = match self.once(build()?).and_then(&mut read) {
                Ok(value) => return Ok(value),
                Err(Trouble::Lasting(failure)) => return Err(failure),
                Err(Trouble::Passing(failure, asked)) => (failure, asked),
            };
            if attempt >= self.options.retries || self.retries_left.get() == 0 {
                return Err(explain::given_up(failure, attempt));
            }
            let Some(wait) = retry::wait(attempt, asked, self.options.retry_wait, fastrand::f64()) else {
                return Err(explain::too_long(failure, asked));
            };
            attempt += 1;
            self.retries_left.set(self.retries_left.get() - 1);
            tracing::warn!(
                "{}, at {}; trying again in {:.1} s ({attempt} of {})",
                failure.what,
                failure.place,
                wait.as_secs_f64(),
                self.options.retries
            );
            self.sleep(wait)?;
        }
    }

    /// One request, one answer. Statuses that may pass are trouble.
    fn once(&self, request: RequestBuilder) -> Result<Answer, Trouble> {
        let (http, request) = request.build_split();
        let request = request.map_err(|cause| {
            let what = "the request cannot be written";
            Trouble::Lasting(Failure::new(Kind::Failed, what).because(cause.without_url()))
        })?;
        let receiver = match self.ahead.borrow_mut().remove(request.url()) {
            Some(receiver) => receiver,
            None => self.send(http, request),
        };
        let answer = loop {
            match receiver.recv_timeout(NAP) {
                Ok(answer) => break answer?,
                Err(RecvTimeoutError::Timeout) => self.watch.interrupted().map_err(Trouble::Lasting)?,
                Err(RecvTimeoutError::Disconnected) => {
                    let what = "internal error: the request thread stopped";
                    let cure = "run again; if it happens again, report it with this message";
                    return Err(Trouble::Lasting(Failure::new(Kind::Failed, what).cure(cure)));
                }
            }
        };
        self.longest.set(self.longest.get().max(answer.body.len()));
        let is_used_up = answer.header("x-ratelimit-remaining").is_some_and(|left| left.trim() == "0");
        // While requests are left, the end of their window does not matter.
        let reset = answer.header("x-ratelimit-reset").filter(|_| is_used_up || answer.status == 429);
        let asked = retry::asked(answer.header("retry-after"), reset, SystemTime::now());
        if retry::is_passing(answer.status) {
            return Err(Trouble::Passing(explain::passing(&answer), asked));
        }
        if is_used_up {
            let until = asked.filter(|wait| *wait <= retry::LONGEST_WAIT);
            self.not_before.set(until.map(|wait| Instant::now() + wait));
        }
        Ok(answer)
    }

    /// Sends a request in a thread of its own, so that a run can be stopped while a server is slow.
    fn send(&self, http: reqwest::blocking::Client, request: Request) -> Receiver<Result<Answer, Trouble>> {
        let (sender, receiver) = mpsc::channel();
        let timeout = self.options.timeout;
        let mut buffer = self.buffers.borrow_mut().pop().unwrap_or_default();
        // The allocator would keep what the other thread asks for, and only such threads would use it.
        let room = self.longest.get() + self.longest.get() / 8;
        buffer.reserve(room.saturating_sub(buffer.len()));
        let proxy = self.options.proxy.clone();
        let answers = sender.clone();
        let started = std::thread::Builder::new().spawn(move || {
            // Nothing waits for it any more if the run was stopped.
            let _ = answers.send(exchange(&http, request, timeout, buffer, &proxy));
        });
        if let Err(cause) = started {
            let _ = sender.send(Err(Trouble::Lasting(Failure::no_thread(cause))));
        }
        receiver
    }

    /// Asks for addresses that will be wanted soon, and for no others: [`Client::get`] then takes
    /// what came. What went wrong is asked for again there.
    pub fn look_ahead(&self, urls: &[Url]) -> Result<()> {
        self.ahead.borrow_mut().retain(|url, _| urls.contains(url));
        if self.not_before.get().is_some() {
            return Ok(());
        }
        for url in urls {
            if self.ahead.borrow().contains_key(url) {
                continue;
            }
            let (http, request) = self.authorized(url)?.build_split();
            if let Ok(request) = request {
                let receiver = self.send(http, request);
                self.ahead.borrow_mut().insert(url.clone(), receiver);
            }
        }
        Ok(())
    }

    fn authorized(&self, url: &Url) -> Result<RequestBuilder> {
        let header = self.auth.borrow_mut().header(url, self)?;
        Ok(self
            .connections
            .to(url)?
            .get(url.clone())
            .header("accept", "application/json")
            .header("authorization", header))
    }

    /// Waits out a window of requests that is used up.
    fn rest(&self) -> Result<()> {
        if let Some(moment) = self.not_before.take() {
            let wait = moment.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                tracing::info!(
                    "the server's limit of requests is reached; going on in {} s",
                    wait.as_secs() + 1
                );
                self.sleep(wait)?;
            }
        }
        self.watch.interrupted()
    }

    /// Waits, but not when the run is to stop.
    fn sleep(&self, wait: Duration) -> Result<()> {
        let end = Instant::now() + wait;
        loop {
            self.watch.interrupted()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(NAP));
        }
    }
}

/// One request and its whole answer.
fn exchange(
    http: &reqwest::blocking::Client,
    request: Request,
    timeout: Duration,
    buffer: Vec<u8>,
    proxy: &Proxy,
) -> Result<Answer, Trouble> {
    let url = request.url().clone();
    let deadline = Instant::now() + timeout;
    let mut response = http.execute(request).map_err(|cause| explain::unreachable(&url, cause, proxy))?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = read_body(&mut response, &url, deadline, buffer)?;
    Ok(Answer { status, headers, body, url })
}

fn read_body(
    response: &mut Response,
    url: &Url,
    deadline: Instant,
    mut body: Vec<u8>,
) -> Result<Vec<u8>, Trouble> {
    let expected = response.content_length().unwrap_or_default().min(LARGEST_BODY);
    // The end is known from a read beyond it.
    let room = usize::try_from(expected).unwrap_or_default() + PIECE;
    body.reserve(room.saturating_sub(body.len()));
    let mut length = 0;
    loop {
        if length == body.len() {
            body.resize(length + PIECE, 0);
        }
        match response.read(&mut body[length..]) {
            Ok(0) => {
                body.truncate(length);
                return Ok(body);
            }
            Ok(count) => length += count,
            Err(cause) => return Err(Trouble::Passing(explain::broken_off(url, &cause), None)),
        }
        if length as u64 > LARGEST_BODY {
            return Err(Trouble::Lasting(explain::too_large(url)));
        }
        if Instant::now() > deadline {
            return Err(Trouble::Passing(explain::too_slow(url), None));
        }
    }
}

/// Connections that are kept open: through the district's proxy if there is one, but never to this
/// machine. A proxy would look for `localhost` on its own machine, and send the credentials there.
struct Connections {
    options: Options,
    out: OnceCell<reqwest::blocking::Client>,
    here: OnceCell<reqwest::blocking::Client>,
    /// To this machine, without encryption.
    plain: OnceCell<reqwest::blocking::Client>,
}

impl Connections {
    fn new(options: &Options) -> Self {
        let (out, here, plain) = Default::default();
        Self { options: options.clone(), out, here, plain }
    }

    /// Only what is asked is made ready: the certificates of the system are hundreds of files.
    fn to(&self, url: &Url) -> Result<&reqwest::blocking::Client> {
        let (is_here, is_plain) = (is_loopback(url), url.scheme() == "http");
        let client = match (is_here, is_plain) {
            (true, true) => &self.plain,
            (true, false) => &self.here,
            (false, _) => &self.out,
        };
        if let Some(client) = client.get() {
            return Ok(client);
        }
        let mut builder = builder(&self.options)?;
        builder = match (&self.options.proxy, is_here) {
            (Proxy::None, _) | (_, true) => builder.no_proxy(),
            (Proxy::System, false) => builder,
            (Proxy::At(url), false) => builder.proxy(reqwest::Proxy::all(url).map_err(|cause| {
                Failure::new(Kind::Usage, "the proxy's address cannot be used")
                    .at("[source.http] proxy")
                    .cure("write for example \"http://proxy.lincoln.example:3128\"")
                    .because(cause.without_url())
            })?),
        };
        if is_here && is_plain {
            builder = builder.tls_certs_only([]);
        }
        let built = build(builder)?;
        Ok(client.get_or_init(|| built))
    }
}

fn builder(options: &Options) -> Result<ClientBuilder> {
    let builder = reqwest::blocking::Client::builder()
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

fn build(builder: ClientBuilder) -> Result<reqwest::blocking::Client> {
    builder.build().map_err(|cause| {
        let failure = Failure::new(Kind::Failed, "connections cannot be made on this machine")
            .cure("check that the system has its certificates (package ca-certificates)");
        Failure { cause: chain(&explain::causes(&cause)), ..failure }
    })
}
