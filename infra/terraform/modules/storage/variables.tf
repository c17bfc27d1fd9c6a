variable "bucket" {
  description = "Name of the bucket; names of buckets are unique in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "bucket must be 3 to 63 small letters, digits and hyphens; dots would break TLS for its host name."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the objects."
  type        = string
}

variable "noncurrent_days" {
  description = "Days that a replaced or deleted object can still be restored."
  type        = number

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "noncurrent_days must be a whole number of at least 1."
  }
}

variable "prefix" {
  description = "Where artifacts lie in the bucket."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9/_-]*[A-Za-z0-9]$", var.prefix))
    error_message = "prefix must be a path without leading or trailing slash and without wildcards: below it things expire."
  }
}

variable "short_lived_days" {
  description = "Days that saves of trainings, requests and messages of jobs are kept. Artifacts never expire."
  type        = number
  default     = 30

  validation {
    condition     = var.short_lived_days >= 7 && floor(var.short_lived_days) == var.short_lived_days
    error_message = "short_lived_days must be a whole number of at least 7: a chain may take 5 days, and goes on from its saves."
  }
}

variable "force_destroy" {
  description = "Whether terraform destroy may delete a bucket that still holds artifacts."
  type        = bool
  default     = false
}
