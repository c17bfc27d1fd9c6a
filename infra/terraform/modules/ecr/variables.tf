variable "name" {
  description = "Name of the installation: the repositories are <name>/control-plane and <name>/trainer."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the images."
  type        = string
}

variable "keep_images" {
  description = "Images that are kept in each repository."
  type        = number
  default     = 50

  validation {
    condition     = var.keep_images >= 2
    error_message = "keep_images must be at least 2: the image that runs, and the one to go back to."
  }
}

variable "force_delete" {
  description = "Whether terraform destroy may delete repositories that still hold images."
  type        = bool
  default     = false
}
