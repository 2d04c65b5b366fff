//! OAuth 1.0a as OneRoster uses it: two-legged, no token, every page signed anew (RFC 5849).
//!
//! ClassLink's own clients sign with HMAC-SHA256 and leave `oauth_version` out; older servers want
//! HMAC-SHA1. Both can be configured.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::Sha256;

use super::address::encode;
use crate::failure::{Failure, Kind, Result};

/// How a request is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Signature {
    #[default]
    #[serde(rename = "HMAC-SHA256")]
    Sha256,
    #[serde(rename = "HMAC-SHA1")]
    Sha1,
}

impl Signature {
    fn word(self) -> &'static str {
        match self {
            Self::Sha256 => "HMAC-SHA256",
            Self::Sha1 => "HMAC-SHA1",
        }
    }

    fn of(self, key: &[u8], text: &[u8]) -> Result<String> {
        fn signed<M: Mac + KeyInit>(key: &[u8], text: &[u8]) -> Result<String> {
            let mac = <M as KeyInit>::new_from_slice(key).map_err(|cause| {
                Failure::new(Kind::Failed, "the request cannot be signed")
                    .because(anyhow::Error::msg(cause.to_string()))
            })?;
            Ok(STANDARD.encode(mac.chain_update(text).finalize().into_bytes()))
        }
        match self {
            Self::Sha256 => signed::<Hmac<Sha256>>(key, text),
            Self::Sha1 => signed::<Hmac<Sha1>>(key, text),
        }
    }
}

/// What is signed with besides the address.
pub(super) struct Signer<'a> {
    pub(super) key: &'a str,
    pub(super) secret: &'a str,
    pub(super) signature: Signature,
    /// Whether `oauth_version=1.0` is sent.
    pub(super) version: bool,
    pub(super) timestamp: u64,
    /// Never used twice.
    pub(super) nonce: &'a str,
}

impl Signer<'_> {
    /// The header `Authorization` for a GET of this address.
    pub(super) fn header(&self, url: &Url) -> Result<String> {
        let key = format!("{}&", encode(self.secret));
        let signed = self.signature.of(key.as_bytes(), self.base_string(url).as_bytes())?;
        let mut parameters = self.parameters();
        parameters.push(("oauth_signature", signed));
        let list: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", encode(value))).collect();
        Ok(format!("OAuth {}", list.join(", ")))
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut parameters = vec![
            ("oauth_nonce", self.nonce.to_owned()),
            ("oauth_timestamp", self.timestamp.to_string()),
            ("oauth_signature_method", self.signature.word().to_owned()),
            ("oauth_consumer_key", self.key.to_owned()),
        ];
        if self.version {
            parameters.push(("oauth_version", "1.0".to_owned()));
        }
        parameters
    }

    /// Method, address without query, and all parameters, sorted by their encoded form.
    fn base_string(&self, url: &Url) -> String {
        let mut pairs: Vec<(String, String)> =
            url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))).collect();
        pairs.extend(self.parameters().iter().map(|(name, value)| (encode(name), encode(value))));
        pairs.sort();
        let parameters: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        // The standard port is left out, which `Url` does by itself.
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let place = format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path());
        format!("GET&{}&{}", encode(&place), encode(&parameters.join("&")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://oneroster.example.org/ims/oneroster/v1p1/users?limit=100&offset=200&sort=sourcedId&orderBy=asc\
        &filter=status%3D%27active%27%20AND%20dateLastModified%3E%272026-01-01T00%3A00%3A00.000Z%27";
    const B: &str = "http://127.0.0.1:8080/ims/oneroster/v1p1/students?limit=2&offset=0&fields=sourcedId%2Cstatus%2Cemail%2Csms%2Cphone";
    const C: &str = "https://oneroster.example.org/ims/oneroster/v1p1/orgs";

    fn signer(signature: Signature, version: bool) -> Signer<'static> {
        Signer {
            key: "rostersync-test-key",
            secret: "s3cr3t/with+odd&chars=",
            signature,
            version,
            timestamp: 1_767_225_600,
            nonce: "7f3c9a1d5e2b4860",
        }
    }

    #[test]
    fn the_base_string_is_that_of_rfc_5849() {
        let url = Url::parse(A).unwrap();
        assert_eq!(
            signer(Signature::Sha256, true).base_string(&url),
            "GET&https%3A%2F%2Foneroster.example.org%2Fims%2Foneroster%2Fv1p1%2Fusers&filter%3Dstatus%253D%2527active%2527%2520AND\
             %2520dateLastModified%253E%25272026-01-01T00%253A00%253A00.000Z%2527%26limit%3D100%26oauth_consumer_key\
             %3Drostersync-test-key%26oauth_nonce%3D7f3c9a1d5e2b4860%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp\
             %3D1767225600%26oauth_version%3D1.0%26offset%3D200%26orderBy%3Dasc%26sort%3DsourcedId"
        );
    }

    /// Signatures that oauthlib 4.0.1 made.
    #[test]
    fn signatures_are_those_of_an_independent_implementation() {
        use Signature::{Sha1, Sha256};
        for (url, signature, version, expected) in [
            (A, Sha1, true, "n82vHeFab4/Ne+Vg0R09hdHi+cM="),
            (A, Sha1, false, "2185ZNp+jNGxAc7GPZb4WfwxAX0="),
            (A, Sha256, true, "rflV9gHTbqeyeVG6ZH0XU6RGpdlFnlwqngHP3lZz92U="),
            (A, Sha256, false, "cWoDcsuE1EVbu4qNlPvG/8N242pFCYCibVf3IWrrJoQ="),
            (B, Sha1, true, "JdylbGL7GJ67IMaKbdmOVaZ2UMQ="),
            (B, Sha1, false, "gWrR6Uq4e+w8SSfp/jCUBZPzw/0="),
            (B, Sha256, true, "mWIxl9k2mnSji6kk0N8KJOoKYae5wlxkuGmLlXsZMqk="),
            (B, Sha256, false, "U3XGnsRYFPE7qHnzNtrO/Bb24jrgawMfOg7NSb9QVOY="),
            (C, Sha1, true, "7uREDCJ8asXPvui6KBuG5OJ1eL4="),
            (C, Sha1, false, "p+PO6cLeFGxb9VmDQKeLbfH/O+s="),
            (C, Sha256, true, "Ga3JuDJr2947emsUvZxAtXKK32WswIUkDBjJiSBbzA4="),
            (C, Sha256, false, "mipGWyIN/V5UH2GEYzuihWDoE14cO5skntlcNdur8fY="),
        ] {
            let header = signer(signature, version).header(&Url::parse(url).unwrap()).unwrap();
            let signed = format!("oauth_signature=\"{}\"", encode(expected));
            assert!(header.starts_with("OAuth oauth_nonce=") && header.contains(&signed), "{url}: {header}");
            assert_eq!(header.contains("oauth_version"), version);
        }
    }
}
