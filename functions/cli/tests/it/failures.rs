//! Error output: the reason, a remedy, and an exit code.

use amaas::testing::{ScriptedReply, TestServer};
use amaas_env::EnvFileLookup;
use amaas_store::vault::FileKey;

use crate::program::{STATE, amaas, command, text};

fn failed(arguments: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("text.onnx"), "not a network").expect("written");
    let output = amaas(folder.path(), arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn without_a_service_the_remedy_is_named() {
    for arguments in [
        &["models"][..],
        &["predict", "m", "x"],
        &["usage"],
        &["usage", "--all-tenants"],
        &["keys", "create"],
        &["keys", "list"],
        &["keys", "signer", "m"],
        &["tenants", "list"],
        &["prices", "list"],
    ] {
        let (code, error) = failed(arguments);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("amaas dev"), "{error}");
    }
}

#[test]
fn wrong_arguments_are_named() {
    let (code, error) = failed(&["publish", "x.onnx", "--name", "a/b"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("a name is 1 to 64 characters"), "{error}");
    let (code, error) = failed(&["publish", "missing.onnx", "--name", "x", "--store", "./store"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("missing.onnx: No such file"), "{error}");
}

#[test]
fn wrong_variables_are_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, value) in [("AMAAS_EXECUTION_PROVIDERS", "gpu"), ("AMAAS_MAX_ROWS", "0")] {
        let output = command(folder.path(), &["dev", "--port", "0"]).env(name, value).output().expect("run");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(&format!("{name}: expected")), "{error}");
    }
}

