//! Who may call, what, and how much: tenants, their API keys, limits and budgets, and what calls cost.
//!
//! All of it stands in the [ledger](amaas_ledger). [`Accounts`] is for whoever administers it; functions find callers in what they
//! keep of it in memory, so that a call asks the ledger for nothing that was asked within a minute.

mod access_error;
mod account;
mod accounts;
mod authority;
mod directory;
mod error;
pub mod iam;
mod key;
mod limit;
pub mod meter;
mod money;
pub mod oidc;
mod price;
pub mod quota;
mod refreshing;
mod secret;
mod signed;
mod tenant;
mod time;

pub use self::access_error::AccessError;
pub use self::account::Account;
pub use self::accounts::{Accounts, KeyTerms, SignedRecords};
pub use self::directory::Directory;
pub use self::error::AccountsError;
pub use self::key::{KeyId, KeyIdError, KeyRecord, Routes, Scope};
pub use self::limit::{Limit, LimitError, Of, Per};
pub use self::money::{Money, MoneyError};
pub use self::price::Price;
pub use self::refreshing::{FetchTimeout, OnMiss, RefreshPolicy, Refreshing};
pub use self::tenant::{Standing, Tenant, TenantName, TenantNameError};
pub use self::time::now;
