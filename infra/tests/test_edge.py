"""Tests modules/edge/credential.js with requests of CloudFront."""

import json
import shutil
import subprocess
import unittest
from pathlib import Path

CODE = Path(__file__).resolve().parents[1] / "modules/edge/credential.js"

# Headers of a caller, and forwarded headers.
CASES = [
    ({}, {}),
    ({"authorization": "Bearer amaas_a_b"}, {"x-api-key": "amaas_a_b"}),
    ({"authorization": "bearer   eyJ.e30.c2ln  "}, {"x-api-key": "eyJ.e30.c2ln"}),
    ({"x-api-key": "amaas_a_b"}, {"x-api-key": "amaas_a_b"}),
    ({"authorization": "Bearer amaas_other", "x-api-key": "amaas_a_b"}, {"x-api-key": "amaas_a_b"}),
    ({"authorization": "Basic dXNlcjpwYXNz"}, {}),
    ({"authorization": "AWS4-HMAC-SHA256 Credential=x"}, {}),
    ({"authorization": "Bearer "}, {}),
    ({"authorization": "Bearer a", "x-amz-content-sha256": "0"}, {"x-api-key": "a", "x-amz-content-sha256": "0"}),
]


@unittest.skipUnless(shutil.which("node"), "node is not installed")
class Credential(unittest.TestCase):
    def test_keys_and_tokens_go_where_no_signature_is(self):
        events = [{"version": "1.0", "request": {"method": "POST", "uri": "/v1", "headers": {name: {"value": value} for name, value in sent.items()}}} for sent, _ in CASES]
        program = f"{CODE.read_text()}\nconsole.log(JSON.stringify({json.dumps(events)}.map(handler)));"
        requests = json.loads(subprocess.run(["node", "-e", program], check=True, capture_output=True, text=True, timeout=60).stdout)
        for (sent, expected), request in zip(CASES, requests, strict=True):
            with self.subTest(sent):
                self.assertEqual({name: header["value"] for name, header in request["headers"].items()}, expected)
                self.assertEqual((request["method"], request["uri"]), ("POST", "/v1"))


if __name__ == "__main__":
    unittest.main()