#[test]
fn files_that_are_no_networks_are_not_published() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    std::fs::write(here.join("text.onnx"), "not a network").expect("written");
    let publish = ["publish", "text.onnx", "--name", "x", "--store", "./store"];
    let run = |more: &[&str]| {
        let output = amaas(here, &[&publish, more].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // Nothing is published unsigned; unsealed publishing must be explicit.
    let (code, error) = run(&[]);
    assert_eq!(code, Some(2));
    assert!(error.contains("no key to sign with"), "{error}");
    let made = text(here, &["signer", "--create", "--signing-key", "signer.pem"]);
    assert_eq!(text(here, &["signer", "--signing-key", "signer.pem"]), made);
    let (code, error) = run(&["--signing-key", "signer.pem"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("no key to seal with"), "{error}");
    let (code, error) = run(&["--signing-key", "signer.pem", "--unsealed"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("not an ONNX file"), "{error}");
}

/// `y = x + Σ c`, FP32 `[1]`, where `c` has 240 Mi ones that are in no file. Written by onnx 1.23 for Python.
const GIGABYTES: &str = "080912003a9b010a310a016e120163220f436f6e7374616e744f6653686170652a180a0576616c75652a0c0801100122040000803f4200\
    a001040a0e0a01780a016312017422034164640a220a0174120179220952656475636553756d2a0f0a086b65657064696d731801a001021201672a0d080110073a\
    048080807842016e5a0f0a0178120a0a08080112040a020801620f0a0179120a0a08080112040a02080142040a001011";
/// `y = x`, FP32 `[1]`, after a loop of 2^62 rounds. Written by the same.
const ENDLESS: &str = "080912003ac8010a8e010a016e0a000a017812017922044c6f6f702a7b0a04626f647932700a100a016712016822084964656e746974790a\
    100a017312017422084964656e746974791201625a0b0a016912060a04080712005a0b0a016712060a04080912005a0f0a0173120a0a08080112040a020801620b\
    0a016812060a0408091200620f0a0174120a0a08080112040a020801a001051201672a1010073a0980808080808080804042016e5a0f0a0178120a0a0808011204\
    0a020801620f0a0179120a0a08080112040a02080142040a001011";

/// `y = x`, FP32 `[n, 4]`. Written by the same.
const IDENTITY: &str = "08093a410a100a017812017922084964656e746974791201675a140a0178120f0a0d080112090a0312016e0a02080462140a0179120f0a\
    0d080112090a0312016e0a02080442040a001014";

#[test]
fn a_task_that_cannot_be_checked_is_not_published_without_a_word_of_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let network: Result<Vec<u8>, _> =
        (0..IDENTITY.len()).step_by(2).map(|at| u8::from_str_radix(&IDENTITY[at..at + 2], 16)).collect();
    std::fs::write(here.join("x.onnx"), network.expect("digits")).expect("written");
    std::fs::write(here.join("words.txt"), "a\nfilm\n").expect("written");
    text(here, &["signer", "--create", "--signing-key", "signer.pem"]);
    for (more, code, expected) in [
        (
            &["--task", "sentimant"][..],
            1,
            &["no task \"sentimant\"", "it has: audio-classification, ", "try: --task sentiment"][..],
        ),
        (&["--task", ""], 2, &["a value is required for '--task <TASK>' but none was supplied"]),
        (&["--task", "", "--unchecked-task"], 2, &["a value is required for '--task <TASK>'"]),
        (&["--task", "topics"], 1, &["no task \"topics\"", "try: --unchecked-task"]),
        (&["--task", "topics", "--unchecked-task"], 0, &["warning: this program has no task \"topics\""]),
        (&["--unchecked-task"], 2, &["--task"]),
        (
            // The program has this task, whatever the arguments are.
            &["--task", "sentiment", "--asset", "words.txt", "--unchecked-task"],
            1,
            &[
                "task: \"sentiment\" cannot run this network",
                "The network takes \"x\" FP32 [n, 4] and gives \"y\" FP32 [n, 4]",
            ],
        ),
    ] {
        let publish =
            ["publish", "x.onnx", "--name", "x", "--store", "./store", "--signing-key", "signer.pem", "--unsealed"];
        let output = amaas(here, &[&publish, more].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{told}");
        for expected in expected {
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert!(!String::from_utf8_lossy(&output.stdout).contains("warning"), "warnings are for standard error");
    }
}

#[test]
fn networks_that_no_host_should_have_are_not_published() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let bytes = |hex: &str| (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16)).collect();
    text(here, &["signer", "--create", "--signing-key", "signer.pem"]);
    let publish = |network: &str, variables: &[(&str, &str)]| {
        let bytes: Result<Vec<u8>, _> = bytes(network);
        std::fs::write(here.join("x.onnx"), bytes.expect("digits")).expect("written");
        let arguments =
            ["publish", "x.onnx", "--name", "x", "--store", "./store", "--signing-key", "signer.pem", "--unsealed"];
        let output = command(here, &arguments).envs(variables.iter().copied()).output().expect("run");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let bounded = [("AMAAS_MAX_RUN_BYTES", "100000000")];
    for (network, variables, expected) in [
        (
            GIGABYTES,
            &[][..],
            "the network needs too much memory for files of its size: expected at most 536872256 bytes",
        ),
        (GIGABYTES, &bounded, "the network's trial run failed: operator ConstantOfShape"),
        (ENDLESS, &[("AMAAS_MAX_RUN_SECONDS", "1")], "the run was ended after 1 s"),
        (ENDLESS, &[("AMAAS_MAX_RUN_SECONDS", "x")], "AMAAS_MAX_RUN_SECONDS: expected a number from 1 up"),
    ] {
        let (code, error) = publish(network, variables);
        assert!(code.is_some_and(|code| code != 0) && error.contains(expected), "{code:?}: {error}");
    }
    // A user who means it names the flag.
    let (code, error) = publish(GIGABYTES, &[("AMAAS_MAX_SESSION_BYTES", "4000000000")]);
    assert_eq!(code, Some(0), "{error}");
}

#[test]
fn a_flag_wins_over_the_environment() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let run = |arguments: &[&str]| {
        let mut command = command(here, arguments);
        // Neither of the two responds.
        command.env("AMAAS_STORE", "./exported").env("AMAAS_DATA", "exported");
        command.env("AMAAS_LEDGER", "sqlite:exported.sqlite").env("AMAAS_KMS_KEY", "file:exported.key");
        command.env("AMAAS_ENDPOINT", "http://127.0.0.1:1").env("AMAAS_API_KEY", "none");
        let output = command.output().expect("run");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for command in [&["models"][..], &["predict", "m", "x"], &["keys", "list"], &["keys", "signer", "m"]] {
        let (code, error) = run(&[&["--data", "flagged"], command].concat());
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("there is no flagged/env"), "{error}");
    }
    for name in ["exported.key", "flagged.key"] {
        FileKey::create(&here.join(name)).expect("written");
    }
    let flagged =
        ["keys", "create", "--data", "flagged", "--ledger", "sqlite:flagged.sqlite", "--kms-key", "file:flagged.key"];
    assert_eq!(run(&flagged).0, Some(0));
    assert!(here.join("flagged.sqlite").is_file() && !here.join("exported.sqlite").exists());
    assert_eq!(run(&["keys", "create"]).0, Some(0));
    assert!(here.join("exported.sqlite").is_file());
}

#[test]
fn the_key_of_dev_is_for_the_ledger_of_dev() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join(".amaas");
    std::fs::create_dir(&data).expect("made");
    FileKey::create(&data.join("kms.key")).expect("written");
    let env = "AMAAS_LEDGER=sqlite:.amaas/dev.sqlite\nAMAAS_KMS_KEY=file:.amaas/kms.key\n";
    std::fs::write(data.join("env"), env).expect("written");
    EnvFileLookup::in_folders(None, Some(STATE.as_ref())).record_content(&data, env).expect("recorded");
    let create = |ledger: &[&str], variable: &str| {
        let mut command = command(folder.path(), &[&["keys", "create"], ledger].concat());
        let output = command.env("AMAAS_LEDGER", variable).output().expect("run");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (ledger, variable) in [(&["--ledger", "sqlite:other.sqlite"][..], ""), (&[], "sqlite:other.sqlite")] {
        let (code, error) = create(ledger, variable);
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("nothing unwraps the ledger's secrets"), "{error}");
    }
    assert!(!folder.path().join("other.sqlite").exists());
    assert_eq!(create(&[], "").0, Some(0));
    assert!(data.join("dev.sqlite").is_file());
}

#[test]
fn errors_are_json_where_asked_for() {
    let (_, error) = failed(&["--json", "keys", "list"]);
    let error: serde_json::Value = serde_json::from_str(&error).expect("JSON");
    assert_eq!(error["error"]["message"], "no service is configured: there is no .amaas/env");
    assert!(error["error"]["remedy"].as_str().expect("text").contains("amaas dev"), "{error}");
}

#[test]
fn wrong_arguments_are_json_where_asked_for() {
    for (arguments, expected) in [
        (&["publish", "x.onnx", "--name", "a/b", "--json"][..], "invalid value 'a/b'"),
        (&["--json", "publish"], "required arguments were not provided"),
        (&["--json"], "requires a subcommand"),
        (&["--json", "keys"], "a command is missing"),
    ] {
        let (code, error) = failed(arguments);
        let json: serde_json::Value = serde_json::from_str(&error).expect(&error);
        assert_eq!(code, Some(2));
        let message = json["error"]["message"].as_str().expect("text");
        assert!(message.contains(expected) && !message.contains("Usage"), "{message}");
    }
}

#[test]
fn a_reader_that_had_enough_ends_the_command_quietly() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    FileKey::create(&folder.path().join("kms.key")).expect("written");
    let ledger = ["--ledger", "sqlite:ledger.sqlite", "--kms-key", "file:kms.key"];
    text(folder.path(), &[&["tenants", "create", "acme"], &ledger[..]].concat());
    let mut command = command(folder.path(), &[&["tenants", "list"], &ledger[..]].concat());
    let output = command.stdout(writer).output().expect("run");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_service_that_is_not_there_can_be_tried_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join(".amaas");
    std::fs::create_dir(&data).expect("made");
    let key = amaas::ApiKey::generate("test").expect("random");
    // Nothing listens on port 1.
    let env = format!("AMAAS_ENDPOINT=http://127.0.0.1:1\nAMAAS_API_KEY={}\n", key.expose());
    std::fs::write(data.join("env"), env).expect("written");
    let output = amaas(folder.path(), &["--data", ".amaas", "models"]);
    assert_eq!(output.status.code(), Some(3));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!error.contains(key.expose()));
    assert!(
        error.contains("no connection to the endpoint after 3 attempts: tcp connect error: Connection refused"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_remedies_follow_what_the_service_says() {
    let server = TestServer::start().await.expect("it listens");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (status, slug, wait, code, expected) in [
        (400, "invalid-input", None, 1, "the service refused the input (400)"),
        (401, "key-revoked", None, 4, "make a key with `amaas keys create`"),
        (402, "budget-exhausted", None, 1, "`amaas tenants set NAME --budget MONEY`\n"),
        (
            402,
            "key-budget-exhausted",
            None,
            1,
            "try: make a key that may cost more with `amaas keys create --max-cost MONEY`",
        ),
        (402, "other", None, 1, "`amaas tenants set NAME --budget MONEY`, or make a key"),
        (403, "key-scope", None, 4, "`amaas keys create --model MODEL`"),
        (403, "key-routes", None, 4, "`amaas keys create --route ROUTE`"),
        (403, "tenant-unknown", None, 4, "`amaas tenants create NAME`"),
        (403, "tenant-suspended", None, 4, "`amaas tenants resume NAME`"),
        (403, "other", None, 4, "`amaas tenants show NAME`"),
        (404, "unknown-model", None, 1, "`amaas models` lists what there is"),
        (413, "over-limit", None, 1, "the request is larger than the service takes (413)"),
        (
            429,
            "rate-limited",
            Some(70),
            3,
            "too many calls (429) after 1 attempt, try again in 70 s: as far as it goes",
        ),
        (
            429,
            "quota-exhausted",
            Some(1_000_000),
            3,
            "try again in 12 days: as far as it goes\n  try: wait, or raise the limit",
        ),
        (503, "queue-full", Some(100), 3, "the service is not available (503)"),
    ] {
        let reply = ScriptedReply::problem(status, slug, "as far as it goes");
        server.reply(wait.into_iter().fold(reply, |reply, wait: u32| reply.header("retry-after", &wait.to_string())));
        let mut command = command(folder.path(), &["predict", "m", "x"]);
        command.env("AMAAS_ENDPOINT", server.url()).env("AMAAS_API_KEY", server.api_key().expose());
        let output = command.output().expect("run");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{slug}: {error}");
        assert!(error.contains(expected), "{slug}: {error}");
        assert_eq!(server.remaining(), 0);
    }
}
