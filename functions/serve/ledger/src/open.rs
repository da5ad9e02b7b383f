//! Opens the back end that a location names.

use std::sync::Arc;

use crate::clock::Clock;
use crate::dynamodb::DynamoDbLedger;
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::location::LedgerLocation;
use crate::sqlite::SqliteLedger;

/// Opens the ledger at `location`. DynamoDB is not contacted yet.
///
/// # Errors
/// Why it cannot be opened.
pub async fn open(location: &LedgerLocation) -> Result<Arc<dyn Ledger>, LedgerError> {
    Ok(match location {
        LedgerLocation::Sqlite(path) => Arc::new(SqliteLedger::open(path, Clock::default()).await?),
        LedgerLocation::DynamoDb(table) => Arc::new(DynamoDbLedger::open(table, Clock::default()).await),
    })
}
