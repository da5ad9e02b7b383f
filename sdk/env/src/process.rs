//! The environment of this process, and whether it or an env file names the endpoint.

use std::path::Path;

use crate::error::EnvError;
use crate::lookup::{EnvFileLookup, FoundEnvFile};
use crate::variables::EnvVariables;

impl EnvVariables {
    /// The variables of this process that begin with `AMAAS_`.
    ///
    /// # Errors
    /// [`EnvError`] names a variable whose value is not Unicode.
    pub fn of_process() -> Result<Self, EnvError> {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with("AMAAS_"))
            .map(|(name, value)| match value.into_string() {
                Ok(value) => Ok((name, value)),
                Err(_) => Err(EnvError::new(format!("the environment variable {name} is not Unicode"))),
            })
            .collect()
    }
}

/// The endpoints in `variables`: `AMAAS_ENDPOINT` and each `AMAAS_ENDPOINT_<MODEL>`, unless empty.
pub fn endpoints(variables: &EnvVariables) -> impl Iterator<Item = (&str, &str)> {
    let is_endpoint = |name: &str| {
        name.strip_prefix(AMAAS_ENDPOINT)
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('_').is_some_and(|model| !model.is_empty()))
    };
    variables.iter().filter(move |(name, url)| is_endpoint(name) && !url.is_empty())
}

/// The env file that endpoint and key come from in the folder `current`; `None` if `process`, the environment, has endpoints.
///
/// # Errors
/// [`EnvError`] if there is no file, or one that must not be used.
pub fn select_file(
    process: &EnvVariables,
    current: &Path,
    lookup: &EnvFileLookup,
) -> Result<Option<FoundEnvFile>, EnvError> {
    if endpoints(process).next().is_some() {
        return Ok(None);
    }
    let data = process.get(DATA).filter(|data| !data.is_empty()).map(Path::new);
    let found = lookup.find(data, current)?.ok_or_else(|| {
        let place = data.map_or(".amaas".into(), Path::to_string_lossy);
        EnvError::new(format!(
            "no endpoint: set AMAAS_ENDPOINT and AMAAS_API_KEY, or run `amaas dev`, which writes {place}/env \
             (looked for it from {})",
            data.unwrap_or(current).display()
        ))
    })?;
    Ok(Some(found))
}

/// The env file that endpoint and key come from, for programs that report it; `None` if the environment names an endpoint.
///
/// # Errors
/// As [`select_file`], or if the environment or the current folder cannot be read.
pub fn file_in_use() -> Result<Option<FoundEnvFile>, EnvError> {
    let current = std::env::current_dir();
    let current = current.map_err(|source| EnvError::new("the current folder cannot be read").with_source(source))?;
    select_file(&EnvVariables::of_process()?, &current, &EnvFileLookup::from_env())
}

/// The variable with the endpoint; with `_` and a model's name in upper case, the endpoint of that model.
pub const AMAAS_ENDPOINT: &str = "AMAAS_ENDPOINT";
const DATA: &str = "AMAAS_DATA";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_the_main_one_and_those_of_models() {
        let variables = [
            ("AMAAS_ENDPOINT", "https://a"),
            ("AMAAS_ENDPOINT_M", "https://b"),
            ("AMAAS_ENDPOINT_", "https://c"),
            ("AMAAS_ENDPOINTS", "https://d"),
            ("AMAAS_ENDPOINT_N", ""),
        ];
        let variables = EnvVariables::from_iter(variables);
        assert_eq!(endpoints(&variables).map(|(_, url)| url).collect::<Vec<_>>(), ["https://a", "https://b"]);
    }

    #[test]
    fn nothing_found_names_the_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let process = EnvVariables::from_iter([("AMAAS_DATA", folder.path().to_string_lossy())]);
        let lookup = EnvFileLookup::in_folders(None, Some(folder.path()));
        let error = select_file(&process, folder.path(), &lookup).expect_err("no file").to_string();
        for part in ["AMAAS_ENDPOINT", "AMAAS_API_KEY", "amaas dev", &*folder.path().to_string_lossy()] {
            assert!(error.contains(part), "{error}");
        }
    }
}
