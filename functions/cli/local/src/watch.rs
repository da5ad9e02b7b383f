//! Makes a host follow its store: it adds new models, loads the version of a moved alias, and removes deleted models.

use std::sync::Arc;
use std::time::Duration;

use amaas_engine::RuntimeConfig;
use amaas_model::load::{LoadState, ModelSlot, ModelSource};
use amaas_model::task::Tasks;
use amaas_serve::AppState;
use amaas_store::{ModelName, Store, StoreError, VersionSelector, alias_key, live};

/// Synchronises `host` with the store of `source` every `period`, without end.
pub async fn watch(host: AppState, source: ModelSource, tasks: Tasks, config: RuntimeConfig, period: Duration) {
    loop {
        if let Err(error) = look(&host, &source, &tasks, &config).await {
            tracing::warn!(%error, "the store could not be listed");
        }
        tokio::time::sleep(period).await;
    }
}

/// Adds every model of the store of `source` to `host`, and removes deleted models. New and moved versions are loaded by tasks of
/// their own.
///
/// # Errors
/// The store cannot be listed.
pub async fn look(
    host: &AppState,
    source: &ModelSource,
    tasks: &Tasks,
    config: &RuntimeConfig,
) -> Result<(), StoreError> {
    let known = host.slots();
    let mut there = Vec::new();
    for name in source.store.list("models/").await? {
        let Ok(name) = name.parse::<ModelName>() else { continue };
        if has_live(&source.store, &name).await? {
            there.push(name);
        }
    }
    for slot in &known {
        if !there.contains(slot.name()) {
            tracing::info!(model = %slot.name(), "the model was removed from the store");
            host.remove(slot);
            slot.retire();
        } else if !matches!(slot.state(), LoadState::Loading) {
            let (slot, source, tasks, config) = (Arc::clone(slot), source.clone(), tasks.clone(), config.clone());
            tokio::spawn(async move { slot.check_alias(&source, &tasks, &config).await });
        }
    }
    for name in there.into_iter().filter(|name| known.iter().all(|slot| slot.name() != name)) {
        let slot = Arc::new(ModelSlot::new(name, VersionSelector::Alias(live())));
        host.insert(Arc::clone(&slot));
        let (source, tasks, config) = (source.clone(), tasks.clone(), config.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = slot.load(&source, &tasks, &config) => {}
                () = slot.wait_until_retired() => {}
            }
        });
    }
    Ok(())
}

/// Whether a model has the alias `live`. Without it, the model is still being published.
async fn has_live(store: &Store, model: &ModelName) -> Result<bool, StoreError> {
    Ok(store.size(&alias_key(model, &live())).await?.is_some())
}
