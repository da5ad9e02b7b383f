//! `amaas signer`.

use amaas_model::at_rest::SignerFile;

use crate::arguments::SignerArguments;
use crate::error::CliError;
use crate::output;
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings, arguments: &SignerArguments) -> Result<(), CliError> {
    let path = settings.signing_key_to_show(arguments.signing_key.as_deref())?;
    let key = if arguments.create && !path.exists() { SignerFile::create(&path) } else { SignerFile::open(&path) };
    let public = key.map_err(|error| CliError::usage(error).hint("`--create` makes a key if there is none"))?;
    let public = public.verifying_key().to_string();
    if settings.json {
        return output::json(&serde_json::json!({ "publisher": public, "signing_key": path }));
    }
    output::line(public)
}
