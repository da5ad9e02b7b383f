//! An ONNX Runtime session, and the run on it.

use std::borrow::Cow;
use std::sync::Arc;

use amaas_wire::Tensor;
use ort::error::ErrorCode;
use ort::logging::LogLevel;
use ort::session::{RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::ValueType;

use super::{Provider, SessionError, value};
use crate::config::RuntimeConfig;
use crate::infer::{Network, RunError, Stop};
use crate::manifest::{Dim, TensorSpec};
use crate::onnx::{self, Checked, NetworkFiles};

/// A network as ONNX Runtime holds it.
pub(crate) struct Onnx {
    session: Session,
    checked: Checked,
    provider: Provider,
    warning: Option<String>,
    /// Of the next run, where another thread may end it.
    options: Option<Arc<RunOptions>>,
}

impl Onnx {
    /// Makes a session of the network in `files`, on the first of the configured providers that can be had.
    pub(crate) fn new(
        environment: &ort::environment::Environment,
        files: &NetworkFiles,
        config: &RuntimeConfig,
    ) -> Result<Self, SessionError> {
        let checked = onnx::check(files)?;
        let mut warning = None;
        let mut providers = config.providers.iter().copied().peekable();
        while let Some(provider) = providers.next() {
            match session(environment, files, provider, config) {
                Ok(session) => return Ok(Self { session, checked, provider, warning, options: None }),
                // Only who wrote `cpu` behind it wants to go on without it.
                Err(error) if provider != Provider::Cpu && providers.clone().any(|next| next == Provider::Cpu) => {
                    let cause = format!("execution provider {} cannot be had: {}", provider.name(), cause(&error));
                    tracing::warn!("{cause}");
                    warning.get_or_insert(cause);
                }
                Err(error) if provider == Provider::Cpu => {
                    return Err(SessionError::network(error.code(), error.message()));
                }
                Err(error) => {
                    return Err(SessionError::Provider { provider: provider.name(), cause: cause(&error) });
                }
            }
        }
        Err(SessionError::NoProvider)
    }

    /// The provider in use.
    pub(crate) fn provider(&self) -> Provider {
        self.provider
    }

    /// What was asked for and could not be had.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The network's inputs: those that have to be sent, then those for which it has values of its own.
    pub(crate) fn inputs(&self) -> Result<Vec<TensorSpec>, SessionError> {
        let required = self.session.inputs().iter().map(|input| self.spec(input.name(), input.dtype()));
        let optional = self.session.overridable_initializers();
        let optional = optional
            .iter()
            .map(|input| self.spec(input.name(), input.dtype()).map(|spec| TensorSpec { optional: true, ..spec }));
        required.chain(optional).collect()
    }

    /// Runs the network on values of ONNX Runtime, and leaves its outputs there.
    pub(super) fn run_values(
        &mut self,
        inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)>,
    ) -> Result<SessionOutputs<'_>, RunError> {
        self.session.run(inputs).map_err(|error| run_error(&error))
    }

    /// The network's outputs.
    pub(crate) fn outputs(&self) -> Result<Vec<TensorSpec>, SessionError> {
        self.session.outputs().iter().map(|output| self.spec(output.name(), output.dtype())).collect()
    }

    fn spec(&self, name: &str, of: &ValueType) -> Result<TensorSpec, SessionError> {
        let refused = |got: String| SessionError::Value { name: name.to_owned(), got };
        let ValueType::Tensor { ty, shape, dimension_symbols } = of else {
            return Err(refused(format!("a value of type {of}")));
        };
        let datatype = value::datatype(*ty).ok_or_else(|| refused(format!("a tensor of {ty}")))?;
        let dims = shape.iter().zip(dimension_symbols.iter());
        let shape: Vec<_> = dims
            .map(|(size, symbol)| usize::try_from(*size).map_or_else(|_| Dim::Symbol(symbol.clone()), Dim::Fixed))
            .collect();
        // ONNX Runtime has no dimensions for what has none and for what may have any number of them.
        let unranked = shape.is_empty() && self.checked.unranked.contains(name);
        Ok(TensorSpec { unranked, ..TensorSpec::new(name, datatype, shape) })
    }
}

