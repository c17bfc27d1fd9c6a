variable "region" {
  description = "Region of the installation, such as eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as eu-central-1."
  }
}

variable "project" {
  description = "Name of the project; part of every name."
  type        = string
  default     = "srl"
}

variable "owner" {
  description = "Team or person that answers for the installation; a tag on everything."
  type        = string

  validation {
    condition     = length(trimspace(var.owner)) > 0
    error_message = "owner must not be empty: somebody answers for what is paid."
  }
}

variable "emails" {
  description = "Addresses that are told of failures and spending."
  type        = set(string)
  default     = []
}

variable "trusted_arns" {
  description = "Principals that may take the roles of control plane, runs and trainings, besides EKS pods."
  type        = list(string)
  default     = []
}

variable "permissions_boundary" {
  description = "ARN of the boundary that the account demands of every role."
  type        = string
  default     = null
}

variable "manage_training_log_group" {
  description = "Whether this installation owns SageMaker's log group; false where another one in the account and region does."
  type        = bool
  default     = true
}

variable "network" {
  description = "Private network of training jobs."
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
  default = null
}

variable "short_lived_days" {
  description = "Days that saves of trainings, requests and messages of jobs are kept; artifacts never expire."
  type        = number
  default     = 30
}

variable "budget" {
  description = "US dollars a month in all and by model type, and the shares (percent) at which somebody is told."
  type = object({
    month_usd      = number
    model_type_usd = optional(map(number), {})
    shares         = optional(set(number), [50, 80, 100])
  })
}
