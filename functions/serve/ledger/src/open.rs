//! Opens the back end that a location names.

use std::sync::Arc;

use crate::clock::Clock;
use crate::dynamodb::DynamoDb;
use crate::error::LedgerError;
use crate::ledger::Ledger;
use crate::location::LedgerLocation;
use crate::sqlite::Sqlite;

/// Opens the ledger at `location`. Nothing is asked of DynamoDB yet.
///
/// # Errors
/// Why it cannot be opened.
pub async fn open(location: &LedgerLocation) -> Result<Arc<dyn Ledger>, LedgerError> {
    Ok(match location {
        LedgerLocation::Sqlite(path) => Arc::new(Sqlite::open(path, Clock::default()).await?),
        LedgerLocation::DynamoDb(table) => Arc::new(DynamoDb::open(table, Clock::default()).await),
    })
}
