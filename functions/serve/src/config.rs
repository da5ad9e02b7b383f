//! What a function is told by its environment, read once at the start.

mod cors;
mod ledger;
mod variable;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use amaas_wire::dsse::VerifyingKey;

pub use self::cors::Origins;
pub use self::ledger::LedgerLocation;
pub use self::variable::ConfigError;
use self::variable::Variable;
use crate::access::oidc::OidcConfig;
use crate::load::Provider;
use crate::runtime::memory;
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
    /// `AMAAS_KMS_KEY`: what unwraps the ledger's secret and the keys of sealed calls and sealed models, as
    /// [`crate::vault::Vault::open`] takes it: a key of KMS, or `file:` and a path.
    pub vault: String,
    /// Whose models are loaded.
    pub trust: Trust,
    /// `AMAAS_SEALING`: `required` (where not set) refuses plain calls, `optional` takes both, `off` takes plain ones only.
    pub sealing: Policy,
    /// `AMAAS_REPLAY`: `refuse` (where not set) has each sealed call taken once, by all functions that share the ledger, and refuses one
    /// without a date; `allow` takes it as often as it comes, within two minutes of its date.
    pub replay: Replay,
    /// `AMAAS_LEDGER`: where keys, tenants, limits and usage are, and which calls were answered.
    pub ledger: LedgerLocation,
    /// `AMAAS_JOURNAL`: the folder in which usage is on its way to the ledger, which all of its processes on a machine share, and those
    /// of other ledgers do not. Where not set, beside a ledger of SQLite, with `.journal` behind its name, and else among temporary files.
    pub journal: PathBuf,
    /// `AMAAS_EMF`: whether each call has a line in `CloudWatch`'s metric format on standard output, under Lambda each that failed
    /// another, and on the http host what waits for each model one every 10 s, `on` or `off`; where not set, `on` under Lambda.
    pub emf: bool,
    /// `AMAAS_OIDC_…`: whose bearer tokens are taken beside API keys, as [`OidcConfig::from_variables`] has it.
    pub oidc: Option<OidcConfig>,
    /// `AMAAS_IAM`: what AWS IAM says of callers.
    pub iam: Iam,
    /// `AMAAS_CORS_ORIGINS`: the origins whose pages a browser lets call, such as `https://app.example.com`, with commas between, or `*` for
    /// all; none where not set.
    pub cors: Origins,
    /// `AMAAS_HOST` and `PORT`: where the http host listens; `127.0.0.1` and 8080 where not set. An address of IPv6 may stand in brackets;
    /// `::` is all addresses, of both.
    pub listen: (String, u16),
}

/// Whose models are loaded, and from which serial up.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// `AMAAS_PUBLISHERS`: the public keys of those who may publish, as `amaas signer` shows them, with commas between. A model
    /// that none of them signed is refused.
    pub publishers: Vec<VerifyingKey>,
    /// `AMAAS_LEAST_SERIAL`: a version whose manifest has a lower serial is refused, whatever an alias says; 0 where not set.
    pub least_serial: u64,
}

/// What AWS IAM says of callers, behind a Function URL or an HTTP API that asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Iam {
    /// `ignore`, where not set: a caller has an API key or a bearer token besides.
    Ignore,
    /// `tenant`: a caller without either is the tenant that has the name of the principal, an ARN.
    Tenant,
}

