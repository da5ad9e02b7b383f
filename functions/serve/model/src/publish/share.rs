//! Decides which calls may share a run.
//!
//! Calls of different tenants share one only where the graph is proven to keep its rows apart, and a trial agrees. The owner of a
//! network can have calls share none, and can let those of one tenant share runs of a network that is not proven.

use super::PublishError;
use super::probe::Seen;
use amaas_engine::onnx::{NotProven, OnnxError};
use amaas_engine::session::strip_source_paths;
use amaas_engine::{Batching, ROWS_PROOF};

/// Who decides which calls share a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchingPolicy {
    /// The proof: all calls share runs where rows are proven independent, and none where they are not.
    #[default]
    Auto,
    /// Nobody: each call runs alone.
    Off,
    /// The owner of the network, who takes it on that rows of one tenant may change one another: calls of one tenant share runs,
    /// proven or not, and calls of different tenants never do.
    SameTenant,
}

/// Which calls may share a run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shared {
    pub(super) batching: Batching,
    pub(super) rows_proof: Option<u32>,
    pub(super) because: String,
}

/// What the analysis says of a network's rows.
pub(super) type Proof = Result<Result<(), NotProven>, OnnxError>;

/// Decides for the network `name`, of which `fits` says whether calls could be put together at all. Neither `prove` nor `trial` is asked
/// where that does not depend on them.
pub(super) fn decide(
    name: Option<&str>,
    policy: BatchingPolicy,
    fits: Result<(), String>,
    prove: impl FnOnce() -> Proof,
    trial: impl FnOnce() -> Seen,
) -> Result<Shared, PublishError> {
    let alone = |because| Ok(Shared { batching: Batching::None, rows_proof: None, because });
    let refused = |because| PublishError::CannotShare { network: named(name), because };
    match (policy, fits) {
        (BatchingPolicy::Off, _) => return alone("switched off by the publisher".to_owned()),
        (BatchingPolicy::Auto, Err(because)) => return alone(because),
        (BatchingPolicy::SameTenant, Err(because)) => return Err(refused(because)),
        (BatchingPolicy::Auto | BatchingPolicy::SameTenant, Ok(())) => {}
    }
    let proof = prove()?;
    if let (Err(unproven), BatchingPolicy::Auto) = (&proof, policy) {
        return alone(format!("rows are not proven independent: {unproven}"));
    }
    let seen = trial();
    if let (Ok(()), Seen::Mixed(trial)) = (&proof, &seen) {
        return Err(PublishError::TrialContradictsProof { network: named(name), trial: trial.clone() });
    }
    match policy {
        BatchingPolicy::SameTenant => {
            let proof = proof.map_or_else(|unproven| format!("not proven: {unproven}"), |()| "proven".to_owned());
            let because =
                format!("calls of one tenant only, by the publisher's word; rows are {proof}; {}", told(&seen));
            Ok(Shared { batching: Batching::SameTenant, rows_proof: None, because })
        }
        BatchingPolicy::Auto | BatchingPolicy::Off => match &seen {
            Seen::Apart { .. } => {
                let because = format!("rows are proven independent; {}", told(&seen));
                Ok(Shared { batching: Batching::Rows, rows_proof: Some(ROWS_PROOF), because })
            }
            _ => alone(format!("rows are proven independent, but {}", told(&seen))),
        },
    }
}

/// What a trial saw, in words.
fn told(seen: &Seen) -> String {
    match seen {
        Seen::Apart { told_apart: true, sets } => {
            format!("no row changed another one in a trial of {sets} sets of rows")
        }
        Seen::Apart { told_apart: false, .. } => {
            "all rows of a trial gave the same answer, which shows nothing".to_owned()
        }
        Seen::Differs(because) | Seen::Mixed(because) => format!("a trial: {because}"),
        Seen::NotRun(because) => format!("no trial could be run: {}", strip_source_paths(because)),
    }
}

