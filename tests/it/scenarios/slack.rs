//! What people ask for in Slack, end to end.

use domain::{Mark, RunId, RunStatus, Trigger};
use inbox::{Posted, Service};
use ports::Queue;
use serde_json::json;

use super::{World, incident};
use crate::support::{
    pages::page,
    slack::{ANN, command, event, mention, press},
    world::{Answer, posts, settled, until},
};

const AT: &str = "2026-11-22T10:00:00Z";

/// What everybody sees of `run`.
fn messages(world: &dyn World, run: RunId) -> Vec<Posted> {
    posts(world, Service::Slack, run).into_iter().filter(|post| post.only_for.is_none()).collect()
}

fn text(answer: &Answer) -> &str {
    assert_eq!((answer.status, &answer.body["response_type"]), (200, &json!("ephemeral")), "{answer:?}");
    answer.body["text"].as_str().unwrap()
}

/// The run that who asked was told of.
fn run_of(answer: &Answer) -> RunId {
    let text = text(answer);
    let id = text.split_once("(run_").unwrap_or_else(|| panic!("{text}")).1.split_once(')').unwrap().0;
    format!("run_{id}").parse().unwrap()
}

/// A signed request in, one message in its channel out; the same request again is the same run, and `last` shows it.
pub async fn i3_a_slash_command_becomes_one_answer_in_its_channel(world: &dyn World) {
    let channel = "C0ASKED001";
    let url = world.inbox().response_url(channel, ANN);
    let asked = command("run triage incident=QSLASH", channel, "1.2.slash", &url);
    let run = run_of(&world.post("slack", &asked).await);
    let view = settled(world, run).await;
    assert_eq!((view.run.status, view.steps.len()), (RunStatus::Concluded, 4));
    assert_eq!(
        (view.run.params["incident"].as_str(), &view.run.assistant),
        (Some("QSLASH"), &Some("cathy".parse().unwrap()))
    );
    let Trigger::Chat(place) = &view.run.trigger else { panic!("{:?}", view.run.trigger) };
    assert_eq!((place.to_string(), place.channel.as_str()), ("ann in #asked".to_owned(), channel));
    assert_eq!(run_of(&world.post("slack", &asked).await), run, "the same request");
    let posted = messages(world, run);
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert!(posted[0].id.starts_with(channel), "{}", posted[0].id);
    assert!(posted[0].body.to_string().contains("asked for by ann in #asked"), "{:?}", posted[0].body);

    let last = command("last", channel, "1.2.last", &url);
    assert!(text(&world.post("slack", &last).await).contains("Looking for"));
    let told = until("the newest runs to be told", async || {
        let mut told = world.inbox().posts().into_iter().filter(|post| post.only_for.as_deref() == Some(ANN));
        told.find(|post| post.body.to_string().contains("The newest RunSessions"))
    })
    .await;
    // Those of this Command, whichever are the newest; each opens from here.
    assert!(told.body.to_string().contains("/runs/run_"), "{:?}", told.body);
    assert_eq!(messages(world, run).len(), 1);
}

/// What the catalog does not allow is refused to who asked, and nothing follows.
pub async fn i1_what_may_not_be_run_is_refused_with_the_mend(world: &dyn World) {
    let refused = [
        ("run triage incident=QNO", "C0ELSE0001", "add `C0ELSE0001` to its `channels`"),
        ("run glance", "C0ASKED001", "add `U0ANN00001` to its `users`"),
        ("run narrow incident=12", "C0ASKED001", "There is no `narrow`"),
        ("run triage incident=../x", "C0ASKED001", "it does not match the pattern"),
        ("halt", "C0ASKED001", "I do not know `halt`"),
    ];
    for (words, channel, part) in refused {
        let answer = world.post("slack", &command(words, channel, "1.2.no", "https://hooks.slack.com/x")).await;
        assert!(text(&answer).contains(part), "{words}: {answer:?}");
    }
    let help = world.post("slack", &command("help", "C0ASKED001", "1.2.help", "https://hooks.slack.com/x")).await;
    assert!(text(&help).contains("run triage incident=STRING") && !text(&help).contains("glance"), "{help:?}");
    let mut forged = command("run triage incident=QNO", "C0ASKED001", "1.2.no", "https://hooks.slack.com/x");
    forged.body.push(b'x');
    assert_eq!(world.post("slack", &forged).await.status, 401);
    let challenge = json!({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV", "token": "gone"});
    let answer = world.post("slack", &event(&challenge)).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"challenge": "3eZbrw1aBm2rZgRNFdxV"})));
    assert!(world.shop().hits("QNO").is_empty(), "nobody looked");
}

