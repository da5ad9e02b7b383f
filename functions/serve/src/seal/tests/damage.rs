//! Damaged messages and documents, and secrets that must not be shown.

use amaas_ohttp::KEY_PROBLEM;

use super::*;
use crate::sealing::testing::{BEGIN, KeySetFixture, name, offered};
use crate::sealing::{KeySet, SealingPolicy};

#[tokio::test]
async fn whatever_cannot_be_opened_has_one_shape() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let (state, key) = (host(sealing.clone()), offered(&sealing).await[0].clone());
    let mut head = RequestHead::new("POST", "https", "f", PATH).expect("a head");
    head.headers.push("a", b"b").expect("a field");
    let small = bhttp::Request::new(head, b"{}".to_vec()).encode(MessageEncoding::default());
    let mut shapes = std::collections::BTreeSet::new();
    for (media_type, sealed) in [
        (whole::REQUEST_MEDIA_TYPE, whole::seal_request(&key, &small).expect("sealed").0),
        (chunked::REQUEST_MEDIA_TYPE, chunked::seal_request(&key, &small).expect("sealed").0),
    ] {
        let flipped = (0..sealed.len()).map(|index| {
            let mut flipped = sealed.clone();
            flipped[index] ^= 1 << (index % 8);
            flipped
        });
        let cut = (0..sealed.len()).map(|len| sealed[..len].to_vec());
        for damaged in flipped.chain(cut) {
            let of_key = damaged.len() >= HEADER && damaged[..HEADER] != sealed[..HEADER];
            // The damaged id can name a key of another suite, or none; X25519 ignores the highest bit of a key.
            let (status, headers, answer) = post(&state, PATH, media_type, damaged).await;
            let media_type = headers[header::CONTENT_TYPE].clone();
            if of_key {
                assert_eq!((status.as_u16(), text(&answer).contains(KEY_PROBLEM)), (422, true));
            } else {
                shapes.insert((status.as_u16(), media_type.to_str().expect("text").to_owned(), answer));
            }
        }
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    assert_eq!(shapes.first().expect("one").0, 400);
}

/// Bytes of the key id and the suite.
const HEADER: usize = 7;

#[tokio::test]
async fn a_damaged_document_never_gives_another_key() {
    let fixture = KeySetFixture::with_keys().await;
    fixture.rotate(std::time::Duration::from_hours(1)).await;
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let keys = set.unwrap(&fixture.vault, None).await.expect("unwrapped");
    let json = set.document().to_json();
    let (mut refused, mut harmless) = (0, 0);
    for index in 0..json.len() {
        assert!(KeySet::from_json(&name(), &json[..index]).is_err(), "cut at {index}");
        for bit in [0, 1, 2, 5] {
            let mut flipped = json.clone();
            flipped[index] ^= 1 << bit;
            let Ok(set) = KeySet::from_json(&name(), &flipped) else {
                refused += 1;
                continue;
            };
            match set.unwrap(&fixture.vault, Some(&keys)).await {
                Err(_) => refused += 1,
                Ok(other) => {
                    harmless += 1;
                    assert!(keys.has_same_secrets(&other), "a flip at {index} gave another key");
                }
            }
        }
    }
    assert!(refused > 10 * harmless, "{refused} refused, {harmless} harmless");
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let fixture = KeySetFixture::with_keys().await;
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let keys = set.unwrap(&fixture.vault, None).await.expect("unwrapped");
    let sealing = fixture.sealing(SealingPolicy::Required);
    sealing.load().await.expect("readable keys");
    let shown = format!("{set:?} {keys:?} {sealing:?} {:#?} {:?}", set, host(sealing.clone()).sealing());
    let stored = text(&set.document().to_json());
    for secret in keys.secrets() {
        let forms = [
            secret.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
            secret.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &secret),
        ];
        for form in forms {
            assert!(!shown.contains(&form) && !stored.contains(&form));
        }
    }
    assert!(shown.contains("Keys { serial: 1000000, ids: [1, 2], .. }"), "{shown}");
    assert_eq!(set.serial(), BEGIN);
}
