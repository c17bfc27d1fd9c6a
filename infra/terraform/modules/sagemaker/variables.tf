variable "manage_log_group" {
  description = "Whether this installation owns SageMaker's log group: one installation in each account and region does."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that logs of training jobs are kept."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827], var.log_retention_days)
    error_message = "log_retention_days must be a value that CloudWatch Logs offers, such as 30, 90 or 365."
  }
}

variable "kms_key_arn" {
  description = "Key for logs, volumes of instances and outputs of jobs."
  type        = string
}

variable "role_arn" {
  description = "Role that training jobs take."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of the jobs; empty: SageMaker's own network, which reaches the internet."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of the jobs; empty where there are no subnets."
  type        = list(string)

  validation {
    condition     = (length(var.security_group_ids) == 0) == (length(var.subnet_ids) == 0)
    error_message = "security_group_ids and subnet_ids belong together: give both or neither."
  }
}
