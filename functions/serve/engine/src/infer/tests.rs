use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;
use std::time::Duration;

use amaas_wire::{Datatype, Tensor};

use super::ValidTensors;
use super::batch_size::CallSize;
use super::queue::InferQueue;
use super::{DynamicBatcher, InputContract, LostFlag, QueueBounds, RunnableNetwork};
use crate::batching::{Batching, RunSharing};
use crate::error::RunError;
use crate::tensor_spec::{Dim, TensorSpec};

/// Doubles its values; refuses any run with a negative one, panics at 99, and takes too long at 77. Each run waits for the test's word.
struct Double {
    begun: Sender<usize>,
    go: Receiver<()>,
    rows: Arc<Mutex<Vec<usize>>>,
}

impl RunnableNetwork for Double {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        let rows = inputs[0].rows().unwrap_or_default();
        let _ = self.begun.send(rows);
        let _ = self.go.recv();
        self.rows.lock().expect("not poisoned").push(rows);
        let values = inputs[0].data().as_f32().expect("FP32");
        assert!(!values.contains(&99.0), "99");
        if values.contains(&77.0) {
            return Err(RunError::TooLong { limit: Some(Duration::from_secs(1)) });
        }
        if values.iter().any(|value| *value < 0.0) {
            return Err(RunError::Refused { public: "negative".to_owned(), internal: String::new() });
        }
        let doubled: Vec<f32> = values.iter().map(|value| value * 2.0).collect();
        Ok(vec![Tensor::new("y", inputs[0].shape().to_vec(), doubled).expect("same shape")])
    }
}

struct Bench {
    infer: Arc<DynamicBatcher>,
    begun: Receiver<usize>,
    go: Sender<()>,
    rows: Arc<Mutex<Vec<usize>>>,
}

fn bench(batch_rows: usize, queue_rows: usize) -> Bench {
    let (begun_tx, begun) = channel();
    let (go, go_rx) = channel();
    let rows = Arc::default();
    let network = Double { begun: begun_tx, go: go_rx, rows: Arc::clone(&rows) };
    let infer = DynamicBatcher::start("test", network, bounds(batch_rows, queue_rows)).expect("a thread");
    Bench { infer: Arc::new(infer), begun, go, rows }
}

fn bounds(batch_rows: usize, queue_rows: usize) -> QueueBounds {
    let positive = |number| NonZeroUsize::new(number).expect("positive");
    QueueBounds { batch_rows: positive(batch_rows), queue_rows: positive(queue_rows) }
}

fn call(values: &[f32], width: usize) -> ValidTensors {
    let dims = ["batch", "width"].map(|name| Dim::Symbol(name.to_owned()));
    let inputs = [TensorSpec::new("x", Datatype::Fp32, dims.to_vec())];
    let takes = InputContract { inputs: &inputs, batching: Batching::Rows, sharing: RunSharing::All };
    let tensor = Tensor::new("x", vec![values.len() / width, width], values.to_vec());
    ValidTensors::new(vec![tensor.expect("whole rows")], takes, 4096).expect("valid")
}

type Answer = tokio::task::JoinHandle<Result<Vec<Tensor>, RunError>>;

/// Queues a call and waits until it is queued.
async fn queue(bench: &Bench, values: &[f32], width: usize) -> Answer {
    let (infer, call) = (Arc::clone(&bench.infer), call(values, width));
    let answer = tokio::spawn(async move { infer.run(call).await });
    tokio::task::yield_now().await;
    answer
}

async fn values(answer: Answer) -> Vec<f32> {
    let outputs = answer.await.expect("not cancelled").expect("an answer");
    outputs[0].data().as_f32().expect("FP32").to_vec()
}

/// Lets any number of runs go.
fn open(bench: &Bench) {
    for _ in 0..100 {
        let _ = bench.go.send(());
    }
}

