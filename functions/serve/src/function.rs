//! The `main` of a function.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::backends::Backends;
use crate::config::{Config, ResponseMode};
use crate::state::{AppState, Lifecycle};
use crate::{host, telemetry};
use amaas_access::meter::EmfOutput;
use amaas_access::oidc::{OidcVerifier, TokenError};
use amaas_access::{Accounts, AccountsError};
use amaas_engine::runtime;
use amaas_model::load::{LoadState, ModelSlot};
use amaas_model::task::Tasks;

/// Runs a function that knows `tasks` until it is stopped: under Lambda if `AWS_LAMBDA_RUNTIME_API` is set, else as an HTTP
/// server.
///
/// Exit codes: 0 stopped as asked, 1 failed, 2 wrong configuration.
///
/// ```no_run
/// use amaas_serve::task::Tasks;
///
/// fn main() -> std::process::ExitCode {
///     amaas_serve::function(Tasks::default())
/// }
/// ```
#[allow(clippy::needless_pass_by_value)] // `main` owns its arguments
pub fn function(tasks: Tasks) -> ExitCode {
    let started = runtime::disable_telemetry_or_reexec()
        .and_then(|()| tokio::runtime::Builder::new_multi_thread().enable_all().build());
    let tokio = match started {
        Ok(tokio) => tokio,
        Err(error) => {
            eprintln!("error: the process could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    telemetry::init("info,aws_config=warn,lambda_runtime=warn");
    runtime::protect_process_memory();
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "wrong configuration");
            return ExitCode::from(2);
        }
    };
    if let Err(error) = has_host() {
        tracing::error!(error, "wrong configuration");
        return ExitCode::from(2);
    }
    // A session that is being built cannot be interrupted, so the process exits without waiting for it.
    match tokio.block_on(run(config, tasks)) {
        Ok(()) => runtime::exit_now(0),
        Err(error) => {
            tracing::error!(error, "failed");
            runtime::exit_now(1)
        }
    }
}

async fn run(config: Config, tasks: Tasks) -> Result<(), String> {
    // Loading the library takes longer than everything else before the first download. Its users wait for it, and get its error.
    let library = config.runtime.library.clone();
    drop(tokio::task::spawn_blocking(move || runtime::start(library.as_deref())));
    let backends = Backends::open(&config).await?;
    let oidc = config.oidc.clone().map(OidcVerifier::new).transpose()?.map(Arc::new);
    let sealing = backends.sealing(config.model.clone(), config.sealing, config.replay);
    let slot = Arc::new(ModelSlot::new(config.model.clone(), config.version.clone()));
    let state =
        backends.state(config.limits).journal(&config.journal).metrics(config.metrics).cors(config.cors.clone());
    let under_lambda = is_under_lambda();
    let lifecycle = if under_lambda { Lifecycle::Suspended } else { Lifecycle::Continuous };
    let state = state.oidc(oidc.clone()).iam(config.iam).sealing(sealing.clone()).lifecycle(lifecycle);
    let state = state.model(Arc::clone(&slot)).build();
    if config.metrics == EmfOutput::On {
        telemetry::enable_failure_metrics();
    }
    let source = backends.models(config.trust.clone());
    let (loading, runtime) = (Arc::clone(&slot), config.runtime.clone());
    tokio::spawn(async move {
        loop {
            loading.load(&source, &tasks, &runtime).await;
            let follow = async {
                // A Lambda environment is short-lived and runs during calls only: the next one loads what the alias points to.
                if !under_lambda {
                    loading.follow_alias(&source, &tasks, &runtime, ALIAS_INTERVAL).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = loading.wait_until_lost() => {}
                () = follow => {}
            }
        }
    });

    // A snapshot contains the memory of the process, so keys are read after it.
    let keys = async {
        if !takes_snapshot() {
            let sealing = async {
                if let Some(sealing) = &sealing {
                    drop(sealing.load().await);
                }
            };
            let tokens = async {
                if let Some(oidc) = &oidc {
                    load_issuer_keys(oidc).await;
                }
            };
            tokio::join!(sealing, warm_up_ledger(&backends.accounts), tokens);
        }
    };
    if under_lambda {
        // The init phase has a full CPU and ends when the runtime requests the first invocation, so the model is loaded before.
        // If the load failed, calls get its error.
        let model = within_init_phase(slot.wait_until_loaded(), takes_snapshot());
        let (model, ()) = tokio::join!(model, keys);
        if let Some(LoadState::Failed(reason)) = model {
            tracing::error!(reason, "starting without a model");
        }
        return lambda(state, config.response_mode).await;
    }
    let (ended, ()) = tokio::join!(http(&config, state), keys);
    ended
}

#[cfg(feature = "lambda")]
async fn lambda(state: AppState, mode: ResponseMode) -> Result<(), String> {
    host::lambda(state, mode).await.map_err(|error| error.to_string())
}

#[cfg(not(feature = "lambda"))]
#[allow(clippy::unused_async)] // replaces the function above
async fn lambda(_: AppState, _: ResponseMode) -> Result<(), String> {
    Err(NO_LAMBDA.to_owned())
}

#[cfg(feature = "http")]
async fn http(config: &Config, state: AppState) -> Result<(), String> {
    let (address, port) = &config.listen;
    let server = host::Server::bind(address, *port);
    let server = server.await.map_err(|error| format!("cannot listen on {address}:{port}: {error}"))?;
    tracing::info!(address = %server.address(), "listening");
    host::serve(server, state, stop_signal()).await.map_err(|error| error.to_string())
}

#[cfg(not(feature = "http"))]
#[allow(clippy::unused_async)] // replaces the function above
async fn http(_: &Config, _: AppState) -> Result<(), String> {
    Err(NO_HTTP.to_owned())
}

/// Refuses to start on a host that this program was built without.
fn has_host() -> Result<(), &'static str> {
    match is_under_lambda() {
        true if cfg!(not(feature = "lambda")) => Err(NO_LAMBDA),
        false if cfg!(not(feature = "http")) => Err(NO_HTTP),
        _ => Ok(()),
    }
}

