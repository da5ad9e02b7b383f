//! Every one-byte flip and every truncation of a small sealed message is refused, and plaintext that was given out before the
//! refusal is a prefix of the original.

use amaas_ohttp::chunked::{self, RequestOpener, RequestSealer};
use amaas_ohttp::{OhttpError, Suite, whole};

use crate::ohttp::ring;

/// The plaintext of the chunks.
const PIECES: [&[u8]; 3] = [b"one ", b"two ", b"three"];

/// Each bit turned, each byte inverted, each beginning, and the message with a byte more.
fn damaged(good: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let flips = (0..good.len()).flat_map(move |at| {
        [1, 2, 4, 8, 16, 32, 64, 128, 255].map(|mask| {
            let mut bytes = good.to_vec();
            bytes[at] ^= mask;
            bytes
        })
    });
    let cuts = (0..good.len()).map(move |len| good[..len].to_vec());
    flips.chain(cuts).chain([[good, &[0]].concat()])
}

#[test]
fn whole_messages() {
    let (ring, key) = ring(Suite::X25519);
    let (sealed, _) = whole::seal_request(&key, b"request").expect("sealed");
    for bytes in damaged(&sealed) {
        assert!(whole::open_request(&ring, &bytes).is_err(), "{bytes:02x?}");
    }
    // An opener opens once, so each damaged response gets a call of its own.
    let call = || {
        let (sealed, opener) = whole::seal_request(&key, b"request").expect("sealed");
        let opened = whole::open_request(&ring, &sealed).expect("opened");
        (opened.response.seal(b"response").expect("sealed"), opener)
    };
    let count = damaged(&call().0).count();
    for nth in 0..count {
        let (sealed, opener) = call();
        let bytes = damaged(&sealed).nth(nth).expect("as long as the others");
        assert!(opener.open(&bytes).is_err(), "{bytes:02x?}");
    }
}

#[test]
fn x_wing_messages() {
    let (ring, key) = ring(Suite::XWing);
    let (sealed, _) = whole::seal_request(&key, b"request").expect("sealed");
    // One bit of each byte: ML-KEM makes each try a hundred times dearer than X25519 does.
    for at in 0..sealed.len() {
        let mut bytes = sealed.clone();
        bytes[at] ^= 1;
        assert!(whole::open_request(&ring, &bytes).is_err(), "{at}");
        assert!(whole::open_request(&ring, &sealed[..at]).is_err(), "{at}");
    }
}

#[test]
fn chunked_requests() {
    let (ring, key) = ring(Suite::X25519);
    let mut sealed = Vec::new();
    let mut sealer = RequestSealer::new(&key, &mut sealed).expect("a header");
    sealer.push(PIECES[0], &mut sealed).expect("sealed");
    sealer.push(PIECES[1], &mut sealed).expect("sealed");
    sealer.finish(PIECES[2], &mut sealed).expect("sealed");
    assert_eq!(chunked::open_request(&ring, &sealed).expect("opened").request, PIECES.concat());
    for bytes in damaged(&sealed) {
        assert!(chunked::open_request(&ring, &bytes).is_err(), "{bytes:02x?}");
        let mut machine = RequestOpener::new(&ring);
        let (given, error) = trickle(&bytes, |byte| machine.push(byte));
        assert_partial(&given);
        assert!(machine.finish().is_err_and(|found| error.is_none_or(|error| error == found)));
    }
}

#[test]
fn chunked_responses() {
    let (ring, key) = ring(Suite::X25519);
    let call = || {
        let (sealed, opener) = chunked::seal_request(&key, b"request").expect("sealed");
        let opened = chunked::open_request(&ring, &sealed).expect("opened");
        let mut sealed = Vec::new();
        let mut sealer = opened.response.start(&mut sealed).expect("a nonce");
        sealer.push(PIECES[0], &mut sealed).expect("sealed");
        sealer.push(PIECES[1], &mut sealed).expect("sealed");
        sealer.finish(PIECES[2], &mut sealed).expect("sealed");
        (sealed, opener)
    };
    let count = damaged(&call().0).count();
    for nth in 0..count {
        let (sealed, mut opener) = call();
        let bytes = damaged(&sealed).nth(nth).expect("as long as the others");
        let (given, error) = trickle(&bytes, |byte| opener.push(byte));
        assert_partial(&given);
        assert!(opener.finish().is_err_and(|found| error.is_none_or(|error| error == found)));
    }
}

/// Pushes byte by byte, also after an error; gives what came out, and the error.
fn trickle(bytes: &[u8], mut push: impl FnMut(&[u8]) -> Result<Vec<u8>, OhttpError>) -> (Vec<u8>, Option<OhttpError>) {
    let (mut given, mut first) = (Vec::new(), None);
    for byte in bytes.chunks(1) {
        match push(byte) {
            Ok(plaintext) => {
                assert!(first.is_none(), "something came after an error");
                given.extend(plaintext);
            }
            Err(error) => assert_eq!(*first.get_or_insert(error), error, "the error stays"),
        }
    }
    (given, first)
}

/// Whole chunks from the beginning, and never the final one.
fn assert_partial(given: &[u8]) {
    let parts = [&b""[..], PIECES[0], &[PIECES[0], PIECES[1]].concat()].map(<[u8]>::to_vec);
    assert!(parts.iter().any(|part| part == given), "{given:?}");
}
