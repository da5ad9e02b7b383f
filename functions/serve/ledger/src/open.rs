//! Opens the back end that a location names.

use std::sync::Arc;

#[cfg(any(feature = "dynamodb", feature = "sqlite"))]
use crate::clock::Clock;
#[cfg(feature = "dynamodb")]
use crate::dynamodb::DynamoDbLedger;
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::location::LedgerLocation;
#[cfg(feature = "sqlite")]
use crate::sqlite::SqliteLedger;

/// Opens the ledger at `location`. DynamoDB is not contacted yet.
///
/// # Errors
/// Why it cannot be opened.
pub async fn open(location: &LedgerLocation) -> Result<Arc<dyn Ledger>, LedgerError> {
    match location {
        #[cfg(feature = "sqlite")]
        LedgerLocation::Sqlite(path) => Ok(Arc::new(SqliteLedger::open(path, Clock::default()).await?)),
        #[cfg(feature = "dynamodb")]
        LedgerLocation::DynamoDb(table) => Ok(Arc::new(DynamoDbLedger::open(table, Clock::default()).await)),
        #[cfg(not(all(feature = "dynamodb", feature = "sqlite")))]
        other => Err(LedgerError::NotBuilt { feature: other.feature() }),
    }
}
