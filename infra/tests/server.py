"""Starts moto_server with a Lambda that really runs a zip's `bootstrap`, and corrects differences between moto and AWS.

moto runs functions in Docker. Here an execution environment is a process: `runtime_api.py` unpacks the uploaded zip, starts `bootstrap` with the
function's environment, and passes it events. Each invoked version has one process, which stays warm until this server ends.

Corrections:
- moto reads the alias of an Invoke under the wrong name, and does not use an alias's weights;
- moto treats conditions of bucket policies as met. Here a call over loopback counts as a call over TLS;
- moto checks bucket policies for objects only, so a policy could not deny the deletion of the bucket or of itself;
- moto cannot delete delete markers together with the versions below them. `publish` leaves some for its upload markers;
- moto forgets the description of a security group rule unless the rule names addresses;
- moto lacks two actions of Step Functions. Here every definition is valid, and no state machine has versions.

Use: server.py PORT [FILE for requested actions, which rights.py reads]
"""

import inspect
import json
import os
import random
import sys
import threading
from pathlib import Path

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse
from moto.core.responses import ActionResult
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.server import main
from moto.stepfunctions.responses import StepFunctionResponse

from rights import Recorder
from runtime_api import Environment

environments: dict[tuple[str, str], Environment] = {}
starting = threading.Lock()


def run(function: LambdaFunction, event=None) -> tuple[str, bool, str]:
    """Passes one event to the function's environment. Returns the reply, whether it is an error, and the log.

    A reply may have any bytes. Each becomes one character, which the invoker decodes again."""
    payload = event if isinstance(event, str) else json.dumps(event)
    key = (function.function_arn, function.code_sha_256)
    with starting:
        environment = environments.get(key)
        if environment is None or not environment.alive():
            environment = environments[key] = Environment(function, outside())
    body, failed, log = environment.call(payload.encode())
    return body.decode("latin-1"), failed, log


def outside() -> dict[str, str]:
    """The environment that replaces a function's role and network."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "function",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
        "NO_PROXY": "127.0.0.1",
    }


def parameter(response: LambdaResponse, name: str, default=None):
    return moto_parameter(response, "Qualifier" if name == "qualifier" else name, default)


def invoke(backend: LambdaBackend, function_name: str, qualifier: str | None, body, headers, response_headers):
    """Invokes the version to which the alias routes this call, and returns that version."""
    alias = None
    if qualifier and not qualifier.isdigit() and qualifier != "$LATEST":
        alias = backend.get_alias(qualifier, function_name)
    if alias is not None:
        qualifier = alias.function_version
        chance = random.random()
        for version, weight in ((alias.routing_config or {}).get("AdditionalVersionWeights") or {}).items():
            if chance < weight:
                qualifier = version
                break
            chance -= weight
    response_headers["X-Amz-Executed-Version"] = qualifier or "$LATEST"
    return moto_invoke(backend, function_name, qualifier, body, headers, response_headers)


def permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """Evaluates only statements of the bucket's policy whose conditions a call over TLS 1.3 meets."""
    policy = json.loads(bucket.policy) if bucket.policy else {"Statement": []}
    policy["Statement"] = [statement for statement in policy["Statement"] if met(statement.get("Condition", {}))]
    if not policy["Statement"]:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


def met(condition: dict) -> bool:
    plain = condition.get("Bool", {}).get("aws:SecureTransport")
    oldest = condition.get("NumericLessThan", {}).get("s3:TlsVersion")
    return plain in (None, "true") and (oldest is None or float(oldest) > 1.3)


def asked_first(action: str, method):
    """The backend's method, unless the bucket's policy denies the action."""

    def call(backend: S3Backend, bucket_name: str, *positional, **named):
        bucket = backend.get_bucket(bucket_name)
        if bucket.get_permission(action, bucket.arn) == PermissionResult.DENIED:
            raise S3AccessDeniedError()
        return method(backend, bucket_name, *positional, **named)

    return call


def make_rule(*positional, **named):
    given = inspect.signature(moto_make_rule).bind(*positional, **named).arguments
    given["self"].prefix_list = given.get("prefix_list_id") or {}
    moto_make_rule(*positional, **named)


def description(rule: SecurityGroupRule) -> str | None:
    places = (rule.ip_range, rule.source_group, rule.prefix_list)
    return next((place["Description"] for place in places if "Description" in place), None)


moto_parameter = LambdaResponse._get_param
moto_invoke = LambdaBackend.invoke
LambdaResponse._get_param = parameter
LambdaBackend.invoke = invoke
LambdaFunction._invoke_lambda = run
FakeBucket.get_permission = permission
FakeDeleteMarker.dispose = lambda _: None  # moto disposes of all versions, and markers lack the method
S3Backend.delete_bucket = asked_first("s3:DeleteBucket", S3Backend.delete_bucket)
S3Backend.delete_bucket_policy = asked_first("s3:DeleteBucketPolicy", S3Backend.delete_bucket_policy)
moto_make_rule = SecurityGroupRule.__init__
SecurityGroupRule.__init__ = make_rule
SecurityGroupRule.description = property(description)
StepFunctionResponse.list_state_machine_versions = lambda _: ActionResult({"stateMachineVersions": []})
StepFunctionResponse.validate_state_machine_definition = lambda _: ActionResult({"result": "OK", "diagnostics": []})

if __name__ == "__main__":
    PORT = int(sys.argv[1])
    if len(sys.argv) > 2:
        dispatch = DomainDispatcherApplication.__call__
        recorder = Recorder(lambda environ, start_response: dispatch(recorder.dispatcher, environ, start_response), Path(sys.argv[2]))

        def record(dispatcher: DomainDispatcherApplication, environ, start_response):
            recorder.dispatcher = dispatcher
            return recorder(environ, start_response)

        DomainDispatcherApplication.__call__ = record
    main(["--host", "127.0.0.1", "--port", str(PORT)])
