//! A OneRoster server on this machine that gives pages from files, and does so little else that it
//! is not what is measured.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::pages::nobody;

/// What it lets in.
pub(crate) const TOKEN: &str = "let-me-in";

struct Pages {
    folder: PathBuf,
    users: u64,
    orgs: u64,
}

/// Starts it, with the pages of a folder and how many users and orgs it says there are. It ends
/// with the benchmark.
pub(crate) fn start(folder: &Path, (users, orgs): (u64, u64)) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let pages = Arc::new(Pages { folder: folder.to_owned(), users, orgs });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let pages = Arc::clone(&pages);
            // A client that goes away is none of our business.
            std::thread::spawn(move || serve(&stream, &pages));
        }
    });
    Ok(address)
}

/// Answers request after request until the other side has had enough.
fn serve(stream: &TcpStream, pages: &Pages) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut target, mut is_let_in) = (String::new(), false);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            if target.is_empty() {
                target = line.split(' ').nth(1).unwrap_or_default().to_owned();
            }
            is_let_in |= line.eq_ignore_ascii_case(&format!("authorization: bearer {TOKEN}"));
        }
        answer(stream, pages, &target, is_let_in)?;
    }
}

fn answer(mut stream: &TcpStream, pages: &Pages, target: &str, is_let_in: bool) -> Result<()> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let name = path.rsplit('/').next().unwrap_or_default();
    let offset = query.split('&').find_map(|pair| pair.strip_prefix("offset=")).unwrap_or_default();
    let file = File::open(pages.folder.join(format!("{name}-{offset}.json")));
    let length = match &file {
        Ok(file) => file.metadata()?.len(),
        Err(_) => nobody(name).len() as u64,
    };
    let status = if is_let_in { "200 OK" } else { "401 Unauthorized" };
    let total = if name == "users" { pages.users } else { pages.orgs };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-Total-Count: {total}\r\nContent-Length: {length}\r\n\r\n"
    )?;
    match file {
        // From file to socket within the system.
        Ok(mut file) => io::copy(&mut file, &mut stream).map(drop),
        Err(_) => stream.write_all(nobody(name).as_bytes()),
    }
}
