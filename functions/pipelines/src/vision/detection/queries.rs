//! The decoder of object queries, as `post_process_object_detection` of `transformers` does it: DETR, YOLOS, Conditional DETR, RT-DETR.

use amaas_engine::{Dim, TensorSpec};
use amaas_model::PredictError;
use amaas_model::task::{TaskContext, TaskError};
use amaas_wire::Tensor;
use amaas_wire::pipeline::{DetectedObject, ObjectDetectionParameters};

use super::decoder::object;
use super::rows::OutputRows;
use crate::export::{ClassLabels, ConfigFile};
use crate::scores::{sigmoid, softmax};
use crate::vision::values::largest;

/// The decoder of a network that gives `logits` and `pred_boxes` for each query.
#[derive(Debug)]
pub(super) struct QueryDecoder {
    labels: ClassLabels,
    scores: QueryScores,
}

/// How the logits of queries become scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueryScores {
    /// A softmax for each query, whose last class is "no object": a query is one object at most.
    Softmax,
    /// A sigmoid for each query and class: the objects are the best of all pairs, up to a number.
    Sigmoid(MaxObjects),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MaxObjects {
    Fixed(usize),
    /// As many as queries.
    Queries,
}

impl QueryDecoder {
    /// The output of boxes.
    pub(super) const BOXES: &'static str = "pred_boxes";

    /// Reads `config.json`, and checks the outputs.
    pub(super) fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let config = ConfigFile::read(&context.assets, "config.json")?;
        let scores = QueryScores::of(&config)?;
        let logits = output(context, LOGITS, "[batch, queries, classes]")?;
        let boxes = output(context, Self::BOXES, "[batch, queries, 4]")?;
        if !boxes.unranked && boxes.shape.last().and_then(Dim::fixed).is_some_and(|width| width != 4) {
            return Err(TaskError::new(format!("output {:?}: expected [batch, queries, 4]", Self::BOXES)));
        }
        let width = logits.shape.last().and_then(Dim::fixed);
        let classes = width.map(|width| width.saturating_sub(scores.other_classes()));
        Ok(Self { labels: ClassLabels::load(context, &config, classes)?, scores })
    }

    /// The objects in an image of the size `original`, width and height.
    pub(super) fn objects(
        &self,
        outputs: &[Tensor],
        original: (u32, u32),
        parameters: &ObjectDetectionParameters,
    ) -> Result<Vec<DetectedObject>, PredictError> {
        let width = self.labels.count() + self.scores.other_classes();
        let logits = OutputRows::of(outputs, LOGITS, width)?;
        let boxes = OutputRows::of(outputs, Self::BOXES, 4)?;
        if boxes.count() != logits.count() {
            let (expected, got) = (logits.count(), boxes.count());
            return Err(PredictError::internal(format!(
                "output {:?}: expected {expected} queries, got {got}",
                Self::BOXES
            )));
        }
        let threshold = parameters.threshold.unwrap_or(DEFAULT_THRESHOLD);
        let found = self.scores.ranked(&logits).into_iter().filter(|found| found.score > threshold);
        Ok(found
            .map(|Found { query, class, score }| {
                let corners = corners(boxes.row(query), original);
                object(&self.labels, class, score, corners)
            })
            .collect())
    }
}

/// A class of a query.
struct Found {
    query: usize,
    class: usize,
    score: f32,
}

impl QueryScores {
    fn of(config: &ConfigFile) -> Result<Self, TaskError> {
        let model_type = config.required::<String>("model_type")?;
        let known = MODELS.iter().find(|(models, _)| models.contains(&model_type.as_str()));
        known.map(|(_, scores)| *scores).ok_or_else(|| {
            let known = MODELS.iter().flat_map(|(models, _)| *models).copied().collect::<Vec<_>>().join(", ");
            config
                .error("model_type", format!("{model_type:?} is not supported by this pipeline; supported are {known}"))
        })
    }

    /// The classes beside those that have labels.
    fn other_classes(self) -> usize {
        usize::from(self == Self::Softmax)
    }

    /// The objects that a threshold chooses from, in the order of the answer.
    fn ranked(self, logits: &OutputRows) -> Vec<Found> {
        let queries = 0..logits.count();
        match self {
            Self::Softmax => queries
                .filter_map(|query| {
                    let scores = softmax(logits.row(query));
                    let (_, scores) = scores.split_last()?;
                    let (class, score) = largest(scores)?;
                    Some(Found { query, class, score })
                })
                .collect(),
            Self::Sigmoid(max) => {
                let scores = |query: usize| logits.row(query).iter().map(|logit| sigmoid(*logit)).enumerate();
                let mut pairs: Vec<_> = queries
                    .flat_map(|query| scores(query).map(move |(class, score)| Found { query, class, score }))
                    .collect();
                pairs.sort_by(|one, other| other.score.total_cmp(&one.score));
                pairs.truncate(match max {
                    MaxObjects::Fixed(count) => count,
                    MaxObjects::Queries => logits.count(),
                });
                pairs
            }
        }
    }
}

