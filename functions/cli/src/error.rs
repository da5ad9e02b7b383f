//! The error of a command: a message, a hint, and an exit code by who can act.

use std::fmt::Display;

use amaas::ErrorKind;
use amaas_access::meter::ReportError;
use amaas_access::{AccountsError, TenantName};
use amaas_config::ConfigError;
use amaas_ledger::LedgerError;
use amaas_local::dev::DevError;
use amaas_model::load::LoadError;
use amaas_model::publish::PublishError;
use amaas_serve::sealing::SealingError;
use amaas_store::StoreError;
use amaas_store::vault::VaultError;
use amaas_wire::problem::TYPE_PREFIX;

/// The error of a command that failed.
#[derive(Debug)]
pub(crate) struct CliError {
    message: String,
    hint: Option<String>,
    code: ExitStatus,
    /// The call that failed, if it was one.
    call: Option<Box<FailedCall>>,
}

/// A call that failed, for JSON.
#[derive(Debug)]
struct FailedCall {
    kind: &'static str,
    status: Option<u16>,
    problem: Option<String>,
    request_id: Option<String>,
    attempts: u32,
    retry_after: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum ExitStatus {
    /// The reader closed standard output, so no error is printed.
    OutputClosed = 0,
    Failed = 1,
    Usage = 2,
    Unavailable = 3,
    Refused = 4,
}

impl ExitStatus {
    fn name(self) -> &'static str {
        match self {
            Self::OutputClosed | Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
        }
    }
}

impl CliError {
    /// The operation failed.
    pub(crate) fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), hint: None, code: ExitStatus::Failed, call: None }
    }

    /// Wrong arguments or configuration.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { code: ExitStatus::Usage, ..Self::new(message) }
    }

    /// The reader closed standard output, as `| head -1` does.
    pub(crate) fn output_closed() -> Self {
        Self { code: ExitStatus::OutputClosed, ..Self::new("standard output is closed") }
    }

    /// The process lacks a resource that it needs.
    #[allow(clippy::needless_pass_by_value)] // reads well as `map_err(CliError::process)`
    pub(crate) fn process(error: std::io::Error) -> Self {
        Self::new(format!("the process could not start: {error}"))
    }

    /// The file at `path` could not be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &dyn Display) -> Self {
        Self::usage(format!("{}: {error}", path.display()))
    }

    /// No tenant has this name.
    pub(crate) fn no_tenant(name: &TenantName) -> Self {
        Self::new(format!("there is no tenant {name}")).hint("`amaas tenants list` shows them")
    }

    /// Adds the remedy.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the error is to be printed.
    pub(crate) fn is_printed(&self) -> bool {
        !matches!(self.code, ExitStatus::OutputClosed)
    }

    /// The error as text: the message, and the hint in a line of its own.
    pub(crate) fn text(&self) -> String {
        let hint = self.hint.iter().map(|hint| format!("\n  try: {hint}"));
        format!("error: {}{}", self.message, hint.collect::<String>())
    }

    /// The exit code, as `amaas --help` documents it.
    pub(crate) fn json(&self) -> serde_json::Value {
        let call = self.call.as_deref();
        serde_json::json!({ "error": {
            "message": self.message,
            "remedy": self.hint,
            "kind": call.map_or(self.code.name(), |call| call.kind),
            "exit_code": self.code(),
            "status": call.and_then(|call| call.status),
            "problem": call.and_then(|call| call.problem.as_deref()),
            "request_id": call.and_then(|call| call.request_id.as_deref()),
            "attempts": call.map(|call| call.attempts),
            "retry_after": call.and_then(|call| call.retry_after),
        } })
    }

    pub(crate) fn code(&self) -> u8 {
        self.code as u8
    }
}

impl From<amaas_env::EnvError> for CliError {
    fn from(error: amaas_env::EnvError) -> Self {
        Self::usage(with_sources(&error))
    }
}

