variable "name" {
  description = "Name of the installation; also the cluster's."
  type        = string
}

variable "kubernetes_version" {
  description = "Kubernetes version that EKS offers, such as 1.33; the nodes follow it."
  type        = string

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must be a minor version, such as 1.33."
  }
}

variable "subnet_ids" {
  description = "Private subnets of control plane and nodes."
  type        = list(string)
}

variable "kms_key_arn" {
  description = "Key that encrypts Secrets and the control plane's log."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the control plane's log is kept."
  type        = number
}

variable "permissions_boundary" {
  description = "ARN of the boundary that the account demands of every role; null where it demands none."
  type        = string
}

variable "admins" {
  description = "IAM principals that administer the cluster; who made it is none by that alone."
  type        = set(string)

  validation {
    condition     = length(var.admins) > 0 && alltrue([for arn in var.admins : can(regex("^arn:[^*]+$", arn))])
    error_message = "admins must name at least one principal by its whole ARN: nobody else can enter the cluster."
  }
}

variable "public_cidrs" {
  description = "Addresses from which the API server is reached over the internet; empty: only from within the network."
  type        = set(string)

  validation {
    condition     = alltrue([for cidr in var.public_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")])
    error_message = "public_cidrs must be networks such as 203.0.113.0/24; all addresses (/0) are refused."
  }
}

variable "namespace" {
  description = "Kubernetes namespace of the chart's release."
  type        = string
}

variable "release" {
  description = "Name of the chart's release: its service accounts are <release>-run and so on."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", var.release))
    error_message = "release must be 1 to 40 small letters, digits and hyphens."
  }
}

variable "role_arns" {
  description = "Roles that pods are handed: control-plane, run, training."
  type        = map(string)
}

variable "pools" {
  description = "Groups of nodes: name -> what and how many. Those with gpu carry its taint, so that only trainings come."
  type = map(object({
    instance_types = list(string)
    min            = number
    max            = number
    disk_gib       = number
    spot           = optional(bool, false)
    gpu            = optional(bool, false)
  }))

  validation {
    condition     = length([for pool in var.pools : pool if !pool.gpu && pool.min >= 1]) > 0
    error_message = "pools must have one without GPU and with at least one node: DNS and the control plane run there."
  }

  validation {
    condition     = alltrue([for pool in var.pools : pool.min >= 0 && pool.max >= max(pool.min, 1) && pool.disk_gib >= 20 && length(pool.instance_types) > 0])
    error_message = "pools must have 0 <= min <= max, max >= 1, an instance type and disks of at least 20 GiB."
  }
}
