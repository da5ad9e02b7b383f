//! A server, and two tenants that call it: the attacker and the bystander.

use std::future::Future;
use std::io::Write;
use std::time::Duration;

use amaas::ApiKey;
use amaas_access::KeyTerms;
use amaas_e2e::{Function, Program, TestEnv};
use amaas_model::publish::Publication;
use amaas_model::task::Tasks;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use reqwest::{Client, Response};

use crate::Seen;
use crate::bystander::{Latencies, call_until};
use crate::memory::{forget_peak, peak_mib, resident_mib};

/// A server of one model.
pub(crate) struct Scene {
    _env: TestEnv,
    function: Function,
    /// Its base URL.
    pub(crate) endpoint: String,
    attacker: ApiKey,
    bystander: ApiKey,
    client: Client,
}

impl Scene {
    /// `program` with `publication`, which has one of `tasks`.
    pub(crate) async fn start(program: Program, publication: Publication, tasks: &Tasks) -> Self {
        let env = TestEnv::start().await;
        let model = publication.model.to_string();
        env.publish_with(publication, tasks).await;
        let accounts = env.accounts().await;
        let [attacker, bystander] = ["attacker", "bystander"]
            .map(|tenant| (ApiKey::generate("bench").expect("random"), KeyTerms::of(tenant.parse().expect("a name"))));
        for (key, terms) in [&attacker, &bystander] {
            accounts.add_key(key, terms.clone()).await.expect("kept");
        }
        let function = env.launch(program, &model).await.start();
        function.ready().await;
        let endpoint = function.endpoint().await;
        let (attacker, bystander, client) = (attacker.0, bystander.0, Client::new());
        Self { _env: env, function, endpoint, attacker, bystander, client }
    }

    /// Sends `body`, gzip, to `path` as the attacker does; nothing where the server hangs up.
    pub(crate) async fn attack(&self, path: &str, body: &[u8]) -> Option<Response> {
        let request = self.client.post(format!("{}{path}", self.endpoint)).bearer_auth(self.attacker.expose());
        let request = request.header("content-type", "application/json").header("content-encoding", "gzip");
        request.body(body.to_vec()).send().await.ok()
    }

    /// Sends `body` to `path` as the bystander does, once: as the SDK, which names each of its calls. It has to be answered.
    pub(crate) async fn call(&self, path: &str, body: &serde_json::Value) {
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("random");
        let id = format!("{:032x}", u128::from_be_bytes(id));
        let request = self.client.post(format!("{}{path}", self.endpoint)).bearer_auth(self.bystander.expose());
        let answer = request.header("idempotency-key", id).json(body).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("all of it");
        assert!(status.is_success(), "the bystander got {status}: {text}");
    }

    /// What the bystander's `call` notices of `attackers` that each do `attack` again and again for [`LASTS`].
    pub(crate) async fn measure<C, A>(
        &self,
        call: impl Fn() -> C,
        (attackers, attack): (usize, impl Fn() -> A),
        bound_mib: u64,
    ) -> Seen
    where
        C: Future<Output = ()>,
        A: Future<Output = ()>,
    {
        for _ in 0..20 {
            call().await;
        }
        let mut quiet = call_until(&call, tokio::time::sleep(LASTS / 2)).await;
        let before_mib = resident_mib(self.function.pid());
        forget_peak(self.function.pid());
        let attacks = (0..attackers).map(|_| async {
            loop {
                attack().await;
            }
        });
        let attacked = tokio::select! {
            attacked = call_until(&call, tokio::time::sleep(LASTS)) => attacked,
            _ = join_all(attacks) => unreachable!("attackers do not stop"),
        };
        let peak_mib = peak_mib(self.function.pid());
        // What was under way has ended, or nobody waits for it.
        tokio::time::sleep(Duration::from_secs(1)).await;
        quiet.extend(call_until(&call, tokio::time::sleep(LASTS / 2)).await);
        let (quiet, attacked) = (Latencies::of(quiet), Latencies::of(attacked));
        Seen { quiet, attacked, before_mib, peak_mib, bound_mib }
    }
}

/// `body` as it is sent.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory")
}

/// Runs an attack in a runtime of its own.
pub(crate) fn run(attack: impl Future<Output = Seen>) -> Seen {
    tokio::runtime::Runtime::new().expect("threads").block_on(attack)
}

/// For how long there are attacks.
const LASTS: Duration = Duration::from_secs(8);
