//! Keeps the memory of the process, which holds unwrapped keys and payloads, out of files and from other processes.

/// Turns core dumps off (`RLIMIT_CORE`) and, on Linux, makes the process not dumpable (`PR_SET_DUMPABLE`): a crash leaves no core, also
/// where `core_pattern` is a pipe, for which the limit does not count, and no process without `CAP_SYS_PTRACE` can attach a debugger or
/// read `/proc/PID/mem`. Call it in `main` after [`quiet`](super::quiet): the start of a program makes it dumpable again.
///
/// It is not undone: to look into a crash, run the program as root under a debugger. What the system refuses is no reason to stop, and is
/// logged.
pub fn private() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core dumps cannot be turned off");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "the process stays readable for debuggers of the same user");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit, set_dumpable_behavior};

    #[test]
    fn the_process_leaves_no_core_and_is_closed_to_debuggers() {
        super::private();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert_eq!(dumpable_behavior().expect("Linux says it"), DumpableBehavior::NotDumpable);
        // The other tests of this process go on as they were.
        set_dumpable_behavior(DumpableBehavior::Dumpable).expect("as before");
    }
}