/// What happens to a sealed call that comes a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It is taken; within two minutes of its date, where it has one.
    Allow,
    /// It is refused, and so is one without a date.
    Refuse,
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
    /// `AMAAS_PREPACK`: when weights are laid out for the CPU, which makes runs some 5 to 10 % faster, where they were published in
    /// a form that is ready without. It takes as long as some runs, and up to as much memory again as the weights.
    pub prepack: Prepack,
    /// `AMAAS_MAX_RUN_SECONDS`: how long a run may take, on every host, at publish and for golden cases too; 30 where not set. One that takes
    /// longer is ended, and its caller is refused. Under Lambda a run ends half a second before its invocation's time is up, too.
    pub run_time: Duration,
    /// `AMAAS_MAX_RUN_BYTES`: the most memory that all runs of the process may take together on the CPU, with outputs that are on their way, and
    /// without weights; where not set, half of what the machine or the container has. One process has one such bound.
    pub run_bytes: u64,
    /// `AMAAS_MAX_SESSION_BYTES`: how much memory a network may come to need until it has run once; where not set, 512 MiB and eight times
    /// what its files have.
    pub session_bytes: Option<u64>,
    /// `AMAAS_MAX_ANSWER_BYTES`: the largest answer, in its tensors and as it is written; 64 MiB where not set, which is what the SDK reads.
    pub answer_bytes: u64,
    /// `AMAAS_TF32`: `allow` has CUDA multiply FP32 matrices with ten bits behind the point, which is up to four times as fast and was off
    /// by 2e-3 for an encoder of 436 MB; `refuse` where not set, where it was off by 1e-6.
    pub tf32: bool,
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
            prepack: Prepack::Later,
            run_time: Duration::from_secs(30),
            run_bytes: memory::total().unwrap_or(8 << 30) / 2,
            session_bytes: None,
            answer_bytes: 64 << 20,
            tf32: false,
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
            prepack: variable("AMAAS_PREPACK").prepack()?,
            run_time: variable("AMAAS_MAX_RUN_SECONDS").seconds(default.run_time)?,
            run_bytes: variable("AMAAS_MAX_RUN_BYTES").bytes()?.unwrap_or(default.run_bytes),
            session_bytes: variable("AMAAS_MAX_SESSION_BYTES").bytes()?,
            answer_bytes: variable("AMAAS_MAX_ANSWER_BYTES").bytes()?.unwrap_or(default.answer_bytes),
            tf32: variable("AMAAS_TF32").allowed()?,
            library: variable("ORT_DYLIB_PATH").value.map(PathBuf::from),
        })
    }
}

/// When weights are laid out for the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepack {
    /// `later`, the default: beside the first runs, where there is memory for it, for those that follow.
    Later,
    /// `at-load`: before the first run.
    AtLoad,
    /// `never`: the least memory.
    Never,
}

/// What is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `AMAAS_MAX_BODY_BYTES`: the largest body of a request; 16 MiB where not set.
    pub body_bytes: usize,
    /// `AMAAS_MAX_ROWS`: the most rows of one call; 4,096 where not set. A short body can ask for many rows, and each takes
    /// memory in the network.
    pub rows: usize,
    /// `AMAAS_MAX_SEALED_BYTES`: the memory that sealed bodies may take together before it is known who sent them, those that have
    /// not arrived whole too. Where not set, four of the largest: 73 MiB. A body counts as 64 KiB at the least. Half as many bodies
    /// are opened at once as there are processors, and each of those takes as much again.
    pub sealed_bytes: usize,
    /// `AMAAS_MAX_CONNECTIONS`: the most connections of the http host; 1,024 where not set, and fewer where the process may not open
    /// as many files. Another one takes the place of that which has gone longest without a whole request.
    pub connections: usize,
    /// `AMAAS_WRITE_TIMEOUT_SECONDS`: a caller that takes nothing of its answer for so long loses its connection; 30 where not set.
    pub write_timeout: Duration,
    /// `AMAAS_KEEP_ALIVE_SECONDS`: a streamed answer of which nothing came for so long has a comment, so that no proxy gives it up; 15
    /// where not set.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let body_bytes = 16 << 20;
        Self {
            body_bytes,
            rows: 4096,
            sealed_bytes: 4 * sealed(body_bytes),
            connections: 1024,
            write_timeout: Duration::from_secs(WRITE_TIMEOUT as u64),
            keep_alive: Duration::from_secs(15),
        }
    }
}

