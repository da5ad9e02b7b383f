//! Counters: items with a number that is incremented atomically, on conditions.

use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::{DynamoDbItem, DynamoDbLedger, MAX_ATTEMPTS, PARTITION, SORT, is_refused, number, text};
use crate::counter::{CounterOutcome, CounterUpdate};
use crate::entry::LedgerKey;
use crate::error::LedgerError;

impl DynamoDbLedger {
    /// Increments a counter: in one update if it exists and is above its floor, as most are.
    pub(super) async fn add_to_counter(
        &self,
        key: &LedgerKey,
        count: CounterUpdate,
    ) -> Result<CounterOutcome, LedgerError> {
        let CounterUpdate { amount, floor, ceiling, ttl } = count;
        let value = |name: &str, value: i64| (name.to_owned(), AttributeValue::N(value.to_string()));
        let end = (":end".to_owned(), number(self.end(ttl)));
        let now = || (":now".to_owned(), self.now());
        for _ in 0..MAX_ATTEMPTS {
            // Most counters exist and are above their floor.
            let room = ceiling.saturating_sub(amount);
            let values = [value(":amount", amount), value(":floor", floor), value(":room", room), end.clone(), now()];
            let condition = "n >= :floor AND n <= :room AND expires > :now";
            let add = "SET n = n + :amount, expires = :end";
            // An amount that is returned twice would be granted twice.
            let retries = if amount < 0 { RetryMode::Never } else { RetryMode::Standard };
            match self.set_counter(key, add, condition, values.into(), retries).await? {
                CounterWrite::Written(sum) => return sum.map(CounterOutcome::Now).ok_or_else(|| self.no_counter()),
                CounterWrite::Refused => {}
            }
            let current = self.counter(key).await?.filter(|current| *current >= floor);
            let sum = match count.on(current) {
                // It was incremented or expired since the first read.
                CounterOutcome::Now(_) if current.is_some() => continue,
                CounterOutcome::Now(sum) => sum,
                full @ CounterOutcome::Full(_) => return Ok(full),
            };
            let values = [value(":sum", sum), value(":floor", floor), end.clone(), now()];
            let condition = "attribute_not_exists(n) OR n < :floor OR expires <= :now";
            if let CounterWrite::Written(_) = self
                .set_counter(key, "SET n = :sum, expires = :end", condition, values.into(), RetryMode::Standard)
                .await?
            {
                return Ok(CounterOutcome::Now(sum));
            }
        }
        let cause = format!("a counter was changed by other processes {MAX_ATTEMPTS} times");
        Err(LedgerError::Unreachable { ledger: self.name(), cause })
    }

    /// Sets a counter on a condition; returns the present value if the condition fails.
    async fn set_counter(
        &self,
        key: &LedgerKey,
        set: &str,
        condition: &str,
        values: DynamoDbItem,
        retries: RetryMode,
    ) -> Result<CounterWrite, LedgerError> {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key(PARTITION, text(key.partition())).key(SORT, text(key.sort()));
        let update = update.update_expression(set).condition_expression(condition);
        let update = update.set_expression_attribute_values(Some(values)).return_values(ReturnValue::AllNew);
        let answer = match retries {
            RetryMode::Standard => update.send().await,
            RetryMode::Never => {
                let once = Builder::new().retry_config(RetryConfig::disabled());
                update.customize().config_override(once).send().await
            }
        };
        match answer {
            Ok(updated) => Ok(CounterWrite::Written(updated.attributes.as_ref().and_then(counter))),
            Err(error) if is_refused(&error) => Ok(CounterWrite::Refused),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The value of a counter that has not expired.
    async fn counter(&self, key: &LedgerKey) -> Result<Option<i64>, LedgerError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key(PARTITION, text(key.partition())).key(SORT, text(key.sort())).send().await;
        let item = get.map_err(|error| self.failed(&error))?.item;
        Ok(item.filter(|item| self.is_alive(item)).as_ref().and_then(counter))
    }

    fn no_counter(&self) -> LedgerError {
        let cause = format!("an item has no number {COUNTER:?}");
        LedgerError::Format { ledger: self.name(), cause }
    }
}

/// Whether a request without a response is retried.
#[derive(Clone, Copy)]
enum RetryMode {
    Never,
    Standard,
}

/// The outcome of setting a counter.
enum CounterWrite {
    /// The counter has this value.
    Written(Option<i64>),
    Refused,
}

/// The value of the counter in `item`.
fn counter(item: &DynamoDbItem) -> Option<i64> {
    item.get(COUNTER)?.as_n().ok()?.parse().ok()
}

const COUNTER: &str = "n";
