//! `amaas predict`.

use std::io::BufRead;
use std::path::Path;

use amaas::Answer;
use amaas::task::{Image, ImageAndTexts, RankedTexts, ScoredText};
use serde::Deserialize;
use serde_json::Value;

use super::receipt;
use crate::arguments::PredictArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: PredictArguments) -> Result<(), CliError> {
    let inputs = match &arguments.image {
        Some(path) => vec![with_image(path, &arguments.inputs)?],
        None => inputs(&arguments)?,
    };
    let mut model = settings.client()?.model(arguments.model);
    if let Some(version) = arguments.version {
        model = model.version(version);
    }
    if inputs.len() > MAX_INPUTS_PER_CALL && arguments.receipt.is_some() {
        return Err(CliError::usage(format!("a receipt is of one call, and {} inputs are several", inputs.len()))
            .hint(format!("at most {MAX_INPUTS_PER_CALL} inputs with --receipt")));
    }
    for inputs in inputs.chunks(MAX_INPUTS_PER_CALL) {
        let answer: Answer<Value> = model.predict_many(inputs).await?;
        print(settings, &answer)?;
        arguments.receipt.as_deref().map_or(Ok(()), |path| receipt::write(answer.receipt(), path))?;
    }
    Ok(())
}

fn print(settings: &Settings, answer: &Answer<Value>) -> Result<(), CliError> {
    if settings.json {
        return output::json(&serde_json::json!({
            "predictions": answer.predictions(),
            "model": answer.model(),
            "version": answer.version(),
            "usage": answer.usage(),
            "request_id": answer.request_id(),
            "attempts": answer.attempts(),
        }));
    }
    for prediction in answer.predictions() {
        output::line(line(prediction))?;
    }
    Ok(())
}

/// An image, with the texts to be ranked if there are any.
fn with_image(path: &Path, texts: &[String]) -> Result<Value, CliError> {
    let image = Image::from(std::fs::read(path).map_err(|error| CliError::file(path, &error))?);
    let input = match texts {
        [] => serde_json::to_value(image),
        texts => serde_json::to_value(ImageAndTexts::new(image, texts)),
    };
    input.map_err(CliError::new)
}

fn inputs(arguments: &PredictArguments) -> Result<Vec<Value>, CliError> {
    let lines = if arguments.inputs.is_empty() || arguments.inputs == ["-"] {
        lines(std::io::stdin().lock())?
    } else {
        arguments.inputs.clone()
    };
    if lines.is_empty() {
        return Err(CliError::usage("no input").hint("amaas predict MODEL \"some text\""));
    }
    if !arguments.json_inputs {
        return Ok(lines.into_iter().map(Value::String).collect());
    }
    let parse = |(index, line): (usize, &String)| {
        let failed = |error| CliError::usage(format!("input {} is not JSON: {error}", index + 1));
        serde_json::from_str(line).map_err(failed)
    };
    lines.iter().enumerate().map(parse).collect()
}

/// The lines of `input` without empty ones at its end, since each line is an input that is paid for.
fn lines(mut input: impl BufRead) -> Result<Vec<String>, CliError> {
    let mut lines = Vec::new();
    loop {
        let failed = |number: usize, what: &dyn std::fmt::Display| {
            CliError::usage(format!("standard input, line {number}: {what}"))
        };
        let (number, mut line) = (lines.len() + 1, Vec::new());
        if input.read_until(b'\n', &mut line).map_err(|error| failed(number, &error))? == 0 {
            break;
        }
        let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        line.truncate(end);
        lines.push(String::from_utf8(line).map_err(|_| failed(number, &"expected text in UTF-8"))?);
    }
    lines.truncate(lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
    Ok(lines)
}

/// A generated text as it is, a classification or digit as `label probability`, ranked texts as lines of `score text`, a vector by
/// its beginning, anything else as JSON.
fn line(prediction: &Value) -> String {
    if let (Some(text), true) = (prediction["text"].as_str(), prediction["finish_reason"].is_string()) {
        return text.to_owned();
    }
    let label = prediction["label"].as_str().map(str::to_owned);
    let label = label.or_else(|| prediction["digit"].as_u64().map(|digit| digit.to_string()));
    if let (Some(label), Some(probability)) = (label, prediction["probability"].as_f64()) {
        return format!("{label}\t{probability:.4}");
    }
    if let Ok(ranked) = RankedTexts::deserialize(prediction) {
        let line = |text: &ScoredText| format!("{:.4}\t{}", text.score, text.text);
        return ranked.ranked.iter().map(line).collect::<Vec<_>>().join("\n");
    }
    let (Some(embedding), Some(tokens)) = (prediction["embedding"].as_array(), prediction["tokens"].as_u64()) else {
        return prediction.to_string();
    };
    let first = embedding.iter().take(4).filter_map(Value::as_f64).map(|value| format!("{value:.4}"));
    let cut = if prediction["truncated"] == true { ", and the text has more" } else { "" };
    format!("[{}, …]\t{} values of {tokens} tokens{cut}", first.collect::<Vec<_>>().join(", "), embedding.len())
}

/// Inputs that a function takes in one call by default.
const MAX_INPUTS_PER_CALL: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_input_and_empty_ones_at_the_end_are_none() {
        for (input, expected) in [
            (&b""[..], Ok(&[][..])),
            (b"\n\n", Ok(&[])),
            (b"a\nb", Ok(&["a", "b"])),
            (b"a\r\nb\r\n\r\n", Ok(&["a", "b"])),
            (b"\n\na\n\n\n", Ok(&["", "", "a"])),
            (b"a\n\xff\n", Err("standard input, line 2: expected text in UTF-8")),
        ] {
            match (lines(input), expected) {
                (Ok(lines), Ok(expected)) => assert_eq!(lines, expected),
                (Err(failure), Err(expected)) => assert!(format!("{failure:?}").contains(expected), "{failure:?}"),
                (got, expected) => panic!("{got:?}, {expected:?}"),
            }
        }
    }
}
