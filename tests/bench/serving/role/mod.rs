//! What this program plays for itself: what others are measured against.

mod decode;
mod empty;
mod network;
mod s3;

use std::process::ExitCode;

/// Plays `role` until standard input ends or the process is killed.
pub(crate) fn play(role: &str, words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (role, words.as_slice()) {
        ("decode", [library, file]) => decode::decode(library, file),
        ("empty", [bytes]) => empty::serve(bytes.parse().expect("a number")),
        ("network", [library, file, work, threads, spinning]) => {
            network::serve(library, file, work, threads.parse().expect("a number"), *spinning == "spinning");
        }
        ("s3", [folder]) => s3::serve(folder),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}
