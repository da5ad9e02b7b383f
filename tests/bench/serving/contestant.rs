//! Contestants: servers to measure, which are ours, floors and peers.

use std::any::Any;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use amaas_e2e::{Function, Program};
use amaas_wire::oip::ReadyState;

use crate::bench_env::BenchEnv;
use crate::child::RoleProcess;
use crate::load::{LoadResult, Target, load};
use crate::process::ProcessTree;
use crate::workload::{Workload, agrees, beside_the_build};

/// A running server. It is stopped (SIGSTOP) except for its turns, and ends when this is dropped.
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) tree: ProcessTree,
    /// Ends it when it is dropped.
    _process: Box<dyn Any + Send>,
}

impl Contestant {
    /// Ours: `program` serves `work`. It logs no call, as the peers do not.
    pub(crate) async fn ours(env: &BenchEnv, program: Program, work: Workload) -> Self {
        let function = env.launch(program, work.model()).set("AMAAS_LOG", LOG).start();
        let address = function.ready().await;
        Self::of("amaas", function, address, env, work).checked(&env.expected(work)).await
    }

    /// Ours: `function`, which is called with `bodies` at `path`.
    pub(crate) async fn of_bodies(env: &BenchEnv, function: Function, path: &str, bodies: &[Vec<u8>]) -> Self {
        let address = function.ready().await;
        let headers = format!("x-api-key: {}\r\n", env.key.expose());
        let target = Target::posts(address, path, &headers, bodies);
        let tree = ProcessTree::of(function.pid().unsigned_abs());
        Self { name: "amaas".to_owned(), target, tree, _process: Box::new(function) }
    }

