//! Every one-byte flip and every truncation of a small signed document is refused.

use amaas_wire::keys::KeyManifest;
use amaas_wire::receipt::SignedReceipt;

use crate::keys::{manifest, requirement, signer, small_list};
use crate::receipt::receipt;

/// Each byte changed with each of `masks`, each beginning, and the message with a byte more.
fn damaged_by<'a>(masks: &'a [u8], good: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let flips = (0..good.len()).flat_map(move |at| {
        masks.iter().map(move |mask| {
            let mut bytes = good.to_vec();
            bytes[at] ^= mask;
            bytes
        })
    });
    let cuts = (0..good.len()).map(move |len| good[..len].to_vec());
    flips.chain(cuts).chain([[good, &[0]].concat()])
}

#[test]
fn key_lists_with_their_manifest() {
    let list = small_list();
    let document = manifest(&list).sign(&[&signer(1)]);
    let signers = [signer(1).verifying_key()];
    assert!(KeyManifest::verify(&document, &list, &signers, &requirement()).is_ok());
    for bytes in damaged_by(&[1, 128], &list) {
        assert!(KeyManifest::verify(&document, &bytes, &signers, &requirement()).is_err(), "{bytes:02x?}");
    }
    // A lowest bit, the case of a letter, and what is no longer ASCII: a signature is checked for most of them.
    for bytes in damaged_by(&[1, 32, 128], &document) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(KeyManifest::verify(&bytes, &list, &signers, &requirement()).is_err(), "{text}");
    }
}

#[test]
fn receipts() {
    let document = receipt().sign(&[&signer(1)]);
    let signers = [signer(1).verifying_key()];
    let verify = |text: &str| text.parse().and_then(|found: SignedReceipt| found.verify(&signers).cloned());
    assert_eq!(verify(&document), Ok(receipt()));
    for bytes in damaged_by(&[1, 32, 128], document.as_bytes()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(verify(&text).is_err(), "{text}");
    }
}

#[test]
fn manifests_of_two_signers() {
    // A flip in the name of one signer leaves the other's signature: the manifest is then refused or the very same.
    let list = small_list();
    let document = manifest(&list).sign(&[&signer(1), &signer(2)]);
    let signers = [1, 2].map(|seed| signer(seed).verifying_key());
    for bytes in damaged_by(&[1], &document) {
        if let Ok((_, found)) = KeyManifest::verify(&bytes, &list, &signers, &requirement()) {
            assert_eq!(found, manifest(&list));
        }
    }
}
