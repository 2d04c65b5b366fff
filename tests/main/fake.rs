//! A web server on a real socket of this machine, which answers what a test tells it to, faults
//! included.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// As it was sent, still encoded.
    pub(crate) path: String,
    /// As it was sent.
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    /// The decoded value of a parameter in the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        pairs(&self.query).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.parameter(name)?.parse().ok()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A query or a form, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let hex = String::from_utf8(vec![*high, *low]).unwrap();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap());
                tail
            }
            (b'+', tail) => {
                bytes.push(b' ');
                tail
            }
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    String::from_utf8(bytes).unwrap()
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Say {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// Half of the body under a length that promises all of it, and then the connection is closed.
    Cut(String),
    /// Half of the body, and then nothing more until the other side goes away.
    Hang(String),
    /// The connection is closed without a word.
    Drop,
}

impl Reply {
    pub(crate) fn json(body: impl ToString) -> Self {
        Self::Say {
            status: 200,
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: body.to_string(),
        }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::json("{\"error\":\"so it is\"}").with_status(status)
    }

    pub(crate) fn html(status: u16) -> Self {
        Self::Say {
            status,
            headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())],
            body: "<!doctype html><title>Oops</title>".into(),
        }
    }

    pub(crate) fn with_status(self, code: u16) -> Self {
        match self {
            Self::Say { headers, body, .. } => Self::Say { status: code, headers, body },
            other => other,
        }
    }

    pub(crate) fn with(self, name: &str, value: impl ToString) -> Self {
        match self {
            Self::Say { status, mut headers, body } => {
                headers.push((name.into(), value.to_string()));
                Self::Say { status, headers, body }
            }
            other => other,
        }
    }
}

/// A certificate that an authority of the district has signed, as servers inside a district have
/// them.
pub(crate) struct Certified {
    /// What has to be trusted, in PEM.
    pub(crate) authority: String,
    config: Arc<rustls::ServerConfig>,
}

impl Certified {
    /// A certificate that is its own authority, as appliances make it for themselves.
    pub(crate) fn by_itself(name: &str) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let signed = params.self_signed(&key).unwrap();
        Self::with(signed.pem(), signed.der().clone(), &key)
    }

    /// For a server of this name.
    pub(crate) fn new(name: &str) -> Self {
        Self::until(name, 4096)
    }

    /// As [`Certified::new`], good until this year.
    pub(crate) fn until(name: &str, year: i32) -> Self {
        use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let (key, own_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let pem = authority.self_signed(&key).unwrap().pem();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let signed = params.signed_by(&own_key, &Issuer::new(authority, key)).unwrap();
        Self::with(pem, signed.der().clone(), &own_key)
    }

    fn with(
        authority: String,
        own: rustls::pki_types::CertificateDer<'static>,
        own_key: &rcgen::KeyPair,
    ) -> Self {
        let own_key = rustls::pki_types::PrivatePkcs8KeyDer::from(own_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own], own_key.into())
            .unwrap();
        Self { authority, config: Arc::new(config) }
    }
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// The server; it ends with the test.
pub(crate) struct Fake {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Request>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(None, answer)
    }

    /// The same behind TLS.
    pub(crate) fn start_with(
        certified: Option<&Certified>,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let tls = certified.map(|certified| Arc::clone(&certified.config));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let answer: Arc<Handler> = Arc::new(answer);
        let (log, end) = (Arc::clone(&asked), Arc::clone(&ended));
        let thread = spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (log, answer, tls) = (Arc::clone(&log), Arc::clone(&answer), tls.clone());
                // A broken connection is what some tests are about.
                spawn(move || {
                    let stream = stream.ok()?;
                    match tls {
                        None => serve(stream, &log, &*answer),
                        Some(config) => {
                            let connection = rustls::ServerConnection::new(config).ok()?;
                            serve(rustls::StreamOwned::new(connection, stream), &log, &*answer)
                        }
                    }
                });
            }
        });
        Self { address, asked, ended, thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT` and a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers request after request until the other side has had enough.
fn serve(stream: impl Read + Write, log: &Mutex<Vec<Request>>, answer: &Handler) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let request = read(&mut reader)?;
        log.lock().unwrap().push(request.clone());
        let (status, headers, body) = match answer(&request) {
            Reply::Say { status, headers, body } => (status, headers, body),
            Reply::Drop => return None,
            Reply::Cut(body) => {
                write(reader.get_mut(), 200, &[], body.len(), &body.as_bytes()[..body.len() / 2])?;
                return None;
            }
            Reply::Hang(body) => {
                write(reader.get_mut(), 200, &[], body.len(), &body.as_bytes()[..body.len() / 2])?;
                let _ = reader.read(&mut [0]);
                return None;
            }
        };
        write(reader.get_mut(), status, &headers, body.len(), body.as_bytes())?;
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let body = String::from_utf8(body).unwrap();
    Some(Request { method, path: path.into(), query: query.into(), headers, body })
}

fn write(
    stream: &mut impl Write,
    status: u16,
    headers: &[(String, String)],
    length: usize,
    body: &[u8],
) -> Option<()> {
    let mut head = format!("HTTP/1.1 {status} So\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if status != 204 {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).and_then(|()| stream.flush()).ok()
}
