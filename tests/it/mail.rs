//! E-mail against the emulator's SES: its reading of the request, and its refusals.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use awscall::{AwsRequest, Place};
use deliver::context::way_to_ses;
use domain::{EmailSpec, OutletSpec, Run, RunId, RunStatus, Secret, Shown, Target, TargetSpec, TargetState};
use firstlook_aws::AwsEnv;
use outlets::{OpenOutlet, OutletError, Outlets, Post, Settings};
use ports::{Clock, ReadSecret, SecretError, SystemClock};
use serde_json::{Value, json};

use crate::aws_world::{
    emulator::{Emulator, EmulatorOptions},
    loopback_client,
};

/// A mail needs no key.
struct NoSecrets;

#[async_trait]
impl ReadSecret for NoSecrets {
    async fn read(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        Err(SecretError::Missing { key: key.to_owned() })
    }

    async fn reread(&self, key: &str) -> Result<Vec<Secret>, SecretError> {
        self.read(key).await
    }
}

#[tokio::test]
async fn a_mail_goes_out_by_the_emulators_ses() {
    let emulator = Emulator::start(&EmulatorOptions::default()).await;
    let env = AwsEnv {
        region: "eu-central-1".to_owned(),
        access_key_id: "test".to_owned(),
        secret_access_key: Secret::new("test"),
        session_token: None,
        endpoint_url: Some(emulator.url()),
        ca_bundle: None,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ses = way_to_ses(&env, &clock).unwrap();
    let settings = Settings {
        slack_api: "https://slack.com/api".parse().unwrap(),
        pagerduty_api: "https://api.pagerduty.com".parse().unwrap(),
        inbox: None,
    };
    let outlets = Outlets::new(settings, Arc::new(NoSecrets)).unwrap().with_aws(ses.clone());

    let now = clock.now();
    let (to, from) = (vec!["oncall@example.org".to_owned()], "firstlook@ops.example.com".to_owned());
    let outlet = OutletSpec::Email(EmailSpec { to, from, region: None });
    let mut run = Run::queued(RunId::mint(now, 1), "checkout-triage".parse().unwrap(), "0123456789abcdef", now);
    (run.status, run.ended_at) = (RunStatus::Failed, Some(now));
    run.title = "Zahlung schlägt fehl: 💳 <b>".to_owned();
    let view = Shown { run, steps: vec![], ratings: vec![] };
    let spec = TargetSpec::new("e-mail", outlet.clone());
    let target =
        Target { state: TargetState::Sending, sending_since: Some(now), in_doubt: 1, ..Target::new(spec, now) };
    let post = Post { view: &view, target: &target, words: None, link: None, previous: None, now };
    let mail = outlets.open(&outlet).await.unwrap();

    let refused = mail.post(&post).await.unwrap_err();
    assert!(
        matches!(&refused, OutletError::Permanent { reason } if reason.contains("verify these identities")),
        "{refused:?}"
    );

    // A domain above the sender's is enough.
    let identity = json!({ "EmailIdentity": "example.com" });
    let request = AwsRequest::Rest {
        service: "email",
        signing: "ses",
        method: "POST",
        path: "/v2/email/identities",
        query: &[],
        body: Some(&identity),
    };
    ses.call(&Place::default(), &request, Duration::from_secs(30)).await.unwrap();
    let id = mail.post(&post).await.unwrap();

    let request = loopback_client().get(format!("{}/_ministack/ses/messages", emulator.url()));
    let sent: Value = request.send().await.unwrap().json().await.unwrap();
    let mails: Vec<&Value> =
        sent["messages"].as_object().unwrap().values().flat_map(|of_account| of_account.as_array().unwrap()).collect();
    assert_eq!(mails.len(), 1, "{sent}");
    let sent = mails[0].to_string();
    for part in
        [id.as_str(), "oncall@example.org", "Firstlook <firstlook@ops.example.com>", "Zahlung schlägt fehl: 💳 <b>"]
    {
        assert!(sent.contains(part), "{part}: {sent}");
    }
    assert!(sent.contains("Zahlung schlägt fehl: 💳 &lt;b&gt;"), "the HTML is escaped: {sent}");
}
