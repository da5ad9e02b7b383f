//! Prices: one data file, in which each entry has its date and public page.
//!
//! If a region of us-east-1's partition has no price of its own, the price of us-east-1 is used, and the estimate marks each such
//! line.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use jiff::Timestamp;

use super::{REGION, regions};
use crate::arguments::{EstimateArguments, InstancePrice};
use crate::error::CliError;

/// The price of a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitPrice {
    /// Such as `lambda.requests`.
    pub(super) name: String,
    /// The region that it applies to.
    pub(super) region: String,
    /// The price of [`per`](Self::per) units, in US dollars.
    pub(super) usd: f64,
    pub(super) per: f64,
    /// The unit, in singular.
    pub(super) unit: String,
    /// The day on which it was looked up.
    pub(super) date: String,
    /// Whether it was verified on that day.
    pub(super) checked: bool,
    /// The public page of the price.
    pub(super) page: String,
    /// Where it was read, or that it was not.
    pub(super) seen: String,
}

/// The prices of a region.
#[derive(Debug)]
pub(super) struct PriceList {
    region: String,
    all: BTreeMap<(String, String), UnitPrice>,
    /// The names of the prices that were used.
    used: RefCell<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceDocument {
    format: String,
    currency: String,
    prices: Vec<UnitPrice>,
}

impl PriceList {
    /// The built-in prices for `region`, with the overrides of `estimate`.
    pub(super) fn of_region(estimate: &EstimateArguments, region: &str) -> Result<Self, CliError> {
        let mut prices = Self::open(estimate.prices.as_deref(), region)?;
        for InstancePrice { instance, usd } in &estimate.instance_price {
            let price = UnitPrice {
                name: format!("ec2.{instance}"),
                region: region.to_owned(),
                usd: *usd,
                per: 1.0,
                unit: "hour".to_owned(),
                date: Timestamp::now().strftime("%Y-%m-%d").to_string(),
                checked: false,
                page: "--instance-price".to_owned(),
                seen: "the command line".to_owned(),
            };
            prices.all.insert((price.name.clone(), price.region.clone()), price);
        }
        Ok(prices)
    }

    /// The built-in prices for `region`, with the overrides of the file at `own`.
    pub(super) fn open(own: Option<&Path>, region: &str) -> Result<Self, CliError> {
        let mut all = BTreeMap::new();
        let built_in =
            parse(BUILT_IN.as_bytes()).map_err(|cause| CliError::new(format!("the built-in prices: {cause}")))?;
        let mut documents = vec![built_in];
        if let Some(path) = own {
            let bytes = std::fs::read(path).map_err(|error| CliError::file(path, &error))?;
            documents.push(parse(&bytes).map_err(|cause| {
                CliError::usage(format!("{}: {cause}", path.display()))
                    .hint("`amaas estimate --show-prices` prints a file of the form")
            })?);
        }
        for price in documents.into_iter().flatten() {
            all.insert((price.name.clone(), price.region.clone()), price);
        }
        if !all.values().any(|price| price.region == region) {
            regions::check(region)?;
        }
        Ok(Self { region: region.to_owned(), all, used: RefCell::default() })
    }

    /// The region of the prices.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// The price called `name`.
    pub(super) fn of(&self, name: &str) -> Result<&UnitPrice, CliError> {
        self.known(name).ok_or_else(|| {
            CliError::usage(format!("there is no price {name:?} for {} or {REGION}", self.region))
                .hint("give it with --prices FILE; `amaas estimate --show-prices` prints a file of the form")
        })
    }

    /// The price called `name`, if it is known.
    pub(super) fn known(&self, name: &str) -> Option<&UnitPrice> {
        let of = |region: &str| self.all.get(&(name.to_owned(), region.to_owned()));
        let price = of(&self.region).or_else(|| of(REGION))?;
        self.used.borrow_mut().insert(name.to_owned());
        Some(price)
    }

    /// The rest of each price name that begins with `prefix`.
    pub(super) fn names(&self, prefix: &str) -> Vec<&str> {
        let names: BTreeSet<_> = self.all.keys().filter_map(|(name, _)| name.strip_prefix(prefix)).collect();
        Vec::from_iter(names)
    }

    /// The prices that were used.
    pub(super) fn used(&self) -> Vec<UnitPrice> {
        let used = self.used.borrow().clone();
        used.iter().filter_map(|name| self.known(name)).cloned().collect()
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<UnitPrice>, String> {
    let document: PriceDocument = serde_json::from_slice(bytes)
        .map_err(|error| format!("expected a JSON document of prices ({FORMAT}): {error}"))?;
    if document.format != FORMAT {
        return Err(format!("expected \"format\": {FORMAT:?}, got {:?}", document.format));
    }
    if document.currency != "USD" {
        return Err(format!("expected \"currency\": \"USD\", got {:?}", document.currency));
    }
    for price in &document.prices {
        let UnitPrice { name, usd, per, .. } = price;
        if !(0.0..=MAX_QUANTITY).contains(usd) {
            return Err(format!("{name}: expected \"usd\" from 0 to {MAX_QUANTITY}, got {usd}"));
        }
        if !(1.0..=MAX_QUANTITY).contains(per) {
            return Err(format!("{name}: expected \"per\" from 1 to {MAX_QUANTITY}, got {per}"));
        }
    }
    Ok(document.prices)
}

/// The built-in file.
pub(super) const BUILT_IN: &str = include_str!("prices.json");
const FORMAT: &str = "amaas.prices/1";
/// Higher than any price.
const MAX_QUANTITY: f64 = 1e12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_price_is_there_once_and_says_where_it_is_from() {
        let prices = parse(BUILT_IN.as_bytes()).expect("the form");
        let names: BTreeSet<_> = prices.iter().map(|price| (&price.name, &price.region)).collect();
        assert_eq!(names.len(), prices.len());
        for UnitPrice { name, page, date, checked, seen, unit, usd, .. } in &prices {
            assert!(page.starts_with("https://aws.amazon.com/"), "{name}: {page}");
            assert!(date.parse::<jiff::civil::Date>().is_ok(), "{name}: {date}");
            assert_eq!(seen.starts_with("from memory"), !checked, "{name}: {seen}");
            assert!(!unit.ends_with('s') && *usd > 0.0, "{name}");
        }
    }

    #[test]
    fn a_region_without_a_price_has_that_of_another() {
        let of_ireland = PriceList::open(None, "eu-west-1").expect("a region");
        assert_eq!(of_ireland.of("logs.ingest").expect("another's").region, "us-east-1");
        let prices = PriceList::open(None, "eu-central-1").expect("known");
        assert_eq!(prices.of("logs.ingest").expect("its own").region, "eu-central-1");
        assert_eq!(prices.of("kms.keys").expect("another's").region, "us-east-1");
        assert_eq!(prices.used().len(), 2);
    }
}
