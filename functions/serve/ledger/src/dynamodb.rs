//! A ledger in a DynamoDB table, for functions that run on several machines.
//!
//! The table has the keys `pk` and `sk`, both strings, and `expires` as its time to live, in seconds since 1970. DynamoDB removes expired
//! items within days, so each condition checks the expiry as well. No operation scans: items are read by name, or in order within one
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
use crate::counter::{CounterOutcome, CounterUpdate};
use crate::entry::{LedgerEntry, LedgerKey, LedgerWrite, ListedEntry, Revision};
use crate::error::LedgerError;
use crate::ledger::{InsertOutcome, Ledger, bounded};

/// A ledger in a table.
#[derive(Clone, Debug)]
pub struct DynamoDbLedger {
    client: Client,
    table: String,
    clock: Clock,
}

type DynamoDbItem = HashMap<String, AttributeValue>;

impl DynamoDbLedger {
    /// The table `table`, with region and credentials from the environment. It is not contacted yet.
    pub async fn open(table: &str, clock: Clock) -> Self {
        // A call waits for the ledger, so attempts time out early and are repeated.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(1))
            .operation_timeout(Duration::from_secs(3))
            .build();
        let retry = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(25));
        let loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(retry).timeout_config(timeouts);
        Self::new(Client::new(&loader.load().await), table, clock)
    }

    /// The table `table`, reached through `client`.
    pub fn new(client: Client, table: &str, clock: Clock) -> Self {
        Self { client, table: table.to_owned(), clock }
    }

    /// Puts an item on a condition.
    async fn put(&self, item: ConditionalPut<'_>) -> Result<PutOutcome, LedgerError> {
        let ConditionalPut { key, value, revision, ttl, condition } = item;
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(self.item(key, &value, revision, ttl)));
        let put = condition.on(put.expression_attribute_values(":now", self.now()));
        let put =
            put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld).send().await;
        let Err(error) = put else { return Ok(PutOutcome::Written) };
        let refused = error.as_service_error().filter(|error| error.is_conditional_check_failed_exception());
        let Some(refused) = refused else { return Err(self.failed(&error)) };
        let entry = match refused {
            aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(refused) => {
                refused.item().map(|item| self.entry(item)).transpose()?
            }
            _ => None,
        };
        match entry {
            // The response to an earlier attempt was lost.
            Some(entry) if entry.revision == revision => Ok(PutOutcome::Written),
            entry => Ok(PutOutcome::Refused(entry)),
        }
    }

    fn item(&self, key: &LedgerKey, value: &[u8], revision: Revision, ttl: Duration) -> DynamoDbItem {
        let attributes = [
            (PARTITION, text(key.partition())),
            (SORT, text(key.sort())),
            (VALUE, AttributeValue::B(Blob::new(value))),
            (REVISION, number(revision.number())),
            (EXPIRES, number(self.end(ttl))),
        ];
        attributes.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Puts items, [`MAX_BATCH`] at most, until none is left: DynamoDB writes part of a batch if it is throttled.
    async fn put_all(&self, items: Vec<DynamoDbItem>) -> Result<(), LedgerError> {
        let request = |item| {
            // It fails only without an item.
            let put = PutRequest::builder().set_item(Some(item)).build().ok()?;
            Some(WriteRequest::builder().put_request(put).build())
        };
        let mut left: Vec<_> = items.into_iter().filter_map(request).collect();
        for attempt in 0..MAX_ATTEMPTS {
            let write = self.client.batch_write_item().request_items(&self.table, left).send().await;
            let unprocessed = write.map_err(|error| self.failed(&error))?.unprocessed_items;
            left = unprocessed.and_then(|mut tables| tables.remove(&self.table)).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(INITIAL_BACKOFF * (1 << attempt)).await;
        }
        let cause = format!("it left {} entries of a batch unwritten {MAX_ATTEMPTS} times", left.len());
        Err(LedgerError::Unreachable { ledger: self.name(), cause })
    }

    fn is_alive(&self, item: &DynamoDbItem) -> bool {
        let end = item.get(EXPIRES).and_then(|end| end.as_n().ok()?.parse().ok()).unwrap_or(0);
        end > self.clock.now().as_secs()
    }

    fn entry(&self, item: &DynamoDbItem) -> Result<LedgerEntry, LedgerError> {
        let value = item.get(VALUE).and_then(|value| value.as_b().ok());
        let revision = item.get(REVISION).and_then(|number| number.as_n().ok()?.parse().ok());
        let (Some(value), Some(revision)) = (value, revision) else {
            let cause = format!("an item has no binary {VALUE:?} or no number {REVISION:?}");
            return Err(LedgerError::Format { ledger: self.name(), cause });
        };
        Ok(LedgerEntry { value: Bytes::copy_from_slice(value.as_ref()), revision: Revision::from_number(revision) })
    }

    fn now(&self) -> AttributeValue {
        number(self.clock.now().as_secs())
    }

    /// The second in which an entry with this `ttl` has expired.
    fn end(&self, ttl: Duration) -> u64 {
        (self.clock.now() + ttl).as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
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
impl Ledger for DynamoDbLedger {
    async fn read(&self, key: &LedgerKey) -> Result<Option<LedgerEntry>, LedgerError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key(PARTITION, text(key.partition())).key(SORT, text(key.sort())).send().await;
        let Some(item) = get.map_err(|error| self.failed(&error))?.item else { return Ok(None) };
        if self.is_alive(&item) { self.entry(&item).map(Some) } else { Ok(None) }
    }

    async fn insert(&self, key: &LedgerKey, value: Bytes, ttl: Duration) -> Result<InsertOutcome, LedgerError> {
        bounded(&value)?;
        let revision = Revision::draw()?;
        let put = ConditionalPut { key, value, revision, ttl, condition: PutCondition::Absent };
        match self.put(put).await? {
            PutOutcome::Written => Ok(InsertOutcome::New(revision)),
            PutOutcome::Refused(Some(entry)) => Ok(InsertOutcome::Exists(entry)),
            PutOutcome::Refused(None) => {
                let cause = "an entry expired while it was read".to_owned();
                let ended = LedgerError::Unreachable { ledger: self.name(), cause };
                self.read(key).await?.map(InsertOutcome::Exists).ok_or(ended)
            }
        }
    }

    async fn replace(
        &self,
        key: &LedgerKey,
        revision: Revision,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        bounded(&value)?;
        let new = Revision::draw()?;
        let put = ConditionalPut { key, value, revision: new, ttl, condition: PutCondition::RevisionIs(revision) };
        Ok(matches!(self.put(put).await?, PutOutcome::Written).then_some(new))
    }

    async fn extend(&self, key: &LedgerKey, revision: Revision, ttl: Duration) -> Result<bool, LedgerError> {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key(PARTITION, text(key.partition())).key(SORT, text(key.sort()));
        let update = update.update_expression("SET expires = :end").condition_expression(IS_CURRENT);
        let update = update.expression_attribute_values(":end", number(self.end(ttl)));
        let update = update.expression_attribute_values(":revision", number(revision.number()));
        match update.expression_attribute_values(":now", self.now()).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn remove(&self, key: &LedgerKey, revision: Revision) -> Result<bool, LedgerError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete =
            delete.key(PARTITION, text(key.partition())).key(SORT, text(key.sort())).condition_expression(IS_CURRENT);
        let delete = delete.expression_attribute_values(":revision", number(revision.number()));
        match delete.expression_attribute_values(":now", self.now()).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn write(&self, writes: &[LedgerWrite]) -> Result<(), LedgerError> {
        writes.iter().try_for_each(|write| bounded(&write.value))?;
        // A batch may name an item once, so only the last write of each key is sent.
        let last: BTreeMap<&LedgerKey, &LedgerWrite> = writes.iter().map(|write| (&write.key, write)).collect();
        let mut items = Vec::with_capacity(last.len());
        for write in last.into_values() {
            items.push(self.item(&write.key, &write.value, Revision::draw()?, write.ttl));
        }
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(MAX_BATCH));
            self.put_all(std::mem::replace(&mut items, rest)).await?;
        }
        Ok(())
    }

    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<ListedEntry>, LedgerError> {
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
                listed.push(ListedEntry { sort, entry: self.entry(item)? });
            }
            start = page.last_evaluated_key;
            if start.is_none() || listed.len() >= limit {
                return Ok(listed);
            }
        }
    }

    async fn count(&self, key: &LedgerKey, count: CounterUpdate) -> Result<CounterOutcome, LedgerError> {
        self.add_to_counter(key, count).await
    }
}

