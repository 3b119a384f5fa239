use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;

use super::*;
use crate::sign::{Scope, headers};

fn authorization(method: &str, url: &str, given: &[(&str, &str)], body: &str) -> String {
    let keys = keys();
    let now = at("2015-08-30T12:36:00Z");
    let scope = Scope { keys: &keys, region: "us-east-1", service: "service", now };
    let signed = headers(&scope, method, &url.parse::<Url>().unwrap(), given, body.as_bytes()).unwrap();
    let mut of = signed.iter().filter(|(name, _)| *name == "authorization").map(|(_, value)| value.clone());
    of.next().unwrap()
}

/// AWS's SigV4 test suite (`get-vanilla`, `get-vanilla-query-order-key-case`, `post-x-www-form-urlencoded`): the
/// library has it whole; these say that we hand it the right things.
#[test]
fn the_signatures_are_those_that_aws_publishes() {
    let signature = |text: String| text.rsplit('=').next().unwrap().to_owned();
    assert_eq!(
        signature(authorization("GET", "https://example.amazonaws.com/", &[], "")),
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    );
    assert_eq!(
        signature(authorization("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1", &[], "")),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    );
    assert_eq!(
        signature(authorization(
            "POST",
            "https://example.amazonaws.com/",
            &[("content-type", "application/x-www-form-urlencoded")],
            "Param1=value1",
        )),
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    );
}

#[tokio::test]
async fn a_token_for_eks_is_a_signed_question_who_we_are_with_the_clusters_name() {
    let world = World::new([]).await;
    let token = world.aws.eks_token(&Place::default(), "shop", Duration::from_secs(5)).await.unwrap();
    let encoded = token.expose().strip_prefix("k8s-aws-v1.").unwrap();
    let url = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
    assert!(
        url.starts_with(
            "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&\
             X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-central-1%2Fsts%2Faws4_request"
        ),
        "{url}"
    );
    for part in ["X-Amz-Expires=60", "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id", "X-Amz-Signature="] {
        assert!(url.contains(part), "{part}: {url}");
    }
    assert!(world.seen().is_empty());
}
