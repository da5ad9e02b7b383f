//! `amaas alias`.

use amaas_serve::publish::point;

use crate::arguments::AliasArguments;
use crate::failure::Failure;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, arguments: AliasArguments) -> Result<(), Failure> {
    let AliasArguments { model, alias, version, store } = arguments;
    let place = settings.store(store.store.as_deref()).await?;
    point(&place.store, &model, &alias, &version).await?;
    if settings.json {
        return output::json(&serde_json::json!({ "model": model, "alias": alias, "version": version }));
    }
    output::line(format_args!("{alias} of {model} points to version {version}"))
}
