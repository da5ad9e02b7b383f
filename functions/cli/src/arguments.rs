//! The command line. These comments are the help texts, printed as they are.
#![allow(clippy::doc_markdown)]

mod accounts;
mod estimate;
mod keys;
mod models;
mod number;
mod pipeline;
mod predict;
mod process;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use amaas_model::publish::BatchingPolicy;
use amaas_store::{Alias, ModelName, Version};
use amaas_wire::dsse::VerifyingKey;
use clap::builder::{NonEmptyStringValueParser, OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::accounts::{
    AccountsArguments, LedgerArguments, LedgerCommand, PriceChange, PricesCommand, TenantChange, TenantTerms,
    TenantsCommand, UsageArguments,
};
pub(crate) use self::estimate::{EntryPoint, EstimateArguments, InstancePrice, PerModel};
pub(crate) use self::keys::{CreateKey, KeysCommand, ListKeys, RotateKeys};
pub(crate) use self::models::{
    ModelVersions, ModelsArguments, ModelsCommand, PruneArguments, RemoveModel, StoreCommand,
};
use self::number::{AtLeast, port};
pub(crate) use self::pipeline::PipelineArguments;
pub(crate) use self::predict::PredictArguments;
use crate::architecture::Architecture;

/// The end of `amaas --help`; clap wraps the lines.
const SETTINGS_HELP: &str = "\
Where settings come from: the flag of the one thing (--store), the flag of all (--data), the environment, the file env in the \
folder of `amaas dev`. What belongs together comes from one of them: a key of the environment (AMAAS_API_KEY, AMAAS_SIGNING_KEY, \
AMAAS_KMS_KEY) is never used with an endpoint, a store or a ledger of the file, and AWS credentials and AMAAS_SIGV4 never are. \
The command says on standard error which file it took.

A file that was not named with --data or an absolute AMAAS_DATA is used only if `amaas dev` of this user wrote it as it is, and \
neither it nor its folder can be written by others: a repository that was cloned may bring a file of its own. It is looked for \
here and above, up to the root of the Git repository or the home folder.

With --json an error is one line on standard error: {\"error\": {\"message\", \"remedy\", \"kind\", \"exit_code\", \"status\", \
\"problem\", \"request_id\", \"attempts\", \"retry_after\"}}. Members without a value are null. kind is \"failed\", \"usage\", \
\"unavailable\" or \"refused\", as the exit code, or of a call what the SDK calls it, such as \"rate_limited\"; status, problem (the \
type of the problem document), request_id, attempts and retry_after (seconds) are of calls.

Exit codes: 0 done; 1 failed; 2 wrong arguments or configuration; 3 the service, the store or the ledger could not be reached or \
was busy, so trying again can help; 4 the key was refused.";

/// AI model as a service: an ONNX network in, a private, pay-per-call API out.
#[derive(Parser)]
#[command(
    name = "amaas",
    version,
    max_term_width = MAX_HELP_WIDTH,
    after_help = "Exit codes: 0 done; 1 failed; 2 wrong arguments or configuration; 3 the service, the store or \
                  the ledger could not be reached or was busy, so trying again can help; 4 the key was refused.",
    after_long_help = SETTINGS_HELP
)]
pub(crate) struct CommandLine {
    /// Print JSON instead of text, errors included
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The data folder of `amaas dev`; a folder that is named here is trusted [env: AMAAS_DATA] [default: .amaas here, or
    /// above up to the root of the Git repository or the home folder]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

/// The width of help in columns, for terminals of any width.
const MAX_HELP_WIDTH: usize = 100;

#[derive(Subcommand)]
pub(crate) enum CliCommand {
    /// Run everything on this machine: object store, models, functions, a key
    Dev(DevArguments),
    /// Check an export, a folder or an ONNX file, and put it into the model store
    Publish(PublishArguments),
    /// Show a network's inputs and outputs, and whether calls may share its runs: of an ONNX file, a folder of them, or a model
    Inspect(InspectArguments),
    /// Show the publisher's public key, for AMAAS_PUBLISHERS
    Signer(SignerArguments),
    /// Point an alias to an existing version: to roll back, in one write
    Alias(AliasArguments),
    /// Call a model with its task's own inputs
    Predict(PredictArguments),
    /// Call a model with tensors (Open Inference Protocol v2 JSON)
    Infer(InferArguments),
    /// Verify a function's receipt for a call, offline
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// List the models that the key may use; list and remove a model's versions in the store
    Models(ModelsArguments),
    /// Delete objects of the model store to which no model refers
    #[command(subcommand)]
    Store(StoreCommand),
    /// Make, list and revoke API keys; rotate the keys that calls are sealed to
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Make, change and list tenants, their limits and their budgets
    #[command(subcommand)]
    Tenants(TenantsCommand),
    /// Set and list prices of calls
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Sign the records of a ledger from an earlier version
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Show the usage of the key's tenant, or of a tenant in the ledger
    Usage(UsageArguments),
    /// Print the Terraform or OpenTofu outputs of a deployed model, for `eval`: endpoint, store, ledger, names of keys
    Env(EnvArguments),
    /// Estimate the monthly cost of a model on AWS before the apply: from figures, or from a Terraform plan
    Estimate(Box<EstimateArguments>),
    /// Make a function's zip for Lambda, or its container image
    Package(PackageArguments),
}

#[derive(Args)]
pub(crate) struct DevArguments {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080, value_parser = port)]
    pub(crate) port: u16,
    /// Print where the milliseconds of each model's load went
    #[arg(long)]
    pub(crate) profile: bool,
}

