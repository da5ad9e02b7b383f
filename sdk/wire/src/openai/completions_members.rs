//! The members of `POST /v1/completions`.

use super::member::{self, Member, MemberEffect};

/// The members that the route takes.
pub(super) const MEMBERS: [Member; 23] = [
    Member::new("model", MemberEffect::Required, "the model's name"),
    Member::new("prompt", MemberEffect::Required, "a text, or a list of one"),
    Member::new("max_tokens", MemberEffect::Honoured, "the most tokens to generate, 16 by default"),
    Member::new("temperature", MemberEffect::Honoured, "0 to 2, 1 by default; 0 is greedy decoding"),
    Member::new("top_p", MemberEffect::Honoured, "above 0 and up to 1, the default"),
    Member::new("seed", MemberEffect::Honoured, "a whole number of 64 bits; random by default"),
    Member::new("stop", MemberEffect::Honoured, "a text, or up to four"),
    Member::new("logprobs", MemberEffect::Honoured, "0 to 5"),
    Member::new("echo", MemberEffect::Honoured, "`true` or `false`; not together with `logprobs`"),
    Member::new("stream", MemberEffect::Honoured, "`true` or `false`"),
    Member::new("stream_options", MemberEffect::Honoured, "`{\"include_usage\": …}`, if `stream` is true"),
    Member::new("n", MemberEffect::Fixed, "1: an answer has one text"),
    Member::new("best_of", MemberEffect::Fixed, "1: an answer has one text"),
    Member::new("suffix", MemberEffect::Fixed, "`\"\"`: text is not inserted"),
    Member::new("presence_penalty", MemberEffect::Fixed, "0: tokens are not penalised"),
    Member::new("frequency_penalty", MemberEffect::Fixed, "0: tokens are not penalised"),
    Member::new("logit_bias", MemberEffect::Fixed, "`{}`: the logits are the model's own"),
    member::USER,
    member::SAFETY_IDENTIFIER,
    member::PROMPT_CACHE_KEY,
    member::METADATA,
    member::SERVICE_TIER,
    member::STORE,
];
