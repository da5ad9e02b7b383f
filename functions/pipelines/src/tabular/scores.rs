//! The outputs of a classifier: labels, and scores of all classes.

use amaas_engine::onnx::PROBABILITIES;
use amaas_engine::{Dim, TensorSpec};
use amaas_model::task::{NetworkInfo, TaskError};
use amaas_wire::pipeline::{TabularClassification, TabularLabel, TabularScore, TabularScoreType};
use amaas_wire::{Datatype, Tensor, TensorData};

use super::class_names::{ClassNames, Classes};
use super::columns::is_float;
use super::columns_file::ColumnsFile;
use super::output::{named, numbers, property};

/// How the outputs of a classifier are read.
///
/// The scores are a matrix `[N, classes]`; `[N, 1]` and `[N]` have the score of the second of two classes. The labels are a list of
/// strings or integers, and are what the classifier chose. Without them, the class with the highest score is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifierOutputs {
    scores: String,
    labels: Option<String>,
    classes: Classes,
    /// What the scores are; `None` if their values decide.
    score_type: Option<TabularScoreType>,
}

impl ClassifierOutputs {
    /// How the outputs of `network` are read.
    ///
    /// The labels of answers are those of `names` that the publisher chose, the network's own (`classes` of `file`, then its
    /// metadata), or those of `config.json`.
    ///
    /// # Errors
    /// Names the output that is not what a classifier has, and what would work.
    pub fn load(network: &NetworkInfo, file: &ColumnsFile, names: ClassNames) -> Result<Self, TaskError> {
        let probabilities: Vec<String> = property(network, PROBABILITIES)?.unwrap_or_default();
        let scores = scores_output(network, &probabilities)?;
        let chosen = labels_output(network)?;
        let width = width(scores)?;
        let classes = Classes::resolve(network, file, names, (&scores.name, width, chosen))?;
        let count = classes.count();
        if width.is_some_and(|width| width != count && !(width == 1 && count == 2)) {
            let width = width.unwrap_or_default();
            return Err(TaskError::new(format!(
                "output {:?} has {width} columns, and there are {count} classes",
                scores.name
            )));
        }
        let score_type = file.scores.or(probabilities.contains(&scores.name).then_some(TabularScoreType::Probability));
        if width == Some(1) && score_type.is_none() {
            return Err(TaskError::new(format!(
                "output {:?} is one score of two classes, and the network does not say whether it is a probability; publish \
                 columns.json with {{\"scores\": \"probability\"}} or {{\"scores\": \"decision\"}}",
                scores.name
            )));
        }
        let labels = chosen.map(|output| output.name.clone());
        Ok(Self { scores: scores.name.clone(), labels, classes, score_type })
    }

    /// The predictions of a run of `rows` rows. `top_k` bounds the scores of each.
    ///
    /// # Errors
    /// Names the output that is not what the network declares.
    pub fn predictions(
        &self,
        outputs: &[Tensor],
        rows: usize,
        top_k: Option<usize>,
    ) -> Result<Vec<TabularClassification>, TaskError> {
        let scores = named(outputs, &self.scores)?;
        let (values, classes) = (numbers(scores, f64::from)?, self.classes.count());
        let width = values.len().checked_div(rows).filter(|width| width * rows == values.len()).unwrap_or_default();
        if width != classes && !(width == 1 && classes == 2 && self.score_type.is_some()) {
            let (name, shape) = (&self.scores, scores.shape());
            return Err(TaskError::new(format!("output {name:?}: expected [{rows}, {classes}], got {shape:?}")));
        }
        let labels = self.labels.as_ref().map(|name| labels(named(outputs, name)?, rows)).transpose()?;
        let row = |(row, values): (usize, &[f64])| {
            let (scores, score_type) = self.scores_of(values);
            let chosen = match &labels {
                Some(labels) => self.classes.place(&labels[row]),
                None => highest(&scores),
            };
            let chosen = chosen.and_then(|class| self.classes.name(class));
            let prediction = chosen.and_then(|chosen| TabularClassification::of(chosen.clone(), scores, score_type));
            let unknown = || TaskError::new("the network chose a label that is none of its classes");
            let mut prediction = prediction.ok_or_else(unknown)?;
            prediction.scores.truncate(top_k.unwrap_or(usize::MAX));
            Ok(prediction)
        };
        values.chunks(width).enumerate().map(row).collect()
    }

