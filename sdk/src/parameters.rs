//! `predict` with parameters, and with partial answers.

use amaas_wire::predict::{FailedPrediction, PredictRequest};
use amaas_wire::problem::Problem;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::error::Error;
use crate::model::Model;

impl Model {
    /// Predicts for one input with parameters of the task, as [`predict`](Self::predict).
    ///
    /// ```
    /// # use amaas::{Error, Model};
    /// use serde_json::json;
    ///
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let answer = model.predict_with::<serde_json::Value>("A wonderful film.", &json!({ "top_k": 2 })).await?;
    /// println!("{}", answer.prediction());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Error`]. A parameter that the task does not have is an [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    pub async fn predict_with<P: DeserializeOwned>(
        &self,
        input: &(impl Serialize + ?Sized),
        parameters: &impl Serialize,
    ) -> Result<Answer<P>, Error> {
        let inputs = vec![input];
        self.predict_request(&PredictRequest { inputs, parameters: Some(parameters), partial: false }).await
    }

    /// Predicts for a batch of inputs with parameters of the task, as [`predict_many`](Self::predict_many).
    ///
    /// # Errors
    /// See [`predict_with`](Self::predict_with).
    pub async fn predict_many_with<P: DeserializeOwned>(
        &self,
        inputs: &[impl Serialize],
        parameters: &impl Serialize,
    ) -> Result<Answer<P>, Error> {
        let inputs = inputs.iter().collect();
        self.predict_request(&PredictRequest { inputs, parameters: Some(parameters), partial: false }).await
    }

    /// Predicts for a batch of inputs in which each input may fail alone: its result is then the problem that the call would have had.
    ///
    /// ```
    /// # use amaas::{Error, Model};
    /// use amaas::NoParameters;
    ///
    /// # async fn example(model: &Model) -> Result<(), Error> {
    /// let answer = model.predict_each::<serde_json::Value>(&["A wonderful film.", ""], &NoParameters {}).await?;
    /// for (index, result) in answer.predictions().iter().enumerate() {
    ///     match result {
    ///         Ok(prediction) => println!("{index}: {prediction}"),
    ///         Err(problem) => println!("{index}: {}", problem.detail),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`predict_with`](Self::predict_with). Errors of the call as a whole fail it, such as a limit that is reached.
    pub async fn predict_each<P: DeserializeOwned>(
        &self,
        inputs: &[impl Serialize],
        parameters: &impl Serialize,
    ) -> Result<Answer<Result<P, Problem>>, Error> {
        let inputs = inputs.iter().collect();
        let request = PredictRequest { inputs, parameters: Some(parameters), partial: true };
        let answer: Answer<PartialPrediction<P>> = self.predict_request(&request).await?;
        Ok(answer.map(|prediction| match prediction {
            PartialPrediction::Failed(FailedPrediction { error }) => Err(error),
            PartialPrediction::Prediction(prediction) => Ok(prediction),
        }))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PartialPrediction<P> {
    Failed(FailedPrediction),
    Prediction(P),
}
