//! The configuration of a function, read from the environment once at the start.

mod cors;

use std::path::PathBuf;

use amaas_config::{ConfigError, Variable, process};
use amaas_ledger::LedgerLocation;

pub use self::cors::AllowedOrigins;
use crate::limits::Limits;
use crate::sealing::{ReplayPolicy, SealingPolicy};
use amaas_access::meter::EmfOutput;
use amaas_access::oidc::OidcConfig;
use amaas_engine::RuntimeConfig;
use amaas_model::load::TrustPolicy;
use amaas_store::{ModelName, VersionSelector};

/// The configuration of a function.
#[derive(Clone, Debug)]
pub struct Config {
    /// `AMAAS_STORE`: where models are stored, `s3://bucket[/prefix]` or a folder.
    pub store: String,
    /// `AMAAS_MODEL`: the model that this function serves.
    pub model: ModelName,
    /// `AMAAS_MODEL_VERSION`: a version or an alias; default `live`.
    pub version: VersionSelector,
    /// How the model is run.
    pub runtime: RuntimeConfig,
    /// Bounds on calls.
    pub limits: Limits,
    /// `AMAAS_RESPONSE_MODE`: how a Lambda function responds, `buffered` or `stream`; it must be the mode of the
    /// Function URL.
    pub response_mode: ResponseMode,
    /// `AMAAS_KMS_KEY`: the vault that unwraps the ledger's secret and the keys of sealed calls and sealed models. The format is that
    /// of [`amaas_store::vault::Vault::open`]: a key of KMS, or `file:` and a path.
    pub vault: String,
    /// The publishers whose models are loaded.
    pub trust: TrustPolicy,
    /// `AMAAS_SEALING`: `required` (the default) refuses plain calls, `optional` accepts both, `off` accepts plain calls only.
    pub sealing: SealingPolicy,
    /// `AMAAS_REPLAY`: `refuse` (the default) accepts each sealed call once across all functions that share the ledger, and refuses calls
    /// without a date. `allow` accepts repeated calls within two minutes of their date.
    pub replay: ReplayPolicy,
    /// `AMAAS_LEDGER`: where keys, tenants, limits, usage and stored responses are.
    pub ledger: LedgerLocation,
    /// `AMAAS_JOURNAL`: the folder for usage that is not in the ledger yet. Processes on one machine share it if they share the ledger.
    /// The default is the path of an SQLite ledger with `.journal` appended, else a folder for temporary files.
    pub journal: PathBuf,
    /// `AMAAS_EMF`: `on` or `off`; the default is `on` under Lambda. `on` writes metrics in `CloudWatch`'s embedded metric format to
    /// standard output: a line for each call. Lambda also gets one for each failure, and the http host one with each model's queue depth
    /// every 10 s.
    pub metrics: EmfOutput,
    /// `AMAAS_OIDC_…`: the issuer whose bearer tokens are accepted beside API keys; see [`OidcConfig::from_variables`].
    pub oidc: Option<OidcConfig>,
    /// `AMAAS_IAM`: whether AWS IAM identifies callers.
    pub iam: Iam,
    /// `AMAAS_CORS_ORIGINS`: the origins whose pages may call from a browser, separated by commas, such as `https://app.example.com`, or
    /// `*` for all. The default is none.
    pub cors: AllowedOrigins,
    /// `AMAAS_HOST` and `PORT`: where the http host listens; default `127.0.0.1` and 8080. Brackets around an IPv6 address are allowed;
    /// `::` is all addresses of IPv4 and IPv6.
    pub listen: (String, u16),
}

/// Whether AWS IAM identifies callers, behind a Function URL or an HTTP API that checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iam {
    /// `ignore`, the default: a caller needs an API key or a bearer token.
    Ignore,
    /// `tenant`: a caller without either is the tenant named after the principal's ARN.
    Tenant,
}