    /// The score of each class, and what the scores are.
    fn scores_of(&self, values: &[f64]) -> (Vec<TabularScore>, TabularScoreType) {
        let score_type = self.score_type.unwrap_or_else(|| score_type(values));
        let both;
        let values = match values {
            [second] if self.classes.count() == 2 => {
                let first = if score_type == TabularScoreType::Probability { 1.0 - second } else { -second };
                both = [first, *second];
                &both
            }
            values => values,
        };
        #[allow(clippy::cast_possible_truncation)]
        let score = |(label, value): (&TabularLabel, &f64)| TabularScore::new(label.clone(), *value as f32);
        (self.classes.names().zip(values).map(score).collect(), score_type)
    }
}

/// The output with the scores.
fn scores_output<'n>(network: &'n NetworkInfo, probabilities: &[String]) -> Result<&'n TensorSpec, TaskError> {
    let floats: Vec<_> = network.outputs.iter().filter(|output| is_float(output.datatype)).collect();
    match floats[..] {
        [] => Err(TaskError::new(
            "the network gives no scores; export it with the scores of all classes, or publish it without a pipeline, as tensors",
        )),
        [one] => Ok(one),
        _ => {
            let known: Vec<_> = floats.iter().filter(|output| probabilities.contains(&output.name)).collect();
            if let [one] = known[..] {
                return Ok(one);
            }
            let names: Vec<_> =
                floats.iter().take(MAX_SHOWN_OUTPUTS).map(|output| format!("{:?}", output.name)).collect();
            Err(TaskError::new(format!(
                "expected one output with scores [N, classes], got {}; of scikit-learn's converters, the default and \
                 options={{'zipmap': False}} make one",
                names.join(", ")
            )))
        }
    }
}

/// The output with the labels, if the network has one.
fn labels_output(network: &NetworkInfo) -> Result<Option<&TensorSpec>, TaskError> {
    let is_label = |output: &&TensorSpec| !is_float(output.datatype) && output.datatype != Datatype::Bf16;
    let labels: Vec<_> = network.outputs.iter().filter(is_label).collect();
    let is_list = |shape: &[Dim]| matches!(shape, [] | [_]) || matches!(shape, [_, Dim::Fixed(1)]);
    match labels[..] {
        [] => Ok(None),
        [one] if is_list(&one.shape) => Ok(Some(one)),
        [one] => Err(TaskError::new(format!(
            "output {:?} has several labels for a row; publish a classifier with several targets without a pipeline, as tensors",
            one.name
        ))),
        _ => {
            let names: Vec<_> =
                labels.iter().take(MAX_SHOWN_OUTPUTS).map(|output| format!("{:?}", output.name)).collect();
            Err(TaskError::new(format!("expected at most one output with labels, got {}", names.join(", "))))
        }
    }
}

/// The number of scores of a row; `None` if the network does not say.
fn width(scores: &TensorSpec) -> Result<Option<usize>, TaskError> {
    match &scores.shape[..] {
        _ if scores.unranked => Ok(None),
        [_] => Ok(Some(1)),
        [_, width] => Ok(width.fixed()),
        shape => Err(TaskError::new(format!(
            "output {:?} has {} dimensions; expected scores [N, classes]. Publish a classifier with several targets without a \
             pipeline, as tensors",
            scores.name,
            shape.len()
        ))),
    }
}

