//! The `amaas` command.

mod architecture;
mod arguments;
mod commands;
mod error;
mod output;
mod settings;

use std::process::ExitCode;

use amaas_engine::runtime::exit_now;

use crate::arguments::{CliCommand, CommandLine};
use crate::error::CliError;
use crate::settings::Settings;

fn main() -> ExitCode {
    let arguments = match CommandLine::of_process() {
        Ok(arguments) => arguments,
        // Arguments that cannot be parsed may contain `--json`.
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            let failure = CliError::from(error);
            output::error(&failure, true);
            return ExitCode::from(failure.code());
        }
        Err(error) => error.exit(),
    };
    let json = arguments.json;
    // A model may still be loading; its load cannot be cancelled, and its result is not needed.
    match start(arguments) {
        Ok(()) => exit_now(0),
        Err(failure) => {
            output::error(&failure, json);
            exit_now(failure.code())
        }
    }
}

fn start(arguments: CommandLine) -> Result<(), CliError> {
    // ONNX Runtime must find its telemetry disabled; if it would not, this call starts the program again.
    let quiet = matches!(arguments.command, CliCommand::Dev(_) | CliCommand::Publish(_));
    if quiet {
        amaas_engine::runtime::disable_telemetry_or_reexec().map_err(CliError::process)?;
    }
    amaas_serve::telemetry::init("warn,s3s=error,s3s_fs=error");
    amaas_engine::runtime::protect_process_memory();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::process)?;
    let result = runtime.block_on(run(arguments));
    runtime.shutdown_background();
    result
}

async fn run(arguments: CommandLine) -> Result<(), CliError> {
    let settings = Settings::new(arguments.data, arguments.json);
    match arguments.command {
        CliCommand::Dev(dev) => commands::dev::run(&settings, dev).await,
        CliCommand::Publish(publish) => commands::publish::run(&settings, publish).await,
        CliCommand::Inspect(inspect) => commands::inspect::run(&settings, &inspect).await,
        CliCommand::Signer(signer) => commands::signer::run(&settings, &signer),
        CliCommand::Alias(alias) => commands::alias::run(&settings, alias).await,
        CliCommand::Predict(predict) => commands::predict::run(&settings, predict).await,
        CliCommand::Infer(infer) => commands::infer::run(&settings, infer).await,
        CliCommand::Receipt(receipts) => commands::receipt::run(&settings, &receipts),
        CliCommand::Models(models) => commands::models::run(&settings, models).await,
        CliCommand::Store(store) => commands::store::run(&settings, store).await,
        CliCommand::Keys(keys) => commands::keys::run(&settings, keys).await,
        CliCommand::Tenants(tenants) => commands::tenants::run(&settings, tenants).await,
        CliCommand::Prices(prices) => commands::prices::run(&settings, prices).await,
        CliCommand::Ledger(ledger) => commands::ledger::run(&settings, ledger).await,
        CliCommand::Usage(usage) => commands::usage::run(&settings, usage).await,
        CliCommand::Env(env) => commands::env::run(&settings, &env),
        CliCommand::Estimate(estimate) => commands::estimate::run(&settings, &estimate),
        CliCommand::Package(package) => commands::package::run(&settings, package),
    }
}
