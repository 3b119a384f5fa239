use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hickory_resolver::proto::{
    op::Message,
    rr::rdata::{A, AAAA, CNAME, MX, NS, SRV, TXT},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

use super::*;

/// What a name server says to a question: a code and records, or nothing at all.
type Say = Option<(ResponseCode, Vec<Record>)>;

struct Zone {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

fn reply(question: &[u8], say: &impl Fn(&Name, RecordType) -> Say) -> Option<Message> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let (code, records) = say(query.name(), query.query_type())?;
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.response_code = code;
    reply.metadata.recursion_desired = true;
    reply.metadata.recursion_available = true;
    reply.add_query(query);
    reply.add_answers(records);
    Some(reply)
}

/// A name server on UDP and TCP. Over UDP an answer of more than a packet is cut, as a real one would cut it.
async fn zone(say: impl Fn(&Name, RecordType) -> Say + Send + Sync + 'static) -> Zone {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // The same port on TCP is almost always free; if not, another pair is.
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let (say, count) = (Arc::new(say), asked.clone());
    let over_tcp = say.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            count.fetch_add(1, Ordering::SeqCst);
            let Some(mut message) = reply(&buffer[..length], say.as_ref()) else { continue };
            if message.to_vec().unwrap().len() > 1232 {
                message.answers.clear();
                message.metadata.truncation = true;
            }
            udp.send_to(&message.to_vec().unwrap(), from).await.unwrap();
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let say = over_tcp.clone();
            tokio::spawn(async move {
                while let Ok(length) = stream.read_u16().await {
                    let mut question = vec![0; usize::from(length)];
                    stream.read_exact(&mut question).await.unwrap();
                    let Some(message) = reply(&question, say.as_ref()) else { return };
                    let bytes = message.to_vec().unwrap();
                    stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
                    stream.write_all(&bytes).await.unwrap();
                }
            });
        }
    });
    Zone { address, asked }
}

fn fqdn(text: &str) -> Name {
    Name::from_utf8(text).unwrap()
}

fn records(name: &str, data: impl IntoIterator<Item = RData>) -> Say {
    let records = data.into_iter().map(|data| Record::from_rdata(fqdn(name), 60, data)).collect();
    Some((ResponseCode::NoError, records))
}

fn lookup(name: &str, record: DnsRecord) -> DnsRun<String> {
    DnsRun { name: name.to_owned(), record, timeout: "20s".parse().unwrap() }
}

async fn ask_zone(zone: &Zone, run: &DnsRun<String>) -> Called {
    call(&NameServers::new(&[zone.address]), run).await
}

async fn result(zone: &Zone, name: &str, record: DnsRecord) -> Value {
    ask_zone(zone, &lookup(name, record)).await.answer.unwrap().result
}

#[tokio::test]
async fn addresses_are_given_in_one_order() {
    let zone =
        zone(|_, _| records("checkout.example.", [A::new(10, 0, 0, 9).into_data(), A::new(10, 0, 0, 10).into_data()]))
            .await;
    let called = ask_zone(&zone, &lookup("checkout.example", DnsRecord::A)).await;
    assert_eq!(called.request, json!({"name": "checkout.example", "record": "A"}));
    let answer = called.answer.unwrap();
    assert_eq!(answer.result["answers"], json!(["10.0.0.10", "10.0.0.9"]));
    assert_eq!(answer.result["code"], json!("NOERROR"));
    assert!(answer.result["elapsed_ms"].is_u64());
    assert_eq!(answer.summary, "A checkout.example = 10.0.0.10 and 1 more");
}

/// So that the tables of records below read like a zone.
trait IntoData {
    fn into_data(self) -> RData;
}

macro_rules! into_data {
    ($($kind:ident),*) => {$(
        impl IntoData for $kind {
            fn into_data(self) -> RData {
                RData::$kind(self)
            }
        }
    )*};
}

into_data!(A, AAAA, CNAME, MX, NS, SRV, TXT);

