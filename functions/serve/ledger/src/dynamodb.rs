//! A ledger in a table of DynamoDB: for functions that run in many places.
//!
//! The table has the keys `pk` and `sk`, both strings, and `expires` as its time to live, in seconds since 1970. DynamoDB takes ended
//! items away within days, so each condition asks for the end as well. Nothing here scans: items are read by name, or in order within one
//! partition.

mod counter;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, ReturnValuesOnConditionCheckFailure, WriteRequest};
use bytes::Bytes;

use crate::clock::Clock;
use crate::counter::{Count, Counted};
use crate::entry::{Entry, Key, Listed, Revision, Write};
use crate::error::LedgerError;
use crate::ledger::{Inserted, Ledger, bounded};

/// Entries in a table.
#[derive(Clone, Debug)]
pub struct DynamoDb {
    client: Client,
    table: String,
    clock: Clock,
}

type Item = HashMap<String, AttributeValue>;

impl DynamoDb {
    /// The table called `table`, reached as the environment says. Nothing is asked of it yet.
    pub async fn open(table: &str, clock: Clock) -> Self {
        // A call waits for the ledger, so what takes long is given up and tried again soon.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(1))
            .operation_timeout(Duration::from_secs(3))
            .build();
        let retry = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(25));
        let loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(retry).timeout_config(timeouts);
        Self::new(Client::new(&loader.load().await), table, clock)
    }

    /// The table called `table`, reached through `client`.
    pub fn new(client: Client, table: &str, clock: Clock) -> Self {
        Self { client, table: table.to_owned(), clock }
    }

    /// Puts an item on a condition.
    async fn put(&self, item: Put<'_>) -> Result<Putting, LedgerError> {
        let Put { key, value, revision, lives, condition } = item;
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(self.item(key, &value, revision, lives)));
        let put = condition.on(put.expression_attribute_values(":now", self.now()));
        let put =
            put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld).send().await;
        let Err(error) = put else { return Ok(Putting::Written) };
        let refused = error.as_service_error().filter(|error| error.is_conditional_check_failed_exception());
        let Some(refused) = refused else { return Err(self.failed(&error)) };
        let entry = match refused {
            aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) => {
                refused.item().map(|item| self.entry(item)).transpose()?
            }
            _ => None,
        };
        match entry {
            // The answer to an earlier attempt was lost.
            Some(entry) if entry.revision == revision => Ok(Putting::Written),
            entry => Ok(Putting::Refused(entry)),
        }
    }

    fn item(&self, key: &Key, value: &[u8], revision: Revision, lives: Duration) -> Item {
        let attributes = [
            (PARTITION, text(key.partition())),
            (SORT, text(key.sort())),
            (VALUE, AttributeValue::B(Blob::new(value))),
            (REVISION, number(revision.number())),
            (EXPIRES, number(self.end(lives))),
        ];
        attributes.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Puts items, [`BATCH`] at most, until none is left over: DynamoDB takes some of a batch where it has no room for all.
    async fn put_all(&self, items: Vec<Item>) -> Result<(), LedgerError> {
        let request = |item| {
            // It can fail only where there is no item.
            let put = PutRequest::builder().set_item(Some(item)).build().ok()?;
            Some(WriteRequest::builder().put_request(put).build())
        };
        let mut left: Vec<_> = items.into_iter().filter_map(request).collect();
        for attempt in 0..ATTEMPTS {
            let write = self.client.batch_write_item().request_items(&self.table, left).send().await;
            let unprocessed = write.map_err(|error| self.failed(&error))?.unprocessed_items;
            left = unprocessed.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(FIRST_PAUSE * (1 << attempt)).await;
        }
        let cause = format!("it left {} entries of a batch unwritten {ATTEMPTS} times", left.len());
        Err(LedgerError::Unreachable { ledger: self.name(), cause })
    }

    fn is_alive(&self, item: &Item) -> bool {
        let end = item.get(EXPIRES).and_then(|end| end.as_n().ok()?.parse().ok()).unwrap_or(0);
        end > self.clock.now().as_secs()
    }

    fn entry(&self, item: &Item) -> Result<Entry, LedgerError> {
        let value = item.get(VALUE).and_then(|value| value.as_b().ok());
        let revision = item.get(REVISION).and_then(|number| number.as_n().ok()?.parse().ok());
        let (Some(value), Some(revision)) = (value, revision) else {
            let cause = format!("an item has no binary {VALUE:?} or no number {REVISION:?}");
            return Err(LedgerError::Format { ledger: self.name(), cause });
        };
        Ok(Entry { value: Bytes::copy_from_slice(value.as_ref()), revision: Revision::from_number(revision) })
    }

    fn now(&self) -> AttributeValue {
        number(self.clock.now().as_secs())
    }

    /// The second in which an entry that lives for `lives` has ended.
    fn end(&self, lives: Duration) -> u64 {
        (self.clock.now() + lives).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
    }

    fn failed<E>(&self, error: &SdkError<E>) -> LedgerError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let service = error.as_service_error();
        let code = service.and_then(ProvideErrorMetadata::code);
        let cause = match (service, code) {
            (Some(service), Some(code)) => format!("{code}: {}", service.message().unwrap_or("no message")),
            _ => DisplayErrorContext(error).to_string(),
        };
        let ledger = self.name();
        match code {
            Some(
                "AccessDeniedException"
                | "ResourceNotFoundException"
                | "UnrecognizedClientException"
                | "ValidationException",
            ) => LedgerError::Denied { ledger, cause },
            _ => LedgerError::Unreachable { ledger, cause },
        }
    }

    fn name(&self) -> String {
        format!("the ledger in table {}", self.table)
    }
}