impl Stop for RunOptions {
    fn stop(&self) {
        if let Err(error) = self.terminate() {
            tracing::warn!(error = error.message(), "a run that nobody waits for could not be ended");
        }
    }
}

impl Network for Onnx {
    fn prepare(&mut self) -> Option<Arc<dyn Stop>> {
        // New for each run, so that whoever ends one that is just over does not end the next.
        let options = Arc::new(RunOptions::new().ok()?);
        self.options = Some(Arc::clone(&options));
        Some(options)
    }

    fn runs_anywhere(&self) -> bool {
        // A device has handles and memory for each thread that it ever ran for.
        self.provider == Provider::Cpu
    }

    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        let values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = inputs
            .iter()
            .map(|input| Ok((Cow::Borrowed(input.name()), value::given(input)?)))
            .collect::<Result<_, RunError>>()?;
        let (options, session) = (self.options.take(), self.session.inner());
        let outputs = match &options {
            Some(options) => self.session.run_with_options(values, options.as_ref()),
            None => self.session.run(values),
        };
        let outputs = outputs.map_err(|error| run_error(&error))?;
        outputs.into_iter().map(|(name, output)| value::left(name, output, &session, inputs)).collect()
    }
}

/// A folder that cannot be there.
const NO_FOLDER: &str = "/dev/null/external-data";

fn session(
    environment: &ort::environment::Environment,
    files: &NetworkFiles,
    provider: Provider,
    config: &RuntimeConfig,
) -> Result<Session, ort::Error> {
    let builder = Session::builder(environment)?
        .with_intra_threads(config.intra_threads.get())
        .map_err(strip)?
        // What is not given below would be read from the folder in which the process happens to run: bytes that nobody published.
        .with_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
        .map_err(strip)?
        // An error comes back from the run as well; what is written to standard error of it has values of the caller in it.
        .with_log_level(LogLevel::Fatal)
        .map_err(strip)?
        // Spinning threads would take the cores that read and answer requests.
        .with_intra_op_spinning(false)
        .map_err(strip)?;
    let mut builder = match provider.dispatch() {
        Some(dispatch) => builder.with_execution_providers([dispatch]).map_err(strip)?,
        None => builder,
    };
    for (name, file) in &files.external {
        // ONNX Runtime copies each tensor out of it: until the session is there, a load holds such weights twice.
        builder = builder.with_external_initializer_file_in_memory(name, Arc::clone(file)).map_err(strip)?;
    }
    builder.commit_from_memory(&files.file)
}

/// Why a provider cannot be had, without the source files and paths that ONNX Runtime puts before it.
fn cause(error: &ort::Error) -> String {
    let message = error.message();
    let cause = message.rsplit_once("with error: ").map_or(message, |(_, cause)| cause);
    cause.trim().trim_end_matches('.').to_owned()
}

/// The error without the builder that `ort` gives back with it.
#[allow(clippy::needless_pass_by_value)]
fn strip<R>(error: ort::Error<R>) -> ort::Error {
    ort::Error::new_with_code(error.code(), error.message())
}

/// A network's error while running. Values that a kernel refuses are the caller's fault: shapes and datatypes were
/// checked before. The text that ONNX Runtime gives can hold values, so the caller is told the operator and node only.
fn run_error(error: &ort::Error) -> RunError {
    let internal = error.message().to_owned();
    let between = |from: &str, to: &str| Some(internal.split_once(from)?.1.split_once(to)?.0.to_owned());
    let node = between("while running ", " node").zip(between("Name:'", "'"));
    let ours = ["allocate", "bad_alloc", "out of memory", "CUDA", "CUBLAS", "CUDNN"];
    match (error.code(), node) {
        (
            ErrorCode::InvalidArgument | ErrorCode::GenericFailure | ErrorCode::RuntimeException,
            Some((operator, node)),
        ) if !ours.iter().any(|ours| internal.contains(ours)) => {
            let public = format!(
                "the network refused these values: operator {operator} (node {node:?}) failed on them; an index may be \
                 out of range, or sizes that have to agree do not"
            );
            RunError::Refused { public, internal }
        }
        (ErrorCode::InvalidArgument, None) => {
            RunError::Refused { public: "the network refused these inputs".to_owned(), internal }
        }
        _ => RunError::Failed(internal),
    }
}
