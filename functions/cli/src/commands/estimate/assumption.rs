//! The assumptions of an estimate.

use serde::Serialize;

use super::figure::{quantity, usd};
use super::lambda::{FREE_GB_SECONDS, FREE_REQUESTS};
use super::prices::UnitPrice;
use crate::arguments::EstimateArguments;

/// An assumption and its reason.
#[derive(Clone, Debug, Serialize)]
pub(super) struct CostAssumption {
    /// The subject of the assumption.
    pub(super) name: &'static str,
    /// The assumed value.
    pub(super) value: String,
    /// The reason, in one line.
    pub(super) why: String,
    /// The flag that overrides it.
    pub(super) flag: Option<&'static str>,
}

impl CostAssumption {
    /// `value` of `name`, because of `why`; `flag` overrides it, if there is one.
    pub(super) fn new(
        name: &'static str,
        value: impl Into<String>,
        why: impl Into<String>,
        flag: Option<&'static str>,
    ) -> Self {
        Self { name, value: value.into(), why: why.into(), flag }
    }

    /// The additional cost of `keys` keys after rotations; none if there are no keys.
    pub(super) fn rotation(keys: f64, price: &UnitPrice) -> Vec<Self> {
        if keys <= 0.0 {
            return Vec::new();
        }
        let (more, s) = (keys * price.usd / price.per, if keys > 1.0 { "s" } else { "" });
        vec![Self::new(
            "key rotation",
            "none yet",
            format!(
                "each of the first two rotations of a key, a year apart, adds the price of a key: {} key{s} will cost {} USD a month more after a year, and {} after two",
                quantity(keys),
                usd(more),
                usd(more * 2.0)
            ),
            None,
        )]
    }

    /// The assumptions of every estimate.
    pub(super) fn general(estimate: &EstimateArguments) -> Vec<Self> {
        let free = if estimate.free_tier {
            Self::new(
                "free tier",
                "Lambda's",
                format!(
                    "{FREE_REQUESTS} requests and {FREE_GB_SECONDS} GB-seconds, as if nothing else in the account used them; of other services nothing is subtracted"
                ),
                None,
            )
        } else {
            Self::new(
                "free tier",
                "none",
                "no allowance is subtracted, since an account has each only once",
                Some("--free-tier"),
            )
        };
        vec![
            Self::new("month", "730 hours", "8,760 hours a year in twelve parts, as AWS's calculator counts", None),
            Self::new(
                "tiers",
                "the first",
                "volume discounts, savings plans, spot prices and taxes are not counted",
                None,
            ),
            Self::new(
                "usual call",
                "is every call",
                "--p50-ms is taken for the mean, rounded up to a whole millisecond as Lambda bills it; where a few calls take much longer the mean is higher",
                Some("--p50-ms"),
            ),
            free,
            Self::new(
                "GPU instance",
                "against Lambda's own lines",
                "the instance and its disk on demand; ledger, logs, keys and the way out cost the same with either, a load balancer before it would come on top",
                Some("--gpu-instance"),
            ),
            Self::new("retries", "none", "a call that is repeated costs a request, and a lease that is refused", None),
        ]
    }
}
