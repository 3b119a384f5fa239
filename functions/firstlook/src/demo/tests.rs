use super::*;

#[test]
fn the_sample_happens_now_and_is_otherwise_as_it_was() {
    let now: Timestamp = "2026-11-22T18:00:00.123456Z".parse().unwrap();
    let Ok(webhook) = happening_now(WEBHOOK, now) else { panic!("the sample is not JSON") };
    assert_eq!(webhook["event"]["occurred_at"], "2026-11-22T18:00:00.123Z");
    let mut back = webhook;
    let sample: Value = serde_json::from_str(WEBHOOK).unwrap();
    back["event"]["occurred_at"] = sample["event"]["occurred_at"].clone();
    back["event"]["data"]["created_at"] = sample["event"]["data"]["created_at"].clone();
    assert_eq!(back, sample);
}
