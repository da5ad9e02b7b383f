//! Decides which calls may share a run.
//!
//! Calls of different tenants share a run only if rows are proven independent from the graph, and a trial agrees. The publisher
//! can turn sharing off, or let calls of one tenant share runs of a network without a proof.

use super::PublishError;
use super::probe::ProbeResult;
use amaas_engine::onnx::{NotProven, OnnxError};
use amaas_engine::session::strip_source_paths;
use amaas_engine::{Batching, ROWS_PROOF};

/// The publisher's policy for which calls share a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchingPolicy {
    /// All calls share runs if rows are proven independent; otherwise, none do.
    #[default]
    Auto,
    /// No sharing: each call has its own run.
    Off,
    /// Calls of one tenant share runs, with or without a proof; calls of different tenants never do. The publisher accepts
    /// that rows of one tenant may affect one another.
    SameTenant,
}

/// Which calls may share a run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SharingDecision {
    pub(super) batching: Batching,
    pub(super) rows_proof: Option<u32>,
    pub(super) reason: String,
}

/// The result of the row analysis.
pub(super) type RowsProof = Result<Result<(), NotProven>, OnnxError>;

/// Decides for the network `name`. `fits` says whether its inputs can be batched at all. `prove` and `trial` are called only
/// if the decision depends on them.
pub(super) fn decide_sharing(
    name: Option<&str>,
    policy: BatchingPolicy,
    fits: Result<(), String>,
    prove: impl FnOnce() -> RowsProof,
    trial: impl FnOnce() -> ProbeResult,
) -> Result<SharingDecision, PublishError> {
    let unshared = |reason| Ok(SharingDecision { batching: Batching::None, rows_proof: None, reason });
    let refused = |reason| PublishError::CannotShare { network: network_label(name), reason };
    match (policy, fits) {
        (BatchingPolicy::Off, _) => return unshared("switched off by the publisher".to_owned()),
        (BatchingPolicy::Auto, Err(reason)) => return unshared(reason),
        (BatchingPolicy::SameTenant, Err(reason)) => return Err(refused(reason)),
        (BatchingPolicy::Auto | BatchingPolicy::SameTenant, Ok(())) => {}
    }
    let proof = prove()?;
    if let (Err(unproven), BatchingPolicy::Auto) = (&proof, policy) {
        return unshared(format!("rows are not proven independent: {unproven}"));
    }
    let result = trial();
    if let (Ok(()), ProbeResult::Dependent(trial)) = (&proof, &result) {
        return Err(PublishError::TrialContradictsProof { network: network_label(name), trial: trial.clone() });
    }
    match policy {
        BatchingPolicy::SameTenant => {
            let proof = proof.map_or_else(|unproven| format!("not proven: {unproven}"), |()| "proven".to_owned());
            let reason = format!(
                "calls of one tenant only, by the publisher's word; rows are {proof}; {}",
                describe_result(&result)
            );
            Ok(SharingDecision { batching: Batching::SameTenant, rows_proof: None, reason })
        }
        BatchingPolicy::Auto | BatchingPolicy::Off => match &result {
            ProbeResult::Independent { .. } => {
                let reason = format!("rows are proven independent; {}", describe_result(&result));
                Ok(SharingDecision { batching: Batching::Rows, rows_proof: Some(ROWS_PROOF), reason })
            }
            _ => unshared(format!("rows are proven independent, but {}", describe_result(&result))),
        },
    }
}

/// A trial's result, in words.
fn describe_result(result: &ProbeResult) -> String {
    match result {
        ProbeResult::Independent { rows_differed: true, sets } => {
            format!("no row changed another one in a trial of {sets} sets of rows")
        }
        ProbeResult::Independent { rows_differed: false, .. } => {
            "all rows of a trial had the same outputs, which shows nothing".to_owned()
        }
        ProbeResult::Differs(reason) | ProbeResult::Dependent(reason) => format!("a trial: {reason}"),
        ProbeResult::NotRun(reason) => format!("no trial could be run: {}", strip_source_paths(reason)),
    }
}

