variable "project" {
  description = "Name of the project; part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}[a-z0-9]$", var.project))
    error_message = "project must be 2 to 16 small letters, digits and hyphens: it is part of bucket and job names, which are short."
  }
}

variable "environment" {
  description = "Name of the environment; part of every name."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment must be dev or prod."
  }
}

variable "disposable" {
  description = "Whether terraform destroy may remove artifacts, images and state."
  type        = bool

  validation {
    condition     = !(var.disposable && var.environment == "prod")
    error_message = "disposable must be false in prod: what was paid for is not removed by one command."
  }
}

variable "noncurrent_days" {
  description = "Days that a replaced or deleted artifact can be restored."
  type        = number
}

variable "short_lived_days" {
  description = "Days that saves of trainings, requests and messages of jobs are kept."
  type        = number
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "manage_training_log_group" {
  description = "Whether this installation owns SageMaker's log group: one in each account and region does."
  type        = bool
}

variable "trusted_services" {
  description = "Services that may hand the roles of control plane, runs and trainings to a process, such as pods.eks.amazonaws.com."
  type        = list(string)
}

variable "trusted_arns" {
  description = "Other principals that may take these roles."
  type        = list(string)
}

variable "permissions_boundary" {
  description = "ARN of the boundary that the account demands of every role; null where it demands none."
  type        = string
}

variable "network" {
  description = "Private network of training jobs; null: they run in SageMaker's own."
  type        = object({ cidr = string, availability_zones = list(string), nat = optional(bool, false) })
}

variable "eks" {
  description = "Kubernetes cluster in the private network, see modules/eks; null: none is made."
  type = object({
    version      = string
    admins       = set(string)
    public_cidrs = optional(set(string), [])
    namespace    = optional(string, "learning")
    release      = optional(string, "srl")
    pools = optional(map(object({
      instance_types = list(string)
      min            = number
      max            = number
      disk_gib       = number
      spot           = optional(bool, false)
      gpu            = optional(bool, false)
    })), { cpu = { instance_types = ["m6i.xlarge"], min = 2, max = 4, disk_gib = 80 } })
  })

  validation {
    condition     = var.eks == null || var.network != null
    error_message = "eks needs a network: nodes run in private subnets of the installation."
  }
}

variable "emails" {
  description = "Addresses that are told of failures and spending."
  type        = set(string)
}

variable "budget" {
  description = "US dollars a month in all and by model type, and the shares (percent) at which somebody is told."
  type = object({
    month_usd      = number
    model_type_usd = optional(map(number), {})
    shares         = optional(set(number), [50, 80, 100])
  })
}

variable "spending_item" {
  description = "Where the ledger keeps a month's total: keys ({} is YYYY-MM) and attribute."
  type        = object({ pk = string, sk = string, attribute = string })
  default     = { pk = "LEDGER#month:{}", sk = "#", attribute = "used" }
}
