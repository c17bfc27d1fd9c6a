variable "name" {
  description = "Name of the installation: <project>-<environment>. Jobs, roles and rules are named after it."
  type        = string
}

variable "partition" {
  description = "AWS partition: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "account" {
  description = "Account id."
  type        = string
}

variable "region" {
  description = "Region of the installation."
  type        = string
}

variable "bucket" {
  description = "Artifact bucket."
  type        = string
}

variable "prefix" {
  description = "Where artifacts lie in the bucket; nothing outside it can be read or written."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9/_-]*[A-Za-z0-9]$", var.prefix))
    error_message = "prefix must be a path without leading or trailing slash and without wildcards."
  }
}

variable "table" {
  description = "State table."
  type        = string
}

variable "kms_key_arn" {
  description = "Key of the installation."
  type        = string
}

variable "topic_arn" {
  description = "Topic that failures are told to."
  type        = string
}

variable "trusted_services" {
  description = "Services that may hand the roles of control plane, runs and trainings to a process."
  type        = list(string)
}

variable "trusted_arns" {
  description = "Principals outside those services that may take the roles of control plane, runs and trainings."
  type        = list(string)

  validation {
    condition     = alltrue([for arn in var.trusted_arns : !strcontains(arn, "*")])
    error_message = "trusted_arns must name principals in full: a '*' would let strangers take the role."
  }
}
