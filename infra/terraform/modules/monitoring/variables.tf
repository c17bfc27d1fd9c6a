variable "name" {
  description = "Name of the installation; the topic is <name>-alerts."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts messages."
  type        = string
}

variable "emails" {
  description = "Addresses that are told; each must confirm a message of AWS first."
  type        = set(string)

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", email))])
    error_message = "emails must be addresses such as team@example.com."
  }
}

variable "state_machine_arn" {
  description = "Training chain that is watched."
  type        = string
}

variable "table" {
  description = "State table that is watched."
  type        = string
}

variable "bucket" {
  description = "Artifact bucket that is watched."
  type        = string
}

variable "bucket_metric_filter" {
  description = "Id of the bucket's request metrics."
  type        = string
}
