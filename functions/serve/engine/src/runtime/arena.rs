//! The process-wide arena: a bounded allocator for the runs of all CPU sessions.
//!
//! By default, each session has an arena of its own, which is unbounded and never shrinks. An arena that is registered
//! with the environment is bounded: a request beyond the bound fails in its own run only. Weights are not in it.

#![allow(unsafe_code)]

use std::ptr;
use std::sync::{Mutex, PoisonError};

use ort::AsPointer;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};

/// Bounds the process's arena to `max_bytes`. The first call decides; later calls return the existing bound.
pub fn limit_arena(environment: &Environment, max_bytes: u64) -> Result<u64, ort::Error> {
    static BOUND: Mutex<Option<u64>> = Mutex::new(None);
    let mut bound = BOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bound) = *bound {
        return Ok(bound);
    }
    register(environment, usize::try_from(max_bytes).unwrap_or(usize::MAX))?;
    Ok(*bound.insert(max_bytes))
}

fn register(environment: &Environment, max_bytes: usize) -> Result<(), ort::Error> {
    /// Regions grow by powers of two, so that a network has only a few.
    const NEXT_POWER_OF_TWO: i32 = 0;
    const DEFAULT: i32 = -1;
    let api = ort::api();
    let memory = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Arena, MemoryType::Default)?;
    let mut config = ptr::null_mut();
    // SAFETY: the library is loaded, since there is an environment. `config` points to one pointer, which is written
    // before it is read, and is released once, after its last use. The environment copies `memory` and `config`.
    unsafe {
        let created = (api.CreateArenaCfg)(max_bytes, NEXT_POWER_OF_TWO, DEFAULT, DEFAULT, &raw mut config);
        ort::Error::result_from_status(created)?;
        let registered = (api.CreateAndRegisterAllocator)(environment.ptr().cast_mut(), memory.ptr(), config);
        (api.ReleaseArenaCfg)(config);
        ort::Error::result_from_status(registered)
    }
}
