//! The `main` of a function.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Iam, ResponseMode};
use crate::sealing::{Policy, Sealing};
use crate::state::Host;
use crate::{host, telemetry};
use amaas_access::oidc::{Oidc, TokenError};
use amaas_access::{Accounts, AccountsError};
use amaas_engine::runtime;
use amaas_model::load::{LoadState, ModelSlot, ModelSource};
use amaas_model::task::Tasks;
use amaas_store::vault::Vault;
use amaas_store::{S3Options, Store};

/// Runs a function that knows `tasks` until it is stopped: under Lambda where `AWS_LAMBDA_RUNTIME_API` is set, as an
/// HTTP server where it is not.
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
#[allow(clippy::needless_pass_by_value)] // a `main` gives away all it has
pub fn function(tasks: Tasks) -> ExitCode {
    let started = runtime::quiet().and_then(|()| tokio::runtime::Builder::new_multi_thread().enable_all().build());
    let tokio = match started {
        Ok(tokio) => tokio,
        Err(error) => {
            eprintln!("error: the process could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    telemetry::init("info,aws_config=warn,lambda_runtime=warn");
    runtime::private();
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
    // A session that is still being built cannot be interrupted, and must not outlive the time to stop.
    match tokio.block_on(run(config, tasks)) {
        Ok(()) => runtime::leave(0),
        Err(error) => {
            tracing::error!(error, "failed");
            runtime::leave(1)
        }
    }
}

async fn run(config: Config, tasks: Tasks) -> Result<(), String> {
    // It takes longer than all else until the first blob travels; whoever needs it waits for it, and hears what went wrong.
    let library = config.runtime.library.clone();
    drop(tokio::task::spawn_blocking(move || runtime::start(library.as_deref())));
    let store = Store::open(&config.store, &S3Options::default()).await.map_err(|error| error.to_string())?;
    let vault = Vault::open(&config.vault).await.map_err(|error| format!("AMAAS_KMS_KEY: {error}"))?;
    let ledger = amaas_ledger::open(&config.ledger).await.map_err(|error| format!("AMAAS_LEDGER: {error}"))?;
    let accounts = Accounts::new(ledger, vault.clone());
    let host = Host::new(accounts.clone(), config.limits);
    if config.emf {
        host.journal_and_tell(&config.journal);
        telemetry::tell_failures();
    } else {
        host.journal(&config.journal);
    }
    let oidc = config.oidc.clone().map(Oidc::new).transpose()?.map(Arc::new);
    if let Some(oidc) = &oidc {
        host.trust_tokens(Arc::clone(oidc));
    }
    if config.iam == Iam::Tenant {
        host.trust_iam();
    }
    host.share_with(config.cors.clone());
    let source =
        ModelSource::new(store.clone(), Some(vault.clone()), config.trust.clone()).with_ledger(accounts.ledger());
    let slot = Arc::new(ModelSlot::new(config.model.clone(), config.version.clone()));
    host.insert(Arc::clone(&slot));
    let sealing = sealing(&config, &store, vault, &accounts);
    if let Some(sealing) = &sealing {
        host.seal(sealing.clone());
    }
    let (loading, runtime) = (Arc::clone(&slot), config.runtime.clone());
    let under_lambda = is_under_lambda();
    tokio::spawn(async move {
        loop {
            loading.load(&source, &tasks, &runtime).await;
            let follow = async {
                // A Lambda environment lives between calls only, and not for long: the next one loads what the alias points to.
                if !under_lambda {
                    loading.follow_alias(&source, &tasks, &runtime, FOLLOW).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = loading.wait_until_lost() => {}
                () = follow => {}
            }
        }
    });

    // What is in memory before a snapshot is in the snapshot, so the keys are read after it.
    let keys = async {
        if !takes_snapshot() {
            let sealing = async {
                if let Some(sealing) = &sealing {
                    drop(sealing.load().await);
                }
            };
            let tokens = async {
                if let Some(oidc) = &oidc {
                    told(oidc.load().await);
                }
            };
            tokio::join!(sealing, knock(&accounts), tokens);
        }
    };
    if under_lambda {
        // The init phase has the processor to itself and ends when the first invocation is asked for, so the model is
        // loaded before that. What fails then is told to whoever calls.
        let model = in_init_phase(slot.wait_until_loaded(), takes_snapshot());
        let (model, ()) = tokio::join!(model, keys);
        if let Some(LoadState::Failed(reason)) = model {
            tracing::error!(reason, "starting without a model");
        }
        return lambda(host, config.response_mode).await;
    }
    let (ended, ()) = tokio::join!(http(&config, host), keys);
    ended
}

#[cfg(feature = "lambda")]
async fn lambda(host: Host, mode: ResponseMode) -> Result<(), String> {
    host::lambda(host, mode).await.map_err(|error| error.to_string())
}

#[cfg(not(feature = "lambda"))]
#[allow(clippy::unused_async)] // replaces the function above
async fn lambda(_: Host, _: ResponseMode) -> Result<(), String> {
    Err(NO_LAMBDA.to_owned())
}

#[cfg(feature = "http")]
async fn http(config: &Config, host: Host) -> Result<(), String> {
    let (address, port) = &config.listen;
    let server = host::Server::bind(address, *port);
    let server = server.await.map_err(|error| format!("cannot listen on {address}:{port}: {error}"))?;
    tracing::info!(address = %server.address(), "listening");
    host::serve(server, host, stop_signal()).await.map_err(|error| error.to_string())
}

#[cfg(not(feature = "http"))]
#[allow(clippy::unused_async)] // replaces the function above
async fn http(_: &Config, _: Host) -> Result<(), String> {
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

/// Whether Lambda takes a snapshot of this process when its init phase is over (`SnapStart`), and starts others from it.
fn takes_snapshot() -> bool {
    std::env::var_os("AWS_LAMBDA_INITIALIZATION_TYPE").is_some_and(|kind| kind == "snap-start")
}

/// What `loading` comes to in Lambda's init phase; nothing where it takes longer.
async fn in_init_phase<T>(loading: impl Future<Output = T>, takes_snapshot: bool) -> Option<T> {
    let phase = if takes_snapshot { INIT_BEFORE_SNAPSHOT } else { INIT };
    tokio::time::timeout(phase, loading).await.ok()
}

/// What opens sealed calls, where they are taken. The keys need not be there yet.
fn sealing(config: &Config, store: &Store, vault: Vault, accounts: &Accounts) -> Option<Sealing> {
    if config.sealing == Policy::Off {
        return None;
    }
    let sealing = Sealing::new(store.clone(), config.model.clone(), vault, config.sealing);
    Some(sealing.with_ledger(accounts.ledger(), config.replay))
}

/// A call can have what failed tried again.
fn told(loaded: Result<(), TokenError>) {
    if let Err(TokenError::Unavailable { internal }) = loaded {
        tracing::error!(error = internal, "the issuer's keys cannot be read");
    }
}

/// Reads the ledger's secret, so that the first call finds it, and a connection; and the log tells at once where there can be none.
async fn knock(accounts: &Accounts) {
    match accounts.load().await {
        Ok(()) | Err(AccountsError::NoSecret) => {}
        Err(error) => tracing::error!(%error, "the ledger cannot be used"),
    }
}

/// Done when the process is asked to stop, by SIGTERM or Ctrl-C.
pub async fn stop_signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be heard");
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
/// How often a server looks where its alias points.
const FOLLOW: Duration = Duration::from_secs(30);
/// Lambda gives an init phase 10 s and begins it again, slower, when they are up.
const INIT: Duration = Duration::from_secs(9);
/// Lambda gives an init phase 130 s or more where a snapshot is taken after it, and what is loaded later is not in that.
const INIT_BEFORE_SNAPSHOT: Duration = Duration::from_mins(2);

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
            let model = in_init_phase(loading(seconds), takes_snapshot).await;
            assert_eq!(model.is_some(), loaded, "{seconds} s, snapshot: {takes_snapshot}");
        }
    }
}
