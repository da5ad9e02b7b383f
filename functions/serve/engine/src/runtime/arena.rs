//! The arena of the process: where all sessions on the CPU have the memory of their runs, up to a bound.
//!
//! ONNX Runtime gives each session an arena of its own, which has no end and is never given back. One that is registered with the
//! environment has an end: what goes beyond it fails in the run that asked for it, and nowhere else. Weights are not in it.

#![allow(unsafe_code)]

use std::ptr;
use std::sync::{Mutex, PoisonError};

use ort::AsPointer;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};

/// Has the process's arena end at `most` bytes; the first who says so is heard. Gives the bound that holds.
pub fn bound(environment: &Environment, most: u64) -> Result<u64, ort::Error> {
    static BOUND: Mutex<Option<u64>> = Mutex::new(None);
    let mut bound = BOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bound) = *bound {
        return Ok(bound);
    }
    register(environment, usize::try_from(most).unwrap_or(usize::MAX))?;
    Ok(*bound.insert(most))
}

fn register(environment: &Environment, most: usize) -> Result<(), ort::Error> {
    /// Regions grow by powers of two, so that a network has a few of them.
    const NEXT_POWER_OF_TWO: i32 = 0;
    const DEFAULT: i32 = -1;
    let api = ort::api();
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default)?;
    let mut config = ptr::null_mut();
    // SAFETY: the library is loaded, since there is an environment. `config` is a place for one pointer, which is written before it is
    // read, and released once, below, after its last use. The environment copies what `memory` and `config` say.
    unsafe {
        let made = (api.CreateArenaCfg)(most, NEXT_POWER_OF_TWO, DEFAULT, DEFAULT, &raw mut config);
        ort::Error::result_from_status(made)?;
        let registered = (api.CreateAndRegisterAllocator)(environment.ptr().cast_mut(), memory.ptr(), config);
        (api.ReleaseArenaCfg)(config);
        ort::Error::result_from_status(registered)
    }
}
