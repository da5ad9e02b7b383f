//! A key set for tests, with a clock that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{PublicKey, Suite};

use super::document::KeySetDocument;
use super::{KeySet, Sealing, SealingPolicy};
use amaas_store::vault::{FileKey, Vault};
use amaas_store::{ModelName, Store, WriteCondition, sealing_key};

/// A store in a temporary folder, with a vault, a clock and possibly a key set.
pub(crate) struct KeySetFixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<AtomicU64>,
}

impl KeySetFixture {
    /// A store with a key set that was created at [`BEGIN`].
    pub(crate) async fn with_keys() -> Self {
        let fixture = Self::empty();
        fixture.put(&KeySet::new(&name(), &fixture.vault, BEGIN).await.expect("created")).await;
        fixture
    }

    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("a key"));
        Self { folder, vault, clock: Arc::new(AtomicU64::new(BEGIN)) }
    }

    pub(crate) fn store(&self) -> Store {
        Store::folder(self.folder.path())
    }

    pub(crate) async fn put(&self, set: &KeySet) {
        let json = set.document().to_json();
        self.store().write(&sealing_key(&name()), json.into(), WriteCondition::Any).await.expect("written");
    }

    /// Writes `set` with a change and a valid tag, as a holder of the vault's key can.
    pub(crate) async fn edit(&self, set: &KeySet, change: impl FnOnce(&mut KeySetDocument)) {
        self.put(&set.edited(&self.vault, change).await).await;
    }

    /// Writes `set` with a change of its JSON and the old tag, as an attacker without the vault's key can.
    pub(crate) async fn forge(&self, set: &KeySet, change: impl FnOnce(&mut serde_json::Value)) {
        let mut json = serde_json::from_slice(&set.document().to_json()).expect("JSON");
        change(&mut json);
        let json = serde_json::to_vec_pretty(&json).expect("JSON");
        self.store().write(&sealing_key(&name()), json.into(), WriteCondition::Any).await.expect("written");
    }

    /// Rotates the keys at the current time of the clock.
    pub(crate) async fn rotate(&self, overlap: Duration) {
        let set = KeySet::read(&self.store(), &name(), &self.vault).await.expect("a key set");
        self.put(&set.rotated(&self.vault, self.now(), overlap).await.expect("rotated")).await;
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub(crate) fn set_clock(&self, now: u64) {
        self.clock.store(now, Ordering::SeqCst);
    }

    pub(crate) fn sealing(&self, policy: SealingPolicy) -> Sealing {
        let clock = Arc::clone(&self.clock);
        Sealing::new(self.store(), name(), self.vault.clone(), policy)
            .with_clock(Arc::new(move || clock.load(Ordering::SeqCst)))
    }
}

/// The offered keys, the X25519 one first.
pub(crate) async fn offered(sealing: &Sealing) -> Vec<PublicKey> {
    let list = sealing.list().await.expect("readable keys");
    let mut keys = KeyList::decode(&list).expect("a list").keys().to_vec();
    keys.sort_by_key(|key| key.suite() != Suite::X25519);
    keys
}

pub(crate) fn name() -> ModelName {
    "m".parse().expect("a valid name")
}

pub(crate) const BEGIN: u64 = 1_000_000;
