use catalog::model::Auth;

use super::*;
use crate::testing::{At, Held, Server, answer, aws, json_answer, loopback, serve, stalled};

const NOW: &str = "2026-03-01T12:00:00Z";

fn clusters(url: &str) -> Clusters {
    let name: Name = "prod".parse().unwrap();
    let (url, auth) = (Some(url.to_owned()), Some(Auth::bearer("k8s")));
    let cluster = Cluster { name: name.clone(), description: None, url, ca: None, auth, eks: None };
    Clusters::new([(name, cluster)].into())
}

fn run(read: &str) -> KubernetesRun<String> {
    let mut run = json!({"cluster": "prod", "read": read, "timeout": "20s"});
    if read != "nodes" {
        run["namespace"] = json!("checkout");
    }
    serde_json::from_value(run).unwrap()
}

async fn ask_it(server: &Server, run: &KubernetesRun<String>) -> Called {
    let keys = Held::keys([("k8s", &["the-k8s-token"])]);
    let http = Http::new(loopback(), None).unwrap();
    keys.hide(call(&http, &keys, &At::new(NOW), &clusters(&server.url("/")), &Cloud::default(), run).await)
}

/// A server that answers each path with what the list has for it, and the rest with 404.
async fn api(answers: &'static [(&'static str, &'static str)]) -> Server {
    serve(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match answers.iter().find(|(begin, _)| path.starts_with(begin)) {
            Some((_, body)) => answer("200 OK", &[("content-type", "application/json")], body),
            None => answer("404 Not Found", &[], r#"{"kind":"Status","message":"not found","code":404}"#),
        }
    })
    .await
}

fn without_time(mut result: Value) -> Value {
    assert!(result["elapsed_ms"].take().is_u64());
    result
}

const PODS: &str = r#"{"kind":"PodList","metadata":{},"items":[
 {"metadata":{"name":"checkout-1","creationTimestamp":"2026-03-01T11:00:00Z"},
  "spec":{"nodeName":"n1","containers":[{"name":"app","image":"shop/checkout:7"}]},
  "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],
   "containerStatuses":[{"name":"app","restartCount":0,"state":{"running":{}}}]}},
 {"metadata":{"name":"checkout-2","creationTimestamp":"2026-03-01T11:59:00Z"},
  "spec":{"nodeName":"n2","containers":[{"name":"app","image":"shop/checkout:8"}]},
  "status":{"phase":"Running","conditions":[{"type":"Ready","status":"False"}],
   "containerStatuses":[{"name":"app","restartCount":6,
    "state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 5m0s restarting failed container"}},
    "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled","finishedAt":"2026-03-01T11:58:00Z"}}}]}},
 {"metadata":{"name":"checkout-3"},"spec":{"containers":[]},
  "status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes"}]}},
 {"metadata":{"name":"migrate-1"},"spec":{"containers":[]},"status":{"phase":"Succeeded"}},
 {"metadata":{"name":"checkoutish-1"},"spec":{"containers":[]},"status":{"phase":"Failed","reason":"Evicted","message":"low on memory"}}
]}"#;

#[tokio::test]
async fn pods_in_trouble_stand_first_with_the_reason() {
    let server = api(&[("/api/v1/namespaces/checkout/pods?limit=500", PODS)]).await;
    let answer = ask_it(&server, &run("pods")).await.answer.unwrap();
    assert_eq!(answer.summary, "5 pods, 3 not ready (CrashLoopBackOff 1, Evicted 1, Unschedulable 1), 6 restarts");
    let result = without_time(answer.result);
    assert_eq!(
        result["pods"][0],
        json!({"name": "checkout-2", "phase": "Running", "ready": false, "restarts": 6, "reason": "CrashLoopBackOff",
            "message": "back-off 5m0s restarting failed container", "last_reason": "OOMKilled", "last_exit_code": 137,
            "last_finished_at": "2026-03-01T11:58:00Z", "oom_killed": true, "node": "n2", "images": ["shop/checkout:8"],
            "age_s": 60})
    );
    assert_eq!(result["pods"][1]["reason"], json!("Unschedulable"));
    let totals = ["total", "ready", "not_ready", "restarts"].map(|key| result[key].as_i64().unwrap());
    assert_eq!(totals, [5, 1, 3, 6]);
    assert_eq!((&result["reasons"]["Evicted"], &result["notes"]), (&json!(1), &json!([])));

    let named = KubernetesRun { name: Some("checkout".to_owned()), ..run("pods") };
    let result = ask_it(&server, &named).await.answer.unwrap().result;
    assert_eq!(result["total"], json!(3), "and neither checkoutish-1 nor migrate-1");
}

