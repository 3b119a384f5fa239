//! `send`: a webhook, signed as its sender would.

use std::{fs, sync::Arc, time::Duration};

use console::words;
use domain::Secret;
use net::AddressPolicy;
use ports::{Clock, Entropy, OsEntropy, ReadSecret, SystemClock};
use url::Url;

use crate::{
    catalogs::{self, FileError},
    cli::Send,
    failure::Failure,
    out,
    runs::{existing, world_url},
    stack::Stack,
};

/// How much of an answer is shown, in bytes.
const ANSWER: usize = 64 * 1024;

/// `firstlook send`. The answer's body goes to stdout.
pub async fn send(args: &Send) -> Result<(), Failure> {
    let catalog = catalogs::load(&args.catalog)?;
    let Some(source) = catalog.sources.get(&args.source) else {
        let known: Vec<&str> = catalog.sources.keys().map(domain::Name::as_str).collect();
        return Err(Failure::Usage(format!(
            "the catalog has no Source `{}`; it has {}",
            args.source,
            known.join(", ")
        )));
    };
    let body = fs::read(&args.file).map_err(FileError::new("read", &args.file))?;
    let key = source.verify.secret.as_str();
    let (base, secret) = match (&args.world.stack, &args.url) {
        (Some(_), None) => return Err(Failure::Usage("--stack needs --url: the stack's output HooksUrl".to_owned())),
        (Some(name), Some(url)) => {
            let secrets = Arc::new(Stack::connect(name)?.secrets(args.world.secret_id.as_deref()));
            (url.clone(), secret(args, key, secrets).await?)
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
    let url = hook(&base, &args.source)?;
    let id = format!("firstlook-{:032x}", OsEntropy.random());
    let headers = sources::sign(source, &body, &secret, &id, SystemClock.now())?;
    let (status, text) = post(&url, headers, body).await?;
    out::say(&format!("{status} from {url}"));
    out::print(&words::plain(&text))?;
    if (200..300).contains(&status) { Ok(()) } else { Err(Failure::Told) }
}

async fn secret(args: &Send, key: &str, secrets: Arc<dyn ReadSecret>) -> Result<Secret, Failure> {
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
fn hook(base: &str, source: &domain::Name) -> Result<Url, Failure> {
    let base = base.trim_end_matches('/');
    let base = base.strip_suffix("/hooks").unwrap_or(base);
    let url: Url = format!("{base}/hooks/{source}").parse()?;
    Ok(url)
}

/// Posts `body` and gives the status and the answer's text.
///
/// # Errors
/// Whatever kept it from being answered.
pub async fn post(url: &Url, headers: Vec<(String, String)>, body: Vec<u8>) -> Result<(u16, String), Failure> {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let options = net::Options {
        policy: AddressPolicy::new([host]),
        timeout: Duration::from_secs(15),
        ..net::Options::default()
    };
    let client = net::client(&options)?;
    let mut request = client.post(url.clone()).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(|error| Failure::because(net::request_reason(&error, url)))?;
    let status = response.status().as_u16();
    let answer =
        net::read_capped(response, ANSWER).await.map_err(|error| Failure::because(net::request_reason(&error, url)))?;
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
