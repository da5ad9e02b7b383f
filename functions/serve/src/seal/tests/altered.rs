//! Documents that an attacker changed who can write the store but may not use the vault's key.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::sealing::ReplayPolicy;
use crate::sealing::source::MAX_AGE;
use crate::sealing::testing::{BEGIN, KeySetFixture, name, offered};
use crate::sealing::{DEFAULT_OVERLAP, KeySet, SealingError, SealingPolicy};
use amaas_ledger::{Ledger, MemoryLedger};
use amaas_store::{WriteCondition, sealing_key};

/// A key set after a rotation of the keys and of the signer: the old key and the old signer are retired.
async fn rotated() -> (KeySetFixture, KeySet) {
    let fixture = KeySetFixture::with_keys().await;
    fixture.rotate(Duration::ZERO).await;
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let next = set.with_next_signer(&fixture.vault, BEGIN, Duration::ZERO).await.expect("a signer");
    fixture.put(&next).await;
    fixture.set_clock(BEGIN + 60);
    (fixture, next)
}

type Change = fn(&mut Value);

/// Changes that help an attacker, and changes without a visible effect.
const CHANGES: &[(&str, Change)] = &[
    ("a serial that is higher", |json| json["serial"] = (json["serial"].as_u64().expect("a number") + 1).into()),
    ("a serial that is lower", |json| json["serial"] = (json["serial"].as_u64().expect("a number") - 1).into()),
    ("an old key that does not retire", |json| json["keys"][0]["retires"] = Value::Null),
    ("an old key that is offered", |json| {
        json["keys"][0]["retires"] = Value::Null;
        json["keys"][0]["announced"] = (BEGIN + 61).into();
        json["serial"] = (json["serial"].as_u64().expect("a number") + 1).into();
    }),
    ("a key that retires at once", |json| json["keys"][2]["retires"] = 1.into()),
    ("no X-Wing", |json| json["keys"].as_array_mut().expect("readable keys").retain(|key| key["suite"] != "x-wing")),
    ("no X25519", |json| json["keys"].as_array_mut().expect("readable keys").retain(|key| key["suite"] != "x25519")),
    ("keys in another order", |json| json["keys"].as_array_mut().expect("readable keys").swap(0, 1)),
    ("an old signer that signs", |json| json["signers"][0]["retires"] = Value::Null),
    ("no new signer", |json| drop(json["signers"].as_array_mut().expect("signers").pop())),
    ("signers in another order", |json| json["signers"].as_array_mut().expect("signers").swap(0, 1)),
    ("another tag", |json| json["tag"] = "AAAA".into()),
    ("no tag", |json| json["tag"] = "".into()),
];

