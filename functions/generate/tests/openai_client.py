"""Drives /v1/completions with OpenAI's own client. `tests/it/openai_client.rs` starts it, with the service in the environment.

Ends with 77 where the package `openai` is not installed.
"""

import json
import os
import sys

try:
    import openai
except ImportError as error:
    print(f"{sys.executable} has no package openai: {error}")
    sys.exit(77)

PROMPT = "ROMEO:\n"


def main() -> None:
    client = openai.OpenAI(max_retries=0)
    create = client.completions.create
    whole = create(model="generate", prompt=PROMPT, max_tokens=40, temperature=0)
    (choice,) = whole.choices
    assert whole.object == "text_completion" and whole.model == "generate" and whole.id.startswith("cmpl-")
    assert choice.finish_reason == "length" and choice.index == 0 and choice.text
    assert whole.usage.completion_tokens == 40 and whole.usage.total_tokens == 40 + whole.usage.prompt_tokens

    options = {"include_usage": True}
    events = list(create(model="generate", prompt=PROMPT, max_tokens=40, temperature=0, stream=True, stream_options=options))
    assert len(events) > 10 and len({event.id for event in events}) == 1
    *pieces, usage = events
    assert "".join(piece.choices[0].text for piece in pieces) == choice.text
    assert [piece.choices[0].finish_reason for piece in pieces[-2:]] == [None, "length"]
    assert usage.choices == [] and usage.usage == whole.usage
    assert all("usage" in piece.model_fields_set and piece.usage is None for piece in pieces)

    drawn = [create(model="generate", prompt=PROMPT, max_tokens=40, seed=seed, top_p=0.9).choices[0].text for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    stopped = create(model="generate", prompt=PROMPT, max_tokens=40, temperature=0, stop=[choice.text[5:8], "never"])
    assert stopped.choices[0].finish_reason == "stop" and choice.text.startswith(stopped.choices[0].text)
    assert len(stopped.choices[0].text) <= 5
    echo = create(model="generate", prompt=PROMPT, max_tokens=4, temperature=0, echo=True)
    assert echo.choices[0].text.startswith(PROMPT)
    told = create(model="generate", prompt=PROMPT, max_tokens=4, temperature=0, logprobs=2).choices[0]
    assert "".join(told.logprobs.tokens) == told.text and len(told.logprobs.token_logprobs) == 4
    for chance, top in zip(told.logprobs.token_logprobs, told.logprobs.top_logprobs, strict=True):
        assert abs(chance - max(top.values())) < 1e-9 and chance < 0
    logprobs_are_told()

    narrow = openai.OpenAI(api_key=os.environ["AMAAS_NARROW_KEY"], max_retries=0)
    bad = openai.BadRequestError
    refused(openai.NotFoundError, "model_not_found", lambda: create(model="nobody", prompt="a"))
    refused(openai.NotFoundError, "no_completions", lambda: create(model="plain", prompt="a"))
    refused(openai.PermissionDeniedError, "key_scope", lambda: narrow.completions.create(model="generate", prompt="a"))
    refused(bad, "invalid_input", lambda: create(model="generate", prompt="a", n=2))
    for option in ["top_k", "max_completion_tokens", "ignore_eos", "temprature"]:
        call = lambda option=option: create(model="generate", prompt="a", extra_body={option: 1})
        assert refused(bad, "invalid_input", call).param == option
    # What changes nothing is taken, and what LangChain sends where its user says nothing.
    create(model="generate", prompt="a", user="u", best_of=1, logit_bias={}, extra_body={"metadata": {"a": "b"}, "store": False})
    create(model="generate", prompt=["a"], temperature=0.7, top_p=1, frequency_penalty=0, presence_penalty=0, n=1, seed=None, logprobs=None, max_tokens=16)
    refused(bad, "invalid_input", lambda: create(model="generate", prompt=[1, 2]))
    refused(bad, "invalid_input", lambda: create(model="generate", prompt="a", max_tokens=10_000))
    refused(bad, "invalid_input", lambda: create(model="generate", prompt="a " * 1000))
    print(f"openai {openai.__version__}: texts whole and streamed, options and seven refusals as expected")


def logprobs_are_told() -> None:
    """As many as asked for, one a token, each a number, by the same name as the token that was taken, in what the types say."""
    client = openai.OpenAI(max_retries=0)
    for prompt, seed in [("ROMEO:\n", 1), ("\N{CAT FACE}", 2), ("", 3)]:
        raw = client.completions.with_raw_response.create(
            model="generate", prompt=prompt, max_tokens=40, seed=seed, temperature=2, logprobs=5
        )
        told = raw.parse().choices[0].logprobs
        strict = type(told).model_validate_json(json.dumps(raw.http_response.json()["choices"][0]["logprobs"]), strict=True)
        assert strict == told
        assert len(told.tokens) == len(told.token_logprobs) == len(told.top_logprobs) == len(told.text_offset)
        for token, chance, top in zip(told.tokens, told.token_logprobs, told.top_logprobs, strict=True):
            assert len(top) == 5 and token and all(key and "\ufffd" not in key for key in [token, *top]), (token, top)
            assert all(isinstance(it, float) and -9999 <= it <= 0 for it in [chance, *top.values()]), (chance, top)
            assert token not in top or abs(top[token] - chance) < 1e-9, (token, chance, top)


def refused(expected: type, code: str, call) -> openai.APIStatusError:
    try:
        call()
    except expected as error:
        assert error.code == code and error.body["message"], error
        return error
    else:
        raise AssertionError(f"expected {expected.__name__}, {code}")


if __name__ == "__main__":
    main()
