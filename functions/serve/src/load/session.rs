//! An ONNX Runtime session, and the run on it.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::Builder;

use amaas_wire::Tensor;
use bytes::Bytes;
use ort::environment::Environment;
use ort::error::ErrorCode;
use ort::logging::LogLevel;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::ValueType;

use super::{Provider, SessionError, value};
use crate::config::{Prepack, RuntimeConfig};
use crate::infer::{Network, RunError, Stop};
use crate::manifest::{Dim, TensorSpec};
use crate::onnx::{self, Checked, NetworkFiles};
use crate::runtime::memory;

/// A network as ONNX Runtime holds it.
pub(crate) struct Onnx {
    session: Session,
    /// Where the session has its weights, if it has no copy: freed behind it.
    weights: Bytes,
    /// The session that takes its place.
    next: Next,
    checked: Checked,
    provider: Provider,
    warning: Option<String>,
    /// Of the next run, where another thread may end it.
    options: Option<Arc<RunOptions>>,
}

/// What becomes of a session whose weights are not laid out for the CPU.
enum Next {
    /// It stays.
    None,
    /// After so many runs another one is made, with so many threads.
    After(u32, Environment, NonZeroUsize),
    /// One is being made.
    Making(Receiver<(Session, Bytes)>),
}

impl Onnx {
    /// Makes a session of the network in `files`, on the first of the configured providers that can be had.
    pub(crate) fn new(
        environment: &Environment,
        files: &NetworkFiles,
        config: &RuntimeConfig,
    ) -> Result<Self, SessionError> {
        let checked = onnx::check(files)?;
        let mut warning = None;
        let mut providers = config.providers.iter().copied().peekable();
        while let Some(provider) = providers.next() {
            match session(environment, files, provider, config) {
                Ok(session) => {
                    let (weights, next) = (Bytes::new(), Next::None);
                    return Ok(Self { session, weights, next, checked, provider, warning, options: None });
                }
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

    /// Makes a session of a prepared network on the CPU, whose weights stay where they are. One with weights laid out for the
    /// CPU takes its place as `config` says.
    pub(crate) fn prepared(
        environment: &Environment,
        prepared: Bytes,
        config: &RuntimeConfig,
    ) -> Result<Self, SessionError> {
        let refused = |error: ort::Error| SessionError::network(error.code(), error.message());
        let prepack = config.prepack == Prepack::AtLoad;
        let session = in_place(environment, &prepared, config.intra_threads, prepack).map_err(refused)?;
        let next = match config.prepack {
            Prepack::Later => Next::After(RUNS, environment.clone(), config.intra_threads),
            Prepack::AtLoad | Prepack::Never => Next::None,
        };
        let (checked, provider) = (Checked::default(), Provider::Cpu);
        Ok(Self { session, weights: prepared, next, checked, provider, warning: None, options: None })
    }

    /// Where the session has its weights, if it has no copy.
    pub(super) fn weights(&self) -> Bytes {
        self.weights.clone()
    }

    /// Takes the session with weights laid out, where it is there.
    fn settle(&mut self) {
        match &mut self.next {
            Next::None => {}
            Next::After(runs @ 1.., ..) => *runs -= 1,
            Next::After(0, environment, threads) => {
                self.next = make_next(environment.clone(), self.weights.clone(), *threads);
            }
            Next::Making(made) => match made.try_recv() {
                Ok((session, _)) => (self.session, self.next) = (session, Next::None),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.next = Next::None,
            },
        }
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
        self.settle();
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
        self.settle();
        let (options, session) = (self.options.take(), self.session.inner());
        let held = (session, self.weights.clone());
        let outputs = match &options {
            Some(options) => self.session.run_with_options(values, options.as_ref()),
            None => self.session.run(values),
        };
        let outputs = outputs.map_err(|error| run_error(&error))?;
        outputs.into_iter().map(|(name, output)| value::left(name, output, &held, inputs)).collect()
    }
}

/// To lay out weights takes as long as some eight runs gain by it.
const RUNS: u32 = 8;

/// A folder that cannot be there.
const NO_FOLDER: &str = "/dev/null/external-data";

/// What every session has.
fn builder(environment: &Environment, threads: NonZeroUsize) -> Result<SessionBuilder, ort::Error> {
    Session::builder(environment)?
        .with_intra_threads(threads.get())
        .map_err(strip)?
        // What is not given below would be read from the folder in which the process happens to run: bytes that nobody published.
        .with_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
        .map_err(strip)?
        // An error comes back from the run as well; what is written to standard error of it has values of the caller in it.
        .with_log_level(LogLevel::Fatal)
        .map_err(strip)?
        // Spinning threads would take the cores that read and answer requests.
        .with_intra_op_spinning(false)
        .map_err(strip)
}

fn session(
    environment: &Environment,
    files: &NetworkFiles,
    provider: Provider,
    config: &RuntimeConfig,
) -> Result<Session, ort::Error> {
    let builder = builder(environment, config.intra_threads)?;
    let builder = match provider.dispatch(config.tf32) {
        Some(dispatch) => builder.with_execution_providers([dispatch]).map_err(strip)?,
        None => builder,
    };
    commit(builder, files)
}

fn commit(mut builder: SessionBuilder, files: &NetworkFiles) -> Result<Session, ort::Error> {
    for (name, file) in &files.external {
        // ONNX Runtime copies each tensor out of it: until the session is there, a load holds such weights twice.
        builder = builder.with_external_initializer_file_in_memory(name, Arc::clone(file)).map_err(strip)?;
    }
    builder.commit_from_memory(&files.file)
}

/// Writes the network in `files` as ONNX Runtime has it when it has made a session, but for what depends on the processor.
pub(crate) fn write_prepared(
    environment: &Environment,
    files: &NetworkFiles,
    config: &RuntimeConfig,
) -> Result<Vec<u8>, String> {
    onnx::check(files).map_err(|error| error.to_string())?;
    let refused = |error: ort::Error| SessionError::network(error.code(), error.message()).to_string();
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("prepared.ort");
    let builder = builder(environment, config.intra_threads)
        .and_then(|builder| builder.with_prepacking(false).map_err(strip))
        .and_then(|builder| builder.with_optimization_level(GraphOptimizationLevel::Level2).map_err(strip))
        .and_then(|builder| builder.with_config_entry("session.save_model_format", "ORT").map_err(strip))
        .and_then(|builder| builder.with_optimized_model_path(&path).map_err(strip));
    drop(commit(builder.map_err(refused)?, files).map_err(refused)?);
    std::fs::read(path).map_err(|error| error.to_string())
}

/// A session of a prepared network, whose weights stay in `prepared`. Whoever has the session, or an output of it, has to have
/// `prepared` for as long.
fn in_place(
    environment: &Environment,
    prepared: &Bytes,
    threads: NonZeroUsize,
    prepack: bool,
) -> Result<Session, ort::Error> {
    let mut builder = builder(environment, threads)?.with_prepacking(prepack).map_err(strip)?;
    for key in ["session.use_ort_model_bytes_directly", "session.use_ort_model_bytes_for_initializers"] {
        builder = builder.with_config_entry(key, "1").map_err(strip)?;
    }
    builder.commit_from_memory(prepared)
}

/// Begins to make a session with weights laid out, if there is memory for them.
fn make_next(environment: Environment, prepared: Bytes, threads: NonZeroUsize) -> Next {
    let needed = prepared.len() as u64 * 2;
    if let Some(free) = memory::free().filter(|free| *free < needed) {
        tracing::info!(free, needed, "weights are not laid out for the CPU: there is too little memory");
        return Next::None;
    }
    let (made, next) = sync_channel(1);
    let lay_out = move || match in_place(&environment, &prepared, threads, true) {
        // Where nobody waits for it any more it is dropped, before its weights.
        Ok(session) => {
            tracing::debug!("weights are laid out for the CPU");
            drop(made.send((session, prepared)));
        }
        Err(error) => tracing::warn!(error = error.message(), "weights could not be laid out for the CPU"),
    };
    // Without a thread the first session goes on.
    let started = Builder::new().name("prepack".to_owned()).spawn(lay_out);
    if started.is_ok() { Next::Making(next) } else { Next::None }
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