#[tokio::test]
async fn workloads_are_of_all_three_kinds_and_what_cannot_be_read_is_said() {
    let server = serve(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/apis/apps/v1/namespaces/checkout/deployments?labelSelector=app%3Dcheckout&limit") {
            return answer("200 OK", &[], r#"{"items":[
              {"metadata":{"name":"web","generation":3},"spec":{"replicas":2,"template":{"spec":{"containers":[{"image":"web:1"}]}}},
               "status":{"observedGeneration":3,"readyReplicas":2,"updatedReplicas":2,"availableReplicas":2}},
              {"metadata":{"name":"checkout","generation":8},"spec":{"replicas":3,"template":{"spec":{"containers":[]}}},
               "status":{"observedGeneration":7,"readyReplicas":1,"updatedReplicas":3,"availableReplicas":1,
                "conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"m"}]}}]}"#);
        }
        if path.contains("/daemonsets") {
            return answer("200 OK", &[], r#"{"items":[{"metadata":{"name":"agent"},"status":{"desiredNumberScheduled":4,
              "numberReady":4,"updatedNumberScheduled":4,"numberAvailable":4}}]}"#);
        }
        let words = r#"{"kind":"Status","message":"statefulsets.apps is forbidden: User \"look\" cannot list","code":403}"#;
        answer("403 Forbidden", &[], words)
    })
    .await;
    let labelled = KubernetesRun { labels: [("app".to_owned(), "checkout".to_owned())].into(), ..run("workloads") };
    let answer = ask_it(&server, &labelled).await.answer.unwrap();
    assert_eq!(answer.summary, "3 workloads, 1 unhealthy: Deployment checkout has 1 of 3 ready");
    let result = answer.result;
    let first = &result["workloads"][0];
    assert_eq!((&first["lags"], &first["healthy"], &first["updated"]), (&json!(true), &json!(false), &json!(3)));
    assert_eq!(first["conditions"][0]["reason"], json!("ProgressDeadlineExceeded"));
    assert_eq!((&result["total"], &result["unhealthy"]), (&json!(3), &json!(1)));
    let note = result["unread"][0].as_str().unwrap();
    assert!(note.contains("add `list` on `statefulsets` of the group `apps` to the role"), "{note}");
}

