//! An ONNX Runtime session, its runs, and its prepacking.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use amaas_wire::Tensor;
use bytes::Bytes;
use ort::environment::Environment;
use ort::logging::LogLevel;
#[cfg(feature = "publish")]
use ort::session::builder::GraphOptimizationLevel;
use ort::session::builder::SessionBuilder;
use ort::session::{RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::ValueType;

use super::growth::{MAX_FILE_MULTIPLE, MemoryGrowth};
use super::run_error::{MemoryBudget, MemoryRequest, run_error};
use super::{SessionError, growth, reclaim, value};
use crate::config::{PrepackMode, RuntimeConfig};
use crate::error::RunError;
use crate::infer::{LostFlag, RunDeadline, RunnableNetwork, StopRun};
use crate::onnx::{self, CheckedNetwork, NetworkFiles};
use crate::provider::ExecutionProvider;
use crate::runtime::{arena, memory};
use crate::tensor_spec::{Dim, TensorSpec};

/// A network in an ONNX Runtime session.
pub struct OrtSession {
    session: Session,
    /// The memory of the weights, if the session has no copy; dropped after the session.
    weights: Bytes,
    /// The prepacked session that will replace this one.
    prepacking: Prepacking,
    checked: CheckedNetwork,
    provider: ExecutionProvider,
    warning: Option<String>,
    /// The handle of the next run, if it is already shared with another thread.
    next_run: Option<Arc<OrtRun>>,
    last_run: Option<Arc<OrtRun>>,
    /// The time limit of a run.
    limit: Duration,
    /// The largest number of bytes of all runs.
    max_bytes: u64,
    lost: LostFlag,
    growth: MemoryGrowth,
    /// The error of the first run that took too long or too much memory.
    exceeded: Option<String>,
    environment: Environment,
}

/// The state of the prepacking of a session.
enum Prepacking {
    /// No prepacking is pending.
    NotPending,
    /// A prepacked session is built after this many runs, with this many threads.
    AfterRuns(u32, Environment, NonZeroUsize),
    /// A prepacked session is being built.
    Building(Receiver<(Session, Bytes)>),
}

impl OrtSession {
    /// Creates a session of the network in `files`, on the first available one of the configured execution providers.
    pub fn new(environment: &Environment, files: &NetworkFiles, config: &RuntimeConfig) -> Result<Self, SessionError> {
        let checked = onnx::check(files)?;
        let (mut growth, max_bytes) = (MemoryGrowth::begin(files.size(), config), bound_arena(environment, config)?);
        let mut warning = None;
        let mut providers = config.providers.iter().copied().peekable();
        while let Some(provider) = providers.next() {
            let activity = growth.start_activity();
            let made = session(environment, files, provider, config);
            drop(activity);
            match made {
                Ok(session) => {
                    let (weights, prepacking) = (Bytes::new(), Prepacking::NotPending);
                    growth.check()?;
                    let (next_run, limit, lost) = (None, config.run_time, LostFlag::of_current_scope());
                    let environment = environment.clone();
                    return Ok(Self {
                        session,
                        weights,
                        prepacking,
                        checked,
                        provider,
                        warning,
                        next_run,
                        last_run: None,
                        limit,
                        max_bytes,
                        lost,
                        growth,
                        exceeded: None,
                        environment,
                    });
                }
                // Falls back only if the operator listed `cpu` after it.
                Err(error)
                    if provider != ExecutionProvider::Cpu
                        && providers.clone().any(|next| next == ExecutionProvider::Cpu) =>
                {
                    let cause = format!("execution provider {} is unavailable: {}", provider.name(), cause(&error));
                    tracing::warn!(reason = cause.as_str(), "execution provider unavailable; trying the next one");
                    warning.get_or_insert(cause);
                }
                Err(error) if provider == ExecutionProvider::Cpu => {
                    return Err(SessionError::network(error.code(), error.message()));
                }
                Err(error) => {
                    return Err(SessionError::Provider { provider: provider.name(), cause: cause(&error) });
                }
            }
        }
        Err(SessionError::NoProvider)
    }

    /// Creates a CPU session of a prepared network, whose weights stay in place. A session with prepacked weights
    /// replaces it as `config` says.
    pub fn prepared(environment: &Environment, prepared: Bytes, config: &RuntimeConfig) -> Result<Self, SessionError> {
        let refused = |error: ort::Error| SessionError::network(error.code(), error.message());
        let (mut growth, max_bytes) =
            (MemoryGrowth::begin(prepared.len() as u64, config), bound_arena(environment, config)?);
        let at_load = config.prepack == PrepackMode::AtLoad;
        let activity = growth.start_activity();
        let session = session_in_place(environment, &prepared, config.intra_threads, at_load).map_err(refused)?;
        drop(activity);
        let prepacking = match config.prepack {
            PrepackMode::Later => {
                Prepacking::AfterRuns(RUNS_BEFORE_PREPACKING, environment.clone(), config.intra_threads)
            }
            PrepackMode::AtLoad | PrepackMode::Never => Prepacking::NotPending,
        };
        growth.check()?;
        // A prepared network is not analysed, so values may determine its work.
        let (checked, provider) =
            (CheckedNetwork { has_value_dependent_cost: true, ..CheckedNetwork::default() }, ExecutionProvider::Cpu);
        let (next_run, limit, lost, environment) =
            (None, config.run_time, LostFlag::of_current_scope(), environment.clone());
        Ok(Self {
            session,
            weights: prepared,
            prepacking,
            checked,
            provider,
            warning: None,
            next_run,
            last_run: None,
            limit,
            max_bytes,
            lost,
            growth,
            exceeded: None,
            environment,
        })
    }

    /// Fails if a trial run took too long or too much memory: no other machine would serve the network better.
    pub fn check_trial(&self) -> Result<(), SessionError> {
        if let Some(exceeded) = &self.exceeded {
            return Err(SessionError::Trial(exceeded.clone()));
        }
        self.growth.check()
    }

    /// Fails if the network has needed more memory than its files explain, for itself or for its runs.
    pub fn check_growth(&self) -> Result<(), SessionError> {
        self.growth.check()
    }

    /// The memory of the weights, if the session has no copy.
    pub(super) fn weights(&self) -> Bytes {
        self.weights.clone()
    }

    /// Replaces the session by the prepacked one, if that is ready.
    fn swap_if_prepacked(&mut self) {
        match &mut self.prepacking {
            Prepacking::NotPending => {}
            Prepacking::AfterRuns(runs @ 1.., ..) => *runs -= 1,
            Prepacking::AfterRuns(0, environment, threads) => {
                self.prepacking = start_prepacking(environment.clone(), self.weights.clone(), *threads);
            }
            Prepacking::Building(made) => match made.try_recv() {
                Ok((session, _)) => (self.session, self.prepacking) = (session, Prepacking::NotPending),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.prepacking = Prepacking::NotPending,
            },
        }
    }

    /// The execution provider in use.
    pub fn provider(&self) -> ExecutionProvider {
        self.provider
    }

    /// The configured execution provider that is unavailable, and why.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The network's inputs: required ones, then optional ones.
    pub fn inputs(&self) -> Result<Vec<TensorSpec>, SessionError> {
        let required = self.session.inputs().iter().map(|input| self.spec(input.name(), input.dtype()));
        let optional = self.session.overridable_initializers();
        let optional = optional
            .iter()
            .map(|input| self.spec(input.name(), input.dtype()).map(|spec| TensorSpec { optional: true, ..spec }));
        required.chain(optional).collect()
    }

    /// Runs the network on ONNX Runtime's values, and returns its outputs as such values.
    pub(super) fn run_values(
        &mut self,
        inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)>,
    ) -> Result<SessionOutputs<'_>, RunError> {
        self.swap_if_prepacked();
        let run = self.next_run()?;
        let deadline = RunDeadline::begin(Arc::clone(&run) as Arc<dyn StopRun>, self.limit);
        let (activity, max_bytes) = (self.growth.start_activity(), self.max_bytes);
        // The outputs borrow the run options.
        let run = self.last_run.insert(run);
        let outputs = self.session.run_with_options(inputs, &run.options);
        drop(activity);
        outputs.map_err(|error| run_failure(&error, &deadline, &MemoryBudget::of(max_bytes)))
    }

    /// The handle that stops the run that begins now.
    fn next_run(&mut self) -> Result<Arc<OrtRun>, RunError> {
        let new = || Ok(Arc::new(OrtRun { options: RunOptions::new()?, lost: self.lost.clone() }));
        let run: Result<_, ort::Error> = self.next_run.take().map_or_else(new, Ok);
        run.map_err(|error| RunError::failed(error.message().to_owned()))
    }

    /// Runs the network on `inputs`.
    fn run_once(&mut self, inputs: &[Tensor], run: &OrtRun) -> Result<Result<Vec<Tensor>, RunError>, ort::Error> {
        let values = inputs.iter().map(|input| Ok((Cow::Borrowed(input.name()), value::to_ort(input)?)));
        let values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = match values.collect::<Result<_, RunError>>() {
            Ok(values) => values,
            Err(refused) => return Ok(Err(refused)),
        };
        let guard = (self.session.inner(), self.weights.clone());
        let _under_way = self.growth.start_activity();
        let outputs = self.session.run_with_options(values, &run.options)?;
        let outputs = outputs.into_iter().map(|(name, output)| value::from_ort(name, output, &guard, inputs));
        Ok(outputs.collect())
    }

    /// The network's outputs.
    pub fn outputs(&self) -> Result<Vec<TensorSpec>, SessionError> {
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
        // ONNX Runtime reports no dimensions for a scalar and for an unranked tensor.
        let unranked = shape.is_empty() && self.checked.unranked.contains(name);
        Ok(TensorSpec { unranked, ..TensorSpec::new(name, datatype, shape) })
    }
}