/// The corners of a box, which is its centre, width and height as shares of the image.
// Sides of an image are exact in FP32.
#[allow(clippy::cast_precision_loss)]
fn corners(shares: &[f32], (width, height): (u32, u32)) -> [f64; 4] {
    let [x, y, wide, high] = std::array::from_fn(|place| shares.get(place).copied().unwrap_or_default());
    let (width, height) = (width as f32, height as f32);
    let corners =
        [(x - 0.5 * wide) * width, (y - 0.5 * high) * height, (x + 0.5 * wide) * width, (y + 0.5 * high) * height];
    corners.map(f64::from)
}

/// The output `name` of the network, which has three dimensions.
fn output<'c>(context: &'c TaskContext, name: &str, expected: &str) -> Result<&'c TensorSpec, TaskError> {
    let outputs = &context.network.outputs;
    let output = outputs.iter().find(|output| output.name == name).ok_or_else(|| {
        let got = outputs.iter().map(|output| format!("{:?}", output.name)).collect::<Vec<_>>().join(", ");
        TaskError::new(format!("expected an output {name:?}, got {got}"))
    })?;
    if !output.unranked && output.shape.len() != 3 {
        let got = output.shape.len();
        return Err(TaskError::new(format!("output {name:?}: expected {expected}, got {got} dimensions")));
    }
    Ok(output)
}

const LOGITS: &str = "logits";
/// As in the pipeline of `transformers`.
const DEFAULT_THRESHOLD: f32 = 0.5;
/// `post_process_object_detection` of each `model_type`.
const MODELS: [(&[&str], QueryScores); 3] = [
    (&["detr", "table-transformer", "yolos"], QueryScores::Softmax),
    (&["conditional_detr", "dab-detr", "deformable_detr"], QueryScores::Sigmoid(MaxObjects::Fixed(100))),
    (&["d_fine", "rt_detr", "rt_detr_v2"], QueryScores::Sigmoid(MaxObjects::Queries)),
];

#[cfg(test)]
mod tests {
    use amaas_wire::pipeline::BoundingBox;

    use super::*;

    fn decoder(scores: QueryScores) -> QueryDecoder {
        QueryDecoder { labels: ClassLabels::from(vec!["a".to_owned(), "b".to_owned()]), scores }
    }

    fn objects(scores: QueryScores, logits: Vec<f32>, threshold: f32) -> Vec<DetectedObject> {
        let width = logits.len() / 2;
        let boxes = vec![0.5, 0.5, 0.5, 0.2, 0.1, 0.1, 0.4, 0.4];
        let outputs = [
            Tensor::new(LOGITS, vec![1, 2, width], logits).expect("logits"),
            Tensor::new(QueryDecoder::BOXES, vec![1, 2, 4], boxes).expect("boxes"),
        ];
        let parameters = ObjectDetectionParameters::default().threshold(threshold);
        decoder(scores).objects(&outputs, (100, 50), &parameters).expect("objects")
    }

    #[test]
    fn a_softmax_leaves_out_the_last_class() {
        // The second query has no object.
        let logits = vec![0.0, 2.0, 0.0, 1.0, 0.0, 5.0];
        let found = objects(QueryScores::Softmax, logits.clone(), 0.5);
        let score = 1.0 / (1.0 + 2.0 * (-2.0_f32).exp());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].label.as_str(), found[0].bounding_box), ("b", BoundingBox::new((25, 20), (75, 30))));
        assert!((found[0].score - score).abs() < 1e-6);
        // With a threshold of 0, each query has its best class, in the order of queries.
        let found = objects(QueryScores::Softmax, logits, 0.0);
        assert_eq!(found.iter().map(|object| object.label.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(found[1].bounding_box, BoundingBox::new((-10, -5), (30, 15)));
    }

    #[test]
    fn sigmoids_rank_all_pairs() {
        let logits = vec![0.0, 2.0, 3.0, -1.0];
        let labels = |scores, threshold| {
            let found = objects(scores, logits.clone(), threshold);
            found.iter().map(|object| format!("{}{}", object.label, object.bounding_box.xmin)).collect::<Vec<_>>()
        };
        let hundred = QueryScores::Sigmoid(MaxObjects::Fixed(100));
        assert_eq!(labels(hundred, 0.0), ["a-10", "b25", "a25", "b-10"]);
        assert_eq!(labels(hundred, 0.5), ["a-10", "b25"]);
        assert_eq!(labels(QueryScores::Sigmoid(MaxObjects::Queries), 0.0), ["a-10", "b25"]);
        assert_eq!(labels(QueryScores::Sigmoid(MaxObjects::Fixed(1)), 0.0), ["a-10"]);
    }
}
