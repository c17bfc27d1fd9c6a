output "environment" {
  description = "Environment variables of control plane and runs."
  value = {
    SRL_STORE = "s3://${module.storage.bucket}/${local.prefix}"
    SRL_STATE = "dynamodb://${module.state.table}"
  }
}

output "role_arns" {
  description = "Role ARNs: control-plane, run, training, step-functions, bedrock-tuning."
  value       = module.iam.role_arns
}

output "repository_urls" {
  description = "Image repositories: control-plane, trainer."
  value       = module.ecr.urls
}

output "job_settings" {
  description = "What every CreateTrainingJob request has in common."
  value       = module.sagemaker.job_settings
}

output "job_tags" {
  description = "Tags that a training job must carry, besides model_type, to be counted by the budgets."
  value       = { project = var.project, environment = var.environment, installation = local.name }
}

output "state_machine_arn" {
  description = "The training chain."
  value       = module.step_functions.state_machine_arn
}

output "cluster" {
  description = "Name of the Kubernetes cluster; null where none is made."
  value       = one(module.eks[*].cluster)
}

output "topic_arn" {
  description = "Topic that failures, alarms and budgets are told to."
  value       = module.monitoring.topic_arn
}

output "budgets" {
  description = "Names of the budgets."
  value       = module.budgets.names
}
