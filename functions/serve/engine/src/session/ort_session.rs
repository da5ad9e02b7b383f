//! An ONNX Runtime session, and the run on it.

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

use super::growth::{EXPLAINED, Growth};
use super::run_error::{Asked, Room, run_error};
use super::{SessionError, growth, reclaim, value};
use crate::config::{Prepack, RuntimeConfig};
use crate::error::RunError;
use crate::infer::{Deadline, Lost, Network, Stop};
use crate::onnx::{self, Checked, NetworkFiles};
use crate::provider::Provider;
use crate::runtime::{arena, memory};
use crate::tensor_spec::{Dim, TensorSpec};

/// A network as ONNX Runtime holds it.
pub struct Onnx {
    session: Session,
    /// Where the session has its weights, if it has no copy: freed behind it.
    weights: Bytes,
    /// The session that takes its place.
    next: Next,
    checked: Checked,
    provider: Provider,
    warning: Option<String>,
    /// What the next run is ended by, where another thread may end it.
    next_run: Option<Arc<Run>>,
    last_run: Option<Arc<Run>>,
    /// How long a run may take.
    limit: Duration,
    /// The most bytes that runs may take.
    most: u64,
    lost: Lost,
    growth: Growth,
    /// What the first run asked for that took too long or too much memory.
    exceeded: Option<String>,
    environment: Environment,
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
    pub fn new(environment: &Environment, files: &NetworkFiles, config: &RuntimeConfig) -> Result<Self, SessionError> {
        let checked = onnx::check(files)?;
        let (mut growth, most) = (Growth::begin(files.size(), config), bound(environment, config)?);
        let mut warning = None;
        let mut providers = config.providers.iter().copied().peekable();
        while let Some(provider) = providers.next() {
            let under_way = growth.work();
            let made = session(environment, files, provider, config);
            drop(under_way);
            match made {
                Ok(session) => {
                    let (weights, next) = (Bytes::new(), Next::None);
                    growth.check()?;
                    let (next_run, limit, lost) = (None, config.run_time, Lost::of_this_thread());
                    let environment = environment.clone();
                    return Ok(Self {
                        session,
                        weights,
                        next,
                        checked,
                        provider,
                        warning,
                        next_run,
                        last_run: None,
                        limit,
                        most,
                        lost,
                        growth,
                        exceeded: None,
                        environment,
                    });
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
    pub fn prepared(environment: &Environment, prepared: Bytes, config: &RuntimeConfig) -> Result<Self, SessionError> {
        let refused = |error: ort::Error| SessionError::network(error.code(), error.message());
        let (mut growth, most) = (Growth::begin(prepared.len() as u64, config), bound(environment, config)?);
        let prepack = config.prepack == Prepack::AtLoad;
        let under_way = growth.work();
        let session = in_place(environment, &prepared, config.intra_threads, prepack).map_err(refused)?;
        drop(under_way);
        let next = match config.prepack {
            Prepack::Later => Next::After(RUNS, environment.clone(), config.intra_threads),
            Prepack::AtLoad | Prepack::Never => Next::None,
        };
        growth.check()?;
        // Nobody knows of a prepared network whether values say how much there is to do.
        let (checked, provider) = (Checked { is_elastic: true, ..Checked::default() }, Provider::Cpu);
        let (next_run, limit, lost, environment) = (None, config.run_time, Lost::of_this_thread(), environment.clone());
        Ok(Self {
            session,
            weights: prepared,
            next,
            checked,
            provider,
            warning: None,
            next_run,
            last_run: None,
            limit,
            most,
            lost,
            growth,
            exceeded: None,
            environment,
        })
    }

    /// Refuses a network that took too long or too much memory for a run before there are calls: no machine would serve it better.
    pub fn check_trial(&self) -> Result<(), SessionError> {
        if let Some(exceeded) = &self.exceeded {
            return Err(SessionError::Trial(exceeded.clone()));
        }
        self.growth.check()
    }

    /// Refuses a network that has come to need more memory than its files explain, for itself or for the runs so far.
    pub fn check_growth(&self) -> Result<(), SessionError> {
        self.growth.check()
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
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// What was asked for and could not be had.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The network's inputs: those that have to be sent, then those for which it has values of its own.
    pub fn inputs(&self) -> Result<Vec<TensorSpec>, SessionError> {
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
        let run = self.next_run()?;
        let deadline = Deadline::begin(Arc::clone(&run) as Arc<dyn Stop>, self.limit);
        let (under_way, most) = (self.growth.work(), self.most);
        // The outputs are borrowed of it, too.
        let run = self.last_run.insert(run);
        let outputs = self.session.run_with_options(inputs, &run.options);
        drop(under_way);
        outputs.map_err(|error| failed(&error, &deadline, &Room::of(most)))
    }

    /// What ends the run that begins now.
    fn next_run(&mut self) -> Result<Arc<Run>, RunError> {
        let new = || Ok(Arc::new(Run { options: RunOptions::new()?, lost: self.lost.clone() }));
        let run: Result<_, ort::Error> = self.next_run.take().map_or_else(new, Ok);
        run.map_err(|error| RunError::failed(error.message().to_owned()))
    }

    /// Runs the network on `inputs`.
    fn run_once(&mut self, inputs: &[Tensor], run: &Run) -> Result<Result<Vec<Tensor>, RunError>, ort::Error> {
        let values = inputs.iter().map(|input| Ok((Cow::Borrowed(input.name()), value::given(input)?)));
        let values: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = match values.collect::<Result<_, RunError>>() {
            Ok(values) => values,
            Err(refused) => return Ok(Err(refused)),
        };
        let held = (self.session.inner(), self.weights.clone());
        let _under_way = self.growth.work();
        let outputs = self.session.run_with_options(values, &run.options)?;
        let left = outputs.into_iter().map(|(name, output)| value::left(name, output, &held, inputs));
        Ok(left.collect())
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
        // ONNX Runtime has no dimensions for what has none and for what may have any number of them.
        let unranked = shape.is_empty() && self.checked.unranked.contains(name);
        Ok(TensorSpec { unranked, ..TensorSpec::new(name, datatype, shape) })
    }
}

/// A run, as others see it.
struct Run {
    options: RunOptions,
    lost: Lost,
}

impl Stop for Run {
    fn stop(&self) {
        if let Err(error) = self.options.terminate() {
            tracing::warn!(error = error.message(), "a run that nobody waits for could not be ended");
        }
    }

    fn give_up(&self) {
        self.lost.lose();
    }
}

impl Network for Onnx {
    fn prepare(&mut self) -> Option<Arc<dyn Stop>> {
        // New for each run, so that whoever ends one that is just over does not end the next.
        let run = self.next_run().ok()?;
        self.next_run = Some(Arc::clone(&run));
        Some(run)
    }

    fn runs_anywhere(&self) -> bool {
        // A device has handles and memory for each thread that it ever ran for.
        self.provider == Provider::Cpu && !self.checked.is_elastic
    }

    fn lost(&self) -> Lost {
        self.lost.clone()
    }

    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        self.settle();
        let run = self.next_run()?;
        let deadline = Deadline::begin(Arc::clone(&run) as Arc<dyn Stop>, self.limit);
        let mut outputs = self.run_once(inputs, &run);
        // What earlier runs left free in the arena may lie in pieces that are too small: without them there is room.
        if let Err(error) = &outputs
            && let Some(Asked::Bytes { bytes, bound: true }) = Asked::of(error.message())
            && bytes <= self.most
            && deadline.passed().is_none()
        {
            reclaim::now(&self.environment);
            outputs = self.run_once(inputs, &run);
        }
        outputs.unwrap_or_else(|error| {
            let error = failed(&error, &deadline, &Room::of(self.most));
            if matches!(error, RunError::TooLong { .. } | RunError::TooLarge { .. }) {
                self.exceeded.get_or_insert_with(|| error.for_operator());
            }
            Err(error)
        })
    }
}

/// Why a run gave nothing.
fn failed(error: &ort::Error, deadline: &Deadline, room: &Room) -> RunError {
    let of_the_run = || run_error(error.code(), error.message(), room);
    deadline.passed().map_or_else(of_the_run, |limit| RunError::TooLong { limit: Some(limit) })
}

impl Room {
    fn of(most: u64) -> Self {
        // The run itself is over.
        let others = if growth::is_quiet() { value::held() } else { most };
        Self { most, others, free: memory::free() }
    }
}

/// Bounds the arena that all sessions share, and has it give memory back; how many bytes it may have.
fn bound(environment: &Environment, config: &RuntimeConfig) -> Result<u64, SessionError> {
    let bound = arena::bound(environment, config.run_bytes);
    let bound = bound.map_err(|error| SessionError::Unsupported(error.message().to_owned()))?;
    reclaim::start(environment);
    Ok(bound)
}

/// The smallest session, of `network`, on the arena that all share.
pub(super) fn smallest(environment: &Environment, network: &[u8]) -> Result<Session, ort::Error> {
    builder(environment, NonZeroUsize::MIN, 0)?.with_env_allocators().map_err(strip)?.commit_from_memory(network)
}

/// To lay out weights takes as long as some eight runs gain by it.
const RUNS: u32 = 8;

/// Bytes of a tensor that is computed when the session is made, however small the network.
const FOLDED: u64 = 64 << 20;

/// A folder that cannot be there.
const NO_FOLDER: &str = "/dev/null/external-data";

/// What every session has.
fn builder(environment: &Environment, threads: NonZeroUsize, size: u64) -> Result<SessionBuilder, ort::Error> {
    // What is computed once, when the session is made, is in no bound on runs, and stays.
    let folded = FOLDED.max(size.saturating_mul(EXPLAINED)).to_string();
    Session::builder(environment)?
        .with_intra_threads(threads.get())
        .map_err(strip)?
        // What is not given below would be read from the folder in which the process happens to run: bytes that nobody published.
        .with_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
        .map_err(strip)?
        .with_config_entry("optimization.constant_folding_max_output_size_in_bytes", folded)
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
    let builder = builder(environment, config.intra_threads, files.size())?;
    let builder = match provider.dispatch(config.tf32) {
        Some(dispatch) => builder.with_execution_providers([dispatch]).map_err(strip)?,
        None => builder.with_env_allocators().map_err(strip)?,
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
    let builder = builder(environment, threads, prepared.len() as u64)?.with_env_allocators().map_err(strip)?;
    let mut builder = builder.with_prepacking(prepack).map_err(strip)?;
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
