use super::*;

use amaas_engine::Dim;
use amaas_wire::Datatype;

fn manifest() -> Manifest {
    Manifest {
        serial: 7,
        network: Blob::of(&vec![7; SEGMENT_SIZE + 1]),
        assets: BTreeMap::from([("words.txt".to_owned(), Blob::of(b""))]),
        inputs: vec![TensorSpec::new("x", Datatype::Fp32, vec![Dim::Symbol("batch".to_owned()), Dim::Fixed(2)])],
        batching: Batching::Rows,
        ..Manifest::bare()
    }
}

fn json(manifest: &Manifest) -> Vec<u8> {
    serde_json::to_vec(manifest).expect("JSON")
}

#[test]
fn only_what_a_publisher_signed_is_read() {
    let (signer, other) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
    let manifest = Manifest { network: Blob::of(b"x"), ..manifest() };
    let document = manifest.sign(&signer);
    let verify = |document: &[u8], signer: &SigningKey| Manifest::verify(document, &[signer.verifying_key()]);
    assert_eq!(verify(&document, &signer), Ok(manifest.clone()));
    assert_eq!(verify(&document, &other), Err(ManifestError::Signer));
    assert_eq!(verify(&json(&manifest), &signer), Err(ManifestError::Unsigned));
    let payload = Envelope::sign("text/plain", json(&manifest), &[&signer]).to_json();
    assert_eq!(verify(&payload, &signer), Err(ManifestError::Unsigned));
    for index in 0..document.len() {
        for bit in 0..8 {
            let mut altered = document.clone();
            altered[index] ^= 1 << bit;
            assert!(verify(&altered, &signer).is_err(), "byte {index}, bit {bit}");
        }
        assert!(verify(&document[..index], &signer).is_err(), "cut off at {index}");
    }
}

#[test]
fn the_identity_is_all_but_how_blobs_are_stored() {
    let one = manifest();
    let mut stored = one.clone();
    stored.network = Blob { size: one.network.size, ..Blob::of(b"other") };
    assert_eq!(one.identity(), stored.identity());
    let others = [
        Manifest { model: "n".parse().expect("a name"), ..one.clone() },
        Manifest { version: "2".parse().expect("a version"), ..one.clone() },
        Manifest { serial: 8, ..one.clone() },
        Manifest { network: Blob { size: 1, ..one.network.clone() }, ..one.clone() },
    ];
    assert!(others.iter().all(|other| other.identity() != one.identity()));
}

#[test]
fn named_networks_are_blobs_like_every_other() {
    let plain = manifest();
    assert!(!String::from_utf8_lossy(&json(&plain)).contains("networks"), "signatures of older manifests hold");
    let with = |blob: Blob| {
        let network = AuxiliaryNetwork {
            blob,
            external: BTreeMap::new(),
            prepared: None,
            inputs: vec![],
            outputs: vec![],
            batching: Batching::None,
            rows_proof: None,
            metadata: BTreeMap::new(),
        };
        Manifest { networks: [("text".to_owned(), network)].into(), ..plain.clone() }
    };
    let two = with(Blob::of(b"encoder"));
    assert_eq!(Manifest::from_json(&json(&two)), Ok(two.clone()));
    assert_eq!(two.blobs().count(), plain.blobs().count() + 1);
    assert_eq!(two.identity(), with(Blob { size: 7, ..Blob::of(b"another") }).identity());
    assert_ne!(two.identity(), with(Blob { size: 6, ..Blob::of(b"other") }).identity());
    assert_ne!(two.identity(), plain.identity());
    let short = with(Blob { size: 1 << 30, ..Blob::of(b"encoder") });
    assert!(matches!(Manifest::from_json(&json(&short)), Err(ManifestError::Segments { .. })));
}

#[test]
fn manifests_round_trip() {
    let manifest = manifest();
    assert_eq!(Manifest::from_json(&json(&manifest)), Ok(manifest.clone()));
    assert_eq!(manifest.network.segments.len(), 2);
    assert_eq!(manifest.inputs[0].metadata().shape, [-1, 2]);
}

#[test]
fn what_few_tensors_are_stands_in_few_manifests() {
    let mut manifest = manifest();
    let plain = String::from_utf8(json(&manifest)).expect("JSON");
    assert!(!plain.contains("optional") && !plain.contains("unranked"), "signatures of older manifests hold");
    manifest.inputs.push(TensorSpec { optional: true, ..manifest.inputs[0].clone() });
    manifest.outputs.push(TensorSpec { unranked: true, ..TensorSpec::new("y", Datatype::Fp32, vec![]) });
    assert_eq!(Manifest::from_json(&json(&manifest)), Ok(manifest.clone()));
    assert_eq!(manifest.outputs[0].metadata().shape, [-1]);
}

