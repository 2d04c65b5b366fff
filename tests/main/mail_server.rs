//! A mail server on loopback that answers as it is told: every class of answer, a connection that
//! breaks at any step, encryption with a certificate authority of its own, and logins.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use mail_parser::MessageParser;

/// A step of the conversation that can be answered otherwise than well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Connect,
    /// EHLO.
    Hello,
    Auth,
    Sender,
    Recipient,
    Data,
    /// After the message.
    Content,
}

/// What happens there.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    Says(&'static str),
    /// Breaks off without a word.
    Breaks,
    /// Takes the message, and breaks off before it says so.
    TakesAndBreaks,
    /// Says nothing any more, until the client goes away. A message it takes.
    Hangs,
    /// Takes the message, and takes its time to say so.
    Dawdles,
    /// As `Says`, after a challenge to which the client has to answer.
    Challenges(&'static str),
}

/// For which recipient (all if empty), at which step, what, and how often (0: always).
#[derive(Debug, Clone)]
struct Rule {
    to: String,
    at: At,
    does: Does,
    times: usize,
}

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) message_id: String,
    pub(crate) subject: String,
    pub(crate) raw: String,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    arrived: Vec<Arrived>,
    connections: usize,
    logins: Vec<String>,
    said: Vec<String>,
    /// Each of these is told when a connection hangs.
    hanging: Vec<std::sync::mpsc::Sender<()>>,
    /// What happens with each message that arrives: called before it is answered.
    watchers: VecDeque<std::sync::mpsc::Sender<usize>>,
}

pub(crate) struct MailServer {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

/// Whether and how it encrypts.
#[derive(Clone)]
pub(crate) enum Security {
    Plain,
    StartTls(Arc<rustls::ServerConfig>),
    Implicit(Arc<rustls::ServerConfig>),
}

impl MailServer {
    pub(crate) fn start() -> Self {
        Self::with(Security::Plain)
    }

    pub(crate) fn with(security: Security) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), state, security) = (stream, Arc::clone(&shared), security.clone()) else {
                    return;
                };
                std::thread::spawn(move || {
                    // A client that goes away is what some tests are about.
                    let _ = serve(stream, &state, &security);
                });
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("\"smtp://127.0.0.1:{}\"", self.port)
    }

    /// From now on, for this recipient (all if empty) at this step.
    pub(crate) fn when(&self, to: &str, at: At, does: Does, times: usize) {
        self.state.lock().unwrap().rules.push(Rule { to: to.into(), at, does, times });
    }

    pub(crate) fn is_well_again(&self) {
        self.state.lock().unwrap().rules.clear();
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.state.lock().unwrap().arrived.clone()
    }

    pub(crate) fn recipients(&self) -> Vec<String> {
        self.arrived().into_iter().map(|mail| mail.to).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    pub(crate) fn logins(&self) -> Vec<String> {
        self.state.lock().unwrap().logins.clone()
    }

    /// Everything that clients said but for messages.
    pub(crate) fn said(&self) -> Vec<String> {
        self.state.lock().unwrap().said.clone()
    }

    /// Is told the number of messages so far each time that one has arrived, before it is answered.
    pub(crate) fn watch(&self) -> std::sync::mpsc::Receiver<usize> {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.state.lock().unwrap().watchers.push_back(sender);
        receiver
    }
}

impl MailServer {
    /// Hears each time that a connection hangs.
    pub(crate) fn hangs(&self) -> std::sync::mpsc::Receiver<()> {
        let (sender, receiver) = std::sync::mpsc::channel();
        self.state.lock().unwrap().hanging.push(sender);
        receiver
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

fn serve(stream: TcpStream, state: &Mutex<State>, security: &Security) -> std::io::Result<()> {
    let raw = stream.try_clone()?;
    let (tls, encrypted): (_, Box<dyn Stream>) = match security {
        Security::Plain => (None, Box::new(stream)),
        Security::StartTls(config) => (Some(Arc::clone(config)), Box::new(stream)),
        Security::Implicit(config) => (None, Box::new(encrypt(config, stream))),
    };
    let mut conversation = Conversation {
        io: BufReader::new(encrypted),
        raw,
        state,
        tls,
        to: String::new(),
        from: String::new(),
    };
    conversation.state.lock().unwrap().connections += 1;
    if !conversation.answer(At::Connect, "220 mail.example ready")? {
        return Ok(());
    }
    while conversation.one()? {}
    Ok(())
}

fn encrypt(
    config: &Arc<rustls::ServerConfig>,
    stream: TcpStream,
) -> rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(config)).unwrap(), stream)
}

struct Conversation<'a> {
    io: BufReader<Box<dyn Stream>>,
    raw: TcpStream,
    state: &'a Mutex<State>,
    tls: Option<Arc<rustls::ServerConfig>>,
    from: String,
    to: String,
}

