//! The crate `hpke`, which judges ours, against the vectors of RFC 9180 and draft-ietf-hpke-pq, and ours against the same keys.

use ::hpke::aead::{Aead, AesGcm128, AesGcm256, ChaCha20Poly1305};
use ::hpke::kdf::HkdfSha256;
use ::hpke::kem::{X25519HkdfSha256, XWing};
use ::hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng};
use amaas_ohttp::{PrivateKey, Suite, whole};
use serde_json::Value;

use crate::vectors::{self, Drawn, bytes, size};

/// Key derivation, encapsulation with the drawn bytes, each sealed message, each exported secret.
fn holds<A: Aead, K: Kem>(vector: &Value) {
    let ids = ["kem_id", "kdf_id", "aead_id"].map(|id| size(&vector[id]));
    assert_eq!(ids, [usize::from(K::KEM_ID), 1, usize::from(A::AEAD_ID)]);
    let (secret, public) = K::derive_keypair(&bytes(&vector["ikmR"]));
    // By way of the type, for the crate keeps X25519 keys clamped (RFC 7748 §5) and the vectors do not.
    let published = K::PrivateKey::from_bytes(&bytes(&vector["skRm"])).expect("a key");
    assert_eq!(secret.to_bytes(), published.to_bytes());
    assert_eq!(public.to_bytes().as_slice(), bytes(&vector["pkRm"]));
    let info = bytes(&vector["info"]);
    let mut drawn = Drawn(bytes(&vector["ikmE"]));
    let (encapsulated, mut sender) =
        setup_sender_with_rng::<A, HkdfSha256, K>(&OpModeS::Base, &public, &info, &mut drawn).expect("a sender");
    assert!(drawn.0.is_empty(), "all of it was drawn");
    assert_eq!(encapsulated.to_bytes().as_slice(), bytes(&vector["enc"]));
    let mut receiver =
        setup_receiver::<A, HkdfSha256, K>(&OpModeR::Base, &secret, &encapsulated, &info).expect("a receiver");

    // The file has no number for a message: its nonce is the base nonce with the number in its last bytes.
    let base = bytes(&vector["base_nonce"]);
    let mut sequence = 0;
    for message in vector["encryptions"].as_array().expect("messages") {
        let nonce = bytes(&message["nonce"]);
        let number = base.iter().zip(&nonce).fold(0, |number, (base, byte)| number << 8 | usize::from(base ^ byte));
        for _ in sequence..number {
            let skipped = sender.seal(b"", b"").expect("sealed");
            receiver.open(&skipped, b"").expect("opened");
        }
        sequence = number + 1;
        let (plain, associated) = (bytes(&message["pt"]), bytes(&message["aad"]));
        assert_eq!(sender.seal(&plain, &associated).expect("sealed"), bytes(&message["ct"]));
        assert_eq!(receiver.open(&bytes(&message["ct"]), &associated).expect("opened"), plain);
    }
    for export in vector["exports"].as_array().expect("exports") {
        let mut exported = vec![0; size(&export["L"])];
        receiver.export(&bytes(&export["exporter_context"]), &mut exported).expect("exported");
        assert_eq!(exported, bytes(&export["exported_value"]));
    }
}

/// The same keys and the same encapsulation, by way of our types.
fn ours_agrees(suite: Suite, vector: &Value) {
    let key = PrivateKey::derive(9, suite, &bytes(&vector["ikmR"]));
    let stored = [&key.to_bytes()[..7], &bytes(&vector["skRm"])].concat();
    assert_eq!(key.to_bytes(), PrivateKey::from_bytes(&stored).expect("a key").to_bytes());
    assert_eq!(key.public_key().to_bytes(), bytes(&vector["pkRm"]));
    let mut drawn = Drawn(bytes(&vector["ikmE"]));
    let (sealed, _) = whole::seal_request_with(&key.public_key(), b"", &mut drawn).expect("sealed");
    let encapsulated = bytes(&vector["enc"]);
    assert_eq!(&sealed[7..7 + encapsulated.len()], encapsulated);
    assert_eq!(sealed.len(), 7 + encapsulated.len() + 16, "and a tag");
}

#[test]
fn rfc_9180_appendix_a1_x25519_aes_128() {
    let file = vectors::file("rfc9180");
    holds::<AesGcm128, X25519HkdfSha256>(&file[0]);
    ours_agrees(Suite::X25519, &file[0]);
}

#[test]
fn rfc_9180_x25519_aes_256() {
    holds::<AesGcm256, X25519HkdfSha256>(&vectors::file("rfc9180")[1]);
}

#[test]
fn hpke_pq_x_wing() {
    let file = vectors::file("hpke-pq");
    holds::<ChaCha20Poly1305, XWing>(&file[0]);
    ours_agrees(Suite::XWing, &file[0]);
}
