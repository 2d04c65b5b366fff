//! Which servers are trusted: those that the system trusts, and the certificates of a `ca_file`.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::failure::{Failure, Kind, Result};

const LARGEST: u64 = 4 << 20;

/// The certificates of a `ca_file`. `key` names it for messages: `ca_file` in [source.http].
///
/// # Errors
/// `Usage` if it cannot be read or holds no certificate.
pub fn certificates(path: &Path, key: &str) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |what: &str, cure: String| Failure::new(Kind::Usage, what).at(path.display()).cure(cure);
    let name =
        format!("{key} names a PEM file with the certificate of the authority, or of the server itself");
    let pem = read(path).map_err(|cause| {
        let cure = match cause.kind() {
            std::io::ErrorKind::PermissionDenied => {
                "give the user that runs rostersync permission to read it"
            }
            _ => "check the path in the configuration",
        };
        wrong("the file of certificates cannot be read", format!("{cure}; {name}")).because(cause)
    })?;
    let found: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&pem).collect::<std::result::Result<_, _>>().map_err(|_| {
            wrong(
                "the file of certificates is damaged: it is not whole PEM",
                format!("copy it again; {name}"),
            )
        })?;
    if !found.is_empty() {
        return Ok(found);
    }
    let has = |words: &[u8]| pem.windows(words.len()).any(|part| part == words);
    Err(if pem.is_empty() {
        wrong("the file of certificates is empty", name)
    } else if has(b"PRIVATE KEY") {
        wrong("the file of certificates holds a private key, and no certificate", name)
    } else if pem.starts_with(&[0x30, 0x82]) {
        let convert = "convert it: openssl x509 -inform der -in FILE -out FILE.pem";
        wrong("the file of certificates is in DER, not in PEM", format!("{convert}; {name}"))
    } else {
        wrong("the file of certificates has none in it", format!("{name}: -----BEGIN CERTIFICATE-----"))
    })
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Encryption that trusts these besides what the system trusts.
///
/// # Errors
/// `Failed` if there is no encryption on this machine.
pub fn trusting(own: Vec<CertificateDer<'static>>) -> Result<ClientConfig> {
    let failed = |cause: Error| {
        Failure::new(Kind::Failed, "encryption cannot be set up")
            .cure("check that the system has its certificates (package ca-certificates), and the `ca_file`")
            .because(cause)
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let inner = Verifier::new_with_extra_roots(own.clone(), Arc::clone(&provider)).map_err(failed)?;
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(failed)?;
    let verifier = Arc::new(Trusting { own, inner });
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Verifies as the system does, and besides takes a server's own certificate that the configuration names, also if it is
/// marked as an authority: that is what many appliances make for themselves, and the usual check refuses it.
#[derive(Debug)]
struct Trusting {
    own: Vec<CertificateDer<'static>>,
    inner: Verifier,
}

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, Error> {
        let usual = self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let Err(error) = usual else { return usual };
        // The dates are checked before this is found, and the name is checked here.
        let is_own_authority = format!("{error:?}").contains("CaUsedAsEndEntity");
        if !is_own_authority || !self.own.iter().any(|own| own.as_ref() == end_entity.as_ref()) {
            return Err(error);
        }
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
