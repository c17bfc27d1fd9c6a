variable "name" {
  description = "Name of the installation: <project>-<environment>. Roles are <name>-<kind>."
  type        = string
}

variable "bucket" {
  description = "Artifact bucket."
  type        = string
}

variable "prefix" {
  description = "Where artifacts lie in the bucket."
  type        = string
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
  description = "Other principals that may take the roles of control plane, runs and trainings."
  type        = list(string)
}

variable "permissions_boundary" {
  description = "ARN of the boundary that the account demands of every role; null where it demands none."
  type        = string
}
