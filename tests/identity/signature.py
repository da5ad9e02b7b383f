"""Compares requests' AWS Signature Version 4 with botocore's.

Standard input is JSON: `access_key`, `secret_key`, `token`, `region`, `service`, and `requests`, each with `method`, `url`, `headers` and
`body` (base64) as they arrived. Ends with 1 and says why where botocore would have signed a request otherwise.
"""

import base64
import hashlib
import json
import re
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

told = json.load(sys.stdin)
credentials = Credentials(told["access_key"], told["secret_key"], told["token"])
region, service = told["region"], told["service"]
for request in told["requests"]:
    headers = {name.lower(): value for name, value in request["headers"].items()}
    body = base64.b64decode(request["body"])
    what = f"{request['method']} {request['url']}"
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})", headers["authorization"]
    )
    assert found, f"{what}: {headers['authorization']}"
    scope, names, signature = found.groups()
    date = headers["x-amz-date"]
    assert scope == f"{told['access_key']}/{date[:8]}/{region}/{service}/aws4_request", f"{what}: {scope}"
    assert headers["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest(), f"{what}: another body"
    assert headers["x-amz-security-token"] == told["token"], f"{what}: another token"
    signed = {name: headers[name] for name in names.split(";")}
    missing = {"host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"} - signed.keys()
    assert not missing, f"{what}: {missing} not signed"

    made = AWSRequest(method=request["method"], url=request["url"], headers=signed, data=body)
    made.context["timestamp"] = date
    auth = SigV4Auth(credentials, service, region)
    canonical = auth.canonical_request(made)
    expected = auth.signature(auth.string_to_sign(made, canonical), made)
    assert signature == expected, f"{what}: expected {expected}, got {signature} for\n{canonical}"
print(len(told["requests"]), "requests")
