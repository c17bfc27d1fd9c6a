# Who may take each role. A service may do so on behalf of this account only (the confused deputy).
locals {
  own_account = { "aws:SourceAccount" = var.account }

  workers = concat(
    [{
      Effect    = "Allow"
      Principal = { Service = var.trusted_services }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = local.own_account }
    }],
    [for arn in var.trusted_arns : { Effect = "Allow", Principal = { AWS = arn }, Action = ["sts:AssumeRole"] }],
  )

  trusts = {
    control-plane = local.workers
    run           = local.workers
    # In pods of their own trainings are handed it like the others.
    training = concat(local.workers, [{
      Effect    = "Allow"
      Principal = { Service = "sagemaker.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = local.own_account }
    }])
    step-functions = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = local.own_account, ArnEquals = { "aws:SourceArn" = local.machine } }
    }]
    bedrock-tuning = [{
      Effect    = "Allow"
      Principal = { Service = "bedrock.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = local.own_account
        ArnLike      = { "aws:SourceArn" = "${local.bedrock}:model-customization-job/*" }
      }
    }]
  }
}