/// The handle of a run.
struct OrtRun {
    options: RunOptions,
    lost: LostFlag,
}

impl StopRun for OrtRun {
    fn stop(&self) {
        if let Err(error) = self.options.terminate() {
            tracing::warn!(error = error.message(), "cannot stop abandoned run");
        }
    }

    fn give_up(&self) {
        self.lost.set();
    }
}

impl RunnableNetwork for OrtSession {
    fn stop_handle(&mut self) -> Option<Arc<dyn StopRun>> {
        // New for each run, so that a late stop request does not stop the next run.
        let run = self.next_run().ok()?;
        self.next_run = Some(Arc::clone(&run));
        Some(run)
    }

    fn is_thread_independent(&self) -> bool {
        // A device keeps handles and memory for each thread that ever ran on it.
        self.provider == ExecutionProvider::Cpu && !self.checked.has_value_dependent_cost
    }

    fn lost(&self) -> LostFlag {
        self.lost.clone()
    }

    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.swap_if_prepacked();
        let run = self.next_run()?;
        let deadline = RunDeadline::begin(Arc::clone(&run) as Arc<dyn StopRun>, self.limit);
        let mut outputs = self.run_once(inputs, &run);
        // Free memory of the arena may be fragmented. Shrinking the arena may make room.
        if let Err(error) = &outputs
            && let Some(MemoryRequest::Bytes { bytes, limited_by_bound: true }) = MemoryRequest::of(error.message())
            && bytes <= self.max_bytes
            && deadline.exceeded_limit().is_none()
        {
            reclaim::reclaim(&self.environment);
            outputs = self.run_once(inputs, &run);
        }
        outputs.unwrap_or_else(|error| {
            let error = run_failure(&error, &deadline, &MemoryBudget::of(self.max_bytes));
            if matches!(error, RunError::TooLong { .. } | RunError::TooLarge { .. }) {
                self.exceeded.get_or_insert_with(|| error.for_operator());
            }
            Err(error)
        })
    }
}

