//! Compares a GPU instance that always runs with Lambda: the break-even number of calls, and whether the instance can serve it.
//!
//! The comparison has only the costs that differ: Lambda itself, against the instance and its disk. Ledger, logs, keys and egress
//! cost the same with either.

use serde::Serialize;

use super::figure::{quantity, sum, usd};
use super::function::{FreeTier, FunctionLoad};
use super::lambda;
use super::line::total;
use super::prices::PriceList;
use super::usage_profile::{HOURS_PER_MONTH, SECONDS_PER_MONTH, UsageProfile};
use crate::arguments::EstimateArguments;
use crate::error::CliError;

/// The comparison.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GpuComparison {
    instance: String,
    /// The time that it works on a call, in milliseconds.
    p50_ms: f64,
    /// Its highest utilisation.
    utilisation: f64,
    /// The monthly cost of one instance and its disk, in US dollars.
    usd_a_month: f64,
    /// The cost of one more call at Lambda, in US dollars.
    lambda_usd_per_call: f64,
    /// The break-even: the calls a month from which one instance costs no more than Lambda; null if calls cost nothing there.
    break_even_calls: Option<f64>,
    /// The calls a month that it can serve.
    capacity_calls: f64,
    /// Whether it can serve the break-even number of calls.
    reachable: bool,
    /// For the calls of the estimate: the number of instances, and the cost of either.
    instances: f64,
    instances_usd: f64,
    lambda_usd: f64,
}

impl GpuComparison {
    /// Compares with the Lambda cost of `functions`; `None` if they get no calls.
    pub(super) fn compare(
        estimate: &EstimateArguments,
        functions: &[FunctionLoad],
        prices: &PriceList,
    ) -> Result<Option<Self>, CliError> {
        let calls = sum(functions.iter().map(|function| function.calls));
        if calls <= 0.0 {
            return Ok(None);
        }
        let instance = &estimate.gpu_instance;
        let Some(hour) = prices.known(&format!("ec2.{instance}")) else {
            let known = prices.names("ec2.").join(", ");
            return Err(CliError::usage(format!("no price is known for the instance {instance:?}, only for {known}"))
                .hint(format!("write one of these, or give its price by the hour: --instance-price {instance}=USD")));
        };
        let (hour, disk) = (hour.usd / hour.per, prices.of("ebs.gp3")?);
        let usd_a_month = hour * HOURS_PER_MONTH + estimate.gpu_disk_gb.0 * disk.usd / disk.per;
        let (mut lambda_usd, mut fixed) = (0.0, 0.0);
        for function in functions {
            // The free tier is limited, so it is left out of the comparison.
            let lines = lambda::lines(function, &UsageProfile::of(estimate), prices, &mut FreeTier::default())?;
            lambda_usd += total(&lines);
            fixed += sum(lines.iter().filter(|line| lambda::is_fixed(line)).map(|line| line.usd));
        }
        let mean_ms = sum(functions.iter().map(|function| function.calls / calls * function.p50_ms));
        let p50_ms = estimate.gpu_p50_ms.map_or(mean_ms, |time| time.0);
        let utilisation = estimate.gpu_utilisation.0;
        if utilisation <= 0.0 {
            return Err(CliError::usage(
                "expected --gpu-utilisation of more than 0, got 0: an instance that is never busy does no calls",
            )
            .hint("write a share of its time, such as --gpu-utilisation 0.7"));
        }
        Ok(Some(Self::new(instance, &LambdaCosts { calls, lambda_usd, fixed, usd_a_month, p50_ms, utilisation })))
    }

    fn new(instance: &str, sums: &LambdaCosts) -> Self {
        let LambdaCosts { calls, lambda_usd, fixed, usd_a_month, p50_ms, utilisation } = *sums;
        let lambda_usd_per_call = (lambda_usd - fixed) / calls;
        // A call costs more than zero, unless the user gives prices.
        let costs = lambda_usd_per_call > 0.0;
        let break_even_calls = costs.then(|| ((usd_a_month - fixed) / lambda_usd_per_call).max(0.0));
        let capacity_calls = SECONDS_PER_MONTH * 1000.0 / p50_ms * utilisation;
        let instances = (calls / capacity_calls).ceil().max(1.0);
        let instances_usd = instances * usd_a_month;
        Self {
            instance: instance.to_owned(),
            p50_ms,
            utilisation,
            usd_a_month,
            lambda_usd_per_call,
            break_even_calls,
            capacity_calls,
            reachable: break_even_calls.is_some_and(|calls| calls <= capacity_calls),
            instances,
            instances_usd,
            lambda_usd,
        }
    }

