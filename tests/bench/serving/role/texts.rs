//! Embeddings in ONNX Runtime alone: a text is tokenised and run, one after another, on all cores.

use std::io::BufRead;
use std::path::Path;
use std::time::{Duration, Instant};

use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;
use tokenizers::Tokenizer;

use crate::texts::{ONNX_FILE, texts};

/// A tokenizer and a session.
struct Encoder {
    tokenizer: Tokenizer,
    session: Session,
}

impl Encoder {
    fn load(library: &str, folder: &Path, threads: usize) -> Self {
        let mut tokenizer = Tokenizer::from_file(folder.join("tokenizer.json")).expect("a tokenizer");
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).expect("none");
        let environment = ort::init_from(library).expect("the library").with_telemetry(false).build();
        let builder = Session::builder(&environment.expect("an environment")).expect("a builder");
        let builder = builder.with_intra_threads(threads).expect("threads");
        let mut builder = builder.with_intra_op_spinning(false).expect("waiting threads");
        Self { tokenizer, session: builder.commit_from_file(folder.join(ONNX_FILE)).expect("an ONNX file") }
    }

    /// The ids of `text`.
    fn ids(&self, text: &str) -> Vec<i64> {
        let encoding = self.tokenizer.encode_fast(text, true).expect("tokens");
        encoding.get_ids().iter().map(|id| i64::from(*id)).collect()
    }

    /// The mean of the vectors of tokens, with length 1.
    #[allow(clippy::cast_possible_truncation)] // a vector of 32 bits
    fn vector(&mut self, text: &str) -> Vec<f32> {
        let ids = self.ids(text);
        let (mask, type_ids) = (vec![1_i64; ids.len()], vec![0_i64; ids.len()]);
        let inputs = [("input_ids", &ids), ("attention_mask", &mask), ("token_type_ids", &type_ids)];
        let values = inputs.map(|(name, data)| {
            let tensor = TensorRef::from_array_view(([1, data.len()], data.as_slice())).expect("a tensor");
            (name.to_owned(), SessionInputValue::from(tensor))
        });
        let outputs = self.session.run(Vec::from(values)).expect("a run");
        let (_, hidden) = outputs[0].try_extract_tensor::<f32>().expect("FP32");
        let mut sum = vec![0_f64; hidden.len() / ids.len()];
        for token in hidden.chunks_exact(sum.len()) {
            sum.iter_mut().zip(token).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
        sum.iter().map(|value| (value / length) as f32).collect()
    }
}

/// Prints the smallest, the mean and the largest number of tokens of the texts. The line `vector` then prints the vector of the first
/// text; a line with a number of milliseconds embeds texts for that long, and prints rows a second.
pub(super) fn serve(library: &str, folder: &str, threads: usize) {
    let mut encoder = Encoder::load(library, Path::new(folder), threads);
    let texts = texts();
    let lengths: Vec<usize> = texts.iter().map(|text| encoder.ids(text).len()).collect();
    let mean = lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
    println!("{} {mean:.1} {}", lengths.iter().min().expect("texts"), lengths.iter().max().expect("texts"));
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        if line == "vector" {
            println!("{}", serde_json::to_string(&encoder.vector(&texts[0])).expect("numbers"));
            continue;
        }
        let time = Duration::from_millis(line.parse().expect("milliseconds"));
        let (begun, mut rows) = (Instant::now(), 0);
        while begun.elapsed() < time {
            encoder.vector(&texts[rows % texts.len()]);
            rows += 1;
        }
        println!("{}", rows as f64 / begun.elapsed().as_secs_f64());
    }
}
