//! The thread that owns a network.

use std::panic::{AssertUnwindSafe, catch_unwind};

use amaas_wire::Tensor;

use super::queue::{Entry, Queue};
use super::{Network, RunError, batch};

/// Runs what is queued until the queue is closed and empty.
pub(super) fn work(queue: &Queue, mut network: impl Network) {
    while let Some(mut entries) = queue.take() {
        for entry in &mut entries {
            drop(entry.permit.split(entry.permit.num_permits()));
        }
        run(&mut network, entries);
    }
}

/// Runs `entries` together. Where that fails each half is run again, so that only the call at fault gets its error.
fn run(network: &mut impl Network, mut entries: Vec<Entry>) {
    if entries.len() == 1 {
        let entry = entries.remove(0);
        let answer = guarded(network, entry.call.tensors());
        // Whoever hung up wants no answer.
        let _ = entry.reply.send(answer);
        return;
    }
    if let Some(answers) = run_joined(network, &entries) {
        for (entry, answer) in entries.into_iter().zip(answers) {
            let _ = entry.reply.send(Ok(answer));
        }
        return;
    }
    let second = entries.split_off(entries.len() / 2);
    run(network, entries);
    run(network, second);
}

fn run_joined(network: &mut impl Network, entries: &[Entry]) -> Option<Vec<Vec<Tensor>>> {
    let calls: Vec<_> = entries.iter().map(|entry| entry.call.tensors()).collect();
    let rows: Vec<_> = entries.iter().map(|entry| entry.call.rows()).collect();
    let inputs = batch::join(&calls).ok()?;
    let outputs = guarded(network, &inputs).ok()?;
    batch::split(&outputs, &rows)
}

/// A panic ends one run, not the thread that every later call needs.
fn guarded(network: &mut impl Network, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
    catch_unwind(AssertUnwindSafe(|| network.run(inputs)))
        .unwrap_or_else(|_| Err(RunError::Failed("the run panicked".to_owned())))
}