/// The error of a failed run.
fn run_failure(error: &ort::Error, deadline: &RunDeadline, room: &MemoryBudget) -> RunError {
    let of_the_run = || run_error(error.code(), error.message(), room);
    deadline.exceeded_limit().map_or_else(of_the_run, |limit| RunError::TooLong { limit: Some(limit) })
}

impl MemoryBudget {
    fn of(max_bytes: u64) -> Self {
        // The run itself has ended.
        let others = if growth::no_activity() { value::lent_bytes() } else { max_bytes };
        Self { max_bytes, others, free: memory::free() }
    }
}

/// Bounds the arena that all sessions share, and starts memory reclaim. Returns the bound in bytes.
fn bound_arena(environment: &Environment, config: &RuntimeConfig) -> Result<u64, SessionError> {
    let limit = arena::limit_arena(environment, config.run_bytes);
    let limit = limit.map_err(|error| SessionError::Unsupported(error.message().to_owned()))?;
    reclaim::start(environment);
    Ok(limit)
}

/// A minimal session of `network`, on the shared arena.
pub(super) fn minimal_session(environment: &Environment, network: &[u8]) -> Result<Session, ort::Error> {
    builder(environment, NonZeroUsize::MIN, 0)?
        .with_env_allocators()
        .map_err(without_builder)?
        .commit_from_memory(network)
}

/// Runs before prepacking, which takes as long as some eight runs gain by it.
const RUNS_BEFORE_PREPACKING: u32 = 8;

/// The largest tensor that constant folding may compute, however small the network.
const MAX_FOLDED_BYTES: u64 = 64 << 20;

/// A folder that cannot exist.
const NONEXISTENT_FOLDER: &str = "/dev/null/external-data";

/// The options of every session.
fn builder(environment: &Environment, threads: NonZeroUsize, size: u64) -> Result<SessionBuilder, ort::Error> {
    // Folded constants count in no bound on runs, and stay in memory.
    let folded = MAX_FOLDED_BYTES.max(size.saturating_mul(MAX_FILE_MULTIPLE)).to_string();
    Session::builder(environment)?
        .with_intra_threads(threads.get())
        .map_err(without_builder)?
        // Otherwise ONNX Runtime would read missing files from the current folder: bytes that no publisher signed.
        .with_config_entry("session.model_external_initializers_file_folder_path", NONEXISTENT_FOLDER)
        .map_err(without_builder)?
        .with_config_entry("optimization.constant_folding_max_output_size_in_bytes", folded)
        .map_err(without_builder)?
        // Errors are returned by the run as well; a log line would contain the client's values.
        .with_log_level(LogLevel::Fatal)
        .map_err(without_builder)?
        // Spinning threads would take the cores that read and answer requests.
        .with_intra_op_spinning(false)
        .map_err(without_builder)
}

