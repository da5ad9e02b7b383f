//! An estimate, as `--json` prints it: one object with the members of [`Report`], money in US dollars a month, unrounded.

use std::collections::BTreeMap;

use serde::Serialize;

use super::REGION;
use super::assumption::Assumption;
use super::figure::sum;
use super::gpu::GpuComparison;
use super::line::{LineItem, total};
use super::plan::Resource;
use super::prices::{Price, Prices};

/// An estimate.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The region whose prices count.
    pub(super) region: String,
    /// Calls a month, of all functions.
    pub(super) calls: f64,
    /// What costs something, in the order of the plan.
    pub(super) lines: Vec<LineItem>,
    pub(super) total_usd: f64,
    /// Whether it costs more: something in the plan has no known price, and is in no sum.
    pub(super) at_least: bool,
    /// What of it is at another region's prices; null if nothing is.
    pub(super) stand_in: Option<StandIn>,
    /// The total for each thousand calls; null where there are none.
    pub(super) usd_per_1000_calls: Option<f64>,
    /// What Auto Scaling groups cost more at their largest size, beside the total.
    pub(super) at_largest_size: Vec<LineItem>,
    /// What is billed by a use that is counted elsewhere, or that nobody told.
    pub(super) by_use: Vec<UnpricedResource>,
    /// What costs nothing: how many there are, by type.
    pub(super) free: BTreeMap<String, usize>,
    /// What may cost something, and is in no sum.
    pub(super) not_priced: Vec<UnpricedResource>,
    /// The comparison with an instance that has a GPU; null where nothing is called.
    pub(super) gpu: Option<GpuComparison>,
    /// Every price that was used.
    pub(super) prices: Vec<Price>,
    /// Everything that is taken for granted.
    pub(super) assumptions: Vec<Assumption>,
}

/// What of an estimate is at the prices of another region, because no price of its own region is known.
#[derive(Clone, Debug, Serialize)]
pub(super) struct StandIn {
    /// The region whose prices they are.
    pub(super) region: &'static str,
    /// How many of the prices that were used are its.
    pub(super) prices: usize,
    pub(super) of_prices: usize,
    /// How many lines have one of them.
    pub(super) lines: usize,
    pub(super) of_lines: usize,
    /// What these lines cost together, in US dollars.
    pub(super) usd: f64,
}

/// A resource, and a word on what it costs.
#[derive(Debug, Serialize)]
pub(super) struct UnpricedResource {
    pub(super) address: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) why: String,
}

impl UnpricedResource {
    /// Of `resource`.
    pub(super) fn of(resource: &Resource, why: String) -> Self {
        Self { address: resource.address.clone(), kind: resource.kind.clone(), why }
    }
}

impl Report {
    /// What `lines` come to.
    pub(super) fn new(prices: &Prices, calls: f64, lines: Vec<LineItem>, gpu: Option<GpuComparison>) -> Self {
        let (total_usd, used) = (total(&lines), prices.used());
        Self {
            at_least: false,
            stand_in: StandIn::of(prices.region(), &used, &lines),
            region: prices.region().to_owned(),
            calls,
            usd_per_1000_calls: (calls > 0.0).then(|| total_usd / calls * 1000.0),
            total_usd,
            lines,
            at_largest_size: Vec::new(),
            by_use: Vec::new(),
            free: BTreeMap::new(),
            not_priced: Vec::new(),
            gpu,
            prices: used,
            assumptions: Vec::new(),
        }
    }

    /// With what else is in a plan.
    pub(super) fn mention(
        &mut self,
        at_largest_size: Vec<LineItem>,
        by_use: Vec<UnpricedResource>,
        free: BTreeMap<String, usize>,
        not_priced: Vec<UnpricedResource>,
    ) {
        self.at_least = !not_priced.is_empty();
        (self.at_largest_size, self.by_use, self.free, self.not_priced) = (at_largest_size, by_use, free, not_priced);
    }

    /// With what it takes for granted.
    pub(super) fn assume(&mut self, assumptions: &[Assumption]) {
        self.assumptions.extend_from_slice(assumptions);
    }

    /// Prices that were not checked on their date.
    pub(super) fn unchecked(&self) -> usize {
        self.prices.iter().filter(|price| !price.checked).count()
    }
}

impl StandIn {
    /// That of an estimate for `region`.
    fn of(region: &str, prices: &[Price], lines: &[LineItem]) -> Option<Self> {
        let of_it: Vec<_> = lines.iter().filter(|line| line.region != region).collect();
        let number = prices.iter().filter(|price| price.region != region).count();
        (number > 0).then(|| Self {
            region: REGION,
            prices: number,
            of_prices: prices.len(),
            lines: of_it.len(),
            of_lines: lines.len(),
            usd: sum(of_it.iter().map(|line| line.usd)),
        })
    }
}
