use std::time::Duration;

use net::{AddressPolicy, Options, client};
use serde_json::Value;
use tokio::net::TcpStream;

use super::{
    shop::{CAPACITY, Shop},
    *,
};

async fn failing() -> Service {
    let service = Service::start().await.unwrap();
    service.until_failing(4, 12).await;
    service
}

async fn get(url: &str) -> (u16, Value) {
    let policy = AddressPolicy::new(["127.0.0.1".to_owned()]);
    let client = client(&Options { policy, ..Options::default() }).unwrap();
    let response = client.get(url).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

pub(super) async fn post(url: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let policy = AddressPolicy::new(["127.0.0.1".to_owned()]);
    let client = client(&Options { policy, ..Options::default() }).unwrap();
    let response = client.post(url).form(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Everything that the service says of the fault is so: the address, the error, the order of events.
#[tokio::test]
async fn the_fault_is_real_and_told_the_same_everywhere() {
    let service = failing().await;
    let address = format!("127.0.0.1:{}", service.database_port());
    let former = format!("127.0.0.1:{}", service.former_database_port());
    let met = TcpStream::connect(&address).await.unwrap_err();
    assert_eq!(met.kind(), io::ErrorKind::ConnectionRefused);
    TcpStream::connect(&former).await.unwrap();

    let (status, health) = get(&format!("{}/healthz", service.url())).await;
    assert_eq!(status, 503, "{health}");
    assert_eq!(health["status"], "unhealthy");
    assert_eq!(health["database"]["address"], address.as_str());
    assert_eq!(health["database"]["error"], met.to_string().as_str());
    assert!(health["queue_depth"].as_u64().unwrap() > 12, "{health}");

    let (status, deploys) = get(&format!("{}/deploys", service.url())).await;
    assert_eq!((status, deploys.as_array().unwrap().len()), (200, 2), "{deploys}");
    let newest = &deploys[0];
    assert_eq!((&newest["version"], &newest["deployed_at"]), (&health["version"], &health["deployed_at"]));
    let change = &newest["changed"][0];
    assert_eq!(change["setting"], "database.address");
    assert_eq!((&change["from"], &change["to"]), (&Value::from(former), &Value::from(address)));
    assert_eq!(deploys[1]["changed"], Value::Array(vec![]));
    let moment = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(moment(&deploys[1]["deployed_at"]) < moment(&newest["deployed_at"]));
    assert!(moment(&newest["deployed_at"]) <= moment(&health["database"]["failing_since"]));

    let (status, orders) = get(&format!("{}/orders", service.url())).await;
    assert_eq!(status, 200);
    assert!(orders["worker_errors"].as_u64().unwrap() >= 4, "{orders}");
    // What was stored before the deploy, and nothing since.
    assert!(orders["processed"].as_u64().unwrap() >= STORED_BEFORE_DEPLOY, "{orders}");
    let counted = orders["processed"].as_u64().unwrap() + orders["queue_depth"].as_u64().unwrap();
    assert_eq!(orders["taken"].as_u64().unwrap(), counted, "{orders}");

    let (status, payments) = get(&format!("{}/payments/healthz", service.url())).await;
    assert_eq!((status, &payments["status"]), (200, &Value::from("healthy")));
}

#[tokio::test]
async fn the_metrics_have_the_shapes_of_prometheus() {
    let service = failing().await;
    let now = service.shop.now().as_second() + 1;
    let api = format!("{}/api/v1", service.prometheus());

    let (status, instant) = get(&format!("{api}/query?query=checkout_worker_errors_total&time={now}")).await;
    assert_eq!((status, &instant["status"]), (200, &Value::from("success")), "{instant}");
    assert_eq!(instant["data"]["resultType"], "vector");
    let series = &instant["data"]["result"][0];
    assert_eq!(series["metric"]["__name__"], "checkout_worker_errors_total");
    assert_eq!(series["metric"]["job"], "checkout");
    assert_eq!(series["value"][0], now);
    assert!(series["value"][1].as_str().unwrap().parse::<u64>().unwrap() >= 3, "{instant}");

    let (start, end) = ((now - 60).to_string(), now.to_string());
    let form = [("query", "checkout_orders_queue_depth"), ("start", &start), ("end", &end), ("step", "500ms")];
    let (status, range) = post(&format!("{api}/query_range"), &form).await;
    assert_eq!((status, &range["data"]["resultType"]), (200, &Value::from("matrix")), "{range}");
    let values = range["data"]["result"][0]["values"].as_array().unwrap();
    let depths: Vec<u64> = values.iter().map(|value| value[1].as_str().unwrap().parse().unwrap()).collect();
    let times: Vec<f64> = values.iter().map(|value| value[0].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| (pair[1] - pair[0] - 0.5).abs() < 1e-9), "{range}");
    assert!(depths.last().unwrap() > &10 && depths.last() > depths.first(), "it fills: {range}");

    // Before the first sample there is nothing, and an unknown metric has no series; neither is an error.
    for query in ["query=checkout_orders_queue_depth&time=0", "query=up"] {
        let (status, none) = get(&format!("{api}/query?{query}")).await;
        assert_eq!((status, &none["data"]["result"]), (200, &Value::Array(vec![])), "{query}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_answered_is_bad_data() {
    let service = Service::start().await.unwrap();
    let api = format!("{}/api/v1", service.prometheus());
    let depth = "query=checkout_orders_queue_depth";
    for (bad, says) in [
        ("query?query=".to_owned(), "no expression"),
        ("query".to_owned(), "no expression"),
        ("query?query=rate(checkout_worker_errors_total[1m])".to_owned(), "parse error"),
        (format!("query?{depth}&time=noon"), "cannot parse \\\"noon\\\" to a valid timestamp"),
        (format!("query_range?{depth}"), "\\\"start\\\""),
        (format!("query_range?{depth}&start=20&end=10&step=1"), "must not be before start"),
        (format!("query_range?{depth}&start=10&end=20&step=0"), "zero or negative"),
        (format!("query_range?{depth}&start=10&end=20&step=soon"), "valid duration"),
        (format!("query_range?{depth}&start=0&end=1000000&step=1ms"), "maximum resolution"),
    ] {
        let (status, body) = get(&format!("{api}/{bad}")).await;
        assert_eq!((status, &body["status"]), (400, &Value::from("error")), "{bad}: {body}");
        assert_eq!(body["errorType"], "bad_data", "{bad}");
        assert!(body["error"].to_string().contains(says), "{bad}: {body}");
    }
}

#[tokio::test]
async fn a_mended_database_drains_the_queue() {
    let service = failing().await;
    service.mend().await;
    let (status, health) = get(&format!("{}/healthz", service.url())).await;
    assert_eq!((status, &health["database"]["error"]), (200, &Value::Null), "{health}");
    TcpStream::connect(("127.0.0.1", service.database_port())).await.unwrap();
}

/// Before the newest release the same service is well: the fault came with the deploy.
#[tokio::test]
async fn the_first_release_stores_what_comes() {
    let database = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shop = Shop::open(Arc::new(SystemClock), FORMER, database.local_addr().unwrap());
    let _database = tokio::spawn(answer_as_database(database));
    shop.order();
    shop.order();
    let (address, orders) = shop.waiting();
    assert_eq!(orders, [1, 2]);
    shop.stored(store(address, &orders).await);
    let books = shop.books();
    assert_eq!((books.processed, books.queue.len(), books.errors), (2, 0, 0));
    assert!(books.failure.is_none());
}

#[tokio::test]
async fn a_full_queue_turns_orders_away_and_counts_them() {
    let shop = Shop::open(Arc::new(SystemClock), FORMER, "127.0.0.1:1".parse().unwrap());
    for _ in 0..CAPACITY + 3 {
        shop.order();
    }
    let books = shop.books();
    assert_eq!((books.queue.len(), books.turned_away), (CAPACITY, 3));
}

#[tokio::test]
async fn it_ends_when_it_is_dropped() {
    let service = Service::start().await.unwrap();
    let (address, shop) = (service.address, Arc::downgrade(&service.shop));
    TcpStream::connect(address).await.unwrap();
    drop(service);
    // The runtime ends the tasks one by one.
    while shop.upgrade().is_some() || TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
