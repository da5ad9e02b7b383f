//! Opens the back end that a location names.

use std::sync::Arc;

#[cfg(any(feature = "dynamodb", feature = "sqlite"))]
use crate::clock::Clock;
#[cfg(feature = "dynamodb")]
use crate::dynamodb::DynamoDb;
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::location::LedgerLocation;
#[cfg(feature = "sqlite")]
use crate::sqlite::Sqlite;

/// Opens the ledger at `location`. Nothing is asked of DynamoDB yet.
///
/// # Errors
/// Why it cannot be opened.
pub async fn open(location: &LedgerLocation) -> Result<Arc<dyn Ledger>, LedgerError> {
    match location {
        #[cfg(feature = "sqlite")]
        LedgerLocation::Sqlite(path) => Ok(Arc::new(Sqlite::open(path, Clock::default()).await?)),
        #[cfg(feature = "dynamodb")]
        LedgerLocation::DynamoDb(table) => Ok(Arc::new(DynamoDb::open(table, Clock::default()).await)),
        #[cfg(not(all(feature = "dynamodb", feature = "sqlite")))]
        other => Err(LedgerError::NotBuilt { feature: other.feature() }),
    }
}
