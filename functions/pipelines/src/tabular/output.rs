//! Reading output tensors, and what a network says of them.

use amaas_model::task::{NetworkInfo, TaskError};
use amaas_wire::{Tensor, TensorData};
use serde::de::DeserializeOwned;

/// The output `name`.
pub(super) fn named<'o>(outputs: &'o [Tensor], name: &str) -> Result<&'o Tensor, TaskError> {
    let found = outputs.iter().find(|output| output.name() == name);
    found.ok_or_else(|| TaskError::new(format!("the network gave no output {name:?}")))
}

/// The numbers of a floating-point output; those of FP32 and FP16 through `widen`.
pub(super) fn numbers(output: &Tensor, widen: fn(f32) -> f64) -> Result<Vec<f64>, TaskError> {
    match output.data() {
        TensorData::Fp16(values) => Ok(values.iter().map(|value| widen(value.to_f32())).collect()),
        TensorData::Fp32(values) => Ok(values.iter().map(|value| widen(*value)).collect()),
        TensorData::Fp64(values) => Ok(values.to_vec()),
        data => Err(TaskError::new(format!("output {:?}: expected floats, got {}", output.name(), data.datatype()))),
    }
}

/// The number with the shortest decimals that mean `value`: 0.1, and not 0.10000000149.
pub(super) fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

/// The property `key` of the network's metadata.
pub(super) fn property<T: DeserializeOwned>(network: &NetworkInfo, key: &str) -> Result<Option<T>, TaskError> {
    let read = |json: &String| serde_json::from_str(json);
    let read = network.metadata.get(key).map(read).transpose();
    read.map_err(|error| TaskError::new(format!("the network's metadata: {key}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_were_meant() {
        for (value, expected) in [(0.1, 0.1), (-1e30, -1e30), (1e-40, 1e-40), (16_777_217.0, 16_777_216.0), (0.0, 0.0)]
        {
            assert!((shortest(value) - expected).abs() <= f64::EPSILON * expected.abs(), "{value}");
        }
        assert!(shortest(f32::NAN).is_nan());
        let tensor = |data: TensorData| Tensor::new("y", vec![1], data).expect("a tensor");
        assert_eq!(numbers(&tensor(vec![0.1_f32].into()), shortest).expect("floats"), [0.1]);
        assert_eq!(numbers(&tensor(vec![0.1_f64].into()), shortest).expect("floats"), [0.1]);
        let error = numbers(&tensor(vec![1_i64].into()), shortest).expect_err("integers").to_string();
        assert_eq!(error, "output \"y\": expected floats, got INT64");
    }
}
