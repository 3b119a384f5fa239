mod handler;
mod pages;
mod whole;

use domain::RunView;
use serde_json::Value;

/// A RunSession with something of everything.
const VIEW: &str = include_str!("view.json");

fn view_json() -> Value {
    serde_json::from_str(VIEW).unwrap()
}

fn view() -> RunView {
    serde_json::from_str(VIEW).unwrap()
}
