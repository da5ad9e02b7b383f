//! Every operator case of the package `onnx` through the whole stack, sealed, against Python's ONNX Runtime in a separate process. The
//! outputs are equal bit for bit, since version and options are the same. Requests to the object store take most of the time.

pub(crate) mod cases;

use std::error::Error;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use amaas_e2e::skip;
use amaas_engine::RuntimeConfig;
use amaas_local::local_stack::LocalStack;
use amaas_model::publish::Publication;
use amaas_model::task::Tasks;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use self::cases::{Case, Cases, OPERATORS, generated, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_give_what_they_give_in_process() {
    let folder = match generated().await {
        Ok(folder) => folder,
        Err(missing) => return skip(missing),
    };
    let (all, values) = (Cases::read(folder), Bytes::from(read(folder, "values.bin")));
    let mut failed = Vec::new();
    for batch in all.cases.chunks(BATCH) {
        failed.extend(failures(folder, batch, &values).await);
    }
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), all.cases.len(), failed.join("\n"));
    let left_out = [read(folder, "left_out.txt"), read(folder, "left_out_here.txt")].map(text);
    agreed(&left_out[0]);
    let (count, names) = (all.cases.len(), left_out.iter().flat_map(|list| list.lines()));
    let others = names.filter(|line| line.starts_with("  ")).count();
    // Past the test harness, which hides the output of a passing test.
    let _ = writeln!(
        std::io::stderr(),
        "{count} operator cases of onnx {} equal bit for bit, sealed; {others} left out:\n{}",
        all.onnx,
        left_out.concat()
    );
}

/// The failures of cases that share one host.
async fn failures(folder: &Path, cases: &[Case], values: &Bytes) -> Vec<String> {
    let place = tempfile::tempdir().expect("a temporary folder");
    let config = RuntimeConfig { intra_threads: NonZeroUsize::MIN, ..RuntimeConfig::default() };
    let stack = LocalStack::start(place.path(), &Tasks::default(), config).await.expect("a host without models");
    let judge = async |(number, case): (usize, &Case)| {
        let network = read(folder, &format!("{}.onnx", case.name));
        let model = format!("case-{number}").parse().expect("a model's name");
        let judged = judge(&stack, Publication::of_network(model, network), case, values).await;
        judged.err().map(|why| format!("{}: {why}", case.name))
    };
    let judged = stream::iter(cases.iter().enumerate()).map(judge).buffer_unordered(AT_ONCE);
    judged.filter_map(std::future::ready).collect().await
}

/// Publishes and calls one case.
async fn judge(stack: &LocalStack, publication: Publication, case: &Case, values: &Bytes) -> Result<(), String> {
    let model = stack.add(publication).await.map_err(|error| error.to_string())?;
    for call in &case.calls {
        let inputs = call.inputs.iter().map(|input| input.tensor(values)).collect::<Result<_, _>>()?;
        let answer = model.infer(inputs).await.map_err(|error| format!("{error} {:?}", error.source()))?;
        if answer.outputs().len() != call.outputs.len() {
            return Err(format!("expected {} outputs, got {}", call.outputs.len(), answer.outputs().len()));
        }
        for (expected, got) in call.outputs.iter().zip(answer.outputs()) {
            expected.compare(values, got)?;
        }
    }
    Ok(())
}

/// The left-out cases are those of the committed list.
fn agreed(left_out: &str) {
    let path = Path::new(OPERATORS).join("left_out.txt");
    if std::env::var_os("AMAAS_TEST_REWRITE").is_some() {
        std::fs::write(&path, left_out).expect("the list can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let only_in = |one: &str, other: &str| {
        one.split_inclusive('\n')
            .filter(|line| !other.lines().any(|other| other == line.trim_end()))
            .collect::<String>()
    };
    assert!(
        committed == left_out,
        "other cases are left out than in {}; AMAAS_TEST_REWRITE=1 writes it anew\nno longer:\n{}now:\n{}",
        path.display(),
        only_in(&committed, left_out),
        only_in(left_out, &committed)
    );
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Models of one host: each has a thread and a session until the host ends.
const BATCH: usize = 100;
/// Cases that are published and called concurrently.
const AT_ONCE: usize = 2;
