"""HTTP/1.1 with control of every byte: no library writes, repeats or repairs anything."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from case import Fault, expect

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise Fault("a body of JSON", self) from None

    def okay(self) -> Any:
        """The JSON of an answer, which must be a success."""
        expect(self.status == 200, "status 200", self)
        return self.json()

    def refused(self) -> None:
        """Asserts that it is an error in the protocol's shape."""
        expect(self.status >= 400, "an HTTP error status", self)
        error = self.json()
        holds = isinstance(error, dict) and isinstance(error.get("error"), str) and error["error"] != ""
        expect(holds, 'the object {"error": $string}', self)

    def parts(self) -> tuple[Any, bytes]:
        """The JSON of a binary answer, and the bytes after it."""
        expect(self.status == 200, "status 200", self)
        length = self.headers.get(HEADER_LENGTH.lower(), "")
        expect(length.isdigit(), f"the header {HEADER_LENGTH} with a number", self.headers)
        head, tail = self.body[: int(length)], self.body[int(length) :]
        return Answer(self.status, self.headers, head).json(), tail

    def __str__(self) -> str:
        kind = self.headers.get("content-type", "no type")
        return f"status {self.status}, {kind}: {self.body[:400].decode(errors='replace')}"


@dataclass(frozen=True)
class Wire:
    """A server, and the headers of every call. Each call has a connection of its own."""

    url: str
    headers: Headers

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: bytes | None = None, headers: Headers = ()) -> Answer:
        length = [("Content-Length", str(len(body)))] if body is not None else []
        return self._send(method, path, [body] if body else [], [*headers, *length])

    def chunked(self, path: str, chunks: Iterable[bytes], headers: Headers = ()) -> Answer:
        """A body of unknown length (RFC 9112 §7.1)."""
        framed = [b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks]
        return self._send("POST", path, [*framed, b"0\r\n\r\n"], [*headers, ("Transfer-Encoding", "chunked")])

    def _send(self, method: str, path: str, parts: Iterable[bytes], headers: Headers) -> Answer:
        url = urlsplit(self.url)
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = kind(url.netloc, timeout=PATIENCE)
        try:
            connection.putrequest(method, url.path.rstrip("/") + path, skip_accept_encoding=True)
            for name, value in [*self.headers, *headers, ("Connection", "close")]:
                connection.putheader(name, value)
            connection.endheaders()
            try:
                for part in parts:
                    connection.send(part)
            except (BrokenPipeError, ConnectionResetError):
                pass  # It need not read what it refuses; what it says is read below.
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise Fault("an answer", f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()


HEADER_LENGTH = "Inference-Header-Content-Length"
PATIENCE = 60.0
