//! Rotation of keys while a function runs.

use std::time::Duration;

use amaas_ohttp::KEY_PROBLEM;
use amaas_wire::keys::{Audience, KeyManifest, ManifestRequirement};

use super::*;
use crate::sealing::source::{MAX_AGE, MIN_INTERVAL};
use crate::sealing::testing::{BEGIN, KeySetFixture, name, offered};
use crate::sealing::{DEFAULT_OVERLAP, KeySet, SealingError, SealingPolicy};
use amaas_store::sealing_key;
use amaas_store::vault::{FileKey, Vault};

/// The inner status of a call that is sealed to `key`, or the outer one if it was not opened.
async fn status(state: &AppState, key: &PublicKey) -> u16 {
    let (sealed, opener) = whole::seal_request(key, &message("POST", PATH, None)).expect("sealed");
    let (status, _, answer) = post(state, PATH, whole::REQUEST_MEDIA_TYPE, sealed).await;
    if status != StatusCode::OK {
        assert!(text(&answer).contains(KEY_PROBLEM), "{answer:?}");
        return status.as_u16();
    }
    response(&opener.open(&answer).expect("opened")).head.status()
}

const OPENED_STATUS: u16 = 401;
const UNKNOWN_KEY_STATUS: u16 = 422;

/// The X25519 key with the highest id in the document, before it is offered.
async fn newest(fixture: &KeySetFixture) -> PublicKey {
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let keys = set.unwrap(&fixture.vault, None).await.expect("unwrapped");
    let list = amaas_ohttp::key_list::KeyList::decode(&keys.list(u64::MAX)).expect("a list");
    list.keys().iter().max_by_key(|key| key.id()).expect("a key").clone()
}

#[tokio::test(start_paused = true)]
async fn a_rotation_is_seamless() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let state = host(sealing.clone());
    let old = offered(&sealing).await;
    assert_eq!(status(&state, &old[0]).await, OPENED_STATUS);

    fixture.rotate(DEFAULT_OVERLAP).await;
    let new = newest(&fixture).await;
    assert_eq!(status(&state, &new).await, OPENED_STATUS, "a new key opens calls before it is offered");
    assert_eq!(status(&state, &old[0]).await, OPENED_STATUS);
    assert_eq!(offered(&sealing).await, old, "new keys are not offered until running functions have read them");

    fixture.set_clock(BEGIN + 60);
    let offered_now = offered(&sealing).await;
    assert_eq!(offered_now.len(), 2);
    assert!(offered_now.contains(&new) && !offered_now.contains(&old[0]));
    assert_eq!(status(&state, &old[0]).await, OPENED_STATUS);

    fixture.set_clock(BEGIN + 60 + DEFAULT_OVERLAP.as_secs() - 1);
    assert_eq!(status(&state, &old[0]).await, OPENED_STATUS);
    fixture.set_clock(BEGIN + 60 + DEFAULT_OVERLAP.as_secs());
    assert_eq!(status(&state, &old[0]).await, UNKNOWN_KEY_STATUS, "retired");
    assert_eq!(status(&state, &new).await, OPENED_STATUS);

    // The next rotation removes retired keys from the document, and does not reuse their ids yet.
    fixture.rotate(DEFAULT_OVERLAP).await;
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let ids: Vec<_> = set.document().keys.iter().map(|key| key.id).collect();
    assert_eq!(ids, [3, 4, 5, 6]);
    assert!(set.serial() > BEGIN);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_has_the_set_read_again_but_not_too_often() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let state = host(sealing.clone());
    let stranger = amaas_ohttp::PrivateKey::generate(99, amaas_ohttp::Suite::X25519).expect("randomness");
    assert_eq!(status(&state, &stranger.public_key()).await, UNKNOWN_KEY_STATUS);
    fixture.rotate(DEFAULT_OVERLAP).await;
    let new = newest(&fixture).await;
    assert_eq!(status(&state, &new).await, UNKNOWN_KEY_STATUS, "the last read is too recent");
    tokio::time::advance(MIN_INTERVAL).await;
    assert_eq!(status(&state, &new).await, OPENED_STATUS);
}

#[tokio::test(start_paused = true)]
async fn the_set_is_followed_as_it_ages() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let old = offered(&sealing).await;
    fixture.rotate(DEFAULT_OVERLAP).await;
    fixture.set_clock(BEGIN + 60);
    assert_eq!(offered(&sealing).await, old, "the set is not read again yet");
    tokio::time::advance(MAX_AGE + Duration::from_millis(1)).await;
    assert_ne!(offered(&sealing).await, old);
}

#[tokio::test(start_paused = true)]
async fn known_keys_survive_the_store_and_an_older_document() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    let before = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    fixture.rotate(DEFAULT_OVERLAP).await;
    let keys = offered(&sealing).await;
    let new = newest(&fixture).await;
    let state = host(sealing.clone());
    fixture.put(&before).await;
    tokio::time::advance(MAX_AGE * 2).await;
    assert_eq!(status(&state, &new).await, OPENED_STATUS, "an older set is refused");
    std::fs::write(fixture.folder.path().join(sealing_key(&name())), "{").expect("written");
    tokio::time::advance(MAX_AGE * 2).await;
    assert_eq!(status(&state, &keys[0]).await, OPENED_STATUS);
}