    /// The comparison as text.
    pub(super) fn text(&self, calls: f64) -> String {
        let Self { instance, usd_a_month, capacity_calls, instances_usd, lambda_usd, .. } = self;
        let (busy, p50) = (quantity(self.utilisation * 100.0), quantity(self.p50_ms));
        let reach = if self.reachable {
            String::new()
        } else {
            " That is more than it can do, so Lambda is cheaper at any volume.".to_owned()
        };
        let (cheaper, than) =
            if lambda_usd <= instances_usd { ("Lambda", instance.as_str()) } else { (instance.as_str(), "Lambda") };
        let instances = quantity(self.instances);
        let s = if self.instances > 1.0 { "s" } else { "" };
        format!(
            "One {instance} that always runs costs {} USD a month with its disk, as much as Lambda itself costs for {} calls.{reach}\n\
             It can do {} calls a month: one after the other, {p50} ms each, busy for {busy} % of the time; batches would make it more.\n\
             At {} calls {cheaper} is cheaper than {than}: Lambda itself is {} USD, {instances} instance{s} {} USD.",
            usd(*usd_a_month),
            self.break_even_calls.map_or_else(|| "no number of".to_owned(), |calls| quantity(calls.ceil())),
            quantity(capacity_calls.floor()),
            quantity(calls),
            usd(*lambda_usd),
            usd(*instances_usd),
        )
    }
}

struct LambdaCosts {
    calls: f64,
    lambda_usd: f64,
    /// The part of it that does not depend on calls.
    fixed: f64,
    usd_a_month: f64,
    p50_ms: f64,
    utilisation: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(calls: f64, lambda_usd: f64, p50_ms: f64) -> GpuComparison {
        GpuComparison::new(
            "g",
            &LambdaCosts { calls, lambda_usd, fixed: 0.0, usd_a_month: 400.0, p50_ms, utilisation: 0.5 },
        )
    }

    #[test]
    fn one_instance_breaks_even_where_calls_cost_as_much() {
        // A call is 2 cents: 20,000 of them cost 400. A month has 2,628,000 s: half of them are 13,140 calls of 100 s.
        let slow = gpu(1000.0, 20.0, 100_000.0);
        assert_eq!((slow.break_even_calls, slow.capacity_calls, slow.reachable), (Some(20_000.0), 13_140.0, false));
        assert!(slow.text(1000.0).contains("Lambda is cheaper at any volume"));
        let quick = gpu(1000.0, 20.0, 10_000.0);
        assert_eq!((quick.capacity_calls, quick.reachable, quick.instances), (131_400.0, true, 1.0));
        assert!(quick.text(1000.0).contains("Lambda is cheaper than g"));
        // 262,801 calls need a third instance.
        let many = gpu(262_801.0, 5_256.02, 10_000.0);
        assert_eq!((many.instances, many.instances_usd), (3.0, 1200.0));
        assert!(many.text(262_801.0).contains("g is cheaper than Lambda"));
    }

    #[test]
    fn what_is_always_ready_is_paid_before_the_first_call() {
        let sums = LambdaCosts {
            calls: 10.0,
            lambda_usd: 310.0,
            fixed: 300.0,
            usd_a_month: 400.0,
            p50_ms: 1.0,
            utilisation: 0.5,
        };
        assert_eq!(GpuComparison::new("g", &sums).break_even_calls, Some(100.0));
    }

    #[test]
    fn nothing_for_nothing_never_breaks_even() {
        let free = gpu(1.0, 0.0, 1.0);
        assert!(free.break_even_calls.is_none() && !free.reachable);
        assert!(free.text(1.0).contains("for no number of calls"));
    }
}
