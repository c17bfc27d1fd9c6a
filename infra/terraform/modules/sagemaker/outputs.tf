output "job_settings" {
  description = "What every CreateTrainingJob request of this installation has in common, in the words of that request."
  value = merge(
    { RoleArn = var.role_arn, KmsKeyId = var.kms_key_arn },
    length(var.subnet_ids) == 0 ? {} : {
      VpcConfig = { Subnets = var.subnet_ids, SecurityGroupIds = var.security_group_ids }
    },
  )
}
