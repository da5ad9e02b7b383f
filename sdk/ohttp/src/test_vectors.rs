//! The examples of RFC 9458, appendix A, and of the chunked draft, appendix A, in their private parts: the client's side, which
//! needs the ephemeral key of the example, and the intermediate values.

#![expect(clippy::similar_names, reason = "opened and opener are the words")]

use serde_json::Value;

use crate::chunked::ResponseOpener;
use crate::header;
use crate::hpke::KemPrivateKey;
use crate::key::PrivateKey;
use crate::ring::KeyRing;
use crate::setup::{self, FormatLabels};
use crate::suite::Suite;
use crate::test_data::{bytes, example};
use crate::whole;

fn ring(example: &Value) -> KeyRing {
    let header = header::write(1, Suite::X25519);
    let stored = [&header[..], &bytes(&example["key_secret"])].concat();
    KeyRing::new(vec![PrivateKey::from_bytes(&stored).expect("a key")]).expect("one key")
}

fn steps_agree(example: &Value, labels: &FormatLabels) {
    let request = bytes(&example["encapsulated_request"]);
    let ring = ring(example);
    let (opened, len) = setup::open(&ring, labels, &request).expect("a header").expect("whole");
    assert_eq!(len, 39);
    assert_eq!(*opened.secret.secret, bytes(&example["secret"]));
    let key = opened.secret.key(&bytes(&example["response_nonce"]));
    assert_eq!(key.base_nonce(), bytes(&example["aead_nonce"]));
    assert_eq!([labels.request, &[0], &request[..7]].concat(), bytes(&example["info"]));
    let ephemeral = KemPrivateKey::from_bytes(Suite::X25519, &bytes(&example["ephemeral_secret"])).expect("a key");
    assert_eq!(ephemeral.public().to_bytes(), bytes(&example["ephemeral_public"]));
    assert_eq!(opened.secret.encapsulated_key, bytes(&example["ephemeral_public"]));
}

#[test]
fn rfc_9458_appendix_a() {
    let example = example(include_str!("../tests/vectors/rfc9458.json"));
    steps_agree(&example, &FormatLabels::WHOLE);
    let opened = whole::open_request(&ring(&example), &bytes(&example["encapsulated_request"])).expect("a request");
    assert_eq!(opened.request, bytes(&example["request"]));
    // Both sides have the same secret, so the server's secret opens the response here.
    let opener = whole::ResponseOpener { secret: opened.response.secret };
    let response = opener.open(&bytes(&example["encapsulated_response"])).expect("a response");
    assert_eq!(response, bytes(&example["response"]));
}

#[test]
fn chunked_draft_appendix_a() {
    let example = example(include_str!("../tests/vectors/chunked-ohttp.json"));
    steps_agree(&example, &FormatLabels::CHUNKED);
    let (opened, len) = setup::open(&ring(&example), &FormatLabels::CHUNKED, &bytes(&example["encapsulated_request"]))
        .expect("a header")
        .expect("whole");
    assert_eq!(len, 39);
    let opener = ResponseOpener::new(opened.secret);
    let response = opener.open(&bytes(&example["encapsulated_response"])).expect("a response");
    assert_eq!(response, bytes(&example["response"]));
}
