//! `amaas alias`.

use amaas_serve::at_rest::SignerFile;
use amaas_serve::publish::point;

use crate::arguments::AliasArguments;
use crate::failure::Failure;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: AliasArguments) -> Result<(), Failure> {
    let AliasArguments { model, alias, version, signing_key, store } = arguments;
    let named = store.store.as_deref();
    let place = settings.store(named).await?;
    let signer = SignerFile::open(&settings.signing_key(named, signing_key.as_deref())?).map_err(Failure::usage)?;
    point(&place.store, (&model, &alias), &version, &signer).await?;
    if settings.json {
        return output::json(&serde_json::json!({ "model": model, "alias": alias, "version": version }));
    }
    output::line(format_args!("{alias} of {model} points to version {version}"))
}
