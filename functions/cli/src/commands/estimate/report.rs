//! An estimate as `--json` prints it: an object with the members of [`CostReport`], in US dollars a month, unrounded.

use std::collections::BTreeMap;

use serde::Serialize;

use super::REGION;
use super::assumption::CostAssumption;
use super::figure::sum;
use super::gpu::GpuComparison;
use super::line::{LineItem, total};
use super::plan::PlannedResource;
use super::prices::{PriceList, UnitPrice};

/// An estimate.
#[derive(Debug, Serialize)]
pub(super) struct CostReport {
    /// The region of the prices.
    pub(super) region: String,
    /// Calls a month, of all functions.
    pub(super) calls: f64,
    /// The line items, in the order of the plan.
    pub(super) lines: Vec<LineItem>,
    pub(super) total_usd: f64,
    /// Whether the true total is higher: a resource of the plan has no known price, and is in no sum.
    pub(super) at_least: bool,
    /// The part at another region's prices; null if there is none.
    pub(super) stand_in: Option<StandIn>,
    /// The total for each thousand calls; null without calls.
    pub(super) usd_per_1000_calls: Option<f64>,
    /// The additional cost of Auto Scaling groups at their maximum size; not in the total.
    pub(super) at_largest_size: Vec<LineItem>,
    /// Resources billed by usage that is counted elsewhere, or that is not known.
    pub(super) by_use: Vec<UnpricedResource>,
    /// The number of free resources, by type.
    pub(super) free: BTreeMap<String, usize>,
    /// Resources that may cost something and are in no sum.
    pub(super) not_priced: Vec<UnpricedResource>,
    /// The comparison with a GPU instance; null without calls.
    pub(super) gpu: Option<GpuComparison>,
    /// Every price that was used.
    pub(super) prices: Vec<UnitPrice>,
    /// Every assumption.
    pub(super) assumptions: Vec<CostAssumption>,
}

/// The part of an estimate at another region's prices, because no price of its own region is known.
#[derive(Clone, Debug, Serialize)]
pub(super) struct StandIn {
    /// The region of these prices.
    pub(super) region: &'static str,
    /// The number of used prices that are that region's.
    pub(super) prices: usize,
    pub(super) of_prices: usize,
    /// The number of lines with one of them.
    pub(super) lines: usize,
    pub(super) of_lines: usize,
    /// The sum of these lines, in US dollars.
    pub(super) usd: f64,
}

/// A resource without a price, and why.
#[derive(Debug, Serialize)]
pub(super) struct UnpricedResource {
    pub(super) address: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) why: String,
}

impl UnpricedResource {
    /// Of `resource`.
    pub(super) fn of(resource: &PlannedResource, why: String) -> Self {
        Self { address: resource.address.clone(), kind: resource.kind.clone(), why }
    }
}

impl CostReport {
    /// The report of `lines`.
    pub(super) fn new(prices: &PriceList, calls: f64, lines: Vec<LineItem>, gpu: Option<GpuComparison>) -> Self {
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

    /// Adds the other resources of a plan.
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

    /// Adds assumptions.
    pub(super) fn assume(&mut self, assumptions: &[CostAssumption]) {
        self.assumptions.extend_from_slice(assumptions);
    }

    /// Prices that were not checked on their date.
    pub(super) fn unchecked(&self) -> usize {
        self.prices.iter().filter(|price| !price.checked).count()
    }
}

impl StandIn {
    /// The substituted prices of an estimate for `region`.
    fn of(region: &str, prices: &[UnitPrice], lines: &[LineItem]) -> Option<Self> {
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
