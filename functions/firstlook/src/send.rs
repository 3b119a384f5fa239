//! `send`: a webhook, signed as its sender would.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use catalog::{Catalog, model::Source};
use console::words;
use domain::Secret;
use net::AddressPolicy;
use ports::{Clock, Entropy, OsEntropy, ReadSecret, SystemClock};
use url::Url;

use crate::{
    catalogs::{self, FileError},
    cli::{Hooks, Send},
    failure::Failure,
    out,
    runs::{existing, world_url},
    stack::{Address, Stack},
};

/// How much of an answer is shown, in bytes.
const ANSWER: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// There is no client to ask with.
    #[error(transparent)]
    Client(#[from] net::ClientError),
    /// What kept it from being answered.
    #[error("{0}")]
    Call(String),
}

/// `firstlook send`. The answer's body goes to stdout.
pub async fn send(args: &Send) -> Result<(), Failure> {
    let catalog = catalogs::load(&args.hooks.catalog)?;
    let source = source(&catalog, &args.source)?;
    let body = fs::read(&args.file).map_err(FileError::new("read", &args.file))?;
    let (status, text) = signed(&args.hooks, source, body).await?;
    out::print(&words::plain(&text))?;
    if (200..300).contains(&status) { Ok(()) } else { Err(Failure::Told) }
}

/// The Source of that name.
///
/// # Errors
/// Wrong usage.
pub fn source<'c>(catalog: &'c Catalog, name: &domain::Name) -> Result<&'c Source, Failure> {
    catalog.sources.get(name).ok_or_else(|| {
        let known: Vec<&str> = catalog.sources.keys().map(domain::Name::as_str).collect();
        Failure::Usage(format!("the catalog has no Source `{name}`; it has {}", known.join(", ")))
    })
}

/// Posts `body` as a sender of `source` would, and says where; the status and the answer's text.
///
/// # Errors
/// There is no answer.
pub async fn signed(args: &Hooks, source: &Source, body: Vec<u8>) -> Result<(u16, String), Failure> {
    let Some(key) = source.verify.secret.as_deref() else {
        return Err(Failure::Usage(format!(
            "the Source `{}` has no secret to sign with: only AWS itself can send to it (docs/sources/cloudwatch.md)",
            source.name
        )));
    };
    let (base, secret) = match (&args.world.stack, &args.url) {
        (Some(name), url) => {
            let stack = Stack::connect(name)?;
            let (url, secrets) = stack.address(Address::Hooks, url.as_deref(), &args.world).await?;
            (url, secret(args, key, secrets).await?)
        }
        (None, Some(url)) if args.signing_secret.is_some() => (url.clone(), secret(args, key, no_secrets()).await?),
        (None, url) => {
            let world = existing(&args.world.data)?;
            (
                url.clone().unwrap_or_else(|| world_url(&world)),
                secret(args, key, Arc::clone(&world.secrets) as _).await?,
            )
        }
    };
    let mut url = hook(&base, &source.name)?;
    let id = format!("firstlook-{:032x}", OsEntropy.random());
    let proof = sources::sign(source, &body, &secret, &id, SystemClock.now())?;
    // Before the token is in it.
    let shown = url.clone();
    url.set_query(proof.query.as_deref());
    // The same roots as for the rest of the stack.
    let bundle = std::env::var_os("AWS_CA_BUNDLE").filter(|path| args.world.stack.is_some() && !path.is_empty());
    let (status, text) = post(&url, proof.headers, body, bundle.map(PathBuf::from)).await?;
    out::say(&format!("{status} from {shown}"));
    Ok((status, text))
}

async fn secret(args: &Hooks, key: &str, secrets: Arc<dyn ReadSecret>) -> Result<Secret, Failure> {
    if let Some(given) = &args.signing_secret {
        return Ok(Secret::new(given.as_str()));
    }
    let live = secrets.read(key).await?;
    live.into_iter().next().ok_or_else(|| Failure::because(format!("the secret has no key `{key}`")))
}

/// For who brings the secret along.
fn no_secrets() -> Arc<dyn ReadSecret> {
    Arc::new(local::FileSecrets::with_environment("/dev/null", |_| None))
}

/// `{base}/hooks/{source}`, also where the base ends with `/hooks` already.
///
/// # Errors
/// [`Failure::Usage`]; it is no address.
pub fn hook(base: &str, source: &domain::Name) -> Result<Url, Failure> {
    let base = base.trim_end_matches('/');
    let base = base.strip_suffix("/hooks").unwrap_or(base);
    let url = format!("{base}/hooks/{source}");
    url.parse().map_err(|error| Failure::Usage(format!("`{base}` is no address to send to: {error}")))
}

/// Posts `body` and gives the status and the answer's text. `extra_ca` is a PEM file with roots to trust as well.
///
/// # Errors
/// [`PostError`].
pub async fn post(
    url: &Url,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    extra_ca: Option<PathBuf>,
) -> Result<(u16, String), PostError> {
    ask(url, headers, Some(body), extra_ca).await
}

/// The same by GET.
///
/// # Errors
/// [`PostError`].
pub async fn get(url: &Url, extra_ca: Option<PathBuf>) -> Result<(u16, String), PostError> {
    ask(url, vec![], None, extra_ca).await
}

/// Posts `body`, or gets where there is none.
async fn ask(
    url: &Url,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    extra_ca: Option<PathBuf>,
) -> Result<(u16, String), PostError> {
    // Whatever address the host is: a person has named it.
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let options = net::Options {
        policy: AddressPolicy::new([host]),
        timeout: Duration::from_secs(15),
        extra_ca,
        ..net::Options::default()
    };
    let client = net::client(&options)?;
    let mut request = match body {
        Some(body) => client.post(url.clone()).body(body),
        None => client.get(url.clone()),
    };
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(|error| PostError::Call(net::request_reason(&error, url)))?;
    let status = response.status().as_u16();
    let answer =
        net::read_capped(response, ANSWER).await.map_err(|error| PostError::Call(net::request_reason(&error, url)))?;
    Ok((status, String::from_utf8_lossy(&answer.bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hooks_address_may_be_given_either_way() {
        let source = "pagerduty".parse().unwrap();
        for base in ["https://x.example", "https://x.example/", "https://x.example/hooks", "https://x.example/hooks/"] {
            let Ok(url) = hook(base, &source) else { panic!("{base}") };
            assert_eq!(url.as_str(), "https://x.example/hooks/pagerduty");
        }
    }
}
