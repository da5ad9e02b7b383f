//! Execution providers, in the order in which they are asked for.

use ort::ep::{CUDA, ExecutionProviderDispatch, TensorRT};

/// What runs a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// ONNX Runtime's own CPU kernels.
    Cpu,
    /// NVIDIA CUDA.
    Cuda,
    /// NVIDIA TensorRT.
    TensorRt,
}

impl Provider {
    /// The provider called `name` in `AMAAS_EXECUTION_PROVIDERS`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cpu, Self::Cuda, Self::TensorRt].into_iter().find(|provider| provider.name() == name)
    }

    /// Its name in `AMAAS_EXECUTION_PROVIDERS` and in readiness answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
        }
    }

    /// What to register with a session. A provider that cannot be had is an error there: its own `is_available` says
    /// yes without the libraries that it needs, and plain registration falls back to the CPU in silence.
    pub(super) fn dispatch(self, tf32: bool) -> Option<ExecutionProviderDispatch> {
        match self {
            Self::Cpu => None,
            Self::Cuda => Some(CUDA::default().with_tf32(tf32).build().error_on_failure()),
            Self::TensorRt => Some(TensorRT::default().build().error_on_failure()),
        }
    }
}