    /// The same on a GPU; its answer is not compared yet.
    ///
    /// # Errors
    /// Why it does not get ready there.
    pub(crate) async fn on_cuda(env: &BenchEnv, program: Program, work: Workload) -> Result<Self, String> {
        let launch = env.launch(program, work.model()).set("AMAAS_LOG", LOG).set("AMAAS_EXECUTION_PROVIDERS", "cuda");
        // The folder of CUDA's libraries, if it is no system folder.
        let path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let function = launch.set("LD_LIBRARY_PATH", path).start();
        let (address, begun) = (function.address().await, Instant::now());
        let url = format!("http://{address}/v2/models/{}/ready", work.model());
        loop {
            let answer = reqwest::get(&url).await.map_err(|error| error.to_string())?;
            let ReadyState { ready, execution_provider, reason, .. } =
                answer.json().await.map_err(|error| error.to_string())?;
            match (execution_provider.as_deref(), reason) {
                (Some("cuda"), _) if ready => {
                    return Ok(Self::of("amaas on CUDA", function, address, env, work));
                }
                (provider, _) if ready => return Err(format!("it runs on {provider:?}")),
                (_, Some(reason)) if reason != "it is loading" => return Err(reason),
                _ if begun.elapsed() > STARTED => return Err("it is still loading".to_owned()),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn of(name: &str, function: Function, address: SocketAddr, env: &BenchEnv, work: Workload) -> Self {
        let headers = format!("x-api-key: {}\r\n", env.key.expose());
        let target = Target::post(address, &work.path(), &headers, &work.body());
        let tree = ProcessTree::of(function.pid().unsigned_abs());
        Self { name: name.to_owned(), target, tree, _process: Box::new(function) }
    }

    /// An axum handler whose answers have the length of those of `like`.
    pub(crate) async fn empty(like: &Self, work: Workload) -> Self {
        let (_, body) = like.target.call().await.expect("an answer");
        let mut child = RoleProcess::start("empty", &[&body.len().to_string()]);
        let address = child.line().parse().expect("an address");
        let target = Target::post(address, &work.path(), "", &work.body());
        Self { name: "empty axum handler".to_owned(), target, tree: child.tree(), _process: Box::new(child) }
    }

    /// The peer `peer` with `work`.
    ///
    /// # Errors
    /// Why it does not give the expected answer.
    pub(crate) async fn peer(env: &BenchEnv, peer: &Peer, work: Workload) -> Result<Self, String> {
        let port = free_port();
        let mut command = peer.command("serve.py", port, env.cores);
        command.env("MODEL", env.file(work)).env("NAME", work.model());
        let target = Target::post((Ipv4Addr::LOCALHOST, port).into(), &work.path(), "", &work.body());
        let expected = env.expected(work);
        Self::started(env, peer.shown(), command, target)?.answering(|body| agrees(body, &expected)).await
    }

    /// The server `name` that `command` starts; its log is in the environment's folder.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(crate) fn started(env: &BenchEnv, name: String, mut command: Command, target: Target) -> Result<Self, String> {
        let file = name.split(' ').next().unwrap_or_default();
        let log = std::fs::File::create(env.folder().join(format!("{file}.log"))).expect("a log");
        let errors = log.try_clone().expect("a log");
        let process =
            command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().map_err(|error| error.to_string())?;
        let tree = ProcessTree::of(process.id());
        Ok(Self { name, target, tree, _process: Box::new(ReapedProcess(process)) })
    }

    /// This one, once its first answer `fits`.
    ///
    /// # Errors
    /// If it gives another answer, or none for a minute.
    pub(crate) async fn answering(self, fits: impl Fn(&[u8]) -> bool) -> Result<Self, String> {
        let begun = Instant::now();
        loop {
            match self.target.call().await {
                Ok((200, body)) if fits(&body) => return Ok(self),
                Ok((200, body)) => return Err(format!("another answer: {}", String::from_utf8_lossy(&body))),
                last if begun.elapsed() > STARTED => return Err(format!("no answer, but {last:?}")),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn checked(self, expected: &[f32]) -> Self {
        let (status, body) = self.target.call().await.expect("an answer");
        let right = status == 200 && agrees(&body, expected);
        assert!(right, "{}: {status} {}", self.name, String::from_utf8_lossy(&body));
        self
    }

    /// Stops it until its turn.
    pub(crate) fn rest(&self) {
        self.tree.stop();
    }

    /// Measures it with `callers` concurrent clients for `time`.
    pub(crate) async fn turn(&self, callers: usize, time: Duration) -> LoadResult {
        self.tree.go_on();
        let loaded = load(vec![crate::load::ClientGroup::of(&self.target, callers)], time, self.tree).await;
        self.tree.stop();
        loaded
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        self.tree.kill();
    }
}

/// A killed process, which is reaped.
struct ReapedProcess(std::process::Child);

impl Drop for ReapedProcess {
    fn drop(&mut self) {
        let _ = self.0.wait();
    }
}

/// Another project's server, in Python.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// The name of its folder in `tests/bench/peers`.
    pub(crate) name: &'static str,
    /// Its package.
    package: &'static str,
    /// Whether it uses all cores from one process, and not with a process for each core.
    one_process: bool,
}

impl Peer {
    /// `FastAPI`.
    pub(crate) const FASTAPI: Self = Self { name: "fastapi", package: "fastapi", one_process: false };
    /// The HTTP servers.
    pub(crate) const SERVERS: [Self; 4] = [
        Self::FASTAPI,
        Self { name: "kserve", package: "kserve", one_process: false },
        Self { name: "litserve", package: "litserve", one_process: false },
        Self { name: "mlserver", package: "mlserver", one_process: true },
    ];
    /// The Lambda handler.
    pub(crate) const LAMBDA: Self = Self { name: "lambda", package: "awslambdaric", one_process: true };

    /// Installs those with the names `names` if they are missing; all of them if there is no name.
    pub(crate) fn install(names: &[&str]) {
        let script = folder().join("install.sh");
        // It reports packages that it could not install.
        let installed = Command::new("bash").arg(script).arg(installed()).args(names).status();
        if let Err(error) = installed {
            eprintln!("the peers cannot be installed: {error}");
        }
    }

    /// Whether it is installed.
    pub(crate) fn is_there(&self) -> bool {
        self.python().is_file()
    }

    /// Its Python.
    pub(crate) fn python(&self) -> PathBuf {
        installed().join(self.name).join("bin/python")
    }

    /// Its script's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        folder().join(self.name)
    }

    /// The command of its script `script`, for `port` of a machine with `cores` cores.
    pub(crate) fn command(&self, script: &str, port: u16, cores: usize) -> Command {
        let mut command = Command::new(self.python());
        command.arg(script).current_dir(self.folder()).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path))).env("ORT_DISABLE_TELEMETRY", "1");
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PORT", port.to_string());
        let (workers, threads) = if self.one_process { (1, cores) } else { (cores, 1) };
        command.env("WORKERS", workers.to_string()).env("THREADS", threads.to_string()).env("BATCH", BATCH);
        command
    }

    /// Its name and version.
    pub(crate) fn shown(&self) -> String {
        let script =
            format!("import importlib.metadata; print(importlib.metadata.version({:?}), end='')", self.package);
        let version = Command::new(self.python()).args(["-c", &script]).output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        format!("{} {version}", self.package)
    }
}

/// A free port.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers")
}

/// Beside the build: `target/bench-peers`.
fn installed() -> PathBuf {
    beside_the_build("bench-peers")
}

/// The batch size, equal to ours.
const BATCH: &str = "32";
/// No log line for each call.
pub(crate) const LOG: &str = "warn,amaas_serve::function=info";
const STARTED: Duration = Duration::from_mins(1);
