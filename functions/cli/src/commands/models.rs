//! `amaas models`: the served models, and a model's objects in the store.

use amaas_model::manifest::Manifest;
use amaas_model::publish::{ListedVersion, StrayAlias, remove, stray_aliases, versions};
use amaas_store::ModelName;

use crate::arguments::{ModelVersions, ModelsArguments, ModelsCommand, RemoveModel};
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, models: ModelsArguments) -> Result<(), CliError> {
    match models.command {
        None => list(settings).await,
        Some(ModelsCommand::Versions(of)) => list_versions(settings, of).await,
        Some(ModelsCommand::Remove(what)) => remove_from_store(settings, what).await,
    }
}

async fn list(settings: &Settings) -> Result<(), CliError> {
    let models = settings.client()?.models().await?;
    if settings.json {
        return output::json(&models.data);
    }
    let rows = models.data.into_iter().map(|model| {
        let ready = if model.ready { "yes" } else { "no" };
        [model.id, model.version, model.task, ready.to_owned()]
    });
    output::line(output::table(["MODEL", "VERSION", "TASK", "READY"], rows))?;
    Ok(())
}

async fn list_versions(settings: &Settings, of: ModelVersions) -> Result<(), CliError> {
    let place = settings.store(of.store.store.as_deref()).await?;
    let listed = versions(&place.store, &of.model).await?;
    let stray = stray_aliases(&place.store, &of.model).await?;
    if listed.is_empty() && stray.is_empty() {
        return Err(
            CliError::new(format!("the store has no model {}", of.model)).hint("`amaas models` lists what is served")
        );
    }
    if settings.json {
        let versions = listed.iter().map(|listed| {
            serde_json::json!({
                "version": listed.version, "aliases": listed.aliases, "published": listed.manifest.as_ref().map(|manifest| manifest.serial),
                "task": listed.manifest.as_ref().and_then(|manifest| manifest.task.as_ref()),
                "bytes": listed.manifest.as_ref().map(Manifest::stored_bytes),
                "error": listed.manifest.is_none().then_some(UNREADABLE),
            })
        });
        let stray = stray.iter().map(|stray| {
            serde_json::json!({
                "version": stray.to, "aliases": [stray.alias], "published": null, "task": null, "bytes": null,
                "error": describe_stray_alias(&of.model, stray),
            })
        });
        return output::json(&versions.chain(stray).collect::<Vec<_>>());
    }
    let rows = listed.into_iter().map(|ListedVersion { version, aliases, manifest }| {
        let aliases = aliases.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let [published, task, bytes] = match manifest {
            Some(manifest) => {
                let bytes = manifest.stored_bytes().to_string();
                [output::date(manifest.serial), manifest.task.unwrap_or_default(), bytes]
            }
            None => [UNREADABLE.to_owned(), String::new(), String::new()],
        };
        [version.to_string(), aliases, published, task, bytes]
    });
    output::line(output::table(["VERSION", "ALIASES", "PUBLISHED", "TASK", "BYTES"], rows))?;
    for stray in &stray {
        output::note(format_args!("warning: {}", describe_stray_alias(&of.model, stray)));
    }
    Ok(())
}

/// The problem of an alias that leads to no version.
fn describe_stray_alias(model: &ModelName, StrayAlias { alias, to }: &StrayAlias) -> String {
    let remedy = format!(
        "point it with `amaas alias {model} {alias} VERSION`, or remove it with `amaas models remove {model} --alias {alias}`"
    );
    match to {
        Some(version) => format!("alias {alias} points to version {version}, which the store does not have; {remedy}"),
        None => format!("alias {alias} cannot be read: what is stored there is no pointer; {remedy}"),
    }
}

async fn remove_from_store(settings: &Settings, what: RemoveModel) -> Result<(), CliError> {
    let place = settings.store(what.store.store.as_deref()).await?;
    let removed = remove(&place.store, &what.model, &what.removal(), what.dry_run).await?;
    if settings.json {
        return output::json(&serde_json::json!({
            "model": what.model, "aliases": removed.aliases, "versions": removed.versions, "dry_run": what.dry_run,
            "store": place.uri, "store_endpoint": place.endpoint,
        }));
    }
    let word = if what.dry_run { "would remove" } else { "removed" };
    for alias in &removed.aliases {
        output::line(format_args!("{word} alias {alias} of {}", what.model))?;
    }
    for version in &removed.versions {
        output::line(format_args!("{word} version {version} of {}", what.model))?;
    }
    if !removed.versions.is_empty() {
        output::line("`amaas store prune` deletes the blobs to which no other version refers")?;
    }
    Ok(())
}

const UNREADABLE: &str = "its manifest cannot be read";