impl From<amaas::Error> for CliError {
    fn from(error: amaas::Error) -> Self {
        let (code, hint) = match error.kind() {
            ErrorKind::Config => (ExitStatus::Usage, None),
            ErrorKind::Connect => {
                (ExitStatus::Unavailable, Some("is the endpoint right? `amaas dev` runs one on this machine"))
            }
            ErrorKind::Unauthorized | ErrorKind::Credentials => {
                (ExitStatus::Refused, Some("make a key with `amaas keys create` and set it as AMAAS_API_KEY"))
            }
            ErrorKind::Forbidden => (ExitStatus::Refused, Some(permission_hint(&error))),
            ErrorKind::Budget => (ExitStatus::Failed, Some(budget_hint(&error))),
            ErrorKind::RateLimited => {
                (ExitStatus::Unavailable, Some("wait, or raise the limit with `amaas tenants set NAME --limit LIMIT`"))
            }
            ErrorKind::NotFound => (ExitStatus::Failed, Some("`amaas models` lists what there is")),
            ErrorKind::Certificate => (
                ExitStatus::Failed,
                Some("SSL_CERT_FILE names a file with the certificates of an authority of your own, in PEM"),
            ),
            ErrorKind::Keys if error.status().is_some() => (ExitStatus::Failed, Some("is the endpoint right?")),
            ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::Interrupted | ErrorKind::Damaged => {
                (ExitStatus::Unavailable, None)
            }
            _ => (ExitStatus::Failed, None),
        };
        let call = (error.attempts() > 0).then(|| Box::new(FailedCall::of(&error)));
        let message = match error.kind() {
            // Layers of the HTTP client add no information.
            ErrorKind::Connect | ErrorKind::Certificate | ErrorKind::Interrupted => error.to_string(),
            _ => with_sources(&error),
        };
        Self { message, hint: hint.map(str::to_owned), code, call }
    }
}

impl FailedCall {
    fn of(error: &amaas::Error) -> Self {
        Self {
            kind: error.kind().name(),
            status: error.status(),
            problem: error.problem().map(|problem| problem.kind.clone()),
            request_id: error.request_id().map(str::to_owned),
            attempts: error.attempts(),
            retry_after: error.retry_after().map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
        }
    }
}

/// The text of an error, followed by the sources that it does not contain.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let sources = std::iter::successors(error.source(), |source| source.source());
    for source in sources.map(ToString::to_string) {
        if !text.contains(&source) {
            text.extend([": ", &source]);
        }
    }
    text
}

/// The remedy for a key without the required permission. Routes with another error shape do not name the missing one.
fn permission_hint(error: &amaas::Error) -> &'static str {
    match slug(error) {
        Some("key-scope") => "make a key for this model with `amaas keys create --model MODEL`",
        Some("key-routes") => "make a key for this route with `amaas keys create --route ROUTE`",
        Some("tenant-unknown") => "make the tenant with `amaas tenants create NAME`",
        Some("tenant-suspended") => "`amaas tenants resume NAME` has its calls taken again",
        _ => {
            "`amaas keys create` makes a key for other models and routes; `amaas tenants show NAME` says whether a tenant is \
             suspended"
        }
    }
}

/// The remedy for an exhausted budget.
fn budget_hint(error: &amaas::Error) -> &'static str {
    match slug(error) {
        Some("budget-exhausted") => "raise the budget with `amaas tenants set NAME --budget MONEY`",
        Some("key-budget-exhausted") => "make a key that may cost more with `amaas keys create --max-cost MONEY`",
        _ => {
            "raise the budget with `amaas tenants set NAME --budget MONEY`, or make a key that may cost more with \
             `amaas keys create --max-cost MONEY`"
        }
    }
}

/// The stable name of the service's answer.
fn slug(error: &amaas::Error) -> Option<&str> {
    error.problem()?.kind.strip_prefix(TYPE_PREFIX)
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::usage("a command is missing").hint("`amaas help` lists them");
        }
        let text = error.render().to_string();
        // clap's text after the first paragraph is the usage.
        let what = text.split("\n\n").next().unwrap_or_default();
        Self::usage(what.strip_prefix("error: ").unwrap_or(what).trim_end()).hint("`amaas help` and `--help` show more")
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let (code, hint) = match &error {
            StoreError::Uri { .. } | StoreError::Misconfigured { .. } => (ExitStatus::Usage, None),
            StoreError::Unreachable { .. } => {
                (ExitStatus::Unavailable, Some("is `amaas dev` still running, or the store reachable?"))
            }
            StoreError::Denied { .. } => (ExitStatus::Refused, Some("look at AMAAS_STORE and the AWS credentials")),
            _ => (ExitStatus::Failed, None),
        };
        Self { code, hint: hint.map(str::to_owned), ..Self::new(error) }
    }
}

impl From<SealingError> for CliError {
    fn from(error: SealingError) -> Self {
        match error {
            SealingError::Store(error) => error.into(),
            SealingError::Vault(error) => error.into(),
            error => Self::new(error),
        }
    }
}

