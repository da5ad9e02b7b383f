//! Tests that need something that is not there.

use std::io::Write;

/// Says on standard error why a test is skipped: written past the test harness, which shows nothing of a test that
/// passes.
pub fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    // Whoever closed standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}
