"""Drives /v1/rerank and /v2/rerank with Cohere's own client, and with a request as Jina documents it. `it/rerank.rs` starts it with
the service in the environment, and with a model `rank` that is a cross-encoder.

Ends with 77 where the package `cohere` is not installed.
"""

import json
import os
import sys
import urllib.request

try:
    import cohere
except ImportError as error:
    print(f"{sys.executable} has no package cohere: {error}")
    sys.exit(77)

QUERY = "Where is New York?"
DOCUMENTS = ["The cat sleeps on the warm roof.", "New York is a city in America.", "She sells sea shells by the sea shore."]


def main() -> None:
    endpoint, key = os.environ["AMAAS_ENDPOINT"], os.environ["AMAAS_API_KEY"]
    newer = cohere.ClientV2(api_key=key, base_url=endpoint, max_retries=0)
    older = cohere.Client(api_key=key, base_url=endpoint)
    one = newer.rerank(model="rank", query=QUERY, documents=DOCUMENTS)
    assert sorted(result.index for result in one.results) == [0, 1, 2], one
    scores = [result.relevance_score for result in one.results]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 3, scores
    assert one.id.startswith("rerank-") and one.meta.tokens.input_tokens > 0, one

    best = newer.rerank(model="rank", query=QUERY, documents=DOCUMENTS, top_n=1)
    assert [result.index for result in best.results] == [one.results[0].index]
    objects = [{"text": text} for text in DOCUMENTS]
    other = older.rerank(model="rank", query=QUERY, documents=objects, return_documents=True)
    assert [(result.index, result.relevance_score) for result in other.results] == [
        (result.index, result.relevance_score) for result in one.results
    ]
    assert [result.document.text for result in other.results] == [DOCUMENTS[result.index] for result in other.results]

    jina = post(endpoint, key, {"model": "rank", "query": QUERY, "documents": DOCUMENTS, "top_n": 2, "return_documents": True})
    assert jina["usage"]["total_tokens"] == one.meta.tokens.input_tokens, jina
    assert [result["index"] for result in jina["results"]] == [result.index for result in one.results[:2]], jina
    assert jina["results"][0]["document"] == {"text": DOCUMENTS[one.results[0].index]}, jina

    documents = {"query": QUERY, "documents": DOCUMENTS}
    refused(cohere.NotFoundError, "model_not_found", "model", lambda: newer.rerank(model="nobody", **documents))
    refused(cohere.NotFoundError, "no_ranking", "model", lambda: newer.rerank(model="plain", **documents))
    refused(
        cohere.BadRequestError,
        "invalid_input",
        "max_tokens_per_doc",
        lambda: newer.rerank(model="rank", max_tokens_per_doc=9, **documents),
    )
    refused(
        cohere.BadRequestError, "invalid_input", "rank_fields", lambda: older.rerank(model="rank", rank_fields=["text"], **documents)
    )
    wrong = cohere.ClientV2(api_key="wrong", base_url=endpoint, max_retries=0)
    refused(cohere.UnauthorizedError, "invalid_api_key", None, lambda: wrong.rerank(model="rank", **documents))
    print(f"cohere {cohere.__version__}: rankings of both routes, and five refusals as expected")


def post(endpoint: str, key: str, body: dict) -> dict:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{endpoint}/v1/rerank", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def refused(expected: type, code: str, param: str | None, call) -> None:
    try:
        call()
    except expected as error:
        told = error.body["error"]
        assert (told["code"], told["param"]) == (code, param) and told["message"], error
    else:
        raise AssertionError(f"expected {expected.__name__}, {code}")


if __name__ == "__main__":
    main()
