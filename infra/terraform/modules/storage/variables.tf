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

variable "force_destroy" {
  description = "Whether terraform destroy may delete a bucket that still holds artifacts."
  type        = bool
  default     = false
}
