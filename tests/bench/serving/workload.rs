//! The workloads: networks with one row for each.

use std::path::{Path, PathBuf};

use amaas_e2e::onnx::Graph;
use serde_json::json;

use crate::synthetic::{EncoderSize, encoder};

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    /// T: sentiment, 642 KB, 256 ids a row.
    Tiny,
    /// M: `MiniLM`, 90 MB, 128 tokens a row, as the recipe of `functions/embed` builds it.
    MiniLm,
    /// S: a synthetic encoder of the same size, if M was not built.
    Medium,
    /// L: an encoder of 436 MB.
    Large,
}

impl Workload {
    /// M, or its substitute S.
    pub(crate) fn medium() -> Self {
        if minilm().is_file() { Self::MiniLm } else { Self::Medium }
    }

    /// Its name in tables and on command lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tiny => "T",
            Self::MiniLm => "M",
            Self::Medium => "S",
            Self::Large => "L",
        }
    }

    /// The workload with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Tiny, Self::MiniLm, Self::Medium, Self::Large].into_iter().find(|work| work.name() == name)
    }

    /// The model's name in the store and in paths.
    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::Tiny => "sentiment",
            Self::MiniLm => "minilm",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The ONNX file, which is written to `folder` if it is not in the repository.
    pub(crate) fn file(self, folder: &Path) -> PathBuf {
        let size = match self {
            Self::Tiny => return functions().join("sentiment/model/sentiment.onnx"),
            Self::MiniLm => return minilm(),
            Self::Medium => EncoderSize { layers: 6, width: 384 },
            Self::Large => EncoderSize { layers: 12, width: 768 },
        };
        let file = folder.join(format!("{}.onnx", self.model()));
        if !file.exists() {
            std::fs::write(&file, Graph::into_file(encoder(size))).expect("there is room for the network");
        }
        file
    }

    /// One row: the inputs by name. Ids are spread over the vocabulary, so that distant rows of its table are read.
    pub(crate) fn row(self) -> Vec<(&'static str, Vec<i64>)> {
        let ids = |count: i64, most: i64| (0..count).map(|index| 4 + index * 7_919 % (most - 4)).collect::<Vec<_>>();
        match self {
            Self::Tiny => vec![("input_ids", ids(256, 10_000))],
            Self::MiniLm => vec![
                ("input_ids", ids(TOKENS, 30_522)),
                ("attention_mask", vec![1; 128]),
                ("token_type_ids", vec![0; 128]),
            ],
            Self::Medium | Self::Large => vec![("input_ids", ids(TOKENS, 30_522))],
        }
    }

    /// A call with one row, in the Open Inference Protocol's JSON.
    pub(crate) fn body(self) -> Vec<u8> {
        let tensor = |(name, data): (&str, Vec<i64>)| json!({"name": name, "datatype": "INT64", "shape": [1, data.len()], "data": data});
        json!({"inputs": self.row().into_iter().map(tensor).collect::<Vec<_>>()}).to_string().into_bytes()
    }

    /// The path of its route.
    pub(crate) fn path(self) -> String {
        format!("/v2/models/{}/infer", self.model())
    }
}

/// The values of `answer`, in the Open Inference Protocol's JSON; empty for anything else.
pub(crate) fn values(answer: &[u8]) -> Vec<f32> {
    let mut answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    let values = answer.pointer_mut("/outputs/0/data").map(serde_json::Value::take).unwrap_or_default();
    serde_json::from_value(values).unwrap_or_default()
}

/// The largest difference between `values` and `expected`; infinite if their lengths differ.
pub(crate) fn furthest(values: &[f32], expected: &[f32]) -> f64 {
    if values.len() != expected.len() {
        return f64::INFINITY;
    }
    let differences = values.iter().zip(expected).map(|(value, expected)| f64::from((value - expected).abs()));
    // NaN counts as infinite.
    differences.max_by(f64::total_cmp).unwrap_or_default()
}

/// Whether `answer`, in the Open Inference Protocol's JSON, has the values `expected`, within the tolerance of other summation orders.
pub(crate) fn agrees(answer: &[u8], expected: &[f32]) -> bool {
    furthest(&values(answer), expected) < MAX_DIFFERENCE
}

/// The tolerance that hardware vendors use in their own checks.
pub(crate) const MAX_DIFFERENCE: f64 = 1e-3;

fn minilm() -> PathBuf {
    functions().join("embed/model/built/minilm.onnx")
}

/// The folder of the functions.
pub(crate) fn functions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions")
}

/// The folder `name` of Cargo's target folder.
pub(crate) fn beside_the_build(name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("a process knows its program");
    // target/<profile>/deps/serving-<hash>
    program.ancestors().nth(3).expect("benchmarks lie in target/<profile>/deps").join(name)
}

const TOKENS: i64 = 128;
