"""Records the IAM actions of requests to the local AWS, by the access key that signed them, and checks them against policies.

moto allows every request. So each actor signs with its own access key, the server records the action of each request, and a test fails if
the actor's policy does not allow one of them. Resources and conditions are not checked."""

import fnmatch
import json
import re
import threading
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs

import botocore.session

# Actions that need no right. STS answers every caller. iam:GetUser is the provider's fallback with skip_credentials_validation, which only these
# tests set; the provider continues if IAM denies it.
FREE = {"sts:GetCallerIdentity", "iam:GetUser"}

# The service of a credential scope, if IAM has another name for it.
PREFIXES = {"monitoring": "cloudwatch", "email": "ses"}

# S3's actions by method and sub-resource, because IAM's names differ from the request.
BUCKET = {
    "GET": {
        "accelerate": "GetAccelerateConfiguration", "acl": "GetBucketAcl", "cors": "GetBucketCORS", "encryption": "GetEncryptionConfiguration",
        "lifecycle": "GetLifecycleConfiguration", "list-type": "ListBucket", "location": "GetBucketLocation", "logging": "GetBucketLogging",
        "object-lock": "GetBucketObjectLockConfiguration", "ownershipControls": "GetBucketOwnershipControls", "policy": "GetBucketPolicy",
        "publicAccessBlock": "GetBucketPublicAccessBlock", "replication": "GetReplicationConfiguration",
        "requestPayment": "GetBucketRequestPayment", "tagging": "GetBucketTagging", "versioning": "GetBucketVersioning",
        "versions": "ListBucketVersions", "website": "GetBucketWebsite", "": "ListBucket",
    },
    "PUT": {
        "encryption": "PutEncryptionConfiguration", "lifecycle": "PutLifecycleConfiguration", "ownershipControls": "PutBucketOwnershipControls",
        "policy": "PutBucketPolicy", "publicAccessBlock": "PutBucketPublicAccessBlock", "tagging": "PutBucketTagging",
        "versioning": "PutBucketVersioning", "": "CreateBucket",
    },
    # Deleting a setting needs the right to put it, except for the policy.
    "DELETE": {
        "encryption": "PutEncryptionConfiguration", "lifecycle": "PutLifecycleConfiguration", "ownershipControls": "PutBucketOwnershipControls",
        "policy": "DeleteBucketPolicy", "publicAccessBlock": "PutBucketPublicAccessBlock", "tagging": "PutBucketTagging", "": "DeleteBucket",
    },
    "HEAD": {"": "ListBucket"},
    "POST": {"delete": "DeleteObject"},
}
OBJECT = {
    "GET": {"": "GetObject"}, "HEAD": {"": "GetObject"}, "PUT": {"": "PutObject"}, "POST": {"": "PutObject"},
    "DELETE": {"uploadId": "AbortMultipartUpload", "versionId": "DeleteObjectVersion", "": "DeleteObject"},
}


class Recorder:
    """A WSGI application that records the actor and the action of each request, and forwards it."""

    def __init__(self, application, path: Path):
        self.application, self.path, self.lock = application, path, threading.Lock()
        self.seen: set[tuple[str, str]] = set()
        self.lambda_operations = operations("lambda")

    def __call__(self, environ, start_response):
        asked = self.asked(environ)
        with self.lock:
            if asked is not None and asked not in self.seen:
                self.seen.add(asked)
                with open(self.path, "a") as file:
                    file.write(json.dumps(asked) + "\n")
        return self.application(environ, start_response)

    def asked(self, environ) -> tuple[str, str] | None:
        """The access key and the action, or None for a request without a signature."""
        signed = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        if signed is None:
            return None
        key, service = signed[1], PREFIXES.get(signed[2], signed[2])
        return key, f"{service}:{self.operation(service, environ)}"

    def operation(self, service: str, environ) -> str:
        method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        target, cbor = environ.get("HTTP_X_AMZ_TARGET"), re.fullmatch(r"/service/\w+/operation/(\w+)", path)
        if target:
            return target.rpartition(".")[2]
        if cbor:
            return cbor[1]
        if service == "s3":
            _, _, object_key = path.strip("/").partition("/")
            table = (OBJECT if object_key else BUCKET)[method]
            return next((action for word, action in table.items() if word in query), table.get("", f"{method} {environ.get('QUERY_STRING')}"))
        if service == "apigateway":
            return method
        if service == "lambda":
            return next((name for name, verb, pattern in self.lambda_operations if verb == method and pattern.fullmatch(path)), f"{method} {path}")
        if "Action" in query:
            return query["Action"][0]
        if "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = BytesIO(body)
            return parse_qs(body.decode()).get("Action", ["?"])[0]
        return f"{method} {path}"


def operations(service: str) -> list[tuple[str, str, re.Pattern]]:
    """The operations of a REST service, by method and path. The longest path first, because one may be a prefix of another."""
    model = botocore.session.get_session().get_service_model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = re.sub(r"\\\{(\w+)(\\\+)?\\\}", r"[^/]+", re.escape(http["requestUri"].partition("?")[0].rstrip("/"))) + "/?"
        found.append(("InvokeFunction" if name == "Invoke" else name, http["method"], re.compile(path)))
    return sorted(found, key=lambda operation: -len(operation[2].pattern))


def asked_by(path: Path) -> dict[str, set[str]]:
    """The actions by access key."""
    found: dict[str, set[str]] = {}
    for line in path.read_text().splitlines():
        key, action = json.loads(line)
        found.setdefault(key, set()).add(action)
    return found


def not_allowed(actions: set[str], *documents: str) -> set[str]:
    """The actions that no document allows."""
    allowed = [action.lower() for document in documents for statement in json.loads(document)["Statement"] if statement["Effect"] == "Allow" for action in statement["Action"]]
    return {action for action in actions - FREE if not any(fnmatch.fnmatchcase(action.lower(), pattern) for pattern in allowed)}
