//! What a function is told by its environment, read once at the start.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::load::Provider;
use crate::seal::Policy;
use crate::store::{ModelName, Selector};

/// The configuration of a function.
#[derive(Clone, Debug)]
pub struct Config {
    /// `AMAAS_STORE`: where models live, `s3://bucket[/prefix]` or a folder.
    pub store: String,
    /// `AMAAS_MODEL`: the model that this function serves.
    pub model: ModelName,
    /// `AMAAS_MODEL_VERSION`: a version, or an alias; `live` where not set.
    pub version: Selector,
    /// How the model is run.
    pub runtime: RuntimeConfig,
    /// What is refused.
    pub limits: Limits,
    /// `AMAAS_RESPONSE_MODE`: how answers leave a Lambda function, `buffered` or `stream`; it must be the Function
    /// URL's own mode.
    pub response_mode: ResponseMode,
    /// `AMAAS_SEALING_KEYS`: a file with the keys that sealed calls are opened with ([`crate::seal::KeyFile`]); without
    /// one no sealed call is taken. `AMAAS_SEALING`: `optional` (where not set) or `required`, which refuses plain calls.
    pub sealing: Option<(PathBuf, Policy)>,
    /// `AMAAS_HOST` and `PORT`: where the http host listens; `127.0.0.1` and 8080 where not set.
    pub listen: (String, u16),
}

/// How networks are run.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// `AMAAS_EXECUTION_PROVIDERS`: tried in this order; `cpu` where not set.
    pub providers: Vec<Provider>,
    /// `AMAAS_INTRA_THREADS`: threads of one run; as many as the process may use where not set.
    pub intra_threads: NonZeroUsize,
    /// `AMAAS_BATCH_ROWS`: the most rows of different calls that share a run; 32 where not set.
    pub batch_rows: NonZeroUsize,
    /// `AMAAS_QUEUE_ROWS`: the most rows that wait for a run; 1,024 where not set. What comes then is refused at once.
    pub queue_rows: NonZeroUsize,
    /// `ORT_DYLIB_PATH`: the ONNX Runtime library. Where not set: `lib/libonnxruntime.so` beside the program (so it is
    /// in a Lambda function's package), then the cache that `amaas dev` fills.
    pub library: Option<PathBuf>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            providers: vec![Provider::Cpu],
            intra_threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            batch_rows: const { NonZeroUsize::new(32).unwrap() },
            queue_rows: const { NonZeroUsize::new(1024).unwrap() },
            library: None,
        }
    }
}

impl RuntimeConfig {
    /// What the process's environment says of it.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(process)
    }

    /// What `variables` say of it.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let (variable, default) = (|name| Variable::of(&variables, name), Self::default());
        Ok(Self {
            providers: variable("AMAAS_EXECUTION_PROVIDERS").providers()?,
            intra_threads: variable("AMAAS_INTRA_THREADS").or(POSITIVE, default.intra_threads)?,
            batch_rows: variable("AMAAS_BATCH_ROWS").or(POSITIVE, default.batch_rows)?,
            queue_rows: variable("AMAAS_QUEUE_ROWS").or(POSITIVE, default.queue_rows)?,
            library: variable("ORT_DYLIB_PATH").value.map(PathBuf::from),
        })
    }
}

/// What is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `AMAAS_MAX_BODY_BYTES`: the largest body of a request; 16 MiB where not set.
    pub body_bytes: usize,
    /// `AMAAS_MAX_ROWS`: the most rows of one call; 4,096 where not set. A short body can ask for many rows, and each takes
    /// memory in the network.
    pub rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 16 << 20, rows: 4096 }
    }
}

impl Limits {
    /// What the process's environment says of them.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(process)
    }

    /// What `variables` say of them.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let (variable, default) = (|name| Variable::of(&variables, name), Self::default());
        Ok(Self {
            body_bytes: variable("AMAAS_MAX_BODY_BYTES").positive(default.body_bytes)?,
            rows: variable("AMAAS_MAX_ROWS").positive(default.rows)?,
        })
    }
}

/// How answers leave a Lambda function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In one piece, 6 MB at most.
    Buffered,
    /// As a stream.
    Stream,
}

impl Config {
    /// The configuration in the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(process)
    }

    /// The configuration in `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name| Variable::of(&variables, name);
        Ok(Self {
            store: variable("AMAAS_STORE").required("s3://bucket[/prefix], or the path of a folder")?,
            model: variable("AMAAS_MODEL").required("the name of a model")?,
            version: variable("AMAAS_MODEL_VERSION").or("a version or an alias", Selector::Alias(live()))?,
            runtime: RuntimeConfig::from_variables(&variables)?,
            limits: Limits::from_variables(&variables)?,
            response_mode: variable("AMAAS_RESPONSE_MODE").response_mode()?,
            sealing: sealing(variable("AMAAS_SEALING_KEYS"), variable("AMAAS_SEALING"))?,
            // Not HOST, which shells and conda set for themselves.
            listen: (
                variable("AMAAS_HOST").or("an address", "127.0.0.1".to_owned())?,
                variable("PORT").or("a port number", 8080)?,
            ),
        })
    }
}

fn sealing(keys: Variable, policy: Variable) -> Result<Option<(PathBuf, Policy)>, ConfigError> {
    let policy = match policy.value.as_deref() {
        None | Some("optional") => Policy::Optional,
        // To require what cannot be done would leave a function that refuses everybody.
        Some("required") if keys.value.is_none() => {
            return Err(keys.error("a file, since AMAAS_SEALING is \"required\""));
        }
        Some("required") => Policy::Required,
        Some(_) => return Err(policy.error("\"optional\" or \"required\"")),
    };
    Ok(keys.value.map(|path| (path.into(), policy)))
}

