//! The keys that calls are sealed to, in the model store.

use amaas_local::env_variables::format_signers;
use std::time::Duration;

use amaas_serve::sealing::KeySet;
use amaas_store::{ModelName, Store};

use crate::arguments::{RotateKeys, StoreArguments};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(super) async fn rotate(settings: &Settings, arguments: RotateKeys) -> Result<(), CliError> {
    let RotateKeys { model, overlap, signer, adopt, kms_key, store } = arguments;
    let named = store.store.as_deref();
    let store = settings.store(named).await?.store;
    let vault = settings.vault(named, kms_key.as_deref()).await?;
    let overlap = Duration::from_hours(overlap.0.into());
    check_dev(&store, &model).await?;
    if adopt {
        KeySet::adopt(&store, &model, &vault).await?;
    }
    let rotated = if signer {
        KeySet::rotate_signer(&store, &model, &vault, overlap).await
    } else {
        KeySet::rotate(&store, &model, &vault, overlap).await
    };
    let keys = rotated?;
    if !settings.json {
        output::line(format_args!("sealing keys of {model}, serial {}; AMAAS_SIGNERS for callers:", keys.serial()))?;
    }
    print_key_set(settings, &model, &keys)
}

pub(super) async fn signer(
    settings: &Settings,
    model: &ModelName,
    kms_key: Option<&str>,
    store: &StoreArguments,
) -> Result<(), CliError> {
    let named = store.store.as_deref();
    let store = settings.store(named).await?.store;
    check_dev(&store, model).await?;
    let vault = settings.vault(named, kms_key).await?;
    print_key_set(settings, model, &KeySet::read(&store, model, &vault).await?)
}

/// Refuses a model of `amaas dev`, which has one key set for all its models and would not use one of a single model.
async fn check_dev(store: &Store, model: &ModelName) -> Result<(), CliError> {
    let sets = store.list("sealing/").await?;
    let has = |name: &str| sets.iter().any(|set| set.strip_suffix(".json") == Some(name));
    if has(model.as_str()) || !has(DEV) || store.list("models/").await?.iter().any(|name| name == DEV) {
        return Ok(());
    }
    Err(CliError::new(format!("{model} has no keys of its own: all models of `amaas dev` share one set"))
        .hint(format!("its name is {DEV:?}, as in `amaas keys signer {DEV}`")))
}

/// The name of the key set of `amaas dev`; no model there has it.
const DEV: &str = "dev";

/// Prints the part of a key set that callers need.
fn print_key_set(settings: &Settings, model: &ModelName, keys: &KeySet) -> Result<(), CliError> {
    if settings.json {
        let signers: Vec<_> = keys.signers().iter().map(ToString::to_string).collect();
        return output::json(&serde_json::json!({
            "model": model, "serial": keys.serial(), "announced": keys.announced(), "signers": signers,
        }));
    }
    output::line(format_signers(&keys.signers()))
}
