//! The secret of a ledger: one for all functions that share it, wrapped by the vault, in the ledger itself.
//!
//! What is made of it: the pepper of API keys, the names of calls with an idempotency key, and a key for each tenant, under which
//! answers are kept. Whoever reads the ledger without the vault can do nothing with any of them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::error::AccountsError;
use amaas_ledger::{FOREVER, Inserted, Key, Ledger};
use amaas_store::vault::{Context, Vault};

/// The secret, read when it is first needed. Cheap to clone.
#[derive(Clone)]
pub struct Secret(Arc<Inner>);

struct Inner {
    ledger: Arc<dyn Ledger>,
    /// `None` where the secret is this process's own, or closed to it.
    vault: Option<Vault>,
    known: Mutex<Option<Arc<Opened>>>,
}

/// The secret in memory, in the forms in which it is used.
pub struct Opened {
    pepper: hmac::Key,
    calls: hmac::Key,
    answers: hmac::Key,
}

impl Secret {
    /// The one in `ledger`, which `vault` unwraps.
    pub fn new(ledger: Arc<dyn Ledger>, vault: Vault) -> Self {
        Self(Arc::new(Inner { ledger, vault: Some(vault), known: Mutex::default() }))
    }

    /// One that nobody here can open.
    pub fn closed(ledger: Arc<dyn Ledger>) -> Self {
        Self(Arc::new(Inner { ledger, vault: None, known: Mutex::default() }))
    }

    /// One of this process, where `ledger` is in its memory.
    pub fn of_process(ledger: Arc<dyn Ledger>) -> Result<Self, AccountsError> {
        let opened = Opened::new(&*draw()?);
        Ok(Self(Arc::new(Inner { ledger, vault: None, known: Mutex::new(Some(Arc::new(opened))) })))
    }

    /// The secret.
    ///
    /// # Errors
    /// [`AccountsError::NoSecret`] where no key was ever made, or when ledger or vault fail or refuse.
    pub async fn open(&self) -> Result<Arc<Opened>, AccountsError> {
        if let Some(known) = self.known() {
            return Ok(known);
        }
        let vault = self.0.vault.as_ref().ok_or(AccountsError::NoSecret)?;
        let entry = self.0.ledger.read(&place()).await?.ok_or(AccountsError::NoSecret)?;
        self.keep(vault, &entry.value).await
    }

    /// The secret, which is made where there is none.
    pub async fn create(&self) -> Result<Arc<Opened>, AccountsError> {
        match self.open().await {
            Err(AccountsError::NoSecret) => {}
            opened => return opened,
        }
        let vault = self.0.vault.as_ref().ok_or(AccountsError::NoSecret)?;
        let wrapped = Bytes::from(vault.wrap(draw()?.as_slice(), CONTEXT).await?);
        match self.0.ledger.insert(&place(), wrapped.clone(), FOREVER).await? {
            Inserted::New(_) => self.keep(vault, &wrapped).await,
            Inserted::Exists(entry) => self.keep(vault, &entry.value).await,
        }
    }

    /// Whether there is one.
    pub async fn exists(&self) -> Result<bool, AccountsError> {
        Ok(self.0.ledger.read(&place()).await?.is_some())
    }

    /// Drops it from memory. What is needed next is read anew.
    pub fn forget(&self) {
        if self.0.vault.is_some() {
            *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn known(&self) -> Option<Arc<Opened>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn keep(&self, vault: &Vault, wrapped: &[u8]) -> Result<Arc<Opened>, AccountsError> {
        let opened = Arc::new(Opened::new(&vault.unwrap(wrapped, CONTEXT).await?));
        *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("known", &self.known().is_some()).finish_non_exhaustive()
    }
}

impl Opened {
    fn new(secret: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |purpose: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, purpose).as_ref());
        Self { pepper: derived(b"pepper"), calls: derived(b"calls"), answers: derived(b"answers") }
    }

    /// What is kept of the key `text`.
    pub fn peppered(&self, text: &str) -> [u8; 32] {
        bytes(&hmac::sign(&self.pepper, text.as_bytes()))
    }

    /// Whether `digest` is what is kept of the key `text`, in a time that tells nothing.
    pub fn is_peppered(&self, text: &str, digest: &[u8]) -> bool {
        hmac::verify(&self.pepper, text.as_bytes(), digest).is_ok()
    }

    /// What names calls, and tells them apart.
    pub fn calls(&self) -> &hmac::Key {
        &self.calls
    }

    /// What the keys are made with under which answers to `tenant` are kept.
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

fn place() -> Key {
    Key::new("ledger", "secret")
}

/// No model can have this name.
const CONTEXT: Context<'static> = Context { model: "(ledger)", key: "secret" };
