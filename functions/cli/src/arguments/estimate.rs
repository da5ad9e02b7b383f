//! `amaas estimate`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::architecture::Architecture;

/// The input of an estimate: usage in flags, or a Terraform plan with the calls of its functions.
#[derive(Args)]
#[allow(clippy::struct_excessive_bools)] // each is a flag of its own
pub(crate) struct EstimateArguments {
    /// The plan as `terraform show -json FILE` or `tofu show -json FILE` prints it, with memory, keys, alarms and the rest;
    /// "-" reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["memory", "arch", "ephemeral_mb", "provisioned", "front", "snap_start", "tracing", "log_retention_days"])]
    pub(crate) plan: Option<PathBuf>,
    /// Calls a month, such as 1e6, 250k or 1_000_000; with --plan also MODEL=CALLS, and may be given again
    #[arg(long, value_name = "[MODEL=]CALLS")]
    pub(crate) calls: Vec<PerModel<NonNegativeNumber>>,
    /// The billed time of a typical call, in milliseconds, with its writes to the ledger; with --plan also MODEL=MS
    #[arg(long, value_name = "[MODEL=]MS")]
    pub(crate) p50_ms: Vec<PerModel<DurationMs>>,
    /// Memory of the function in MB, 128 to 10240 [default: 1024]
    #[arg(long, value_name = "MB")]
    pub(crate) memory: Option<MemoryMb>,
    /// Instruction set of the function [default: x86_64]
    #[arg(long, value_enum)]
    pub(crate) arch: Option<Architecture>,
    /// /tmp of the function in MB, 512 to 10240; 512 cost nothing [default: 512]
    #[arg(long, value_name = "MB")]
    pub(crate) ephemeral_mb: Option<EphemeralStorageMb>,
    /// Provisioned environments, for the whole month [default: 0]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) provisioned: Option<NonNegativeNumber>,
    /// The entry point of the function: its own URL, or an HTTP API [default: url]
    #[arg(long, value_enum)]
    pub(crate) front: Option<EntryPoint>,
    /// Environments start from a snapshot of a version (SnapStart), which excludes --provisioned
    #[arg(long, conflicts_with = "provisioned")]
    pub(crate) snap_start: bool,
    /// Traces are sent to X-Ray
    #[arg(long)]
    pub(crate) tracing: bool,
    /// Log retention in days; 0 keeps them without end, and counts a year of them [default: 30]
    #[arg(long, value_name = "DAYS")]
    pub(crate) log_retention_days: Option<NonNegativeNumber>,
    /// The share of calls that are cold starts, 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0.01")]
    pub(crate) cold_start_share: UnitInterval,
    /// The billed time of a cold start, in milliseconds
    #[arg(long, value_name = "MS", default_value = "400")]
    pub(crate) cold_start_ms: DurationMs,
    /// Bytes of a request on the wire
    #[arg(long, value_name = "BYTES", default_value = "2k")]
    pub(crate) request_bytes: NonNegativeNumber,
    /// Bytes of a response's body
    #[arg(long, value_name = "BYTES", default_value = "500")]
    pub(crate) response_bytes: NonNegativeNumber,
    /// Size of the model in MB, as it is stored
    #[arg(long, value_name = "MB", default_value = "8")]
    pub(crate) model_mb: NonNegativeNumber,
    /// Tenants that call in a typical minute
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) tenants: NonNegativeNumber,
    /// Limits and budgets that apply to a call
    #[arg(long, value_name = "NUMBER", default_value = "0")]
    pub(crate) limits: NonNegativeNumber,
    /// The function accepts replayed sealed calls (AMAAS_REPLAY=allow)
    #[arg(long)]
    pub(crate) allow_replays: bool,
    /// Environments of a function that are alive on average [default: as many as run at once, and one at least]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) environments: Option<NonNegativeNumber>,
    /// Write units of the ledger for a call [default: as the code writes]
    #[arg(long, value_name = "UNITS")]
    pub(crate) ledger_writes_per_call: Option<NonNegativeNumber>,
    /// Read units of the ledger for a call, without each environment's regular reads [default: as the code reads]
    #[arg(long, value_name = "UNITS")]
    pub(crate) ledger_reads_per_call: Option<NonNegativeNumber>,
    /// KMS calls for a cold start [default: as the code calls]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) kms_per_cold_start: Option<NonNegativeNumber>,
    /// S3 reads for a cold start [default: as the code reads]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) s3_per_cold_start: Option<NonNegativeNumber>,
    /// Log bytes for a call [default: as the code and Lambda write]
    #[arg(long, value_name = "BYTES")]
    pub(crate) log_bytes_per_call: Option<NonNegativeNumber>,
    /// The region of the prices, any of the partition aws; us-east-1's replace unknown ones, and mark their
    /// lines. Other partitions (China, GovCloud) need --prices [default: that of the plan, or us-east-1]
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Availability zones of an interface endpoint whose subnets are not known before the apply
    #[arg(long, value_name = "NUMBER", default_value = "2")]
    pub(crate) zones: NonNegativeNumber,
    /// The hourly price of an instance type in US dollars, such as g6e.xlarge=1.9: if no price is known, or yours differs;
    /// may be given again
    #[arg(long, value_name = "TYPE=USD")]
    pub(crate) instance_price: Vec<InstancePrice>,
    /// The instance with a GPU to compare with
    #[arg(long, value_name = "TYPE", default_value = "g4dn.xlarge", conflicts_with = "summary")]
    pub(crate) gpu_instance: String,
    /// The time that the instance works on a call, in milliseconds [default: the function's]
    #[arg(long, value_name = "MS", conflicts_with = "summary")]
    pub(crate) gpu_p50_ms: Option<DurationMs>,
    /// Its disk in GB, gp3
    #[arg(long, value_name = "GB", default_value = "100", conflicts_with = "summary")]
    pub(crate) gpu_disk_gb: NonNegativeNumber,
    /// Its highest utilisation, 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0.7", conflicts_with = "summary")]
    pub(crate) gpu_utilisation: UnitInterval,
    /// Subtract Lambda's free tier of an account: a million requests and 400,000 GB-seconds a month
    #[arg(long)]
    pub(crate) free_tier: bool,
    /// Print only the total and the five most expensive lines, and no comparison with an instance
    #[arg(long)]
    pub(crate) summary: bool,
    /// Your own prices, in the form of --show-prices; they replace those of the same name and region
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// Print the built-in prices, and nothing else
    #[arg(long)]
    pub(crate) show_prices: bool,
}

