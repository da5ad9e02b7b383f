"""Checks of a deployed stack, through boto3. Each check raises AssertionError."""

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

import bridge


@dataclass
class Stack:
    """A deployed example: its outputs and its inputs."""

    session: boto3.Session
    outputs: dict
    package: Path
    publisher: str
    example: str
    mode: str
    authorization: str

    @property
    def name(self) -> str:
        """The function of the model `sentiment`."""
        return self.outputs["function_name"] if self.example == "minimal" else self.outputs["function_names"]["sentiment"]

    @property
    def iam(self) -> str:
        return "tenant" if self.authorization == "AWS_IAM" else "ignore"

    def checks(self):
        own = {"minimal": [self.url], "complete": [self.api, self.alarms, self.dead_letters]}[self.example]
        return [self.function, self.role, self.bucket, self.ledger, *own, self.live]

    def function(self):
        """The function's settings and its environment."""
        client = self.session.client("lambda")
        settings = client.get_function(FunctionName=self.name, Qualifier="live")["Configuration"]
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
            "AMAAS_REPLAY": "refuse",
            "AMAAS_LEDGER": f"dynamodb:{self.outputs['ledger_table']}",
            "AMAAS_RESPONSE_MODE": "stream" if self.example == "minimal" and self.mode == "RESPONSE_STREAM" else "buffered",
            **({"AMAAS_IAM": "tenant"} if self.example == "minimal" and self.iam == "tenant" else {}),
            "AMAAS_MAX_RUN_SECONDS": str(settings["Timeout"]),
            "ORT_DISABLE_TELEMETRY": "1",
        })
        # A new account has ten concurrent executions and can reserve none. It has no provisioned concurrency either, which moto would refuse.
        for name in self.outputs.get("function_names", {"sentiment": self.name}).values():
            equal(f"reserved concurrency of {name}", client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions"), None)
        alias = client.get_alias(FunctionName=self.name, Name="live")
        assert alias["FunctionVersion"].isdigit(), f"alias live points to {alias['FunctionVersion']}, not to a published version"

    def url(self):
        """The Function URL's settings and its grants."""
        client = self.session.client("lambda")
        name = self.name
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
        # moto keeps the parameters of AddPermission; AWS turns them into conditions.
        limits = {"lambda:InvokeFunctionUrl": ("FunctionUrlAuthType", "NONE"), "lambda:InvokeFunction": ("InvokedViaFunctionUrl", True)}
        for statement in statements:
            name, value = limits[statement["Action"]]
            equal(f"limit of {statement['Action']}", statement.get(name), value)

    def role(self):
        """Every right of the role: no more, no less."""
        iam = self.session.client("iam")
        equal("attached policies", iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"], [])
        equal("inline policies", iam.list_role_policies(RoleName=self.name)["PolicyNames"], ["serve"])
        policy = iam.get_role_policy(RoleName=self.name, PolicyName="serve")["PolicyDocument"]
        bucket = f"arn:aws:s3:::{self.outputs['bucket']}"
        region, account = self.session.region_name, self.session.client("sts").get_caller_identity()["Account"]
        rights, partitions = {}, {}
        for statement in policy["Statement"]:
            for partition in statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", []):
                partitions[partition] = statement["Action"]
            if statement["Resource"] == [self.table_arn()]:
                continue
            for action in statement["Action"]:
                rights[action] = rights.get(action, []) + statement["Resource"]
        logs = [f"arn:aws:logs:{region}:{account}:log-group:/aws/lambda/{self.name}:*"]
        equal("rights", rights, {
            "s3:GetObject": [f"{bucket}/models/sentiment/*", f"{bucket}/blobs/sha256/*", f"{bucket}/sealing/sentiment.json"],
            "s3:ListBucket": [bucket],
            "kms:Decrypt": [self.outputs["kms_key_arn"], self.outputs["sealing_key_arn"], self.outputs["sealing_key_arn"]],
            "logs:CreateLogStream": logs,
            "logs:PutLogEvents": logs,
            **self.more_rights(region, account),
        })
        read, remember = ["dynamodb:GetItem"], ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
        calls = ["dynamodb:DeleteItem", *remember]
        usage = ["dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"]
        equal("rights in the ledger", partitions, {
            **dict.fromkeys(("key/*", "ledger", "prices", "tenants"), read),
            "call/*": calls,
            **dict.fromkeys(("alias/sentiment", "sealing/sentiment", "seen/sentiment/*"), remember),
            "quota/*": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
            **dict.fromkeys(("usage-sum/*", "usage/*"), usage),
        })
        opened = [s["Condition"]["StringEquals"] for s in policy["Statement"] if s["Resource"] == [self.outputs["sealing_key_arn"]]]
        equal("what the sealing key opens", opened, [
            {"kms:EncryptionContext:model": "sentiment"},
            {"kms:EncryptionContext:model": "(ledger)", "kms:EncryptionContext:key": ["secret", "verifier"]},
        ])

    def table_arn(self) -> str:
        region, account = self.session.region_name, self.session.client("sts").get_caller_identity()["Account"]
        return f"arn:aws:dynamodb:{region}:{account}:table/{self.outputs['ledger_table']}"

    def more_rights(self, region: str, account: str) -> dict[str, list[str]]:
        """The rights for tracing and dead letters."""
        if self.example == "minimal":
            return {}
        return {
            "xray:PutTraceSegments": ["*"],
            "xray:PutTelemetryRecords": ["*"],
            "sqs:SendMessage": [f"arn:aws:sqs:{region}:{account}:{self.name}-dead-letters"],
        }

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

    def kept(self) -> dict:
        """The keys, the bucket and the table with their settings, which a refused destroy must not change."""
        kms, s3, dynamodb, bucket = self.session.client("kms"), self.session.client("s3"), self.session.client("dynamodb"), self.outputs["bucket"]
        keys = {arn: {
            "state": kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"],
            "policy": json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]),
            "rotation": kms.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"],
        } for arn in (self.outputs["kms_key_arn"], self.outputs["sealing_key_arn"])}
        settings = {
            "policy": lambda: json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]),
            "public access block": lambda: s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
            "ownership": lambda: s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"],
            "encryption": lambda: s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"],
            "versioning": lambda: s3.get_bucket_versioning(Bucket=bucket)["Status"],
            "lifecycle": lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
            "objects": lambda: sorted(item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]),
        }
        return {
            "keys": keys,
            "aliases": {alias["AliasName"]: alias.get("TargetKeyId") for alias in kms.list_aliases()["Aliases"] if not alias["AliasName"].startswith("alias/aws/")},
            "bucket": {name: or_none(read) for name, read in settings.items()},
            "table": or_none(lambda: dynamodb.describe_table(TableName=self.outputs["ledger_table"])["Table"]["TableStatus"]),
        }

    def api(self):
        """The API's routes reach the model that is in their path, with a grant for this API alone; others reach nothing."""
        find = bridge.of_api(self.session, self.outputs["api_id"])
        for method, path, model in (
            ("POST", "/v1/models/sentiment/predict", "sentiment"),
            ("GET", "/v1/models/sentiment/keys/manifest", "sentiment"),
            ("GET", "/v2/models/sentiment", "sentiment"),
            ("POST", "/v2/models/sentiment/versions/1/infer", "sentiment"),
            ("POST", "/v2/models/sentiment-2026/infer", None),  # it streams, at its own URL
            ("GET", "/v1/usage", "sentiment"),
            ("GET", "/v2/health/ready", "sentiment"),
            ("POST", "/v1/embeddings", None),
            ("POST", "/v1/models/other/predict", None),
            ("GET", "/", None),
        ):
            alias = find(method, path)
            expected = None if model is None else f"function:{self.outputs['function_names'][model]}:live"
            assert (alias or "").endswith(expected or "") and (alias is None) == (expected is None), f"{method} {path} reaches {alias}, expected {expected}"
        stage = self.session.client("apigatewayv2").get_stages(ApiId=self.outputs["api_id"])["Items"][0]
        equal("throttle", (stage["DefaultRouteSettings"]["ThrottlingRateLimit"], stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]), (50, 100))
        logged = set(json.loads(stage["AccessLogSettings"]["Format"]).values())
        secret = [value for value in logged if "header" in value.lower() or "body" in value.lower() or "authorization" in value.lower()]
        equal("what the access log has of headers and bodies", secret, [])

    def alarms(self):
        """Alarms of each function notify the topic, and the dashboard is JSON."""
        client = self.session.client("cloudwatch")
        alarms = client.describe_alarms()["MetricAlarms"]
        for function in self.outputs["function_names"].values():
            own = [alarm["AlarmName"] for alarm in alarms if function in named(alarm)]
            assert len(own) >= 4, f"{function} has the alarms {own}"
        silent = [alarm["AlarmName"] for alarm in alarms if not alarm["AlarmActions"]]
        equal("alarms that tell nobody", silent, [])
        json.loads(client.get_dashboard(DashboardName=self.outputs["dashboard"])["DashboardBody"])

    def dead_letters(self):
        """Failed asynchronous calls go to the function's own queue."""
        config = self.session.client("lambda").get_function_event_invoke_config(FunctionName=self.name, Qualifier="live")
        queue = self.session.client("sqs").get_queue_url(QueueName=f"{self.name}-dead-letters")["QueueUrl"]
        settings = self.session.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        equal("destination", config["DestinationConfig"]["OnFailure"]["Destination"], settings["QueueArn"])
        equal("retention", settings["MessageRetentionPeriod"], str(14 * 86400))

    def roll_back(self):
        """Performs what the alarm's event starts, because moto runs no state machine."""
        states = self.session.client("stepfunctions")
        machine = next(m for m in states.list_state_machines()["stateMachines"] if m["name"] == f"{self.name}-rollback")
        definition = json.loads(states.describe_state_machine(stateMachineArn=machine["stateMachineArn"])["definition"])
        rule = self.session.client("events").list_targets_by_rule(Rule=f"{self.name}-rollback")["Targets"]
        equal("what the alarm's event starts", [target["Arn"] for target in rule], [machine["stateMachineArn"]])
        step = definition["States"][definition["StartAt"]]
        equal("the step", step["Resource"], "arn:aws:states:::aws-sdk:lambda:updateAlias")
        self.session.client("lambda").update_alias(**step["Parameters"])

    def live(self):
        """The deployed zip's own `bootstrap` answers GET /v2/health/live."""
        alias = f"{self.name}:live"
        status, _, body = bridge.invoke(self.session.client("lambda"), alias, bridge.event("GET", "/v2/health/live"))
        equal("live", (status, body[:200]), (200, body[:200]))


def or_none(read):
    """The result of a read, or None if the resource is gone."""
    try:
        return read()
    except ClientError:
        return None


def named(alarm: dict) -> set[str]:
    """The functions that an alarm's dimensions name."""
    metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query] + [alarm]
    return {dimension["Value"] for metric in metrics for dimension in metric.get("Dimensions", []) if dimension["Name"] == "FunctionName"}


def equal(what: str, actual, expected):
    assert actual == expected, f"{what} is {actual!r}, expected {expected!r}"
