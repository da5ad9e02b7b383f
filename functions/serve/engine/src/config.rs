//! How networks are run: execution providers, threads, and bounds on time and memory.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use amaas_config::{ConfigError, POSITIVE, Variable, process};

use crate::provider::Provider;
use crate::runtime::memory;

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
        let (variable, default) = (|name| Variable::read(&variables, name), Self::default());
        Ok(Self {
            providers: variable("AMAAS_EXECUTION_PROVIDERS")
                .list("a list of cpu, cuda and tensorrt, such as \"cuda,cpu\"", Provider::from_name)?
                .unwrap_or(default.providers),
            intra_threads: variable("AMAAS_INTRA_THREADS").or(POSITIVE, default.intra_threads)?,
            batch_rows: variable("AMAAS_BATCH_ROWS").or(POSITIVE, default.batch_rows)?,
            queue_rows: variable("AMAAS_QUEUE_ROWS").or(POSITIVE, default.queue_rows)?,
            prepack: variable("AMAAS_PREPACK").one_of([
                ("later", Prepack::Later),
                ("at-load", Prepack::AtLoad),
                ("never", Prepack::Never),
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