fn session(
    environment: &Environment,
    files: &NetworkFiles,
    provider: ExecutionProvider,
    config: &RuntimeConfig,
) -> Result<Session, ort::Error> {
    let builder = builder(environment, config.intra_threads, files.size())?;
    let builder = match provider.dispatch(config.tf32) {
        Some(dispatch) => builder.with_execution_providers([dispatch]).map_err(without_builder)?,
        None => builder.with_env_allocators().map_err(without_builder)?,
    };
    commit(builder, files)
}

fn commit(mut builder: SessionBuilder, files: &NetworkFiles) -> Result<Session, ort::Error> {
    for (name, file) in &files.external {
        // ONNX Runtime copies each tensor, so a load holds such weights twice until the session exists.
        builder = builder.with_external_initializer_file_in_memory(name, Arc::clone(file)).map_err(without_builder)?;
    }
    builder.commit_from_memory(&files.file)
}

/// Writes the optimised network of `files` in ORT format, without processor-specific optimisations.
#[cfg(feature = "publish")]
pub fn write_prepared(
    environment: &Environment,
    files: &NetworkFiles,
    config: &RuntimeConfig,
) -> Result<Vec<u8>, String> {
    onnx::check(files).map_err(|error| error.to_string())?;
    let refused = |error: ort::Error| SessionError::network(error.code(), error.message()).to_string();
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("prepared.ort");
    let builder = builder(environment, config.intra_threads, files.size())
        .and_then(|builder| builder.with_prepacking(false).map_err(without_builder))
        .and_then(|builder| builder.with_optimization_level(GraphOptimizationLevel::Level2).map_err(without_builder))
        .and_then(|builder| builder.with_config_entry("session.save_model_format", "ORT").map_err(without_builder))
        .and_then(|builder| builder.with_optimized_model_path(&path).map_err(without_builder));
    drop(commit(builder.map_err(refused)?, files).map_err(refused)?);
    std::fs::read(path).map_err(|error| error.to_string())
}

/// A session of a prepared network, whose weights stay in `prepared`. `prepared` has to outlive the session and its
/// outputs.
fn session_in_place(
    environment: &Environment,
    prepared: &Bytes,
    threads: NonZeroUsize,
    prepack: bool,
) -> Result<Session, ort::Error> {
    let builder =
        builder(environment, threads, prepared.len() as u64)?.with_env_allocators().map_err(without_builder)?;
    let mut builder = builder.with_prepacking(prepack).map_err(without_builder)?;
    for key in ["session.use_ort_model_bytes_directly", "session.use_ort_model_bytes_for_initializers"] {
        builder = builder.with_config_entry(key, "1").map_err(without_builder)?;
    }
    builder.commit_from_memory(prepared)
}

/// Starts to build a prepacked session, if there is enough memory.
fn start_prepacking(environment: Environment, prepared: Bytes, threads: NonZeroUsize) -> Prepacking {
    let needed = prepared.len() as u64 * 2;
    if let Some(free) = memory::free().filter(|free| *free < needed) {
        tracing::info!(free, needed, "weights not prepacked: too little free memory");
        return Prepacking::NotPending;
    }
    let (made, next) = sync_channel(1);
    let prepack = move || match session_in_place(&environment, &prepared, threads, true) {
        // If the receiver is gone, the session is dropped before its weights.
        Ok(session) => {
            tracing::debug!("weights prepacked");
            drop(made.send((session, prepared)));
        }
        Err(error) => tracing::warn!(error = error.message(), "prepacking failed"),
    };
    // Without a thread, the first session stays in use.
    let started = Builder::new().name("prepack".to_owned()).spawn(prepack);
    if started.is_ok() { Prepacking::Building(next) } else { Prepacking::NotPending }
}

/// Why an execution provider is unavailable, without ONNX Runtime's source files and paths.
fn cause(error: &ort::Error) -> String {
    let message = error.message();
    let cause = message.rsplit_once("with error: ").map_or(message, |(_, cause)| cause);
    cause.trim().trim_end_matches('.').to_owned()
}

/// The error without the builder that `ort` returns with it.
#[allow(clippy::needless_pass_by_value)]
fn without_builder<R>(error: ort::Error<R>) -> ort::Error {
    ort::Error::new_with_code(error.code(), error.message())
}
