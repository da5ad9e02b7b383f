"""Health checks, as load balancers make them."""

from __future__ import annotations

from typing import Any

from case import Level, case, expect
from target import Target
from wire import Answer


def body(answer: Answer) -> Any:
    """None for an empty body: `required_api.md` wants it so, `inference_rest.md` has an object there."""
    return answer.json() if answer.body else None


def true(answer: Answer, members: set[str]) -> None:
    got = body(answer)
    holds = got is None or (isinstance(got, dict) and any(got.get(member) is True for member in members))
    expect(holds, f"no body, or an object with {' or '.join(sorted(members))} true", answer)


def no(answer: Answer) -> None:
    expect(400 <= answer.status < 500, "a 4xx status", answer)


@case("rest/health/live", "The server says that it is live.", "required_api.md, Server Live")
def live(target: Target) -> None:
    answer = target.wire.get("/v2/health/live")
    expect(answer.status == 200, "status 200", answer)


@case("rest/health/ready", "The server says that it is ready.", "required_api.md, Server Ready")
def ready(target: Target) -> None:
    answer = target.wire.get("/v2/health/ready")
    expect(answer.status == 200, "status 200", answer)


@case(
    "rest/health/live/body",
    "What comes with it is nothing, or the object with `live`.",
    "inference_rest.md, Server Live Response JSON Object; required_api.md, Health",
    Level.SHOULD,
)
def live_body(target: Target) -> None:
    true(target.wire.get("/v2/health/live"), {"live"})


@case(
    "rest/health/ready/body",
    "What comes with it is nothing, or an object that says so (in `ready`; the text has `live`).",
    "inference_rest.md, Server Ready Response JSON Object; required_api.md, Health",
    Level.SHOULD,
)
def ready_body(target: Target) -> None:
    true(target.wire.get("/v2/health/ready"), {"live", "ready"})


@case("rest/health/model", "A model that is served is ready.", "required_api.md, Model Ready")
def model(target: Target) -> None:
    answer = target.wire.get("/v2/models/conformance-add/ready")
    expect(answer.status == 200, "status 200", answer)


@case(
    "rest/health/model/body",
    "What comes with it is nothing, or the object with `name` and `ready`.",
    "inference_rest.md, Model Ready Response JSON Object; required_api.md, Health",
    Level.SHOULD,
)
def model_body(target: Target) -> None:
    answer = target.wire.get("/v2/models/conformance-add/ready")
    true(answer, {"ready"})
    got = body(answer)
    expect(got is None or got.get("name") == "conformance-add", "the name of the model", answer)


@case("rest/health/model/unknown", "A model that nobody has is not ready.", "required_api.md, Health")
def unknown(target: Target) -> None:
    no(target.wire.get("/v2/models/conformance-nobody/ready"))


@case("rest/health/version", "A version that may be asked for is ready.", "required_api.md, Model Ready")
def version(target: Target) -> None:
    answer = target.wire.get(f"/v2/models/conformance-add/versions/{target.version('conformance-add')}/ready")
    expect(answer.status == 200, "status 200", answer)


@case("rest/health/version/unknown", "A version that the model has not is not ready.", "required_api.md, Health")
def unknown_version(target: Target) -> None:
    target.version("conformance-add")
    no(target.wire.get("/v2/models/conformance-add/versions/987654/ready"))
