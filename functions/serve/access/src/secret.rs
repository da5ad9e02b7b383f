//! The secret of a ledger: one for all functions that share it, stored in the ledger and wrapped by the vault.
//!
//! Derived from it are the pepper of API keys, the names of calls with an idempotency key, and a key for each tenant that seals stored
//! responses. A ledger reader without the vault can use none of them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::error::AccountsError;
use amaas_ledger::{InsertOutcome, Ledger, LedgerKey, NO_EXPIRY};
use amaas_store::vault::{EncryptionContext, Vault};

/// The secret, read on first use. Cheap to clone.
#[derive(Clone)]
pub struct LedgerSecret(Arc<SecretInner>);

struct SecretInner {
    ledger: Arc<dyn Ledger>,
    /// `None` if the secret exists in this process only, or is not available to it.
    vault: Option<Vault>,
    known: Mutex<Option<Arc<OpenedSecret>>>,
}

/// The keys derived from the secret, in memory.
pub struct OpenedSecret {
    pepper: hmac::Key,
    calls: hmac::Key,
    answers: hmac::Key,
}

impl LedgerSecret {
    /// The secret in `ledger`, which `vault` unwraps.
    pub fn new(ledger: Arc<dyn Ledger>, vault: Vault) -> Self {
        Self(Arc::new(SecretInner { ledger, vault: Some(vault), known: Mutex::default() }))
    }

    /// A secret that this process cannot unwrap.
    pub fn closed(ledger: Arc<dyn Ledger>) -> Self {
        Self(Arc::new(SecretInner { ledger, vault: None, known: Mutex::default() }))
    }

    /// A secret of this process, for a ledger in its memory.
    pub fn of_process(ledger: Arc<dyn Ledger>) -> Result<Self, AccountsError> {
        let opened = OpenedSecret::new(&*draw()?);
        Ok(Self(Arc::new(SecretInner { ledger, vault: None, known: Mutex::new(Some(Arc::new(opened))) })))
    }

    /// The secret.
    ///
    /// # Errors
    /// [`AccountsError::NoSecret`] if no key was ever created, or an error of ledger or vault.
    pub async fn open(&self) -> Result<Arc<OpenedSecret>, AccountsError> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let vault = self.0.vault.as_ref().ok_or(AccountsError::NoSecret)?;
        let entry = self.0.ledger.read(&place()).await?.ok_or(AccountsError::NoSecret)?;
        self.keep(vault, &entry.value).await
    }

    /// The secret, created if there is none.
    pub async fn create(&self) -> Result<Arc<OpenedSecret>, AccountsError> {
        match self.open().await {
            Err(AccountsError::NoSecret) => {}
            opened => return opened,
        }
        let vault = self.0.vault.as_ref().ok_or(AccountsError::NoSecret)?;
        let wrapped = Bytes::from(vault.wrap(draw()?.as_slice(), CONTEXT).await?);
        match self.0.ledger.insert(&place(), wrapped.clone(), NO_EXPIRY).await? {
            InsertOutcome::New(_) => self.keep(vault, &wrapped).await,
            InsertOutcome::Exists(entry) => self.keep(vault, &entry.value).await,
        }
    }

    /// Whether the ledger has a secret.
    pub async fn exists(&self) -> Result<bool, AccountsError> {
        Ok(self.0.ledger.read(&place()).await?.is_some())
    }

    /// Drops it from memory. It is read again on next use.
    pub fn forget(&self) {
        if self.0.vault.is_some() {
            *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn known(&self) -> Option<Arc<OpenedSecret>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn keep(&self, vault: &Vault, wrapped: &[u8]) -> Result<Arc<OpenedSecret>, AccountsError> {
        let opened = Arc::new(OpenedSecret::new(&vault.unwrap(wrapped, CONTEXT).await?));
        *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

impl fmt::Debug for LedgerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("known", &self.known().is_some()).finish_non_exhaustive()
    }
}

impl OpenedSecret {
    fn new(secret: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |purpose: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, purpose).as_ref());
        Self { pepper: derived(b"pepper"), calls: derived(b"calls"), answers: derived(b"answers") }
    }

    /// The stored digest of the key `text`.
    pub fn peppered(&self, text: &str) -> [u8; 32] {
        bytes(&hmac::sign(&self.pepper, text.as_bytes()))
    }

    /// Whether `digest` is the stored digest of the key `text`, compared in constant time.
    pub fn is_peppered(&self, text: &str, digest: &[u8]) -> bool {
        hmac::verify(&self.pepper, text.as_bytes(), digest).is_ok()
    }

    /// The HMAC key that names calls and fingerprints them.
    pub fn calls(&self) -> &hmac::Key {
        &self.calls
    }

    /// The HMAC key from which keys for stored responses of `tenant` are derived.
    pub fn answers_of(&self, tenant: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.answers, tenant.as_bytes()).as_ref())
    }
}

fn draw() -> Result<Zeroizing<[u8; 32]>, AccountsError> {
    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|_| AccountsError::Random)?;
    Ok(secret)
}

fn bytes(tag: &hmac::Tag) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

fn place() -> LedgerKey {
    LedgerKey::new("ledger", "secret")
}

/// Not a valid model name, so no model's secrets share the context.
const CONTEXT: EncryptionContext<'static> = EncryptionContext { model: "(ledger)", key: "secret" };
