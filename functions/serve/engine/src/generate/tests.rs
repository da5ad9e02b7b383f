//! The generation thread and its bounds, on a network that tests drive step by step.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use amaas_wire::Classify;

use super::*;
use crate::error::TaskError;

/// The next token depends on the whole row so far, so that a row with a wrong KV cache is noticed.
struct Fake {
    /// Each step waits for a message, if there is a gate.
    gate: Option<Receiver<()>>,
    /// Rows and new tokens of each step.
    steps: Arc<Mutex<Vec<(usize, usize)>>>,
    sharing: RunSharing,
    fails: Option<i64>,
}

impl DecoderNetwork for Fake {
    type KvCache = Vec<Vec<i64>>;

    fn step(
        &mut self,
        new: &[Vec<i64>],
        cache: Option<Self::KvCache>,
    ) -> Result<(Vec<Vec<f32>>, Self::KvCache), RunError> {
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        self.steps.lock().expect("not poisoned").push((new.len(), new[0].len()));
        if new.iter().flatten().any(|token| Some(*token) == self.fails) {
            return Err(RunError::failed("refused".to_owned()));
        }
        let mut cache = cache.unwrap_or_else(|| vec![Vec::new(); new.len()]);
        cache.iter_mut().zip(new).for_each(|(cache, new)| cache.extend(new));
        assert!(cache.iter().all(|row| row.len() == cache[0].len()), "rows of one length");
        Ok((cache.iter().map(|row| logits(next(row))).collect(), cache))
    }

    fn gather(&mut self, caches: &[(&Self::KvCache, &[usize])]) -> Result<Self::KvCache, RunError> {
        Ok(caches.iter().flat_map(|(cache, rows)| rows.iter().map(|row| cache[*row].clone())).collect())
    }

    fn sharing(&self) -> RunSharing {
        self.sharing
    }

    fn token_bytes(&self) -> usize {
        1
    }
}

fn next(row: &[i64]) -> i64 {
    row.iter().fold(7, |state, token| (state * 31 + token) % 25)
}

fn logits(token: i64) -> Vec<f32> {
    (0..26).map(|other| if other == token { 9.0 } else { 0.0 }).collect()
}

/// Letters, without an end token.
struct Letters;

impl Tokenizer for Letters {
    fn encode(&self, _: &CpuPermit, text: &str) -> Result<Vec<i64>, PromptError> {
        Ok(text.bytes().map(|byte| i64::from(byte - b'a')).collect())
    }

    fn decode(&self, tokens: &[i64]) -> Result<String, TaskError> {
        Ok(tokens.iter().map(|token| char::from(b'a' + u8::try_from(*token).unwrap_or_default())).collect())
    }

    fn is_end(&self, _: i64) -> bool {
        false
    }

    fn context_length(&self) -> usize {
        1000
    }
}

/// A text generator, the log of its steps, and the gate that lets a step run if steps are `gated`.
struct Turned {
    generate: ContinuousBatcher,
    steps: Arc<Mutex<Vec<(usize, usize)>>>,
    gate: Option<Sender<()>>,
}

impl Turned {
    fn new(gated: bool, bounds: GenerateBounds) -> Self {
        Self::sharing(gated, bounds, RunSharing::All)
    }

    fn sharing(gated: bool, bounds: GenerateBounds, sharing: RunSharing) -> Self {
        let (gate, waits) = gated.then(channel).unzip();
        let steps = Arc::default();
        let fake = Fake { gate: waits, steps: Arc::clone(&steps), sharing, fails: Some(25) };
        let generate = ContinuousBatcher::start("fake", fake, Arc::new(Letters), bounds).expect("a thread");
        Self { generate, steps, gate }
    }

    fn begin(&self, prompt: &str, most: u64) -> Result<EventStream, RunError> {
        let call = self.generate.validate(
            &CpuPermit::for_inline_work(),
            &Prompt::new(prompt).max_tokens(most).temperature(0.0),
            None,
        );
        let call = call.map_err(|error| RunError::failed(error.to_string()))?;
        Ok(self.generate.enqueue(vec![call])?.remove(0))
    }

    fn go(&self) {
        self.gate.as_ref().expect("gated").send(()).expect("the thread is there");
    }

    fn steps(&self) -> usize {
        self.steps.lock().expect("not poisoned").len()
    }

    fn largest(&self) -> usize {
        self.steps.lock().expect("not poisoned").iter().map(|(rows, _)| *rows).max().unwrap_or_default()
    }
}

fn bounds(sequences: usize, queue: usize, max_cache_bytes: usize) -> GenerateBounds {
    let positive = |number| NonZeroUsize::new(number).expect("positive");
    GenerateBounds { sequences: positive(sequences), queue: positive(queue), max_cache_bytes }
}

