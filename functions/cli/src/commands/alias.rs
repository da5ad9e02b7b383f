//! `amaas alias`.

use amaas_model::at_rest::SignerFile;
use amaas_model::publish::{AliasMove, set_alias};
use amaas_store::{Alias, ModelName, Version};

use crate::arguments::AliasArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: AliasArguments) -> Result<(), CliError> {
    let AliasArguments { model, alias, version, signing_key, store } = arguments;
    let named = store.store.as_deref();
    let place = settings.store(named).await?;
    let signer = SignerFile::open(&settings.signing_key(named, signing_key.as_deref())?).map_err(CliError::usage)?;
    let moved = set_alias(&place.store, (&model, &alias), &version, &signer).await?;
    if settings.json {
        return output::json(&serde_json::json!({
            "model": model, "alias": alias, "version": version, "moved": is_moved(&moved), "from": from(&moved),
        }));
    }
    output::line(described(&moved, (&model, &alias), &version))
}

/// Whether an alias points to another version than before.
pub(super) fn is_moved(moved: &AliasMove) -> bool {
    !matches!(moved, AliasMove::Unchanged)
}

/// The version that an alias pointed to before.
pub(super) fn from(moved: &AliasMove) -> Option<&Version> {
    match moved {
        AliasMove::Moved { from } => from.as_ref(),
        _ => None,
    }
}

/// The version that an alias points to, and the previous one.
pub(super) fn described(moved: &AliasMove, (model, alias): (&ModelName, &Alias), version: &Version) -> String {
    let before = match (moved, from(moved)) {
        (AliasMove::Unchanged, _) => ", as before".to_owned(),
        (AliasMove::Made, _) => "; the alias is new".to_owned(),
        (_, Some(from)) => format!("; it pointed to version {from}"),
        _ => "; its previous version could not be read".to_owned(),
    };
    format!("alias {alias} of {model} points to version {version}{before}")
}
