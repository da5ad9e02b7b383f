//! The class labels of a classifier's scores, by output: in the order of the columns of `[rows, classes]`.
//!
//! They are kept as metadata of the network, which a task is loaded from. A file may declare them itself, under [`CLASS_LABELS`]:
//! publishing does when it removes a `ZipMap`. For other files they are read from the classifier that makes the output.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use serde::{Deserialize, Serialize};

use super::OnnxError;
use super::proto::{Entry, Graph, Model, Node, ValueInfo};

/// The metadata property with the class labels of the network's outputs, as JSON: `{"output_probability":["no","yes"]}`. Labels are
/// strings or integers.
pub const CLASS_LABELS: &str = "amaas.class_labels";
/// The metadata property with the names of the outputs whose values are known to be probabilities, as JSON: `["probabilities"]`.
pub const PROBABILITIES: &str = "amaas.probabilities";

/// The labels of a classifier's classes, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ClassLabels {
    Integers(Vec<i64>),
    Strings(Vec<String>),
}

impl ClassLabels {
    /// The labels in the attributes of `ZipMap` or of a classifier.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub(super) fn of_attributes(node: &Node) -> Result<Self, String> {
        let (mut integers, mut strings) = (Vec::new(), Vec::new());
        for own in &node.attribute {
            match own.name.as_deref() {
                Some(b"classlabels_int64s" | b"classlabels_ints") => integers.extend_from_slice(&own.ints),
                Some(b"classlabels_strings") => strings.extend_from_slice(&own.strings),
                _ => {}
            }
        }
        let label = |label: &Bytes| std::str::from_utf8(label).map(str::to_owned);
        match (integers.len(), strings.len()) {
            (0, 0) => Err("it has no class labels".to_owned()),
            (_, 0) => Ok(Self::Integers(integers)),
            (0, _) => strings
                .iter()
                .map(label)
                .collect::<Result<_, _>>()
                .map(Self::Strings)
                .map_err(|error| format!("a class label is not UTF-8: {error}")),
            _ => Err("it has class labels of two types".to_owned()),
        }
    }

    /// The number of classes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Integers(labels) => labels.len(),
            Self::Strings(labels) => labels.len(),
        }
    }
}

/// The class labels of a network's outputs, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NetworkLabels(BTreeMap<String, ClassLabels>);

impl NetworkLabels {
    /// The labels that the file declares; none if the property is absent or another program's.
    pub(super) fn declared(model: &Model) -> Result<Self, OnnxError> {
        let mut declared = Self::default();
        for entry in &model.metadata_props {
            let Entry { key, value } = Entry::decode(entry.clone()).map_err(|error| not_onnx(&error))?;
            if key.as_deref() == Some(CLASS_LABELS.as_bytes()) {
                declared = Self(serde_json::from_slice(&value.unwrap_or_default()).unwrap_or_default());
            }
        }
        Ok(declared)
    }

    /// Adds the labels of an output.
    pub(super) fn insert(&mut self, output: String, labels: ClassLabels) {
        self.0.insert(output, labels);
    }

    /// Writes the property into `model`, before others: of many properties, the first are kept.
    ///
    /// # Errors
    /// If it is larger than a manifest holds.
    pub(super) fn declare(&self, model: &mut Model) -> Result<(), OnnxError> {
        let json = serde_json::to_string(&self.0).map_err(|error| OnnxError::NotOnnx(error.to_string()))?;
        let (got, expected) = (CLASS_LABELS.len() + json.len(), super::describe::MAX_METADATA_VALUE);
        if got > expected {
            return Err(OnnxError::Labels { expected, got });
        }
        let is_other = |entry: &Bytes| {
            Entry::decode(entry.clone()).map_or(true, |entry| entry.key.as_deref() != Some(CLASS_LABELS.as_bytes()))
        };
        model.metadata_props.retain(is_other);
        let entry = Entry { key: Some(Bytes::from_static(CLASS_LABELS.as_bytes())), value: Some(json.into()) };
        model.metadata_props.insert(0, entry.encode_to_vec().into());
        Ok(())
    }
}

/// The properties [`CLASS_LABELS`] and [`PROBABILITIES`], as far as the graph says them.
pub(super) fn derived(graph: &Graph) -> Vec<(String, String)> {
    let (mut labels, mut probabilities) = (BTreeMap::new(), Vec::new());
    for output in &graph.output {
        let Some(name) = ValueInfo::decode(output.clone()).ok().and_then(|value| value.name) else { continue };
        let origin = ScoreOrigin::of(graph, &name);
        if origin.is_probability {
            probabilities.push(String::from_utf8_lossy(&name).into_owned());
        }
        if let Some(of_node) = origin.classifier.and_then(|node| ClassLabels::of_attributes(node).ok()) {
            labels.insert(String::from_utf8_lossy(&name).into_owned(), of_node);
        }
    }
    let mut properties = Vec::new();
    if !labels.is_empty() {
        properties.extend(serde_json::to_string(&labels).map(|json| (CLASS_LABELS.to_owned(), json)));
    }
    if !probabilities.is_empty() {
        properties.extend(serde_json::to_string(&probabilities).map(|json| (PROBABILITIES.to_owned(), json)));
    }
    properties
}

/// What makes the scores of an output.
struct ScoreOrigin<'g> {
    classifier: Option<&'g Node>,
    /// Whether an operator makes them probabilities. `false` if that is not known: a forest has probabilities in its leaves.
    is_probability: bool,
}

impl<'g> ScoreOrigin<'g> {
    /// Walks from the value `name` up to its classifier, through operators that keep the order of columns.
    fn of(graph: &'g Graph, name: &Bytes) -> Self {
        let (mut name, mut found) = (name, Self { classifier: None, is_probability: false });
        for _ in 0..MAX_STEPS {
            let Some(node) = graph.node.iter().find(|node| node.output.contains(name)) else { break };
            let operator = node.op_type.as_deref().unwrap_or_default();
            if node.domain.as_deref() == Some(b"ai.onnx.ml") {
                match operator {
                    b"TreeEnsembleClassifier" | b"LinearClassifier" | b"SVMClassifier"
                        if node.output.get(1) == Some(name) =>
                    {
                        found.is_probability |= has_probability_transform(node);
                        found.classifier = Some(node);
                        break;
                    }
                    b"Normalizer" => {}
                    _ => break,
                }
            } else {
                match operator {
                    b"Softmax" | b"Sigmoid" => found.is_probability = true,
                    b"Identity" | b"Cast" => {}
                    _ => break,
                }
            }
            let Some(input) = node.input.first() else { break };
            name = input;
        }
        found
    }
}

/// Whether a classifier turns its scores into probabilities.
fn has_probability_transform(node: &Node) -> bool {
    let transform = node.attribute.iter().find(|own| own.name.as_deref() == Some(b"post_transform"));
    let transform = transform.and_then(|own| own.s.as_deref());
    matches!(transform, Some(b"LOGISTIC" | b"SOFTMAX" | b"SOFTMAX_ZERO" | b"PROBIT"))
}

fn not_onnx(error: &prost::DecodeError) -> OnnxError {
    OnnxError::NotOnnx(error.to_string())
}

/// The most nodes between a classifier and an output.
const MAX_STEPS: usize = 16;
