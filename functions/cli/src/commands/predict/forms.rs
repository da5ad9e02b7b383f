//! What a call is made of: texts, files and options of the command line become the inputs and parameters of a task.

use std::io::BufRead;

use amaas::task::{Image, ImageAndTexts};
use amaas_wire::pipeline::{Audio, QueryAndDocuments, QuestionAndContext, TableRow, TextOrPair};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::arguments::PredictArguments;
use crate::error::CliError;

/// The inputs and parameters of a call.
pub(super) struct PredictForm {
    pub(super) inputs: Vec<Value>,
    pub(super) parameters: Map<String, Value>,
}

impl PredictForm {
    /// Reads the files and texts of `arguments`.
    pub(super) fn read(arguments: &PredictArguments) -> Result<Self, CliError> {
        let mut parameters = arguments.parameters.clone().unwrap_or_default();
        if !arguments.labels.is_empty() {
            parameters.insert("candidate_labels".to_owned(), json(&arguments.labels)?);
        }
        Ok(Self { inputs: inputs(arguments)?, parameters })
    }
}

fn inputs(arguments: &PredictArguments) -> Result<Vec<Value>, CliError> {
    let texts = &arguments.inputs;
    if let Some(path) = &arguments.image {
        let image = Image::from(read(path)?);
        return Ok(vec![if texts.is_empty() { json(&image)? } else { json(&ImageAndTexts::new(image, texts))? }]);
    }
    if let Some(path) = &arguments.audio {
        return Ok(vec![json(&Audio::from(read(path)?))?]);
    }
    if !arguments.columns.is_empty() {
        let cells = arguments.columns.iter().map(|column| (column.name.clone(), column.cell.clone()));
        return Ok(vec![json(&cells.collect::<TableRow>())?]);
    }
    let texts = self::texts(arguments)?;
    if arguments.json_inputs {
        let parse = |(index, line): (usize, &String)| {
            let failed = |error| CliError::usage(format!("input {} is not JSON: {error}", index + 1));
            serde_json::from_str(line).map_err(failed)
        };
        return texts.iter().enumerate().map(parse).collect();
    }
    let input = |text: String| match (&arguments.pair, &arguments.context) {
        (Some(pair), _) => json(&TextOrPair::pair(text, pair.as_str())),
        (_, Some(context)) => json(&QuestionAndContext::new(text, context.as_str())),
        (None, None) if !arguments.documents.is_empty() => {
            json(&QueryAndDocuments::new(text, arguments.documents.iter().cloned()))
        }
        (None, None) => Ok(Value::String(text)),
    };
    texts.into_iter().map(input).collect()
}

fn texts(arguments: &PredictArguments) -> Result<Vec<String>, CliError> {
    let texts = if arguments.inputs.is_empty() || arguments.inputs == ["-"] {
        lines(std::io::stdin().lock())?
    } else {
        arguments.inputs.clone()
    };
    if texts.is_empty() {
        return Err(CliError::usage("no input").hint("amaas predict MODEL \"some text\""));
    }
    Ok(texts)
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| CliError::file(path, &error))
}

fn json(value: &impl Serialize) -> Result<Value, CliError> {
    serde_json::to_value(value).map_err(CliError::new)
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
