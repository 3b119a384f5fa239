//! Signed, expiring links to the console. A link opens what it names and nothing else.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{RunId, Secret};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

/// How many days after its opening the links to a run end, unless that is set otherwise.
pub const DAYS: u32 = 30;

/// When the links to a run end that was opened at `opened_at`, in deliveries and on pages: so many `days` later.
#[must_use]
pub fn ends(opened_at: Timestamp, days: u32) -> Timestamp {
    opened_at.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX)
}

/// What a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The list of RunSessions.
    List,
    /// One RunSession.
    Run(RunId),
}

impl Scope {
    fn path(self) -> String {
        match self {
            Self::List => "runs".to_owned(),
            Self::Run(id) => format!("runs/{id}"),
        }
    }
}

/// Why a link does not open anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Its signature is not ours, or it is for something else.
    #[error("the link is not one of ours, or it was altered")]
    Forged,
    /// It was ours, and has ended.
    #[error("the link has expired")]
    Expired,
}

fn mac(scope: Scope, expires: i64, key: &Secret) -> Option<Hmac<Sha256>> {
    if key.expose().is_empty() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).ok()?;
    mac.update(format!("firstlook-link-v1\n{}\n{expires}", scope.path()).as_bytes());
    Some(mac)
}

/// The link under `base` (the console's URL) that opens `scope` until `expires`; without a query when `key` is empty,
/// which then opens nothing.
#[must_use]
pub fn sign(base: &str, scope: Scope, expires: Timestamp, key: &Secret) -> String {
    let (base, path, expires) = (base.trim_end_matches('/'), scope.path(), expires.as_second());
    match mac(scope, expires, key) {
        Some(mac) => {
            let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
            format!("{base}/{path}?exp={expires}&sig={signature}")
        }
        None => format!("{base}/{path}"),
    }
}

/// Whether `expires` and `signature` (the link's `exp` and `sig`) open `scope` now, by any of the live `keys`.
///
/// # Errors
/// [`LinkError`]; expired only when the signature is ours.
pub fn verify(scope: Scope, expires: &str, signature: &str, keys: &[Secret], now: Timestamp) -> Result<(), LinkError> {
    let expires: i64 = expires.parse().map_err(|_| LinkError::Forged)?;
    let shown = URL_SAFE_NO_PAD.decode(signature).map_err(|_| LinkError::Forged)?;
    let ours = keys.iter().filter_map(|key| mac(scope, expires, key)).any(|mac| mac.verify_slice(&shown).is_ok());
    if !ours {
        return Err(LinkError::Forged);
    }
    if expires < now.as_second() {
        return Err(LinkError::Expired);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(link: &str) -> (String, String) {
        let query = link.split_once("?exp=").unwrap().1;
        let (expires, signature) = query.split_once("&sig=").unwrap();
        (expires.to_owned(), signature.to_owned())
    }

    #[test]
    fn a_link_opens_what_it_names_until_it_ends_and_nothing_else() {
        let (old, key) = (Secret::new("before"), Secret::new("now"));
        let at = |second| Timestamp::from_second(second).unwrap();
        let (run, other) = (RunId::mint(at(1), 1), RunId::mint(at(1), 2));
        let (expires, signature) = parts(&sign("https://x/", Scope::Run(run), at(100), &key));
        let live = [old, key];
        assert_eq!(verify(Scope::Run(run), &expires, &signature, &live, at(100)), Ok(()));
        assert_eq!(verify(Scope::Run(run), &expires, &signature, &live, at(101)), Err(LinkError::Expired));
        assert_eq!(verify(Scope::Run(other), &expires, &signature, &live, at(1)), Err(LinkError::Forged));
        assert_eq!(verify(Scope::List, &expires, &signature, &live, at(1)), Err(LinkError::Forged));
        assert_eq!(verify(Scope::Run(run), "101", &signature, &live, at(1)), Err(LinkError::Forged));
        assert_eq!(verify(Scope::Run(run), &expires, "", &live, at(1)), Err(LinkError::Forged));
        assert_eq!(verify(Scope::Run(run), &expires, &signature, &[Secret::new("")], at(1)), Err(LinkError::Forged));
    }
}
