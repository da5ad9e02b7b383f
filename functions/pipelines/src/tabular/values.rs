//! The output of a regressor: one number for each row.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::task::{NetworkInfo, TaskError};
use amaas_wire::Tensor;
use amaas_wire::pipeline::TabularRegression;

use super::columns::is_float;
use super::output::{named, numbers, shortest};

/// How the output of a regressor is read: `[N]` or `[N, 1]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegressorOutput(String);

impl RegressorOutput {
    /// How the output of `network` is read.
    ///
    /// # Errors
    /// If the network has other outputs, or several values for a row.
    pub fn load(network: &NetworkInfo) -> Result<Self, TaskError> {
        let [output] = &network.outputs[..] else {
            let count = network.outputs.len();
            return Err(TaskError::new(format!(
                "expected one output with a number for each row, got {count} outputs; a classifier is served by \
                 tabular-classification"
            )));
        };
        let TensorSpec { name, datatype, shape, .. } = output;
        if !is_float(*datatype) {
            return Err(TaskError::new(format!(
                "output {name:?}: expected floats, got {datatype}; a classifier is served by tabular-classification"
            )));
        }
        match &shape[..] {
            [] | [_] | [_, Dim::Fixed(1) | Dim::Symbol(_)] => Ok(Self(name.clone())),
            _ => Err(TaskError::new(format!(
                "output {name:?} has several numbers for a row; publish a regressor with several targets without a pipeline, as tensors"
            ))),
        }
    }

    /// The predictions of a run of `rows` rows.
    ///
    /// # Errors
    /// Names the output if it is not what the network declares.
    pub fn predictions(&self, outputs: &[Tensor], rows: usize) -> Result<Vec<TabularRegression>, TaskError> {
        let output = named(outputs, &self.0)?;
        let values = numbers(output, shortest)?;
        if values.len() != rows {
            let (name, shape) = (&self.0, output.shape());
            return Err(TaskError::new(format!("output {name:?}: expected {rows} numbers, got {shape:?}")));
        }
        Ok(values.into_iter().map(TabularRegression).collect())
    }
}

#[cfg(test)]
mod tests {
    use amaas_wire::{Datatype, TensorData};

    use super::*;

    #[test]
    fn a_regressor_gives_one_number_for_each_row() {
        let load = |outputs: &[(Datatype, &[Option<usize>])]| {
            let dim = |dim: &Option<usize>| dim.map_or_else(|| Dim::Symbol(String::new()), Dim::Fixed);
            let spec = |(datatype, dims): &(Datatype, &[Option<usize>])| {
                TensorSpec::new("y", *datatype, dims.iter().map(dim).collect())
            };
            let outputs = outputs.iter().map(spec).collect();
            RegressorOutput::load(&NetworkInfo { outputs, ..NetworkInfo::default() }).map_err(|error| error.to_string())
        };
        let y = load(&[(Datatype::Fp32, &[None, Some(1)])]).expect("a regressor");
        assert_eq!(load(&[(Datatype::Fp64, &[None])]).as_ref(), Ok(&y));
        let tensor = Tensor::new("y", vec![2, 1], TensorData::from(vec![0.1_f32, -2.0])).expect("a tensor");
        let predictions = y.predictions(std::slice::from_ref(&tensor), 2).expect("two numbers");
        assert_eq!(serde_json::to_string(&predictions).expect("JSON"), "[0.1,-2.0]");
        let error = y.predictions(&[tensor], 3).expect_err("another number of rows").to_string();
        assert_eq!(error, "output \"y\": expected 3 numbers, got [2, 1]");
        for (outputs, expected) in [
            (
                &[(Datatype::Int64, &[None][..]), (Datatype::Fp32, &[None])][..],
                "expected one output with a number for each row, got 2",
            ),
            (
                &[(Datatype::Int64, &[None])],
                "output \"y\": expected floats, got INT64; a classifier is served by tabular-classification",
            ),
            (&[(Datatype::Fp32, &[None, Some(2)])], "output \"y\" has several numbers for a row"),
        ] {
            let error = load(outputs).expect_err(expected);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