#[tokio::test]
async fn every_record_that_can_be_asked_for_is_written_as_a_zone_file_does() {
    let zone = zone(|name, record| {
        let data = match record {
            RecordType::AAAA => vec![AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into_data()],
            RecordType::CNAME => vec![CNAME(fqdn("shop.example.")).into_data()],
            RecordType::MX => {
                vec![MX::new(20, fqdn("b.example.")).into_data(), MX::new(5, fqdn("z.example.")).into_data()]
            }
            RecordType::NS => vec![NS(fqdn("ns1.example.")).into_data()],
            RecordType::SRV => vec![SRV::new(10, 5, 5060, fqdn("sip.example.")).into_data()],
            RecordType::TXT => vec![TXT::new(vec!["v=spf1 ".to_owned(), "-all".to_owned()]).into_data()],
            _ => vec![],
        };
        records(&name.to_string(), data)
    })
    .await;
    for (name, record, answers) in [
        ("a.example", DnsRecord::Aaaa, json!(["2001:db8::1"])),
        ("a.example", DnsRecord::Cname, json!(["shop.example"])),
        ("a.example", DnsRecord::Mx, json!(["5 z.example", "20 b.example"])),
        ("a.example", DnsRecord::Ns, json!(["ns1.example"])),
        ("_sip._tcp.a.example", DnsRecord::Srv, json!(["10 5 5060 sip.example"])),
        ("a.example.", DnsRecord::Txt, json!(["v=spf1 -all"])),
        ("bücher.example", DnsRecord::Aaaa, json!(["2001:db8::1"])),
    ] {
        let result = result(&zone, name, record).await;
        assert_eq!((&result["answers"], &result["code"]), (&answers, &json!("NOERROR")), "{name} {record:?}");
    }
}

#[tokio::test]
async fn a_null_mx_keeps_its_dot() {
    let zone = zone(|name, _| records(&name.to_string(), [MX::new(0, Name::root()).into_data()])).await;
    assert_eq!(result(&zone, "a.example", DnsRecord::Mx).await["answers"], json!(["0 ."]));
}

#[tokio::test]
async fn an_alias_is_followed_and_only_what_was_asked_for_is_an_answer() {
    let zone = zone(|name, record| {
        assert_eq!(record, RecordType::A);
        match name.to_string().as_str() {
            "www.example." => Some((
                ResponseCode::NoError,
                vec![
                    Record::from_rdata(fqdn("www.example."), 60, CNAME(fqdn("lb.example.")).into_data()),
                    Record::from_rdata(fqdn("lb.example."), 60, A::new(10, 0, 0, 1).into_data()),
                ],
            )),
            "lb.example." => records("lb.example.", [A::new(10, 0, 0, 1).into_data()]),
            // This one leaves the second step to whoever asks.
            "far.example." => records("far.example.", [CNAME(fqdn("www.example.")).into_data()]),
            other => panic!("{other}"),
        }
    })
    .await;
    assert_eq!(result(&zone, "www.example", DnsRecord::A).await["answers"], json!(["10.0.0.1"]));
    assert_eq!(result(&zone, "far.example", DnsRecord::A).await["answers"], json!(["10.0.0.1"]));
}

#[tokio::test]
async fn that_there_is_no_such_name_or_record_is_an_answer() {
    let zone = zone(|name, _| {
        let missing = name.to_string().starts_with("nope");
        Some((if missing { ResponseCode::NXDomain } else { ResponseCode::NoError }, vec![]))
    })
    .await;
    let answer = ask_zone(&zone, &lookup("nope.example", DnsRecord::A)).await.answer.unwrap();
    assert_eq!((&answer.result["code"], &answer.result["answers"]), (&json!("NXDOMAIN"), &json!([])));
    assert_eq!(answer.summary, "A nope.example: NXDOMAIN");
    let answer = ask_zone(&zone, &lookup("bare.example", DnsRecord::Mx)).await.answer.unwrap();
    assert_eq!((&answer.result["code"], &answer.result["answers"]), (&json!("NOERROR"), &json!([])));
    assert_eq!(answer.summary, "MX bare.example has no records");
}

#[tokio::test]
async fn an_alias_to_a_name_that_does_not_exist_is_no_such_name() {
    let zone = zone(|name, _| match name.to_string().as_str() {
        "www.example." => Some((
            ResponseCode::NXDomain,
            vec![Record::from_rdata(fqdn("www.example."), 60, CNAME(fqdn("gone.example.")).into_data())],
        )),
        _ => Some((ResponseCode::NXDomain, vec![])),
    })
    .await;
    let result = result(&zone, "www.example", DnsRecord::A).await;
    assert_eq!((&result["code"], &result["answers"]), (&json!("NXDOMAIN"), &json!([])));
}