#[async_trait]
impl Ledger for DynamoDb {
    async fn read(&self, key: &Key) -> Result<Option<Entry>, LedgerError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key(PARTITION, text(key.partition())).key(SORT, text(key.sort())).send().await;
        let Some(item) = get.map_err(|error| self.failed(&error))?.item else { return Ok(None) };
        if self.is_alive(&item) { self.entry(&item).map(Some) } else { Ok(None) }
    }

    async fn insert(&self, key: &Key, value: Bytes, lives: Duration) -> Result<Inserted, LedgerError> {
        bounded(&value)?;
        let revision = Revision::draw()?;
        let put = Put { key, value, revision, lives, condition: Condition::NoneThere };
        match self.put(put).await? {
            Putting::Written => Ok(Inserted::New(revision)),
            Putting::Refused(Some(entry)) => Ok(Inserted::Exists(entry)),
            Putting::Refused(None) => {
                let cause = "an entry ended while it was looked at".to_owned();
                let ended = LedgerError::Unreachable { ledger: self.name(), cause };
                self.read(key).await?.map(Inserted::Exists).ok_or(ended)
            }
        }
    }

    async fn replace(
        &self,
        key: &Key,
        revision: Revision,
        value: Bytes,
        lives: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        bounded(&value)?;
        let new = Revision::draw()?;
        let put = Put { key, value, revision: new, lives, condition: Condition::Is(revision) };
        Ok(matches!(self.put(put).await?, Putting::Written).then_some(new))
    }

    async fn extend(&self, key: &Key, revision: Revision, lives: Duration) -> Result<bool, LedgerError> {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key(PARTITION, text(key.partition())).key(SORT, text(key.sort()));
        let update = update.update_expression("SET expires = :end").condition_expression(IS);
        let update = update.expression_attribute_values(":end", number(self.end(lives)));
        let update = update.expression_attribute_values(":revision", number(revision.number()));
        match update.expression_attribute_values(":now", self.now()).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn remove(&self, key: &Key, revision: Revision) -> Result<bool, LedgerError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key(PARTITION, text(key.partition())).key(SORT, text(key.sort())).condition_expression(IS);
        let delete = delete.expression_attribute_values(":revision", number(revision.number()));
        match delete.expression_attribute_values(":now", self.now()).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn write(&self, writes: &[Write]) -> Result<(), LedgerError> {
        writes.iter().try_for_each(|write| bounded(&write.value))?;
        // A batch names each item once, and the last write of a name is the one that stands.
        let last: BTreeMap<&Key, &Write> = writes.iter().map(|write| (&write.key, write)).collect();
        let mut items = Vec::with_capacity(last.len());
        for write in last.into_values() {
            items.push(self.item(&write.key, &write.value, Revision::draw()?, write.lives));
        }
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(BATCH));
            self.put_all(std::mem::replace(&mut items, rest)).await?;
        }
        Ok(())
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<Listed>, LedgerError> {
        let (mut listed, mut start) = (Vec::new(), None);
        loop {
            let query = self.client.query().table_name(&self.table).consistent_read(true);
            let query = query.limit(i32::try_from(limit - listed.len()).unwrap_or(i32::MAX));
            let query = query.expression_attribute_values(":pk", text(partition)).set_exclusive_start_key(start);
            let query = match after {
                "" => query.key_condition_expression("pk = :pk"),
                after => query
                    .key_condition_expression("pk = :pk AND sk > :after")
                    .expression_attribute_values(":after", text(after)),
            };
            let page = query.send().await.map_err(|error| self.failed(&error))?;
            for item in page.items.iter().flatten().filter(|item| self.is_alive(item)) {
                let sort = item.get(SORT).and_then(|sort| sort.as_s().ok()).cloned().unwrap_or_default();
                listed.push(Listed { sort, entry: self.entry(item)? });
            }
            start = page.last_evaluated_key;
            if start.is_none() || listed.len() >= limit {
                return Ok(listed);
            }
        }
    }

    async fn count(&self, key: &Key, count: Count) -> Result<Counted, LedgerError> {
        self.add_to_counter(key, count).await
    }
}

struct Put<'a> {
    key: &'a Key,
    value: Bytes,
    revision: Revision,
    lives: Duration,
    condition: Condition,
}

/// What has to be so for an item to be put.
enum Condition {
    NoneThere,
    Is(Revision),
}

impl Condition {
    fn on(self, put: PutItemFluentBuilder) -> PutItemFluentBuilder {
        match self {
            Self::NoneThere => put.condition_expression("attribute_not_exists(pk) OR expires <= :now"),
            Self::Is(revision) => {
                put.condition_expression(IS).expression_attribute_values(":revision", number(revision.number()))
            }
        }
    }
}

/// What became of a put.
enum Putting {
    Written,
    /// The condition did not hold, because of this entry where it was told.
    Refused(Option<Entry>),
}

fn is_refused<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ConditionalCheckFailedException")
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

const PARTITION: &str = "pk";
const SORT: &str = "sk";
const EXPIRES: &str = "expires";
/// No words that DynamoDB keeps for itself.
const VALUE: &str = "val";
const REVISION: &str = "rev";
/// The most that one batch writes.
const BATCH: usize = 25;
/// How often what others or a lack of room prevented is tried.
const ATTEMPTS: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const IS: &str = "rev = :revision AND expires > :now";