/// The entry point of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EntryPoint {
    Url,
    Api,
}

/// A value for one model, or the default for all models.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PerModel<T> {
    pub(crate) model: Option<String>,
    pub(crate) value: T,
}

impl<T: FromStr<Err = String>> FromStr for PerModel<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once('=') {
            Some(("", _)) => Err("expected MODEL=NUMBER, got no model before the \"=\"".to_owned()),
            Some((model, value)) => Ok(Self { model: Some(model.to_owned()), value: value.parse()? }),
            None => Ok(Self { model: None, value: text.parse()? }),
        }
    }
}

/// The hourly price of an EC2 instance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InstancePrice {
    pub(crate) instance: String,
    pub(crate) usd: f64,
}

impl FromStr for InstancePrice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (instance, usd) =
            text.split_once('=').ok_or_else(|| format!("expected {EXPECTED_INSTANCE_PRICE}, got {text:?}"))?;
        let is_type = instance.split_once('.').is_some_and(|(family, size)| !family.is_empty() && !size.is_empty());
        if !is_type {
            return Err(format!("expected {EXPECTED_INSTANCE_PRICE}, got the type {instance:?}"));
        }
        Ok(Self { instance: instance.to_owned(), usd: bounded(usd, 0.0, MAX_HOURLY_PRICE, EXPECTED_INSTANCE_PRICE)? })
    }
}

/// A quantity: 0 or more, not necessarily whole.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub(crate) struct NonNegativeNumber(pub(crate) f64);

/// A duration above zero.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct DurationMs(pub(crate) f64);

/// A share from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct UnitInterval(pub(crate) f64);

/// The memory of a Lambda function in MB.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct MemoryMb(pub(crate) f64);

/// The ephemeral storage (/tmp) of a Lambda function in MB.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct EphemeralStorageMb(pub(crate) f64);

impl FromStr for NonNegativeNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        bounded(text, 0.0, MAX_QUANTITY, "a number from 0 to 1e15, such as 1e6, 250k or 1_000_000").map(Self)
    }
}

impl FromStr for DurationMs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Lambda ends a call after 15 minutes.
        bounded(text, 0.001, 900_000.0, "milliseconds from 0.001 to 900000, such as 12").map(Self)
    }
}

impl FromStr for UnitInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        bounded(text, 0.0, 1.0, "a share from 0 to 1, such as 0.01").map(Self)
    }
}