#[derive(Args)]
pub(crate) struct PublishArguments {
    /// An ONNX file, or the folder that an exporter wrote: its pipeline is inferred from its files, which are published with it
    #[arg(value_name = "FILE|FOLDER")]
    pub(crate) path: PathBuf,
    /// The model's name
    #[arg(long)]
    pub(crate) name: ModelName,
    /// The version's name; begins with a digit [default: the next number]
    #[arg(long)]
    pub(crate) version: Option<Version>,
    /// The alias that will point to it
    #[arg(long, default_value = "live")]
    pub(crate) alias: Alias,
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,
    /// A task of this program that is written in Rust, such as "sentiment", in place of a pipeline
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), conflicts_with = "pipeline")]
    pub(crate) task: Option<String>,
    /// Publish the model although this program does not have its task, and so cannot test it; the serving program has it
    #[arg(long, requires = "task")]
    pub(crate) unchecked_task: bool,
    /// A file that the task needs, under its own name or under NAME; may be given again
    #[arg(long = "asset", value_name = "[NAME=]FILE")]
    pub(crate) assets: Vec<NamedFile>,
    /// An ONNX file that the task runs beside the model's own, and the name that the task gives it; may be given again
    #[arg(long = "network", value_name = "NAME=FILE")]
    pub(crate) networks: Vec<NamedFile>,
    /// Golden cases: inputs and the outputs that another implementation gave for them (amaas.golden/1)
    #[arg(long, value_name = "FILE")]
    pub(crate) golden: Option<PathBuf>,
    /// Which calls may share a run: "auto", all of them if the network's graph is proven to keep rows apart, else none; "off",
    /// none; "same-tenant", those of one tenant, at your own risk: rows of a network that is not proven may change one another
    #[arg(long, value_name = "POLICY", value_enum, default_value_t)]
    pub(crate) batching: BatchingArgument,
    /// The publisher's private key, Ed25519 as PKCS#8 in PEM [env: AMAAS_SIGNING_KEY] [default: that of `amaas dev`]
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    /// The key that wraps the model's data key: a key of KMS or file:PATH [env: AMAAS_KMS_KEY] [default: that of `amaas dev`]
    #[arg(long, value_name = "KEY")]
    pub(crate) kms_key: Option<String>,
    /// Store the model without encryption, readable for everyone with access to the store
    #[arg(long, conflicts_with = "kms_key")]
    pub(crate) unsealed: bool,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

/// [`BatchingPolicy`] on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum BatchingArgument {
    #[default]
    Auto,
    Off,
    SameTenant,
}

impl From<BatchingArgument> for BatchingPolicy {
    fn from(argument: BatchingArgument) -> Self {
        match argument {
            BatchingArgument::Auto => Self::Auto,
            BatchingArgument::Off => Self::Off,
            BatchingArgument::SameTenant => Self::SameTenant,
        }
    }
}

#[derive(Args)]
pub(crate) struct InspectArguments {
    /// An ONNX file, a folder with ONNX files, or a model of the store: MODEL, MODEL:VERSION or MODEL:ALIAS [default of
    /// a model: what "live" points to]
    #[arg(value_name = "FILE|FOLDER|MODEL")]
    pub(crate) what: PathBuf,
    #[command(flatten)]
    pub(crate) pipeline: PipelineArguments,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

/// `FILE` or `NAME=FILE`. The name ends at the first `=`, unless a slash is before it or a file of the whole text exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFile {
    pub(crate) name: Option<String>,
    pub(crate) path: PathBuf,
}

impl FromStr for NamedFile {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once('=').filter(|(name, _)| !name.contains('/') && !Path::new(text).exists()) {
            Some((name, path)) => Self { name: Some(name.to_owned()), path: path.into() },
            None => Self { name: None, path: text.into() },
        })
    }
}

#[derive(Args)]
pub(crate) struct SignerArguments {
    /// The private key, Ed25519 as PKCS#8 in PEM [env: AMAAS_SIGNING_KEY] [default: that of `amaas dev`]
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    /// Make the key if it does not exist
    #[arg(long)]
    pub(crate) create: bool,
}

