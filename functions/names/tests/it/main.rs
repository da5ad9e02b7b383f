//! The names model through the whole stack: published, loaded, served, called through the SDK, sealed.

use amaas::task::RankedClassification;
use amaas::{Answer, ErrorKind, Model};
use amaas_local::served_model::ServedModel;
use amaas_model::task::{Rows, Tasks};
use amaas_names::{Names, bundle};
use amaas_store::live;
use serde_json::Value;
use tempfile::TempDir;

async fn served() -> (ServedModel, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bundle = bundle(live()).expect("the committed model is whole");
    let served = ServedModel::start(folder.path(), bundle, &Tasks::default().with::<Rows<Names>>()).await;
    (served.expect("the committed model can be served"), folder)
}

/// Accepted names, with the five languages that an independent Python program computed for each.
fn cases() -> Vec<(String, Vec<(String, f64)>)> {
    let cases: Value = serde_json::from_str(include_str!("../../model/names.json")).expect("the committed cases");
    let cases = cases["cases"].as_array().expect("a list of cases").iter();
    let case = |case: &Value| {
        let top = serde_json::from_value(case.get("top")?.clone()).expect("languages and probabilities");
        Some((case["name"].as_str().expect("a name that is stored").to_owned(), top))
    };
    cases.filter_map(case).collect()
}

async fn judge_each(model: &Model, names: &[String]) -> Vec<RankedClassification> {
    let mut all = Vec::new();
    for name in names {
        all.push(model.predict(name).await.expect("an answer").into_prediction());
    }
    all
}

#[tokio::test]
async fn names_are_judged_as_by_python_alone_and_among_others() {
    let (served, _folder) = served().await;
    let (names, expected): (Vec<String>, Vec<_>) = cases().into_iter().unzip();
    assert!(names.len() >= 50);
    let alone = judge_each(&served.model(), &names).await;
    for (got, (name, expected)) in alone.iter().zip(names.iter().zip(expected)) {
        assert_eq!((got.label.as_str(), got.probability), (got.top[0].label.as_str(), got.top[0].probability));
        assert_eq!(got.top.len(), 5);
        for (scored, (label, probability)) in got.top.iter().zip(expected) {
            assert_eq!(scored.label, label, "{name}");
            assert!((f64::from(scored.probability) - probability).abs() <= TOLERANCE, "{name}: {scored:?}");
        }
    }
    // From 1 to 64 letters in one call: neither padding nor neighbours change an answer.
    let together: Answer<RankedClassification> = served.model().predict_many(&names).await.expect("an answer");
    for (name, (alone, together)) in names.iter().zip(alone.iter().zip(together.predictions())) {
        for (alone, together) in alone.top.iter().zip(&together.top) {
            assert_eq!(alone.label, together.label, "{name}");
            assert!((alone.probability - together.probability).abs() <= 1e-5, "{name}: {alone:?} {together:?}");
        }
    }
}

#[tokio::test]
async fn calls_that_share_a_run_change_nothing() {
    let (served, _folder) = served().await;
    let names: Vec<String> = cases().into_iter().map(|(name, _)| name).collect();
    let alone = judge_each(&served.model(), &names).await;
    let call = |name: String| {
        let model = served.model();
        tokio::spawn(async move { model.predict(&name).await.map(Answer::into_prediction) })
    };
    let calls: Vec<_> = names.into_iter().map(call).collect();
    for (alone, call) in alone.iter().zip(calls) {
        let together: RankedClassification = call.await.expect("it ends").expect("an answer");
        assert_eq!(alone.label, together.label);
        assert!((alone.probability - together.probability).abs() <= 1e-5, "{alone:?} {together:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_and_not_shown() {
    let (served, _folder) = served().await;
    for (name, expected) in [
        ("", "inputs[1]: expected a name in Latin letters, got none"),
        ("Ξενάκης", "inputs[1]: expected a name in Latin letters, got none"),
        (&"long".repeat(1000), "inputs[1]: expected at most 64 characters, got more"),
    ] {
        let answer = served.model().predict_many::<RankedClassification>(&["Smith", name]).await;
        let error = answer.expect_err("it is none");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(name.is_empty() || !format!("{error:?}").contains(name));
    }
}

/// Another build of the same library sums in the same order; the cases have nine digits.
const TOLERANCE: f64 = 1e-6;
