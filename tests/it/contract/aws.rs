//! The contract over AWS: the ports' clients against the pinned emulator. One emulator and one table for all of it, and
//! for each test queues and a secret of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use dynamo::DynamoTable;
use firstlook_aws::{Clients, SecretsManager, SqsQueues};
use jiff::Timestamp;
use ports::{Clock, Entropy, OsEntropy, PortError, Queue, ReadSecret, Receipt, Received, WriteTable};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{ContractQueues, ContractWorld, Depth, LONG, MAX_RECEIVES, SHORT};
use crate::aws_world::{
    deploy::clients,
    emulator::{Emulator, EmulatorOptions},
};

super::contract_tests!(start);

const TABLE: &str = "firstlook-contract";

/// The emulator with the table; it ends with the process.
static EMULATOR: OnceCell<Emulator> = OnceCell::const_new();

/// The machine's clock and what was added to it.
struct AheadClock(AtomicI64);

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        Timestamp::now() + jiff::SignedDuration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

struct AwsWorld {
    clients: Clients,
    clock: Arc<AheadClock>,
    queues: SqsQueues,
    secret: String,
    written: AtomicBool,
    secrets: Arc<SecretsManager>,
}

async fn start() -> AwsWorld {
    let emulator = EMULATOR
        .get_or_init(async || {
            let emulator = Emulator::start(&EmulatorOptions::default()).await;
            make_table(&clients(&emulator.url())).await;
            emulator
        })
        .await;
    let clients = clients(&emulator.url());
    let name = format!("contract-{:032x}", OsEntropy.random());
    let clock = Arc::new(AheadClock(AtomicI64::new(0)));
    let manager = clients.secrets_manager();
    AwsWorld {
        queues: make_queues(&clients, &name).await,
        secrets: Arc::new(SecretsManager::new(manager, &name, Arc::clone(&clock) as Arc<dyn Clock>)),
        secret: name,
        written: AtomicBool::new(false),
        clients,
        clock,
    }
}

/// The table as `infra/template.yaml` makes it, as far as the port can tell.
async fn make_table(clients: &Clients) {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let keys = |pk: &str, sk: &str| vec![key(pk, KeyType::Hash), key(sk, KeyType::Range)];
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let index = |name: &str| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .set_key_schema(Some(keys(&format!("{name}pk"), &format!("{name}sk"))))
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build()
            .unwrap()
    };
    aws_sdk_dynamodb::Client::new(clients.config())
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys("pk", "sk")))
        .set_attribute_definitions(Some(["pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk"].map(attribute).into()))
        .set_global_secondary_indexes(Some(vec![index("gsi1"), index("gsi2")]))
        .send()
        .await
        .unwrap();
}

async fn make_queues(clients: &Clients, name: &str) -> SqsQueues {
    let sqs = clients.sqs();
    let mut urls = Vec::new();
    for (queue, most) in [(Queue::Investigate, MAX_RECEIVES), (Queue::Deliver, 10)] {
        let letters = queue.dead_letters().unwrap();
        let named = |queue: Queue| format!("{name}-{}", queue.as_str());
        let dead = sqs.create_queue().queue_name(named(letters)).attributes("VisibilityTimeout".into(), seconds(LONG));
        let dead = dead.send().await.unwrap().queue_url.unwrap();
        let told = sqs.get_queue_attributes().queue_url(&dead).attribute_names("QueueArn".into()).send().await.unwrap();
        let arn = &told.attributes.unwrap()[&"QueueArn".into()];
        let redrive = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": most });
        let made = sqs
            .create_queue()
            .queue_name(named(queue))
            .attributes("VisibilityTimeout".into(), seconds(if queue == Queue::Deliver { SHORT } else { LONG }))
            .attributes("RedrivePolicy".into(), redrive.to_string());
        urls.push((queue, made.send().await.unwrap().queue_url.unwrap()));
        urls.push((letters, dead));
    }
    SqsQueues::new(sqs, urls)
}

fn seconds(time: Duration) -> String {
    time.as_secs().to_string()
}

#[async_trait]
impl ContractWorld for AwsWorld {
    fn table(&self) -> Arc<dyn WriteTable> {
        Arc::new(DynamoTable::new(&self.clients, TABLE))
    }

    fn queues(&self) -> Arc<dyn ContractQueues> {
        Arc::new(self.queues.clone())
    }

    fn secrets(&self) -> Arc<dyn ReadSecret> {
        Arc::clone(&self.secrets) as Arc<dyn ReadSecret>
    }

    async fn write_secrets(&self, keys: &[(&str, &str)]) {
        let object: Value = keys.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        let (manager, text) = (self.clients.secrets_manager(), object.to_string());
        if self.written.swap(true, Ordering::SeqCst) {
            manager.put_secret_value().secret_id(&self.secret).secret_string(text).send().await.unwrap();
        } else {
            manager.create_secret().name(&self.secret).secret_string(text).send().await.unwrap();
        }
    }

    fn age_secrets(&self, by: Duration) {
        self.clock.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

#[async_trait]
impl ContractQueues for SqsQueues {
    async fn receive(&self, queue: Queue, at_most: usize) -> Vec<Received> {
        SqsQueues::receive(self, queue, at_most, Duration::ZERO).await.unwrap()
    }

    async fn delete(&self, queue: Queue, receipt: &Receipt) -> Result<(), PortError> {
        SqsQueues::delete(self, queue, receipt).await
    }

    async fn depth(&self, queue: Queue) -> Depth {
        let depth = SqsQueues::depth(self, queue).await.unwrap();
        Depth { visible: depth.visible, in_flight: depth.in_flight, delayed: depth.delayed }
    }
}
