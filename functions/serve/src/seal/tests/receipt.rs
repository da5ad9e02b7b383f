//! Receipts, signed by the signers of the keys.

use std::time::Duration;

use amaas_wire::Digest;
use amaas_wire::dsse::VerifyingKey;
use amaas_wire::predict::Usage;
use amaas_wire::receipt::{MeteredUsage, Receipt, ReceiptFormat, SignedReceipt};

use super::*;
use crate::sealing::source::MAX_AGE;
use crate::sealing::testing::{BEGIN, KeySetFixture, name};
use crate::sealing::{DEFAULT_OVERLAP, KeySet, SealingPolicy};

fn receipt() -> Receipt {
    Receipt {
        format: ReceiptFormat::One,
        request_id: "id".to_owned(),
        time: BEGIN,
        tenant: "t".to_owned(),
        model: "m".to_owned(),
        version: "1".to_owned(),
        digest: Digest::of(b"manifest"),
        usage: MeteredUsage { usage: Usage::new(1, 1), units: 1, unit: "rows".to_owned() },
        input: Digest::of(b"input"),
        output: Digest::of(b"output"),
    }
}

/// For each of `signers`, whether it signed a receipt that is made now.
async fn signed_by<const N: usize>(sealing: &Sealing, signers: [VerifyingKey; N]) -> [bool; N] {
    let text = sealing.receipt(&receipt()).await.expect("readable keys").expect("a signer");
    let signed: SignedReceipt = text.parse().expect("a receipt");
    assert_eq!(signed.unverified(), &receipt());
    signers.map(|signer| signed.verify(&[signer]).is_ok())
}

#[tokio::test(start_paused = true)]
async fn those_sign_that_callers_pin() {
    let fixture = KeySetFixture::with_keys().await;
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let sealing = fixture.sealing(SealingPolicy::Optional);
    assert_eq!(signed_by(&sealing, [set.signers()[0]]).await, [true]);

    let next = set.with_next_signer(&fixture.vault, BEGIN, DEFAULT_OVERLAP).await.expect("a signer");
    let signers = [next.document().signers[0].public, next.document().signers[1].public];
    fixture.put(&next).await;
    let sealing = fixture.sealing(SealingPolicy::Optional);
    assert_eq!(signed_by(&sealing, signers).await, [true, true], "both sign during the overlap");
    fixture.set_clock(BEGIN + DEFAULT_OVERLAP.as_secs());
    assert_eq!(signed_by(&sealing, signers).await, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_store_and_the_set_is_followed() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Optional);
    sealing.load().await.expect("readable keys");
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let next = set.with_next_signer(&fixture.vault, BEGIN, DEFAULT_OVERLAP).await.expect("a signer");
    let signers = [next.document().signers[0].public, next.document().signers[1].public];
    fixture.put(&next).await;

    tokio::time::advance(MAX_AGE * 60).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(signed_by(&sealing, signers).await, [true, false], "known keys sign at any age");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    sealing.load().await.expect("the background read");
    assert_eq!(signed_by(&sealing, signers).await, [true, true]);

    // Keys in memory work without the store; after they are forgotten, nothing does.
    std::fs::remove_dir_all(fixture.folder.path().join("sealing")).expect("removed");
    tokio::time::advance(MAX_AGE * 60).await;
    assert_eq!(signed_by(&sealing, signers).await, [true, true]);
    sealing.forget();
    assert!(sealing.receipt(&receipt()).await.is_err());
}

#[tokio::test]
async fn nothing_is_signed_where_nobody_signs_any_more() {
    let fixture = KeySetFixture::with_keys().await;
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let sealing = fixture.sealing(SealingPolicy::Optional);
    fixture.edit(&set, |document| document.signers[0].retires = Some(BEGIN + 1)).await;
    assert!(sealing.receipt(&receipt()).await.expect("readable keys").is_some());
    fixture.set_clock(BEGIN + 1);
    assert_eq!(sealing.receipt(&receipt()).await.expect("readable keys"), None);
}
