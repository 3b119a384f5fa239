//! Where a target is: URLs are made of what the catalog names, and of pieces that an alert can only fill (I8).

use url::{Host, Url};

use crate::{
    OutletError, Post,
    text::{cut, line},
};

/// `text` as the base of an API or as a receiver: TLS, or this very machine.
pub(crate) fn base(text: &str, field: &str) -> Result<Url, OutletError> {
    let url: Url =
        text.trim().parse().map_err(|_| OutletError::permanent(format!("`{field}` of the target is not a URL")))?;
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && local) {
        return Ok(url);
    }
    Err(OutletError::permanent(format!(
        "`{field}` of the target must begin with https: what goes there is not for everyone"
    )))
}

/// `base` with `pieces` after its path, each of them one piece whatever is in it.
pub(crate) fn under<'a>(base: &Url, pieces: impl IntoIterator<Item = &'a str>) -> Result<Url, OutletError> {
    let mut url = base.clone();
    match url.path_segments_mut() {
        Ok(mut path) => {
            path.pop_if_empty().extend(pieces);
        }
        Err(()) => return Err(OutletError::permanent("the API's address is not an http or https URL")),
    }
    Ok(url)
}

/// `text`, if it is an id of letters, digits and the characters of `also`, of at most `most` of them.
pub(crate) fn clean_id<'a>(text: &'a str, also: &[u8], most: usize) -> Option<&'a str> {
    let clean = |byte: u8| byte.is_ascii_alphanumeric() || also.contains(&byte);
    (!text.is_empty() && text.len() <= most && text.bytes().all(clean)).then_some(text)
}

/// The key of the ticket that the target of `post` writes on. The alert may have said it, so it is looked at again (I8).
pub(crate) fn ticket<'a>(post: &Post<'a>) -> Result<&'a str, OutletError> {
    let Some((key, kind)) = post.target.spec.outlet.ticket() else {
        return Err(OutletError::permanent("the target names no ticket"));
    };
    let key = key.trim();
    if kind.is_key(key) {
        return Ok(key);
    }
    Err(OutletError::permanent(match key {
        "" => format!("the alert does not say which ticket to write on: it must have {}", kind.what()),
        key => format!("`{}` is not {}", cut(&line(key), 80, |_| 1).0, kind.what()),
    }))
}
