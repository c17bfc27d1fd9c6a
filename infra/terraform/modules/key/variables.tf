variable "name" {
  description = "Name of the installation: <project>-<environment>."
  type        = string
}

variable "deletion_window_days" {
  description = "Days between the deletion of the key and the moment when nothing can be decrypted any more."
  type        = number
  default     = 30

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30
    error_message = "deletion_window_days must be 7 to 30: KMS accepts nothing else."
  }
}