/// The labels of `rows` rows.
fn labels(output: &Tensor, rows: usize) -> Result<Vec<TabularLabel>, TaskError> {
    let labels: Option<Vec<TabularLabel>> = match output.data() {
        TensorData::Bytes(labels) => Some(labels.iter().map(|label| label.as_str().into()).collect()),
        TensorData::Int64(labels) => Some(labels.iter().map(|label| (*label).into()).collect()),
        TensorData::Int32(labels) => Some(labels.iter().map(|label| i64::from(*label).into()).collect()),
        TensorData::Bool(labels) => Some(labels.iter().map(|label| i64::from(*label).into()).collect()),
        _ => None,
    };
    labels.filter(|labels| labels.len() == rows).ok_or_else(|| {
        let (name, datatype, shape) = (output.name(), output.datatype(), output.shape());
        TaskError::new(format!("output {name:?}: expected {rows} labels, got {datatype} {shape:?}"))
    })
}

/// The index of the highest score; of equal ones the first.
fn highest(scores: &[TabularScore]) -> Option<usize> {
    let best = scores.iter().enumerate().reduce(|best, class| if class.1.score > best.1.score { class } else { best });
    best.map(|(index, _)| index)
}

/// What the scores of a row are, by their values: probabilities are 0 to 1 and add up to 1.
fn score_type(values: &[f64]) -> TabularScoreType {
    let sum: f64 = values.iter().sum();
    let all = values.iter().all(|value| (-TOLERANCE..=1.0 + TOLERANCE).contains(value));
    if all && (sum - 1.0).abs() <= TOLERANCE { TabularScoreType::Probability } else { TabularScoreType::Decision }
}

/// The rounding of a sum of probabilities in FP16.
const TOLERANCE: f64 = 2e-3;
const MAX_SHOWN_OUTPUTS: usize = 6;

#[cfg(test)]
mod tests {
    use amaas_engine::onnx::CLASS_LABELS;

    use super::*;

    fn spec(name: &str, datatype: Datatype, dims: &[Option<usize>]) -> TensorSpec {
        let dim = |dim: &Option<usize>| dim.map_or_else(|| Dim::Symbol(String::new()), Dim::Fixed);
        TensorSpec::new(name, datatype, dims.iter().map(dim).collect())
    }

    fn scores(width: usize) -> TensorSpec {
        spec("p", Datatype::Fp32, &[None, Some(width)])
    }

    fn label(datatype: Datatype) -> TensorSpec {
        spec("label", datatype, &[None])
    }

    fn load(outputs: &[TensorSpec], file: &str, metadata: &[(&str, &str)]) -> Result<ClassifierOutputs, String> {
        let metadata = metadata.iter().map(|(key, json)| ((*key).to_owned(), (*json).to_owned())).collect();
        let network = NetworkInfo { inputs: Vec::new(), outputs: outputs.to_vec(), metadata };
        let file = ColumnsFile::parse(file.as_bytes()).expect("a file");
        ClassifierOutputs::load(&network, &file, ClassNames::default()).map_err(|error| error.to_string())
    }

    fn tensor(name: &str, shape: &[usize], data: impl Into<TensorData>) -> Tensor {
        Tensor::new(name, shape.to_vec(), data).expect("a tensor")
    }

    fn json(outputs: &ClassifierOutputs, tensors: &[Tensor], rows: usize) -> String {
        let predictions = outputs.predictions(tensors, rows, Some(2)).expect("predictions");
        serde_json::to_string(&predictions).expect("JSON")
    }