#[tokio::test]
async fn events_are_told_once_with_their_count_warnings_first() {
    let server = api(&[("/api/v1/namespaces/checkout/events", r#"{"items":[
      {"type":"Normal","reason":"Pulled","message":"ok","involvedObject":{"kind":"Pod","name":"checkout-1"},"lastTimestamp":"2026-03-01T11:59:59Z"},
      {"type":"Warning","reason":"BackOff","message":"m","count":4,"firstTimestamp":"2026-03-01T11:00:00Z","lastTimestamp":"2026-03-01T11:50:00Z","involvedObject":{"kind":"Pod","name":"checkout-1"}},
      {"type":"Warning","reason":"BackOff","message":"m","eventTime":"2026-03-01T11:55:00Z","series":{"count":3,"lastObservedTime":"2026-03-01T11:56:00Z"},"involvedObject":{"kind":"Pod","name":"checkout-1"}},
      {"type":"Warning","reason":"Unhealthy","message":"x","involvedObject":{"kind":"Pod","name":"other-1"}}]}"#)])
    .await;
    let named = KubernetesRun { name: Some("checkout".to_owned()), ..run("events") };
    let answer = ask_it(&server, &named).await.answer.unwrap();
    assert_eq!(answer.summary, "2 events, 1 of them warnings: BackOff of checkout-1");
    assert_eq!(
        answer.result["events"][0],
        json!({"type": "Warning", "reason": "BackOff", "kind": "Pod", "name": "checkout-1", "message": "m", "count": 7,
            "first": "2026-03-01T11:00:00Z", "last": "2026-03-01T11:56:00Z"})
    );
}

#[tokio::test]
async fn logs_are_those_of_pods_in_trouble_first_and_no_previous_container_is_an_answer() {
    let server = serve(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.contains("checkout-2/log?container=app&tailLines=100&timestamps=true&previous=true") {
            return answer(
                "200 OK",
                &[("content-type", "text/plain")],
                "2026-03-01T11:57:59Z out of\u{1b} memory\nlast\n",
            );
        }
        if path.contains("/log?") {
            return answer("400 Bad Request", &[], r#"{"message":"previous terminated container \"app\" not found"}"#);
        }
        answer("200 OK", &[], PODS)
    })
    .await;
    let previous = KubernetesRun { previous: true, ..run("logs") };
    let answer = ask_it(&server, &previous).await.answer.unwrap();
    assert_eq!(answer.result["unread"], json!([]), "that there is none is known");
    assert_eq!(answer.summary, "2 lines of 2 containers, last: last");
    assert_eq!(
        answer.result["logs"],
        json!([
            {"pod": "checkout-2", "container": "app", "lines": ["2026-03-01T11:57:59Z out of  memory", "last"], "error": ""},
            {"pod": "checkout-1", "container": "app", "lines": [], "error": "previous terminated container \"app\" not found"},
        ])
    );
}

#[tokio::test]
async fn nodes_tell_what_presses_them() {
    let server = api(&[("/api/v1/nodes", r#"{"items":[
      {"metadata":{"name":"n1"},"status":{"nodeInfo":{"kubeletVersion":"v1.35.1"},"conditions":[{"type":"Ready","status":"True"},{"type":"DiskPressure","status":"True"}]}},
      {"metadata":{"name":"n2"},"spec":{"unschedulable":true},"status":{"conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown"}]}}]}"#)])
    .await;
    let answer = ask_it(&server, &run("nodes")).await.answer.unwrap();
    assert_eq!(answer.summary, "2 nodes, 1 not ready, 1 under pressure");
    assert_eq!(
        (&answer.result["nodes"][0]["name"], &answer.result["nodes"][0]["unschedulable"]),
        (&json!("n2"), &json!(true))
    );
    assert_eq!(answer.result["nodes"][1]["pressure"], json!(["DiskPressure"]));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_up_to_a_bound() {
    let server = serve(|request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let pods = r#"{"metadata":{"name":"p"},"status":{"phase":"Succeeded"}},"#.repeat(60);
        let last = path.contains("continue=c2");
        let go_on = if path.contains("endless") {
            "c1"
        } else if last {
            ""
        } else if path.contains("c1") {
            "c2"
        } else {
            "c1"
        };
        answer(
            "200 OK",
            &[],
            format!(r#"{{"metadata":{{"continue":"{go_on}"}},"items":[{}]}}"#, pods.trim_end_matches(',')),
        )
    })
    .await;
    let result = ask_it(&server, &run("pods")).await.answer.unwrap().result;
    assert_eq!((&result["total"], result["pods"].as_array().unwrap().len()), (&json!(180), KEPT));
    assert_eq!(result["notes"], json!(["the first 100 of 180 pods are kept"]));
    let endless = KubernetesRun { namespace: Some("endless".to_owned()), ..run("pods") };
    let result = ask_it(&server, &endless).await.answer.unwrap().result;
    assert_eq!(result["total"], json!(240));
    assert_eq!(result["notes"][1], json!("there are more pods than were read"));
}

#[tokio::test]
async fn i8_only_names_and_label_values_reach_the_api() {
    let server = api(&[]).await;
    for bad in ["../secrets", "a/b", "A", "", "a?x=1", "-a", "a ", ".", ".."] {
        let elsewhere = KubernetesRun { namespace: Some(bad.to_owned()), ..run("pods") };
        let reason = ask_it(&server, &elsewhere).await.answer.unwrap_err();
        assert!(reason.contains("is not a namespace of Kubernetes"), "{reason}");
    }
    for bad in ["a,env!=prod", "a b", "a)", "x=y"] {
        let wider = KubernetesRun { labels: [("app".to_owned(), bad.to_owned())].into(), ..run("pods") };
        assert!(ask_it(&server, &wider).await.answer.unwrap_err().contains("is not a label and its value"));
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn i7_every_request_is_a_get_with_the_clusters_token_and_i9_the_token_is_not_kept() {
    let server = api(&[(
        "/",
        r#"{"items":[{"metadata":{"name":"a"},"x":"the-k8s-token","spec":{"containers":[{"name":"the-k8s-token"}]}}]}"#,
    )])
    .await;
    for read in ["workloads", "pods", "events", "logs", "nodes"] {
        let called = ask_it(&server, &run(read)).await;
        assert!(!format!("{called:?}").contains("the-k8s-token"), "{called:?}");
        assert!(called.answer.is_ok(), "{read}: {called:?}");
    }
    for request in server.requests() {
        assert!(
            request.starts_with("GET ") && request.contains("authorization: Bearer the-k8s-token\r\n"),
            "{request}"
        );
    }
}

#[tokio::test]
async fn what_the_cluster_refuses_says_what_to_mend() {
    for (status, body, said) in [
        ("401 Unauthorized", r#"{"message":"Unauthorized"}"#, "is not a token that it takes (Unauthorized)"),
        (
            "403 Forbidden",
            r#"{"message":"pods is forbidden"}"#,
            "add `list` on `pods` to the role of the Cluster's account",
        ),
        ("404 Not Found", "nginx", "the Cluster's url is wrong (nginx)"),
        ("429 Too Many Requests", "", "takes no more requests for now"),
        ("500 Internal Server Error", "etcd is slow", "answered 500: etcd is slow"),
        ("200 OK", "<html>", "not as the Kubernetes API does"),
        ("200 OK", "{}", "not as the Kubernetes API does"),
    ] {
        let server = serve(move |_| answer(status, &[("content-type", "text/html")], body)).await;
        let reason = ask_it(&server, &run("pods")).await.answer.unwrap_err();
        assert!(reason.contains(said), "{reason}");
    }
    // The logs of a pod are another right than its list.
    let server = serve(|request| match request.contains("/log?") {
        true => answer("403 Forbidden", &[], r#"{"message":"no"}"#),
        false => answer("200 OK", &[], PODS),
    })
    .await;
    let reason = ask_it(&server, &run("logs")).await.answer.unwrap_err();
    assert!(reason.contains("add `get` on `pods/log` to the role"), "{reason}");
    // One that is refused leaves the others, and is told.
    let server = serve(|request| match (request.contains("/log?"), request.contains("checkout-1/log?")) {
        (true, true) => answer("403 Forbidden", &[], r#"{"message":"no"}"#),
        (true, false) => answer("200 OK", &[("content-type", "text/plain")], "a line\n"),
        (false, _) => answer("200 OK", &[], PODS),
    })
    .await;
    let result = ask_it(&server, &run("logs")).await.answer.unwrap().result;
    let unread: Vec<&str> = result["unread"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    let [refused] = unread.as_slice() else { panic!("{unread:?}") };
    assert!(
        refused.starts_with("the log of checkout-1/app could not be read: ") && refused.contains("403"),
        "{refused}"
    );
    assert_eq!(result["lines_total"], 1);
}

#[tokio::test]
async fn an_enormous_list_is_not_read_to_its_end_and_a_slow_one_not_waited_for() {
    let server = serve(|_| answer("200 OK", &[], vec![b' '; ANSWER_CAP + 1])).await;
    assert!(ask_it(&server, &run("nodes")).await.answer.unwrap_err().contains("is greater than 8 MiB"));
    let slow = stalled(b"{\"items\":[").await;
    let hurried = KubernetesRun { timeout: "100ms".parse().unwrap(), ..run("nodes") };
    assert!(ask_it(&slow, &hurried).await.answer.unwrap_err().ends_with("gave no whole answer within 100ms"));
}

#[tokio::test]
async fn only_the_authority_of_the_cluster_is_trusted_where_it_has_one() {
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let http = Http::new(loopback(), None).unwrap();
    for ca in [signed.cert.pem(), STANDARD.encode(signed.cert.pem())] {
        let mut all = clusters("https://127.0.0.1:1/");
        let cluster = all.clusters.values_mut().next().unwrap();
        cluster.ca = Some(ca);
        let cluster = cluster.clone();
        assert!(all.client(&http, &cluster).is_ok());
    }
    let mut all = clusters("https://127.0.0.1:1/");
    all.clusters.values_mut().next().unwrap().ca = Some("-----BEGIN CERTIFICATE-----\nx".to_owned());
    let cluster = all.clusters.values().next().unwrap().clone();
    assert_eq!(all.client(&http, &cluster).err().unwrap(), "the `ca` of the Cluster `prod` is no certificate");
}

/// AWS, which knows one cluster of EKS, at this URL.
async fn eks(url: &str) -> Server {
    let ca = STANDARD.encode(rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap().cert.pem());
    let known = json!({"cluster": {"endpoint": url, "status": "ACTIVE", "certificateAuthority": {"data": ca}}});
    serve(move |request| {
        let denied = json!({"__type": "AccessDeniedException", "message":
            "User: arn:aws:sts::111122223333:assumed-role/investigate/f is not authorized to perform: eks:DescribeCluster \
             on resource: arn:aws:eks:eu-central-1:111122223333:cluster/denied"});
        let made = json!({"cluster": {"status": "CREATING"}});
        match request.split(' ').nth(1).unwrap_or_default() {
            "/clusters/shop" => json_answer(200, &known),
            "/clusters/denied" => json_answer(403, &denied),
            _ => json_answer(200, &made),
        }
        .into_bytes()
    })
    .await
}

fn of_eks(name: &str) -> Clusters {
    let cluster = serde_json::from_value::<Cluster>(json!({"name": "prod", "eks": {"name": name}})).unwrap();
    Clusters::new([(cluster.name.clone(), cluster)].into())
}

#[tokio::test]
async fn a_cluster_of_eks_is_found_once_and_entered_as_the_role_that_asks() {
    let server = api(&[("/api/v1/nodes", r#"{"items":[]}"#)]).await;
    let eks = eks(&server.url("")).await;
    let address = eks.url("").trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let (cloud, clusters, http) = (aws(address), of_eks("shop"), Http::new(loopback(), None).unwrap());
    for _ in 0..2 {
        let keys = Held::none();
        let called = keys.hide(call(&http, &keys, &At::new(NOW), &clusters, &cloud, &run("nodes")).await);
        assert!(called.answer.is_ok(), "{:?}", called.answer);
        assert_eq!(called.request["eks"]["name"], "shop");
        assert!(!json!(called.request).to_string().contains("k8s-aws-v1"), "I9: {}", called.request);
    }
    assert_eq!(eks.requests().len(), 1, "it is where it was");
    let requests = server.requests();
    let token = requests[0].to_lowercase().find("authorization: bearer k8s-aws-v1.").map(|at| at + 33).unwrap();
    let token = requests[0][token..].split_whitespace().next().unwrap();
    let signed = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap();
    let signed = String::from_utf8(signed).unwrap();
    assert!(
        signed.starts_with("https://sts.eu-central-1.amazonaws.com/?") && signed.contains("x-k8s-aws-id"),
        "{signed}"
    );
}

#[tokio::test]
async fn what_keeps_a_cluster_of_eks_from_being_entered_is_said_with_what_to_do() {
    let server =
        serve(|_| answer("401 Unauthorized", &[], r#"{"kind":"Status","message":"Unauthorized","code":401}"#)).await;
    let eks = eks(&server.url("")).await;
    let address = eks.url("").trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let (cloud, http) = (aws(address), Http::new(loopback(), None).unwrap());
    let (keys, now) = (Held::none(), At::new(NOW));
    for (name, wanted) in [
        ("denied", "the role investigate may not eks:DescribeCluster"),
        ("made", "EKS says no endpoint of the cluster `made`; its status is `CREATING`"),
        (
            "shop",
            "answered 401: the role that asks has no access entry there, see docs/tasks/kubernetes.md (Unauthorized)",
        ),
    ] {
        let said = call(&http, &keys, &now, &of_eks(name), &cloud, &run("nodes")).await.answer.unwrap_err();
        assert!(said.contains(wanted), "{said}");
    }
    let said = call(&http, &keys, &now, &of_eks("shop"), &Cloud::default(), &run("nodes")).await.answer.unwrap_err();
    assert!(said.contains("there are no AWS credentials here"), "{said}");
    let mut plain = of_eks("shop");
    plain.clusters.values_mut().for_each(|cluster| cluster.url = Some("http://k8s.example/".to_owned()));
    let said = call(&http, &keys, &now, &plain, &cloud, &run("nodes")).await.answer.unwrap_err();
    assert_eq!(said, "the token of the cluster `shop` goes to no URL without https");
}
