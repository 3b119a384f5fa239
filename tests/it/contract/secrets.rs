//! The contract of the secrets: `ReadSecret`.

use std::time::Duration;

use domain::Secret;
use ports::{ReadSecret, SecretError};

use super::ContractWorld;

/// After this long a reread reaches the store again.
const REREAD: Duration = Duration::from_secs(30);

fn exposed(values: Result<Vec<Secret>, SecretError>) -> Vec<String> {
    values.unwrap().iter().map(|value| value.expose().to_owned()).collect()
}

async fn missing(secrets: &dyn ReadSecret, wanted: &str) {
    for read in [secrets.read(wanted).await, secrets.reread(wanted).await] {
        match read {
            Err(SecretError::Missing { key }) => assert_eq!(key, wanted),
            Ok(values) => panic!("`{wanted}` has {} values", values.len()),
            Err(other) => panic!("`{wanted}`: {other:?}"),
        }
    }
}

pub async fn i1_a_key_that_is_not_there_or_empty_is_missing(world: &dyn ContractWorld) {
    let secrets = world.secrets();
    world.write_secrets(&[("signing", "value"), ("empty", "")]).await;
    assert_eq!(exposed(secrets.read("signing").await), ["value"]);
    for key in ["empty", "unknown", "sign", "signing2", "Signing", ""] {
        missing(secrets.as_ref(), key).await;
    }
    // Added later, it is there without a restart.
    world.write_secrets(&[("signing", "value"), ("empty", "now full"), ("unknown", "known")]).await;
    world.age_secrets(REREAD);
    assert_eq!(exposed(secrets.read("unknown").await), ["known"]);
    assert_eq!(exposed(secrets.read("empty").await), ["now full"]);
}

pub async fn i1_a_rotation_keeps_the_previous_value_alive_until_the_next(world: &dyn ContractWorld) {
    let secrets = world.secrets();
    let texts = ["first", "zweites \u{1F511} \"'\\ \n x", "third"];
    world.write_secrets(&[("signing", texts[0]), ("steady", "same")]).await;
    assert_eq!(exposed(secrets.read("signing").await), [texts[0]]);

    world.write_secrets(&[("signing", texts[1]), ("steady", "same")]).await;
    world.age_secrets(REREAD);
    assert_eq!(exposed(secrets.reread("signing").await), [texts[1], texts[0]], "the current one first");
    assert_eq!(exposed(secrets.read("signing").await), [texts[1], texts[0]]);
    assert_eq!(exposed(secrets.read("steady").await), ["same"], "what did not change has one value");

    world.write_secrets(&[("signing", texts[2]), ("steady", "same")]).await;
    world.age_secrets(REREAD);
    assert_eq!(exposed(secrets.reread("signing").await), [texts[2], texts[1]]);
}

pub async fn i1_a_reread_sees_what_was_written_since(world: &dyn ContractWorld) {
    let secrets = world.secrets();
    world.write_secrets(&[("signing", "old"), ("dropped", "value")]).await;
    assert_eq!(exposed(secrets.read("signing").await), ["old"]);
    world.write_secrets(&[("signing", "new")]).await;
    world.age_secrets(REREAD);
    assert_eq!(exposed(secrets.reread("signing").await)[0], "new");
    assert_eq!(exposed(secrets.read("signing").await)[0], "new", "and what is read afterwards is the same");
    missing(secrets.as_ref(), "dropped").await;
}
