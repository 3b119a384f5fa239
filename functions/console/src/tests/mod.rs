mod handler;
mod pages;
mod quoted;
mod sizes;
mod whole;

use domain::RunView;
use serde_json::Value;

/// A RunSession with something of everything.
const VIEW: &str = include_str!("view.json");

fn view_json() -> Value {
    serde_json::from_str(VIEW).unwrap()
}

/// What the record of such a RunSession has more where a model has read it.
const READING: &str = include_str!("reading.json");

/// The same, read by a model.
fn read_json() -> Value {
    let mut view = view_json();
    let read: Value = serde_json::from_str(READING).unwrap();
    for (name, value) in read["report"].as_object().unwrap() {
        view["run"]["report"][name] = value.clone();
    }
    view["run"]["cost"] = read["cost"].clone();
    view["transcript"] = read["transcript"].clone();
    view
}

fn view() -> RunView {
    serde_json::from_str(VIEW).unwrap()
}