#[tokio::test]
async fn arrivals_during_a_run_share_the_next() {
    let bench = bench(4, 100);
    let first = queue(&bench, &[1.0], 1).await;
    assert_eq!(bench.begun.recv(), Ok(1), "one caller alone never waits");
    let mut others = Vec::new();
    for value in [2.0, 3.0, 4.0, 5.0, 6.0] {
        others.push(queue(&bench, &[value], 1).await);
    }
    open(&bench);
    assert_eq!(values(first).await, [2.0]);
    for (other, expected) in others.into_iter().zip([4.0, 6.0, 8.0, 10.0, 12.0]) {
        assert_eq!(values(other).await, [expected]);
    }
    assert_eq!(*bench.rows.lock().expect("not poisoned"), [1, 4, 1], "up to the bound in rows");
    let stats = bench.infer.statistics("m".to_owned(), "1".to_owned());
    assert_eq!((stats.inference_count, stats.execution_count), (6, 3), "six rows in three runs");
    let times = stats.inference_stats;
    let counts = [times.success, times.queue, times.compute_infer, times.fail].map(|time| time.count);
    assert_eq!(counts, [6, 6, 6, 0]);
    assert!(times.success.ns >= times.queue.ns && times.compute_infer.ns > 0 && stats.last_inference > 0);
}

#[tokio::test]
async fn only_equal_shapes_share_a_run_and_nobody_starves() {
    let bench = bench(8, 100);
    let first = queue(&bench, &[1.0], 1).await;
    bench.begun.recv().expect("begun");
    let wide = queue(&bench, &[1.0, 2.0], 2).await;
    let narrow = queue(&bench, &[3.0, 4.0, 5.0], 1).await;
    let wide_too = queue(&bench, &[6.0, 7.0], 2).await;
    open(&bench);
    assert_eq!(values(first).await, [2.0]);
    assert_eq!(values(wide).await, [2.0, 4.0]);
    assert_eq!(values(narrow).await, [6.0, 8.0, 10.0]);
    assert_eq!(values(wide_too).await, [12.0, 14.0]);
    assert_eq!(*bench.rows.lock().expect("not poisoned"), [1, 2, 3]);
}

