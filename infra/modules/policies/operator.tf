# The rights of Terraform to plan, apply and destroy a stack: action by action, limited to the stack's name if the resource has a name. They are
# split into documents, because a managed policy has 6144 characters at most.
locals {
  arn = "arn:${local.partition}"
  own = { for service in ["cloudwatch", "dynamodb", "events", "kms", "lambda", "logs", "sns", "sqs", "states"] : service => "${local.arn}:${service}:${local.region}:${local.account}" }

  # KMS, EC2 and others use ids and no names. The limit is the account and the region.
  here = { StringEquals = { "aws:RequestedRegion" = local.region } }

  role = "${local.arn}:iam::${local.account}:role${var.roles.path}${var.name}-*"

  operate = {
    data = concat(
      [
        {
          Sid    = "Keys"
          Effect = "Allow"
          Action = [for action in [
            "CreateAlias", "DeleteAlias", "DescribeKey", "DisableKeyRotation", "EnableKeyRotation", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags",
            "PutKeyPolicy", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias", "UpdateKeyDescription",
          ] : "kms:${action}"]
          Resource = ["${local.own.kms}:key/*", "${local.own.kms}:alias/${var.name}-*"]
        },
        {
          Sid       = "CreateKeys"
          Effect    = "Allow"
          Action    = ["kms:CreateKey", "kms:ListAliases"]
          Resource  = ["*"]
          Condition = local.here
        },
      ],
      [for statement in local.operate_bucket : statement if var.parts.registry],
      [for statement in local.operate_table : statement if var.parts.ledger],
    )

    roles = concat(
      [
        {
          Sid    = "ReadAndDeleteRoles"
          Effect = "Allow"
          Action = [for action in [
            "DeleteRole", "DeleteRolePolicy", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListInstanceProfilesForRole", "ListRolePolicies", "TagRole",
            "UntagRole", "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
          ] : "iam:${action}"]
          Resource = [local.role]
        },
        # With a boundary an operator can neither exceed it nor remove it.
        merge(
          {
            Sid      = "CreateRoles"
            Effect   = "Allow"
            Action   = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"]
            Resource = [local.role]
          },
          { for boundary in var.roles.permissions_boundary[*] : "Condition" => { StringEquals = { "iam:PermissionsBoundary" = boundary } } },
        ),
        {
          Sid      = "PassRoles"
          Effect   = "Allow"
          Action   = ["iam:PassRole"]
          Resource = [local.role]
          Condition = { StringEquals = { "iam:PassedToService" = [
            "ec2.${local.dns_suffix}", "ecs-tasks.amazonaws.com", "events.amazonaws.com", "lambda.amazonaws.com", "states.amazonaws.com", "vpc-flow-logs.amazonaws.com",
          ] } }
        },
        {
          Sid      = "InstanceProfiles"
          Effect   = "Allow"
          Action   = [for action in ["AddRoleToInstanceProfile", "CreateInstanceProfile", "DeleteInstanceProfile", "GetInstanceProfile", "RemoveRoleFromInstanceProfile", "TagInstanceProfile", "UntagInstanceProfile"] : "iam:${action}"]
          Resource = ["${local.arn}:iam::${local.account}:instance-profile${var.roles.path}${var.name}-*"]
        },
        {
          Sid      = "ServiceLinkedRoles"
          Effect   = "Allow"
          Action   = ["iam:CreateServiceLinkedRole"]
          Resource = ["${local.arn}:iam::${local.account}:role/aws-service-role/*"]
          Condition = { StringEquals = { "iam:AWSServiceName" = [
            "autoscaling.amazonaws.com", "ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com",
            "lambda.application-autoscaling.amazonaws.com", "ops.apigateway.amazonaws.com",
          ] } }
        },
      ],
    )

    functions = concat([for statement in [{
      # Lambda checks whether the creator of a function may read its image, and adds itself to the repository's policy.
      Sid      = "Images"
      Effect   = "Allow"
      Action   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"]
      Resource = var.parts.repository_arns
      }] : statement if length(var.parts.repository_arns) > 0], [
      {
        Sid    = "Functions"
        Effect = "Allow"
        Action = [for action in concat(
          ["AddPermission", "CreateAlias", "CreateFunction", "CreateFunctionUrlConfig", "DeleteAlias", "DeleteFunction", "DeleteFunctionConcurrency"],
          ["DeleteFunctionEventInvokeConfig", "DeleteFunctionUrlConfig", "DeleteProvisionedConcurrencyConfig", "GetAlias", "GetFunction"],
          ["GetFunctionCodeSigningConfig", "GetFunctionConcurrency", "GetFunctionConfiguration", "GetFunctionEventInvokeConfig", "GetFunctionUrlConfig"],
          ["GetPolicy", "GetProvisionedConcurrencyConfig", "ListTags", "ListVersionsByFunction", "PublishVersion", "PutFunctionConcurrency"],
          ["PutFunctionEventInvokeConfig", "PutProvisionedConcurrencyConfig", "RemovePermission", "TagResource", "UntagResource", "UpdateAlias"],
          ["UpdateFunctionCode", "UpdateFunctionConfiguration", "UpdateFunctionEventInvokeConfig", "UpdateFunctionUrlConfig"],
        ) : "lambda:${action}"]
        Resource = ["${local.own.lambda}:function:${var.name}-*"]
      },
      {
        Sid    = "LogGroups"
        Effect = "Allow"
        Action = [for action in [
          "AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DeleteMetricFilter", "DeleteRetentionPolicy", "DescribeMetricFilters", "DisassociateKmsKey",
          "ListTagsForResource", "ListTagsLogGroup", "PutMetricFilter", "PutRetentionPolicy", "TagResource", "UntagResource",
        ] : "logs:${action}"]
        Resource = [for group in ["/aws/lambda/${var.name}-*", "/amaas/${var.name}-*", "/aws/vendedlogs/${var.name}-*", "/aws/vpc/${var.name}*"] : "${local.own.logs}:log-group:${group}"]
      },
      {
        # Log delivery for an API's access log, and list actions, have no resources.
        Sid       = "LogDeliveries"
        Effect    = "Allow"
        Action    = [for action in ["CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies", "GetLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery"] : "logs:${action}"]
        Resource  = ["*"]
        Condition = local.here
      },
      {
        Sid      = "Queues"
        Effect   = "Allow"
        Action   = [for action in ["CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListQueueTags", "SetQueueAttributes", "TagQueue", "UntagQueue"] : "sqs:${action}"]
        Resource = ["${local.own.sqs}:${var.name}-*"]
      },
      {
        Sid    = "Rollbacks"
        Effect = "Allow"
        Action = concat(
          [for action in ["DeleteRule", "DescribeRule", "ListTagsForResource", "ListTargetsByRule", "PutRule", "PutTargets", "RemoveTargets", "TagResource", "UntagResource"] : "events:${action}"],
          [for action in ["CreateStateMachine", "DeleteStateMachine", "DescribeStateMachine", "ListStateMachineVersions", "ListTagsForResource", "TagResource", "UntagResource", "UpdateStateMachine"] : "states:${action}"],
        )
        Resource = ["${local.own.events}:rule/${var.name}-*", "${local.own.states}:stateMachine:${var.name}-*"]
      },
      {
        Sid       = "ValidateRollbacks"
        Effect    = "Allow"
        Action    = ["states:ValidateStateMachineDefinition"]
        Resource  = ["*"]
        Condition = local.here
      },
      {
        Sid      = "PublicUrls"
        Effect   = "Allow"
        Action   = [for action in ["CreateStack", "DeleteStack", "DescribeStackEvents", "DescribeStacks", "GetTemplate", "UpdateStack"] : "cloudformation:${action}"]
        Resource = ["${local.arn}:cloudformation:${local.region}:${local.account}:stack/${var.name}-*"]
      },
      {
        Sid    = "Scaling"
        Effect = "Allow"
        Action = [for action in [
          "DeleteScalingPolicy", "DeregisterScalableTarget", "DescribeScalableTargets", "DescribeScalingPolicies", "ListTagsForResource", "PutScalingPolicy",
          "RegisterScalableTarget", "TagResource", "UntagResource",
        ] : "application-autoscaling:${action}"]
        Resource  = ["*"]
        Condition = local.here
      },
    ])

    front = concat([
      {
        # API Gateway's actions are HTTP methods, and its resources are paths.
        Sid      = "Apis"
        Effect   = "Allow"
        Action   = ["apigateway:DELETE", "apigateway:GET", "apigateway:PATCH", "apigateway:POST", "apigateway:PUT", "apigateway:TagResource", "apigateway:UntagResource"]
        Resource = [for path in ["apis", "apis/*", "domainnames", "domainnames/*", "tags/*", "vpclinks", "vpclinks/*"] : "${local.arn}:apigateway:${local.region}::/${path}"]
      },
      {
        Sid      = "Alarms"
        Effect   = "Allow"
        Action   = [for action in ["DeleteAlarms", "DescribeAlarms", "ListTagsForResource", "PutMetricAlarm", "TagResource", "UntagResource"] : "cloudwatch:${action}"]
        Resource = ["${local.own.cloudwatch}:alarm:${var.name}/*"]
      },
      {
        Sid      = "Dashboard"
        Effect   = "Allow"
        Action   = ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"]
        Resource = ["${local.arn}:cloudwatch::${local.account}:dashboard/${var.name}"]
      },
      {
        Sid    = "Topic"
        Effect = "Allow"
        Action = [for action in [
          "CreateTopic", "DeleteTopic", "GetSubscriptionAttributes", "GetTopicAttributes", "ListSubscriptionsByTopic", "ListTagsForResource", "SetTopicAttributes",
          "Subscribe", "TagResource", "Unsubscribe", "UntagResource",
        ] : "sns:${action}"]
        Resource = ["${local.own.sns}:${var.name}-alarms", "${local.own.sns}:${var.name}-alarms:*"]
      },
      {
        Sid      = "Budget"
        Effect   = "Allow"
        Action   = ["budgets:ListTagsForResource", "budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource", "budgets:ViewBudget"]
        Resource = ["${local.arn}:budgets::${local.account}:budget/${var.name}-monthly"]
      },
      {
        # Cost Explorer belongs to the account, without a region.
        Sid    = "CostAnomalies"
        Effect = "Allow"
        Action = [for action in [
          "CreateAnomalyMonitor", "CreateAnomalySubscription", "DeleteAnomalyMonitor", "DeleteAnomalySubscription", "GetAnomalyMonitors", "GetAnomalySubscriptions",
          "ListTagsForResource", "TagResource", "UntagResource", "UpdateAnomalyMonitor", "UpdateAnomalySubscription",
        ] : "ce:${action}"]
        Resource = ["*"]
      },
      ],
      [for zone in var.parts.hosted_zone_ids : {
        Sid      = "NamesIn${zone}"
        Effect   = "Allow"
        Action   = ["route53:ChangeResourceRecordSets", "route53:GetHostedZone", "route53:ListResourceRecordSets"]
        Resource = ["${local.arn}:route53:::hostedzone/${zone}"]
      }],
      [for statement in [{
        Sid      = "GetDnsChange"
        Effect   = "Allow"
        Action   = ["route53:GetChange"]
        Resource = ["${local.arn}:route53:::change/*"]
      }] : statement if length(var.parts.hosted_zone_ids) > 0],
    )

    # Functions and services in an existing VPC need to describe it. Services create security groups in it.
    network = concat(
      [{
        Sid    = "DescribeNetworks"
        Effect = "Allow"
        Action = [for what in [
          "AccountAttributes", "AvailabilityZones", "FlowLogs", "NetworkAcls", "NetworkInterfaces", "PrefixLists", "RouteTables", "SecurityGroupRules",
          "SecurityGroups", "Subnets", "VpcAttribute", "VpcEndpoints", "VpcEndpointServices", "Vpcs",
        ] : "ec2:Describe${what}"]
        Resource  = ["*"]
        Condition = local.here
      }],
      [for statement in [{
        Sid    = "SecurityGroups"
        Effect = "Allow"
        Action = [for action in [
          "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup", "CreateTags", "DeleteSecurityGroup", "DeleteTags",
          "ModifySecurityGroupRules", "RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress", "UpdateSecurityGroupRuleDescriptionsEgress",
          "UpdateSecurityGroupRuleDescriptionsIngress",
        ] : "ec2:${action}"]
        Resource  = ["*"]
        Condition = local.here
      }] : statement if var.parts.network || var.parts.gpu],
      [for statement in [{
        Sid    = "Network"
        Effect = "Allow"
        Action = [for action in [
          "AssociateRouteTable", "CreateFlowLogs", "CreateRouteTable", "CreateSubnet", "CreateVpc", "CreateVpcEndpoint", "DeleteFlowLogs", "DeleteRouteTable",
          "DeleteSubnet", "DeleteVpc", "DeleteVpcEndpoints", "DisassociateRouteTable", "ModifySubnetAttribute", "ModifyVpcAttribute", "ModifyVpcEndpoint",
        ] : "ec2:${action}"]
        Resource  = ["*"]
        Condition = local.here
      }] : statement if var.parts.network],
    )

    gpu = [
      {
        Sid    = "Services"
        Effect = "Allow"
        Action = [for action in concat(
          ["CreateCapacityProvider", "CreateCluster", "CreateService", "DeleteCapacityProvider", "DeleteCluster", "DeleteService", "DeregisterTaskDefinition"],
          ["DescribeCapacityProviders", "DescribeClusters", "DescribeServices", "DescribeTaskDefinition", "ListTagsForResource", "PutClusterCapacityProviders"],
          ["RegisterTaskDefinition", "TagResource", "UntagResource", "UpdateCapacityProvider", "UpdateCluster", "UpdateClusterSettings", "UpdateService"],
        ) : "ecs:${action}"]
        Resource  = ["*"]
        Condition = local.here
      },
      {
        Sid    = "Instances"
        Effect = "Allow"
        Action = concat(
          [for action in [
            "CreateLaunchTemplate", "CreateLaunchTemplateVersion", "DeleteLaunchTemplate", "DescribeInstanceTypes", "DescribeLaunchTemplateVersions",
            "DescribeLaunchTemplates", "ModifyLaunchTemplate", "RunInstances",
          ] : "ec2:${action}"],
          [for action in [
            "CreateAutoScalingGroup", "CreateOrUpdateTags", "DeleteAutoScalingGroup", "DeleteTags", "DescribeAutoScalingGroups", "DescribeScalingActivities",
            "SetInstanceProtection", "UpdateAutoScalingGroup",
          ] : "autoscaling:${action}"],
        )
        Resource  = ["*"]
        Condition = local.here
      },
      {
        Sid      = "System"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = ["${local.arn}:ssm:${local.region}::parameter/aws/service/ecs/optimized-ami/*"]
      },
      {
        Sid    = "LoadBalancers"
        Effect = "Allow"
        Action = [for action in concat(
          ["AddTags", "CreateListener", "CreateLoadBalancer", "CreateTargetGroup", "DeleteListener", "DeleteLoadBalancer", "DeleteTargetGroup"],
          ["DescribeCapacityReservation", "DescribeListenerAttributes", "DescribeListeners", "DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeTags"],
          ["DescribeTargetGroupAttributes", "DescribeTargetGroups", "DescribeTargetHealth", "ModifyListener", "ModifyListenerAttributes"],
          ["ModifyLoadBalancerAttributes", "ModifyTargetGroup", "ModifyTargetGroupAttributes", "RemoveTags", "SetSecurityGroups", "SetSubnets"],
        ) : "elasticloadbalancing:${action}"]
        Resource  = ["*"]
        Condition = local.here
      },
    ]

    # An edge has its own name, and CloudFront uses ids. All of it is in us-east-1, in whatever region the stack is.
    edge = [
      {
        Sid    = "Distributions"
        Effect = "Allow"
        Action = [for action in concat(
          ["CreateDistribution", "CreateFunction", "CreateOriginAccessControl", "DeleteDistribution", "DeleteFunction", "DeleteOriginAccessControl"],
          ["DescribeFunction", "GetDistribution", "GetDistributionConfig", "GetFunction", "GetOriginAccessControl", "GetOriginAccessControlConfig"],
          ["ListTagsForResource", "PublishFunction", "TagResource", "UntagResource", "UpdateDistribution", "UpdateFunction", "UpdateOriginAccessControl"],
        ) : "cloudfront:${action}"]
        Resource = [for resource in ["distribution", "function", "origin-access-control"] : "${local.arn}:cloudfront::${local.account}:${resource}/*"]
      },
      {
        Sid    = "WebAcl"
        Effect = "Allow"
        Action = [for action in [
          "AssociateWebACL", "CreateWebACL", "DeleteLoggingConfiguration", "DeleteWebACL", "DisassociateWebACL", "GetLoggingConfiguration", "GetWebACL",
          "ListTagsForResource", "PutLoggingConfiguration", "TagResource", "UntagResource", "UpdateWebACL",
        ] : "wafv2:${action}"]
        Resource = ["${local.arn}:wafv2:us-east-1:${local.account}:global/webacl/*", "${local.arn}:wafv2:us-east-1:${local.account}:global/managedruleset/*"]
      },
      {
        Sid      = "WebAclLog"
        Effect   = "Allow"
        Action   = [for action in ["AssociateKmsKey", "CreateLogGroup", "DeleteLogGroup", "DeleteRetentionPolicy", "DisassociateKmsKey", "ListTagsForResource", "PutRetentionPolicy", "TagResource", "UntagResource"] : "logs:${action}"]
        Resource = ["${local.arn}:logs:us-east-1:${local.account}:log-group:aws-waf-logs-*"]
      },
      {
        Sid       = "WebAclLogDelivery"
        Effect    = "Allow"
        Action    = [for action in ["CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies", "PutResourcePolicy"] : "logs:${action}"]
        Resource  = ["*"]
        Condition = { StringEquals = { "aws:RequestedRegion" = "us-east-1" } }
      },
      {
        Sid       = "WafServiceLinkedRole"
        Effect    = "Allow"
        Action    = ["iam:CreateServiceLinkedRole"]
        Resource  = ["${local.arn}:iam::${local.account}:role/aws-service-role/*"]
        Condition = { StringEquals = { "iam:AWSServiceName" = "wafv2.amazonaws.com" } }
      },
    ]
  }
}