    #[test]
    fn answers_have_the_networks_labels_and_scores() {
        let known = (CLASS_LABELS, r#"{"p":["a","b","c"]}"#);
        let outputs = load(&[label(Datatype::Bytes), scores(3)], "{}", &[known]).expect("a classifier");
        // The second row adds up to 1, but has a value beyond it; its label is not that of the highest score.
        let values = vec![0.25_f32, 0.5, 0.25, 2.0, -0.5, -0.5];
        let tensors = [tensor("p", &[2, 3], values), tensor("label", &[2], vec!["b".to_owned(), "c".to_owned()])];
        assert_eq!(
            json(&outputs, &tensors, 2),
            r#"[{"label":"b","score":0.5,"score_type":"probability","scores":[{"label":"b","score":0.5},{"label":"a","score":0.25}]},{"label":"c","score":-0.5,"score_type":"decision","scores":[{"label":"a","score":2.0},{"label":"b","score":-0.5}]}]"#
        );
        let unknown = [tensors[0].clone(), tensor("label", &[2], vec!["b".to_owned(), "d".to_owned()])];
        let error = outputs.predictions(&unknown, 2, None).expect_err("no such class").to_string();
        assert_eq!(error, "the network chose a label that is none of its classes");
        let error = outputs.predictions(&tensors, 4, None).expect_err("other rows").to_string();
        assert_eq!(error, "output \"p\": expected [4, 3], got [2, 3]");
    }

    #[test]
    fn one_score_is_that_of_the_second_class() {
        let file = |scores: &str| format!(r#"{{"classes":[0,1],"scores":"{scores}"}}"#);
        let [probability, decision] =
            ["probability", "decision"].map(|is| load(&[scores(1)], &file(is), &[]).expect(is));
        let tensors = [tensor("p", &[1, 1], vec![0.75_f32])];
        assert_eq!(
            json(&probability, &tensors, 1),
            r#"[{"label":1,"score":0.75,"score_type":"probability","scores":[{"label":1,"score":0.75},{"label":0,"score":0.25}]}]"#
        );
        assert!(json(&decision, &tensors, 1).contains(r#"{"label":0,"score":-0.75}"#));
        let evident = [(PROBABILITIES, r#"["p"]"#)];
        assert_eq!(load(&[scores(1)], r#"{"classes":[0,1]}"#, &evident).expect("a sigmoid"), probability);
    }

    #[test]
    fn labels_that_no_file_has_are_numbered() {
        let outputs = load(&[scores(3)], "{}", &[]).expect("a classifier");
        assert!(
            json(&outputs, &[tensor("p", &[1, 3], vec![0.5_f64, 0.5, 0.0])], 1).starts_with(r#"[{"label":"LABEL_0""#)
        );
    }

    #[test]
    fn what_is_no_classifier_is_named() {
        let columns = "of scikit-learn's converters, the default and options={'zipmap': False} make one";
        let known = (CLASS_LABELS, r#"{"p":["a","b"]}"#);
        let other = spec("q", Datatype::Fp32, &[None]);
        for (outputs, metadata, expected) in [
            (vec![label(Datatype::Bytes)], vec![], "the network gives no scores"),
            (vec![scores(2), other], vec![], columns),
            (
                vec![label(Datatype::Int64), scores(2)],
                vec![],
                "the classes of output \"p\" are not known; publish columns.json",
            ),
            (
                vec![label(Datatype::Int64), scores(2)],
                vec![known],
                "output \"label\" gives labels of INT64, and the classes have",
            ),
            (vec![scores(3)], vec![known], "output \"p\" has 3 columns, and there are 2 classes"),
            (vec![scores(1)], vec![known], "output \"p\" is one score of two classes, and the network does not say"),
            (vec![scores(2)], vec![(CLASS_LABELS, r#"{"p":[1,1]}"#)], "two classes have the same label"),
            (vec![scores(2)], vec![(CLASS_LABELS, "[]")], "the network's metadata: amaas.class_labels: "),
            (
                vec![spec("label", Datatype::Int64, &[None, Some(2)]), scores(2)],
                vec![known],
                "output \"label\" has several labels for a row",
            ),
            (vec![spec("p", Datatype::Fp32, &[Some(2), None, Some(3)])], vec![], "output \"p\" has 3 dimensions"),
        ] {
            let error = load(&outputs, "{}", &metadata).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