#[tokio::test]
async fn only_the_call_at_fault_gets_its_error() {
    for bad in [-1.0, 99.0] {
        let bench = bench(8, 100);
        let first = queue(&bench, &[1.0], 1).await;
        bench.begun.recv().expect("begun");
        let mut answers = Vec::new();
        for value in [2.0, 3.0, bad, 4.0, 5.0] {
            answers.push((value, queue(&bench, &[value], 1).await));
        }
        open(&bench);
        values(first).await;
        for (value, answer) in answers {
            let answer = answer.await.expect("not cancelled");
            match answer {
                Ok(outputs) => assert_eq!(outputs[0].data().as_f32(), Some(&[value * 2.0][..])),
                Err(RunError::Refused { public, .. }) => assert_eq!((value, public.as_str()), (-1.0, "negative")),
                Err(RunError::Failed { .. }) => assert!(value > 98.0),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_costs_those_beside_it_one_more_run() {
    let bench = bench(8, 100);
    let first = queue(&bench, &[1.0], 1).await;
    bench.begun.recv().expect("begun");
    let mut answers = Vec::new();
    for value in [2.0, 3.0, 77.0, 4.0, 5.0] {
        answers.push((value, queue(&bench, &[value], 1).await));
    }
    open(&bench);
    values(first).await;
    for (value, answer) in answers {
        match answer.await.expect("not cancelled") {
            Ok(outputs) => assert_eq!(outputs[0].data().as_f32(), Some(&[value * 2.0][..])),
            Err(RunError::TooLong { .. }) => assert!(value > 76.0),
            Err(other) => panic!("{other}"),
        }
    }
    // By halves it had taken too long in a third one.
    assert_eq!(*bench.rows.lock().expect("not poisoned"), [1, 4, 1, 1, 1, 1, 1]);
    let after = queue(&bench, &[6.0], 1).await;
    assert_eq!(values(after).await, [12.0]);
}

/// A network whose run does not end before the test does.
struct Endless {
    begun: Sender<()>,
    end: Receiver<()>,
    lost: LostFlag,
}

impl RunnableNetwork for Endless {
    fn lost(&self) -> LostFlag {
        self.lost.clone()
    }

    fn run(&mut self, _: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        let _ = self.begun.send(());
        let _ = self.end.recv();
        Err(RunError::failed("it ended".to_owned()))
    }
}

#[tokio::test]
async fn nobody_waits_for_a_run_that_does_not_end() {
    let ((begun, ran), (_end, never), lost) = (channel(), channel(), LostFlag::default());
    let infer = DynamicBatcher::start("test", Endless { begun, end: never, lost: lost.clone() }, bounds(8, 100));
    let infer = Arc::new(infer.expect("a thread"));
    let run = |value: f32| {
        let infer = Arc::clone(&infer);
        tokio::spawn(async move { infer.run(call(&[value], 1)).await })
    };
    let at_fault = run(1.0);
    tokio::task::yield_now().await;
    ran.recv().expect("begun");
    let waiting = run(2.0);
    tokio::task::yield_now().await;
    lost.set();
    assert!(matches!(at_fault.await, Ok(Err(RunError::TooLong { limit: None }))), "whose run it is");
    assert!(matches!(waiting.await, Ok(Err(RunError::Lost))), "who waits behind it");
    assert!(matches!(run(3.0).await, Ok(Err(RunError::Lost))), "who comes later");
    assert!(infer.is_lost());
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let bench = bench(2, 3);
    let first = queue(&bench, &[1.0], 1).await;
    bench.begun.recv().expect("begun");
    let waiting = [queue(&bench, &[1.0], 1).await, queue(&bench, &[2.0, 3.0], 1).await];
    assert!(matches!(bench.infer.run(call(&[4.0], 1)).await, Err(RunError::QueueFull)));
    assert_eq!(bench.infer.waiting(), 3, "the rows of two calls; the one that runs does not wait");
    open(&bench);
    values(first).await;
    for answer in waiting {
        values(answer).await;
    }
    assert_eq!(values(queue(&bench, &[1.0; 9], 1).await).await.len(), 9, "a call larger than the queue runs alone");
}

#[tokio::test]
async fn who_hung_up_gets_no_run() {
    let bench = bench(1, 100);
    let first = queue(&bench, &[1.0], 1).await;
    bench.begun.recv().expect("begun");
    let gone = queue(&bench, &[2.0], 1).await;
    let stays = queue(&bench, &[3.0], 1).await;
    gone.abort();
    let _ = gone.await;
    open(&bench);
    values(first).await;
    assert_eq!(values(stays).await, [6.0]);
    assert_eq!(bench.rows.lock().expect("not poisoned").len(), 2);
}

#[tokio::test]
async fn who_hangs_up_frees_the_place_at_once() {
    let bench = bench(1, 1);
    let first = queue(&bench, &[1.0], 1).await;
    bench.begun.recv().expect("begun");
    for _ in 0..3 {
        let gone = queue(&bench, &[2.0], 1).await;
        assert!(matches!(bench.infer.run(call(&[4.0], 1)).await, Err(RunError::QueueFull)));
        gone.abort();
        let _ = gone.await;
    }
    let stays = queue(&bench, &[3.0], 1).await;
    open(&bench);
    values(first).await;
    assert_eq!(values(stays).await, [6.0]);
}

#[test]
fn a_queue_is_bounded_in_bytes_too() {
    let queue = InferQueue::new(Box::new(Negate(channel().0)), bounds(100, 100), 16);
    let eight = queue.try_reserve(&call(&[1.0, 2.0], 2)).expect("the first 8 bytes of 16");
    assert!(queue.try_reserve(&call(&[1.0, 2.0, 3.0], 3)).is_none(), "12 more");
    let sixteen = queue.try_reserve(&call(&[1.0, 2.0], 2)).expect("8 more");
    assert!(queue.try_reserve(&call(&[1.0], 1)).is_none(), "it is full");
    drop((eight, sixteen));
    assert!(queue.try_reserve(&call(&[1.0; 9], 9)).is_some(), "a call larger than the queue has it alone");
}

#[tokio::test]
async fn nobody_waits_for_a_thread_that_has_ended() {
    let bench = bench(1, 100);
    let first = queue(&bench, &[1.0], 1).await;
    bench.begun.recv().expect("begun");
    let waiting = queue(&bench, &[2.0], 1).await;
    // As the thread's guard does, whatever made the thread end.
    bench.infer.queue.abandon();
    let internal = |answer: Result<_, _>| matches!(answer, Err(RunError::Failed { .. }));
    assert!(internal(waiting.await.expect("not cancelled")), "what was queued");
    assert!(internal(bench.infer.run(call(&[3.0], 1)).await), "what comes");
    open(&bench);
    assert_eq!(values(first).await, [2.0], "what runs is answered");
}

/// Negates its values, and says which threads had it do so; panics at 99.
struct Negate(Sender<ThreadId>);

impl RunnableNetwork for Negate {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
        let _ = self.0.send(std::thread::current().id());
        let values = inputs[0].data().as_f32().expect("FP32");
        assert!(!values.contains(&99.0), "99");
        let negated: Vec<f32> = values.iter().map(|value| -value).collect();
        Ok(vec![Tensor::new("y", inputs[0].shape().to_vec(), negated).expect("same shape")])
    }
}

/// A network whose runs of one value are known to be short, and the threads that ran it.
fn short() -> (Arc<DynamicBatcher>, Receiver<ThreadId>) {
    let (threads, ran) = channel();
    let infer = DynamicBatcher::start("test", Negate(threads), bounds(8, 100)).expect("a thread");
    infer.queue.record_run(CallSize::of(&call(&[1.0], 1)), 1, Duration::from_micros(1));
    infer.queue.force_solo_calls();
    (Arc::new(infer), ran)
}

/// One value in one row.
fn size() -> CallSize {
    CallSize::of(&call(&[1.0], 1))
}

#[tokio::test]
async fn a_short_call_is_run_where_it_came_in() {
    let (infer, ran) = short();
    let here = infer.run(call(&[2.0], 1)).await.expect("an answer");
    assert_eq!(ran.recv(), Ok(std::thread::current().id()));
    // Of two rows nothing is known yet.
    let there = infer.run(call(&[2.0, 3.0], 1)).await.expect("an answer");
    assert_ne!(ran.recv(), Ok(std::thread::current().id()));
    assert_eq!(here[0].data().as_f32(), Some(&[-2.0][..]));
    assert_eq!(there[0].data().as_f32(), Some(&[-2.0, -3.0][..]));
    let stats = infer.statistics("m".to_owned(), "1".to_owned());
    assert_eq!((stats.inference_count, stats.execution_count), (3, 2));
    let times = stats.inference_stats;
    assert_eq!([times.success, times.queue, times.compute_infer, times.fail].map(|time| time.count), [2, 2, 2, 0]);
}

#[tokio::test]
async fn who_comes_while_a_call_runs_where_it_came_in_is_run_behind_it() {
    let (infer, ran) = short();
    let network = infer.queue.try_take_for_inline_run(size()).expect("it is free, and the run short");
    assert!(infer.queue.try_take_for_inline_run(size()).is_none(), "one run at a time");
    let waiting = Arc::clone(&infer);
    let waiting = tokio::spawn(async move { waiting.run(call(&[2.0], 1)).await });
    tokio::task::yield_now().await;
    infer.queue.return_after_inline_run(network, size(), Some(Duration::from_micros(1)));
    assert_eq!(values(waiting).await, [-2.0], "who brings the network back wakes the thread");
    assert_ne!(ran.recv(), Ok(std::thread::current().id()));
}

#[tokio::test]
async fn nobody_runs_before_those_who_wait() {
    let (infer, ran) = short();
    let network = infer.queue.try_take_for_inline_run(size()).expect("it is free");
    let waiting = Arc::clone(&infer);
    let waiting = tokio::spawn(async move { waiting.run(call(&[2.0, 3.0], 1)).await });
    tokio::task::yield_now().await;
    // As if it had come back, and the thread had not got there yet.
    infer.queue.put_back(network);
    assert!(infer.queue.try_take_for_inline_run(size()).is_none());
    let behind = infer.run(call(&[4.0], 1)).await.expect("an answer");
    assert_eq!((values(waiting).await, behind[0].data().as_f32()), (vec![-2.0, -3.0], Some(&[-4.0][..])));
    // One run or two, as the thread gets there.
    assert!(ran.try_iter().all(|thread| thread != std::thread::current().id()));
}

#[tokio::test]
async fn a_panic_where_a_call_came_in_is_its_own() {
    let (infer, ran) = short();
    assert!(matches!(infer.run(call(&[99.0], 1)).await, Err(RunError::Failed { .. })));
    let answer = infer.run(call(&[5.0], 1)).await.expect("an answer");
    assert_eq!(answer[0].data().as_f32(), Some(&[-5.0][..]));
    let here = std::thread::current().id();
    assert_eq!(ran.try_iter().collect::<Vec<_>>(), [here, here]);
}

#[tokio::test]
async fn the_network_is_gone_when_the_thread_has_ended() {
    let (infer, ran) = short();
    drop(infer);
    assert!(ran.recv().is_err(), "whoever drops it, its thread ends and frees the network");
}

#[tokio::test]
async fn calls_that_meet_others_share_runs_instead() {
    let (infer, ran) = short();
    let here = std::thread::current().id();
    let network = infer.queue.try_take_for_inline_run(size()).expect("it is free");
    let waiting = Arc::clone(&infer);
    let waiting = tokio::spawn(async move { waiting.run(call(&[2.0], 1)).await });
    tokio::task::yield_now().await;
    infer.queue.return_after_inline_run(network, size(), None);
    assert_eq!(values(waiting).await, [-2.0]);
    infer.run(call(&[3.0], 1)).await.expect("an answer");
    assert!(
        ran.iter().take(2).all(|thread| thread != here),
        "one that met another is followed by some that are queued"
    );
    let mut runs = Vec::new();
    for _ in 0..64 {
        infer.queue.record_run(size(), 1, Duration::from_micros(1));
        infer.run(call(&[3.0], 1)).await.expect("an answer");
        runs.push(ran.recv().expect("a run") == here);
    }
    assert!(!runs[..10].contains(&true), "{runs:?}");
    assert!(runs[20..].windows(16).all(|runs| runs.contains(&false)), "now and then one finds out: {runs:?}");
}

#[tokio::test]
async fn a_queue_without_a_place_refuses_before_there_is_a_call() {
    let bench = bench(1, 1);
    let first = queue(&bench, &[1.0], 1).await;
    bench.begun.recv().expect("begun");
    assert!(bench.infer.check_capacity().is_ok());
    let waiting = queue(&bench, &[2.0], 1).await;
    assert!(matches!(bench.infer.check_capacity(), Err(RunError::QueueFull)));
    open(&bench);
    assert_eq!((values(first).await, values(waiting).await), (vec![2.0], vec![4.0]));
    assert!(bench.infer.check_capacity().is_ok());
    let times = bench.infer.statistics("m".to_owned(), "1".to_owned()).inference_stats;
    assert_eq!((times.success.count, times.fail.count), (2, 1));
}
