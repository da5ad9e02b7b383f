//! ONNX Runtime's execution providers.

use ort::ep::{CUDA, ExecutionProviderDispatch, TensorRT};

/// The backend that runs a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionProvider {
    /// ONNX Runtime's own CPU kernels.
    Cpu,
    /// NVIDIA CUDA.
    Cuda,
    /// NVIDIA TensorRT.
    TensorRt,
}

impl ExecutionProvider {
    /// The provider with this name in `AMAAS_EXECUTION_PROVIDERS`.
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

    /// The registration for a session. An unavailable provider is an error: its own `is_available` returns true without
    /// the libraries that it needs, and plain registration silently falls back to the CPU.
    pub(super) fn dispatch(self, tf32: bool) -> Option<ExecutionProviderDispatch> {
        match self {
            Self::Cpu => None,
            Self::Cuda => Some(CUDA::default().with_tf32(tf32).build().error_on_failure()),
            Self::TensorRt => Some(TensorRT::default().build().error_on_failure()),
        }
    }
}
