//! Credentials that the service refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use amaas::testing::{ScriptedReply, TestServer};
use amaas::{Authorization, AuthorizationFuture, CachedCredentials, CredentialProvider, Error, ErrorKind};

use crate::Result;

/// Gives `token-0`, `token-1` and so on; from `last` on the same.
struct Tokens {
    asked: Arc<AtomicU32>,
    last: u32,
}

impl CredentialProvider for Tokens {
    fn authorization(&self) -> AuthorizationFuture<'_> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed).min(self.last);
        Box::pin(async move { Ok(Authorization::bearer(&format!("token-{number}"))?) })
    }
}

#[derive(Clone, Copy, Debug)]
enum How {
    CachedCredentials,
    Each,
}

#[tokio::test]
async fn refused_credentials_are_fetched_anew_once() -> Result {
    use How::{CachedCredentials as Kept, Each};
    let refused = || ScriptedReply::problem(401, "key-expired", "the token has expired");
    let answer = || ScriptedReply::predict("m", [1]);
    let unauthorized = Some(ErrorKind::Unauthorized);
    for (how, last, replies, error, sent) in [
        (Kept, u32::MAX, vec![refused(), answer()], None, &["token-0", "token-1"][..]),
        (Each, u32::MAX, vec![refused(), answer()], None, &["token-0", "token-1"]),
        (Kept, u32::MAX, vec![refused(), refused()], unauthorized, &["token-0", "token-1"]),
        // There are no others.
        (Kept, 0, vec![refused()], unauthorized, &["token-0"]),
        (Each, 0, vec![refused()], unauthorized, &["token-0"]),
        // A gateway outside the seal has not seen them.
        (Kept, u32::MAX, vec![refused().unsealed()], unauthorized, &["token-0"]),
        // Other refusals are not about who calls.
        (Kept, u32::MAX, vec![ScriptedReply::problem(403, "key-scope", "")], Some(ErrorKind::Forbidden), &["token-0"]),
    ] {
        let (server, asked) = (TestServer::start().await?, Arc::new(AtomicU32::new(0)));
        let tokens = Tokens { asked: Arc::clone(&asked), last };
        let builder = match how {
            Kept => server.client_builder().credentials(CachedCredentials::new(tokens)),
            Each => server.client_builder().credentials(tokens),
        };
        let model = builder.retry(amaas::RetryConfig::off()).build()?.model("m");
        for reply in replies {
            server.reply(reply);
        }
        let answered = model.predict::<u8>("x").await;
        assert_eq!(answered.as_ref().err().map(Error::kind), error, "{how:?}");
        let attempts = answered.map_or_else(|error| error.attempts(), |answer| answer.attempts());
        assert_eq!((attempts as usize, server.remaining()), (sent.len(), 0), "{how:?}");
        let requests = server.requests();
        let bearers: Vec<_> = requests.iter().filter_map(|request| request.header("authorization")).collect();
        let expected: Vec<_> = sent.iter().map(|token| format!("Bearer {token}")).collect();
        assert_eq!(bearers, expected, "{how:?}");
        let keys: Vec<_> = requests.iter().map(|request| request.header("idempotency-key")).collect();
        assert!(keys.iter().all(|key| *key == keys[0] && key.is_some()), "it is one call");

        // A later call begins with those that were taken.
        server.predict("m", [1]);
        model.predict::<u8>("x").await?;
        if matches!(how, Kept) {
            let last = server.requests().pop().and_then(|request| request.header("authorization").map(str::to_owned));
            assert_eq!(last.as_ref(), expected.last(), "{how:?}");
        }
    }
    Ok(())
}
