"""Lists the resources of an account, to check that a destroy left none."""

import boto3


def left_over(session: boto3.Session) -> set[str]:
    """All listable resources, by kind and name. Log groups and alarms too, because they cost money."""
    found = set()
    for service, operation, items, name in LISTS:
        for item in getattr(session.client(service), operation)()[items]:
            if name is None or item.get("StackStatus") != "DELETE_COMPLETE":
                found.add(f"{service} {item if name is None else item[name]}")
    kms = session.client("kms")
    for key in kms.list_keys()["Keys"]:  # keys are deleted 7 to 30 days after a destroy
        state = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if state["KeyState"] != "PendingDeletion" and state["KeyManager"] == "CUSTOMER":
            found.add(f"kms {key['KeyId']}")
    for queue in session.client("sqs").list_queues().get("QueueUrls", []):
        found.add(f"sqs {queue}")
    for alias in kms.list_aliases()["Aliases"]:
        if not alias["AliasName"].startswith("alias/aws/"):
            found.add(f"kms {alias['AliasName']}")
    for group in session.client("ec2").describe_security_groups()["SecurityGroups"]:
        found.add(f"ec2 {group['GroupId']}")
    for vpc in session.client("ec2").describe_vpcs()["Vpcs"]:
        found.add(f"ec2 {vpc['VpcId']}")
    for endpoint in session.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]:
        if endpoint["State"] not in ("deleted", "deleting"):
            found.add(f"ec2 {endpoint['VpcEndpointId']}")
    return found


LISTS = [
    ("apigatewayv2", "get_apis", "Items", "Name"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("cloudformation", "list_stacks", "StackSummaries", "StackName"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("events", "list_rules", "Rules", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
]