/// A mention in the thread of our message belongs to its run; one that asks for a Command is answered in that thread.
pub async fn a_mention_in_a_thread_attaches_and_asks(world: &dyn World) {
    let channel = "C0THREAD01";
    let asked = command("run triage incident=QTHREAD", channel, "1.2.thread", "https://hooks.slack.com/x");
    let run = run_of(&world.post("slack", &asked).await);
    settled(world, run).await;
    let root = messages(world, run).remove(0);
    let ts = root.id.split_once('/').unwrap().1.to_owned();

    let said = mention("rolled back &amp; watching", channel, &ts, "EvTHREAD1");
    for _ in 0..2 {
        assert_eq!(world.post("slack", &said).await.status, 202);
    }
    until("the mention to be on the run", async || {
        let view = world.reader().view(run).await.unwrap().unwrap();
        (view.run.counts.attached == 1 && view.run.counts.duplicates == 1).then_some(())
    })
    .await;
    let view = settled(world, run).await;
    let noted = view.events.iter().find(|event| event.provider_kind == "app_mention").unwrap();
    assert_eq!(noted.summary, format!("{ANN} wrote: rolled back & watching"));
    let [message] = <[_; 1]>::try_from(messages(world, run)).unwrap();
    assert!(message.current().to_string().contains("1 further event"), "{:?}", message.current());

    let again = mention("run triage incident=QAGAIN", channel, &ts, "EvTHREAD2");
    for _ in 0..2 {
        assert_eq!(world.post("slack", &again).await.status, 202);
    }
    let answer = until("the answer in the thread", async || {
        let posts = world.inbox().posts().into_iter();
        posts.filter(|post| post.body["thread_ts"] == ts.as_str() && post.only_for.is_none()).collect::<Vec<_>>().pop()
    })
    .await;
    let second: RunId = answer.body["metadata"]["event_payload"]["run"].as_str().unwrap().parse().unwrap();
    assert_eq!(settled(world, second).await.run.params["incident"], "QAGAIN");
    assert_eq!(messages(world, second).len(), 1, "the same event is the same run");

    // What is not allowed is told to who asked, in the thread.
    assert_eq!(world.post("slack", &mention("run glance", channel, &ts, "EvTHREAD3")).await.status, 202);
    let told = until("the refusal", async || {
        let posts = world.inbox().posts().into_iter();
        posts.filter(|post| post.only_for.is_some() && post.body["thread_ts"] == ts.as_str()).collect::<Vec<_>>().pop()
    })
    .await;
    assert!(told.body["text"].as_str().unwrap().contains("add `C0THREAD01` to its `channels`"), "{:?}", told.body);
    until("the queue to be empty", async || (world.depth(Queue::Investigate).await == 0).then_some(())).await;
}

/// What a button of `message` says when it is pressed.
fn button(message: &Posted, text: &str) -> (String, String) {
    let blocks = message.current()["blocks"].as_array().unwrap();
    let actions = blocks.iter().find(|block| block["type"] == "actions").expect("buttons");
    let mut buttons = actions["elements"].as_array().unwrap().iter();
    let button = buttons.find(|button| button["text"]["text"] == text).unwrap_or_else(|| panic!("{text}: {actions}"));
    (button["action_id"].as_str().unwrap().to_owned(), button["value"].as_str().unwrap().to_owned())
}

/// Who sees the message rates the report: it stands in the message and on the page. A button of another message does nothing.
pub async fn a_report_is_rated_by_the_buttons_of_its_message(world: &dyn World) {
    let channel = "C0THREAD01";
    let ask = async |incident: &str| {
        let words = format!("run triage incident={incident}");
        let asked = command(&words, channel, &format!("1.2.{incident}"), "https://hooks.slack.com/x");
        let run = run_of(&world.post("slack", &asked).await);
        settled(world, run).await;
        (run, messages(world, run).remove(0))
    };
    let ((run, message), (other, elsewhere)) = (ask("QRATED").await, ask("QOTHER").await);
    let (action, value) = &button(&message, "One hop short");

    let forged = world.post("slack", &press(&elsewhere.id, action, value, "1.2.forged")).await;
    let pressed = world.post("slack", &press(&message.id, action, value, "1.2.rated")).await;
    assert_eq!((forged.status, pressed.status, &pressed.body), (200, 200, &json!("")));
    let rated = until("the rating in the message", async || {
        let message = messages(world, run).remove(0).current().to_string();
        message.contains("Rated: one hop short (ann)").then_some(message)
    })
    .await;
    assert_eq!(rated.matches("one hop short (ann)").count(), 1);
    let view = settled(world, run).await;
    let [said] = <[_; 1]>::try_from(view.ratings).unwrap();
    assert_eq!((said.rating, said.by.user.as_str()), (Mark::OneHopShort, ANN));
    assert!(settled(world, other).await.ratings.is_empty(), "a button is about the run whose message it stands on");
}

