//! Sealed messages: the published examples from the function's side, each named refusal, and pieces of every size.

use amaas_ohttp::chunked::{self, MAX_CHUNK_LEN, RequestOpener, RequestSealer};
use amaas_ohttp::{KeyRing, OhttpError, PrivateKey, PublicKey, Suite, whole};
use proptest::prelude::*;

use crate::vectors::{self, Drawn, bytes, size};

pub(crate) fn ring(suite: Suite) -> (KeyRing, PublicKey) {
    let key = PrivateKey::derive(1, suite, &[7; 32]);
    let public = key.public_key();
    (KeyRing::new(vec![key]).expect("one key"), public)
}

fn example_ring(example: &serde_json::Value) -> KeyRing {
    let stored = [&[1, 0, 0x20, 0, 1, 0, 1][..], &bytes(&example["key_secret"])].concat();
    KeyRing::new(vec![PrivateKey::from_bytes(&stored).expect("a key")]).expect("one key")
}

#[test]
fn rfc_9458_appendix_a() {
    let example = vectors::file("rfc9458");
    let sealed = bytes(&example["encapsulated_request"]);
    let opened = whole::open_request(&example_ring(&example), &sealed).expect("a request");
    assert_eq!(opened.request, bytes(&example["request"]));
    assert_eq!(opened.encapsulated_key, bytes(&example["ephemeral_public"]));
    let mut nonce = Drawn(bytes(&example["response_nonce"]));
    let sealed = opened.response.seal_with(&bytes(&example["response"]), &mut nonce).expect("sealed");
    assert_eq!(sealed, bytes(&example["encapsulated_response"]));
}

#[test]
fn chunked_draft_appendix_a() {
    let example = vectors::file("chunked-ohttp");
    let sealed = bytes(&example["encapsulated_request"]);
    let mut machine = RequestOpener::new(&example_ring(&example));
    assert_eq!(machine.push(&sealed).expect("two chunks"), bytes(&example["request"]));
    assert_eq!(machine.encapsulated_key().map(<[u8]>::to_vec), Some(bytes(&example["ephemeral_public"])));
    let opened = machine.finish().expect("the final chunk");
    assert!(opened.request.is_empty(), "the final chunk is empty");

    let response = bytes(&example["response"]);
    let mut wire = Vec::new();
    let mut sealer = opened.response.start_with(&mut Drawn(bytes(&example["response_nonce"])), &mut wire);
    let first = size(&example["response_chunks"][0]);
    sealer.push(&response[..first], &mut wire).expect("sealed");
    sealer.push(&response[first..], &mut wire).expect("sealed");
    sealer.finish(b"", &mut wire).expect("sealed");
    assert_eq!(wire, bytes(&example["encapsulated_response"]));
}

#[test]
fn both_suites_and_both_formats_carry_a_call() {
    for suite in Suite::ALL {
        let (ring, key) = ring(suite);
        for len in [0, 1, MAX_CHUNK_LEN - 1, MAX_CHUNK_LEN, MAX_CHUNK_LEN + 1, 2 * MAX_CHUNK_LEN, 100_000] {
            let message = vec![b'x'; len];
            let (sealed, opener) = whole::seal_request(&key, &message).expect("sealed");
            let opened = whole::open_request(&ring, &sealed).expect("opened");
            assert_eq!(opened.request, message);
            assert_eq!(opener.open(&opened.response.seal(&message).expect("sealed")).as_ref(), Ok(&message));

            let (sealed, opener) = chunked::seal_request(&key, &message).expect("sealed");
            let opened = chunked::open_request(&ring, &sealed).expect("opened");
            assert_eq!(opened.request, message);
            assert_eq!(opener.open(&opened.response.seal(&message).expect("sealed")).as_ref(), Ok(&message));
        }
    }
}

#[test]
fn a_message_of_one_piece_is_one_final_chunk() {
    let (_, key) = ring(Suite::X25519);
    let (sealed, _) = chunked::seal_request(&key, &[0; MAX_CHUNK_LEN]).expect("sealed");
    assert_eq!(sealed.len(), 7 + 32 + 1 + MAX_CHUNK_LEN + 16);
    assert_eq!(sealed[39], 0, "the mark of the final chunk");
}

