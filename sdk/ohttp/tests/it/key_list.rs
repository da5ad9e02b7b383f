//! Lists of keys: the published configurations, unknown algorithms, and each malformed list.

use amaas_ohttp::key_list::{KeyList, KeyListError};
use amaas_ohttp::{PrivateKey, PublicKey, Suite};
use proptest::prelude::*;

use crate::vectors::{self, bytes};

fn small_list() -> Vec<u8> {
    KeyList::new([public(1, Suite::X25519)]).expect("one key").encode()
}

fn public(id: u8, suite: Suite) -> PublicKey {
    PrivateKey::derive(id, suite, &[id; 32]).public_key()
}

fn framed(configuration: &[u8]) -> Vec<u8> {
    let len = u16::try_from(configuration.len()).expect("short");
    [&len.to_be_bytes()[..], configuration].concat()
}

#[test]
fn the_key_configurations_of_the_specifications() {
    for name in ["rfc9458", "chunked-ohttp"] {
        let example = vectors::file(name);
        let configuration = bytes(&example["key_configuration"]);
        let list = KeyList::decode(&framed(&configuration)).expect("a list");
        let stored = [&[1, 0, 0x20, 0, 1, 0, 1][..], &bytes(&example["key_secret"])].concat();
        assert_eq!(list.keys(), [PrivateKey::from_bytes(&stored).expect("a key").public_key()]);
        assert_eq!(list.encode()[2..37], configuration[..35], "the same but for the pairs that we do not have");
    }
}

#[test]
fn a_list_keeps_its_order_and_the_best_suite_is_preferred() {
    let keys = [public(1, Suite::X25519), public(2, Suite::XWing), public(3, Suite::XWing)];
    let list = KeyList::new(keys.clone()).expect("three keys");
    let read = KeyList::decode(&list.encode()).expect("a list");
    assert_eq!(read.keys(), keys);
    assert_eq!(read.preferred().id(), 2);
}

#[test]
fn what_is_unknown_is_passed_over() {
    let unknown_kem = framed(b"\x09\x12\x34whatever its key looks like");
    let unknown_aead = framed(&[&[8, 0, 0x20][..], &[9; 32], &[0, 4, 0, 1, 0, 3]].concat());
    let known = small_list();
    let list = [&unknown_kem[..], &unknown_aead, &known].concat();
    assert_eq!(KeyList::decode(&list), KeyList::decode(&known));
    for none in [vec![], unknown_kem, unknown_aead] {
        assert_eq!(KeyList::decode(&none), Err(KeyListError::NoUsableKey));
    }
}

#[test]
fn each_malformed_list_is_named() {
    use KeyListError as E;
    let key = |tail: &[u8]| framed(&[&[8, 0, 0x20][..], &[9; 32], tail].concat());
    let pairs: &[u8] = &[0, 4, 0, 1, 0, 1];
    for (list, expected) in [
        (vec![0], E::Truncated),
        (vec![0, 5, 1], E::Truncated),
        (framed(b""), E::Truncated),
        (framed(b"\x01\x00"), E::Truncated),
        (framed(b"\x01\x00\x20short"), E::Truncated),
        (key(&[]), E::Truncated),
        (key(&pairs[..5]), E::Truncated),
        (key(&[0, 0]), E::Algorithms),
        (key(&[0, 3, 0, 1, 0]), E::Algorithms),
        (key(&[pairs, &[0]].concat()), E::TrailingBytes),
        // Coefficients of ML-KEM that are not below its modulus.
        (framed(&[&[1, 0x64, 0x7a][..], &[0xff; 1216], &[0, 4, 0, 1, 0, 2]].concat()), E::PublicKey),
    ] {
        assert_eq!(KeyList::decode(&list), Err(expected), "{list:02x?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_list_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = KeyList::decode(&bytes);
        let _ = KeyList::decode(&framed(&bytes));
        let _ = KeyList::decode(&framed(&[&[1, 0, 0x20][..], &bytes].concat()));
    }
}
