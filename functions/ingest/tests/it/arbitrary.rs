//! Whatever comes, it is answered, and nothing is sent that was not signed.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::world::{SECRET, world};

fn answered(request: Request<Bytes>) -> (StatusCode, usize) {
    let world = world();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let said = runtime.block_on(world.ask(request));
    (said.status, world.sent())
}

proptest! {
    #[test]
    fn i1_no_unsigned_request_gets_through(
        method in select(vec!["POST", "GET", "HEAD", "PUT", "BREW"]),
        path in select(vec!["/hooks/pagerduty", "/hooks/probes", "/hooks/plain", "/hooks/%00", "/hooks/x?a=b", "/", "*"]),
        headers in vec((select(vec!["x-pagerduty-signature", "webhook-id", "webhook-timestamp", "webhook-signature",
            "authorization", "content-type"]), vec(any::<u8>(), 0..100)), 0..8),
        body: Vec<u8>,
    ) {
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = path.parse().unwrap();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        let (status, sent) = answered(request);
        prop_assert!(status.is_client_error(), "{status}");
        prop_assert_eq!(sent, 0);
    }

    #[test]
    fn i1_whatever_is_signed_is_accepted_and_recorded(source in select(vec!["pagerduty", "probes", "plain"]), body: Vec<u8>) {
        let request = world().signed(source, SECRET, &body);
        let (status, sent) = answered(request);
        prop_assert_eq!(status, StatusCode::ACCEPTED);
        prop_assert_eq!(sent, 1);
    }
}
