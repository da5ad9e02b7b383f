//! Who may call, what, and how much: tenants, their API keys, limits and budgets, and what calls cost.
//!
//! All of it stands in the [ledger](crate::ledger). [`Accounts`] is for whoever administers it; functions find callers in what they
//! keep of it in memory, so that a call asks the ledger for nothing that was asked within a minute.

mod account;
mod accounts;
mod authority;
mod cached;
mod directory;
mod error;
pub(crate) mod iam;
mod key;
mod limit;
mod money;
pub mod oidc;
mod price;
mod secret;
mod signed;
mod tenant;

use std::time::SystemTime;

pub(crate) use self::account::Account;
pub use self::accounts::{Accounts, KeyTerms, SignedRecords};
pub(crate) use self::directory::Directory;
pub use self::error::AccountsError;
pub use self::key::{KeyId, KeyIdError, KeyRecord, Routes, Scope};
pub use self::limit::{Limit, LimitError, Of, Per};
pub use self::money::{Money, MoneyError};
pub use self::price::Price;
pub use self::tenant::{Standing, Tenant, TenantName, TenantNameError};

/// Seconds since 1970 (UTC), as records count time.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}