/// What a prompt should become.
fn expected(prompt: &str, most: usize) -> String {
    let mut row = Letters.encode(&CpuPermit::for_inline_work(), prompt).expect("letters");
    for _ in 0..most {
        row.push(next(&row));
    }
    Letters.decode(&row[prompt.len()..]).expect("letters")
}

async fn text(events: &mut EventStream) -> Result<String, RunError> {
    let mut text = String::new();
    loop {
        match events.next().await? {
            GenerateEvent::Piece { text: more, .. } => text += &more,
            _ => return Ok(text),
        }
    }
}

#[tokio::test]
async fn sequences_join_and_leave_and_each_is_as_if_alone() {
    let turned = Turned::new(false, bounds(8, 100, 1 << 20));
    let prompts: Vec<String> =
        (1..40_usize).map(|number| "abcdefghij"[..=number % 10].repeat(1 + number % 3)).collect();
    let mut all = Vec::new();
    for (number, prompt) in prompts.iter().enumerate() {
        all.push((turned.begin(prompt, 5 + number as u64 % 9).expect("a place"), prompt, 5 + number % 9));
    }
    for (events, prompt, most) in &mut all {
        assert_eq!(text(events).await.expect("an end"), expected(prompt, *most));
    }
    assert!((1..=8).contains(&turned.largest()), "no more than may be under way");
}

#[tokio::test]
async fn equal_lengths_share_a_run() {
    let turned = Turned::new(false, bounds(8, 8, 1 << 20));
    let prompts = ["ab", "cd", "ef", "gh"];
    let call = |prompt: &str| {
        turned.generate.validate(
            &CpuPermit::for_inline_work(),
            &Prompt::new(prompt).max_tokens(9).temperature(0.0),
            None,
        )
    };
    let calls = prompts.map(|prompt| call(prompt).expect("a call"));
    for (events, prompt) in turned.generate.enqueue(calls.into()).expect("places").iter_mut().zip(prompts) {
        assert_eq!(text(events).await.expect("an end"), expected(prompt, 9));
    }
    assert_eq!(turned.largest(), 4);
}

#[tokio::test]
async fn sequences_share_runs_with_those_that_they_may() {
    for (sharing, whose, expected_rows) in [
        (RunSharing::All, ["a", "b", "a", ""], 4),
        (RunSharing::SameTenant, ["a", "a", "a", "a"], 4),
        // Sequences of one tenant find each other in any order.
        (RunSharing::SameTenant, ["a", "b", "a", "b"], 2),
        (RunSharing::SameTenant, ["a", "b", "c", ""], 1),
        // Calls without a tenant.
        (RunSharing::SameTenant, ["", "", "", ""], 1),
        (RunSharing::None, ["a", "a", "a", "a"], 1),
    ] {
        let turned = Turned::sharing(false, bounds(8, 8, 1 << 20), sharing);
        let prompts = ["ab", "cd", "ef", "gh"];
        let call = |(prompt, whose): (&str, &str)| {
            let call = turned
                .generate
                .validate(&CpuPermit::for_inline_work(), &Prompt::new(prompt).max_tokens(9).temperature(0.0), None)
                .expect("a call");
            if whose.is_empty() { call } else { call.of_tenant(whose) }
        };
        let calls = prompts.into_iter().zip(whose).map(call).collect();
        for (events, prompt) in turned.generate.enqueue(calls).expect("places").iter_mut().zip(prompts) {
            assert_eq!(text(events).await.expect("an end"), expected(prompt, 9));
        }
        assert_eq!(turned.largest(), expected_rows, "{sharing:?} {whose:?}");
    }
}

