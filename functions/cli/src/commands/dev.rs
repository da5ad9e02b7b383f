//! `amaas dev`: object store, ledger, models, functions and a key, all in this process.

mod key;

use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amaas::env_file::Lookup;
use amaas::{Answer, Client};
use amaas_access::{Accounts, AccountsError};
use amaas_digits::Digits;
use amaas_embed::Embed;
use amaas_engine::RuntimeConfig;
use amaas_generate::Generate;
use amaas_ledger::LedgerLocation;
use amaas_local::object_store::{BUCKET, ObjectStore};
use amaas_match::Match;
use amaas_model::load::Trust;
use amaas_model::load::{LoadTimes, Slot, Source, State};
use amaas_model::publish::{Publisher, is_published, is_removed, publish, sign_aliases};
use amaas_model::task::Tasks;
use amaas_names::Names;
use amaas_sentiment::Sentiment;
use amaas_serve::Limits;
use amaas_serve::config::Origins;
use amaas_serve::host::{self, Server};
use amaas_serve::sealing::Replay;
use amaas_serve::sealing::{KeySet, Policy, Sealing, SealingError};
use amaas_serve::{Host, stop_signal};
use amaas_store::live;
use amaas_store::{ModelName, Store};

use super::publish::library;
use crate::arguments::Dev;
use crate::error::CliError;
use crate::output;
use crate::secrets::Secrets;
use crate::settings::{DevEnvironment, Settings};

pub(crate) async fn run(settings: &Settings, dev: Dev) -> Result<(), CliError> {
    let begun = Instant::now();
    let (config, limits, origins) = (RuntimeConfig::from_env()?, Limits::from_env()?, Origins::from_env()?);
    let data = settings.data();
    prepare(&data, settings.is_data_named(), &Lookup::from_env())?;
    // The port first: a second `dev` on the same data must not touch it.
    let server = Server::bind("127.0.0.1", dev.port).await.map_err(|error| {
        CliError::new(format!("cannot listen on 127.0.0.1:{}: {error}", dev.port))
            .hint("`--port 0` takes a free one; is another `amaas dev` running?")
    })?;
    let endpoint = format!("http://{}", server.address());
    let library = tokio::task::spawn_blocking(library).await.map_err(CliError::new)??;
    let objects = ObjectStore::start(&data.join("s3")).await.map_err(CliError::new)?;
    let uri = format!("s3://{BUCKET}");
    let store = Store::open(&uri, &objects.options()).await?;
    let secrets = Secrets::of(&data)?;
    // Those of an earlier version of the program.
    sign_aliases(&store, &secrets.as_publisher().signer).await?;
    publish_bundled(&store, &library, &secrets.as_publisher()).await?;

    let file = data.canonicalize().map_err(|error| CliError::file(&data, &error))?.join("ledger.sqlite");
    let (ledger_uri, location) = (format!("sqlite:{}", file.display()), LedgerLocation::Sqlite(file));
    let ledger = amaas_ledger::open(&location).await?;
    let accounts = Accounts::new(Arc::clone(&ledger), secrets.vault().clone());
    // A ledger of an earlier version of the program. Who can write it could take the key that signs it as well.
    if let Err(AccountsError::NotSigned) = accounts.load().await {
        accounts.sign().await?;
    }
    let key = key::key(&accounts, &data).await?;
    let sealing_keys = match KeySet::create(&store, &sealing_name(), secrets.vault()).await {
        // A folder of an earlier version of the program. Who can write in it could take its keys as well.
        Err(SealingError::Untagged { .. }) => KeySet::adopt(&store, &sealing_name(), secrets.vault()).await?,
        created => created?,
    };
    let signers = sealing_keys.signers();
    let environment = DevEnvironment {
        endpoint: endpoint.clone(),
        key: &key,
        store: uri,
        ledger: ledger_uri,
        s3: objects.endpoint(),
        secrets: &secrets,
        signers: &signers,
    };
    let env_file = environment.write(&data)?;

    let host = Host::new(accounts, limits);
    host.share_with(origins);
    host.journal(&location.journal(|name| std::env::var(name).ok()));
    let sealing = Sealing::new(store.clone(), sealing_name(), secrets.vault().clone(), Policy::Optional);
    host.seal(sealing.with_ledger(&ledger, Replay::Refuse));
    let (tasks, config) = (tasks(), RuntimeConfig { library: Some(library), ..config });
    let trust = Trust { publishers: vec![secrets.publisher()], least_serial: 0 };
    let source = Source::new(store, Some(secrets.vault().clone()), trust).with_ledger(&ledger);
    amaas_local::watch::look(&host, &source, &tasks, &config).await?;
    let client = Client::builder().endpoint(&endpoint).api_key(&key).signers(signers).build()?;
    tokio::spawn(amaas_local::watch::watch(host.clone(), source, tasks.clone(), config, LOOK));
    let calling = host.clone();
    let mut serving = tokio::spawn(host::serve(server, host, stop_signal()));
    let service = async {
        // Who stops it while a model is still loading does not wait for the model.
        let ended = tokio::select! {
            first = call_each(&calling, &client, &tasks) => {
                report(settings, &first, &endpoint, &env_file, begun)?;
                if dev.profile && !settings.json {
                    profile(&first)?;
                }
                serving.await
            }
            ended = &mut serving => ended,
        };
        ended.map_err(CliError::new)?.map_err(CliError::new)?;
        if settings.json { Ok(()) } else { output::line("stopped") }
    };
    tokio::select! {
        result = service => result,
        () = asked_twice() => Err(CliError::new("stopped before every call was answered")),
    }
}