#[test]
fn each_attempt_is_sealed_afresh() {
    let (_, key) = ring(Suite::XWing);
    let seal = || chunked::seal_request(&key, b"the same").expect("sealed").0;
    assert_ne!(seal()[7..1127], seal()[7..1127]);
}

#[test]
fn the_key_is_chosen_by_its_id_alone() {
    let (_, key) = ring(Suite::X25519);
    let (sealed, _) = chunked::seal_request(&key, b"hello").expect("sealed");
    let other = |id| KeyRing::new(vec![PrivateKey::derive(id, Suite::X25519, &[8; 32])]).expect("one key");
    // The right secret under another id is not found, another secret under the right id does not open.
    let moved = KeyRing::new(vec![PrivateKey::derive(2, Suite::X25519, &[7; 32])]).expect("one key");
    for (ring, expected) in [
        (moved, OhttpError::UnknownKey { key_id: 1 }),
        (other(2), OhttpError::UnknownKey { key_id: 1 }),
        (other(1), OhttpError::Authentication),
        (ring(Suite::XWing).0, OhttpError::UnsupportedSuite { kem: 0x20, kdf: 1, aead: 1 }),
    ] {
        assert_eq!(chunked::open_request(&ring, &sealed).expect_err("refused"), expected);
        let (sealed, _) = whole::seal_request(&key, b"hello").expect("sealed");
        assert_eq!(whole::open_request(&ring, &sealed).expect_err("refused"), expected);
    }
}

#[test]
fn one_format_does_not_pass_for_the_other() {
    let (ring, key) = ring(Suite::X25519);
    let (sealed, _) = whole::seal_request(&key, b"hello").expect("sealed");
    let marked = [&sealed[..39], &[0], &sealed[39..]].concat();
    assert_eq!(chunked::open_request(&ring, &marked).expect_err("refused"), OhttpError::Authentication);
}

#[test]
fn each_broken_frame_is_named_and_ends_it() {
    use OhttpError as E;
    let (ring, key) = ring(Suite::X25519);
    let mut header = Vec::new();
    let mut sealer = RequestSealer::new(&key, &mut header).expect("a header");
    let mut good = Vec::new();
    sealer.push(b"hello", &mut good).expect("sealed");
    let too_large = u32::try_from(MAX_CHUNK_LEN + 17).expect("small") | 2 << 30;
    for (frame, expected) in [
        (vec![0x10], E::EmptyChunk),
        (vec![0x0f], E::ChunkTooShort { len: 15 }),
        (vec![0x40, 0x20], E::OverlongLength),
        (vec![0x40, 0x00], E::OverlongLength),
        (vec![0x80, 0, 0, 0], E::OverlongLength),
        (vec![0xc0, 0, 0, 0, 0, 0, 0x40, 0x11], E::OverlongLength),
        (too_large.to_be_bytes().to_vec(), E::ChunkTooLarge),
        (vec![0xff; 8], E::ChunkTooLarge),
        ([&[0][..], &vec![0; MAX_CHUNK_LEN + 17]].concat(), E::ChunkTooLarge),
        ([&[0x15][..], &[0; 21]].concat(), E::Authentication),
    ] {
        let mut machine = RequestOpener::new(&ring);
        assert_eq!(machine.push(&[&header[..], &good].concat()).as_deref(), Ok(&b"hello"[..]));
        assert_eq!(machine.push(&frame), Err(expected), "{frame:02x?}");
        assert_eq!(machine.push(&good), Err(expected), "nothing after the first bad byte");
        assert_eq!(machine.finish().expect_err("refused"), expected);
    }
    // The same chunk a second time, and two chunks in another order.
    let mut machine = RequestOpener::new(&ring);
    machine.push(&[&header[..], &good].concat()).expect("a chunk");
    assert_eq!(machine.push(&good), Err(E::Authentication));
    let mut second = Vec::new();
    sealer.push(b"world", &mut second).expect("sealed");
    assert_eq!(RequestOpener::new(&ring).push(&[&header[..], &second].concat()), Err(E::Authentication));
    // A chunk that is not the final one does not pass for it, even with nothing missing before it.
    let mut machine = RequestOpener::new(&ring);
    machine.push(&[&header[..], &[0], &good[1..]].concat()).expect("no chunk yet");
    assert_eq!(machine.finish().expect_err("refused"), E::Authentication);
    // No final chunk.
    let mut machine = RequestOpener::new(&ring);
    machine.push(&[&header[..], &good].concat()).expect("a chunk");
    assert_eq!(machine.finish().expect_err("refused"), E::Truncated);
}

