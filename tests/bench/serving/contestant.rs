//! Whoever answers calls: ours, floors and peers.

use std::any::Any;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use amaas_e2e::{Function, Program};
use amaas_wire::oip::ReadyState;

use crate::child::Child;
use crate::load::{Loaded, Target, load};
use crate::place::Place;
use crate::process::Tree;
use crate::work::{Work, agrees};

/// A running server. It is stopped but for its turns, and ends when this is dropped.
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) tree: Tree,
    /// What ends it when it is dropped.
    _process: Box<dyn Any + Send>,
}

impl Contestant {
    /// Ours: `program` serves `work`. It logs no call, as the peers do not.
    pub(crate) async fn ours(place: &Place, program: Program, work: Work) -> Self {
        let function = place.launch(program, work.model()).set("AMAAS_LOG", LOG).start();
        let address = function.ready().await;
        Self::of("amaas", function, address, place, work).checked(&place.expected(work)).await
    }

    /// The same on a GPU; its answer is not compared yet.
    ///
    /// # Errors
    /// Why it does not get ready there.
    pub(crate) async fn on_cuda(place: &Place, program: Program, work: Work) -> Result<Self, String> {
        let launch = place.launch(program, work.model()).set("AMAAS_LOG", LOG).set("AMAAS_EXECUTION_PROVIDERS", "cuda");
        // Where the libraries of CUDA are, if not in the system's own folders.
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
                    return Ok(Self::of("amaas on CUDA", function, address, place, work));
                }
                (provider, _) if ready => return Err(format!("it runs on {provider:?}")),
                (_, Some(reason)) if reason != "it is loading" => return Err(reason),
                _ if begun.elapsed() > STARTED => return Err("it is still loading".to_owned()),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn of(name: &str, function: Function, address: SocketAddr, place: &Place, work: Work) -> Self {
        let headers = format!("x-api-key: {}\r\n", place.key.expose());
        let target = Target::post(address, &work.path(), &headers, &work.body());
        let tree = Tree::of(function.pid().unsigned_abs());
        Self { name: name.to_owned(), target, tree, _process: Box::new(function) }
    }

    /// An axum handler that answers with as many bytes as `like` does.
    pub(crate) async fn empty(like: &Self, work: Work) -> Self {
        let (_, body) = like.target.call().await.expect("an answer");
        let mut child = Child::start("empty", &[&body.len().to_string()]);
        let address = child.line().parse().expect("an address");
        let target = Target::post(address, &work.path(), "", &work.body());
        Self { name: "empty axum handler".to_owned(), target, tree: child.tree(), _process: Box::new(child) }
    }

    /// The peer `peer` with `work`.
    ///
    /// # Errors
    /// Why it does not answer as it should.
    pub(crate) async fn peer(place: &Place, peer: &Peer, work: Work) -> Result<Self, String> {
        let port = free_port();
        let log = std::fs::File::create(place.folder().join(format!("{}.log", peer.name))).expect("a log");
        let errors = log.try_clone().expect("a log");
        let mut command = Command::new(peer.python());
        command.arg("serve.py").current_dir(peer.folder()).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path))).env("ORT_DISABLE_TELEMETRY", "1");
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("MODEL", place.file(work)).env("NAME", work.model()).env("PORT", port.to_string());
        let (workers, threads) = if peer.one_process { (1, place.cores) } else { (place.cores, 1) };
        command.env("WORKERS", workers.to_string()).env("THREADS", threads.to_string()).env("BATCH", BATCH);
        let process =
            command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().map_err(|error| error.to_string())?;
        let target = Target::post((Ipv4Addr::LOCALHOST, port).into(), &work.path(), "", &work.body());
        let tree = Tree::of(process.id());
        let contestant = Self { name: peer.shown(), target, tree, _process: Box::new(Reaped(process)) };
        let (expected, begun) = (place.expected(work), Instant::now());
        loop {
            match contestant.target.call().await {
                Ok((200, body)) if agrees(&body, &expected) => return Ok(contestant),
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

    /// Lets it stand aside until its turn.
    pub(crate) fn rest(&self) {
        self.tree.stop();
    }

    /// Its turn: `callers` callers for `time`.
    pub(crate) async fn turn(&self, callers: usize, time: Duration) -> Loaded {
        self.tree.go_on();
        let loaded = load(vec![crate::load::Group::of(&self.target, callers)], time, self.tree).await;
        self.tree.stop();
        loaded
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        self.tree.kill();
    }
}

/// A process that was killed, and is not to stay as a zombie.
struct Reaped(std::process::Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.wait();
    }
}

/// A server of others, in Python.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Of its folder in `tests/bench/peers`.
    pub(crate) name: &'static str,
    /// Its package.
    package: &'static str,
    /// Whether it uses all cores from one process, and not from a process a core.
    one_process: bool,
}

impl Peer {
    /// Those that serve over HTTP.
    pub(crate) const SERVERS: [Self; 4] = [
        Self { name: "fastapi", package: "fastapi", one_process: false },
        Self { name: "kserve", package: "kserve", one_process: false },
        Self { name: "litserve", package: "litserve", one_process: false },
        Self { name: "mlserver", package: "mlserver", one_process: true },
    ];
    /// The Lambda handler.
    pub(crate) const LAMBDA: Self = Self { name: "lambda", package: "awslambdaric", one_process: true };

    /// Installs all of them where they are not there yet.
    pub(crate) fn install() {
        let script = folder().join("install.sh");
        // It tells what it could not install.
        let installed = Command::new("bash").arg(script).arg(installed()).status();
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

    /// Its name and version.
    pub(crate) fn shown(&self) -> String {
        let script =
            format!("import importlib.metadata; print(importlib.metadata.version({:?}), end='')", self.package);
        let version = Command::new(self.python()).args(["-c", &script]).output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        format!("{} {version}", self.package)
    }
}

/// A port that nobody has now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers")
}

/// Beside the build: `target/bench-peers`.
fn installed() -> PathBuf {
    let program = std::env::current_exe().expect("a process knows its program");
    // target/<profile>/deps/serving-<hash>
    program.ancestors().nth(3).expect("benchmarks lie in target/<profile>/deps").join("bench-peers")
}

/// Rows of different calls that share a run, as many as ours takes.
const BATCH: &str = "32";
/// No line for each call.
const LOG: &str = "warn,amaas_serve::function=info";
const STARTED: Duration = Duration::from_mins(1);
