//! The `amaas` command.

mod architecture;
mod arguments;
mod commands;
mod error;
mod output;
mod settings;

use std::process::ExitCode;

use amaas_engine::runtime::exit_now;

use crate::arguments::{Arguments, Command};
use crate::error::CliError;
use crate::settings::Settings;

fn main() -> ExitCode {
    let arguments = match Arguments::of_process() {
        Ok(arguments) => arguments,
        // What could not be parsed may still ask for JSON.
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            let failure = CliError::from(error);
            output::error(&failure, true);
            return ExitCode::from(failure.code());
        }
        Err(error) => error.exit(),
    };
    let json = arguments.json;
    // A model may still be loading, which cannot be called back, and nobody waits for it any more.
    match start(arguments) {
        Ok(()) => exit_now(0),
        Err(failure) => {
            output::error(&failure, json);
            exit_now(failure.code())
        }
    }
}

fn start(arguments: Arguments) -> Result<(), CliError> {
    // ONNX Runtime must find its telemetry switched off, and this starts the program again where it would not.
    let quiet = matches!(arguments.command, Command::Dev(_) | Command::Publish(_));
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

async fn run(arguments: Arguments) -> Result<(), CliError> {
    let settings = Settings::new(arguments.data, arguments.json);
    match arguments.command {
        Command::Dev(dev) => commands::dev::run(&settings, dev).await,
        Command::Publish(publish) => commands::publish::run(&settings, publish).await,
        Command::Inspect(inspect) => commands::inspect::run(&settings, &inspect).await,
        Command::Signer(signer) => commands::signer::run(&settings, &signer),
        Command::Alias(alias) => commands::alias::run(&settings, alias).await,
        Command::Predict(predict) => commands::predict::run(&settings, predict).await,
        Command::Infer(infer) => commands::infer::run(&settings, infer).await,
        Command::Receipt(receipts) => commands::receipt::run(&settings, &receipts),
        Command::Models(models) => commands::models::run(&settings, models).await,
        Command::Store(store) => commands::store::run(&settings, store).await,
        Command::Keys(keys) => commands::keys::run(&settings, keys).await,
        Command::Tenants(tenants) => commands::tenants::run(&settings, tenants).await,
        Command::Prices(prices) => commands::prices::run(&settings, prices).await,
        Command::Ledger(ledger) => commands::ledger::run(&settings, ledger).await,
        Command::Usage(usage) => commands::usage::run(&settings, usage).await,
        Command::Env(env) => commands::env::run(&settings, &env),
        Command::Estimate(estimate) => commands::estimate::run(&settings, &estimate),
        Command::Package(package) => commands::package::run(&settings, package),
    }
}