#[tokio::test]
async fn a_server_that_cannot_say_is_a_failure() {
    for (given, word) in
        [(ResponseCode::ServFail, "SERVFAIL"), (ResponseCode::Refused, "REFUSED"), (ResponseCode::NotImp, "NOTIMP")]
    {
        let zone = zone(move |_, _| Some((given, vec![]))).await;
        let reason = ask_zone(&zone, &lookup("a.example", DnsRecord::A)).await.answer.unwrap_err();
        assert_eq!(reason, format!("the name server answered {word} (asked 127.0.0.1)"));
    }
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_timeout() {
    let zone = zone(|_, _| None).await;
    let hurried = DnsRun { timeout: "200ms".parse().unwrap(), ..lookup("a.example", DnsRecord::A) };
    let reason = ask_zone(&zone, &hurried).await.answer.unwrap_err();
    assert_eq!(reason, "no name server answered within 200ms (asked 127.0.0.1)");
    assert!(zone.asked.load(Ordering::SeqCst) >= 1);
}

#[tokio::test]
async fn a_port_without_a_server_is_the_same_as_a_silent_one() {
    let address = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let hurried = DnsRun { timeout: "200ms".parse().unwrap(), ..lookup("a.example", DnsRecord::A) };
    let reason = call(&NameServers::new(&[address]), &hurried).await.answer.unwrap_err();
    assert_eq!(reason, "no name server answered within 200ms (asked 127.0.0.1)");
}

#[tokio::test]
async fn a_lost_packet_is_asked_again() {
    let lost = AtomicUsize::new(0);
    let zone = zone(move |name, _| match lost.fetch_add(1, Ordering::SeqCst) {
        0 => None,
        _ => records(&name.to_string(), [A::new(10, 0, 0, 1).into_data()]),
    })
    .await;
    assert_eq!(result(&zone, "a.example", DnsRecord::A).await["answers"], json!(["10.0.0.1"]));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_passed_over_for_the_next() {
    let silent = zone(|_, _| None).await;
    let good = zone(|name, _| records(&name.to_string(), [A::new(10, 0, 0, 1).into_data()])).await;
    let servers = NameServers::new(&[silent.address, good.address]);
    let result = call(&servers, &lookup("a.example", DnsRecord::A)).await.answer.unwrap().result;
    assert_eq!(result["answers"], json!(["10.0.0.1"]));
}

#[tokio::test]
async fn an_answer_of_more_than_a_packet_is_fetched_over_tcp() {
    let zone = zone(|name, _| records(&name.to_string(), (0..150).map(|at| A::new(10, 0, 0, at).into_data()))).await;
    let result = result(&zone, "many.example", DnsRecord::A).await;
    assert_eq!(result["answers"].as_array().unwrap().len(), ANSWERS);
}

#[tokio::test]
async fn nothing_is_remembered_from_one_call_to_the_next() {
    let zone = zone(|name, _| records(&name.to_string(), [A::new(10, 0, 0, 1).into_data()])).await;
    let servers = NameServers::new(&[zone.address]);
    for _ in 0..3 {
        call(&servers, &lookup("a.example", DnsRecord::A)).await.answer.unwrap();
    }
    assert_eq!(zone.asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn what_is_no_name_is_not_asked_for() {
    let zone = zone(|_, _| panic!("asked")).await;
    for (text, reason) in [
        ("10.0.0.1", "is an address"),
        ("::1", "is an address"),
        ("", "is empty"),
        ("a..b", "is not a DNS name"),
        ("x y", "is not a DNS name"),
    ] {
        let refused = ask_zone(&zone, &lookup(text, DnsRecord::A)).await.answer.unwrap_err();
        assert!(refused.contains(reason), "{text}: {refused}");
    }
    let long = "x".repeat(64);
    let refused = ask_zone(&zone, &lookup(&long, DnsRecord::A)).await.answer.unwrap_err();
    assert!(refused.contains("is not a DNS name"), "{refused}");
}

#[test]
fn without_servers_of_ones_own_the_systems_or_this_machines_are_asked() {
    assert!(!NameServers::new(&[]).servers.is_empty());
}
