//! Outputs as classes: Triton's classification extension. The largest values of each row become texts `value:index`, or
//! `value:index:label` if the model's task knows the labels.
//!
//! As in Triton, an output has rows if the network is known to have a batch, a row has all further dimensions, and a value is written as
//! C's `printf` writes `%d` or `%f`. Equal values are in the order of their indexes.

use std::cmp::Ordering;

use amaas_model::load::Model;
use amaas_model::task::{CpuWork, ModelCall};
use amaas_wire::{Datatype, Tensor, TensorData};

use crate::error::Error;
use crate::request::CallError;

/// Refuses outputs that have no numbers.
pub(super) fn check(model: &Model, classes: &[(String, u64)]) -> Result<(), Error> {
    let outputs = &model.manifest.outputs;
    for (name, _) in classes {
        if let Some(output) = outputs.iter().find(|output| output.name == *name)
            && matches!(output.datatype, Datatype::Bool | Datatype::Bytes)
        {
            let got = output.datatype;
            return Err(Error::invalid(format!("output {name:?}: classification: expected numbers, got {got}")));
        }
    }
    Ok(())
}

/// `outputs`, with those in `classes` as texts.
pub(super) async fn classified(
    call: &ModelCall,
    model: &Model,
    outputs: Vec<Tensor>,
    classes: &[(String, u64)],
) -> Result<Vec<Tensor>, CallError> {
    let has_rows = model.manifest.batching.has_rows();
    let wanted = |output: &Tensor| {
        let (_, count) = classes.iter().find(|(name, _)| name == output.name())?;
        let count = usize::try_from(*count).unwrap_or(usize::MAX);
        Some((count, model.labels(output.name()).map(<[String]>::to_vec).unwrap_or_default()))
    };
    let outputs: Vec<_> = outputs.into_iter().map(|output| (wanted(&output), output)).collect();
    let write = move |_: &_| {
        let written = outputs.into_iter().map(|(wanted, output)| match wanted {
            Some((count, labels)) => classes_of(&output, count, has_rows, &labels),
            None => Ok(output),
        });
        written.collect::<Result<Vec<_>, _>>().map_err(amaas_model::PredictError::internal)
    };
    Ok(call.compute(CpuWork::json(call.output_size()), write).await?)
}

/// The `count` largest values of each row of `output`.
fn classes_of(
    output: &Tensor,
    count: usize,
    has_rows: bool,
    labels: &[String],
) -> Result<Tensor, amaas_wire::TensorError> {
    let (rows, row) = match output.shape() {
        [rows, row @ ..] if has_rows => (Some(*rows), row),
        row => (None, row),
    };
    let width: usize = row.iter().product();
    let count = count.min(width);
    let layout = RowClasses { width, count, labels };
    let texts = match output.data() {
        TensorData::Uint8(values) => layout.texts(values, Ord::cmp, u8::to_string),
        TensorData::Uint16(values) => layout.texts(values, Ord::cmp, u16::to_string),
        TensorData::Uint32(values) => layout.texts(values, Ord::cmp, u32::to_string),
        TensorData::Uint64(values) => layout.texts(values, Ord::cmp, u64::to_string),
        TensorData::Int8(values) => layout.texts(values, Ord::cmp, i8::to_string),
        TensorData::Int16(values) => layout.texts(values, Ord::cmp, i16::to_string),
        TensorData::Int32(values) => layout.texts(values, Ord::cmp, i32::to_string),
        TensorData::Int64(values) => layout.texts(values, Ord::cmp, i64::to_string),
        TensorData::Fp16(values) => layout.texts(values, |a, b| order(a.to_f64(), b.to_f64()), |a| float(a.to_f64())),
        TensorData::Bf16(values) => layout.texts(values, |a, b| order(a.to_f64(), b.to_f64()), |a| float(a.to_f64())),
        TensorData::Fp32(values) => {
            layout.texts(values, |a, b| order(f64::from(*a), f64::from(*b)), |a| float(f64::from(*a)))
        }
        TensorData::Fp64(values) => layout.texts(values, |a, b| order(*a, *b), |a| float(*a)),
        // `check` has refused them.
        _ => Vec::new(),
    };
    let shape = rows.into_iter().chain([count]).collect();
    Tensor::new(output.name(), shape, texts)
}

