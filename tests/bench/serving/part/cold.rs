//! Cold start: from the start of a process to its first correct answer, with models in an object store on this machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use amaas_e2e::Program;
use amaas_e2e::lambda::{Lambda, LambdaApis};

use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::contestant::{Peer, free_port};
use crate::engine::Engine;
use crate::load::Target;
use crate::process::ProcessTree;
use crate::report::{Aim, Report};
use crate::spread::percentile;
use crate::workload::{Workload, agrees};

/// M, against the Python handler and against a lower bound of any loader.
pub(super) async fn cold(env: &BenchEnv, measure: &Measure, report: &mut Report, work: Workload) {
    let bytes = std::fs::read(env.file(work)).expect("the network");
    let weights = bytes.len() as f64;
    let expected = env.expected(work);
    let (mut lambda, mut http, mut python, mut floor, mut served) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut peak, mut python_peak, mut ceiling) = (Vec::new(), Vec::new(), Vec::new());
    let (peer, mut parts) = (Peer::LAMBDA, String::new());
    for _ in 0..measure.rounds {
        let started = under_lambda(env, work, &expected).await;
        lambda.push(started.took);
        peak.push(started.peak / weights);
        parts = started.parts;
        http.push(over_http(env, work, &expected).await);
        if peer.is_there() {
            let (took, most) = in_python(env, work, &expected).await;
            python.push(took);
            python_peak.push(most / weights);
        }
        let ((_, first), _) = env.network(work, Engine::Waiting);
        floor.push(copied(&bytes) + first);
        let received = received(env, work);
        ceiling.push(weights / received / 1e3);
        served.push(received + first);
    }
    let name = work.name();
    let bars = [
        ("amaas, Lambda", lambda.as_slice()),
        ("amaas, http", &http),
        (&peer.shown(), &python),
        ("fresh-page memcpy + first run", &floor),
        ("responder's ceiling + first run", &served),
    ];
    report.panel(format!("{name}, cold start"), "ms", &bars);
    report.note(format!("{name}: the responder gives {:.0} MB/s over eight connections", percentile(&ceiling, 50.0)));
    report.note(format!("{name}, the last cold start: {parts}"));
    if !python.is_empty() {
        report.ratio(
            format!("{name}, cold start: amaas / Python Lambda handler"),
            &lambda,
            &python,
            Aim::AtMost(0.125),
        );
    }
    report.ratio(
        format!("{name}, cold start: amaas / (fresh-page memcpy + first run)"),
        &lambda,
        &floor,
        Aim::AtMost(1.5),
    );
    report.ratio(
        format!("{name}, cold start: amaas / (responder's ceiling + first run)"),
        &lambda,
        &served,
        Aim::AtMost(1.5),
    );
    report.panel(
        format!("{name}, peak memory"),
        "× the weights",
        &[("amaas, Lambda", &peak), (&peer.shown(), &python_peak)],
    );
    report.claim(format!("{name}, cold start: peak memory / weights"), "×", &peak, Aim::AtMost(1.3));
}

