//! A network in ONNX Runtime alone.

use std::io::BufRead;
use std::time::{Duration, Instant};

use ort::ep::CUDA;
use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;

use crate::engine::Engine;
use crate::spread::percentile;
use crate::workload::Workload;

/// A session, and rows for it.
struct Network {
    session: Session,
    work: Workload,
}

impl Network {
    /// A session of the bytes of an ONNX file.
    ///
    /// # Errors
    /// Why the engine is not available.
    fn new(library: &str, bytes: &[u8], work: Workload, threads: usize, engine: Engine) -> Result<Self, String> {
        let environment = ort::init_from(library).expect("the library").with_telemetry(false).build();
        let builder = Session::builder(&environment.expect("an environment")).expect("a builder");
        let builder = builder.with_intra_threads(threads).expect("threads");
        let builder = builder.with_intra_op_spinning(engine == Engine::Spinning).expect("spinning or not");
        let cuda = match engine {
            Engine::Waiting | Engine::Spinning => None,
            Engine::Cuda => Some(CUDA::default()),
            Engine::CudaFp32 => Some(CUDA::default().with_tf32(false)),
        };
        // Without this, ONNX Runtime would silently use the CPU.
        let cuda = cuda.map(|cuda| cuda.build().error_on_failure());
        let mut builder = builder.with_execution_providers(cuda.as_slice()).map_err(|error| error.to_string())?;
        Ok(Self { session: builder.commit_from_memory(bytes).expect("an ONNX file"), work })
    }

    /// Runs `rows` rows; the values of the first one.
    fn run(&mut self, rows: usize) -> Vec<f32> {
        let inputs = self.work.row();
        let repeated: Vec<_> = inputs.iter().map(|(name, row)| (*name, row.len(), row.repeat(rows))).collect();
        self.run_on(rows, &repeated)
    }

    fn run_on(&mut self, rows: usize, inputs: &[(&str, usize, Vec<i64>)]) -> Vec<f32> {
        let values = inputs.iter().map(|(name, width, data)| {
            let tensor = TensorRef::from_array_view(([rows, *width], data.as_slice())).expect("a tensor");
            ((*name).to_owned(), SessionInputValue::from(tensor))
        });
        let outputs = self.session.run(values.collect::<Vec<_>>()).expect("a run");
        let (_, values) = outputs[0].try_extract_tensor::<f32>().expect("FP32");
        values[..values.len() / rows].to_vec()
    }

    /// The time of each run of `rows` rows, for `time`, in microseconds.
    fn times(&mut self, rows: usize, time: Duration) -> Vec<f64> {
        let inputs = self.work.row();
        let repeated: Vec<_> = inputs.iter().map(|(name, row)| (*name, row.len(), row.repeat(rows))).collect();
        let (begun, mut took) = (Instant::now(), Vec::new());
        while begun.elapsed() < time || took.is_empty() {
            let begun = Instant::now();
            self.run_on(rows, &repeated);
            took.push(begun.elapsed().as_secs_f64() * 1e6);
        }
        took
    }
}

/// Makes a session of `file` from memory and runs it once. Prints `started` and the milliseconds of session and first run, or `failed`
/// and the reason. Each line then has a number of rows and of milliseconds: runs that many rows for that long, and prints rows a second and
/// the median of a run in microseconds. The line `values` prints the values of a row.
pub(super) fn serve(library: &str, file: &str, work: &str, threads: usize, engine: Engine) {
    let work = Workload::named(work).expect("a network's name");
    let bytes = std::fs::read(file).expect("the ONNX file");
    let begun = Instant::now();
    let mut network = match Network::new(library, &bytes, work, threads, engine) {
        Ok(network) => network,
        Err(why) => return println!("failed {}", why.replace('\n', " ")),
    };
    drop(bytes);
    let session = begun.elapsed();
    let begun = Instant::now();
    let values = network.run(1);
    println!("started {} {}", session.as_secs_f64() * 1e3, begun.elapsed().as_secs_f64() * 1e3);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        if line == "values" {
            println!("{}", serde_json::to_string(&values).expect("numbers"));
            continue;
        }
        let (rows, milliseconds) = line.split_once(' ').expect("rows and milliseconds");
        let (rows, milliseconds) = (rows.parse().expect("rows"), milliseconds.parse().expect("milliseconds"));
        network.times(rows, Duration::from_millis(milliseconds / 2));
        let took = network.times(rows, Duration::from_millis(milliseconds));
        let seconds = took.iter().sum::<f64>() / 1e6;
        println!("{} {}", (rows * took.len()) as f64 / seconds, percentile(&took, 50.0));
    }
}
