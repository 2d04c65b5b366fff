//! Which encoding a file is in, found out by one look at all of its bytes, together with its
//! fingerprint.
//!
//! A file is never read as a mixture: either all of it is UTF-8, or all of it is something else. A
//! name that was decoded wrongly would look like a changed name.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::{memchr, memchr2};
use xxhash_rust::xxh3::Xxh3Default;

use super::EncodingSetting;
use super::evidence::Evidence;

/// Bytes read at a time. So few in this crate's own tests that every one of them goes over the
/// borders of pieces.
pub(super) const CHUNK: usize = if cfg!(test) { 61 } else { 1 << 20 };

const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// With this character DOS marked the end of a text file.
pub(super) const DOS_END: u8 = 0x1A;

/// How to decode a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Windows1252,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// A decoder to UTF-8; none where the bytes are that already.
    pub(super) fn decoder(self) -> Option<Decoder> {
        let encoding = match self {
            Encoding::Utf8 => return None,
            Encoding::Windows1252 => WINDOWS_1252,
            Encoding::Utf16Le => UTF_16LE,
            Encoding::Utf16Be => UTF_16BE,
        };
        Some(encoding.new_decoder_without_bom_handling())
    }

    /// Length of the byte order mark that `head` begins with. Where a program added a second one,
    /// of both.
    pub(super) fn mark(self, head: &[u8]) -> usize {
        let mark: &[u8] = match self {
            Encoding::Utf8 | Encoding::Windows1252 => UTF8_MARK,
            Encoding::Utf16Le => b"\xFF\xFE",
            Encoding::Utf16Be => b"\xFE\xFF",
        };
        head.chunks_exact(mark.len()).take_while(|piece| *piece == mark).count() * mark.len()
    }
}

/// What tells whether a file is still the one that was opened. Not a safeguard against a forger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub hash: u64,
    pub length: u64,
}

/// What one look at a file's bytes told.
pub(super) struct Inspection {
    pub encoding: Encoding,
    pub fingerprint: Fingerprint,
    /// Byte offset of the first place that is not UTF-8, or half a UTF-16 character. Set with
    /// windows-1252 if that was only fallen back on.
    pub first_bad: Option<u64>,
    /// There are characters of several bytes that are UTF-8, besides what is not: no single
    /// encoding explains the file.
    pub mixed: bool,
    /// What speaks for another code page, where windows-1252 was fallen back on.
    pub evidence: Evidence,
    /// There is a NUL character: whatever it is, it is not a text file.
    pub nul: bool,
    /// The last character is a line break or DOS's sign for the end of a file. Otherwise the last
    /// row may have been cut.
    pub ended: bool,
    /// How the first line ends.
    pub line_break: &'static str,
}

/// Appends the next piece to `out`. Less than a whole [`CHUNK`] means that nothing comes after it.
pub(super) fn read_piece(reader: &mut dyn Read, out: &mut Vec<u8>) -> io::Result<usize> {
    reader.take(CHUNK as u64).read_to_end(out)
}

