"""A Function URL, or an HTTP API with its deployed routes, as a local server with plain HTTP.

A request becomes an event of payload format 2.0, which invokes the alias, and the answer becomes HTTP again. The deployed configuration decides which
function answers: the URL's qualifier, or the API's routes, integrations and grants."""

import base64
import json
import re
import threading
import time
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError


@contextmanager
def bridge(find: Callable[[str, str], str | None], session: boto3.Session, seen: Callable[[str], None] = lambda _: None, whole: bool = False):
    """Serves on a free port of loopback; `find` says which alias answers a method and a path, None for 404. `seen` is called with
    the function's version that answered; `whole` refuses a streamed answer."""
    client = session.client("lambda")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = urlsplit(self.path)
            alias = find(self.command, url.path)
            if alias is None:
                self.answer(404, {"content-type": "application/json"}, b'{"message":"Not Found"}')
                return
            request = event(self.command, url.path, url.query, self.headers.items(), body)
            try:
                self.answer(*invoke(client, alias, request, seen, whole))
            except (AssertionError, ClientError) as error:  # AWS answers the same, with less detail
                self.answer(502, {"content-type": "application/json"}, json.dumps({"message": str(error)}).encode())

        do_GET = do_POST = do_PUT = do_DELETE = serve

        def answer(self, status: int, headers: dict[str, str], body: bytes):
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def invoke(client, alias_arn: str, request: dict, seen: Callable[[str], None] = lambda _: None, whole: bool = False) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the function's answer, whole or streamed; with `whole`, for an HTTP API."""
    function, qualifier = alias_arn.rsplit(":", 1)
    response = client.invoke(FunctionName=function, Qualifier=qualifier, Payload=json.dumps(request))
    payload = response["Payload"].read().decode().encode("latin-1")  # server.py encodes bytes like this
    assert "FunctionError" not in response, f"the function failed: {payload[:500]!r}"
    seen(response["ExecutedVersion"])
    prelude, streamed, rest = payload.partition(bytes(8))
    assert whole is False or not streamed, "a streamed answer, which an HTTP API does not take"
    answer = json.loads(prelude)
    if not streamed:
        rest = answer.get("body", "")
        rest = base64.b64decode(rest) if answer.get("isBase64Encoded") else rest.encode()
    return answer["statusCode"], answer.get("headers", {}), rest


def of_url(session: boto3.Session, function_name: str) -> Callable[[str, str], str | None]:
    """Routes every path to the alias with the Function URL."""
    session.client("lambda").get_function_url_config(FunctionName=function_name, Qualifier="live")  # raises an error if there is none
    return lambda _method, _path: f"{function_name}:live"


def of_api(session: boto3.Session, api_id: str) -> Callable[[str, str], str | None]:
    """The routes of an HTTP API: an exact path before a greedy one, a method before ANY. The function must have a grant for the API."""
    client = session.client("apigatewayv2")
    integrations = {i["IntegrationId"]: i for i in client.get_integrations(ApiId=api_id, MaxResults="1000")["Items"]}
    routes = []
    for route in client.get_routes(ApiId=api_id, MaxResults="1000")["Items"]:
        method, path = route["RouteKey"].split(" ", 1)
        integration = integrations[route["Target"].removeprefix("integrations/")]
        assert integration["PayloadFormatVersion"] == "2.0", f"payload format {integration['PayloadFormatVersion']}"
        # arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations
        alias = integration["IntegrationUri"].split("/functions/")[1].removesuffix("/invocations")
        pattern = re.compile(re.sub(r"\\{[a-z]+\\\+\\}", ".+", re.escape(path)))
        routes.append(((path.count("{"), -len(path), method == "ANY"), method, pattern, alias))
    routes.sort(key=lambda route: route[0])
    for alias in {route[3] for route in routes}:
        granted(session, alias, api_id)

    def find(method: str, path: str) -> str | None:
        return next((a for _, m, pattern, a in routes if m in (method, "ANY") and pattern.fullmatch(path)), None)

    return find


def granted(session: boto3.Session, alias_arn: str, api_id: str):
    """The API may invoke the alias, and only this API may."""
    function, qualifier = alias_arn.rsplit(":", 1)
    policy = json.loads(session.client("lambda").get_policy(FunctionName=function, Qualifier=qualifier)["Policy"])
    others = [s for s in policy["Statement"] if s["Principal"] != {"Service": "apigateway.amazonaws.com"}]
    assert not others, f"{alias_arn} may be invoked by {others}"
    sources = [json.dumps(grant.get("Condition", grant)) for grant in policy["Statement"]]
    assert sources and all(f":{api_id}/" in source for source in sources), f"{alias_arn} may be invoked by {sources}"


def event(method: str, path: str, query: str = "", headers=(), body: bytes = b"") -> dict:
    """The event of a request from a Function URL or an HTTP API, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in headers} or {"host": "localhost", "accept": "application/json"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "localhost",
            "domainName": "localhost",
            "domainPrefix": "localhost",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "amaas-infra-tests"},
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
            "timeEpoch": int(time.time() * 1000),
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
