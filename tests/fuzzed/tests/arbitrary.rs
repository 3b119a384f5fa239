//! Every target with its seeds, with seeds that are spoilt, and with arbitrary bytes.

use std::{collections::BTreeSet, fs, panic, path::Path};

use fuzzed::{TARGETS, seeds};
use proptest::{collection::vec, prelude::*, sample::Index};

/// Runs `target`, and says which input it was that it could not stand.
fn run(name: &str, target: fuzzed::Target, what: &str, data: &[u8]) {
    if panic::catch_unwind(|| target(data)).is_err() {
        panic!("{name} cannot stand {what}: {:?}", String::from_utf8_lossy(data));
    }
}

#[test]
fn every_seed_of_every_target_holds() {
    for (name, target) in TARGETS {
        for (seed, data) in seeds(name) {
            run(name, target, &seed, &data);
        }
    }
}

/// What is a target here is one of cargo-fuzz's, and has seeds.
#[test]
fn the_fuzzer_has_the_same_targets() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let listed = |folder: &str, ending: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().trim_end_matches(ending).to_owned()).collect()
    };
    let ours: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed("seeds", ""), ours);
    assert_eq!(listed("fuzz_targets", ".rs"), ours);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for name in &ours {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no binary of fuzz/Cargo.toml");
        let target = fs::read_to_string(fuzz.join("fuzz_targets").join(format!("{name}.rs"))).unwrap();
        assert!(target.contains(&format!("fuzzed::{name}(data)")), "{name} calls something else");
    }
}

/// What is done to a seed.
#[derive(Debug, Clone)]
enum Spoilt {
    /// This byte stands somewhere.
    Byte(Index, u8),
    /// These bytes stand between two others.
    Between(Index, Vec<u8>),
    /// A part is gone.
    Gone(Index, Index),
    /// A part stands there so often.
    Again(Index, Index, usize),
    /// It ends here.
    Ends(Index),
}

/// Bytes that mean something to one parser or another.
const ODD: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"[",
    b"}",
    b"]",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"null",
    b"-1",
    b"1e999",
    b"\\ud800",
    b"99999999999999999999",
    b"${{",
    b"\xef\xbb\xbf",
    b"\n",
    b": ",
    b"%",
    b"'",
];

fn spoilt() -> impl Strategy<Value = Spoilt> {
    let odd = prop::sample::select(ODD);
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Spoilt::Byte(at, byte)),
        (any::<Index>(), odd.prop_map(<[u8]>::to_vec)).prop_map(|(at, bytes)| Spoilt::Between(at, bytes)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Spoilt::Gone(from, to)),
        (any::<Index>(), any::<Index>(), 2_usize..40).prop_map(|(from, to, times)| Spoilt::Again(from, to, times)),
        any::<Index>().prop_map(Spoilt::Ends),
    ]
}

fn spoil(data: &mut Vec<u8>, how: &Spoilt) {
    let place = |index: &Index| index.index(data.len() + 1);
    let part = |a: &Index, b: &Index| {
        let (a, b) = (place(a), place(b));
        a.min(b)..a.max(b)
    };
    match how {
        Spoilt::Byte(at, byte) => {
            let at = place(at);
            if let Some(there) = data.get_mut(at) {
                *there = *byte;
            }
        }
        Spoilt::Between(at, bytes) => {
            let at = place(at);
            data.splice(at..at, bytes.iter().copied());
        }
        Spoilt::Gone(from, to) => drop(data.drain(part(from, to))),
        Spoilt::Again(from, to, times) => {
            let part = part(from, to);
            // A seed stays small, so that all of it is met.
            if part.len() * times < 20_000 {
                let again = data[part.clone()].repeat(*times);
                data.splice(part, again);
            }
        }
        Spoilt::Ends(at) => data.truncate(place(at)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn every_target_stands_seeds_that_are_spoilt(seed: Index, how in vec(spoilt(), 1..6)) {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            let (seed, mut data) = seeds[seed.index(seeds.len())].clone();
            how.iter().for_each(|how| spoil(&mut data, how));
            run(name, target, &format!("{seed}, spoilt"), &data);
        }
    }

    #[test]
    fn every_target_stands_arbitrary_bytes(data in vec(any::<u8>(), 0..600)) {
        for (name, target) in TARGETS {
            run(name, target, "this", &data);
        }
    }
}
