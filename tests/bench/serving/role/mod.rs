//! The roles of this program: floors and helpers.

mod decode;
mod empty;
mod network;
mod s3;
mod texts;

use std::io::Read;
use std::process::ExitCode;

use crate::engine::Engine;

/// Plays `role` until standard input ends or the process is killed.
pub(crate) fn play(role: &str, words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (role, words.as_slice()) {
        ("decode", [library, file]) => decode::decode(library, file),
        ("empty", [bytes]) => {
            end_with_input();
            empty::serve(bytes.parse().expect("a number"));
        }
        ("network", [library, file, work, threads, engine]) => {
            let engine = Engine::named(engine).expect("an engine's name");
            network::serve(library, file, work, threads.parse().expect("a number"), engine);
        }
        ("s3", [folder]) => {
            end_with_input();
            s3::serve(folder);
        }
        ("texts", [library, folder, threads]) => {
            texts::serve(library, folder, threads.parse().expect("a number"));
        }
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// Ends the process at the end of standard input, which comes when its parent was killed.
fn end_with_input() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}
