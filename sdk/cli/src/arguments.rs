//! What the command line takes. The comments are its help texts, shown to people as they stand.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;

use amaas_serve::store::{Alias, ModelName, Version};
use clap::{Args, Parser, Subcommand};

/// AI model as a service: an ONNX network in, a private, pay-per-call API out.
#[derive(Parser)]
#[command(
    name = "amaas",
    version,
    after_help = "Exit codes: 0 done; 1 failed; 2 wrong arguments or configuration; 3 the service or the store could \
                  not be reached or was busy, so trying again can help; 4 the key was refused."
)]
pub(crate) struct Arguments {
    /// Print JSON instead of text, errors included
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The folder that `amaas dev` keeps everything in [env: AMAAS_DATA] [default: .amaas here or in a folder above]
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run everything on this machine: object store, models, functions, a key
    Dev(Dev),
    /// Check an ONNX file and put it into the model store
    Publish(Publish),
    /// Point an alias to a version that is there: to roll back, in one write
    Alias(AliasArguments),
    /// Call a model with its task's own inputs
    Predict(Predict),
    /// Call a model with tensors (Open Inference Protocol v2 JSON)
    Infer(Infer),
    /// List the models that the key may use
    Models,
    /// Make, list and revoke API keys; rotate the keys of sealed calls
    #[command(subcommand)]
    Keys(Keys),
    /// Make the zip of a Lambda function
    Package(Package),
}

#[derive(Args)]
pub(crate) struct Dev {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
}

#[derive(Args)]
pub(crate) struct Publish {
    /// The ONNX file
    pub(crate) network: PathBuf,
    /// The model's name
    #[arg(long)]
    pub(crate) name: ModelName,
    /// The version's name; begins with a digit [default: the next number]
    #[arg(long)]
    pub(crate) version: Option<Version>,
    /// The alias that will point to it
    #[arg(long, default_value = "live")]
    pub(crate) alias: Alias,
    /// The task that gives it typed inputs, such as "sentiment" [default: none, tensors only]
    #[arg(long)]
    pub(crate) task: Option<String>,
    /// A file that the task needs; may be given again
    #[arg(long = "asset", value_name = "FILE")]
    pub(crate) assets: Vec<PathBuf>,
    /// Golden cases: inputs and the outputs that another implementation gave for them (amaas.golden/1)
    #[arg(long, value_name = "FILE")]
    pub(crate) golden: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
}

#[derive(Args)]
pub(crate) struct AliasArguments {
    /// The model's name
    pub(crate) model: ModelName,
    /// The alias, such as "live"
    pub(crate) alias: Alias,
    /// The version that it will point to
    pub(crate) version: Version,
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
pub(crate) struct Predict {
    /// The model's name
    pub(crate) model: String,
    /// Inputs as text; "-" or none reads one input a line from standard input
    pub(crate) inputs: Vec<String>,
    /// The inputs are JSON values, not text
    #[arg(long)]
    pub(crate) json_inputs: bool,
    /// Ask for this version
    #[arg(long)]
    pub(crate) version: Option<String>,
}

#[derive(Args)]
pub(crate) struct Infer {
    /// The model's name
    pub(crate) model: String,
    /// A file with the request's JSON; "-" reads standard input
    #[arg(default_value = "-")]
    pub(crate) request: PathBuf,
    /// Ask for this version
    #[arg(long)]
    pub(crate) version: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make a key and show it, this once
    Create {
        /// Whose key it is
        #[arg(long, default_value = "default")]
        tenant: String,
        /// The environment in the key: lower-case letters and digits
        #[arg(long, default_value = "live")]
        environment: String,
        /// A model that the key may use; may be given again [default: all]
        #[arg(long = "model", value_name = "MODEL")]
        models: Vec<ModelName>,
        /// Days until it expires [default: never]
        #[arg(long, value_name = "DAYS")]
        expires: Option<u32>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// List keys, by id: the keys themselves are kept nowhere
    List {
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Revoke a key; functions refuse it within 60 s while they can read the store
    Revoke {
        /// The key's id, as `amaas keys list` shows it
        id: String,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Give a model new keys for sealed calls, or its first ones; functions follow by themselves, without a call that fails
    Rotate {
        /// The model's name; "dev" for `amaas dev`
        model: ModelName,
        /// Hours for which the old keys still open calls, or the old signer still signs
        #[arg(long, value_name = "HOURS", default_value_t = 48)]
        overlap: u32,
        /// Rotate the signer that callers pin, and not the keys
        #[arg(long)]
        signer: bool,
        /// What wraps the keys: a key of KMS, or file:PATH [env: AMAAS_KMS_KEY] [default: that of `amaas dev`]
        #[arg(long, value_name = "URI")]
        kms_key: Option<String>,
        #[command(flatten)]
        store: StoreArguments,
    },
    /// Show the public keys that sign a model's keys for sealed calls; callers are given them as AMAAS_SIGNERS
    Signer {
        /// The model's name; "dev" for `amaas dev`
        model: ModelName,
        #[command(flatten)]
        store: StoreArguments,
    },
}

#[derive(Args)]
pub(crate) struct Package {
    /// The function: the name of a folder in functions/, such as "sentiment"
    pub(crate) function: String,
    /// The zip to write [default: amaas-FUNCTION.zip in target/, or in CARGO_TARGET_DIR]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A binary that is built already [default: build it with cargo, release profile]
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: Option<PathBuf>,
    /// The ONNX Runtime library [default: the pinned build for this machine]
    #[arg(long, value_name = "FILE", env = "ORT_DYLIB_PATH")]
    pub(crate) library: Option<PathBuf>,
    /// Another library to put beside it; may be given again
    #[arg(long = "include", value_name = "FILE")]
    pub(crate) includes: Vec<PathBuf>,
}
