locals {
  bucket   = "arn:${var.partition}:s3:::${var.bucket}"
  objects  = "${local.bucket}/${var.prefix}/*"
  tunings  = "${local.bucket}/srl-tuning/*" # where the Bedrock adapter keeps its data
  table    = "arn:${var.partition}:dynamodb:${var.region}:${var.account}:table/${var.table}"
  jobs     = "arn:${var.partition}:sagemaker:${var.region}:${var.account}:training-job/${var.name}-*"
  training = "arn:${var.partition}:iam::${var.account}:role/${var.name}-training"
  tuning   = "arn:${var.partition}:iam::${var.account}:role/${var.name}-bedrock-tuning"
  machine  = "arn:${var.partition}:states:${var.region}:${var.account}:stateMachine:${var.name}-training-chain"
  chains   = "arn:${var.partition}:states:${var.region}:${var.account}:execution:${var.name}-training-chain:*"
  bedrock  = "arn:${var.partition}:bedrock:${var.region}:${var.account}"
  logs     = "arn:${var.partition}:logs:${var.region}:${var.account}:log-group:/aws/sagemaker/TrainingJobs"
  # The rule is Step Functions' own; the states that wait for a job (.sync) hear of its end through it.
  rule = "arn:${var.partition}:events:${var.region}:${var.account}:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
}

# Statements that several roles share.
locals {
  # The bucket is the installation's own, so all of its names may be listed. A condition on s3:prefix would also hold for
  # reading: a missing object would be answered by 403 and not by 404, and nothing could be found to be absent.
  list_artifacts = [{
    Sid      = "ListAndCheckBucket"
    Effect   = "Allow"
    Action   = ["s3:ListBucket", "s3:GetBucketVersioning", "s3:GetBucketLocation"]
    Resource = [local.bucket]
  }]
  read_artifacts = concat(local.list_artifacts, [
    { Sid = "ReadArtifacts", Effect = "Allow", Action = ["s3:GetObject"], Resource = [local.objects] },
  ])
  write_artifacts = concat(local.list_artifacts, [{
    Sid    = "WriteArtifacts"
    Effect = "Allow"
    # No s3:DeleteObjectVersion: what a run deletes can be restored until the bucket's lifecycle removes it.
    Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    Resource = [local.objects]
  }])
  # A transaction needs no permission of its own: each of its parts is asked for.
  write_state = [{
    Sid    = "WriteState"
    Effect = "Allow"
    Action = [
      "dynamodb:GetItem", "dynamodb:Query", "dynamodb:DescribeTable",
      "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem",
    ]
    Resource = [local.table]
  }]
  decrypt = [{ Sid = "Decrypt", Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey"], Resource = [var.kms_key_arn] }]
  encrypt = [{
    Sid      = "Encrypt"
    Effect   = "Allow"
    Action   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    Resource = [var.kms_key_arn]
  }]
  training_jobs = [
    {
      Sid      = "TrainingJobs"
      Effect   = "Allow"
      Action   = ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob", "sagemaker:AddTags"]
      Resource = [local.jobs]
    },
    {
      Sid       = "PassTrainingRole"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = [local.training]
      Condition = { StringEquals = { "iam:PassedToService" = "sagemaker.amazonaws.com" } }
    },
  ]
}

locals {
  statements = {
    # It writes state: whoever reads the ledger closes holds that have expired, and sensors note what they saw.
    control-plane = concat(local.read_artifacts, local.write_state, local.encrypt)

    run = concat(local.write_artifacts, local.write_state, local.encrypt, local.training_jobs, [
      {
        Sid      = "ReadTrainingLogs"
        Effect   = "Allow"
        Action   = ["logs:DescribeLogStreams", "logs:GetLogEvents"]
        Resource = [local.logs, "${local.logs}:log-stream:${var.name}-*"]
      },
      { Sid = "StartChains", Effect = "Allow", Action = ["states:StartExecution"], Resource = [local.machine] },
      { Sid = "WatchChains", Effect = "Allow", Action = ["states:DescribeExecution"], Resource = [local.chains] },
      { Sid = "TuningFiles", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = [local.tunings] },
      {
        Sid    = "TuneAtBedrock"
        Effect = "Allow"
        Action = [
          "bedrock:CreateModelCustomizationJob", "bedrock:GetModelCustomizationJob", "bedrock:StopModelCustomizationJob",
          "bedrock:CreateCustomModelDeployment", "bedrock:GetCustomModelDeployment",
        ]
        Resource = [
          "${local.bedrock}:model-customization-job/*", "${local.bedrock}:custom-model/*",
          "${local.bedrock}:custom-model-deployment/*", "arn:${var.partition}:bedrock:${var.region}::foundation-model/*",
        ]
      },
      {
        Sid       = "PassTuningRole"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [local.tuning]
        Condition = { StringEquals = { "iam:PassedToService" = "bedrock.amazonaws.com" } }
      },
    ])

    training = concat(local.write_artifacts, local.encrypt, [
      {
        # SageMaker lends the key to the volume of a job's instance, in the name of this role.
        Sid       = "EncryptVolumes"
        Effect    = "Allow"
        Action    = ["kms:CreateGrant"]
        Resource  = [var.kms_key_arn]
        Condition = { Bool = { "kms:GrantIsForAWSResource" = "true" } }
      },
      {
        # It cannot be narrowed: the token is the account's.
        Sid      = "SignInToRegistry"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Sid      = "PullTrainer"
        Effect   = "Allow"
        Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = ["arn:${var.partition}:ecr:${var.region}:${var.account}:repository/${var.name}/trainer"]
      },
      {
        Sid      = "WriteTrainingLogs"
        Effect   = "Allow"
        Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
        Resource = [local.logs, "${local.logs}:*"]
      },
      {
        # Jobs in subnets of ours get network interfaces there; the descriptions cannot be narrowed.
        Sid      = "DescribeNetwork"
        Effect   = "Allow"
        Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeDhcpOptions"]
        Resource = ["*"]
      },
      {
        Sid    = "AttachToNetwork"
        Effect = "Allow"
        Action = ["ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"]
        Resource = [for kind in ["network-interface", "subnet", "security-group"] :
        "arn:${var.partition}:ec2:${var.region}:${var.account}:${kind}/*"]
      },
    ])

    step-functions = concat(local.training_jobs, local.decrypt, [
      { Sid = "HearOfJobs", Effect = "Allow", Action = ["events:PutRule", "events:PutTargets", "events:DescribeRule"], Resource = [local.rule] },
      { Sid = "CheckBudget", Effect = "Allow", Action = ["dynamodb:GetItem"], Resource = [local.table] },
      { Sid = "TellOfFailure", Effect = "Allow", Action = ["sns:Publish"], Resource = [var.topic_arn] },
      { Sid = "EncryptMessages", Effect = "Allow", Action = ["kms:GenerateDataKey"], Resource = [var.kms_key_arn] },
      {
        # Delivery of logs is set up for the account; AWS offers no narrower resource.
        Sid    = "DeliverLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
          "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
        ]
        Resource = ["*"]
      },
    ])

    bedrock-tuning = concat(local.list_artifacts, local.encrypt, [
      { Sid = "TuningFiles", Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = [local.tunings] },
    ])
  }
}