impl FromStr for MemoryMb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        whole(bounded(text, 128.0, 10_240.0, EXPECTED_MEMORY)?, EXPECTED_MEMORY).map(Self)
    }
}

impl FromStr for EphemeralStorageMb {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        whole(bounded(text, 512.0, 10_240.0, EXPECTED_EPHEMERAL)?, EXPECTED_EPHEMERAL).map(Self)
    }
}

/// Parses a number with optional underscores, an exponent, or k or M for thousands and millions.
fn bounded(text: &str, least: f64, most: f64, expected: &str) -> Result<f64, String> {
    let wrong = || format!("expected {expected}, got {text:?}");
    let (digits, times) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => text.strip_suffix('M').map_or((text, 1.0), |digits| (digits, 1e6)),
    };
    // Rust also reads "inf" and "nan", and an underscore belongs between digits.
    let plain = digits.replace('_', "");
    let odd = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if odd || !plain.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Err(wrong());
    }
    let number = plain.parse::<f64>().map_err(|_| wrong())? * times;
    if number.is_finite() && (least..=most).contains(&number) { Ok(number) } else { Err(wrong()) }
}

fn whole(number: f64, expected: &str) -> Result<f64, String> {
    if number.fract() == 0.0 { Ok(number) } else { Err(format!("expected {expected}, got {number}")) }
}

/// More calls than any service has, and few enough for sums to be exact to the cent.
const MAX_QUANTITY: f64 = 1e15;
/// Higher than any instance's hourly price.
const MAX_HOURLY_PRICE: f64 = 1e6;
const EXPECTED_INSTANCE_PRICE: &str = "a type and its price by the hour, such as g6e.xlarge=1.9";
const EXPECTED_MEMORY: &str = "whole MB from 128 to 10240, which is what Lambda gives, such as 1024";
const EXPECTED_EPHEMERAL: &str = "whole MB from 512 to 10240, which is what Lambda gives, such as 512";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, expected) in
            [("0", 0.0), ("1e6", 1e6), ("250k", 250e3), ("1.5M", 1.5e6), ("1_000_000", 1e6), (".5", 0.5), ("1E3", 1e3)]
        {
            assert_eq!(text.parse::<NonNegativeNumber>().map(|calls| calls.0), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_named() {
        for text in [
            "", "-1", "-1e6", "nan", "NaN", "inf", "-inf", "infinity", "1e16", "1e400", "_1", "1_", "1__0", "k",
            "1,000", "1 0", "0x10", "1e", "+1", "1kk",
        ] {
            let error = text.parse::<NonNegativeNumber>().expect_err(text);
            assert!(error.contains(&format!("got {text:?}")) && error.contains("1_000_000"), "{error}");
        }
        for text in ["127", "10241", "0", "512.5", "-512"] {
            assert!(text.parse::<MemoryMb>().expect_err(text).contains("128 to 10240"));
        }
        for text in ["1.01", "-0.1", "nan"] {
            assert!(text.parse::<UnitInterval>().expect_err(text).contains("0 to 1"));
        }
        for text in ["511", "10241"] {
            assert!(text.parse::<EphemeralStorageMb>().expect_err(text).contains("512 to 10240"));
        }
        for text in ["0", "900001"] {
            assert!(text.parse::<DurationMs>().expect_err(text).contains("900000"));
        }
    }

    #[test]
    fn prices_of_instances_have_a_type_and_dollars() {
        let price = "g6e.xlarge=1.9".parse::<InstancePrice>().expect("a price");
        assert_eq!((price.instance.as_str(), price.usd.to_string()), ("g6e.xlarge", "1.9".to_owned()));
        for text in ["", "1.9", "g6e.xlarge", "g6e.xlarge=", "g6e.xlarge=-1", "g6e.xlarge=nan", "g6e=1", ".=1", "a.=1"]
        {
            let error = text.parse::<InstancePrice>().expect_err(text);
            assert!(error.contains("such as g6e.xlarge=1.9"), "{error}");
        }
    }

    #[test]
    fn values_of_models_are_told_apart() {
        let of = |text: &str| text.parse::<PerModel<NonNegativeNumber>>();
        assert_eq!(
            of("sentiment=1e6"),
            Ok(PerModel { model: Some("sentiment".to_owned()), value: NonNegativeNumber(1e6) })
        );
        assert_eq!(of("2e5"), Ok(PerModel { model: None, value: NonNegativeNumber(2e5) }));
        assert!(of("=1").is_err() && of("sentiment=").is_err() && of("sentiment=x").is_err());
    }
}
