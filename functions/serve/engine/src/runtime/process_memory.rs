//! Protects the process's memory, which holds unwrapped keys and payloads, from core dumps and debuggers.

/// Disables core dumps (`RLIMIT_CORE`) and, on Linux, makes the process not dumpable (`PR_SET_DUMPABLE`). A crash
/// leaves no core, even if `core_pattern` is a pipe, to which the limit does not apply. No process without
/// `CAP_SYS_PTRACE` can attach a debugger or read `/proc/PID/mem`. Call it in `main` after
/// [`disable_telemetry_or_reexec`](super::disable_telemetry_or_reexec): starting a program makes it dumpable again.
///
/// It cannot be undone: to examine a crash, run the program as root under a debugger. A refusal of the system is
/// logged, and does not stop the process.
pub fn protect_process_memory() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "cannot disable core dumps");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "process memory stays readable for debuggers of the same user");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit, set_dumpable_behavior};

    #[test]
    fn the_process_leaves_no_core_and_is_closed_to_debuggers() {
        super::protect_process_memory();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert_eq!(dumpable_behavior().expect("Linux says it"), DumpableBehavior::NotDumpable);
        // Restore the state for the other tests of this process.
        set_dumpable_behavior(DumpableBehavior::Dumpable).expect("as before");
    }
}
