//! Request headers of an `http` call that are more than data.

/// Headers by which a server or a proxy before it finds the host or the path, in lower case. Free text never fills them.
pub(crate) const ROUTING: [&str; 12] = [
    "forwarded",
    "host",
    "x-forwarded-host",
    "x-forwarded-path",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-host",
    "x-http-host-override",
    "x-original-host",
    "x-original-uri",
];

/// Headers that are never sent, in lower case, and why. A GET that says it is something else is not read-only any more (I7);
/// where a server obeys the second kind, another path is asked than the URL that the report shows (I8); and the
/// connection is the client's, with no body on it.
pub(crate) const REFUSED: [(&str, &[&str]); 3] = [
    ("it would make another method of the request", &["x-http-method", "x-http-method-override", "x-method-override"]),
    ("it would ask for another path than the URL's", &["x-original-url", "x-rewrite-url"]),
    (
        "it is about the connection, not the request",
        &["connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"],
    ),
];

/// Why a call does not send the header `name`; `None` when it does.
#[must_use]
pub fn refused_header(name: &str) -> Option<&'static str> {
    let (why, _) = REFUSED.into_iter().find(|(_, names)| names.iter().any(|one| name.eq_ignore_ascii_case(one)))?;
    Some(why)
}
