//! What a sender's bodies were read as, and that a person has looked at each.

use catalog::model::Source;
use domain::{EventKind, EventRole};
use firstlook_sources::{Normalized, normalize, verify};
use http::{HeaderValue, header::CONTENT_TYPE};

use crate::support::{Beside, captures, now, one, said, sample, secrets};

/// What one body is: the kind, the incident's id, whether an alert stands in it.
pub type Row<'a> = (&'a str, EventKind, Option<&'a str>, bool);

/// The event of a form.
pub fn form(source: &Source, raw: &[u8]) -> Normalized {
    let mut beside = Beside::signed(source, raw, "s");
    beside.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let payload = verify(source, beside.with(raw), &secrets(&["s"]), now()).unwrap();
    let [event] = <[Normalized; 1]>::try_from(normalize(source, &payload, now())).unwrap();
    event
}

fn read(source: &Source, file: &str, raw: &[u8]) -> Normalized {
    if file.ends_with(".txt") { form(source, raw) } else { one(source, raw) }
}

/// Holds the project's own samples of a sender to their snapshots.
pub fn samples(source: &Source, files: &[&str]) {
    let sender = source.source_type.as_str();
    for file in files {
        let event = read(source, file, &sample(&format!("{sender}/{file}")));
        let name = file.split('.').next().unwrap();
        insta::with_settings!({description => "the raw part is left out"}, {
            insta::assert_json_snapshot!(format!("{sender}_{name}"), said(std::slice::from_ref(&event)));
        });
    }
}

/// Holds every real body of a folder to its row, and every file to a row; of senders that send one event in a body, and where
/// an event may have the id of its incident without the alert.
pub fn every_capture(source: &Source, folder: &str, rows: &[Row<'_>]) {
    let files: Vec<_> = captures(folder).into_iter().filter(|(file, _)| !file.ends_with(".headers.json")).collect();
    if files.is_empty() {
        return;
    }
    for (file, raw) in &files {
        let event = read(source, file, raw);
        let (_, kind, id, alert) = rows.iter().find(|row| row.0 == file).unwrap_or_else(|| panic!("{file} has no row"));
        assert_eq!((event.kind, event.external_id.as_deref()), (*kind, *id), "{file}: {}", event.summary);
        assert_eq!(event.alert.is_some(), *alert, "{file}");
        assert!(!event.summary.is_empty(), "{file}");
        if let Some(alert) = &event.alert {
            assert!(!alert.title.is_empty() && Some(&alert.external_id) == event.external_id.as_ref(), "{file}");
        }
        assert!(event.kind.role() != EventRole::Opens || event.alert.is_some(), "{file}");
    }
    assert_eq!(files.len(), rows.len(), "a row without its file");
}
