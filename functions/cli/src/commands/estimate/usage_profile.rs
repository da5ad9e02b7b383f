//! The resource usage of a call, taken from the code: writes, reads and log bytes, without the network's run.
//!
//! The estimate lists each figure with its reason. Each figure that matters has a flag.

use super::assumption::CostAssumption;
use super::figure::{quantity, sum};
use super::function::FunctionLoad;
use crate::arguments::EstimateArguments;

/// The resource usage of a call.
#[derive(Clone, Debug)]
pub(super) struct UsageProfile {
    /// Write units of the ledger for each call.
    pub(super) writes: f64,
    /// Read units of the ledger for each call, without those of each environment.
    pub(super) reads: f64,
    /// KMS calls for each cold start.
    pub(super) kms: f64,
    /// S3 reads for each cold start.
    pub(super) s3: f64,
    /// Log bytes for each call.
    pub(super) log_bytes: f64,
    pub(super) cold_share: f64,
    pub(super) cold_ms: f64,
    pub(super) request_bytes: f64,
    pub(super) response_bytes: f64,
    pub(super) model_mb: f64,
    pub(super) tenants: f64,
    environments: Option<f64>,
    kept_units: f64,
    limit_units: f64,
    replay_reads: f64,
    writes_are_given: bool,
}

impl UsageProfile {
    /// The usage of a typical function, with the overrides of the flags.
    pub(super) fn of(estimate: &EstimateArguments) -> Self {
        let response_bytes = estimate.response_bytes.0;
        let kept_units = write_units(kept_bytes(response_bytes));
        let limit_units = estimate.limits.0 * WRITES_PER_LIMIT;
        // A sealed call with an idempotency key, as the SDK sends it, is looked up and not written.
        let replay_reads = if estimate.allow_replays { 0.0 } else { 1.0 };
        let writes = LEASE_UNITS + kept_units + RECORD_UNITS + limit_units;
        let segments = (estimate.model_mb.0 / SEGMENT_MB).floor();
        Self {
            writes: estimate.ledger_writes_per_call.map_or(writes, |units| units.0),
            reads: estimate.ledger_reads_per_call.map_or(MIDNIGHT_READS + replay_reads, |units| units.0),
            kms: estimate.kms_per_cold_start.map_or(KMS_CALLS_PER_COLD_START, |number| number.0),
            s3: estimate
                .s3_per_cold_start
                .map_or(DOCUMENTS_PER_COLD_START + BLOBS_PER_COLD_START + segments, |number| number.0),
            log_bytes: estimate.log_bytes_per_call.map_or(LOG_BYTES, |bytes| bytes.0),
            cold_share: estimate.cold_start_share.0,
            cold_ms: estimate.cold_start_ms.0,
            request_bytes: estimate.request_bytes.0,
            response_bytes,
            model_mb: estimate.model_mb.0,
            tenants: estimate.tenants.0,
            environments: estimate.environments.map(|number| number.0),
            kept_units,
            limit_units,
            replay_reads,
            writes_are_given: estimate.ledger_writes_per_call.is_some(),
        }
    }

    /// Bytes of a ledger item that stores an answer.
    pub(super) fn kept_bytes(&self) -> f64 {
        kept_bytes(self.response_bytes)
    }

    /// Environments of a function that are alive on average.
    pub(super) fn environments(&self, calls: f64, p50_ms: f64) -> f64 {
        let busy = (calls * p50_ms / (SECONDS_PER_MONTH * 1000.0)).ceil().max(1.0);
        self.environments.unwrap_or(busy)
    }

    /// The highest number of revalidations of all environments together: values older than [`REVALIDATE_SECONDS`].
    pub(super) fn rounds(&self, calls: f64, p50_ms: f64) -> f64 {
        self.environments(calls, p50_ms) * (SECONDS_PER_MONTH / REVALIDATE_SECONDS)
    }

    /// The requests that API Gateway bills for `calls`.
    pub(super) fn api_requests(&self, calls: f64) -> f64 {
        calls * (self.request_bytes.max(self.response_bytes) / API_REQUEST_BYTES).ceil().max(1.0)
    }