impl From<DevError> for CliError {
    fn from(error: DevError) -> Self {
        let hint = error.hint().map(str::to_owned);
        match error {
            DevError::Config(error) => error.into(),
            DevError::Store(error) => error.into(),
            DevError::Publish(error) => error.into(),
            DevError::Ledger(error) => error.into(),
            DevError::Accounts(error) => error.into(),
            DevError::Sealing(error) => error.into(),
            DevError::Vault(error) => error.into(),
            DevError::Call(error) => error.into(),
            error if error.is_usage() => Self { hint, ..Self::usage(error) },
            error => Self { hint, ..Self::new(error) },
        }
    }
}

impl From<VaultError> for CliError {
    fn from(error: VaultError) -> Self {
        let (code, hint) = match &error {
            VaultError::File { .. } => (ExitStatus::Usage, "is AMAAS_KMS_KEY or --kms-key right?"),
            VaultError::Refused { .. } => (ExitStatus::Failed, "is this the key that the others were wrapped with?"),
            VaultError::Denied { .. } => (ExitStatus::Refused, "rotating needs kms:Encrypt and kms:Decrypt on the key"),
            _ => (ExitStatus::Unavailable, "are region and network right?"),
        };
        Self { code, hint: Some(hint.to_owned()), ..Self::new(error) }
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        match &error {
            LedgerError::Unreachable { .. } => {
                Self { code: ExitStatus::Unavailable, ..Self::new(&error) }.hint("are region and network right?")
            }
            LedgerError::Denied { .. } => {
                Self::usage(&error).hint("look at AMAAS_LEDGER or --ledger, and at the AWS credentials")
            }
            _ => Self::new(&error),
        }
    }
}

impl From<AccountsError> for CliError {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Ledger(error) => error.into(),
            AccountsError::Vault(error) => error.into(),
            AccountsError::Forged { .. } => Self::new(error).hint(
                "put back what was there, or delete the item from the ledger; functions refuse it meanwhile. Who can write the ledger?",
            ),
            AccountsError::Busy => Self { code: ExitStatus::Unavailable, ..Self::new(error) },
            AccountsError::TwoKeys { ref tenant, .. } => {
                let hint = format!(
                    "`amaas keys list --tenant {tenant}` shows both and `amaas keys revoke ID` ends one; --name calls the new one \
                     something else"
                );
                Self::new(&error).hint(hint)
            }
            error => Self::new(error),
        }
    }
}

impl From<ReportError> for CliError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Ledger(error) => error.into(),
            error => Self::usage(error),
        }
    }
}

impl From<PublishError> for CliError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Store(error) | PublishError::Load(LoadError::Store(error)) => error.into(),
            PublishError::TrialContradictsProof { .. } => {
                Self::new(error).hint("`--batching off` publishes it, and its calls share no run")
            }
            PublishError::CannotShare { .. } => {
                Self::new(error).hint("leave --batching away: calls share runs where that is safe")
            }
            PublishError::NoModel { .. } => Self::new(error).hint("`amaas models` lists what is served"),
            PublishError::NoVersion { ref model, .. } | PublishError::NoAlias { ref model, .. } => {
                let hint = format!("`amaas models versions {model}` lists versions and aliases");
                Self::new(&error).hint(hint)
            }
            PublishError::AliasCase { ref there, .. } => {
                let hint = format!("write {there}, or give the new alias a name of its own");
                Self::new(&error).hint(hint)
            }
            PublishError::Pointed { .. } => Self::new(error).hint(
                "point them elsewhere with `amaas alias`, remove an alias with --alias, or leave --version away to remove the whole model",
            ),
            PublishError::UnknownTask { ref task, ref known } => {
                let alike = known
                    .iter()
                    .map(|known| (strsim::jaro(task, known), known))
                    .filter(|(likeness, _)| *likeness > MIN_SIMILARITY);
                let closest = alike.max_by(|one, other| one.0.total_cmp(&other.0));
                let hint = closest.map_or_else(
                    || "--unchecked-task, if the program that will serve the model has this task".to_owned(),
                    |(_, known)| format!("--task {known}"),
                );
                Self::new(&error).hint(hint)
            }
            PublishError::UnknownReferences { .. } | PublishError::DanglingReference { .. } => Self::new(error).hint(
                "bring the object back, or remove its version with `amaas models remove MODEL --version VERSION`, and prune again",
            ),
            PublishError::VersionDamaged { .. }
            | PublishError::VersionRemoved { .. }
            | PublishError::VersionTaken { .. } => {
                Self::new(error).hint("leave --version away to take the next number")
            }
            error => Self::new(error),
        }
    }
}

/// The similarity of two names, from 0 to 1, above which one is suggested for the other; clap's value.
const MIN_SIMILARITY: f64 = 0.7;
