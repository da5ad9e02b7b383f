//! Counters: items with a number that is added to in one step, on conditions.

use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::{ATTEMPTS, DynamoDb, Item, PARTITION, SORT, is_refused, number, text};
use crate::counter::{Count, Counted};
use crate::entry::Key;
use crate::error::LedgerError;

impl DynamoDb {
    /// Adds to a counter: in one update where it is there and above its floor, which most are.
    pub(super) async fn add_to_counter(&self, key: &Key, count: Count) -> Result<Counted, LedgerError> {
        let Count { amount, floor, ceiling, lives } = count;
        let value = |name: &str, value: i64| (name.to_owned(), AttributeValue::N(value.to_string()));
        let end = (":end".to_owned(), number(self.end(lives)));
        let now = || (":now".to_owned(), self.now());
        for _ in 0..ATTEMPTS {
            // What most counters are: there, and above their floor.
            let room = ceiling.saturating_sub(amount);
            let values = [value(":amount", amount), value(":floor", floor), value(":room", room), end.clone(), now()];
            let condition = "n >= :floor AND n <= :room AND expires > :now";
            let add = "SET n = n + :amount, expires = :end";
            // What is given back twice would be there for somebody.
            let tries = if amount < 0 { Tries::One } else { Tries::Several };
            match self.set_counter(key, add, condition, values.into(), tries).await? {
                Setting::Done(sum) => return sum.map(Counted::Now).ok_or_else(|| self.no_counter()),
                Setting::Refused => {}
            }
            let stands = self.counter(key).await?.filter(|stands| *stands >= floor);
            let sum = match count.on(stands) {
                // It was added to, or ended, since the first look.
                Counted::Now(_) if stands.is_some() => continue,
                Counted::Now(sum) => sum,
                full @ Counted::Full(_) => return Ok(full),
            };
            let values = [value(":sum", sum), value(":floor", floor), end.clone(), now()];
            let condition = "attribute_not_exists(n) OR n < :floor OR expires <= :now";
            if let Setting::Done(_) =
                self.set_counter(key, "SET n = :sum, expires = :end", condition, values.into(), Tries::Several).await?
            {
                return Ok(Counted::Now(sum));
            }
        }
        let cause = format!("others were faster to change a counter, {ATTEMPTS} times");
        Err(LedgerError::Unreachable { ledger: self.name(), cause })
    }

    /// Sets a counter on a condition; what stands there instead, where it does not hold.
    async fn set_counter(
        &self,
        key: &Key,
        set: &str,
        condition: &str,
        values: Item,
        tries: Tries,
    ) -> Result<Setting, LedgerError> {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key(PARTITION, text(key.partition())).key(SORT, text(key.sort()));
        let update = update.update_expression(set).condition_expression(condition);
        let update = update.set_expression_attribute_values(Some(values)).return_values(ReturnValue::AllNew);
        let answer = match tries {
            Tries::Several => update.send().await,
            Tries::One => {
                let once = Builder::new().retry_config(RetryConfig::disabled());
                update.customize().config_override(once).send().await
            }
        };
        match answer {
            Ok(updated) => Ok(Setting::Done(updated.attributes.as_ref().and_then(counter))),
            Err(error) if is_refused(&error) => Ok(Setting::Refused),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// What a counter stands at, where it has not ended.
    async fn counter(&self, key: &Key) -> Result<Option<i64>, LedgerError> {
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

/// How often something is sent where no answer comes.
#[derive(Clone, Copy)]
enum Tries {
    One,
    Several,
}

/// What became of the setting of a counter.
enum Setting {
    /// It stands at this.
    Done(Option<i64>),
    Refused,
}

/// What the counter in `item` stands at.
fn counter(item: &Item) -> Option<i64> {
    item.get(COUNTER)?.as_n().ok()?.parse().ok()
}

const COUNTER: &str = "n";