/// How errors name a network.
fn network_label(name: Option<&str>) -> String {
    name.map_or_else(|| "the network".to_owned(), |name| format!("network {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(
        policy: BatchingPolicy,
        fits: bool,
        proven: bool,
        result: &ProbeResult,
    ) -> Result<SharingDecision, String> {
        let fits = if fits { Ok(()) } else { Err("the first dimension of \"x\" has a fixed size".to_owned()) };
        let unproven = NotProven { node: Some("Pad p".to_owned()), because: "moves rows".to_owned() };
        let prove = || Ok(if proven { Ok(()) } else { Err(unproven) });
        decide_sharing(None, policy, fits, prove, || result.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn calls_share_runs_by_proof_and_trial_together() {
        use BatchingPolicy::{Auto, Off, SameTenant};
        let apart = ProbeResult::Independent { sets: 3, rows_differed: true };
        let nothing = ProbeResult::Independent { sets: 3, rows_differed: false };
        let mixed = ProbeResult::Dependent("row 2 of 7 changed".to_owned());
        let differs = ProbeResult::Differs("2 rows are off by 1e-3".to_owned());
        let failed = ProbeResult::NotRun("it is too large".to_owned());
        let (rows, tenant, unshared) = (Batching::Rows, Batching::SameTenant, Batching::None);
        for (policy, fits, proven, result, expected, reason) in [
            (Auto, true, true, &apart, rows, "rows are proven independent; no row changed another one in a trial of 3"),
            (Auto, true, true, &nothing, rows, "had the same outputs, which shows nothing"),
            (Auto, true, true, &differs, unshared, "proven independent, but a trial: 2 rows are off by 1e-3"),
            (Auto, true, true, &failed, unshared, "proven independent, but no trial could be run: it is too large"),
            (Auto, true, false, &apart, unshared, "rows are not proven independent: node Pad p moves rows"),
            (Auto, true, false, &mixed, unshared, "rows are not proven independent: node Pad p moves rows"),
            (Auto, false, true, &apart, unshared, "\"x\" has a fixed size"),
            (Off, true, true, &apart, unshared, "switched off"),
            (Off, false, false, &mixed, unshared, "switched off"),
            (SameTenant, true, true, &apart, tenant, "by the publisher's word; rows are proven; no row changed"),
            (SameTenant, true, false, &apart, tenant, "rows are not proven: node Pad p moves rows; no row changed"),
            (SameTenant, true, false, &mixed, tenant, "a trial: row 2 of 7 changed"),
            (SameTenant, true, false, &failed, tenant, "no trial could be run"),
        ] {
            let shared = decided(policy, fits, proven, result).expect(reason);
            assert_eq!((shared.batching, shared.rows_proof.is_some()), (expected, expected == rows), "{reason}");
            assert!(shared.reason.contains(reason), "{reason:?}: {}", shared.reason);
        }
    }

    #[test]
    fn a_trial_that_contradicts_the_proof_fails_the_publish_and_an_override_that_cannot_be_is_refused() {
        let mixed = ProbeResult::Dependent("row 2 of 7 changed".to_owned());
        for policy in [BatchingPolicy::Auto, BatchingPolicy::SameTenant] {
            let error = decided(policy, true, true, &mixed).expect_err("they disagree");
            assert!(error.contains("proven") && error.contains("row 2 of 7 changed"), "{error}");
        }
        let error = decided(BatchingPolicy::SameTenant, false, true, &mixed).expect_err("it cannot be");
        assert!(error.contains("same-tenant") && error.contains("\"x\" has a fixed size"), "{error}");
    }

    #[test]
    fn what_does_not_depend_on_them_asks_neither_proof_nor_trial() {
        let prove = || -> RowsProof { panic!("not asked") };
        let off = decide_sharing(None, BatchingPolicy::Off, Ok(()), prove, || panic!("not asked")).expect("off");
        assert_eq!(off.batching, Batching::None);
        let unproven = || Ok(Err(NotProven { node: None, because: "no".to_owned() }));
        let auto =
            decide_sharing(None, BatchingPolicy::Auto, Ok(()), unproven, || panic!("not asked")).expect("not shared");
        assert_eq!(auto.batching, Batching::None);
    }
}
