//! `amaas models`.

use crate::failure::Failure;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings) -> Result<(), Failure> {
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