    /// The assumptions for `functions`.
    pub(super) fn assumptions(&self, functions: &[FunctionLoad]) -> Vec<CostAssumption> {
        let called = functions.iter().filter(|function| function.calls > 0.0);
        let environments = sum(called.map(|function| self.environments(function.calls, function.p50_ms)));
        let mut all = self.of_ledger();
        all.extend([
            CostAssumption::new(
                "environments",
                quantity(environments),
                "calls come evenly, so that as many environments live as calls run at once, and one for each function that is called",
                Some("--environments"),
            ),
            CostAssumption::new(
                "KMS calls a cold start",
                quantity(self.kms),
                "two keys that calls are sealed to, a signer and what authenticates them, two secrets of the ledger, the model's key; S3 asks KMS next to never, with a bucket key",
                Some("--kms-per-cold-start"),
            ),
            CostAssumption::new(
                "S3 reads a cold start",
                quantity(self.s3),
                "alias, manifest and sealing keys, then network, golden cases and an asset, in segments of 8 MiB",
                Some("--s3-per-cold-start"),
            ),
            CostAssumption::new(
                "S3 reads besides",
                "one in 45 s",
                "each environment reads its sealing keys again when they are 45 s old and a call comes",
                None,
            ),
            CostAssumption::new(
                "log a call",
                format!("{} bytes", quantity(self.log_bytes)),
                "a line of the function, a line of metrics (529 bytes for \"sentiment\"), Lambda's START, END and REPORT, and 26 bytes for each",
                Some("--log-bytes-per-call"),
            ),
            CostAssumption::new("log storage", "as ingested", "CloudWatch compresses what it stores, so it is less", None),
            CostAssumption::new(
                "custom metrics a model",
                quantity(METRICS_PER_MODEL),
                "six metrics in AMAAS_EMF's lines, by model and by model and version; each more version that is called adds six",
                None,
            ),
            CostAssumption::new(
                "cold starts",
                format!("{} of calls", quantity(self.cold_share)),
                "how many there are depends on how evenly calls come; none where concurrency is provisioned",
                Some("--cold-start-share"),
            ),
            CostAssumption::new(
                "data transfer",
                format!("{} bytes a call", quantity(wire_bytes(self.response_bytes))),
                "answer, receipt and seal go to callers on the internet; between Lambda, S3 and DynamoDB of a region nothing is billed",
                Some("--response-bytes"),
            ),
        ]);
        if functions.iter().any(|function| function.snap_start) {
            all.push(CostAssumption::new(
                "snapshots",
                "one version a function",
                "each published version with SnapStart keeps a snapshot of its memory until the version is deleted, and each cold start restores one",
                None,
            ));
        }
        all
    }

    fn of_ledger(&self) -> Vec<CostAssumption> {
        let why = if self.writes_are_given {
            "as the flag says".to_owned()
        } else {
            format!(
                "lease of the idempotency key {LEASE_UNITS}, kept answer {} (item of {} bytes), usage record {RECORD_UNITS}, limits {}",
                self.kept_units,
                quantity(self.kept_bytes()),
                self.limit_units
            )
        };
        vec![
            CostAssumption::new(
                "ledger writes a call",
                format!("{} units", quantity(self.writes)),
                why,
                Some("--ledger-writes-per-call"),
            ),
            CostAssumption::new(
                "limits",
                format!("{} units a call", quantity(self.limit_units)),
                "a limit or budget that holds for a call takes a lease and gives it back, twice a call where calls come seldom, far less where they come often",
                Some("--limits"),
            ),
            CostAssumption::new(
                "ledger reads a call",
                format!("{} units", quantity(self.reads)),
                format!(
                    "a sealed call is looked for among those that were taken, {}; within 20 minutes of midnight (UTC) a record is looked for on the other day first: 40 of 1,440 minutes",
                    self.replay_reads
                ),
                Some("--ledger-reads-per-call"),
            ),
            CostAssumption::new(
                "ledger reads besides",
                format!("key and tenant of {}, price", quantity(self.tenants)),
                "each environment reads them again when they are 45 s old and a call comes, and two secrets at a cold start",
                Some("--tenants"),
            ),
            CostAssumption::new(
                "ledger storage",
                "400 days of records",
                "500 bytes a call for 400 days, and kept answers for two days: a day, and some until DynamoDB has taken them away; a new ledger begins at nothing",
                None,
            ),
        ]
    }
}

