//! The execution engine of a process with ONNX Runtime alone.

/// Kernels and their settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The CPU's; threads sleep between runs.
    Waiting,
    /// The CPU's; threads spin between runs.
    Spinning,
    /// CUDA's with ONNX Runtime's defaults: matrices are multiplied in TF32 if the GPU can.
    Cuda,
    /// CUDA's, with full FP32.
    CudaFp32,
}

impl Engine {
    const ALL: [Self; 4] = [Self::Waiting, Self::Spinning, Self::Cuda, Self::CudaFp32];

    /// Its name on command lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Spinning => "spinning",
            Self::Cuda => "cuda",
            Self::CudaFp32 => "cuda-fp32",
        }
    }

    /// The one with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }
}
