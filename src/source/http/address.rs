//! Addresses: which ones may be asked, and how they are written.

use std::net::IpAddr;

use reqwest::Url;

use crate::failure::{Failure, Kind, Result};

/// Reads a configured address, without a slash at its end. What is percent-encoded in it stays as
/// it is written, since ClassLink's application ids come encoded and must not be encoded again.
///
/// # Errors
/// `Usage` if it is none, holds a password or a query, or would send secrets over a plain
/// connection to another machine.
pub fn base(text: &str, allow_http: bool) -> Result<Url> {
    let wrong = |what: &str, cure: &str| Failure::new(Kind::Usage, what).at(shown(text)).cure(cure);
    let url = Url::parse(text.trim_end_matches('/')).map_err(|cause| {
        wrong("that is not an address", "write for example \"https://sis.example.org/ims/oneroster/v1p1\"")
            .because(cause)
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "an address must not hold a user or a password",
            "write them in [source.auth], where they are kept from logs",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("an address must end with its path", "remove what follows `?` or `#`"));
    }
    if url.port() == Some(0) {
        return Err(wrong(
            "an address names port 0, where no server can be",
            "write the server's port, or none",
        ));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if allow_http || is_loopback(&url) => Ok(url),
        "http" => Err(wrong(
            "an address with `http://` would send passwords and people's details in clear",
            "write `https://`; if the way there is protected otherwise, set `allow_http = true` in [source.http]",
        )),
        _ => Err(wrong("that address cannot be asked", "write one that begins with `https://`")),
    }
}

/// An address without the password that may have been written into it.
pub(super) fn shown(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(start), Some(at)) if start + 3 < at => format!("{}…{}", &text[..start + 3], &text[at..]),
        (None, Some(at)) => format!("…{}", &text[at..]),
        _ => text.to_owned(),
    }
}

/// This very machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The address of a collection under a base, with a query whose values are encoded as RFC 3986
/// wants it.
pub fn under(base: &Url, path: &str, query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    let path = format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/'));
    url.set_path(&path);
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    url.set_query(Some(pairs.join("&")).filter(|query| !query.is_empty()).as_deref());
    url
}

/// The address that a server names as its next one: a path of its own, never another server, which
/// would be sent the token.
///
/// # Errors
/// `SourceUnavailable` if it is somewhere else.
pub fn same_server(base: &Url, named: &str) -> Result<Url> {
    let url = base.join(named).ok().filter(|url| url.origin() == base.origin());
    url.ok_or_else(|| {
        Failure::new(
            Kind::SourceUnavailable,
            "the server names another server for its next page; it was not asked, because the credentials would go there",
        )
        .at(base)
        .cure("report this to the operator of the server")
    })
}

/// Percent-encodes all but RFC 3986's unreserved characters, in capitals: the form that OAuth 1.0a
/// signs.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_connections_are_for_this_machine_only() {
        for good in
            ["https://sis.example.org/x", "http://127.0.0.1:8080/x", "http://[::1]/x", "http://localhost/x"]
        {
            assert!(base(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://sis.example.org/x",
            "http://localhost.example.org/",
            "http://127.0.0.1.example.org/",
            "ftp://sis.example.org/",
            "sis.example.org",
            "https://sis.example.org/x?key=1",
        ] {
            assert!(base(bad, false).is_err(), "{bad}");
        }
        assert!(base("http://sis.example.org/x", true).is_ok());
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        let failure = base("https://joe:hunter2@sis.example.org/x", false).unwrap_err();
        assert!(!failure.to_string().contains("hunter2"), "{failure}");
    }

    #[test]
    fn an_encoded_application_id_is_taken_as_it_is() {
        let base = base("https://proxy.example/MoYPlyQWmG0%3D/ims/oneroster/v1p1/", false).unwrap();
        let url = under(&base, "users", &[("filter", "status='active' AND x"), ("limit", "10")]);
        assert_eq!(
            url.as_str(),
            "https://proxy.example/MoYPlyQWmG0%3D/ims/oneroster/v1p1/users?filter=status%3D%27active%27%20AND%20x&limit=10"
        );
    }

    #[test]
    fn the_next_page_is_on_the_same_server() {
        let base = base("https://api.clever.example/v3.1", false).unwrap();
        let next = same_server(&base, "/v3.1/users?starting_after=5&limit=10").unwrap();
        assert_eq!(next.as_str(), "https://api.clever.example/v3.1/users?starting_after=5&limit=10");
        for other in
            ["https://evil.example/v3.1/users", "//evil.example/x", "http://api.clever.example/v3.1/users"]
        {
            assert!(same_server(&base, other).is_err(), "{other}");
        }
    }
}
