//! The test vectors of RFC 9180 and draft-ietf-hpke-pq, and interoperability with the crate `hpke`.

use ::hpke::aead::{Aead, AesGcm128, AesGcm256};
use ::hpke::kdf::HkdfSha256;
use ::hpke::kem::{X25519HkdfSha256, XWing};
use ::hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng};
use rand_core::{Infallible, TryCryptoRng, TryRng};
use serde_json::Value;

use super::context::HpkeContext;
use super::kem::{KemPrivateKey, KemPublicKey};
use crate::error::OhttpError;
use crate::random::RandomSource;
use crate::suite::Suite;
use crate::test_data::{bytes, example};

const RFC_9180: &str = include_str!("../../tests/vectors/rfc9180.json");
const PIECES: [&[u8]; 3] = [b"first", b"", &[7; 5_000]];
const HPKE_PQ: &str = include_str!("../../tests/vectors/hpke-pq.json");

/// Keys, encapsulation with the bytes of the vector, and the shared secret of both sides.
fn kem_agrees(suite: Suite, vector: &Value) {
    let key = KemPrivateKey::derive(suite, &bytes(&vector["ikmR"]));
    let published = KemPrivateKey::from_bytes(suite, &bytes(&vector["skRm"])).expect("a key");
    assert_eq!(key.as_bytes(), published.as_bytes());
    assert_eq!(key.public().to_bytes(), bytes(&vector["pkRm"]));
    let public = KemPublicKey::from_bytes(suite, &bytes(&vector["pkRm"])).expect("a key");
    let mut drawn = Drawn(bytes(&vector["ikmE"]));
    let (shared, encapsulated) = public.encapsulate(RandomSource::Given(&mut drawn)).expect("encapsulated");
    assert!(drawn.0.is_empty(), "all of it was drawn");
    assert_eq!((shared.to_vec(), &encapsulated), (bytes(&vector["shared_secret"]), &bytes(&vector["enc"])));
    assert_eq!(key.decapsulate(&encapsulated).expect("decapsulated"), shared);
}

#[test]
fn rfc_9180_kem() {
    kem_agrees(Suite::X25519, &example(RFC_9180)[0]);
    kem_agrees(Suite::X25519, &example(RFC_9180)[1]);
}

#[test]
fn hpke_pq_kem() {
    kem_agrees(Suite::XWing, &example(HPKE_PQ)[0]);
}

#[test]
fn rfc_9180_appendix_a1_messages_and_secrets() {
    let vector = &example(RFC_9180)[0];
    let info = bytes(&vector["info"]);
    let key = KemPrivateKey::derive(Suite::X25519, &bytes(&vector["ikmR"]));
    let mut drawn = Drawn(bytes(&vector["ikmE"]));
    let (mut sender, encapsulated) =
        HpkeContext::send(&key.public(), &info, RandomSource::Given(&mut drawn)).expect("a sender");
    let mut receiver = HpkeContext::receive(&key, &encapsulated, &info).expect("a receiver");
    let mut messages = vector["encryptions"].as_array().expect("messages").iter().peekable();
    for sequence in 0..=256 {
        let mut sealed = b"before ".to_vec();
        let Some(message) =
            messages.next_if(|message| bytes(&message["aad"]) == format!("Count-{sequence}").as_bytes())
        else {
            sender.cipher.seal(b"", b"", &mut sealed).expect("sealed");
            receiver.cipher.open(&sealed[7..], b"", &mut Vec::new()).expect("opened");
            continue;
        };
        let (plain, associated) = (bytes(&message["pt"]), bytes(&message["aad"]));
        sender.cipher.seal(&plain, &associated, &mut sealed).expect("sealed");
        assert_eq!(sealed, [&b"before "[..], &bytes(&message["ct"])].concat());
        let mut opened = b"before ".to_vec();
        assert_eq!(receiver.cipher.open(&sealed[7..], b"", &mut opened), Err(OhttpError::Authentication));
        assert_eq!(opened, b"before ", "nothing of what is not authentic");
        // A failure does not advance the sequence (RFC 9180 §5.2).
        receiver.cipher.open(&sealed[7..], &associated, &mut opened).expect("opened");
        assert_eq!(opened, [&b"before "[..], &plain].concat());
    }
    assert!(messages.next().is_none(), "all of them were sealed");
    for export in vector["exports"].as_array().expect("exports") {
        let secret = receiver.export(&bytes(&export["exporter_context"]), 32);
        assert_eq!(*secret, bytes(&export["exported_value"]));
    }
}

