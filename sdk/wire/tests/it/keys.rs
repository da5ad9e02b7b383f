//! Manifests of key lists, and the signatures on those.

use amaas_ohttp::key_list::{KeyList, KeyListError};
use amaas_ohttp::{PrivateKey, PublicKey, Suite};
use amaas_wire::dsse::{DsseError, Envelope, SigningKey, VerifyingKey, pre_authentication_encoding};
use amaas_wire::keys::{ANY, Audience, KeyManifest, ManifestError, ManifestRequirement, PAYLOAD_TYPE};
use proptest::prelude::*;

use crate::vectors::{self, bytes};

pub(crate) fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn requirement() -> ManifestRequirement {
    let audience = Audience { model: "sentiment".to_owned(), version: "3".to_owned() };
    ManifestRequirement { audience, now: 1_500, least_serial: 7 }
}

pub(crate) fn small_list() -> Vec<u8> {
    KeyList::new([public(1, Suite::X25519)]).expect("one key").encode()
}

pub(crate) fn manifest(list: &[u8]) -> KeyManifest {
    KeyManifest::new(list, requirement().audience, 1_000..=2_000, 7)
}

fn public(id: u8, suite: Suite) -> PublicKey {
    PrivateKey::derive(id, suite, &[id; 32]).public_key()
}

#[test]
fn rfc_8032_section_7_1() {
    for test in vectors::file("rfc8032").as_array().expect("tests") {
        let array = |name: &str| <[u8; 32]>::try_from(bytes(&test[name])).expect("32 bytes");
        let key = SigningKey::from_bytes(&array("secret_key"));
        assert_eq!(key.verifying_key().to_bytes(), array("public_key"));
        let public = VerifyingKey::from_bytes(&array("public_key")).expect("a key");
        let (message, signature) = (bytes(&test["message"]), bytes(&test["signature"]));
        assert_eq!(public.verify(&message, &signature), Ok(()));
        assert_eq!(public.verify(&[&message[..], b"."].concat(), &signature), Err(DsseError::Signature));
        assert_eq!(public.verify(&message, &signature[..63]), Err(DsseError::Signature));
    }
}

#[test]
fn dsse_pre_authentication_encoding() {
    let example = vectors::file("dsse");
    let text = |name: &str| example[name].as_str().expect("text");
    assert_eq!(pre_authentication_encoding(text("payload_type"), text("payload").as_bytes()), text("pae").as_bytes());
}

#[test]
fn what_is_signed_is_the_encoding() {
    let payload_type = "http://example.com/HelloWorld";
    let document = Envelope::sign(payload_type, b"hello world".to_vec(), &[&signer(1)]).to_json();
    let json: serde_json::Value = serde_json::from_slice(&document).expect("JSON");
    assert_eq!(json["payload"], "aGVsbG8gd29ybGQ=");
    assert_eq!(json["signatures"][0]["keyid"], signer(1).verifying_key().id());
    let envelope = Envelope::from_json(&document).expect("an envelope");
    let verify = |payload_type, seeds: &[u8]| {
        let signers: Vec<_> = seeds.iter().map(|seed| signer(*seed).verifying_key()).collect();
        envelope.verify(payload_type, &signers).map(<[u8]>::to_vec)
    };
    assert_eq!(verify(payload_type, &[2, 1]).as_deref(), Ok(&b"hello world"[..]));
    assert_eq!(verify("another", &[1]), Err(DsseError::PayloadType));
    assert_eq!(verify(payload_type, &[2]), Err(DsseError::UnknownSigner));
    assert_eq!(verify(payload_type, &[]), Err(DsseError::UnknownSigner));
}

#[test]
fn weak_keys_are_refused() {
    // The neutral element, for which a signature holds on any message unless it is checked strictly.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(VerifyingKey::from_bytes(&neutral), Err(DsseError::VerifyingKey));
    assert_eq!(VerifyingKey::from_bytes(&[2; 32]), Err(DsseError::VerifyingKey), "not on the curve");
}

#[test]
fn current_and_next_signer_each_suffice() {
    let list = small_list();
    let document = manifest(&list).sign(&[&signer(1), &signer(2)]);
    for seeds in [&[1][..], &[2], &[1, 2], &[3, 2]] {
        let signers: Vec<_> = seeds.iter().map(|seed| signer(*seed).verifying_key()).collect();
        let (keys, found) = KeyManifest::verify(&document, &list, &signers, &requirement()).expect("a manifest");
        assert_eq!((keys, found), (KeyList::decode(&list).expect("a list"), manifest(&list)));
    }
}