#[derive(Args)]
pub(crate) struct AliasArguments {
    /// The model's name
    pub(crate) model: ModelName,
    /// The alias, such as "live"
    pub(crate) alias: Alias,
    /// The version that it will point to
    pub(crate) version: Version,
    /// The publisher's key, which signs the alias [env: AMAAS_SIGNING_KEY] [default: that of `amaas dev`]
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

#[derive(Args)]
pub(crate) struct StoreArguments {
    /// The model store, s3://bucket[/prefix] or a folder [env: AMAAS_STORE] [default: that of `amaas dev`]
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<String>,
}

#[derive(Args)]
pub(crate) struct InferArguments {
    /// The model's name
    pub(crate) model: String,
    /// A file with the request's JSON; "-" reads standard input
    #[arg(default_value = "-")]
    pub(crate) request: PathBuf,
    /// Ask for this version
    #[arg(long)]
    pub(crate) version: Option<String>,
    /// Write the receipt of the answer to this file; without one the command fails, after it printed the answer
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Verify a receipt's signature, input and output, and show its content
    Verify(VerifyReceipt),
}

#[derive(Args)]
pub(crate) struct VerifyReceipt {
    /// A file with the receipt: the value of the header amaas-receipt, or a whole stream that ends with it; "-" reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) receipt: PathBuf,
    /// The keys that may sign it, as `amaas keys signer MODEL` shows them, or `amaas keys signer dev` for `amaas dev` [env: AMAAS_SIGNERS]
    /// [default: those of `amaas dev`]
    #[arg(long = "signer", value_name = "KEY", value_delimiter = ',')]
    pub(crate) signers: Vec<VerifyingKey>,
    /// The request's body, before sealing and compression
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// The response's body, likewise
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct EnvArguments {
    /// The folder in which `terraform apply` ran, such as infra/examples/minimal
    #[arg(long, value_name = "FOLDER")]
    pub(crate) terraform: PathBuf,
    /// The program that reads the outputs there: "terraform", "tofu", or the path of one [default: terraform, or tofu if only that is
    /// installed]
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) command: Option<PathBuf>,
    /// The model, if several are deployed and each has an endpoint of its own
    #[arg(long)]
    pub(crate) model: Option<String>,
}

#[derive(Args)]
#[command(after_long_help = "\
A GPU image: --library is the libonnxruntime.so of the onnxruntime-gpu wheel, --include its \
libonnxruntime_providers_shared.so and libonnxruntime_providers_cuda.so, which ONNX Runtime looks for beside itself, and \
--base an image that has CUDA and cuDNN of the versions that the wheel asks for. NVIDIA's driver comes from the host.")]
pub(crate) struct PackageArguments {
    /// The function: the name of a folder in functions/, such as "sentiment". Without --binary cargo builds it in this workspace,
    /// which runs the workspace's build scripts
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) function: String,
    /// Features of the function to build in, separated by commas: for "pipelines" those of its models, such as "text" [default:
    /// all that the function has by default]
    #[arg(long, value_name = "FEATURES", value_delimiter = ',', conflicts_with = "binary")]
    pub(crate) features: Vec<String>,
    /// The processor that it will run on [default: that of --binary, or this machine's]
    #[arg(long = "arch", value_name = "ARCH", value_enum)]
    pub(crate) architecture: Option<Architecture>,
    /// Make a container image instead of a zip: an OCI image layout, for which no Docker is needed
    #[arg(long)]
    pub(crate) image: bool,
    /// The image to build on, a layout folder as `skopeo copy docker://IMAGE oci:FOLDER` makes it [default: what the programs
    /// need of this machine's libraries, or of the cross compiler's for another processor]
    #[arg(long, value_name = "FOLDER", requires = "image")]
    pub(crate) base: Option<PathBuf>,
    /// The root folder of another system, whose libraries go into an image without --base
    #[arg(long, value_name = "FOLDER", requires = "image", conflicts_with = "base")]
    pub(crate) sysroot: Option<PathBuf>,
    /// The output: the zip; with --image a folder, or a tar archive if it ends in .tar [default: amaas-FUNCTION.zip or
    /// .oci in target/ or in CARGO_TARGET_DIR; amaas-FUNCTION-arm64 for arm64]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// An existing binary [default: cargo builds it, with the profile dist and the features that its host
    /// needs: lambda and dynamodb for a zip, all but publish and local for an image]
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
    /// The ONNX Runtime library [default: the pinned build for the processor]
    // An empty variable counts as not set.
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) library: Option<PathBuf>,
    /// Another library to put beside it; may be given again
    #[arg(long = "include", value_name = "FILE")]
    pub(crate) includes: Vec<PathBuf>,
}
