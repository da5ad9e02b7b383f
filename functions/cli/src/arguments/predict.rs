//! `amaas predict`.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;
use std::str::FromStr;

use amaas_wire::pipeline::TableCell;
use clap::Args;
use serde_json::{Map, Value};

#[derive(Args)]
pub(crate) struct PredictArguments {
    /// The model's name
    pub(crate) model: String,
    /// Inputs as text; "-" or none reads one input per line from standard input, without empty lines at its end. More than
    /// 4096 inputs are several calls, with a line of JSON each
    pub(crate) inputs: Vec<String>,
    /// The inputs are JSON values, not text
    #[arg(long)]
    pub(crate) json_inputs: bool,
    /// An image file: with inputs, texts to be ranked by how well they describe it; alone, the input
    #[arg(long, value_name = "FILE", group = "form")]
    pub(crate) image: Option<PathBuf>,
    /// A sound file, WAV, FLAC, MP3 or OGG
    #[arg(long, value_name = "FILE", group = "form", conflicts_with = "inputs")]
    pub(crate) audio: Option<PathBuf>,
    /// The second text of a pair, for classifiers of pairs
    #[arg(long, value_name = "TEXT", group = "form")]
    pub(crate) pair: Option<String>,
    /// The context in which the answers to the questions are
    #[arg(long, value_name = "TEXT", group = "form")]
    pub(crate) context: Option<String>,
    /// A document to be ranked by the query; may be given again
    #[arg(long = "document", value_name = "TEXT", group = "form")]
    pub(crate) documents: Vec<String>,
    /// A cell of a table's row; null is a missing value; may be given again
    #[arg(long = "column", value_name = "NAME=VALUE", group = "form", conflicts_with = "inputs")]
    pub(crate) columns: Vec<ColumnCell>,
    /// The labels of zero-shot classification, separated by commas
    #[arg(long, value_name = "LABELS", value_delimiter = ',')]
    pub(crate) labels: Vec<String>,
    /// The parameters of the task, a JSON object such as {"top_k": 3}
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) parameters: Option<Map<String, Value>>,
    /// Ask for this version
    #[arg(long)]
    pub(crate) version: Option<String>,
    /// Write the receipt of the answer to this file; without one the command fails, after it printed the answer
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
}

/// A cell of a row, `NAME=VALUE`. The value is a number, a boolean, `null` or a quoted string of JSON, or else a string as it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColumnCell {
    pub(crate) name: String,
    pub(crate) cell: TableCell,
}

impl FromStr for ColumnCell {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("expected NAME=VALUE, got {text:?}"))?;
        let cell = match serde_json::from_str(value) {
            Ok(Value::Null) => TableCell::Missing,
            Ok(Value::Bool(value)) => value.into(),
            Ok(Value::String(value)) => value.into(),
            Ok(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => integer.into(),
                (None, Some(number)) => number.into(),
                (None, None) => value.into(),
            },
            Ok(Value::Array(_) | Value::Object(_)) | Err(_) => value.into(),
        };
        Ok(Self { name: name.to_owned(), cell })
    }
}

fn json_object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("expected a JSON object: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_json_or_texts() {
        for (text, cell) in [
            ("age=42", TableCell::Integer(42)),
            ("age=-1.5", TableCell::Number(-1.5)),
            ("age=null", TableCell::Missing),
            ("age=true", TableCell::Bool(true)),
            ("age=Paris", TableCell::Text("Paris".to_owned())),
            ("age=\"42\"", TableCell::Text("42".to_owned())),
            ("age=a=b", TableCell::Text("a=b".to_owned())),
            ("age=", TableCell::Text(String::new())),
        ] {
            let expected = ColumnCell { name: "age".to_owned(), cell };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert_eq!("age".parse::<ColumnCell>(), Err("expected NAME=VALUE, got \"age\"".to_owned()));
    }
}
