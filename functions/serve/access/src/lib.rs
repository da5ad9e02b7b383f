//! Access: tenants, API keys and their scopes, OIDC, IAM, limits, budgets, prices and metering.
//!
//! The records are in the [ledger](amaas_ledger). Operators change them through [`Accounts`]. Functions read them through a
//! [`Directory`], which caches them, so that a call reads nothing from the ledger that was read within a minute.

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
pub use self::key::{KeyId, KeyIdError, KeyRecord, KeyScope, RouteScope};
pub use self::limit::{Limit, LimitDimension, LimitError, LimitPeriod};
pub use self::money::{Money, MoneyError};
pub use self::price::Price;
pub use self::refreshing::{FetchTimeout, OnMiss, RefreshPolicy, Refreshing};
pub use self::tenant::{Tenant, TenantName, TenantNameError, TenantStatus};
pub use self::time::now;
