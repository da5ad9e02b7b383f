//! Golden cases: compares a network's outputs with those of a reference implementation.

use amaas_wire::{Tensor, TensorData};

use amaas_engine::ExecutionProvider;

use super::LoadError;
use crate::manifest::GoldenCases;
use amaas_engine::infer::RunnableNetwork;

/// Runs every case on `network`.
///
/// # Errors
/// [`LoadError::GoldenCase`] names the first case that fails.
pub fn check_golden(
    network: &mut impl RunnableNetwork,
    provider: ExecutionProvider,
    golden: &GoldenCases,
) -> Result<(), LoadError> {
    // Other hardware sums in another order; 1e-3 is the tolerance of the vendors' own checks.
    let atol = if provider == ExecutionProvider::Cpu { golden.atol } else { golden.atol.max(1e-3) };
    for (index, case) in golden.cases.iter().enumerate() {
        let failed = |what: String| LoadError::GoldenCase { case: index, what };
        let outputs = network.run(&case.inputs).map_err(|error| failed(error.for_operator()))?;
        for expected in &case.outputs {
            let got = outputs.iter().find(|output| output.name() == expected.name());
            let got = got.ok_or_else(|| failed(format!("the network has no output {:?}", expected.name())))?;
            compare(expected, got, atol).map_err(failed)?;
        }
    }
    Ok(())
}

/// Compares two tensors.
///
/// # Errors
/// Describes how they differ by more than `atol`.
pub fn compare(expected: &Tensor, got: &Tensor, atol: f64) -> Result<(), String> {
    let name = expected.name();
    if (expected.datatype(), expected.shape()) != (got.datatype(), got.shape()) {
        let (expected, got) = ((expected.datatype(), expected.shape()), (got.datatype(), got.shape()));
        return Err(format!("output {name:?}: expected {} {:?}, got {} {:?}", expected.0, expected.1, got.0, got.1));
    }
    let max_difference = match (expected.data(), got.data()) {
        (TensorData::Fp16(a), TensorData::Fp16(b)) => max_difference(a, b),
        (TensorData::Fp32(a), TensorData::Fp32(b)) => max_difference(a, b),
        (TensorData::Fp64(a), TensorData::Fp64(b)) => max_difference(a, b),
        (TensorData::Bf16(a), TensorData::Bf16(b)) => max_difference(a, b),
        (expected, got) if expected == got => 0.0,
        _ => return Err(format!("output {name:?} differs")),
    };
    // NaN is within no bound.
    if max_difference <= atol {
        Ok(())
    } else {
        Err(format!("output {name:?} is off by {max_difference:e}, allowed {atol:e}"))
    }
}

fn max_difference<F: Copy + Into<f64>>(a: &[F], b: &[F]) -> f64 {
    a.iter().zip(b).map(|(a, b)| ((*a).into() - (*b).into()).abs()).fold(0.0, |max_difference, off| {
        if off.is_nan() || max_difference.is_nan() { f64::NAN } else { off.max(max_difference) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::new("y", vec![values.len()], values.to_vec()).expect("the shape is the length")
    }

    #[test]
    fn what_is_off_is_seen() {
        assert!(compare(&tensor(&[0.5, 0.25]), &tensor(&[0.5, 0.250_000_1]), 1e-6).is_ok());
        assert!(compare(&tensor(&[0.5]), &tensor(&[0.6]), 1e-6).is_err());
        assert!(compare(&tensor(&[0.5]), &tensor(&[f32::NAN]), 1e-6).is_err());
        assert!(compare(&tensor(&[0.5, 0.1]), &tensor(&[f32::NAN, 0.1]), 1e-6).is_err());
        assert!(compare(&tensor(&[0.5]), &tensor(&[0.5, 0.5]), 1e-6).is_err());
    }
}
