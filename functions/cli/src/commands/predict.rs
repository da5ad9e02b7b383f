//! `amaas predict`.

mod forms;
mod readable;

use amaas::Answer;
use serde_json::Value;

use self::forms::PredictForm;
use self::readable::readable;
use super::receipt;
use crate::arguments::PredictArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: PredictArguments) -> Result<(), CliError> {
    let PredictForm { inputs, parameters } = PredictForm::read(&arguments)?;
    let mut model = settings.client()?.model(arguments.model);
    if let Some(version) = arguments.version {
        model = model.version(version);
    }
    if inputs.len() > MAX_INPUTS_PER_CALL && arguments.receipt.is_some() {
        return Err(CliError::usage(format!("a receipt is of one call, and {} inputs are several", inputs.len()))
            .hint(format!("at most {MAX_INPUTS_PER_CALL} inputs with --receipt")));
    }
    for inputs in inputs.chunks(MAX_INPUTS_PER_CALL) {
        let answer: Answer<Value> = if parameters.is_empty() {
            model.predict_many(inputs).await?
        } else {
            model.predict_many_with(inputs, &parameters).await?
        };
        print(settings, &answer, &arguments.documents)?;
        arguments.receipt.as_deref().map_or(Ok(()), |path| receipt::write(answer.receipt(), path))?;
    }
    Ok(())
}

fn print(settings: &Settings, answer: &Answer<Value>, documents: &[String]) -> Result<(), CliError> {
    if settings.json {
        return output::json(&serde_json::json!({
            "predictions": answer.predictions(),
            "model": answer.model(),
            "version": answer.version(),
            "usage": answer.usage(),
            "truncated": answer.truncated(),
            "request_id": answer.request_id(),
            "attempts": answer.attempts(),
        }));
    }
    for prediction in answer.predictions() {
        output::line(readable(prediction, documents))?;
    }
    Ok(())
}

/// Inputs that a function takes in one call by default.
const MAX_INPUTS_PER_CALL: usize = 4096;
