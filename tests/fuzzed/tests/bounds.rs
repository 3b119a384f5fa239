//! What an input costs: not more memory for each of its bytes because it is long, deep or odd. Bytes that are asked of the
//! allocator are counted, freed or not: that bounds the memory in use at a time, and nearly all work here comes with it.

use std::{alloc::System, collections::BTreeSet};

use fuzzed::{TARGETS, seeds};
use serde_json::value::RawValue;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How long the odd inputs are, in bytes or pieces.
const LENGTH: usize = 100_000;

/// What may be asked for each byte of an input, and beside that for any, in bytes.
const EACH: usize = 600;
const ANY: usize = 4 * 1024 * 1024;

/// What may be asked for each event that a list of them holds, beside that. It is evaluated by itself, and is gone before the next.
const EVENT: usize = 12 * 1024;

/// Inputs that are as odd as they are long.
fn shapes() -> Vec<(&'static str, Vec<u8>)> {
    let again = |piece: &str| piece.repeat(LENGTH / piece.len()).into_bytes();
    let within = |before: &str, piece: &str, after: &str| [before.as_bytes(), &again(piece), after.as_bytes()].concat();
    let deep = |open: &str, close: &str| [open.repeat(LENGTH), close.repeat(LENGTH)].concat().into_bytes();
    let keys: Vec<String> = (0..LENGTH / 10).map(|number| format!("\"k{number}\":0")).collect();
    vec![
        ("open lists", "[".repeat(LENGTH).into_bytes()),
        ("deep lists", deep("[", "]")),
        ("deep maps", deep("{\"a\":", "}")),
        ("deep parentheses", deep("(", ")")),
        ("a long text", within("{\"id\":\"", "x", "\"}")),
        ("escapes", within("{\"id\":\"", "\\u0000", "\"}")),
        ("surrogates", within("{\"id\":\"", "\\ud83d\\ude00", "\"}")),
        ("a long number", within("{\"id\":1", "0", "}")),
        ("a long fraction", within("{\"id\":0.", "0", "1}")),
        ("many keys", format!("{{{}}}", keys.join(",")).into_bytes()),
        ("one key again", within("{", "\"id\":\"a\",", "\"id\":\"a\"}")),
        (
            "many alerts",
            within(
                "{\"alerts\":[",
                "{\"status\":\"firing\",\"labels\":{\"alertname\":\"a\"},\"fingerprint\":\"a\"},",
                "{}]}",
            ),
        ),
        ("empty maps", within("[", "{},", "{}]")),
        ("space", within("{", " ", "}")),
        ("NUL", again("\0")),
        ("broken UTF-8", vec![0xff; LENGTH]),
        ("halves of characters", vec![0xe2; LENGTH]),
        ("a form", again("a=b&")),
        ("a form of percents", again("%41")),
        ("commas", within("a,", "v1=0,", "")),
        ("operators", within("1", "+1", "")),
        ("negations", again("!")),
        ("members", within("a", ".a", "")),
        ("quotes", again("\"")),
        ("backslashes", again("\\")),
        ("openings", again("${{")),
        ("holes", again("${{a}}")),
        ("anchors", within("", "&a ", "")),
        ("entries", again("- ")),
        ("keys without values", again("? ")),
        ("documents", again("---\n")),
        ("lines", again("\n")),
        ("a header again", within("a: b\n", "x-signature: 00\n", "\n")),
        ("fields of a clock", within("cron(", "0,", "0 0 1 1 ? *)")),
        ("DER", again("\u{30}\u{7f}")),
    ]
}

#[test]
fn no_input_costs_more_than_its_length_allows() {
    let shapes = shapes();
    let mut over = Vec::new();
    for (name, target) in TARGETS {
        // What is made once is made now.
        let seeds = seeds(name);
        seeds.iter().for_each(|(_, seed)| target(seed));
        // The first lines of the seeds, where they say who reads the rest.
        let mut heads = BTreeSet::from([&b""[..]]);
        if matches!(name, "normalize" | "map" | "promql_answer" | "http_answer") {
            heads = seeds.iter().filter_map(|(_, seed)| seed.split_inclusive(|byte| *byte == b'\n').next()).collect();
        }
        for head in heads {
            for (shape, data) in &shapes {
                let events = match name {
                    "map" => serde_json::from_slice::<Vec<&RawValue>>(data).map_or(0, |list| list.len()),
                    _ => 0,
                };
                let data = [head, data].concat();
                let region = Region::new(ALLOCATOR);
                target(&data);
                let asked = region.change();
                let asked = asked.bytes_allocated.saturating_add_signed(asked.bytes_reallocated);
                if asked > ANY + EACH * data.len() + EVENT * events {
                    over.push(format!(
                        "{name} {:?}, {shape}: {asked} bytes for {}",
                        String::from_utf8_lossy(head),
                        data.len()
                    ));
                }
            }
        }
    }
    assert!(over.is_empty(), "over the bound:\n{}", over.join("\n"));
}
