//! One line of an estimate.

use serde::Serialize;

use super::figure::sum;
use super::prices::UnitPrice;

/// A quantity in a month, and its price.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LineItem {
    /// The service, or the address of the resource in a plan.
    pub(super) resource: String,
    /// The billed part of it.
    pub(super) what: String,
    /// The quantity in a month.
    pub(super) quantity: f64,
    /// The unit of the quantity.
    pub(super) unit: String,
    /// The name of its price.
    pub(super) price: String,
    /// The price of [`per`](Self::per) units, in US dollars.
    pub(super) usd_per: f64,
    pub(super) per: f64,
    /// The region of its price.
    pub(super) region: String,
    /// The monthly cost, in US dollars.
    pub(super) usd: f64,
}

impl LineItem {
    /// `quantity` at `price`.
    pub(super) fn new(resource: impl Into<String>, what: impl Into<String>, quantity: f64, price: &UnitPrice) -> Self {
        Self {
            resource: resource.into(),
            what: what.into(),
            quantity,
            unit: price.unit.clone(),
            price: price.name.clone(),
            usd_per: price.usd,
            per: price.per,
            region: price.region.clone(),
            usd: quantity * price.usd / price.per,
        }
    }

    /// The same line under the address of its resource.
    pub(super) fn at(self, address: &str) -> Self {
        Self { resource: address.to_owned(), ..self }
    }
}

/// The sum of `lines`.
pub(super) fn total(lines: &[LineItem]) -> f64 {
    sum(lines.iter().map(|line| line.usd))
}
