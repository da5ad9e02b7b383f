//! The servers that embed texts: ours, `FastAPI` and text-embeddings-inference.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use amaas_e2e::{Function, Program};

use super::{MODEL, call, cosine, first_vector, texts};
use crate::bench_env::BenchEnv;
use crate::contestant::{Contestant, LOG, Peer, free_port};
use crate::load::Target;
use crate::report::Report;

/// Ours and all available peers, all stopped. The first answer of each has to be the vector `expected`, but for rounding.
pub(crate) async fn contestants(
    env: &BenchEnv,
    folder: &Path,
    expected: &[f32],
    report: &mut Report,
) -> Vec<Contestant> {
    let bodies: Vec<Vec<u8>> = texts().iter().map(|text| call(std::slice::from_ref(text))).collect();
    let fits = |answer: &[u8]| cosine(&first_vector(answer), expected) > MIN_COSINE;
    let ours = Contestant::of_bodies(env, function(env), &path(), &bodies).await;
    let ours = ours.answering(fits).await.unwrap_or_else(|why| panic!("amaas: {why}"));
    ours.rest();
    let mut contestants = vec![ours];
    for peer in [fastapi(env, folder, &bodies), router(env, folder, &bodies)] {
        let peer = match peer {
            Ok(peer) => peer.answering(fits).await,
            Err(why) => Err(why),
        };
        match peer {
            Ok(peer) => {
                peer.rest();
                contestants.push(peer);
            }
            Err(why) => report.note(format!("texts: a peer is left out: {why}")),
        }
    }
    contestants
}

/// Our function with the export.
pub(crate) fn function(env: &BenchEnv) -> Function {
    env.launch(Program::Pipelines, MODEL).set("AMAAS_LOG", LOG).start()
}

/// The path of our route, which the script of `FastAPI` has too.
pub(crate) fn path() -> String {
    format!("/v1/models/{MODEL}/predict")
}

/// `FastAPI`, with a process a core.
fn fastapi(env: &BenchEnv, folder: &Path, bodies: &[Vec<u8>]) -> Result<Contestant, String> {
    let (peer, port) = (Peer::FASTAPI, free_port());
    if !peer.is_there() {
        return Err("FastAPI is not installed".to_owned());
    }
    let mut command = peer.command("texts.py", port, env.cores);
    command.env("EXPORT", folder);
    let target = Target::posts((Ipv4Addr::LOCALHOST, port).into(), &path(), "", bodies);
    Contestant::started(env, peer.shown(), command, target)
}

/// The router of text-embeddings-inference with ONNX Runtime, if the environment names one. It loads the library that ours loads.
fn router(env: &BenchEnv, folder: &Path, bodies: &[Vec<u8>]) -> Result<Contestant, String> {
    let program = std::env::var_os(ROUTER).ok_or_else(|| format!("{ROUTER} names no text-embeddings-router"))?;
    let port = free_port();
    let mut command = Command::new(program);
    command.env_clear().env("ORT_DYLIB_PATH", &env.library).env("ORT_DISABLE_TELEMETRY", "1").env("RUST_LOG", "warn");
    let sockets = env.folder().join("router");
    let (port_text, metrics) = (port.to_string(), free_port().to_string());
    let words: [(&str, &OsStr); 6] = [
        ("--model-id", folder.as_os_str()),
        ("--hostname", OsStr::new("127.0.0.1")),
        ("--port", OsStr::new(&port_text)),
        ("--prometheus-port", OsStr::new(&metrics)),
        ("--uds-path", sockets.as_os_str()),
        ("--dtype", OsStr::new("float32")),
    ];
    for (option, value) in words {
        command.arg(option).arg(value);
    }
    let target = Target::posts((Ipv4Addr::LOCALHOST, port).into(), "/embed", "", bodies);
    Contestant::started(env, "text-embeddings-inference".to_owned(), command, target)
}

/// The smallest cosine of a vector and the one of ONNX Runtime alone.
const MIN_COSINE: f64 = 0.9999;
/// The variable with the path of text-embeddings-inference's router.
const ROUTER: &str = "TEXT_EMBEDDINGS_ROUTER";
