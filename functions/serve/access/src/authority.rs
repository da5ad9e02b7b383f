//! The authority of a ledger: an Ed25519 key with which those who administer it sign its tenants, keys and prices.
//!
//! The private half is in the ledger, wrapped by the vault for a context that functions may not unwrap; the public half is beside it,
//! wrapped for one that they may. So a function can verify a record and make none, and who can write the ledger but not wrap with the
//! vault's key can put no other public half in place. A key in a file wraps and unwraps everything, for whoever can read the file.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use amaas_wire::dsse::{SigningKey, VerifyingKey};
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::error::AccountsError;
use amaas_ledger::{FOREVER, Inserted, Key, Ledger};
use amaas_store::vault::{Context, Vault, VaultError};

/// The authority, read when it is first needed. Cheap to clone.
#[derive(Clone)]
pub(super) struct Authority(Arc<Inner>);

struct Inner {
    ledger: Arc<dyn Ledger>,
    /// `None` where the key is this process's own, or closed to it.
    vault: Option<Vault>,
    known: Mutex<Known>,
}

#[derive(Clone, Default)]
struct Known {
    verifier: Option<VerifyingKey>,
    signer: Option<SigningKey>,
}

impl Authority {
    /// The one in `ledger`, which `vault` unwraps.
    pub(super) fn new(ledger: Arc<dyn Ledger>, vault: Option<Vault>) -> Self {
        Self(Arc::new(Inner { ledger, vault, known: Mutex::default() }))
    }

    /// One of this process, where `ledger` is in its memory.
    pub(super) fn of_process(ledger: Arc<dyn Ledger>) -> Result<Self, AccountsError> {
        let signer = SigningKey::generate().map_err(|_| AccountsError::Random)?;
        let known = Known { verifier: Some(signer.verifying_key()), signer: Some(signer) };
        Ok(Self(Arc::new(Inner { ledger, vault: None, known: Mutex::new(known) })))
    }

    /// Whether there is nothing here to verify records with.
    pub(super) fn is_closed(&self) -> bool {
        self.0.vault.is_none() && self.known().verifier.is_none()
    }

    /// What records are verified with.
    ///
    /// # Errors
    /// [`AccountsError::NotSigned`] where nothing was ever signed, or when ledger or vault fail or refuse.
    pub(super) async fn verifier(&self) -> Result<VerifyingKey, AccountsError> {
        if let Some(verifier) = self.known().verifier {
            return Ok(verifier);
        }
        let entry = self.0.ledger.read(&place(VERIFIER)).await?.ok_or(AccountsError::NotSigned)?;
        self.keep(&entry.value).await
    }

    /// What records are signed with, where it is there already.
    ///
    /// # Errors
    /// As [`verifier`](Self::verifier), and when the vault refuses, as it does to functions.
    pub(super) async fn signer(&self) -> Result<SigningKey, AccountsError> {
        if let Some(signer) = self.known().signer {
            return Ok(signer);
        }
        let verifier = self.verifier().await?;
        let entry = self.0.ledger.read(&place(AUTHORITY)).await?.ok_or(AccountsError::OtherAuthority)?;
        let signer = self.unwrap_signer(&entry.value).await?;
        if signer.verifying_key() != verifier {
            return Err(AccountsError::OtherAuthority);
        }
        self.with(|known| known.signer = Some(signer.clone()));
        Ok(signer)
    }

    /// The private half, made where there is none. Nothing is verified with it before it was [published](Self::publish).
    pub(super) async fn draw(&self) -> Result<SigningKey, AccountsError> {
        if let Some(entry) = self.0.ledger.read(&place(AUTHORITY)).await? {
            return self.unwrap_signer(&entry.value).await;
        }
        let signer = SigningKey::generate().map_err(|_| AccountsError::Random)?;
        let wrapped = self.vault()?.wrap(signer.to_bytes().as_slice(), context(AUTHORITY)).await?;
        match self.0.ledger.insert(&place(AUTHORITY), wrapped.into(), FOREVER).await? {
            Inserted::New(_) => Ok(signer),
            Inserted::Exists(entry) => self.unwrap_signer(&entry.value).await,
        }
    }

    /// Has records verified with the public half of `signer`, from now on.
    pub(super) async fn publish(&self, signer: &SigningKey) -> Result<(), AccountsError> {
        let verifier = signer.verifying_key();
        let wrapped = Bytes::from(self.vault()?.wrap(&verifier.to_bytes(), context(VERIFIER)).await?);
        let kept = match self.0.ledger.insert(&place(VERIFIER), wrapped.clone(), FOREVER).await? {
            Inserted::New(_) => self.keep(&wrapped).await?,
            Inserted::Exists(entry) => self.keep(&entry.value).await?,
        };
        if kept == verifier { Ok(()) } else { Err(AccountsError::OtherAuthority) }
    }

    /// Drops it from memory. What is needed next is read anew.
    pub(super) fn forget(&self) {
        if self.0.vault.is_some() {
            self.with(|known| *known = Known::default());
        }
    }

    async fn keep(&self, wrapped: &[u8]) -> Result<VerifyingKey, AccountsError> {
        let bytes = self.vault()?.unwrap(wrapped, context(VERIFIER)).await?;
        let verifier = <[u8; 32]>::try_from(bytes.as_slice()).ok().and_then(|it| VerifyingKey::from_bytes(&it).ok());
        let verifier = verifier.ok_or_else(|| malformed(VERIFIER))?;
        self.with(|known| known.verifier = Some(verifier));
        Ok(verifier)
    }

    async fn unwrap_signer(&self, wrapped: &[u8]) -> Result<SigningKey, AccountsError> {
        let bytes = self.vault()?.unwrap(wrapped, context(AUTHORITY)).await?;
        let seed = <[u8; 32]>::try_from(bytes.as_slice()).map(Zeroizing::new);
        seed.map(|seed| SigningKey::from_bytes(&seed)).map_err(|_| malformed(AUTHORITY))
    }

    fn vault(&self) -> Result<&Vault, AccountsError> {
        self.0.vault.as_ref().ok_or(AccountsError::NoVault)
    }

    fn known(&self) -> Known {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.0.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("verifier", &self.known().verifier).finish_non_exhaustive()
    }
}

fn malformed(key: &str) -> AccountsError {
    let (model, key, cause) = (MODEL.to_owned(), key.to_owned(), "it is no Ed25519 key".to_owned());
    VaultError::Refused { model, key, cause }.into()
}

fn place(name: &str) -> Key {
    Key::new("ledger", name)
}

fn context(key: &str) -> Context<'_> {
    Context { model: MODEL, key }
}

/// No model can have this name.
const MODEL: &str = "(ledger)";
/// The private half: functions have no right to unwrap it.
const AUTHORITY: &str = "authority";
/// The public half.
const VERIFIER: &str = "verifier";