/// L, against a session of the same file from memory, in this program.
pub(super) async fn large(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let work = Workload::Large;
    let weights = std::fs::metadata(env.file(work)).expect("the network").len() as f64;
    let expected = env.expected(work);
    let (mut ours, mut memory, mut peak) = (Vec::new(), Vec::new(), Vec::new());
    let mut parts = String::new();
    for _ in 0..measure.rounds.div_ceil(2) {
        let started = under_lambda(env, work, &expected).await;
        ours.push(started.took);
        peak.push(started.peak / weights);
        parts = started.parts;
        let begun = Instant::now();
        let _network = env.network(work, Engine::Waiting);
        memory.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    report.panel("L, cold start", "ms", &[("amaas, Lambda", &ours), (".onnx from memory", &memory)]);
    report.note(format!("L, the last cold start: {parts}"));
    report.ratio("L, cold start: amaas / .onnx from memory", &ours, &memory, Aim::AtMost(0.25));
    report.claim("L, cold start: peak memory / weights", "×", &peak, Aim::AtMost(1.3));
}

/// Ours under Lambda.
async fn under_lambda(env: &BenchEnv, work: Workload, expected: &[f32]) -> ColdStart {
    let launch = env.launch(Program::Tensor, work.model());
    let begun = Instant::now();
    let lambda = Lambda::start(launch).await;
    let headers = format!("x-api-key: {}\r\n", env.key.expose());
    let took = first(&lambda.url(), work, &headers, expected, begun).await;
    let peak = ProcessTree::of(lambda.function().pid().unsigned_abs()).peak() as f64;
    let parts = lambda.function().logs().message("loaded").await["times"].as_str().unwrap_or_default().to_owned();
    ColdStart { took, peak, parts }
}

/// A cold start of our function.
struct ColdStart {
    /// Milliseconds until the answer.
    took: f64,
    /// The peak memory in bytes.
    peak: f64,
    /// The load times, from the function's log.
    parts: String,
}

/// Milliseconds until the answer of the HTTP host.
async fn over_http(env: &BenchEnv, work: Workload, expected: &[f32]) -> f64 {
    let port = free_port();
    let launch = env.launch(Program::Tensor, work.model()).set("PORT", port.to_string());
    let begun = Instant::now();
    let headers = format!("x-api-key: {}\r\n", env.key.expose());
    let _function = launch.start();
    first(&format!("http://127.0.0.1:{port}"), work, &headers, expected, begun).await
}

/// Milliseconds until the answer, and peak memory, of the Python handler.
async fn in_python(env: &BenchEnv, work: Workload, expected: &[f32]) -> (f64, f64) {
    let (peer, (bucket, key)) = (Peer::LAMBDA, BenchEnv::object(work));
    let begun = Instant::now();
    let outside = LambdaApis::start().await;
    let mut command = Command::new(peer.python());
    command.args(["-m", "awslambdaric", "handler.handle"]).current_dir(peer.folder()).env_clear();
    command.env("AWS_LAMBDA_RUNTIME_API", outside.runtime_api().to_string()).env("ORT_DISABLE_TELEMETRY", "1");
    command.env("AWS_LAMBDA_FUNCTION_NAME", work.model()).env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024");
    command.env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST").env("BUCKET", bucket).env("KEY", key);
    command.env("THREADS", env.cores.to_string()).envs(env.credentials());
    let log = std::fs::File::create(env.folder().join("lambda.log")).expect("a log");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
    let mut process = command.spawn().expect("Python starts");
    let took = first(&outside.url(), work, "", expected, begun).await;
    let peak = ProcessTree::of(process.id()).peak() as f64;
    process.kill().expect("it runs");
    process.wait().expect("it was killed");
    (took, peak)
}

/// Calls until an answer comes, which must be right; returns milliseconds since `begun`.
async fn first(url: &str, work: Workload, headers: &str, expected: &[f32], begun: Instant) -> f64 {
    let address = url.trim_start_matches("http://").parse().expect("an address");
    let target = Target::post(address, &work.path(), headers, &work.body());
    loop {
        match target.call().await {
            Ok((200, body)) => {
                let took = begun.elapsed().as_secs_f64() * 1e3;
                assert!(agrees(&body, expected), "a wrong answer: {}", String::from_utf8_lossy(&body));
                return took;
            }
            // Nothing listens yet, or the model is not loaded yet.
            Ok((503, _)) | Err(_) => {}
            Ok((status, body)) => panic!("{status}: {}", String::from_utf8_lossy(&body)),
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "no answer in a minute");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Milliseconds for a copy of `bytes` into untouched pages.
fn copied(bytes: &[u8]) -> f64 {
    let begun = Instant::now();
    let copy = std::hint::black_box(bytes.to_vec());
    let took = begun.elapsed().as_secs_f64() * 1e3;
    drop(copy);
    took
}

/// Milliseconds to receive the bytes of `work` from the responder over eight connections, into untouched pages.
fn received(env: &BenchEnv, work: Workload) -> f64 {
    let (bucket, key) = BenchEnv::object(work);
    let size = usize::try_from(std::fs::metadata(env.file(work)).expect("the network").len()).expect("a size");
    let begun = Instant::now();
    let mut whole = vec![0_u8; size];
    std::thread::scope(|scope| {
        for (index, part) in whole.chunks_mut(size.div_ceil(8)).enumerate() {
            let from = index * size.div_ceil(8);
            let request = format!(
                "GET /{bucket}/{key} HTTP/1.1\r\nhost: s3\r\nrange: bytes={from}-{}\r\n\r\n",
                from + part.len() - 1
            );
            scope.spawn(move || {
                let mut connection = TcpStream::connect(env.responder()).expect("the responder");
                connection.write_all(request.as_bytes()).expect("it listens");
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    connection.read_exact(&mut byte).expect("a head");
                    head.extend(byte);
                }
                connection.read_exact(part).expect("the range");
            });
        }
    });
    std::hint::black_box(&whole);
    begun.elapsed().as_secs_f64() * 1e3
}
