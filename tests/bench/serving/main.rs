//! The cost of serving, beside peers and floors that are measured in the same run.
//!
//! ```text
//! cargo bench --profile dist -p amaas-e2e --bench serving                          # everything; writes tests/bench/results/
//! cargo bench --profile dist -p amaas-e2e --bench serving -- --only overhead,tail  # some parts; prints only
//! cargo bench --profile dist -p amaas-e2e --bench serving -- --only gpu            # on a machine with a GPU; no part of the others
//! cargo bench --profile dist -p amaas-e2e --bench serving -- --smoke               # under a minute, no peers; fails on a gross regression
//! ```
//!
//! Contestants are separate processes, and only the one that is measured runs: the others are stopped. They take turns in rounds, so that
//! other load of the machine affects all of them; a ratio is taken within a round. The object store and the floors are this program again,
//! in other roles.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::cast_precision_loss)]

mod arguments;
mod bench_env;
mod child;
mod contestant;
mod engine;
mod load;
mod part;
mod plot;
mod process;
mod report;
mod role;
mod spread;
mod synthetic;
mod texts;
mod workload;

use std::process::ExitCode;

use arguments::{Arguments, Role};

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    match arguments {
        Arguments::Role(Role { name, words }) => role::play(&name, &words),
        Arguments::Measure(measure) => part::measure(&measure),
    }
}
