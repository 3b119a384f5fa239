use jiff::Timestamp;
use serde_json::Value;

use crate::said::Said;

pub(crate) fn read(_body: &Value, _received_at: Timestamp) -> Vec<Said<'_>> {
    vec![]
}