/// Messages in both directions between this crate and `hpke`, and the exported secrets.
fn opens_what_the_crate_sealed_and_back<A: Aead, K: Kem>(suite: Suite) {
    let ours = KemPrivateKey::derive(suite, &[5; 32]);
    let (theirs, public) = K::derive_keypair(&[5; 32]);
    assert_eq!(ours.public().to_bytes(), public.to_bytes().as_slice());

    let mut drawn = Drawn(vec![9; 64]);
    let (encapsulated, mut sender) =
        setup_sender_with_rng::<A, HkdfSha256, K>(&OpModeS::Base, &public, b"info", &mut drawn).expect("a sender");
    let mut receiver = HpkeContext::receive(&ours, &encapsulated.to_bytes(), b"info").expect("a receiver");
    for piece in PIECES {
        let mut opened = Vec::new();
        receiver.cipher.open(&sender.seal(piece, b"with").expect("sealed"), b"with", &mut opened).expect("opened");
        assert_eq!(opened, piece);
    }
    let mut exported = [0; 32];
    sender.export(b"label", &mut exported).expect("exported");
    assert_eq!(*receiver.export(b"label", 32), exported);

    // With the system's randomness, which uses AWS-LC's own encapsulation, and with a given generator.
    for random in [RandomSource::System, RandomSource::Given(&mut Drawn(vec![3; 64]))] {
        let (mut sender, encapsulated) = HpkeContext::send(&ours.public(), b"info", random).expect("a sender");
        let encapsulated = K::EncappedKey::from_bytes(&encapsulated).expect("an encapsulated key");
        let mut receiver =
            setup_receiver::<A, HkdfSha256, K>(&OpModeR::Base, &theirs, &encapsulated, b"info").expect("a receiver");
        for piece in PIECES {
            let mut sealed = Vec::new();
            sender.cipher.seal(piece, b"with", &mut sealed).expect("sealed");
            assert_eq!(receiver.open(&sealed, b"with").expect("opened"), piece);
        }
        receiver.export(b"label", &mut exported).expect("exported");
        assert_eq!(*sender.export(b"label", 32), exported);
    }
}

#[test]
fn the_crate_hpke_agrees_on_both_suites() {
    opens_what_the_crate_sealed_and_back::<AesGcm128, X25519HkdfSha256>(Suite::X25519);
    opens_what_the_crate_sealed_and_back::<AesGcm256, XWing>(Suite::XWing);
}

#[test]
fn a_public_key_that_makes_the_secret_zero_is_refused() {
    // RFC 9180 §7.1.4: a point of small order, as the whole key or as its last 32 bytes.
    for suite in Suite::ALL {
        let key = KemPrivateKey::derive(suite, &[5; 32]);
        for point in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            let mut public = key.public().to_bytes();
            let at = public.len() - 32;
            public[at..].copy_from_slice(&point);
            let public = KemPublicKey::from_bytes(suite, &public).expect("the length is right");
            assert_eq!(public.encapsulate(RandomSource::System).expect_err("zero"), OhttpError::Encapsulation);
            let (_, mut encapsulated) = key.public().encapsulate(RandomSource::System).expect("encapsulated");
            let at = encapsulated.len() - 32;
            encapsulated[at..].copy_from_slice(&point);
            assert_eq!(key.decapsulate(&encapsulated).expect_err("zero"), OhttpError::Encapsulation);
        }
    }
}

#[test]
fn a_public_key_out_of_range_is_refused_when_it_is_made() {
    let mut public = KemPrivateKey::derive(Suite::XWing, &[5; 32]).public().to_bytes();
    // Twelve bits of ones are not below q = 3329 (FIPS 203 §7.2).
    public[..2].fill(0xff);
    assert!(KemPublicKey::from_bytes(Suite::XWing, &public).is_none());
}

struct Drawn(Vec<u8>);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("nothing here draws numbers")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("nothing here draws numbers")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