locals {
  operate_bucket = concat(
    [{
      Sid    = "Bucket"
      Effect = "Allow"
      Action = [for action in concat(
        ["CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "ListBucket", "PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketPublicAccessBlock"],
        ["PutBucketTagging", "PutBucketVersioning", "PutEncryptionConfiguration", "PutLifecycleConfiguration"],
        ["GetAccelerateConfiguration", "GetBucketAcl", "GetBucketCORS", "GetBucketLocation", "GetBucketLogging", "GetBucketObjectLockConfiguration"],
        ["GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPublicAccessBlock", "GetBucketRequestPayment", "GetBucketTagging", "GetBucketVersioning"],
        ["GetBucketWebsite", "GetEncryptionConfiguration", "GetLifecycleConfiguration", "GetReplicationConfiguration"],
      ) : "s3:${action}"]
      Resource = [var.registry.bucket_arn]
    }],
    # Rights that force_destroy needs, on this bucket only.
    [for statement in [
      { Sid = "ListModelVersions", Effect = "Allow", Action = ["s3:ListBucketVersions"], Resource = [var.registry.bucket_arn] },
      { Sid = "DeleteModels", Effect = "Allow", Action = ["s3:DeleteObject", "s3:DeleteObjectVersion"], Resource = ["${var.registry.bucket_arn}/*"] },
    ] : statement if var.registry.force_destroy],
  )

  operate_table = concat(
    [{
      Sid    = "Table"
      Effect = "Allow"
      Action = [for action in [
        "CreateTable", "DeleteTable", "DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive", "ListTagsOfResource", "TagResource",
        "UntagResource", "UpdateContinuousBackups", "UpdateTable", "UpdateTimeToLive",
      ] : "dynamodb:${action}"]
      Resource = [var.ledger.table_arn]
    }],
    # DynamoDB uses the key through a grant of the operator who creates the table.
    [for key in var.ledger.kms_key_arn[*] : {
      Sid       = "TableKey"
      Effect    = "Allow"
      Action    = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      Resource  = [key]
      Condition = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.${local.dns_suffix}" } }
    }],
  )
}