#[tokio::test(start_paused = true)]
async fn the_wrong_vault_opens_nothing_and_changes_nothing() {
    let fixture = KeySetFixture::with_keys().await;
    let other = Vault::File(FileKey::create(&fixture.folder.path().join("other.key")).expect("a key"));
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    assert!(matches!(set.unwrap(&other, None).await, Err(SealingError::Vault(_))));
    for result in [
        KeySet::rotate(&fixture.store(), &name(), &other, DEFAULT_OVERLAP).await,
        KeySet::rotate_signer(&fixture.store(), &name(), &other, DEFAULT_OVERLAP).await,
    ] {
        assert!(matches!(result, Err(SealingError::Vault(_))), "{result:?}");
    }
    let sealing = Sealing::new(fixture.store(), name(), other, SealingPolicy::Optional);
    assert!(matches!(&*sealing.load().await.expect_err("wrapped for another"), SealingError::Vault(_)));
}

#[tokio::test]
async fn a_set_is_made_once() {
    let fixture = KeySetFixture::empty();
    let (store, name) = (fixture.store(), name());
    assert!(matches!(KeySet::read(&store, &name, &fixture.vault).await, Err(SealingError::Missing { .. })));
    let first = KeySet::create(&store, &name, &fixture.vault).await.expect("created");
    let second = KeySet::create(&store, &name, &fixture.vault).await.expect("there");
    assert_eq!((first.serial(), first.signers()), (second.serial(), second.signers()));
    let third = KeySet::rotate(&store, &name, &fixture.vault, DEFAULT_OVERLAP).await.expect("rotated");
    assert!(third.serial() > second.serial());
}

#[tokio::test(start_paused = true)]
async fn signers_take_over() {
    let fixture = KeySetFixture::with_keys().await;
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let next = set.with_next_signer(&fixture.vault, BEGIN, DEFAULT_OVERLAP).await.expect("a signer");
    let (old, new) = (next.document().signers[0].public, next.document().signers[1].public);
    let again = next.with_next_signer(&fixture.vault, BEGIN + 1, DEFAULT_OVERLAP).await;
    assert!(matches!(again, Err(SealingError::SignerPending { until }) if until == BEGIN + DEFAULT_OVERLAP.as_secs()));
    fixture.put(&next).await;

    let sealing = fixture.sealing(SealingPolicy::Optional);
    let end = BEGIN + DEFAULT_OVERLAP.as_secs();
    for (now, signer, signs) in [(BEGIN, old, true), (BEGIN, new, true), (end, old, false), (end, new, true)] {
        fixture.set_clock(now);
        let (list, document) =
            (sealing.list().await.expect("readable keys"), sealing.manifest("m", "1").await.expect("readable keys"));
        let audience = Audience { model: "m".to_owned(), version: "1".to_owned() };
        let requirement = ManifestRequirement { audience, now, least_serial: 0 };
        assert_eq!(KeyManifest::verify(&document, &list, &[signer], &requirement).is_ok(), signs, "{now}");
    }
    let third = next.with_next_signer(&fixture.vault, end, DEFAULT_OVERLAP).await.expect("a third");
    assert_eq!(third.document().signers.iter().filter(|signer| signer.public == old).count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_manifest_holds_no_longer_than_its_keys() {
    let fixture = KeySetFixture::with_keys().await;
    fixture.rotate(Duration::from_hours(1)).await;
    let sealing = fixture.sealing(SealingPolicy::Optional);
    let signers = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set").signers();
    let (list, document) =
        (sealing.list().await.expect("readable keys"), sealing.manifest("m", "1").await.expect("readable keys"));
    let audience = Audience { model: "m".to_owned(), version: "1".to_owned() };
    let requirement = ManifestRequirement { audience, now: BEGIN, least_serial: 0 };
    let (_, manifest) = KeyManifest::verify(&document, &list, &signers, &requirement).expect("signed");
    assert_eq!(manifest.not_after(), BEGIN + 60 + 3600);
}

#[tokio::test(start_paused = true)]
async fn what_was_forgotten_is_read_anew() {
    let fixture = KeySetFixture::with_keys().await;
    let sealing = fixture.sealing(SealingPolicy::Required);
    sealing.load().await.expect("readable keys");
    sealing.forget();
    std::fs::rename(fixture.folder.path().join("sealing"), fixture.folder.path().join("away")).expect("renamed");
    assert!(sealing.load().await.is_err(), "no key is left in memory");
    sealing.forget();
    std::fs::rename(fixture.folder.path().join("away"), fixture.folder.path().join("sealing")).expect("renamed");
    sealing.load().await.expect("readable keys");
}
