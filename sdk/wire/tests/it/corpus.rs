//! The bodies of the fuzz targets, over the committed corpus and everything that is one change away from it.
//!
//! A file that is named `good-…` has to be accepted and one that is named `bad-…` refused.

use std::path::Path;

use proptest::prelude::*;

#[path = "../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "a crate of its own, which fuzzing builds")]
mod targets;

/// A name, and what runs bytes and says whether they were accepted.
type Target = (&'static str, fn(&[u8]) -> bool);

const TARGETS: [Target; 8] = [
    ("key_manifest", targets::key_manifest),
    ("oip_request", targets::oip_request),
    ("receipt", targets::receipt),
    ("completions", targets::completions),
    ("embeddings", targets::embeddings),
    ("rerank", targets::rerank),
    ("predict", targets::predict),
    ("env_line", targets::env_line),
];

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("an entry");
        (entry.file_name().into_string().expect("a name"), std::fs::read(entry.path()).expect("a file"))
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("a folder").map(read).collect();
    files.sort();
    files
}

#[test]
fn the_corpus_is_accepted_and_refused_as_its_names_say() {
    for (target, run) in TARGETS {
        let files = corpus(target);
        assert!(files.len() >= 3, "{target}");
        for (name, bytes) in files {
            assert_eq!(run(&bytes), name.starts_with("good-"), "{target}/{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_near_the_corpus_breaks_no_invariant(
        pick in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        inserted in proptest::collection::vec(any::<u8>(), 0..6),
    ) {
        for (target, run) in TARGETS {
            let files = corpus(target);
            let (_, mut bytes) = files[pick.index(files.len())].clone();
            let (start, end) = (at.index(bytes.len() + 1), cut.index(bytes.len() + 1));
            bytes.splice(start.min(end)..end, inserted.clone());
            run(&bytes);
        }
    }
}
