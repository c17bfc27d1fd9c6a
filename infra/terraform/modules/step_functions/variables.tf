variable "name" {
  description = "Name of the installation; the machine is <name>-training-chain."
  type        = string
}

variable "role_arn" {
  description = "Role that the machine takes."
  type        = string
}

variable "training_role_arn" {
  description = "Role of the jobs: the machine's, whatever a request says."
  type        = string
}

variable "table" {
  description = "State table: it holds the month's spending."
  type        = string
}

variable "topic_arn" {
  description = "Topic that failures are told to."
  type        = string
}

variable "spending_item" {
  description = "Where the ledger keeps a month's total (committed + held, nano-dollars): its keys, {} being YYYY-MM, and the attribute."
  type        = object({ pk = string, sk = string, attribute = string })

  validation {
    condition     = strcontains("${var.spending_item.pk}${var.spending_item.sk}", "{}")
    error_message = "spending_item must have the month ({}) in pk or sk, or every month would be measured by one item."
  }
}

variable "in_network" {
  description = "Whether training jobs run in subnets of the installation."
  type        = bool
}

variable "log_retention_days" {
  description = "Days that the machine's log is kept."
  type        = number
}

variable "kms_key_arn" {
  description = "Key that encrypts the log."
  type        = string
}
