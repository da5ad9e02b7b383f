"""What must be true of a deployed stack, asked of the API through boto3. Each check raises AssertionError."""

import base64
import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import ClientError


@dataclass
class Stack:
    """A deployed examples/minimal: its outputs, and what was asked for."""

    outputs: dict[str, str]
    package: Path
    mode: str
    authorization: str
    iam: str
    publisher: str
    session: boto3.Session

    def function(self):
        """The function's settings in force, and the environment that it runs with."""
        client = self.session.client("lambda")
        settings = client.get_function(FunctionName=self.outputs["function_name"], Qualifier="live")["Configuration"]
        digest = base64.b64encode(hashlib.sha256(self.package.read_bytes()).digest()).decode()
        equal("code sha256", settings["CodeSha256"], digest)
        equal("runtime", (settings["Runtime"], settings["Handler"]), ("provided.al2023", "bootstrap"))
        equal("environment", settings["Environment"]["Variables"], {
            "AMAAS_STORE": f"s3://{self.outputs['bucket']}",
            "AMAAS_MODEL": "sentiment",
            "AMAAS_MODEL_VERSION": "live",
            "AMAAS_EXECUTION_PROVIDERS": "cpu",
            "AMAAS_KMS_KEY": self.outputs["sealing_key_arn"],
            "AMAAS_PUBLISHERS": self.publisher,
            "AMAAS_SEALING": "required",
            "AMAAS_LEDGER": f"dynamodb:{self.outputs['ledger_table']}",
            "AMAAS_RESPONSE_MODE": "stream" if self.mode == "RESPONSE_STREAM" else "buffered",
            **({"AMAAS_IAM": "tenant"} if self.iam == "tenant" else {}),
            "ORT_DISABLE_TELEMETRY": "1",
        })
        alias = client.get_alias(FunctionName=self.outputs["function_name"], Name="live")
        assert alias["FunctionVersion"].isdigit(), f"alias live points to {alias['FunctionVersion']}, not to a published version"

    def url(self):
        """The Function URL's settings, and who may reach it."""
        client = self.session.client("lambda")
        name = self.outputs["function_name"]
        if self.mode == "OFF":
            equal("endpoint", self.outputs.get("endpoint"), None)
        else:
            url = client.get_function_url_config(FunctionName=name, Qualifier="live")
            equal("url", (url["AuthType"], url["InvokeMode"]), (self.authorization, self.mode))
        try:
            statements = json.loads(client.get_policy(FunctionName=name, Qualifier="live")["Policy"])["Statement"]
        except ClientError as error:
            equal("error", error.response["Error"]["Code"], "ResourceNotFoundException")
            statements = []
        public = self.mode != "OFF" and self.authorization == "NONE"
        wanted = {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} if public else set()
        equal("actions open to everyone", {s["Action"] for s in statements if s["Principal"] == "*"}, wanted)
        # moto keeps the parameters of AddPermission as they came; AWS makes conditions of them.
        limits = {"lambda:InvokeFunctionUrl": ("FunctionUrlAuthType", "NONE"), "lambda:InvokeFunction": ("InvokedViaFunctionUrl", True)}
        for statement in statements:
            name, value = limits[statement["Action"]]
            equal(f"limit of {statement['Action']}", statement.get(name), value)

    def role(self):
        """Every right of the role: no more, no less."""
        iam = self.session.client("iam")
        equal("attached policies", iam.list_attached_role_policies(RoleName="amaas-sentiment")["AttachedPolicies"], [])
        equal("inline policies", iam.list_role_policies(RoleName="amaas-sentiment")["PolicyNames"], ["serve"])
        policy = iam.get_role_policy(RoleName="amaas-sentiment", PolicyName="serve")["PolicyDocument"]
        bucket = f"arn:aws:s3:::{self.outputs['bucket']}"
        region, account = self.session.region_name, self.session.client("sts").get_caller_identity()["Account"]
        rights = {}
        for statement in policy["Statement"]:
            for action in statement["Action"]:
                rights[action] = rights.get(action, []) + statement["Resource"]
        logs = [f"arn:aws:logs:{region}:{account}:log-group:/aws/lambda/amaas-sentiment:*"]
        table = [f"arn:aws:dynamodb:{region}:{account}:table/{self.outputs['ledger_table']}"]
        equal("rights", rights, {
            **{f"dynamodb:{action}": table for action in ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")},
            "s3:GetObject": [f"{bucket}/models/sentiment/*", f"{bucket}/blobs/sha256/*", f"{bucket}/sealing/sentiment.json"],
            "s3:ListBucket": [bucket],
            "kms:Decrypt": [self.outputs["kms_key_arn"], self.outputs["sealing_key_arn"], self.outputs["sealing_key_arn"]],
            "logs:CreateLogStream": logs,
            "logs:PutLogEvents": logs,
        })
        opened = [s["Condition"]["StringEquals"] for s in policy["Statement"] if s["Resource"] == [self.outputs["sealing_key_arn"]]]
        equal("what the sealing key opens", opened, [
            {"kms:EncryptionContext:model": "sentiment"},
            {"kms:EncryptionContext:model": "(ledger)", "kms:EncryptionContext:key": "secret"},
        ])

    def bucket(self):
        """Encryption, versioning, no public access, TLS only."""
        s3, bucket = self.session.client("s3"), self.outputs["bucket"]
        rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
        equal("encryption", rule["ApplyServerSideEncryptionByDefault"], {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": self.outputs["kms_key_arn"],
        })
        equal("bucket key", rule["BucketKeyEnabled"], True)
        equal("versioning", s3.get_bucket_versioning(Bucket=bucket)["Status"], "Enabled")
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert len(block) == 4 and all(block.values()), f"public access block: {block}"
        statements = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
        equal("bucket policy effects", {statement["Effect"] for statement in statements}, {"Deny"})
        rotation = self.session.client("kms").get_key_rotation_status(KeyId=self.outputs["kms_key_arn"])
        equal("key rotation", rotation["KeyRotationEnabled"], True)

    def ledger(self):
        """Keys, time to live and recovery of the table."""
        dynamodb, name = self.session.client("dynamodb"), self.outputs["ledger_table"]
        table = dynamodb.describe_table(TableName=name)["Table"]
        equal("keys", [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]], [("pk", "HASH"), ("sk", "RANGE")])
        equal("billing", table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        equal("time to live", (ttl["TimeToLiveStatus"], ttl["AttributeName"]), ("ENABLED", "expires"))
        backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        equal("recovery", backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"], "ENABLED")

    def live(self):
        """The deployed zip's own `bootstrap` answers GET /v2/health/live."""
        response = self.session.client("lambda").invoke(
            FunctionName=self.outputs["function_name"],
            Qualifier="live",
            Payload=json.dumps(function_url_event("GET", "/v2/health/live")),
            LogType="Tail",
        )
        payload = response["Payload"].read()
        log = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")[-2000:]
        assert "FunctionError" not in response, f"the function failed: {payload[:500]!r}\n{log}"
        prelude = payload.split(bytes(8), 1)[0]  # a streamed reply: JSON, eight NUL bytes, body
        assert json.loads(prelude).get("statusCode") == 200, f"live answered {payload[:500]!r}\n{log}"


def function_url_event(method: str, path: str) -> dict:
    """A request as a Function URL hands it on, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "localhost", "accept": "application/json", "user-agent": "amaas-infra-tests"},
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
        "isBase64Encoded": False,
    }


def equal(what: str, actual, expected):
    assert actual == expected, f"{what} is {actual!r}, expected {expected!r}"