/// How a Lambda function responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In one message of at most 6 MB.
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
        let variable = |name| Variable::read(&variables, name);
        let store = variable("AMAAS_STORE").required("s3://bucket[/prefix], or the path of a folder")?;
        let model = variable("AMAAS_MODEL").required("the name of a model")?;
        let vault = variable("AMAAS_KMS_KEY").required("a key of KMS or file:PATH")?;
        let ledger: LedgerLocation = variable("AMAAS_LEDGER").required("sqlite:PATH or dynamodb:TABLE")?;
        if !ledger.is_built() {
            let expected =
                format!("a ledger that this program was built with (the Cargo feature {:?} is off)", ledger.feature());
            return Err(variable("AMAAS_LEDGER").error(&expected));
        }
        Ok(Self {
            store,
            model,
            version: variable("AMAAS_MODEL_VERSION")
                .or("a version or an alias", VersionSelector::Alias(amaas_store::live()))?,
            runtime: RuntimeConfig::from_variables(&variables)?,
            limits: Limits::from_variables(&variables)?,
            response_mode: variable("AMAAS_RESPONSE_MODE")
                .one_of([("buffered", ResponseMode::Buffered), ("stream", ResponseMode::Stream)])?,
            sealing: variable("AMAAS_SEALING").one_of([
                ("required", SealingPolicy::Required),
                ("optional", SealingPolicy::Optional),
                ("off", SealingPolicy::Off),
            ])?,
            vault,
            trust: TrustPolicy::from_variables(&variables)?,
            replay: variable("AMAAS_REPLAY")
                .one_of([("refuse", ReplayPolicy::Refuse), ("allow", ReplayPolicy::Allow)])?,
            journal: variable("AMAAS_JOURNAL").value().map_or_else(|| ledger.journal(&variables), PathBuf::from),
            ledger,
            metrics: if variable("AWS_LAMBDA_FUNCTION_NAME").value().is_some() {
                variable("AMAAS_EMF").one_of([("on", EmfOutput::On), ("off", EmfOutput::Off)])?
            } else {
                variable("AMAAS_EMF").one_of([("off", EmfOutput::Off), ("on", EmfOutput::On)])?
            },
            oidc: OidcConfig::from_variables(&variables)?,
            iam: variable("AMAAS_IAM").one_of([("ignore", Iam::Ignore), ("tenant", Iam::Tenant)])?,
            cors: AllowedOrigins::from_variables(&variables)?,
            // Not HOST, which shells and conda set for their own use.
            listen: (listen_address(variable("AMAAS_HOST"))?, variable("PORT").or("a port number", 8080)?),
        })
    }
}

/// An address or a host name, without the brackets of an IPv6 address in a URL.
fn listen_address(variable: Variable) -> Result<String, ConfigError> {
    let Some(value) = variable.value() else { return Ok("127.0.0.1".to_owned()) };
    let inner = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).unwrap_or(value);
    let is_valid = if inner.contains(':') {
        // A link-local address ends with a zone.
        inner.split('%').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
    } else {
        inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    if is_valid {
        return Ok(inner.to_owned());
    }
    Err(variable.error("an address to listen on, such as 127.0.0.1, or all of them: 0.0.0.0 or :: (the port is PORT)"))
}

#[cfg(test)]
mod tests {
    use amaas_engine::ExecutionProvider;

    use super::*;

    const PUBLISHER: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const NEEDED: [(&str, &str); 5] = [
        ("AMAAS_STORE", "s3://b"),
        ("AMAAS_MODEL", "m"),
        ("AMAAS_PUBLISHERS", PUBLISHER),
        ("AMAAS_KMS_KEY", "alias/amaas"),
        ("AMAAS_LEDGER", "sqlite:ledger"),
    ];

