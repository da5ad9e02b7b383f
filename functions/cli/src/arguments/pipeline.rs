//! The options of a pipeline, for `amaas publish` and `amaas inspect`.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;

use amaas_pipelines::export::Pooling;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

#[derive(Args, Clone, Debug, Default, PartialEq)]
pub(crate) struct PipelineArguments {
    /// The pipeline that gives it typed inputs, such as "text-classification", or "tensors" for none [default: what the
    /// folder's files say]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) pipeline: Option<String>,
    /// The variant of the network: "fp16" for model_fp16.onnx [default: the file without a suffix]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) variant: Option<String>,
    /// For feature-extraction: how the vectors of tokens become one: cls, mean, max, mean_sqrt_len, weighted_mean, last_token,
    /// or none
    #[arg(long, value_name = "MODE")]
    pub(crate) pooling: Option<Pooling>,
    /// For feature-extraction: whether vectors are normalised to length 1
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(crate) normalize: Option<bool>,
    /// The maximum number of tokens of a text [default: what the tokenizer's files say]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_length: Option<usize>,
    /// The labels of the classes, in the order of their indexes: one on each line, or JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) label_file: Option<PathBuf>,
}