/// The most bytes that a body of `content` bytes has when it is sealed: field sections, padding by an eighth and the seals of chunks
/// come on top of it.
fn sealed(content: usize) -> usize {
    (content.saturating_add(content / 8)).saturating_add(128 << 10)
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
        let body_bytes = variable("AMAAS_MAX_BODY_BYTES").positive(default.body_bytes)?;
        let seconds = variable("AMAAS_WRITE_TIMEOUT_SECONDS").positive(WRITE_TIMEOUT)?;
        Ok(Self {
            body_bytes,
            rows: variable("AMAAS_MAX_ROWS").positive(default.rows)?,
            sealed_bytes: variable("AMAAS_MAX_SEALED_BYTES")
                .at_least(sealed(body_bytes), sealed(body_bytes).saturating_mul(4))?,
            connections: variable("AMAAS_MAX_CONNECTIONS").positive(default.connections)?,
            write_timeout: Duration::from_secs(seconds as u64),
            keep_alive: variable("AMAAS_KEEP_ALIVE_SECONDS").seconds(default.keep_alive)?,
        })
    }

    /// The largest sealed body.
    pub(crate) fn sealed_body_bytes(&self) -> usize {
        sealed(self.body_bytes)
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
        let store = variable("AMAAS_STORE").required("s3://bucket[/prefix], or the path of a folder")?;
        let model = variable("AMAAS_MODEL").required("the name of a model")?;
        let vault = variable("AMAAS_KMS_KEY").required("a key of KMS or file:PATH")?;
        let ledger: LedgerLocation = variable("AMAAS_LEDGER").required("sqlite:PATH or dynamodb:TABLE")?;
        Ok(Self {
            store,
            model,
            version: variable("AMAAS_MODEL_VERSION").or("a version or an alias", Selector::Alias(live()))?,
            runtime: RuntimeConfig::from_variables(&variables)?,
            limits: Limits::from_variables(&variables)?,
            response_mode: variable("AMAAS_RESPONSE_MODE").response_mode()?,
            sealing: variable("AMAAS_SEALING").sealing()?,
            vault,
            trust: Trust::from_variables(&variables)?,
            replay: variable("AMAAS_REPLAY").replay()?,
            journal: variable("AMAAS_JOURNAL").value.map_or_else(|| ledger.journal(&variables), PathBuf::from),
            ledger,
            emf: variable("AMAAS_EMF").switch(variable("AWS_LAMBDA_FUNCTION_NAME").value.is_some())?,
            oidc: OidcConfig::from_variables(&variables)?,
            iam: variable("AMAAS_IAM").iam()?,
            cors: Origins::from_variables(&variables)?,
            // Not HOST, which shells and conda set for themselves.
            listen: (variable("AMAAS_HOST").host("127.0.0.1")?, variable("PORT").or("a port number", 8080)?),
        })
    }
}

impl Trust {
    /// What `variables` say of it.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let variable = |name| Variable::of(&variables, name);
        Ok(Self {
            publishers: variable("AMAAS_PUBLISHERS").publishers()?,
            least_serial: variable("AMAAS_LEAST_SERIAL").or("a serial, as `amaas publish` shows it", 0)?,
        })
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

/// Seconds: a caller on a bad line takes something now and then.
const WRITE_TIMEOUT: usize = 30;
const POSITIVE: &str = "a number from 1 up";

#[cfg(test)]
mod tests {
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
        assert_eq!(config.runtime.providers, [Provider::Cpu]);
        assert_eq!(config.listen, ("127.0.0.1".to_owned(), 8080));
        assert_eq!((config.sealing, config.replay), (Policy::Required, Replay::Refuse));
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
        let runtime = RuntimeConfig::from_variables(find).expect("right");
        assert_eq!(runtime.providers, [Provider::Cuda, Provider::Cpu]);
        let limits = Limits::from_variables(find).expect("right");
        assert_eq!((limits.rows, limits.sealed_bytes), (7, 4 * 1_256_072), "it follows the largest body");
        assert_eq!((limits.connections, limits.write_timeout.as_secs()), (1024, 30));
    }

    #[test]
    fn the_host_has_a_name_of_its_own() {
        let listen = |more| config(&[&NEEDED[..], &[more]].concat()).expect("right").listen.0;
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
            ("AMAAS_TF32", "x", "AMAAS_TF32: expected \"allow\" or \"refuse\", got \"x\""),
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
            ("AMAAS_EMF", "x", "AMAAS_EMF: expected \"on\" or \"off\", got \"x\""),
            ("AMAAS_IAM", "x", "AMAAS_IAM: expected \"ignore\" or \"tenant\", got \"x\""),
            ("AMAAS_OIDC_ISSUER", "http://example.com", "AMAAS_OIDC_ISSUER: expected"),
            ("AMAAS_REPLAY", "x", "AMAAS_REPLAY: expected \"allow\" or \"refuse\", got \"x\""),
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
