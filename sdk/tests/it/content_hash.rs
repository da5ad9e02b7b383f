//! Bodies whose hash goes along, for `CloudFront` before a Function URL.

use amaas::testing::{RecordedRequest, TestServer};
use amaas::{Client, Digest, Sealing};

use crate::Result;

const HASH: &str = "x-amz-content-sha256";

fn plain_digest(call: &RecordedRequest) -> String {
    Digest::of(call.body()).to_string().replace("sha256:", "")
}

#[tokio::test]
async fn calls_say_the_hash_of_what_goes_out_if_asked_to() -> Result {
    let server = TestServer::start().await?;
    for (asked, sealing) in
        [(false, Sealing::Required), (false, Sealing::Off), (true, Sealing::Required), (true, Sealing::Off)]
    {
        server.predict("m", [1]);
        let mut client = Client::builder().endpoint(server.url()).api_key(server.api_key()).sealing(sealing);
        if asked {
            client = client.content_sha256();
        }
        client.build()?.model("m").predict::<u8>("x").await?;
        let call = server.requests().pop().ok_or("a call")?;
        let hash = call.outer_header(HASH);
        assert_eq!(hash.is_some(), asked, "{sealing:?}");
        if sealing == Sealing::Off {
            assert!(hash.is_none_or(|hash| hash == plain_digest(&call)));
        } else {
            // What is inside is not what goes out, and its hash would tell what it is.
            assert!(hash.is_none_or(|hash| hash.len() == 64 && hash != plain_digest(&call)));
            assert_eq!(call.header(HASH), None);
        }
    }
    assert!(server.key_requests().iter().all(|request| request.outer_header(HASH).is_none()), "they have no body");
    Ok(())
}
