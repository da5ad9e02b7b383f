//! What `POST /v1/models/{model}/predict` does for a task with two networks: both paths at once.

use std::sync::Arc;
use std::time::Instant;

use amaas_wire::Tensor;
use amaas_wire::task::Embedding;
use axum::body::Body;
use bytes::Bytes;
use http::Response;

use super::predict::{run_on, valid};
use crate::admission::Admission;
use crate::error::Error;
use crate::limits::Limits;
use crate::reply::{Counted, predict_response};
use crate::request::{Call, Running};
use amaas_access::TenantName;
use amaas_engine::cpu::{QUICK, json_size};
use amaas_engine::infer::Infer;
use amaas_engine::infer::{Takes, Valid};
use amaas_model::load::Model;
use amaas_model::task::{AnyMatcher, AnyTask, Plan, Prepare, Vectors};

/// Answers `body`.
pub(super) async fn matched(
    mut call: Call,
    model: Arc<Model>,
    matcher: Arc<dyn AnyMatcher>,
    body: Bytes,
    begun: Instant,
) -> Result<Response<Body>, Error> {
    let (name, limits) = (matcher.texts(), call.limits());
    let beside = model.named.get(name);
    let beside = beside.ok_or_else(|| Error::internal(format!("there is no network {name:?}")))?;
    let (of, size) = ((&model, begun), body.len());
    let memory = model.task.as_deref().map_or(0, AnyTask::memory);
    let paths = call.prepare(of, (QUICK, size, 0), move |working| matcher.read(working, &body, limits.rows)).await?;
    let (own, texts) = ((paths.own, (&model.manifest).into()), (paths.texts, (&beside.network).into()));
    let tenant = call.tenant().clone();
    let ready = ready(call.preparing(of, size)?, memory, own, texts, limits, &tenant).await;
    call.prepared();
    let Ready { own, texts, vectors, rows } = ready?;
    let tokens = vectors.tokens();
    let running = Running::new(rows, Some(tokens));
    call.charge(of, &running).await?;
    let both = both((model.infer()?, own), (&beside.infer, texts), vectors);
    let (outputs, vectors) = call.run(of, running, both).await?;
    let size = vectors.iter().map(|vector| vector.embedding.len() * size_of::<f32>());
    let size = size.chain(outputs.iter().map(|run| json_size(run))).sum();
    let (decode, counted) = (paths.decode, Counted { rows, tokens: Some(tokens), begun });
    let answered = Arc::clone(&model);
    let answer = move || predict_response(&answered, decode(&outputs, &vectors)?, counted);
    let answer = call.write(size, answer).await?;
    call.answered(&model, answer).await
}

/// What each way is to run, and what that comes to.
struct Ready {
    own: Vec<Valid>,
    texts: Vec<Valid>,
    vectors: Vectors,
    rows: usize,
}