/// The one set of keys that calls to all models of this host are sealed to.
fn sealing_name() -> ModelName {
    "dev".parse().expect("\"dev\" has no other characters than letters")
}

/// Makes the folder, which only this user may read, and keeps a new one out of the repository around it: it will hold keys. One that
/// was there has to be `named`, or made by an earlier `dev` of this user: a repository may bring its own, with keys that others know.
fn prepare(data: &Path, named: bool, lookup: &Lookup) -> Result<(), CliError> {
    let failed = |error: std::io::Error| CliError::file(data, &error);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let metadata = std::fs::metadata(data).map_err(failed)?;
    if metadata.mode() & 0o022 != 0 {
        return Err(CliError::usage(format!("{}: others can write this folder, which will hold keys", data.display()))
            .hint(format!("chmod go-w {}", data.display())));
    }
    let is_new = std::fs::read_dir(data).map_err(failed)?.next().is_none();
    if !is_new && !named && !lookup.is_made(data) {
        let data = data.display();
        return Err(CliError::usage(format!(
            "{data} is not of `amaas dev` of this user: it may have come with the repository"
        ))
        .hint(format!("delete it, or `--data {data}` if you trust what is in it")));
    }
    if is_new {
        // A folder with other things in it may be somebody's repository.
        std::fs::write(data.join(".gitignore"), "*\n").map_err(failed)?;
    }
    if !lookup.is_made(data) {
        // Why it cannot be recorded is told when the file is written.
        let _ = lookup.made(data);
    }
    Ok(())
}

/// Done when the process is asked a second time to stop: the calls that are under way are not waited for then.
async fn asked_twice() {
    stop_signal().await;
    stop_signal().await;
}

/// The tasks of every model that comes with the program.
pub(crate) fn tasks() -> Tasks {
    Tasks::default()
        .with::<Sentiment>()
        .with::<Names>()
        .with::<Digits>()
        .with_embedder::<Embed>()
        .with_matcher::<Match>()
        .with_generator::<Generate>()
}

/// Publishes the models that come with the program, unless they are there; then their aliases stay where they were put. Those that were
/// removed stay away.
async fn publish_bundled(store: &Store, library: &Path, publisher: &Publisher) -> Result<(), CliError> {
    let bundled = [
        amaas_sentiment::bundle,
        amaas_names::bundle,
        amaas_digits::bundle,
        amaas_embed::bundle,
        amaas_match::bundle,
        amaas_generate::bundle,
    ];
    for bundle in bundled {
        let publication = bundle(live()).map_err(CliError::new)?;
        if is_removed(store, &publication.model).await? {
            continue;
        }
        if !is_published(store, &publication, publisher).await? {
            publish(store, publication, &tasks(), library, publisher).await?;
        }
    }
    Ok(())
}

/// A model, and its first answer.
struct First {
    model: String,
    version: String,
    task: String,
    load: LoadTimes,
    /// How long the first call took, or why it failed.
    answer: Result<Duration, String>,
    example: Option<&'static str>,
}

/// Calls each model once, through the SDK, as a user would.
async fn call_each(host: &Host, client: &Client, tasks: &Tasks) -> Vec<First> {
    let mut all = Vec::new();
    for slot in host.slots() {
        all.push(call(&slot, client, tasks).await);
    }
    all
}

async fn call(slot: &Slot, client: &Client, tasks: &Tasks) -> First {
    let name = slot.name().to_string();
    let model = match slot.settled().await {
        State::Ready(model) => model,
        State::Failed(reason) => return First::failed(name, reason),
        _ => return First::failed(name, "it is still loading".to_owned()),
    };
    let example = tasks.example(model.task_name());
    let begun = Instant::now();
    let answered = match example.and_then(|example| serde_json::from_str::<serde_json::Value>(example).ok()) {
        Some(input) => client.model(&name).predict(&input).await.map(|_: Answer<serde_json::Value>| ()),
        // Nothing is known of what the values mean, so the call is one for the tensors' names and shapes.
        None => client.model(&name).metadata().await.map(drop),
    };
    let answer = answered.map(|()| begun.elapsed()).map_err(|error| error.to_string());
    let (version, task) = (model.version().to_string(), model.task_name().to_owned());
    First { model: name, version, task, load: model.times(), answer, example }
}

impl First {
    fn failed(model: String, reason: String) -> Self {
        let (version, task) = (String::new(), String::new());
        Self { model, version, task, load: LoadTimes::default(), answer: Err(reason), example: None }
    }
}