    fn config(variables: &[(&str, &str)]) -> Result<Config, String> {
        let find =
            |name: &str| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
        Config::from_variables(find).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_stated() {
        let config = config(&NEEDED).expect("enough is set");
        assert_eq!(config.version.to_string(), "live");
        assert_eq!(config.runtime.providers, [ExecutionProvider::Cpu]);
        assert_eq!(config.listen, ("127.0.0.1".to_owned(), 8080));
        assert_eq!((config.sealing, config.replay), (SealingPolicy::Required, ReplayPolicy::Refuse));
        assert_eq!(config.trust.least_serial, 0);
        assert_eq!(config.journal, PathBuf::from("ledger.journal"));
    }

    #[test]
    fn a_ledger_has_a_place() {
        let ledger = |value| config(&[&NEEDED[..4], &[("AMAAS_LEDGER", value)]].concat()).map(|config| config.ledger);
        assert_eq!(ledger("sqlite:/var/a:b"), Ok(LedgerLocation::Sqlite("/var/a:b".into())));
        assert_eq!(ledger("dynamodb:calls"), Ok(LedgerLocation::DynamoDb("calls".to_owned())));
        for wrong in ["", "memory", "sqlite", "sqlite:", "dynamodb:", "redis:x"] {
            let error = ledger(wrong).expect_err(wrong);
            assert!(error.starts_with("AMAAS_LEDGER: expected sqlite:PATH or dynamodb:TABLE"), "{error}");
        }
    }

    #[test]
    fn the_parts_are_read_alone_too() {
        let find = |name: &str| match name {
            "AMAAS_EXECUTION_PROVIDERS" => Some("cuda,cpu".to_owned()),
            "AMAAS_MAX_ROWS" => Some("7".to_owned()),
            "AMAAS_MAX_BODY_BYTES" => Some("1000000".to_owned()),
            _ => None,
        };
        let runtime = RuntimeConfig::from_variables(find).expect("valid variables");
        assert_eq!(runtime.providers, [ExecutionProvider::Cuda, ExecutionProvider::Cpu]);
        let limits = Limits::from_variables(find).expect("valid variables");
        assert_eq!((limits.rows, limits.sealed_bytes), (7, 4 * 1_256_072), "the default depends on the largest body");
        assert_eq!((limits.connections, limits.write_timeout.as_secs()), (1024, 30));
    }

    #[test]
    fn the_host_has_a_name_of_its_own() {
        let listen = |more| config(&[&NEEDED[..], &[more]].concat()).expect("valid variables").listen.0;
        assert_eq!(listen(("HOST", "x86_64-conda-linux-gnu")), "127.0.0.1");
        for (value, expected) in
            [("0.0.0.0", "0.0.0.0"), ("[::]", "::"), ("::", "::"), ("[::1]", "::1"), ("localhost", "localhost")]
        {
            assert_eq!(listen(("AMAAS_HOST", value)), expected);
        }
    }

    #[test]
    fn each_wrong_variable_is_named() {
        for (name, value, expected) in [
            ("AMAAS_STORE", "", "AMAAS_STORE: expected s3://bucket[/prefix], or the path of a folder, got nothing"),
            ("AMAAS_MODEL", "a/b", "AMAAS_MODEL: expected the name of a model, got \"a/b\""),
            ("AMAAS_INTRA_THREADS", "0", "AMAAS_INTRA_THREADS: expected a number from 1 up, got \"0\""),
            ("AMAAS_PREPACK", "x", "AMAAS_PREPACK: expected \"later\", \"at-load\" or \"never\", got \"x\""),
            ("AMAAS_MAX_RUN_SECONDS", "0", "AMAAS_MAX_RUN_SECONDS: expected a number from 1 up, got \"0\""),
            ("AMAAS_MAX_RUN_BYTES", "1G", "AMAAS_MAX_RUN_BYTES: expected a number from 1 up, got \"1G\""),
            ("AMAAS_MAX_ANSWER_BYTES", "-1", "AMAAS_MAX_ANSWER_BYTES: expected a number from 1 up, got \"-1\""),
            ("AMAAS_TF32", "x", "AMAAS_TF32: expected \"refuse\" or \"allow\", got \"x\""),
            ("AMAAS_MAX_ROWS", "0", "AMAAS_MAX_ROWS: expected a number from 1 up, got \"0\""),
            ("AMAAS_MAX_BODY_BYTES", "0", "AMAAS_MAX_BODY_BYTES: expected a number from 1 up, got \"0\""),
            (
                "AMAAS_MAX_SEALED_BYTES",
                "4096",
                "AMAAS_MAX_SEALED_BYTES: expected a number from 19005440 up, which one sealed body can have, got \"4096\"",
            ),
            ("AMAAS_MAX_CONNECTIONS", "0", "AMAAS_MAX_CONNECTIONS: expected a number from 1 up, got \"0\""),
            ("AMAAS_WRITE_TIMEOUT_SECONDS", "0", "AMAAS_WRITE_TIMEOUT_SECONDS: expected a number from 1 up, got \"0\""),
            ("AMAAS_KEEP_ALIVE_SECONDS", "0", "AMAAS_KEEP_ALIVE_SECONDS: expected a number from 1 up, got \"0\""),
            (
                "AMAAS_EXECUTION_PROVIDERS",
                "gpu",
                "AMAAS_EXECUTION_PROVIDERS: expected a list of cpu, cuda and tensorrt",
            ),
            ("AMAAS_RESPONSE_MODE", "x", "AMAAS_RESPONSE_MODE: expected \"buffered\" or \"stream\", got \"x\""),
            ("AMAAS_SEALING", "x", "AMAAS_SEALING: expected \"required\", \"optional\" or \"off\", got \"x\""),
            ("AMAAS_KMS_KEY", "", "AMAAS_KMS_KEY: expected a key of KMS or file:PATH, got nothing"),
            ("AMAAS_PUBLISHERS", "", "AMAAS_PUBLISHERS: expected public keys as `amaas signer` shows them"),
            ("AMAAS_PUBLISHERS", "AAAA", "AMAAS_PUBLISHERS: expected public keys as `amaas signer` shows them"),
            ("AMAAS_LEAST_SERIAL", "x", "AMAAS_LEAST_SERIAL: expected a serial"),
            ("AMAAS_EMF", "x", "AMAAS_EMF: expected \"off\" or \"on\", got \"x\""),
            ("AMAAS_IAM", "x", "AMAAS_IAM: expected \"ignore\" or \"tenant\", got \"x\""),
            ("AMAAS_OIDC_ISSUER", "http://example.com", "AMAAS_OIDC_ISSUER: expected"),
            ("AMAAS_REPLAY", "x", "AMAAS_REPLAY: expected \"refuse\" or \"allow\", got \"x\""),
            ("AMAAS_CORS_ORIGINS", "a.example", "AMAAS_CORS_ORIGINS: expected origins as browsers send them"),
            (
                "AMAAS_HOST",
                "*",
                "AMAAS_HOST: expected an address to listen on, such as 127.0.0.1, or all of them: 0.0.0.0 or ::",
            ),
            ("AMAAS_HOST", "[::1]:80", "AMAAS_HOST: expected an address to listen on"),
            ("AMAAS_HOST", "http://localhost", "AMAAS_HOST: expected an address to listen on"),
            ("PORT", "99999", "PORT: expected a port number, got \"99999\""),
        ] {
            let mut variables = NEEDED.to_vec();
            variables.retain(|(other, _)| *other != name);
            variables.push((name, value));
            let error = config(&variables).expect_err(name);
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
