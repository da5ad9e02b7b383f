//! A decoder in ONNX Runtime, and a greedy loop around it, for one sequence.

use std::io::BufRead;
use std::time::Instant;

use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor};

/// Each line has a number of tokens and, after a colon, the prompt's tokens. Generates that many, and prints tokens a second.
pub(super) fn decode(library: &str, file: &str) {
    let environment = ort::init_from(library).expect("the library").with_telemetry(false).build();
    let builder = Session::builder(&environment.expect("an environment")).expect("a builder");
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let builder = builder.with_intra_threads(threads).expect("threads");
    let mut session =
        builder.with_intra_op_spinning(false).expect("no spinning").commit_from_file(file).expect("a network");
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (count, prompt) = line.split_once(':').expect("a count and a prompt");
        let prompt = prompt.split(' ').map(|token| token.parse().expect("a token")).collect();
        let (begun, count) = (Instant::now(), count.parse::<usize>().expect("a count"));
        make(&mut session, prompt, count);
        println!("{}", count as f64 / begun.elapsed().as_secs_f64());
    }
}

fn make(session: &mut Session, prompt: Vec<i64>, count: usize) {
    let mut past = [nothing(session, "past_key"), nothing(session, "past_value")];
    let mut tokens = prompt;
    for _ in 0..count {
        let [key, value] = past;
        let new = Tensor::from_array(([1, tokens.len()], tokens)).expect("tokens").into_dyn();
        let inputs = [("input_ids", new), ("past_key", key), ("past_value", value)];
        let inputs: Vec<_> = inputs.into_iter().map(|(name, value)| (name, SessionInputValue::from(value))).collect();
        let mut outputs = session.run(inputs).expect("a step");
        let best = {
            let (shape, logits) = outputs["logits"].try_extract_tensor::<f32>().expect("FP32");
            let vocabulary = usize::try_from(shape[2]).expect("a size");
            let last = logits[logits.len() - vocabulary..].iter().enumerate();
            last.max_by(|one, other| one.1.total_cmp(other.1)).expect("a vocabulary").0
        };
        let mut take = |name: &str| outputs.remove(name).expect("an output");
        past = [take("present_key"), take("present_value")];
        tokens = vec![i64::try_from(best).expect("a token")];
    }
}

/// The KV cache `name` of one sequence before its first token: `[layers, batch, kv_heads, past, size]`.
fn nothing(session: &Session, name: &str) -> DynValue {
    let input = session.inputs().iter().find(|input| input.name() == name).expect("a cache");
    let sizes = input.dtype().tensor_shape().expect("a tensor");
    let mut sizes: Vec<usize> = sizes.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
    sizes[1] = 1;
    Tensor::from_array((sizes, Vec::<f32>::new())).expect("an empty cache").into_dyn()
}
