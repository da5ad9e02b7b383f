//! The runtime configuration: execution providers, threads, and bounds on time and memory.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use amaas_config::{ConfigError, POSITIVE, Variable, process};

use crate::provider::ExecutionProvider;
use crate::runtime::memory;

/// The configuration of ONNX Runtime and of runs.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// `AMAAS_EXECUTION_PROVIDERS`: tried in this order; default `cpu`.
    pub providers: Vec<ExecutionProvider>,
    /// `AMAAS_INTRA_THREADS`: threads of one run; default: the process's available parallelism.
    pub intra_threads: NonZeroUsize,
    /// `AMAAS_BATCH_ROWS`: the largest number of rows of different calls in one run; default 32.
    pub batch_rows: NonZeroUsize,
    /// `AMAAS_QUEUE_ROWS`: the largest number of queued rows; default 1,024. Further calls are refused at once.
    pub queue_rows: NonZeroUsize,
    /// `AMAAS_PREPACK`: when weights are prepacked for the CPU, if they were published in a form that starts without.
    /// Prepacked runs are some 5 to 10 % faster. Prepacking takes as long as some runs, and up to as much memory again
    /// as the weights.
    pub prepack: PrepackMode,
    /// `AMAAS_MAX_RUN_SECONDS`: the time limit of a run on every host, including trial runs and golden cases; default
    /// 30. A longer run is stopped, and its call is refused. Under Lambda a run also ends half a second before its
    /// invocation's deadline.
    pub run_time: Duration,
    /// `AMAAS_MAX_RUN_BYTES`: the CPU memory of all runs of the process together, including outputs on their way to
    /// clients, without weights. The default is half the memory of the machine or container. A process has one such
    /// bound.
    pub run_bytes: u64,
    /// `AMAAS_MAX_SESSION_BYTES`: the memory that a network may need until it has run once. The default is 512 MiB and
    /// eight times the size of its files.
    pub session_bytes: Option<u64>,
    /// `AMAAS_MAX_ANSWER_BYTES`: the largest answer, as tensors and as written; default 64 MiB, which is the SDK's
    /// limit.
    pub answer_bytes: u64,
    /// `AMAAS_TF32`: `allow` lets CUDA multiply FP32 matrices with a mantissa of ten bits. It is up to four times as
    /// fast, with an error of 2e-3 for an encoder of 436 MB. The default `refuse` had an error of 1e-6.
    pub tf32: bool,
    /// `ORT_DYLIB_PATH`: the ONNX Runtime library. The default is `lib/libonnxruntime.so` beside the program (as in a
    /// Lambda package), then the cache that `amaas dev` fills.
    pub library: Option<PathBuf>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            providers: vec![ExecutionProvider::Cpu],
            intra_threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            batch_rows: const { NonZeroUsize::new(32).unwrap() },
            queue_rows: const { NonZeroUsize::new(1024).unwrap() },
            prepack: PrepackMode::Later,
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
    /// Reads the configuration from the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(process)
    }

    /// Reads the configuration from `variables`.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable, what was expected and what it holds.
    pub fn from_variables(variables: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let (variable, default) = (|name| Variable::read(&variables, name), Self::default());
        Ok(Self {
            providers: variable("AMAAS_EXECUTION_PROVIDERS")
                .list("a list of cpu, cuda and tensorrt, such as \"cuda,cpu\"", ExecutionProvider::from_name)?
                .unwrap_or(default.providers),
            intra_threads: variable("AMAAS_INTRA_THREADS").or(POSITIVE, default.intra_threads)?,
            batch_rows: variable("AMAAS_BATCH_ROWS").or(POSITIVE, default.batch_rows)?,
            queue_rows: variable("AMAAS_QUEUE_ROWS").or(POSITIVE, default.queue_rows)?,
            prepack: variable("AMAAS_PREPACK").one_of([
                ("later", PrepackMode::Later),
                ("at-load", PrepackMode::AtLoad),
                ("never", PrepackMode::Never),
            ])?,
            run_time: variable("AMAAS_MAX_RUN_SECONDS").seconds(default.run_time)?,
            run_bytes: variable("AMAAS_MAX_RUN_BYTES").bytes()?.unwrap_or(default.run_bytes),
            session_bytes: variable("AMAAS_MAX_SESSION_BYTES").bytes()?,
            answer_bytes: variable("AMAAS_MAX_ANSWER_BYTES").bytes()?.unwrap_or(default.answer_bytes),
            tf32: variable("AMAAS_TF32").one_of([("refuse", false), ("allow", true)])?,
            library: variable("ORT_DYLIB_PATH").value().map(PathBuf::from),
        })
    }
}

/// When weights are prepacked for the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrepackMode {
    /// `later`, the default: during the first runs, if there is enough memory, for the following runs.
    Later,
    /// `at-load`: before the first run.
    AtLoad,
    /// `never`: the least memory.
    Never,
}
