//! What runs a network in a process that has nothing around ONNX Runtime.

/// Kernels, and how they are asked to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The CPU's; threads wait between runs.
    Waiting,
    /// The CPU's; threads spin between runs.
    Spinning,
    /// CUDA's, as ONNX Runtime has them where nobody asks for more: matrices are multiplied in TF32 where the GPU can.
    Cuda,
    /// CUDA's, with all digits of FP32.
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
