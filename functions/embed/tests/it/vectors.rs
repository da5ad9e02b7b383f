//! Vectors equal those of an independent program, and do not depend on the other texts of a call.

use amaas::task::Embedding;
use amaas::{Model, Tensor};
use amaas_engine::Batching;
use amaas_model::manifest::GoldenCases;
use amaas_model::publish::Publication;

use crate::service::{Service, minilm, skip};

#[tokio::test]
async fn texts_have_the_vectors_that_python_gives_them() {
    let service = Service::start().await;
    let model = service.client().model("embed");
    let golden = GoldenCases::from_json(include_bytes!("../../model/golden.json")).expect("committed");
    let texts: serde_json::Value = serde_json::from_str(include_str!("../../model/texts.json")).expect("committed");
    for (case, text) in golden.cases.iter().zip(texts["cases"].as_array().expect("cases")) {
        let expected = values(&case.outputs[0]);
        let answer = model.infer(case.inputs.clone()).await.expect("an answer");
        assert!(furthest(values(&answer.outputs()[0]), expected) < 1e-5);

        let answer = model.embed(&[text["text"].as_str().expect("text")]).await.expect("an answer");
        let tokens = text["ids"].as_array().expect("ids").len() as u64;
        let embedding = answer.prediction();
        assert!(furthest(&embedding.embedding, expected) < 1e-5, "{}", text["name"]);
        assert_eq!((embedding.tokens, embedding.truncated), (tokens, false));
        assert_eq!((answer.usage().rows, answer.usage().tokens), (1, Some(tokens)));
    }
}

#[tokio::test]
async fn texts_of_any_lengths_together_are_as_each_alone() {
    together_as_alone(Service::start().await).await;
}

#[tokio::test]
async fn minilm_together_is_as_alone() {
    for network in ["minilm", "minilm-int8"] {
        let Some(publication) = built(network) else { return };
        let service = Service::with(vec![publication]).await;
        // In INT8 the values of a run are scaled by their largest one, so rows change one another.
        let expected = if network == "minilm" { Batching::Rows } else { Batching::None };
        assert_eq!(service.batching, expected, "{network}");
        together_as_alone(service).await;
    }
}

#[tokio::test]
async fn a_text_that_is_too_long_is_cut_and_says_so() {
    let service = Service::start().await;
    let words = |count: usize| "film ".repeat(count);
    let answer =
        service.client().model("embed").embed(&[words(126), words(127), words(90_000)]).await.expect("vectors");
    let [fits, cut, long] = answer.predictions() else { panic!("three") };
    assert_eq!([fits, cut, long].map(|it| (it.tokens, it.truncated)), [(128, false), (128, true), (128, true)]);
    assert!(cut.similarity(fits) > 0.999_99 && cut.similarity(long) > 0.999_99);
}

async fn together_as_alone(service: Service) {
    let model = service.client().model("embed");
    let mut texts: Vec<String> = (0..60).map(|count| "A film about the sea and war. ".repeat(count % 23)).collect();
    texts.extend((0..40).map(|count| format!("number {count}")));
    let together = model.embed(&texts).await.expect("vectors").into_predictions();
    assert_eq!(together.len(), texts.len());
    for (text, together) in texts.iter().zip(&together) {
        let alone = alone(&model, text).await;
        let apart = furthest(&alone.embedding, &together.embedding);
        assert!(apart < 1e-4, "{apart} apart, {} tokens", alone.tokens);
        assert_eq!((alone.tokens, alone.truncated), (together.tokens, together.truncated));
        let length: f32 = together.embedding.iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5, "length {length}");
    }
}

async fn alone(model: &Model, text: &str) -> Embedding {
    model.embed(&[text]).await.expect("a vector").into_prediction()
}

fn built(network: &str) -> Option<Publication> {
    let publication = minilm(network);
    if publication.is_none() {
        skip(&format!("functions/embed/model/built has no {network}; functions/embed/model/build.py makes it"));
    }
    publication
}

fn values(tensor: &Tensor) -> &[f32] {
    tensor.data().as_f32().expect("FP32")
}

fn furthest(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}