/// How errors name a network.
fn named(name: Option<&str>) -> String {
    name.map_or_else(|| "the network".to_owned(), |name| format!("network {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(policy: BatchingPolicy, fits: bool, proven: bool, seen: &Seen) -> Result<Shared, String> {
        let fits = if fits { Ok(()) } else { Err("the first dimension of \"x\" has a fixed size".to_owned()) };
        let unproven = NotProven { node: Some("Pad p".to_owned()), because: "moves rows".to_owned() };
        let prove = || Ok(if proven { Ok(()) } else { Err(unproven) });
        decide(None, policy, fits, prove, || seen.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn calls_share_runs_by_proof_and_trial_together() {
        use BatchingPolicy::{Auto, Off, SameTenant};
        let apart = Seen::Apart { sets: 3, told_apart: true };
        let nothing = Seen::Apart { sets: 3, told_apart: false };
        let mixed = Seen::Mixed("row 2 of 7 changed".to_owned());
        let differs = Seen::Differs("2 rows are off by 1e-3".to_owned());
        let failed = Seen::NotRun("it is too large".to_owned());
        let (rows, tenant, alone) = (Batching::Rows, Batching::SameTenant, Batching::None);
        for (policy, fits, proven, seen, expected, because) in [
            (Auto, true, true, &apart, rows, "rows are proven independent; no row changed another one in a trial of 3"),
            (Auto, true, true, &nothing, rows, "gave the same answer, which shows nothing"),
            (Auto, true, true, &differs, alone, "proven independent, but a trial: 2 rows are off by 1e-3"),
            (Auto, true, true, &failed, alone, "proven independent, but no trial could be run: it is too large"),
            (Auto, true, false, &apart, alone, "rows are not proven independent: node Pad p moves rows"),
            (Auto, true, false, &mixed, alone, "rows are not proven independent: node Pad p moves rows"),
            (Auto, false, true, &apart, alone, "\"x\" has a fixed size"),
            (Off, true, true, &apart, alone, "switched off"),
            (Off, false, false, &mixed, alone, "switched off"),
            (SameTenant, true, true, &apart, tenant, "by the publisher's word; rows are proven; no row changed"),
            (SameTenant, true, false, &apart, tenant, "rows are not proven: node Pad p moves rows; no row changed"),
            (SameTenant, true, false, &mixed, tenant, "a trial: row 2 of 7 changed"),
            (SameTenant, true, false, &failed, tenant, "no trial could be run"),
        ] {
            let shared = decided(policy, fits, proven, seen).expect(because);
            assert_eq!((shared.batching, shared.rows_proof.is_some()), (expected, expected == rows), "{because}");
            assert!(shared.because.contains(because), "{because:?}: {}", shared.because);
        }
    }

    #[test]
    fn a_trial_that_contradicts_the_proof_fails_the_publish_and_an_override_that_cannot_be_is_refused() {
        let mixed = Seen::Mixed("row 2 of 7 changed".to_owned());
        for policy in [BatchingPolicy::Auto, BatchingPolicy::SameTenant] {
            let error = decided(policy, true, true, &mixed).expect_err("they disagree");
            assert!(error.contains("proven") && error.contains("row 2 of 7 changed"), "{error}");
        }
        let error = decided(BatchingPolicy::SameTenant, false, true, &mixed).expect_err("it cannot be");
        assert!(error.contains("same-tenant") && error.contains("\"x\" has a fixed size"), "{error}");
    }

    #[test]
    fn what_does_not_depend_on_them_asks_neither_proof_nor_trial() {
        let prove = || -> Proof { panic!("not asked") };
        let off = decide(None, BatchingPolicy::Off, Ok(()), prove, || panic!("not asked")).expect("off");
        assert_eq!(off.batching, Batching::None);
        let unproven = || Ok(Err(NotProven { node: None, because: "no".to_owned() }));
        let auto = decide(None, BatchingPolicy::Auto, Ok(()), unproven, || panic!("not asked")).expect("not shared");
        assert_eq!(auto.batching, Batching::None);
    }
}