/// Prepares both ways of a call of `tenant` at once, beside the runtime: a file of some kilobytes can be an image of megapixels.
async fn ready(
    admission: &Admission,
    memory: usize,
    own: (Box<Prepare<Vec<Vec<Tensor>>>>, Takes<'_>),
    texts: (Box<Prepare<Plan>>, Takes<'_>),
    limits: Limits,
    tenant: &TenantName,
) -> Result<Ready, Error> {
    let (of_own, of_texts) = (own.1.batching, texts.1.batching);
    let image = admission.beside(memory, move |working| Ok((own.0)(working, of_own)?));
    let plan = admission.beside(0, move |working| Ok((texts.0)(working, of_texts)?));
    let (image, plan) = tokio::try_join!(image, plan)?;
    let (own, own_rows) = valid(own.1, image, limits, tenant)?;
    let (texts, text_rows) = valid(texts.1, plan.runs, limits, tenant)?;
    Ok(Ready { own, texts, vectors: plan.vectors, rows: own_rows + text_rows })
}

/// Runs both ways at once; where one fails, the other's call is withdrawn.
async fn both(
    (own, own_runs): (&Infer, Vec<Valid>),
    (texts, text_runs): (&Infer, Vec<Valid>),
    vectors: Vectors,
) -> Result<(Vec<Vec<Tensor>>, Vec<Embedding>), Error> {
    let texts = async { Ok(vectors.read(&run_on(texts, text_runs).await?)?) };
    tokio::try_join!(run_on(own, own_runs), texts)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    use amaas_wire::Datatype;

    use super::*;
    use amaas_engine::RunError;
    use amaas_engine::cpu::{Lane, Working};
    use amaas_engine::infer::{Bounds, Network};
    use amaas_engine::{Batching, Dim, Sharing, TensorSpec};
    use amaas_engine::{InvalidInput, TaskError};
    use amaas_model::task::{AnyTask, Assets, Embedder, Matcher, Tasks, Tokens};

    /// Two that have to be somewhere at the same time.
    struct Meeting(Mutex<usize>, Condvar);

    impl Meeting {
        const fn new() -> Self {
            Self(Mutex::new(0), Condvar::new())
        }

        /// Waits for the other; whether it came.
        fn meet(&self) -> bool {
            let mut here = self.0.lock().expect("nobody panics here");
            *here += 1;
            self.1.notify_all();
            !self
                .1
                .wait_timeout_while(here, Duration::from_secs(20), |here| *here < 2)
                .expect("not poisoned")
                .1
                .timed_out()
        }
    }

    static PREPARING: Meeting = Meeting::new();
    static RUNNING: Meeting = Meeting::new();

    /// A number with texts; each way waits for the other while it prepares.
    struct Sides;

    impl Matcher for Sides {
        const NAME: &'static str = "sides";
        const EXAMPLE: &'static str = r#"[1, ["a", "bc"]]"#;
        const TEXTS: &'static str = "text";
        const MOST_INPUTS: usize = 2;
        type Texts = Letters;
        type Input = (f32, Vec<String>);
        type Known = ();
        type Prediction = (f32, Vec<f32>);

        fn from_assets(_: &Assets) -> Result<Self, TaskError> {
            Ok(Self)
        }

        fn known(&self) -> &[String] {
            &[]
        }

        fn learn(&self, _: Vec<Embedding>) -> Result<(), TaskError> {
            Ok(())
        }

        fn texts<'i>(&self, input: &'i Self::Input) -> Result<&'i [String], InvalidInput> {
            Ok(&input.1)
        }

        fn encode(&self, input: &Self::Input) -> Result<Vec<Tensor>, InvalidInput> {
            if !PREPARING.meet() {
                return Err(InvalidInput::new("no texts are prepared meanwhile"));
            }
            Ok(vec![Tensor::new("x", vec![1, 1], vec![input.0]).map_err(InvalidInput::new)?])
        }

        fn decode(
            &self,
            (): &(),
            _: &Self::Input,
            outputs: &[Tensor],
            vectors: &[Embedding],
        ) -> Result<Self::Prediction, TaskError> {
            let value = outputs[0].data().as_f32().and_then(|values| values.first().copied());
            Ok((value.unwrap_or_default(), vectors.iter().map(|vector| vector.embedding[0]).collect()))
        }
    }

    /// A token a byte.
    struct Letters;

    impl Embedder for Letters {
        const NAME: &'static str = "letters";
        const EXAMPLE: &'static str = r#""a""#;
        const OUTPUT: &'static str = "y";

        fn from_assets(_: &Assets) -> Result<Self, TaskError> {
            Ok(Self)
        }

        fn tokens(&self, text: &str) -> Result<Tokens, InvalidInput> {
            Ok(Tokens { ids: text.bytes().map(i64::from).collect(), truncated: false })
        }

        fn encode(&self, rows: &[Tokens], _: usize) -> Result<Vec<Tensor>, InvalidInput> {
            if !PREPARING.meet() {
                return Err(InvalidInput::new("no image is prepared meanwhile"));
            }
            #[allow(clippy::cast_precision_loss)]
            let lengths: Vec<f32> = rows.iter().map(|row| row.ids.len() as f32).collect();
            Ok(vec![Tensor::new("x", vec![rows.len(), 1], lengths).map_err(InvalidInput::new)?])
        }
    }

    /// Gives back what it gets, once the other network runs too.
    struct Waits;

    impl Network for Waits {
        fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, RunError> {
            if !RUNNING.meet() {
                return Err(RunError::failed("the other network does not run meanwhile".to_owned()));
            }
            let same = Tensor::new("y", inputs[0].shape().to_vec(), inputs[0].data().clone());
            Ok(vec![same.map_err(|error| RunError::failed(error.to_string()))?])
        }
    }

    fn matcher() -> Arc<dyn AnyMatcher> {
        let tasks = Tasks::default().with_matcher::<Sides>();
        let task = tasks.make_with("sides", &Assets::default(), [&"text".to_owned()].into_iter());
        let matcher = task.ok().and_then(AnyTask::matcher).expect("it is one");
        matcher.learn(vec![]).expect("nothing to learn");
        matcher
    }

    #[tokio::test]
    async fn both_ways_are_prepared_and_run_at_the_same_time() {
        let one = const { NonZeroUsize::new(8).unwrap() };
        let start = |name| Infer::start(name, Waits, Bounds { batch_rows: one, queue_rows: one }).expect("a thread");
        let (own, texts) = (start("own"), start("text"));
        let inputs = [TensorSpec::new("x", Datatype::Fp32, vec![Dim::Symbol("batch".to_owned()), Dim::Fixed(1)])];
        let takes = Takes { inputs: &inputs, batching: Batching::Rows, sharing: Sharing::All };
        let matcher = matcher();
        let body = format!(r#"{{"inputs":[{}]}}"#, matcher.example());
        let paths = Arc::clone(&matcher).read(&Working::at_once(), body.as_bytes(), 8).expect("the example");
        let tenant = "tests".parse().expect("a name");
        let admission = Admission::with_lane(Lane::with_share(2));
        let ready = ready(&admission, 0, (paths.own, takes), (paths.texts, takes), Limits::default(), &tenant).await;
        let Ready { own: images, texts: lines, vectors, rows } = ready.expect("each waits for the other");
        assert_eq!((rows, vectors.tokens()), (3, 3));
        let both = both((&own, images), (&texts, lines), vectors).await;
        let (outputs, vectors) = both.expect("each waits for the other, so they run side by side");
        let answer = (paths.decode)(&outputs, &vectors).expect("an answer");
        // Vectors of one number, at length 1.
        assert_eq!(answer.get(), "[[1.0,[1.0,1.0]]]");
    }

    #[test]
    fn a_call_has_few_inputs_and_texts() {
        let refused = |body: &str, limit| {
            matcher().read(&Working::at_once(), body.as_bytes(), limit).err().expect("refused").to_string()
        };
        assert_eq!(refused(r#"{"inputs":[]}"#, 9), "inputs: expected at least one entry, got none");
        let three = r#"{"inputs":[[1,[]],[1,[]],[1,[]]]}"#;
        assert_eq!(refused(three, 9), "inputs: expected at most 2 entries, got more");
        let texts = r#"{"inputs":[[1,["a"]],[1,["b","c"]]]}"#;
        assert_eq!(refused(texts, 2), "expected at most 2 texts in one call, got more");
    }

    #[test]
    fn a_task_gets_the_networks_that_it_names() {
        let tasks = Tasks::default().with_matcher::<Sides>();
        let refused = |networks: &[&str]| {
            let networks: Vec<_> = networks.iter().map(|name| (*name).to_owned()).collect();
            let made = tasks.make_with("sides", &Assets::default(), networks.iter());
            made.err().expect("refused").to_string()
        };
        assert_eq!(refused(&[]), "expected the networks [\"text\"] beside the model's own, got no network");
        assert!(refused(&["image", "text"]).ends_with("got the networks [\"image\", \"text\"]"));
    }
}
