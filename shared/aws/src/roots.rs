//! The certificate roots that AWS's endpoints chain to. Five parsed certificates instead of the system's 140: the
//! bundle costs a function half of its start.

use std::path::Path;

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Amazon Trust Services' roots (<https://www.amazontrust.com/repository/>), which every commercial and GovCloud
/// endpoint chains to. Elsewhere, or behind an intercepting proxy, `AWS_CA_BUNDLE` names the file to use instead.
const EMBEDDED: [&str; 5] = [
    include_str!("../roots/amazon-1.pem"),
    include_str!("../roots/amazon-2.pem"),
    include_str!("../roots/amazon-3.pem"),
    include_str!("../roots/amazon-4.pem"),
    include_str!("../roots/starfield-services-g2.pem"),
];

/// The embedded roots, PEM.
pub(crate) fn embedded() -> String {
    EMBEDDED.concat()
}

/// Reads a bundle and makes sure that the HTTP client can take it: it would panic on what it cannot parse.
pub(crate) fn from_file(path: &Path) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let pem = std::fs::read_to_string(path)?;
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        store.add(certificate?)?;
    }
    if store.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_roots_are_those_that_the_browsers_trust() {
        let pem = embedded();
        let ours: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap();
        assert_eq!(ours.len(), EMBEDDED.len());
        for root in ours {
            assert!(webpki_root_certs::TLS_SERVER_ROOT_CERTS.contains(&root));
        }
    }

    #[test]
    fn a_bundle_that_cannot_be_used_is_an_error_and_not_a_panic() {
        let folder = std::env::temp_dir().join(format!("firstlook-roots-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        assert!(from_file(&file("good.pem", &embedded())).is_ok());
        assert!(from_file(&folder.join("none.pem")).is_err());
        assert!(from_file(&file("empty.pem", "")).is_err());
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(from_file(&file("broken.pem", broken)).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
