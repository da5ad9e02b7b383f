//! The effect of attacks on a bystander's latency and on the server's memory: `cargo bench -p amaas-e2e --bench attacks`, or in the test
//! profile `cargo test -p amaas-e2e --bench attacks`. `-- --only NAME` runs one attack.
//!
//! Each attack is bounded in time and number, and goes from this process to its own server on loopback. The bystander calls the same
//! server before, during and after it. The run fails if the 99th percentile of the bystander's latencies during the attack is more than
//! three times the one without it, or if the server's peak memory exceeds the attack's bound.
#![allow(clippy::print_stdout)]

mod bystander;
mod echo_server;
mod h1;
mod h2;
mod h3;
mod h4;
mod m10;
mod m12;
mod m4_loop;
mod m5_expand;
mod m6;
mod memory;
mod tenants;

use std::process::ExitCode;
use std::time::Duration;

use self::bystander::Latencies;

/// The result of an attack.
struct AttackResult {
    /// The bystander's latencies without the attack, before and after it.
    quiet: Latencies,
    /// The bystander's latencies during the attack.
    attacked: Latencies,
    /// The server's resident memory before the attack, in MiB.
    before_mib: u64,
    /// Its peak during the attack.
    peak_mib: u64,
    /// The most that the attack may raise it.
    bound_mib: u64,
}

impl AttackResult {
    /// Whether the bounds hold.
    fn holds(&self) -> bool {
        let bound = (self.quiet.p99() * MAX_SLOWDOWN).max(NOISE);
        self.attacked.p99() <= bound && self.peak_mib.saturating_sub(self.before_mib) <= self.bound_mib
    }
}

/// An attack: its name and its function.
type Attack = (&'static str, fn() -> AttackResult);

/// The attacks, one for each file.
const ATTACKS: &[Attack] = &[
    ("h1", h1::run),
    ("h2", h2::long_stops),
    ("h3", h3::packed_images),
    ("h4", h4::run),
    ("m4", m4_loop::attack),
    ("m5", m5_expand::attack),
    ("m6", m6::run),
    ("m10", m10::long_texts),
    ("m12", m12::run),
];

/// The factor by which the bystander's 99th percentile may rise.
const MAX_SLOWDOWN: u32 = 3;
/// Below this, latencies are noise on a machine of two cores that the attacker shares.
const NOISE: Duration = Duration::from_millis(60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let only = match &arguments[..] {
        [] => None,
        [flag, name] if flag == "--only" => Some(name.as_str()),
        _ => panic!("expected nothing or --only NAME, got {arguments:?}"),
    };
    let chosen: Vec<_> = ATTACKS.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    assert!(only.is_none() || !chosen.is_empty(), "there is no attack {only:?}");
    println!("| attack | p99 quiet, ms | p99 attacked, ms | calls | memory before, MiB | peak, MiB | bound | holds |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let (mut passed, mut failed) = (0, 0);
    for (name, attack) in chosen {
        let seen = attack();
        *if seen.holds() { &mut passed } else { &mut failed } += 1;
        println!(
            "| {name} | {:.1} | {:.1} | {} | {} | {} | +{} | {} |",
            seen.quiet.p99().as_secs_f64() * 1e3,
            seen.attacked.p99().as_secs_f64() * 1e3,
            seen.attacked.count(),
            seen.before_mib,
            seen.peak_mib,
            seen.bound_mib,
            if seen.holds() { "yes" } else { "NO" },
        );
    }
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
