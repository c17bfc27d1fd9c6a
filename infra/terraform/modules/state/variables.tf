variable "table" {
  description = "Name of the table."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", var.table))
    error_message = "table must be 3 to 255 letters, digits, '_', '.' and '-'."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the table."
  type        = string
}

variable "deletion_protection" {
  description = "Whether the table refuses to be deleted."
  type        = bool
}