fn report(
    settings: &Settings,
    first: &[First],
    endpoint: &str,
    env_file: &Path,
    begun: Instant,
) -> Result<(), CliError> {
    if settings.json {
        let models = first.iter().map(|first| {
            serde_json::json!({
                "model": first.model,
                "version": first.version,
                "task": first.task,
                "load_ms": first.load.total.as_secs_f64() * 1e3,
                "load": parts(&first.load).map(|(part, took, _)| (part, took.as_secs_f64() * 1e3)).into_iter().collect::<BTreeMap<_, _>>(),
                "first_answer_ms": first.answer.as_ref().ok().map(|took| took.as_secs_f64() * 1e3),
                "error": first.answer.as_ref().err(),
            })
        });
        let models: Vec<_> = models.collect();
        return output::json(&serde_json::json!({ "endpoint": endpoint, "env": env_file, "models": models }));
    }
    let rows = first.iter().map(|first| {
        let answer =
            first.answer.as_ref().map_or_else(|reason| format!("failed: {reason}"), |took| milliseconds(*took));
        let example = first.example.unwrap_or("POST /v2/models/…/infer").to_owned();
        [
            first.model.clone(),
            first.version.clone(),
            first.task.clone(),
            milliseconds(first.load.total),
            answer,
            example,
        ]
    });
    output::line(format_args!(
        "{}\n",
        output::table(["MODEL", "VERSION", "TASK", "LOAD MS", "FIRST ANSWER MS", "EXAMPLE"], rows)
    ))?;
    output::line(format_args!(
        "listening on {endpoint} after {} ms; endpoint and key are in {}\n",
        begun.elapsed().as_millis(),
        env_file.display()
    ))?;
    // The shortest is the one that a person may want to change.
    let examples = first.iter().filter_map(|first| Some((first, first.example?)));
    if let Some((first, example)) = examples.min_by_key(|(_, example)| example.len()) {
        let env = env_file.display();
        output::line(format_args!("  . {env}; curl -s $AMAAS_ENDPOINT/v1/models/{}/predict \\", first.model))?;
        output::line(r#"    -H "Authorization: Bearer $AMAAS_API_KEY" -H 'Content-Type: application/json' \"#)?;
        output::line(format_args!("    -d '{{\"inputs\":[{example}]}}'\n"))?;
        let data = settings.data_argument();
        output::line(format_args!("  {}{data} predict {} {example}\n", program(), first.model))?;
    }
    output::line("Ctrl-C stops. `AMAAS_LOG=info` shows every call.")
}

/// Where the time of each load went.
fn profile(first: &[First]) -> Result<(), CliError> {
    let heads = ["MODEL", "RUNTIME MS", "MANIFEST", "FETCH", "SESSION", "CHECK", "WARM-UP", "TOTAL"];
    let rows = first.iter().map(|first| {
        let [runtime, manifest, fetch, session, check, warm_up, total] =
            parts(&first.load).map(|(_, took, _)| milliseconds(took));
        [first.model.clone(), runtime, manifest, fetch, session, check, warm_up, total]
    });
    output::line(format_args!("\n{}\n", output::table(heads, rows)))?;
    for (part, _, what) in parts(&LoadTimes::default()) {
        output::line(format_args!("  {part:<9}{what}"))?;
    }
    Ok(())
}

/// The parts of a load, and what each is.
fn parts(times: &LoadTimes) -> [(&'static str, Duration, &'static str); 7] {
    [
        ("runtime", times.runtime, "ONNX Runtime is loaded and started, once a process, while the first blobs travel"),
        ("manifest", times.manifest, "alias and manifest are fetched, and the signature is verified"),
        ("fetch", times.fetch, "blobs are fetched, verified and opened"),
        ("session", times.session, "ONNX Runtime makes a session of the network"),
        ("check", times.check, "golden cases are run"),
        ("warm-up", times.warm_up, "a run on made-up values, where there are no golden cases"),
        ("total", times.total, "all of it; parts that overlap are counted once"),
    ]
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}

/// How this program was called, so that a line can be pasted.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    if called.contains('/') { called } else { "amaas".to_owned() }
}

/// How often the store is looked at for new models and moved aliases.
const LOOK: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_of_somebody_else_is_not_taken() {
        let (root, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let lookup = Lookup::in_folders(None, Some(state.path()));
        let data = root.path().join(".amaas");
        let refused = |named| prepare(&data, named, &lookup).err().map(|failure| format!("{failure:?}"));

        assert_eq!(refused(false), None);
        assert_eq!(std::fs::metadata(&data).expect("it is there").mode() & 0o777, 0o700);
        assert!(data.join(".gitignore").is_file());
        assert_eq!(refused(false), None, "it is of the first time");
        let strangers = Lookup::in_folders(None, Some(root.path()));
        let failure = format!("{:?}", prepare(&data, false, &strangers).err());
        assert!(failure.contains("may have come with the repository"), "{failure}");
        assert!(prepare(&data, true, &strangers).is_ok(), "it was named");
        std::fs::set_permissions(&data, PermissionsExt::from_mode(0o775)).expect("a mode");
        assert!(refused(true).is_some_and(|failure| failure.contains("others can write")));
    }
}