/// Reads everything once.
pub(super) fn inspect(reader: &mut dyn Read, setting: EncodingSetting) -> io::Result<Inspection> {
    let mut hash = Xxh3Default::new();
    let mut length = 0;
    let mut chunk = Vec::with_capacity(CHUNK + 8);
    let mut guess: Option<Guess> = None;
    let mut last_two = [b'x'; 2];
    let mut line_break = None;
    loop {
        let kept = chunk.len();
        let read = read_piece(reader, &mut chunk)?;
        hash.update(&chunk[kept..]);
        line_break = line_break.or_else(|| first_break(&chunk[kept..]));
        for byte in &chunk[kept.max(chunk.len().saturating_sub(2))..] {
            last_two = [last_two[1], *byte];
        }
        let guess = guess.get_or_insert_with(|| Guess::new(setting, &chunk));
        let start = length - kept as u64;
        length += read as u64;
        let used = guess.check(&chunk, start, read == 0);
        chunk.drain(..used);
        if read == 0 {
            let fingerprint = Fingerprint { hash: hash.digest(), length };
            let strict = setting == EncodingSetting::Utf8;
            let fallback = !strict && guess.encoding == Encoding::Utf8 && guess.first_bad.is_some();
            let encoding = if fallback { Encoding::Windows1252 } else { guess.encoding };
            let mixed = fallback && guess.has_utf8;
            let last = match encoding {
                Encoding::Utf8 | Encoding::Windows1252 => last_two[1],
                Encoding::Utf16Le if last_two[1] == 0 => last_two[0],
                Encoding::Utf16Be if last_two[0] == 0 => last_two[1],
                Encoding::Utf16Le | Encoding::Utf16Be => b'x',
            };
            let mut evidence = std::mem::take(&mut guess.evidence);
            evidence.finish();
            return Ok(Inspection {
                encoding,
                fingerprint,
                first_bad: guess.first_bad,
                mixed,
                evidence,
                nul: guess.nul,
                line_break: line_break.unwrap_or_default(),
                ended: matches!(last, b'\n' | b'\r' | DOS_END),
            });
        }
    }
}

/// The first line break of a piece.
fn first_break(piece: &[u8]) -> Option<&'static str> {
    let at = memchr2(b'\r', b'\n', piece)?;
    // In UTF-16 a zero byte is before or after.
    let after = piece[at + 1..].iter().take(2).find(|byte| **byte != 0);
    Some(match (piece[at], after) {
        (b'\n', _) => "LF",
        (_, Some(b'\n')) => "CRLF",
        _ => "CR",
    })
}

/// The encoding that the beginning of a file suggests, and what the rest of it says to that.
struct Guess {
    encoding: Encoding,
    decoder: Option<Decoder>,
    decoded: String,
    first_bad: Option<u64>,
    /// Some character of several bytes was valid UTF-8. In windows-1252 that takes two unlikely
    /// letters side by side.
    has_utf8: bool,
    /// Of what comes from the first bad place on.
    evidence: Evidence,
    nul: bool,
}

impl Guess {
    fn new(setting: EncodingSetting, head: &[u8]) -> Self {
        let encoding = match setting {
            EncodingSetting::Utf8 => Encoding::Utf8,
            // The setting is for a whole package, the mark is proof about one file of it.
            EncodingSetting::Windows1252 if head.starts_with(UTF8_MARK) => Encoding::Utf8,
            EncodingSetting::Windows1252 => Encoding::Windows1252,
            EncodingSetting::Auto if head.starts_with(b"\xFF\xFE") => Encoding::Utf16Le,
            EncodingSetting::Auto if head.starts_with(b"\xFE\xFF") => Encoding::Utf16Be,
            EncodingSetting::Auto => Encoding::Utf8,
            // Without a mark the first character, a letter of a header, says which byte comes
            // first.
            EncodingSetting::Utf16 if head.starts_with(b"\xFE\xFF") || head.first() == Some(&0) => {
                Encoding::Utf16Be
            }
            EncodingSetting::Utf16 => Encoding::Utf16Le,
        };
        let utf16 = matches!(encoding, Encoding::Utf16Le | Encoding::Utf16Be);
        let decoder = encoding.decoder().filter(|_| utf16);
        Self {
            encoding,
            decoder,
            decoded: String::new(),
            first_bad: None,
            has_utf8: false,
            evidence: Evidence::default(),
            nul: false,
        }
    }

    /// Looks at the next piece, which begins at byte `start`; returns how much of it need not be
    /// seen again.
    fn check(&mut self, piece: &[u8], start: u64, last: bool) -> usize {
        if let Some(decoder) = &mut self.decoder {
            self.decoded.clear();
            let room = decoder.max_utf8_buffer_length_without_replacement(piece.len()).unwrap_or(0);
            self.decoded.reserve(room);
            let (result, read) = decoder.decode_to_string_without_replacement(piece, &mut self.decoded, last);
            if matches!(result, DecoderResult::Malformed(..)) {
                let bad = start + read as u64;
                self.first_bad = self.first_bad.or(Some(bad.saturating_sub(2)));
            }
            self.nul |= memchr(0, self.decoded.as_bytes()).is_some();
            return piece.len();
        }
        self.nul |= memchr(0, piece).is_some();
        if self.encoding != Encoding::Utf8 {
            return piece.len();
        }
        let content = if start == 0 { self.encoding.mark(piece) } else { 0 };
        let used = self.check_utf8(piece, content, start, last);
        if self.first_bad.is_some() {
            self.evidence.add(&piece[..used]);
        }
        used
    }

