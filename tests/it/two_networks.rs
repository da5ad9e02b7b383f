//! A task with two networks in one file: the second one runs only for some inputs, so a call is charged twice.

use std::sync::Arc;

use amaas::{Answer, Client, UsageQuery};
use amaas_e2e::wait;
use amaas_local::served_model::ServedModel;
use amaas_model::task::{
    Cost, CpuWork, ModelCall, ModelNetwork, PredictError, Predictions, RowTask, Task, TaskContext, TaskError, Tasks,
    check_finite,
};
use amaas_names::Names;
use amaas_sentiment::Sentiment;
use amaas_serve::schemars::{self, JsonSchema};
use amaas_store::live;
use amaas_wire::Tensor;
use amaas_wire::predict::NoParameters;
use serde::{Deserialize, Serialize};

/// Whether a review is positive, and the language of a positive review's author by surname.
struct Fans {
    sentiment: Sentiment,
    names: Names,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
struct Review {
    text: String,
    surname: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Fan {
    label: String,
    /// For positive reviews only.
    language: Option<String>,
}

impl Task for Fans {
    const NAME: &'static str = "fans";
    const EXAMPLE: &'static str = r#"{"text":"A wonderful film.","surname":"Dvořák"}"#;
    const NETWORKS: &'static [&'static str] = &["names"];
    type Input = Review;
    type Parameters = NoParameters;
    type Prediction = Fan;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        let output = &context.networks["names"].outputs[0];
        if output.name != "probabilities" {
            return Err(TaskError::new(format!("names: expected output \"probabilities\", got {:?}", output.name)));
        }
        Ok(Self { sentiment: Sentiment::load(context)?, names: Names::load(context)? })
    }

    async fn predict(
        self: Arc<Self>,
        call: ModelCall,
        reviews: Vec<Review>,
        _: NoParameters,
    ) -> Result<Predictions<Fan>, PredictError> {
        let texts: Vec<String> = reviews.iter().map(|review| review.text.clone()).collect();
        let (task, size) = (Arc::clone(&self), call.input_size());
        let tensors = call.compute(CpuWork::text(size), move |_| task.sentiment.preprocess(&texts)).await?;
        let outputs = run(&call, call.networks().own(), tensors).await?;
        check_finite(&outputs, 0, reviews.len())?;
        let labels = self.sentiment.postprocess(&[], &outputs).map_err(PredictError::internal)?;

        let is_positive = |index: usize| labels[index].label == "positive";
        let surnames = reviews.iter().enumerate().filter(|(index, _)| is_positive(*index));
        let surnames: Vec<String> = surnames.map(|(_, review)| review.surname.clone()).collect();
        let mut languages = Vec::new().into_iter();
        if !surnames.is_empty() {
            let tensors = self.names.preprocess(&surnames)?;
            let outputs = run(&call, call.networks().named("names")?, tensors).await?;
            check_finite(&outputs, 0, surnames.len())?;
            languages = self.names.postprocess(&[], &outputs).map_err(PredictError::internal)?.into_iter();
        }
        let fan = |index: usize| Fan {
            label: labels[index].label.clone(),
            language: is_positive(index).then(|| languages.next().map(|ranked| ranked.label)).flatten(),
        };
        Ok((0..reviews.len()).map(fan).collect::<Vec<_>>().into())
    }
}

/// Charges for one run of `network`, and runs it.
async fn run(call: &ModelCall, network: &ModelNetwork, tensors: Vec<Tensor>) -> Result<Vec<Tensor>, PredictError> {
    let runs = network.prepare(vec![tensors], call.tenant(), call.max_rows())?;
    let charge = call.charge(Cost::rows(runs.rows())).await?;
    Ok(call.run(&charge, network, runs).await?.remove(0))
}

/// The rows that the tenant used.
async fn rows(client: &Client) -> u64 {
    client.usage(&UsageQuery::default()).await.expect("a report").total.rows
}

#[tokio::test]
async fn a_new_task_with_two_networks_needs_one_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let names = amaas_names::bundle(live()).expect("the committed model is whole");
    let mut bundle = amaas_sentiment::bundle(live()).expect("the committed model is whole");
    bundle.model = "fans".parse().expect("a name");
    bundle.task = Some(Fans::NAME.to_owned());
    bundle.assets.extend(names.assets);
    bundle.networks.insert("names".to_owned(), names.network);
    let tasks = Tasks::default().with::<Fans>();
    let served = ServedModel::start(folder.path(), bundle, &tasks).await.expect("it answers its example");

    let review = |text: &str, surname: &str| Review { text: text.to_owned(), surname: surname.to_owned() };
    let (good, bad) = ("A wonderful film, funny and moving.", "The worst film. Terrible, boring and awful.");
    let reviews = [review(good, "Dvořák"), review(bad, "Smith"), review(good, "Nakamura")];
    let answer: Answer<Fan> = served.model().predict_many(&reviews).await.expect("an answer");
    let languages: Vec<_> = answer.predictions().iter().map(|fan| fan.language.as_deref()).collect();
    assert_eq!(languages, [Some("Czech"), None, Some("Japanese")]);
    // Each review is a row of the first network, and each positive one is another row of the second.
    assert_eq!(answer.usage().rows, 5);

    let answer: Answer<Fan> = served.model().predict(&review(bad, "Smith")).await.expect("an answer");
    assert_eq!((answer.usage().rows, answer.prediction().label.as_str()), (1, "negative"));
    let refused = served.model().predict(&review(good, "王")).await.map(Answer::<Fan>::into_prediction);
    let refused = refused.expect_err("no Latin letter");
    assert!(refused.to_string().contains("expected a name in Latin letters"), "{refused}");
    // The first network ran for the refused call too, which is charged for it.
    wait::until("the usage of three calls", async || rows(served.client()).await == 7).await;
}