/// The rows of an output, and the classes of each.
struct RowClasses<'l> {
    width: usize,
    count: usize,
    labels: &'l [String],
}

impl RowClasses<'_> {
    /// The texts of all rows of `values`.
    fn texts<T>(&self, values: &[T], order: impl Fn(&T, &T) -> Ordering, number: impl Fn(&T) -> String) -> Vec<String> {
        let mut texts = Vec::new();
        for row in values.chunks_exact(self.width.max(1)) {
            let mut indexes: Vec<usize> = (0..row.len()).collect();
            indexes.sort_by(|one, other| order(&row[*other], &row[*one]));
            texts.extend(indexes.into_iter().take(self.count).map(|index| {
                let text = format!("{}:{index}", number(&row[index]));
                match self.labels.get(index) {
                    Some(label) => format!("{text}:{label}"),
                    None => text,
                }
            }));
        }
        texts
    }
}

/// Numbers in their order; NaN is the smallest.
fn order(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other).unwrap_or_else(|| other.is_nan().cmp(&one.is_nan()))
}

/// As C writes `%f`.
fn float(value: f64) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{value:.6}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(
        data: impl Into<TensorData>,
        shape: &[usize],
        count: usize,
        has_rows: bool,
    ) -> (Vec<usize>, Vec<String>) {
        let output = Tensor::new("y", shape.to_vec(), data).expect("of its shape");
        let classes =
            classes_of(&output, count, has_rows, &["cat".to_owned(), "dog".to_owned()]).expect("of its shape");
        let TensorData::Bytes(texts) = classes.data() else { panic!("expected texts, got {classes:?}") };
        (classes.shape().to_vec(), texts.clone())
    }

    #[test]
    fn the_largest_values_of_each_row_come_first() {
        let values = vec![0.25_f32, 0.5, 0.007_812_5, -1.0, 2.0, 2.0];
        let expected = ["0.500000:1:dog", "0.250000:0:cat", "2.000000:1:dog", "2.000000:2"].map(str::to_owned);
        assert_eq!(classes(values.clone(), &[2, 3], 2, true), (vec![2, 2], expected.to_vec()));
        // Without a batch, all values are of one row.
        let expected =
            ["2.000000:4", "2.000000:5", "0.500000:1:dog", "0.250000:0:cat", "0.007812:2"].map(str::to_owned);
        assert_eq!(classes(values.clone(), &[2, 3], 5, false), (vec![5], expected.to_vec()));
        // Further dimensions are of the row, and there are no more classes than values.
        assert_eq!(classes(values, &[1, 2, 3], 99, true).0, [1, 6]);
    }

    #[test]
    fn numbers_of_each_kind_are_ordered_and_written() {
        assert_eq!(
            classes(vec![-3_i64, i64::MIN, 7], &[3], 3, false).1,
            ["7:2", "-3:0:cat", "-9223372036854775808:1:dog"]
        );
        assert_eq!(classes(vec![u64::MAX, 1], &[2], 1, false).1, ["18446744073709551615:0:cat"]);
        let odd = vec![f64::NAN, f64::NEG_INFINITY, 1e300, f64::INFINITY];
        let texts = classes(odd, &[4], 4, false).1;
        assert_eq!((texts[0].as_str(), texts[2].as_str(), texts[3].as_str()), ("inf:3", "-inf:1:dog", "nan:0:cat"));
        assert!(
            texts[1].starts_with("1000000000000000052504760255204") && texts[1].ends_with(".000000:2"),
            "{}",
            texts[1]
        );
        let half = vec![half::f16::from_f32(0.5), half::f16::from_f32(1.0)];
        assert_eq!(classes(half, &[2], 2, false).1, ["1.000000:1:dog", "0.500000:0:cat"]);
    }

    #[test]
    fn outputs_without_values_have_no_classes() {
        assert_eq!(classes(Vec::<f32>::new(), &[0, 3], 2, true), (vec![0, 2], vec![]));
        assert_eq!(classes(Vec::<f32>::new(), &[2, 0], 2, true), (vec![2, 0], vec![]));
        assert_eq!(classes(vec![0.5_f32], &[], 2, false), (vec![1], vec!["0.500000:0:cat".to_owned()]));
    }
}
