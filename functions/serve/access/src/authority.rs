//! The authority of a ledger: an Ed25519 key with which operators sign its tenants, keys and prices.
//!
//! The private half is in the ledger, wrapped by the vault for a context that functions may not unwrap. The public half is beside it,
//! wrapped for a context that they may unwrap. So a function can verify records and forge none, and a ledger writer without the vault's
//! key cannot replace the public half. A key in a file wraps and unwraps everything for every reader of the file.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use amaas_wire::dsse::{SigningKey, VerifyingKey};
use bytes::Bytes;
use zeroize::Zeroizing;

use crate::error::AccountsError;
use amaas_ledger::{InsertOutcome, Ledger, LedgerKey, NO_EXPIRY};
use amaas_store::vault::{EncryptionContext, Vault, VaultError};

/// The authority, read on first use. Cheap to clone.
#[derive(Clone)]
pub(super) struct Authority(Arc<AuthorityInner>);

struct AuthorityInner {
    ledger: Arc<dyn Ledger>,
    /// `None` if the key exists in this process only, or is not available to it.
    vault: Option<Vault>,
    known: Mutex<AuthorityKeys>,
}

#[derive(Clone, Default)]
struct AuthorityKeys {
    verifier: Option<VerifyingKey>,
    signer: Option<SigningKey>,
}

impl Authority {
    /// The one in `ledger`, which `vault` unwraps.
    pub(super) fn new(ledger: Arc<dyn Ledger>, vault: Option<Vault>) -> Self {
        Self(Arc::new(AuthorityInner { ledger, vault, known: Mutex::default() }))
    }

    /// An authority of this process, for a ledger in its memory.
    pub(super) fn of_process(ledger: Arc<dyn Ledger>) -> Result<Self, AccountsError> {
        let signer = SigningKey::generate().map_err(|_| AccountsError::Random)?;
        let known = AuthorityKeys { verifier: Some(signer.verifying_key()), signer: Some(signer) };
        Ok(Self(Arc::new(AuthorityInner { ledger, vault: None, known: Mutex::new(known) })))
    }

    /// Whether records cannot be verified here.
    pub(super) fn is_closed(&self) -> bool {
        self.0.vault.is_none() && self.known().verifier.is_none()
    }

    /// The key that verifies records.
    ///
    /// # Errors
    /// [`AccountsError::NotSigned`] if nothing was ever signed, or an error of ledger or vault.
    pub(super) async fn verifier(&self) -> Result<VerifyingKey, AccountsError> {
        if let Some(verifier) = self.known().verifier {
            return Ok(verifier);
        }
        let entry = self.0.ledger.read(&place(VERIFIER)).await?.ok_or(AccountsError::NotSigned)?;
        self.keep(&entry.value).await
    }

    /// The key that signs records, if it exists.
    ///
    /// # Errors
    /// As [`verifier`](Self::verifier), and if the vault refuses, as it does for functions.
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

    /// The private half, created if there is none. Records are verified with it after it is [published](Self::publish).
    pub(super) async fn draw(&self) -> Result<SigningKey, AccountsError> {
        if let Some(entry) = self.0.ledger.read(&place(AUTHORITY)).await? {
            return self.unwrap_signer(&entry.value).await;
        }
        let signer = SigningKey::generate().map_err(|_| AccountsError::Random)?;
        let wrapped = self.vault()?.wrap(signer.to_bytes().as_slice(), context(AUTHORITY)).await?;
        match self.0.ledger.insert(&place(AUTHORITY), wrapped.into(), NO_EXPIRY).await? {
            InsertOutcome::New(_) => Ok(signer),
            InsertOutcome::Exists(entry) => self.unwrap_signer(&entry.value).await,
        }
    }

    /// Publishes the public half of `signer`: records are verified with it from now on.
    pub(super) async fn publish(&self, signer: &SigningKey) -> Result<(), AccountsError> {
        let verifier = signer.verifying_key();
        let wrapped = Bytes::from(self.vault()?.wrap(&verifier.to_bytes(), context(VERIFIER)).await?);
        let kept = match self.0.ledger.insert(&place(VERIFIER), wrapped.clone(), NO_EXPIRY).await? {
            InsertOutcome::New(_) => self.keep(&wrapped).await?,
            InsertOutcome::Exists(entry) => self.keep(&entry.value).await?,
        };
        if kept == verifier { Ok(()) } else { Err(AccountsError::OtherAuthority) }
    }

    /// Drops the keys from memory. They are read again on next use.
    pub(super) fn forget(&self) {
        if self.0.vault.is_some() {
            self.with(|known| *known = AuthorityKeys::default());
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

    fn known(&self) -> AuthorityKeys {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with(&self, change: impl FnOnce(&mut AuthorityKeys)) {
        change(&mut self.0.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("verifier", &self.known().verifier).finish_non_exhaustive()
    }
}

fn malformed(key: &str) -> AccountsError {
    let (model, key, cause) = (MODEL.to_owned(), key.to_owned(), "it is not an Ed25519 key".to_owned());
    VaultError::Refused { model, key, cause }.into()
}

fn place(name: &str) -> LedgerKey {
    LedgerKey::new("ledger", name)
}

fn context(key: &str) -> EncryptionContext<'_> {
    EncryptionContext { model: MODEL, key }
}

/// Not a valid model name, so no model's secrets share the context.
const MODEL: &str = "(ledger)";
/// The private half: functions have no right to unwrap it.
const AUTHORITY: &str = "authority";
/// The public half.
const VERIFIER: &str = "verifier";
