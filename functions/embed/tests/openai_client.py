"""Drives /v1/embeddings and /v1/models with OpenAI's own client. `tests/it/openai_client.rs` starts it with the
service in the environment.

Ends with 77 where the package `openai` is not installed.
"""

import math
import os
import sys

try:
    import openai
except ImportError as error:
    print(f"{sys.executable} has no package openai: {error}")
    sys.exit(77)

TEXTS = ["The cat sleeps on the warm roof.", "A kitten naps on top of the house.", "Interest rates rose in March."]


def main() -> None:
    client = openai.OpenAI(max_retries=0)
    # By default the client requests base64, and returns floats.
    usual = client.embeddings.create(model="embed", input=TEXTS)
    plain = client.embeddings.create(model="embed", input=TEXTS, encoding_format="float")
    encoded = client.embeddings.create(model="embed", input=TEXTS[0], encoding_format="base64")
    assert [entry.index for entry in usual.data] == [0, 1, 2]
    assert usual.object == "list" and usual.data[0].object == "embedding" and usual.model == "embed"
    assert usual.usage.prompt_tokens == usual.usage.total_tokens > 0
    assert isinstance(encoded.data[0].embedding, str)
    for one, other in zip(usual.data, plain.data, strict=True):
        assert len(one.embedding) == 384 and math.dist(one.embedding, other.embedding) < 1e-5
    cat, kitten, rates = (entry.embedding for entry in usual.data)
    assert math.sumprod(cat, kitten) > math.sumprod(cat, rates) if hasattr(math, "sumprod") else True

    models = {model.id: model for model in client.models.list()}
    assert models["embed"].object == "model" and models["embed"].created > 0
    assert client.models.retrieve("embed").id == "embed"

    narrow = openai.OpenAI(api_key=os.environ["AMAAS_NARROW_KEY"], max_retries=0)
    refused(openai.NotFoundError, "model_not_found", lambda: client.embeddings.create(model="nobody", input="a"))
    refused(openai.NotFoundError, "no_embeddings", lambda: client.embeddings.create(model="plain", input="a"))
    refused(openai.BadRequestError, "invalid_input", lambda: client.embeddings.create(model="embed", input=[1, 2]))
    refused(openai.BadRequestError, "invalid_input", lambda: client.embeddings.create(model="embed", input="a", dimensions=7))
    refused(openai.PermissionDeniedError, "key_scope", lambda: narrow.embeddings.create(model="embed", input="a"))
    wrong = openai.OpenAI(api_key="wrong", max_retries=0)
    refused(openai.AuthenticationError, "invalid_api_key", lambda: wrong.models.list())
    print(f"openai {openai.__version__}: vectors as floats and as base64, models and six refusals as expected")


def refused(expected: type, code: str, call) -> None:
    try:
        call()
    except expected as error:
        assert error.code == code and error.body["message"], error
    else:
        raise AssertionError(f"expected {expected.__name__}, {code}")


if __name__ == "__main__":
    main()