#[tokio::test]
async fn who_hangs_up_has_no_token_more_made() {
    let turned = Turned::new(true, bounds(8, 8, 1 << 20));
    let mut events = turned.begin("abc", 900).expect("a place");
    turned.go();
    turned.go();
    assert!(matches!(events.next().await, Ok(GenerateEvent::Piece { .. })));
    assert!(matches!(events.next().await, Ok(GenerateEvent::Piece { .. })));
    drop(events);
    // The current step may end; then the thread waits for calls.
    turned.go();
    let mut other = turned.begin("xyx", 1).expect("a place");
    turned.go();
    turned.go();
    let text = tokio::time::timeout(Duration::from_secs(20), text(&mut other)).await.expect("its turn came");
    assert_eq!(text.expect("an end"), expected("xyx", 1));
    assert!(turned.steps() <= 4, "{} steps: two told, one under way, one of the other", turned.steps());
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_a_place_left_is_free() {
    let turned = Turned::new(true, bounds(1, 2, 1 << 20));
    let first = turned.begin("a", 5).expect("under way");
    // The first call leaves the queue when the thread takes it.
    while [turned.generate.queue.try_reserve(1), turned.generate.queue.try_reserve(1)].iter().any(Option::is_none) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut waiting = Vec::new();
    let refused = loop {
        match turned.begin("b", 5) {
            Ok(events) => waiting.push(events),
            Err(error) => break error,
        }
    };
    assert_eq!(waiting.len(), 2);
    assert!(matches!(refused, RunError::QueueFull));
    assert_eq!((refused.classify().class.status, refused.classify().class.is_retryable), (503, true));
    drop(waiting.pop());
    assert!(turned.begin("c", 5).is_ok());
    drop(first);
}

#[tokio::test]
async fn pasts_are_bounded_but_a_single_one_is_not() {
    let turned = Turned::new(false, bounds(8, 100, 20));
    let mut all: Vec<_> = (0..6).map(|_| turned.begin("abcde", 5).expect("a place")).collect();
    let mut large = turned.begin("abcde", 50).expect("a place");
    for events in &mut all {
        assert_eq!(text(events).await.expect("an end"), expected("abcde", 5));
    }
    assert_eq!(text(&mut large).await.expect("an end"), expected("abcde", 50));
    assert!(turned.largest() <= 2, "two pasts of 10 tokens");
}

#[tokio::test]
async fn a_prompt_that_fails_fails_alone_and_options_are_checked() {
    let turned = Turned::new(false, bounds(8, 8, 1 << 20));
    let mut good = turned.begin("abc", 30).expect("a place");
    let mut bad = turned.begin("abz", 30).expect("a place");
    assert!(matches!(text(&mut bad).await, Err(RunError::Failed { .. })));
    assert_eq!(text(&mut good).await.expect("an end"), expected("abc", 30));
    let refused = |prompt: Prompt| match turned.generate.validate(&CpuPermit::for_inline_work(), &prompt, None) {
        Err(PromptError::Parameter { param, .. }) => Some(param),
        _ => None,
    };
    assert_eq!(refused(Prompt::new("")), Some("prompt"));
    assert_eq!(refused(Prompt::new("a".repeat(1000))), Some("prompt"));
    assert_eq!(refused(Prompt::new("a").max_tokens(1000)), Some("max_tokens"));
    assert_eq!(refused(Prompt::new("a").max_tokens(999)), None);
    assert_eq!(refused(Prompt::new("a").top_p(2.0)), Some("top_p"));
    // Without `max_tokens`, and with room for one token.
    let mut last = turned.begin(&"a".repeat(999), 1).expect("a place");
    assert_eq!(text(&mut last).await.expect("an end").len(), 1);
}

#[tokio::test]
async fn long_prompts_are_read_in_pieces() {
    let turned = Turned::new(false, bounds(8, 8, 1 << 20));
    let prompt = "abcdefg".repeat(50);
    let mut events = turned.begin(&prompt, 3).expect("a place");
    assert_eq!(text(&mut events).await.expect("an end"), expected(&prompt, 3));
    let steps = turned.steps.lock().expect("not poisoned").clone();
    assert_eq!(steps, [(1, 128), (1, 128), (1, 94), (1, 1), (1, 1)]);
}

#[tokio::test]
async fn what_is_told_at_the_end_is_what_is_told_as_it_comes() {
    let turned = Turned::new(false, bounds(8, 8, 1 << 20));
    let call = |delivery| {
        let prompt = Prompt::new("abc").max_tokens(9).temperature(0.0);
        Ok(turned.generate.validate(&CpuPermit::for_inline_work(), &prompt, Some(2))?.delivered(delivery))
    };
    let calls =
        [TextDelivery::Incremental, TextDelivery::AtEnd].map(call).into_iter().collect::<Result<Vec<_>, PromptError>>();
    let mut told = Vec::new();
    for mut events in turned.generate.enqueue(calls.expect("calls")).expect("places") {
        let (mut pieces, mut text, mut tokens) = (0, String::new(), Vec::new());
        loop {
            match events.next().await.expect("no failure") {
                GenerateEvent::Piece { text: more, tokens: of_it, .. } => {
                    pieces += 1;
                    text += &more;
                    tokens.extend(of_it);
                }
                GenerateEvent::End { reason, generated } => break told.push((pieces, text, tokens, reason, generated)),
                GenerateEvent::Failed(error) => panic!("{error}"),
            }
        }
    }
    let (as_it_comes, at_the_end) = (told.remove(0), told.remove(0));
    assert_eq!((as_it_comes.0, at_the_end.0), (9, 1));
    assert_eq!((as_it_comes.1, as_it_comes.2, as_it_comes.3), (at_the_end.1, at_the_end.2, at_the_end.3));
    assert_eq!(as_it_comes.4, at_the_end.4);
}
