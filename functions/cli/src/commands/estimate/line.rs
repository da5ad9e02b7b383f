//! One line of an estimate.

use serde::Serialize;

use super::figure::sum;
use super::prices::Price;

/// So much of something in a month, at a price.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LineItem {
    /// The service, or the address of the resource in a plan.
    pub(super) resource: String,
    /// What of it costs.
    pub(super) what: String,
    /// How much of it there is in a month.
    pub(super) quantity: f64,
    /// What it is counted in.
    pub(super) unit: String,
    /// The name of its price.
    pub(super) price: String,
    /// What [`per`](Self::per) of it cost, in US dollars.
    pub(super) usd_per: f64,
    pub(super) per: f64,
    /// The region that its price is of.
    pub(super) region: String,
    /// What it costs a month, in US dollars.
    pub(super) usd: f64,
}

impl LineItem {
    /// `quantity` of what `price` is for.
    pub(super) fn new(resource: impl Into<String>, what: impl Into<String>, quantity: f64, price: &Price) -> Self {
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

    /// The same at the address of the resource that it is for.
    pub(super) fn at(self, address: &str) -> Self {
        Self { resource: address.to_owned(), ..self }
    }
}

/// What `lines` cost together.
pub(super) fn total(lines: &[LineItem]) -> f64 {
    sum(lines.iter().map(|line| line.usd))
}