struct ConditionalPut<'a> {
    key: &'a LedgerKey,
    value: Bytes,
    revision: Revision,
    ttl: Duration,
    condition: PutCondition,
}

/// The condition of a put.
enum PutCondition {
    Absent,
    RevisionIs(Revision),
}

impl PutCondition {
    fn on(self, put: PutItemFluentBuilder) -> PutItemFluentBuilder {
        match self {
            Self::Absent => put.condition_expression("attribute_not_exists(pk) OR expires <= :now"),
            Self::RevisionIs(revision) => {
                put.condition_expression(IS_CURRENT).expression_attribute_values(":revision", number(revision.number()))
            }
        }
    }
}

/// The outcome of a put.
enum PutOutcome {
    Written,
    /// The condition failed because of this entry, if DynamoDB returned it.
    Refused(Option<LedgerEntry>),
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
/// Not one of DynamoDB's reserved words.
const VALUE: &str = "val";
const REVISION: &str = "rev";
/// DynamoDB's bound for one batch.
const MAX_BATCH: usize = 25;
/// Bounds the attempts of a write that conflicts or is throttled.
const MAX_ATTEMPTS: u32 = 6;
const INITIAL_BACKOFF: Duration = Duration::from_millis(25);
const IS_CURRENT: &str = "rev = :revision AND expires > :now";