    fn check_utf8(&mut self, piece: &[u8], content: usize, start: u64, last: bool) -> usize {
        match std::str::from_utf8(piece) {
            Ok(text) => {
                self.has_utf8 |= !text[content..].is_ascii();
                piece.len()
            }
            // The last character may only have been cut by the end of the piece.
            Err(error) if error.error_len().is_none() && !last => {
                self.has_utf8 |= !piece[content..error.valid_up_to()].is_ascii();
                error.valid_up_to()
            }
            Err(error) => {
                self.first_bad = self.first_bad.or(Some(start + error.valid_up_to() as u64));
                // What is valid after the first bad place counts as well.
                self.has_utf8 |= piece[content..].utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
                piece.len()
            }
        }
    }
}

/// The text of a file, decoded as it is read, and fingerprinted on the way.
pub(super) struct TextReader<'r> {
    raw: Box<dyn Read + 'r>,
    encoding: Encoding,
    decoder: Option<Decoder>,
    chunk: Vec<u8>,
    hash: Xxh3Default,
    length: u64,
    pub(super) ended: bool,
}

impl<'r> TextReader<'r> {
    pub(super) fn new(raw: impl Read + 'r, encoding: Encoding) -> Self {
        let (raw, decoder) = (Box::new(raw), encoding.decoder());
        Self { raw, encoding, decoder, chunk: Vec::new(), hash: Xxh3Default::new(), length: 0, ended: false }
    }

    /// Appends the next piece of text to `out`; nothing more comes once `ended` says so.
    pub(super) fn read_more(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        let first = self.length == 0;
        let target = if self.decoder.is_some() { &mut self.chunk } else { &mut *out };
        let before = target.len();
        target.reserve(CHUNK);
        let read = read_piece(&mut *self.raw, target)?;
        self.hash.update(&target[before..]);
        self.length += read as u64;
        self.ended = read < CHUNK;
        if first {
            let mark = self.encoding.mark(&target[before..]);
            target.drain(before..before + mark);
        }
        if let Some(decoder) = &mut self.decoder {
            decode(decoder, &self.chunk, out, self.ended);
            self.chunk.clear();
        }
        if self.ended {
            let text = out.iter().rposition(|byte| *byte != DOS_END).map_or(0, |last| last + 1);
            out.truncate(text);
        }
        Ok(())
    }

    /// The fingerprint of everything. Reads what is left.
    pub(super) fn finish(mut self) -> io::Result<Fingerprint> {
        while !self.ended {
            self.chunk.clear();
            let read = read_piece(&mut *self.raw, &mut self.chunk)?;
            self.hash.update(&self.chunk);
            self.length += read as u64;
            self.ended = read < CHUNK;
        }
        Ok(Fingerprint { hash: self.hash.digest(), length: self.length })
    }
}

/// Decodes a piece. What is malformed was refused when the file was inspected, so a replacement
/// character can only come of a file that has changed since, which its fingerprint tells.
fn decode(decoder: &mut Decoder, mut piece: &[u8], out: &mut Vec<u8>, last: bool) {
    loop {
        let start = out.len();
        let room = decoder.max_utf8_buffer_length(piece.len()).unwrap_or(piece.len() * 3 + 16);
        out.resize(start + room, 0);
        let (result, read, written, _) = decoder.decode_to_utf8(piece, &mut out[start..], last);
        out.truncate(start + written);
        if result == encoding_rs::CoderResult::InputEmpty {
            return;
        }
        piece = &piece[read..];
    }
}