#[test]
fn calls_of_different_tenants_share_runs_by_a_signed_proof_alone() {
    use Batching::{None as Alone, Rows, SameTenant};
    for (batching, proof, json, expected) in [
        (Rows, Some(1), r#""batching":"rows","rows_proof":1"#, RunSharing::All),
        (Rows, Some(2), r#""batching":"rows","rows_proof":2"#, RunSharing::All),
        // Manifests from before the proof have no such member, and their signatures stay valid.
        (Rows, None, r#""batching":"rows"}"#, RunSharing::None),
        (Rows, Some(0), r#""batching":"rows","rows_proof":0"#, RunSharing::None),
        (SameTenant, None, r#""batching":"same-tenant"}"#, RunSharing::SameTenant),
        (SameTenant, Some(1), r#""batching":"same-tenant","rows_proof":1"#, RunSharing::SameTenant),
        (Alone, None, r#""batching":"none"}"#, RunSharing::None),
        (Alone, Some(1), r#""batching":"none","rows_proof":1"#, RunSharing::None),
    ] {
        let manifest = Manifest { batching, rows_proof: proof, ..manifest() };
        let written = self::json(&manifest);
        assert!(String::from_utf8_lossy(&written).contains(json), "{json}");
        let read = Manifest::from_json(&written).expect("a manifest");
        assert_eq!(read, manifest);
        assert_eq!(RunSharing::of(read.batching, read.rows_proof), expected, "{json}");
    }
}

#[test]
fn files_with_weights_are_blobs_like_every_other() {
    let plain = manifest();
    let text = String::from_utf8(json(&plain)).expect("JSON");
    assert!(!text.contains("external") && !text.contains("prepared"), "signatures of older manifests hold");
    let with = |blob: Blob| {
        let named = AuxiliaryNetwork {
            blob: Blob::of(b"encoder"),
            external: [("w.bin".to_owned(), blob.clone())].into(),
            prepared: Some(PreparedNetwork::of_this_machine(blob.clone())),
            inputs: vec![],
            outputs: vec![],
            batching: Batching::None,
            rows_proof: None,
            metadata: BTreeMap::new(),
        };
        Manifest {
            external: [("w.bin".to_owned(), blob.clone())].into(),
            prepared: Some(PreparedNetwork::of_this_machine(blob)),
            networks: [("text".to_owned(), named)].into(),
            ..plain.clone()
        }
    };
    let two = with(Blob::of(b"weights"));
    assert_eq!(Manifest::from_json(&json(&two)), Ok(two.clone()));
    let labels: Vec<_> = two.blobs().map(|(role, _)| role.label()).collect();
    let own = ["network", "external:w.bin", "prepared", "asset:words.txt"];
    let named = ["network:text", "external of 4:text:w.bin", "prepared of text"];
    assert_eq!(labels, [&own[..], &named].concat());
    assert_eq!(two.identity(), with(Blob { size: 7, ..Blob::of(b"another") }).identity());
    assert_ne!(two.identity(), with(Blob { size: 6, ..Blob::of(b"other") }).identity());
    let short = with(Blob { size: 1 << 30, ..Blob::of(b"weights") });
    assert!(matches!(Manifest::from_json(&json(&short)), Err(ManifestError::Segments { .. })));
}

#[test]
fn sizes_that_do_not_fit_are_refused() {
    for (size, segment_size) in [(1, 0), (SEGMENT_SIZE as u64 * 5, SEGMENT_SIZE as u64), (u64::MAX, u64::MAX / 2)] {
        let mut manifest = manifest();
        (manifest.network.size, manifest.network.segment_size) = (size, segment_size);
        assert!(matches!(Manifest::from_json(&json(&manifest)), Err(ManifestError::Segments { .. })));
    }
    assert!(matches!(Manifest::from_json(b"{}"), Err(ManifestError::Json(_))));
}

#[test]
fn golden_cases_are_tensors() {
    let json = br#"{"format":"amaas.golden/1","atol":1e-6,"cases":[{"inputs":[{"name":"x","datatype":"INT64",
        "shape":[1,2],"data":[1,2]}],"outputs":[{"name":"y","datatype":"FP32","shape":[1],"data":[0.25]}]}]}"#;
    let golden = GoldenCases::from_json(json).expect("golden cases");
    let again = serde_json::to_vec(&golden).expect("golden cases are JSON");
    assert_eq!(GoldenCases::from_json(&again), Ok(golden));
}
