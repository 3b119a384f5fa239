mod handler;
mod pages;
mod quoted;
mod sizes;
mod whole;

use domain::RunView;
use serde_json::{Value, json};

/// A RunSession with something of everything.
const VIEW: &str = include_str!("view.json");

fn view_json() -> Value {
    serde_json::from_str(VIEW).unwrap()
}

/// The same, read by a model.
fn read_json() -> Value {
    let mut view = view_json();
    let steps = view["steps"].as_array().unwrap();
    let claim = json!({"text": "It answers 503.", "step": steps[0]["id"], "quote": "503 in 12 ms"});
    let at = "2025-11-20T22:12:03Z";
    view["run"]["report"]["read_by"] = json!("claude of the team");
    view["run"]["report"]["reading"] = json!({
        "summary": "Checkout is down: its connections are used up",
        "impact": "Nobody can pay.",
        "cause": {"text": "The pool of `checkout` is exhausted.", "confidence": "high", "claims": [claim]},
        "hypotheses": [{"text": "A deploy"}, {"text": "The database", "demoted": "its quote is too short"}],
        "ruled_out": [{"text": "A full queue", "why": claim}],
        "gaps": ["No metrics were read."],
        "next_steps": ["Restart one instance."],
    });
    view["run"]["cost"] = json!({
        "turns": 2, "usage": {"input": 9000, "output": 700}, "usd": 37_500_000, "lost_turns": 1, "lost_usd": 80_000_000,
    });
    view["transcript"] = json!([
        {"entry": "opening", "system": "s", "prompt": "Read <data>", "fence": "f", "bytes": 9000, "at": at},
        {
            "entry": "turn", "turn": 1, "model": "sonnet", "at": at, "elapsed_ms": 2300, "stop": "tools", "usd": 20_000_000,
            "parts": [
                {"type": "text", "text": "I look at the queue."},
                {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"queue": "orders"}},
            ],
            "usage": {"input": 5000, "output": 300},
        },
        {
            "entry": "call", "turn": 1, "place": 0, "id": "c1", "tool": "look", "arguments": {"queue": "orders"},
            "step": "assistant.1_1.look", "text": "0 messages wait", "is_error": false, "at": at,
        },
        {
            "entry": "call", "turn": 1, "place": 1, "id": "c2", "tool": "shell", "arguments": null, "repeated": true,
            "text": "There is no such tool.", "is_error": true, "at": at,
        },
    ]);
    view
}

fn view() -> RunView {
    serde_json::from_str(VIEW).unwrap()
}