#[test]
fn stored_keys_are_read_back_and_malformed_ones_refused() {
    for suite in Suite::ALL {
        let key = PrivateKey::derive(5, suite, &[1; 32]);
        let stored = key.to_bytes();
        assert_eq!(stored.len(), 39);
        assert_eq!(PrivateKey::from_bytes(&stored).expect("a key").public_key(), key.public_key());
        for len in 0..stored.len() {
            assert_eq!(PrivateKey::from_bytes(&stored[..len]).expect_err("cut"), OhttpError::PrivateKey);
        }
        let mut other = stored.to_vec();
        other[6] = 3;
        assert_eq!(PrivateKey::from_bytes(&other).expect_err("no such suite"), OhttpError::PrivateKey);
    }
}

#[test]
fn debug_shows_no_secret() {
    let (ring, key) = ring(Suite::X25519);
    let secret = PrivateKey::derive(1, Suite::X25519, &[7; 32]);
    let (sealed, opener) = chunked::seal_request(&key, b"canary").expect("sealed");
    let opened = chunked::open_request(&ring, &sealed).expect("opened");
    let (sealed, whole_opener) = whole::seal_request(&key, b"canary").expect("sealed");
    let whole_opened = whole::open_request(&ring, &sealed).expect("opened");
    let shown = format!("{ring:?} {secret:?} {key:?} {opener:?} {opened:?} {whole_opener:?} {whole_opened:?}");
    assert!(!shown.contains("canary") && !shown.contains("99, 97, 110"), "{shown}");
    assert!(!shown.contains('[') || shown.contains("KeyRing { keys: [PrivateKey { id: 1, suite: X25519, .. }] }"));
    assert_eq!(shown.matches('[').count(), 1, "no bytes: {shown}");
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (ring, key) = ring(Suite::X25519);
        let framed = [&[1, 0, 0x20, 0, 1, 0, 1][..], &bytes].concat();
        for bytes in [&bytes, &framed] {
            prop_assert!(whole::open_request(&ring, bytes).is_err());
            prop_assert!(chunked::open_request(&ring, bytes).is_err());
            prop_assert!(PrivateKey::from_bytes(bytes).is_err() || bytes.len() == 39);
        }
        prop_assert!(whole::seal_request(&key, b"").expect("sealed").1.open(&bytes).is_err());
        prop_assert!(chunked::seal_request(&key, b"").expect("sealed").1.open(&bytes).is_err());
    }

    #[test]
    fn pieces_of_every_size_make_the_same_message(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 0..6),
        step in 1_usize..300,
    ) {
        let (ring, key) = ring(Suite::X25519);
        let mut wire = Vec::new();
        let mut sealer = RequestSealer::new(&key, &mut wire).expect("a header");
        for piece in &pieces {
            sealer.push(piece, &mut wire).expect("sealed");
        }
        let mut caller = sealer.finish(b"!", &mut wire).expect("sealed");
        let mut machine = RequestOpener::new(&ring);
        let mut got = Vec::new();
        for part in wire.chunks(step) {
            got.extend(machine.push(part).expect("opened"));
        }
        let opened = machine.finish().expect("opened");
        got.extend(&opened.request);
        prop_assert_eq!(&got, &[&pieces.concat()[..], b"!"].concat());

        let mut wire = Vec::new();
        let mut function = opened.response.start(&mut wire).expect("a nonce");
        for piece in &pieces {
            function.push(piece, &mut wire).expect("sealed");
        }
        function.finish(b"!", &mut wire).expect("sealed");
        let mut answer = Vec::new();
        for part in wire.chunks(step) {
            answer.extend(caller.push(part).expect("opened"));
        }
        answer.extend(caller.finish().expect("opened"));
        prop_assert_eq!(answer, got);
    }
}