/// The bytes on the wire of an answer: body, receipt, headers and seal.
pub(super) fn wire_bytes(response_bytes: f64) -> f64 {
    response_bytes + RECEIPT_BYTES
}

/// DynamoDB bills writes in units of 1 KiB.
fn write_units(bytes: f64) -> f64 {
    (bytes / 1024.0).ceil().max(1.0)
}

fn kept_bytes(response_bytes: f64) -> f64 {
    response_bytes * PADDING_FACTOR + RECEIPT_BYTES
}

/// Seconds of a month of 730 hours.
pub(super) const SECONDS_PER_MONTH: f64 = HOURS_PER_MONTH * 3600.0;
/// Hours of a month.
pub(super) const HOURS_PER_MONTH: f64 = 730.0;
/// Custom metrics of a model with one version: `meter/emf.rs` has six, each with two sets of dimensions.
pub(super) const METRICS_PER_MODEL: f64 = 12.0;
/// `meter/writer.rs` keeps records for 400 days.
pub(super) const RECORD_DAYS: f64 = 400.0;
/// Records of the bundled models have 287 to 317 bytes; name, revision and expiry add to that, and DynamoDB's overhead of 100 bytes.
pub(super) const RECORD_BYTES: f64 = 500.0;
/// `ledger/src/idempotency_store.rs` stores responses for a day; DynamoDB removes expired items within a few.
pub(super) const RESPONSE_DAYS: f64 = 2.0;
/// A lease is an item of some 120 bytes.
const LEASE_UNITS: f64 = 1.0;
const RECORD_UNITS: f64 = 1.0;
/// `quota/leased_limit.rs`: a lease, and the return of its rest.
const WRITES_PER_LIMIT: f64 = 2.0;
/// Answers of 190 to 4,847 bytes were stored as 1,213 to 6,205: receipt, headers, seal, and up to a twentieth of padding. Names
/// add some 90 bytes.
const RECEIPT_BYTES: f64 = 1150.0;
const PADDING_FACTOR: f64 = 1.05;
/// `meter/writer.rs` looks for a record within 20 minutes of midnight on both days.
const MIDNIGHT_READS: f64 = 40.0 / 1440.0;
/// `access/src/directory.rs` and `sealing/source.rs` revalidate values older than this.
const REVALIDATE_SECONDS: f64 = 45.0;
/// Two keys of `Suite::ALL`, a signer, their authenticator, the ledger's secret and verifier, the model's data key.
const KMS_CALLS_PER_COLD_START: f64 = 7.0;
/// Alias, manifest, sealing keys.
const DOCUMENTS_PER_COLD_START: f64 = 3.0;
/// Network, golden cases, an asset.
const BLOBS_PER_COLD_START: f64 = 3.0;
/// `manifest` cuts blobs into segments of 8 MiB.
const SEGMENT_MB: f64 = 8.0;
/// A line of `reply/respond.rs` of some 250 bytes, one of `meter/emf.rs` of 529, Lambda's three of some 400, and 26 for each.
const LOG_BYTES: f64 = 1300.0;
/// HTTP APIs count a request for each 512 KB.
const API_REQUEST_BYTES: f64 = 512.0 * 1024.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_take_as_many_units_as_those_that_were_kept() {
        // Answer sizes of the bundled models by their records, and of the values that `amaas dev` stored.
        for (answer, value) in [
            (190.0, 1213.0),
            (217.0, 1341.0),
            (273.0, 1341.0),
            (361.0, 1341.0),
            (556.0, 1597.0),
            (4843.0, 6205.0),
            (4847.0, 6205.0),
        ] {
            assert!((write_units(kept_bytes(answer)) - write_units(value + 90.0)).abs() < 0.5, "{answer}");
        }
    }
}
