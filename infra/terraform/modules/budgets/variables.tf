variable "name" {
  description = "Name of the installation: the value of the tag 'installation' on all that it pays for."
  type        = string
}

variable "month_usd" {
  description = "US dollars a month for everything."
  type        = number

  validation {
    condition     = var.month_usd > 0
    error_message = "month_usd must be more than 0."
  }
}

variable "model_type_usd" {
  description = "US dollars a month for training one model type: model type -> dollars. Jobs carry the tag 'model_type'."
  type        = map(number)

  validation {
    condition     = alltrue([for type, usd in var.model_type_usd : usd > 0 && type != "all" && can(regex("^[a-z][a-z0-9_]*$", type))])
    error_message = "model_type_usd must give each model type more than 0; types are small letters, digits and '_', and none is called 'all'."
  }
}

variable "shares" {
  description = "Shares of a budget, in percent, at which somebody is told."
  type        = set(number)

  validation {
    condition     = length(var.shares) >= 1 && length(var.shares) <= 4 && alltrue([for share in var.shares : share > 0 && share <= 200])
    error_message = "shares must be one to four numbers of percent up to 200: AWS allows five alarms a budget, one is for the forecast."
  }
}

variable "topic_arn" {
  description = "Topic that is told."
  type        = string
}
