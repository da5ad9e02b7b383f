//! The command line of a function with a task of its own: `dev`, `publish` and `check`. Without a command it is the function itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use amaas_engine::{RuntimeConfig, runtime};
use amaas_model::manifest::GoldenCases;
use amaas_model::publish::{NetworkFiles, Publication};
use amaas_model::task::Tasks;
use amaas_store::{Alias, ModelName, live};
use bytes::Bytes;
use clap::{Args, Parser, Subcommand};

use crate::dev::{self, DataFolder, DevError, HostedModels, ModelBundle, model_table};
use crate::local_stack::LocalStack;

/// The `main` of a function that knows `tasks`, and comes with the model of each of `bundles`.
///
/// With the command `dev`, `publish` or `check` it serves, publishes or tests them on this machine. Without a command, and always under
/// Lambda, it is [`amaas_serve::function`].
///
/// ```no_run
/// use amaas_model::task::Tasks;
///
/// fn main() -> std::process::ExitCode {
///     amaas_local::main(Tasks::default(), &[])
/// }
/// ```
pub fn main(tasks: Tasks, bundles: &[ModelBundle]) -> ExitCode {
    let is_under_lambda = std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some();
    if is_under_lambda || std::env::args_os().len() < 2 {
        return amaas_serve::function(tasks);
    }
    let arguments = FunctionCommandLine::parse();
    let models = HostedModels { tasks, bundles: bundles.to_vec() };
    match start(arguments, models) {
        Ok(code) => runtime::exit_now(code),
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("  try: {hint}");
            }
            runtime::exit_now(if error.is_usage() { 2 } else { 1 })
        }
    }
}

/// A function with commands for its development. Without a command it serves the model that AMAAS_MODEL names.
#[derive(Parser)]
#[allow(clippy::doc_markdown)] // clap prints these comments
#[command(version, max_term_width = 100)]
struct FunctionCommandLine {
    /// The folder that `dev` keeps everything in [env: AMAAS_DATA] [default: .amaas]
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: FunctionCommand,
}

#[derive(Subcommand)]
enum FunctionCommand {
    /// Serve the bundled model, and what is published beside it, on this machine
    Dev {
        /// The port on 127.0.0.1; 0 takes a free one
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Print where the milliseconds of each model's load went
        #[arg(long)]
        profile: bool,
    },
    /// Publish a network into the store of a running `dev` [default: the bundled model]
    Publish(PublishArguments),
    /// Load the bundled model, run its golden cases, and call it once with its task's example
    Check,
}

#[derive(Args)]
struct PublishArguments {
    /// The ONNX file of the network [default: the bundled one]
    network: Option<PathBuf>,
    /// A file that the task needs, such as a vocabulary; may be given again [default: the bundled ones]
    #[arg(long = "asset", value_name = "FILE", requires = "network")]
    assets: Vec<PathBuf>,
    /// Cases with known answers, as JSON [default with a network: none]
    #[arg(long, value_name = "FILE", requires = "network")]
    golden: Option<PathBuf>,
    /// The model's name [default: the bundled model's]
    #[arg(long)]
    name: Option<ModelName>,
    /// The alias that will point to the version [default: live]
    #[arg(long)]
    alias: Option<Alias>,
    /// The task [default: the bundled model's, or the only one of this function]
    #[arg(long)]
    task: Option<String>,
}

fn start(arguments: FunctionCommandLine, models: HostedModels) -> Result<u8, DevError> {
    let failed = |error: std::io::Error| DevError::other(format!("the process could not start: {error}"));
    // ONNX Runtime must find its telemetry disabled; if it would not, this call starts the program again.
    runtime::disable_telemetry_or_reexec().map_err(failed)?;
    amaas_serve::telemetry::init("warn,s3s=error,s3s_fs=error");
    runtime::protect_process_memory();
    let data = data_folder(arguments.data);
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    let result = tokio.block_on(async {
        match arguments.command {
            FunctionCommand::Dev { port, profile } => serve(&data, port, profile, models).await.map(|()| 0),
            FunctionCommand::Publish(publish) => publish.run(&data, &models).await.map(|()| 0),
            FunctionCommand::Check => check(models).await,
        }
    });
    tokio.shutdown_background();
    result
}

