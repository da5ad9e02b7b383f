//! `amaas infer`.

use std::io::Read;
use std::path::Path;

use amaas::{InferAnswer, InferRequest, Tensor};
use amaas_wire::oip::InferResponse;

use super::receipt;
use crate::arguments::InferArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: InferArguments) -> Result<(), CliError> {
    let body = read(&arguments.request)?;
    let request = InferRequest::from_json(&body).map_err(|error| CliError::file(&arguments.request, &error))?;
    let mut model = settings.client()?.model(arguments.model);
    if let Some(version) = arguments.version {
        model = model.version(version);
    }
    let answer = model.infer_request(&request).await?;
    let signed = answer.receipt().cloned();
    print(settings, answer)?;
    arguments.receipt.map_or(Ok(()), |path| receipt::write(signed.as_ref(), &path))
}

fn print(settings: &Settings, answer: InferAnswer) -> Result<(), CliError> {
    if settings.json {
        return output::json(&response(answer));
    }
    let rows = answer.outputs().iter().map(|output| {
        [output.name().to_owned(), output.datatype().to_string(), format!("{:?}", output.shape()), data(output)]
    });
    output::line(output::table(["OUTPUT", "DATATYPE", "SHAPE", "DATA"], rows))?;
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    if path != Path::new("-") {
        return std::fs::read(path).map_err(|error| CliError::file(path, &error));
    }
    let mut body = Vec::new();
    std::io::stdin().lock().read_to_end(&mut body).map_err(|error| CliError::file(path, &error))?;
    Ok(body)
}

fn response(answer: InferAnswer) -> InferResponse {
    InferResponse {
        model_name: answer.model().to_owned(),
        model_version: answer.version().map(str::to_owned),
        id: None,
        outputs: answer.into_outputs(),
    }
}

/// The first values, as JSON has them.
fn data(output: &Tensor) -> String {
    const MAX_SHOWN_VALUES: usize = 8;
    let values = amaas_wire::for_each_datatype!(output.data(), values => {
        values.iter().take(MAX_SHOWN_VALUES).map(|value| format!("{value:?}")).collect::<Vec<_>>()
    });
    let more = if output.data().len() > MAX_SHOWN_VALUES { ", …" } else { "" };
    format!("{}{more}", values.join(", "))
}
