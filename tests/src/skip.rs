//! Skips tests whose requirements are missing.

use std::io::Write;

/// Reports on standard error why a test is skipped, past the test harness, which hides the output of a passing test.
pub fn skip(why: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    // If standard error is closed, the report is lost.
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}
