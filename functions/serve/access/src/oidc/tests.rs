//! Tokens of an issuer that the tests play: what is taken, what attacks there are, and how often the issuer is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use tokio::time::{Instant, advance, sleep};

use super::jwks::{JwksCache, MIN_INTERVAL, STALE_IF_ERROR};
use super::keys::KeySet;
use super::testing::{RSA, Signer, config, token, variables};
use super::{OidcConfig, OidcVerifier, TokenError, TokenPart, VerifiedToken};

/// What the issuer does when its keys are asked for.
#[derive(Clone)]
enum Answer {
    Keys(Vec<Value>),
    Refuses,
    Hangs,
}

struct Issuer {
    answer: Arc<Mutex<Answer>>,
    fetches: Arc<AtomicUsize>,
    begun: Instant,
    oidc: Arc<OidcVerifier>,
}

impl Issuer {
    fn new(config: OidcConfig, keys: Vec<Value>) -> Self {
        let (answer, fetches) = (Arc::new(Mutex::new(Answer::Keys(keys))), Arc::new(AtomicUsize::new(0)));
        let (answers, counted, begun) = (Arc::clone(&answer), Arc::clone(&fetches), Instant::now());
        let jwks = JwksCache::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answers.lock().expect("not poisoned").clone();
            async move {
                match answer {
                    Answer::Keys(keys) => {
                        sleep(QUICK).await;
                        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
                    }
                    Answer::Refuses => Err("refused".to_owned()),
                    Answer::Hangs => std::future::pending().await,
                }
            }
        });
        // The same time by both clocks.
        let oidc = Arc::new(OidcVerifier::with(config, jwks, move || NOW + begun.elapsed().as_secs()));
        Self { answer, fetches, begun, oidc }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().expect("not poisoned") = answer;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn now(&self) -> u64 {
        NOW + self.begun.elapsed().as_secs()
    }

    async fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        self.oidc.verify(token).await
    }

    /// Another token of `signer`, which is in no cache.
    async fn verify_new(&self, signer: &Signer, id: &str) -> Result<(), TokenError> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let mut claims = claims(self.now());
        claims["jti"] = NUMBER.fetch_add(1, Ordering::Relaxed).into();
        self.verify(&signer.token(&header(signer, id), &claims)).await.map(drop)
    }
}

fn header(signer: &Signer, id: &str) -> Value {
    let algorithm = match signer {
        Signer::Rsa(_) => "RS256",
        Signer::P256(_) => "ES256",
        Signer::Ed25519(_) => "EdDSA",
    };
    json!({"alg": algorithm, "kid": id, "typ": "JWT"})
}

fn claims(now: u64) -> Value {
    json!({"iss": "https://issuer.test", "aud": "amaas", "sub": "someone", "org": "acme", "exp": now + 3600})
}

/// `value` with these members on top.
fn with(mut value: Value, members: Value) -> Value {
    let (Some(own), Value::Object(members)) = (value.as_object_mut(), members) else { panic!("two objects") };
    own.extend(members);
    value
}