#[tokio::test(start_paused = true)]
async fn a_document_that_was_altered_is_refused_by_fresh_and_running_functions() {
    for (what, change) in CHANGES {
        let (fixture, set) = rotated().await;
        let running = fixture.sealing(SealingPolicy::Required);
        let offered_before = offered(&running).await;
        fixture.forge(&set, change).await;
        let fresh = fixture.sealing(SealingPolicy::Required);
        let error = fresh.load().await.expect_err(what);
        assert!(matches!(&*error, SealingError::Altered { .. }), "{what}: {error}");
        assert!(error.to_string().contains("was altered"), "{error}");
        tokio::time::advance(MAX_AGE * 2).await;
        assert_eq!(offered(&running).await, offered_before, "{what}");
        // Administrators' commands refuse to build on it too.
        for result in [
            KeySet::read(&fixture.store(), &name(), &fixture.vault).await,
            KeySet::create(&fixture.store(), &name(), &fixture.vault).await,
            KeySet::rotate(&fixture.store(), &name(), &fixture.vault, DEFAULT_OVERLAP).await,
            KeySet::rotate_signer(&fixture.store(), &name(), &fixture.vault, DEFAULT_OVERLAP).await,
            KeySet::adopt(&fixture.store(), &name(), &fixture.vault).await,
        ] {
            assert!(matches!(result, Err(SealingError::Altered { .. })), "{what}: {result:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_document_is_refused_by_functions_that_never_saw_the_newer_one() {
    let fixture = KeySetFixture::with_keys().await;
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let function = || fixture.sealing(SealingPolicy::Required).with_ledger(&ledger, ReplayPolicy::Refuse);
    let before = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    function().load().await.expect("readable keys");
    fixture.rotate(Duration::ZERO).await;
    let after = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    function().load().await.expect("readable keys");
    fixture.put(&before).await;
    let error = function().load().await.expect_err("rolled back");
    let (found, known) = (before.serial(), after.serial());
    assert!(matches!(&*error, SealingError::Older { found: f, known: k } if (*f, *k) == (found, known)), "{error}");
    assert!(error.to_string().contains("restored an older one"), "{error}");
    // The newer set is accepted again.
    fixture.put(&after).await;
    function().load().await.expect("readable keys");
}

#[tokio::test(start_paused = true)]
async fn a_serial_that_somebody_made_up_is_not_remembered() {
    let fixture = KeySetFixture::with_keys().await;
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let function = || fixture.sealing(SealingPolicy::Required).with_ledger(&ledger, ReplayPolicy::Refuse);
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    fixture.forge(&set, |json| json["serial"] = (i64::MAX - 1).into()).await;
    assert!(function().load().await.is_err());
    fixture.put(&set).await;
    function().load().await.expect("readable keys");
}

#[tokio::test(start_paused = true)]
async fn a_set_of_the_first_format_is_refused_until_it_is_adopted() {
    let fixture = KeySetFixture::with_keys().await;
    let set = KeySet::read(&fixture.store(), &name(), &fixture.vault).await.expect("a key set");
    let untagged = |json: &mut Value| {
        json["format"] = "amaas.sealing-keys/1".into();
        json["answers"] = json["authenticator"].take();
        json.as_object_mut().expect("an object").retain(|name, _| name != "authenticator" && name != "tag");
    };
    fixture.forge(&set, untagged).await;
    let error = fixture.sealing(SealingPolicy::Required).load().await.expect_err("the first format");
    assert!(error.to_string().contains("`amaas keys rotate m --adopt`"), "{error}");
    for result in [
        KeySet::create(&fixture.store(), &name(), &fixture.vault).await,
        KeySet::rotate(&fixture.store(), &name(), &fixture.vault, DEFAULT_OVERLAP).await,
    ] {
        assert!(matches!(result, Err(SealingError::Untagged { .. })), "{result:?}");
    }
    let adopted = KeySet::adopt(&fixture.store(), &name(), &fixture.vault).await.expect("adopted");
    assert_eq!(adopted.document().signers.len(), set.document().signers.len());
    let sealing = fixture.sealing(SealingPolicy::Required);
    let state = host(sealing.clone());
    for key in offered(&sealing).await {
        assert_eq!(call(&state, &key, PATH, &message("POST", PATH, None)).await.head.status(), 401, "opened");
    }
    let again = KeySet::adopt(&fixture.store(), &name(), &fixture.vault).await.expect("as it is");
    assert_eq!(again.serial(), adopted.serial());
    // A secret from another position in the document is not adopted.
    fixture.forge(&set, untagged).await;
    let swap = |json: &mut Value| {
        let (one, two) = (json["keys"][0]["wrapped"].take(), json["keys"][1]["wrapped"].take());
        (json["keys"][0]["wrapped"], json["keys"][1]["wrapped"]) = (two, one);
    };
    let mut json: Value = serde_json::from_slice(&set.document().to_json()).expect("JSON");
    untagged(&mut json);
    swap(&mut json);
    let json = serde_json::to_vec(&json).expect("JSON");
    fixture.store().write(&sealing_key(&name()), json.into(), WriteCondition::Any).await.expect("written");
    assert!(matches!(KeySet::adopt(&fixture.store(), &name(), &fixture.vault).await, Err(SealingError::Vault(_))));
}