fn is_under_lambda() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// Whether Lambda snapshots this process after its init phase (`SnapStart`) and starts others from the snapshot.
fn takes_snapshot() -> bool {
    std::env::var_os("AWS_LAMBDA_INITIALIZATION_TYPE").is_some_and(|kind| kind == "snap-start")
}

/// The result of `loading` if it ends within Lambda's init phase.
async fn within_init_phase<T>(loading: impl Future<Output = T>, takes_snapshot: bool) -> Option<T> {
    let phase = if takes_snapshot { SNAPSHOT_INIT_TIMEOUT } else { INIT_TIMEOUT };
    tokio::time::timeout(phase, loading).await.ok()
}

/// Reads the issuer's keys. If that fails, the first token that needs them retries.
async fn load_issuer_keys(oidc: &OidcVerifier) {
    if let Err(TokenError::Unavailable { internal }) = oidc.load().await {
        tracing::error!(error = internal, "issuer keys unavailable");
    }
}

/// Reads the ledger's secret, which opens a connection too. If that fails, the first call retries.
async fn warm_up_ledger(accounts: &Accounts) {
    match accounts.load().await {
        Ok(()) | Err(AccountsError::NoSecret) => {}
        Err(error) => tracing::error!(%error, "ledger unavailable"),
    }
}

/// Waits for SIGTERM or Ctrl-C.
pub async fn stop_signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "no SIGTERM handler: the process ends only if it is killed");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

const NO_LAMBDA: &str =
    "AWS_LAMBDA_RUNTIME_API is set, and this program was built without the Cargo feature \"lambda\"";
const NO_HTTP: &str =
    "AWS_LAMBDA_RUNTIME_API is not set, and this program was built without an HTTP server: the Cargo feature \"http\"";
/// How often a server resolves its alias.
const ALIAS_INTERVAL: Duration = Duration::from_secs(30);
/// Lambda limits an init phase to 10 s; then it restarts it with less CPU.
const INIT_TIMEOUT: Duration = Duration::from_secs(9);
/// Lambda limits an init phase before a snapshot to 130 s or more. A model that is loaded later is not in the snapshot.
const SNAPSHOT_INIT_TIMEOUT: Duration = Duration::from_mins(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_waits_for_larger_models() {
        let loading = |seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            LoadState::Loading
        };
        for (seconds, takes_snapshot, loaded) in
            [(8, false, true), (10, false, false), (10, true, true), (119, true, true), (121, true, false)]
        {
            let model = within_init_phase(loading(seconds), takes_snapshot).await;
            assert_eq!(model.is_some(), loaded, "{seconds} s, snapshot: {takes_snapshot}");
        }
    }
}