#[tokio::test(start_paused = true)]
async fn tokens_of_each_kind_of_key_are_taken() {
    let signers = [Signer::p256(), Signer::ed25519()];
    let keys = vec![RSA.jwk("rsa"), signers[0].jwk("p256"), signers[1].jwk("ed25519")];
    let issuer = Issuer::new(config("org"), keys);
    let expected = VerifiedToken { tenant: "acme".to_owned(), subject: "someone".to_owned(), expires: NOW + 3600 };
    for (signer, id) in [(&*RSA, "rsa"), (&signers[0], "p256"), (&signers[1], "ed25519")] {
        let token = signer.token(&header(signer, id), &claims(NOW));
        assert_eq!(issuer.verify(&token).await, Ok(expected.clone()), "{id}");
        let unnamed = signer.token(&json!({"alg": header(signer, id)["alg"]}), &claims(NOW));
        assert_eq!(issuer.verify(&unnamed).await, Ok(expected.clone()), "the one key that fits: {id}");
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn attacks_fail() {
    let (p256, ed25519, stranger) = (Signer::p256(), Signer::ed25519(), Signer::ed25519());
    let keys = vec![RSA.jwk("rsa"), p256.jwk("p256"), ed25519.jwk("ed25519")];
    let issuer = Issuer::new(config("org"), keys);
    let hmac = |secret: Vec<u8>| {
        move |message: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message).as_ref().to_vec()
    };
    let (claims, named) = (claims(NOW), |algorithm: &str, id: &str| json!({"alg": algorithm, "kid": id}));
    let good = ed25519.token(&named("EdDSA", "ed25519"), &claims);
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let with_header = |members| with(named("EdDSA", "ed25519"), members);
    let with_claims = |members| ed25519.token(&named("EdDSA", "ed25519"), &with(claims.clone(), members));
    let malformed = |part, expected| TokenError::Malformed { part, expected };
    let (parts, base64) = ("three parts with dots between", "base64url without padding");
    for (what, token, expected) in [
        ("no signature", token(&named("none", "rsa"), &claims, |_| Vec::new()), TokenError::Algorithm),
        ("no signature, otherwise", token(&named("nOnE", "rsa"), &claims, |_| Vec::new()), TokenError::Algorithm),
        ("the public key as a secret", token(&named("HS256", "rsa"), &claims, hmac(RSA.public())), TokenError::Algorithm),
        ("that of an RS256 key", token(&named("RS256", "rsa"), &claims, hmac(RSA.public())), TokenError::Signature),
        ("that of an Ed25519 key", token(&named("EdDSA", "ed25519"), &claims, hmac(ed25519.public())), TokenError::Signature),
        ("an algorithm that is not named", RSA.token(&named("RS512", "rsa"), &claims), TokenError::Algorithm),
        ("another key's algorithm", ed25519.token(&named("EdDSA", "rsa"), &claims), TokenError::Algorithm),
        ("another key's algorithm", p256.token(&named("ES256", "ed25519"), &claims), TokenError::Algorithm),
        ("another key's id", stranger.token(&named("EdDSA", "ed25519"), &claims), TokenError::Signature),
        ("a stranger's key", stranger.token(&named("EdDSA", "stranger"), &claims), TokenError::UnknownKey),
        (
            "a stranger's key that comes along",
            stranger.token(&with_header(json!({"jwk": stranger.jwk("ed25519")})), &claims),
            TokenError::Signature,
        ),
        (
            "links to a stranger's keys",
            stranger.token(
                &json!({"alg": "EdDSA", "jwk": stranger.jwk("x"), "jku": "https://evil.test/jwks", "x5u": "https://evil.test"}),
                &claims,
            ),
            TokenError::Signature,
        ),
        ("other claims", format!("{}.{signature}", with_claims(json!({"org": "b"})).rsplit_once('.').expect("three").0), TokenError::Signature),
        ("another header", format!("{}.{signature}", ed25519.token(&with_header(json!({"typ": "JWT"})), &claims).rsplit_once('.').expect("three").0), TokenError::Signature),
        ("no third part", format!("{signed}."), TokenError::Signature),
        ("an extension", ed25519.token(&with_header(json!({"crit": ["b64"], "b64": false})), &claims), malformed(TokenPart::Header, "no crit")),
        ("word of a log-out", ed25519.token(&with_header(json!({"typ": "logout+jwt"})), &claims), malformed(TokenPart::Header, "a typ of JWT or at+jwt, or none,")),
        ("another issuer", with_claims(json!({"iss": "https://issuer.test/"})), TokenError::Issuer),
        ("another audience", with_claims(json!({"aud": "other"})), TokenError::Audience),
        ("expired", with_claims(json!({"exp": NOW - 61})), TokenError::Expired),
        ("not begun", with_claims(json!({"nbf": NOW + 61})), TokenError::NotYetValid),
        ("no tenant", with_claims(json!({"org": null})), TokenError::NoTenant { claim: "org".to_owned() }),
        ("oversized", with_claims(json!({"x": "x".repeat(8192)})), malformed(TokenPart::Whole, "at most 8192 bytes")),
        ("two parts", signed.to_owned(), malformed(TokenPart::Whole, parts)),
        ("four parts", format!("{good}.x"), malformed(TokenPart::Whole, parts)),
        ("five parts, which is JWE", "a.b.c.d.e".to_owned(), malformed(TokenPart::Whole, parts)),
        ("nothing", String::new(), malformed(TokenPart::Whole, parts)),
        ("padding", good.replacen('.', "=.", 1), malformed(TokenPart::Header, base64)),
        ("garbage", "!.!.!".to_owned(), malformed(TokenPart::Header, base64)),
        ("no JSON", "AAAA.AAAA.AAAA".to_owned(), malformed(TokenPart::Header, "a JSON object")),
        ("a list", token(&json!({"alg": "EdDSA"}), &json!([1]), |_| Vec::new()), malformed(TokenPart::Claims, "a JSON object")),
    ] {
        assert_eq!(issuer.verify(&token).await.map(drop), Err(expected), "{what}");
        let text = format!("{:?}", issuer.verify(&token).await);
        assert!(token.split('.').all(|part| part.len() < 8 || !text.contains(part)), "{what}: {text}");
    }
    assert!(issuer.verify(&good).await.is_ok(), "it was none of the rest");
}

#[tokio::test(start_paused = true)]
async fn a_key_for_something_else_is_not_taken() {
    let signer = Signer::ed25519();
    for members in [
        json!({"use": "enc"}),
        json!({"key_ops": ["sign"]}),
        json!({"alg": "ES256"}),
        json!({"alg": "HS256"}),
        json!({"crv": "X25519"}),
    ] {
        let issuer = Issuer::new(config("org"), vec![with(signer.jwk("k"), members.clone())]);
        let refused = issuer.verify_new(&signer, "k").await;
        assert!(matches!(refused, Err(TokenError::UnknownKey | TokenError::Algorithm)), "{members}: {refused:?}");
    }
    let several = Issuer::new(config("org"), vec![signer.jwk("a"), Signer::ed25519().jwk("b")]);
    let unnamed = signer.token(&json!({"alg": "EdDSA"}), &claims(NOW));
    assert_eq!(several.verify(&unnamed).await, Err(TokenError::UnknownKey), "it could be either's");
}

#[tokio::test(start_paused = true)]
async fn only_named_algorithms_are_taken() {
    let issuer = Issuer::new(variables(&[("AMAAS_OIDC_ALGORITHMS", "ES256")]), vec![RSA.jwk("rsa")]);
    assert_eq!(issuer.verify_new(&RSA, "rsa").await, Err(TokenError::Algorithm));
    assert_eq!(issuer.fetches(), 0, "no key was looked for");
}

#[tokio::test(start_paused = true)]
async fn many_unknown_keys_cause_one_fetch_in_a_while() {
    let (signer, stranger) = (Signer::ed25519(), Signer::ed25519());
    let issuer = Issuer::new(config("org"), vec![signer.jwk("k")]);
    assert_eq!(issuer.verify_new(&signer, "k").await, Ok(()));
    let begun = Instant::now();
    let mut number = 0;
    while begun.elapsed() < MIN_INTERVAL * 10 {
        for _ in 0..10 {
            assert_eq!(issuer.verify_new(&stranger, &format!("{number}")).await, Err(TokenError::UnknownKey));
            number += 1;
        }
        sleep(Duration::from_millis(500)).await;
    }
    assert!((9..=12).contains(&issuer.fetches()), "{} fetches for {number} tokens", issuer.fetches());

    issuer.answers(Answer::Refuses);
    let before = issuer.fetches();
    let begun = Instant::now();
    while begun.elapsed() < MIN_INTERVAL * 3 {
        assert_eq!(issuer.verify_new(&stranger, "x").await, Err(TokenError::UnknownKey));
        assert_eq!(issuer.verify_new(&signer, "k").await, Ok(()), "keys that are known go on");
        sleep(Duration::from_millis(500)).await;
    }
    assert!(issuer.fetches() - before <= 4, "{} fetches of an issuer that is down", issuer.fetches() - before);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_new_is_found() {
    let (old, new) = (Signer::ed25519(), Signer::p256());
    let issuer = Issuer::new(config("org"), vec![old.jwk("old")]);
    assert_eq!(issuer.verify_new(&old, "old").await, Ok(()));
    issuer.answers(Answer::Keys(vec![new.jwk("new")]));
    assert_eq!(issuer.verify_new(&new, "new").await, Err(TokenError::UnknownKey), "the last fetch was a moment ago");
    advance(MIN_INTERVAL).await;
    assert_eq!(issuer.verify_new(&new, "new").await, Ok(()));
    assert_eq!(issuer.verify_new(&old, "old").await, Err(TokenError::UnknownKey), "the old one is gone");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_gone_is_of_no_use_for_long() {
    let signer = Signer::ed25519();
    let issuer = Issuer::new(config("org"), vec![signer.jwk("k")]);
    let token = signer.token(&header(&signer, "k"), &claims(NOW));
    assert!(issuer.verify(&token).await.is_ok());
    issuer.answers(Answer::Keys(Vec::new()));
    sleep(Duration::from_secs(10 * 60 - 1)).await;
    assert!(issuer.verify(&token).await.is_ok(), "and read ahead for the next one");
    sleep(Duration::from_secs(61)).await;
    assert_eq!(issuer.verify(&token).await, Err(TokenError::UnknownKey));
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_is_done_without_for_a_day() {
    for down in [Answer::Refuses, Answer::Hangs] {
        let signer = Signer::ed25519();
        let issuer = Issuer::new(config("org"), vec![signer.jwk("k")]);
        assert_eq!(issuer.verify_new(&signer, "k").await, Ok(()));
        issuer.answers(down);
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        while begun.elapsed() + Duration::from_mins(10) < STALE_IF_ERROR {
            let came = Instant::now();
            assert_eq!(issuer.verify_new(&signer, "k").await, Ok(()));
            assert!(came.elapsed() <= Duration::from_secs(1), "{:?}", came.elapsed());
            waited += came.elapsed();
            sleep(Duration::from_mins(5)).await;
        }
        sleep(Duration::from_mins(11)).await;
        let refused = issuer.verify_new(&signer, "k").await;
        assert!(matches!(refused, Err(TokenError::Unavailable { .. })), "{refused:?}");
        issuer.answers(Answer::Keys(vec![signer.jwk("k")]));
        sleep(Duration::from_mins(1)).await;
        assert_eq!(issuer.verify_new(&signer, "k").await, Ok(()), "it is back");
    }
}

#[tokio::test(start_paused = true)]
async fn without_any_keys_callers_are_told_to_come_again() {
    let signer = Signer::ed25519();
    let issuer = Issuer::new(config("org"), Vec::new());
    issuer.answers(Answer::Refuses);
    let refused = Err(TokenError::Unavailable { internal: "refused".to_owned() });
    for _ in 0..20 {
        assert_eq!(issuer.verify_new(&signer, "k").await, refused);
    }
    assert_eq!(issuer.fetches(), 1, "it is left alone for a moment");
    issuer.answers(Answer::Keys(vec![signer.jwk("k")]));
    advance(Duration::from_secs(2)).await;
    assert_eq!(issuer.verify_new(&signer, "k").await, Ok(()));
    issuer.oidc.forget();
    assert_eq!(issuer.oidc.load().await, Ok(()));
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn callers_share_a_fetch_that_goes_on_without_the_first() {
    let signer = Arc::new(Signer::ed25519());
    let issuer = Arc::new(Issuer::new(config("org"), vec![signer.jwk("k")]));
    let first = tokio::time::timeout(QUICK / 2, issuer.verify_new(&signer, "k")).await;
    assert!(first.is_err(), "it went away");
    let calls = (0..20).map(|_| {
        let (issuer, signer) = (Arc::clone(&issuer), Arc::clone(&signer));
        tokio::spawn(async move { issuer.verify_new(&signer, "k").await })
    });
    let began = Instant::now();
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("no panic"), Ok(()));
    }
    assert_eq!(issuer.fetches(), 1);
    assert!(began.elapsed() <= QUICK, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_found_good_is_not_looked_at_again_until_it_ends() {
    let issuer = Issuer::new(config("org"), vec![RSA.jwk("k")]);
    let token = RSA.token(&header(&RSA, "k"), &with(claims(NOW), json!({"exp": NOW + 10})));
    assert!(issuer.verify(&token).await.is_ok());
    let begun = std::time::Instant::now();
    for _ in 0..1000 {
        assert!(issuer.verify(&token).await.is_ok());
    }
    println!("{:?} a call", begun.elapsed() / 1000);
    advance(Duration::from_secs(69)).await;
    assert!(issuer.verify(&token).await.is_ok(), "clocks may differ by a minute");
    advance(Duration::from_secs(1)).await;
    assert_eq!(issuer.verify(&token).await, Err(TokenError::Expired));
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_strange(text in "\\PC*", header in "\\PC*", claims in "\\PC*", signature in "[A-Za-z0-9_-]*") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let signer = Signer::ed25519();
        let made = token(&Value::String(header.clone()), &Value::String(claims.clone()), |_| signature.into_bytes());
        let raw = format!("{header}.{claims}.{text}");
        runtime.block_on(async {
            let issuer = Issuer::new(config("org"), vec![signer.jwk("k")]);
            for token in [&text, &made, &raw] {
                assert!(issuer.verify(token).await.is_err());
            }
        });
    }

    #[test]
    fn no_change_to_a_token_is_overlooked(at in 0_usize..1000, to in "[A-Za-z0-9_.-]") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let signer = Signer::ed25519();
        let token = signer.token(&header(&signer, "k"), &claims(NOW));
        let at = at % token.len();
        let changed = format!("{}{to}{}", &token[..at], &token[at + 1..]);
        runtime.block_on(async {
            let issuer = Issuer::new(config("org"), vec![signer.jwk("k")]);
            assert_eq!(issuer.verify(&changed).await.is_ok(), changed == token);
        });
    }
}

/// 2026-01-01.
const NOW: u64 = 1_767_225_600;
const QUICK: Duration = Duration::from_millis(20);