impl Conversation<'_> {
    fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.io.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.io.get_mut().flush()
    }

    fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        let read = self.io.read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim_end().to_owned()))
    }

    /// What a rule says of this step, if one does.
    fn rule(&self, at: At) -> Option<Does> {
        let mut state = self.state.lock().unwrap();
        let known = !matches!(at, At::Connect | At::Hello | At::Auth | At::Sender);
        let found = state
            .rules
            .iter()
            .position(|rule| rule.at == at && (rule.to.is_empty() || (known && self.to == rule.to)))?;
        let does = state.rules[found].does.clone();
        match state.rules[found].times {
            0 => {}
            1 => {
                state.rules.remove(found);
            }
            _ => state.rules[found].times -= 1,
        }
        Some(does)
    }

    /// Answers a step, well unless a rule says otherwise. Whether the conversation goes on well.
    fn answer(&mut self, at: At, well: &str) -> std::io::Result<bool> {
        match self.rule(at) {
            None => {
                self.say(well)?;
                Ok(true)
            }
            Some(Does::Says(text)) => {
                self.say(text)?;
                if text.starts_with("421") {
                    let _ = self.raw.shutdown(Shutdown::Both);
                }
                Ok(false)
            }
            Some(Does::Challenges(text)) => {
                self.say("334 eyJzdGF0dXMiOiI0MDEifQ==")?;
                self.line()?;
                self.say(text)?;
                Ok(false)
            }
            Some(Does::Hangs) => self.hang(),
            Some(Does::Breaks | Does::TakesAndBreaks | Does::Dawdles) => {
                self.raw.shutdown(Shutdown::Both)?;
                Ok(false)
            }
        }
    }

    fn hang(&mut self) -> std::io::Result<bool> {
        self.state.lock().unwrap().hanging.retain(|watcher| watcher.send(()).is_ok());
        while self.line()?.is_some() {}
        Ok(false)
    }

    /// One command. Whether there may be another.
    fn one(&mut self) -> std::io::Result<bool> {
        let Some(line) = self.line()? else { return Ok(false) };
        self.state.lock().unwrap().said.push(line.clone());
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        match word.as_str() {
            "EHLO" => {
                let starttls = if self.tls.is_some() { "250-STARTTLS\r\n" } else { "" };
                let extensions =
                    format!("250-mail.example\r\n{starttls}250-AUTH PLAIN LOGIN XOAUTH2\r\n250 8BITMIME");
                self.answer(At::Hello, &extensions)?;
            }
            "HELO" => self.say("250-mail.example\r\n250 hello")?,
            "STARTTLS" => {
                self.say("220 go ahead")?;
                let Some(config) = self.tls.take() else { return Ok(false) };
                self.io = BufReader::new(Box::new(encrypt(&config, self.raw.try_clone()?)));
            }
            "AUTH" => {
                self.state.lock().unwrap().logins.push(line);
                self.answer(At::Auth, "235 2.7.0 welcome")?;
            }
            "MAIL" => {
                self.from = address(&line);
                self.answer(At::Sender, "250 2.1.0 ok")?;
            }
            "RCPT" => {
                self.to = address(&line);
                self.answer(At::Recipient, "250 2.1.5 ok")?;
            }
            "DATA" => {
                if self.answer(At::Data, "354 go on")? {
                    return self.message();
                }
            }
            "RSET" | "NOOP" => self.say("250 ok")?,
            "QUIT" => {
                self.say("221 bye")?;
                return Ok(false);
            }
            _ => self.say("502 what?")?,
        }
        Ok(true)
    }

    fn message(&mut self) -> std::io::Result<bool> {
        let mut raw = String::new();
        loop {
            match self.line()? {
                None => return Ok(false),
                Some(line) if line == "." => break,
                Some(line) => raw.push_str(&format!("{}\r\n", line.strip_prefix('.').unwrap_or(&line))),
            }
        }
        let does = self.rule(At::Content);
        if matches!(does, None | Some(Does::TakesAndBreaks | Does::Hangs | Does::Dawdles)) {
            let mail = MessageParser::new().parse(raw.as_bytes()).unwrap();
            let mut state = self.state.lock().unwrap();
            state.arrived.push(Arrived {
                from: self.from.clone(),
                to: self.to.clone(),
                message_id: mail.message_id().unwrap_or_default().to_owned(),
                subject: mail.subject().unwrap_or_default().to_owned(),
                raw: raw.clone(),
            });
            let count = state.arrived.len();
            state.watchers.retain(|watcher| watcher.send(count).is_ok());
        }
        match does {
            None => self.say("250 2.0.0 taken")?,
            Some(Does::Says(text) | Does::Challenges(text)) => self.say(text)?,
            Some(Does::Hangs) => return self.hang(),
            Some(Does::Dawdles) => {
                std::thread::sleep(std::time::Duration::from_millis(1500));
                self.say("250 2.0.0 taken")?;
            }
            Some(Does::Breaks | Does::TakesAndBreaks) => {
                self.raw.shutdown(Shutdown::Both)?;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn address(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
