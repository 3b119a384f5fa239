//! `tcp`: one connection, opened and closed.
//!
//! That nobody answers is what the task is there to find out, so it is an answer; a failure is only what was not tried.

use catalog::model::TcpRun;
use engine::{Answer, Called};
use net::AddressPolicy;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    common::{elapsed_ms, limit},
    connect::{self, NoConnection, connect, place},
};

pub(crate) async fn call(policy: &AddressPolicy, run: &TcpRun<String>) -> Called {
    let request = json!({"host": run.host, "port": run.port});
    let place = place(&run.host, &run.port);
    let started = Instant::now();
    let (connected, address, error) = match connect(policy, &run.host, &run.port, limit(run.timeout)).await {
        Ok(stream) => (true, connect::peer(&stream), String::new()),
        Err(NoConnection::Failed { address, reason }) => {
            (false, address.map(|address| address.to_string()).unwrap_or_default(), reason)
        }
        Err(NoConnection::NotTried(reason)) => return Called { request, answer: Err(reason) },
    };
    let elapsed_ms = elapsed_ms(started);
    let summary = if connected {
        format!("connected to {place} in {elapsed_ms} ms")
    } else {
        format!("could not connect to {place}: {error}")
    };
    let result = json!({"connected": connected, "address": address, "error": error, "elapsed_ms": elapsed_ms});
    Called { request, answer: Ok(Answer { summary, result }) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;
    use tokio::{
        net::{TcpListener, TcpSocket, TcpStream},
        time::timeout,
    };

    use super::*;
    use crate::testing::{closed_port, loopback};

    fn run(host: &str, port: impl ToString) -> TcpRun<String> {
        TcpRun { host: host.to_owned(), port: port.to_string(), timeout: "20s".parse().unwrap() }
    }

    async fn result(run: &TcpRun<String>) -> Value {
        call(&loopback(), run).await.answer.unwrap().result
    }

    #[tokio::test]
    async fn an_open_port_connects() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let called = call(&loopback(), &run("127.0.0.1", address.port())).await;
        assert_eq!(called.request, json!({"host": "127.0.0.1", "port": address.port().to_string()}));
        let answer = called.answer.unwrap();
        assert_eq!(answer.result["connected"], json!(true));
        assert_eq!(answer.result["address"], json!(address.to_string()));
        assert_eq!(answer.result["error"], json!(""));
        assert!(answer.result["elapsed_ms"].is_u64());
        assert!(answer.summary.starts_with(&format!("connected to {address} in ")), "{}", answer.summary);
    }

    #[tokio::test]
    async fn a_closed_port_is_an_answer() {
        let closed = closed_port().await;
        let answer = call(&loopback(), &run("127.0.0.1", closed.port())).await.answer.unwrap();
        assert_eq!(answer.result["connected"], json!(false));
        assert_eq!(answer.result["address"], json!(closed.to_string()));
        assert_eq!(answer.result["error"], json!("connection refused"));
        assert_eq!(answer.summary, format!("could not connect to {closed}: connection refused"));
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_is_an_answer() {
        let name = crate::testing::unresolvable();
        let result = result(&run(&name, 80)).await;
        assert_eq!((&result["connected"], &result["address"]), (&json!(false), &json!("")));
        assert!(
            result["error"].as_str().unwrap().starts_with(&format!("the name `{name}` does not resolve")),
            "{result}"
        );
    }

    #[tokio::test]
    async fn every_address_of_a_name_is_tried() {
        // `localhost` is ::1 and 127.0.0.1 where there is IPv6; only one of them listens.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let result = result(&run("localhost", listener.local_addr().unwrap().port())).await;
        assert_eq!(result["connected"], json!(true), "{result}");
    }

    #[tokio::test]
    async fn a_port_that_swallows_connections_times_out_and_that_is_an_answer() {
        // A listener that never accepts: once its queue is full, the kernel drops what comes.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        let hurried = TcpRun { timeout: "100ms".parse().unwrap(), ..run("127.0.0.1", address.port()) };
        assert_eq!(result(&hurried).await["error"], json!("timed out after 100ms"));
    }

    #[tokio::test]
    async fn i8_what_the_policy_refuses_or_is_no_port_is_not_tried() {
        let shut = AddressPolicy::default();
        for (host, reason) in [
            ("169.254.169.254", "a cloud metadata address"),
            ("127.0.0.1", "a loopback address"),
            ("2130706433", "a loopback address"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("[::1]", "a loopback address"),
            ("localhost", "leads to"),
            ("a b", "not a host name"),
            ("", "not a host name"),
        ] {
            let refused = call(&shut, &run(host, 80)).await.answer.unwrap_err();
            assert!(refused.contains(reason), "{host}: {refused}");
        }
        for port in ["0", "65536", "http", "", "-1"] {
            let refused = call(&loopback(), &run("127.0.0.1", port)).await.answer.unwrap_err();
            assert!(refused.contains("is not a port"), "{port}: {refused}");
        }
    }
}