#[test]
fn each_refusal_of_a_manifest_is_named() {
    use ManifestError as E;
    let list = small_list();
    let signers = [signer(1).verifying_key()];
    let document = manifest(&list).sign(&[&signer(1)]);
    let verify = |document: &[u8], list: &[u8], change: fn(&mut ManifestRequirement)| {
        let mut required = requirement();
        change(&mut required);
        KeyManifest::verify(document, list, &signers, &required).map(|_| ())
    };
    let same: fn(&mut ManifestRequirement) = |_| {};
    assert_eq!(verify(&document, &list, same), Ok(()));
    assert_eq!(verify(&document, &list, |required| required.now = 1_000), Ok(()));
    assert_eq!(verify(&document, &list, |required| required.now = 2_000), Ok(()));
    let early = verify(&document, &list, |required| required.now = 999);
    assert_eq!(early, Err(E::NotYetValid { not_before: 1_000, now: 999 }));
    let late = verify(&document, &list, |required| required.now = 2_001);
    assert_eq!(late, Err(E::Expired { not_after: 2_000, now: 2_001 }));
    let old = verify(&document, &list, |required| required.least_serial = 8);
    assert_eq!(old, Err(E::Serial { found: 7, least: 8 }));
    let other = verify(&document, &list, |required| required.audience.model = "tensor".to_owned());
    assert_eq!(other, Err(E::Audience));
    let other = verify(&document, &list, |required| required.audience.version = "4".to_owned());
    assert_eq!(other, Err(E::Audience));

    assert_eq!(verify(&document, &list, |required| required.audience.version = ANY.to_owned()), Ok(()));
    let service = verify(&document, &list, |required| required.audience = Audience::service());
    assert_eq!(service, Err(E::Audience), "a model's keys are not the service's");

    let swapped = KeyList::new([public(2, Suite::X25519)]).expect("one key").encode();
    assert_eq!(verify(&document, &swapped, same), Err(E::Digest));
    let stranger = manifest(&list).sign(&[&signer(9)]);
    assert_eq!(verify(&stranger, &list, same), Err(E::Envelope(DsseError::UnknownSigner)));
    assert_eq!(verify(b"{}", &list, same), Err(E::Envelope(DsseError::Malformed)));
    let kind = Envelope::sign("text/plain", b"{}".to_vec(), &[&signer(1)]).to_json();
    assert_eq!(verify(&kind, &list, same), Err(E::Envelope(DsseError::PayloadType)));
    let no_manifest = Envelope::sign(PAYLOAD_TYPE, b"{}".to_vec(), &[&signer(1)]).to_json();
    assert_eq!(verify(&no_manifest, &list, same), Err(E::Malformed));
    let no_list = manifest(b"\x00").sign(&[&signer(1)]);
    assert_eq!(verify(&no_list, b"\x00", same), Err(E::List(KeyListError::Truncated)));
    // A signature that is there for a known signer has to hold, whatever else is there.
    let forged = String::from_utf8(manifest(&list).sign(&[&signer(1), &signer(9)])).expect("text");
    let forged = forged.replace(&signer(9).verifying_key().id(), &signer(1).verifying_key().id());
    assert_eq!(verify(forged.as_bytes(), &list, same), Err(E::Envelope(DsseError::Signature)));
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", signer(0xab));
    assert_eq!(shown, format!("SigningKey({:?})", signer(0xab).verifying_key().id()));
}

proptest! {
    #[test]
    fn any_bytes_are_an_envelope_or_an_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        payload in "[A-Za-z0-9+/=]{0,40}",
    ) {
        let signers = [signer(1).verifying_key()];
        let json = format!(r#"{{"payload":"{payload}","payloadType":"{PAYLOAD_TYPE}","signatures":[]}}"#);
        for document in [&bytes[..], json.as_bytes()] {
            prop_assert!(KeyManifest::verify(document, &small_list(), &signers, &requirement()).is_err());
        }
        // Signed, and yet no manifest.
        let signed = Envelope::sign(PAYLOAD_TYPE, bytes, &[&signer(1)]).to_json();
        prop_assert_eq!(
            KeyManifest::verify(&signed, &small_list(), &signers, &requirement()).map(|_| ()),
            Err(ManifestError::Malformed)
        );
    }
}