fn data_folder(flag: Option<PathBuf>) -> DataFolder {
    let named = std::env::var_os("AMAAS_DATA").filter(|data| !data.is_empty()).map(PathBuf::from);
    let is_named = flag.is_some() || named.as_ref().is_some_and(|data| data.is_absolute());
    DataFolder { path: flag.or(named).unwrap_or_else(|| PathBuf::from(".amaas")), is_named }
}

async fn serve(data: &DataFolder, port: u16, profile: bool, models: HostedModels) -> Result<(), DevError> {
    dev::run(data, port, models, |started| {
        println!("{}", started.text(None));
        if profile {
            println!("{}", started.profile());
        }
        Ok::<_, DevError>(())
    })
    .await?;
    println!("stopped");
    Ok(())
}

/// Publishes and loads each bundled model in a folder of its own, calls it once, and prints the table.
async fn check(models: HostedModels) -> Result<u8, DevError> {
    let folder = tempfile::tempdir().map_err(DevError::other)?;
    let config = RuntimeConfig::from_env()?;
    let stack = LocalStack::start(folder.path(), &models.tasks, config).await.map_err(DevError::other)?;
    for bundle in &models.bundles {
        let publication = bundle(live()).map_err(DevError::other)?;
        stack.add(publication).await.map_err(DevError::other)?;
    }
    let calls = stack.first_calls().await;
    println!("{}", model_table(&calls));
    Ok(u8::from(calls.iter().any(|call| call.answer.is_err())))
}

impl PublishArguments {
    async fn run(self, data: &DataFolder, models: &HostedModels) -> Result<(), DevError> {
        let publication = self.publication(models)?;
        let published = dev::publish_into(data, publication, &models.tasks).await?;
        for warning in &published.warnings {
            eprintln!("warning: {warning}");
        }
        let manifest = &published.manifest;
        let word = if published.is_new { "published" } else { "already published:" };
        println!("{word} {} version {}, serial {}", manifest.model, manifest.version, manifest.serial);
        println!("calls share runs: {}", published.batching_reason);
        Ok(())
    }

    fn publication(self, models: &HostedModels) -> Result<Publication, DevError> {
        let alias = self.alias.unwrap_or_else(live);
        let bundled = match models.bundles.as_slice() {
            [bundle] => Some(bundle(alias.clone()).map_err(DevError::other)?),
            _ => None,
        };
        let mut publication = match (bundled, &self.network) {
            (Some(bundled), None) => bundled,
            (Some(bundled), Some(path)) => Publication { network: network(path)?, golden: None, ..bundled },
            (None, Some(path)) => {
                let name = self.name.clone().ok_or_else(|| DevError::usage("the model needs a name: --name NAME"))?;
                Publication { alias, task: only_task(&models.tasks), ..Publication::of_network(name, network(path)?) }
            }
            (None, None) => return Err(DevError::usage("no model is bundled: name the ONNX file of a network")),
        };
        if !self.assets.is_empty() {
            publication.assets = self.assets.iter().map(|path| asset(path)).collect::<Result<_, _>>()?;
        }
        if let Some(path) = &self.golden {
            let golden = GoldenCases::from_json(&read(path)?).map_err(|error| DevError::file(path, &error))?;
            publication.golden = Some(golden);
        }
        if let Some(name) = self.name {
            publication.model = name;
        }
        if let Some(task) = self.task {
            publication.task = Some(task);
        }
        Ok(publication)
    }
}

fn only_task(tasks: &Tasks) -> Option<String> {
    let mut names = tasks.names();
    names.next().filter(|_| names.next().is_none()).map(str::to_owned)
}

fn network(path: &Path) -> Result<NetworkFiles, DevError> {
    NetworkFiles::read(path).map_err(|error| DevError::file(path, &error))
}

fn asset(path: &Path) -> Result<(String, Bytes), DevError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| DevError::file(path, &"an asset needs a file name that is UTF-8"))?;
    Ok((name.to_owned(), read(path)?))
}

fn read(path: &Path) -> Result<Bytes, DevError> {
    std::fs::read(path).map(Bytes::from).map_err(|error| DevError::file(path, &error))
}