/// A variable that is missing or holds something else than it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: expected {expected}, got {}", got.as_deref().map_or("nothing".to_owned(), |got| format!("{got:?}")))]
pub struct ConfigError {
    name: &'static str,
    expected: String,
    got: Option<String>,
}

struct Variable {
    name: &'static str,
    value: Option<String>,
}

impl Variable {
    /// One that is empty counts as not set.
    fn of(variables: &impl Fn(&str) -> Option<String>, name: &'static str) -> Self {
        Self { name, value: variables(name).filter(|value| !value.is_empty()) }
    }

    fn required<T: std::str::FromStr>(self, expected: &str) -> Result<T, ConfigError> {
        match self.value.as_deref().map(str::parse) {
            Some(Ok(value)) => Ok(value),
            _ => Err(self.error(expected)),
        }
    }

    fn or<T: std::str::FromStr>(self, expected: &str, default: T) -> Result<T, ConfigError> {
        if self.value.is_none() { Ok(default) } else { self.required(expected) }
    }

    fn positive(self, default: usize) -> Result<usize, ConfigError> {
        if self.value.is_none() { Ok(default) } else { self.required(POSITIVE).map(NonZeroUsize::get) }
    }

    fn providers(self) -> Result<Vec<Provider>, ConfigError> {
        let Some(list) = &self.value else { return Ok(vec![Provider::Cpu]) };
        let providers: Option<Vec<_>> = list.split(',').map(|name| Provider::from_name(name.trim())).collect();
        providers.ok_or_else(|| self.error("a list of cpu, cuda and tensorrt, such as \"cuda,cpu\""))
    }

    fn response_mode(self) -> Result<ResponseMode, ConfigError> {
        match self.value.as_deref() {
            None | Some("buffered") => Ok(ResponseMode::Buffered),
            Some("stream") => Ok(ResponseMode::Stream),
            Some(_) => Err(self.error("\"buffered\" or \"stream\"")),
        }
    }

    fn error(self, expected: &str) -> ConfigError {
        ConfigError { name: self.name, expected: expected.to_owned(), got: self.value }
    }
}

/// A variable of the process's environment.
fn process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The alias that is served where nobody asked for another.
///
/// # Panics
/// Never: the text is a name.
pub fn live() -> crate::store::Alias {
    "live".parse().expect("\"live\" begins with a letter and has no other character than letters")
}

const POSITIVE: &str = "a number from 1 up";

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, String> {
        let find =
            |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        Config::from_variables(find).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_stated() {
        let config = config(&[("AMAAS_STORE", "s3://b"), ("AMAAS_MODEL", "m")]).expect("enough is set");
        assert_eq!(config.version.to_string(), "live");
        assert_eq!(config.runtime.providers, [Provider::Cpu]);
        assert_eq!(config.listen, ("127.0.0.1".to_owned(), 8080));
    }

    #[test]
    fn the_parts_are_read_alone_too() {
        let find = |name: &str| match name {
            "AMAAS_EXECUTION_PROVIDERS" => Some("cuda,cpu".to_owned()),
            "AMAAS_MAX_ROWS" => Some("7".to_owned()),
            _ => None,
        };
        let runtime = RuntimeConfig::from_variables(find).expect("right");
        assert_eq!(runtime.providers, [Provider::Cuda, Provider::Cpu]);
        assert_eq!(Limits::from_variables(find).expect("right").rows, 7);
    }

    #[test]
    fn the_host_has_a_name_of_its_own() {
        let needed = [("AMAAS_STORE", "s3://b"), ("AMAAS_MODEL", "m")];
        let listen = |more| config(&[&needed[..], &[more]].concat()).expect("right").listen.0;
        assert_eq!(listen(("HOST", "x86_64-conda-linux-gnu")), "127.0.0.1");
        assert_eq!(listen(("AMAAS_HOST", "0.0.0.0")), "0.0.0.0");
    }

    #[test]
    fn each_wrong_variable_is_named() {
        for (name, value, expected) in [
            ("AMAAS_STORE", "", "AMAAS_STORE: expected s3://bucket[/prefix], or the path of a folder, got nothing"),
            ("AMAAS_MODEL", "a/b", "AMAAS_MODEL: expected the name of a model, got \"a/b\""),
            ("AMAAS_INTRA_THREADS", "0", "AMAAS_INTRA_THREADS: expected a number from 1 up, got \"0\""),
            ("AMAAS_MAX_ROWS", "0", "AMAAS_MAX_ROWS: expected a number from 1 up, got \"0\""),
            ("AMAAS_MAX_BODY_BYTES", "0", "AMAAS_MAX_BODY_BYTES: expected a number from 1 up, got \"0\""),
            (
                "AMAAS_EXECUTION_PROVIDERS",
                "gpu",
                "AMAAS_EXECUTION_PROVIDERS: expected a list of cpu, cuda and tensorrt",
            ),
            ("AMAAS_RESPONSE_MODE", "x", "AMAAS_RESPONSE_MODE: expected \"buffered\" or \"stream\", got \"x\""),
            ("AMAAS_SEALING", "required", "AMAAS_SEALING_KEYS: expected a file, since AMAAS_SEALING is"),
            ("PORT", "99999", "PORT: expected a port number, got \"99999\""),
        ] {
            let mut variables = vec![("AMAAS_STORE", "s3://b"), ("AMAAS_MODEL", "m")];
            variables.retain(|(other, _)| *other != name);
            variables.push((name, value));
            let error = config(&variables).expect_err(name);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