/// A run whose model thinks for ever is stopped from its message, and what was found until then stands.
pub async fn a_run_is_stopped_by_the_button_of_its_message(world: &dyn World) {
    let incident = incident("HANGING");
    let run = world.post("pagerduty", &page("incident.triggered", &incident, "PSTOPPED", &incident, AT)).await.run();
    let message = until("the first findings", async || messages(world, run).pop()).await;
    let (action, value) = button(&message, "Stop");
    assert_eq!(world.post("slack", &press(&message.id, &action, &value, "1.2.stop")).await.status, 200);
    let view = settled(world, run).await;
    assert_eq!((view.run.status, view.run.reason.as_deref()), (RunStatus::Cancelled, Some("stopped by ann in #asked")));
    let [message] = <[_; 1]>::try_from(messages(world, run)).unwrap();
    let shown = message.current().to_string();
    assert!(shown.contains("Stopped: ") && shown.contains("Why: stopped by ann in #asked"), "{shown}");
    assert!(shown.contains("refuses connections") && shown.contains("firstlook_again"), "{shown}");
    assert!(!shown.contains("firstlook_stop"), "{shown}");
}

/// What has ended is run again from its message, once for one press; the first message says so.
pub async fn i3_a_run_is_run_again_by_the_button_of_its_message(world: &dyn World) {
    let channel = "C0THREAD01";
    let asked = command("run triage incident=QONCEMORE", channel, "1.2.oncemore", "https://hooks.slack.com/x");
    let run = run_of(&world.post("slack", &asked).await);
    settled(world, run).await;
    let message = messages(world, run).remove(0);
    let (action, value) = button(&message, "Run again");
    let pressed = press(&message.id, &action, &value, "1.2.again");
    for _ in 0..2 {
        assert_eq!(world.post("slack", &pressed).await.status, 200);
    }
    let newest = until("the first message to tell of the second run", async || {
        let first = world.reader().run(run).await.unwrap()?.newest?;
        let shown = messages(world, run).into_iter().find(|post| post.id == message.id)?;
        shown.current().to_string().contains("Run again by ann").then_some(first)
    })
    .await;
    let second = settled(world, newest.id).await;
    assert_eq!((second.run.status, &second.run.params["incident"]), (RunStatus::Concluded, &json!("QONCEMORE")));
    assert_eq!(second.run.previous.unwrap().id, run);
    let under = messages(world, newest.id).into_iter().find(|post| post.id != message.id).unwrap();
    let ts = message.id.split_once('/').unwrap().1;
    assert_eq!(under.body["thread_ts"].as_str(), Some(ts), "it stands under the first message");
    let verdict = second.run.report.as_ref().unwrap().verdict.clone();
    until("the first message to say what the second run came to", async || {
        let first = messages(world, run).into_iter().find(|post| post.id == message.id)?.current().to_string();
        first.contains(&format!("UTC: {verdict}")).then_some(())
    })
    .await;
    assert_eq!(world.shop().hits("QONCEMORE")["front"], 2, "one press is one run");
    until("the queue to be empty", async || (world.depth(Queue::Investigate).await == 0).then_some(())).await;
    assert_eq!(world.reader().run(run).await.unwrap().unwrap().newest.unwrap().id, second.run.id);
}

/// Who may run a Command from a channel may run it again there. Elsewhere the message has no such button, and one that says so is
/// told why.
pub async fn i1_a_run_is_run_again_only_where_its_command_may_be_run(world: &dyn World) {
    let incident = incident("NOTHERE");
    let run = world.post("pagerduty", &page("incident.triggered", &incident, "PCHAT", &incident, AT)).await.run();
    settled(world, run).await;
    let message = messages(world, run).remove(0);
    let (_, value) = button(&message, "Wrong");
    assert!(!message.current().to_string().contains("firstlook_again"), "{}", message.current());
    assert_eq!(world.post("slack", &press(&message.id, "firstlook_again", &value, "1.2.nothere")).await.status, 200);
    let channel = message.id.split_once('/').unwrap().0.to_owned();
    let told = until("the refusal", async || {
        let mut told = world.inbox().posts().into_iter().filter(|post| post.only_for.as_deref() == Some(ANN));
        told.find(|post| post.body["text"].as_str().is_some_and(|text| text.contains(&format!("add `{channel}`"))))
    })
    .await;
    assert!(told.body["text"].as_str().unwrap().contains("`triage` may not be run from this channel"), "{told:?}");
    assert_eq!(world.reader().run(run).await.unwrap().unwrap().newest, None);
}
