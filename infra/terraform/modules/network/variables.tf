variable "name" {
  description = "Name of the installation."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network; it is divided into 16 equal parts."
  type        = string

  validation {
    condition     = can(cidrsubnet(var.cidr, 4, 15)) && try(tonumber(split("/", var.cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.cidr)[1]), 99) <= 24
    error_message = "cidr must be an IPv4 network between /16 and /24, such as 10.40.0.0/20."
  }
}

variable "availability_zones" {
  description = "Zones that get a private subnet."
  type        = list(string)

  validation {
    condition     = length(distinct(var.availability_zones)) == length(var.availability_zones) && length(var.availability_zones) >= 2 && length(var.availability_zones) <= 6
    error_message = "availability_zones must be two to six different zones: with one, nothing runs when it fails."
  }
}

variable "cluster" {
  description = "Whether the nodes of a Kubernetes cluster run in it: they ask for more services."
  type        = bool
  default     = false
}

variable "nat" {
  description = "Whether there is a way out to the internet, for teachers at vendors. Billed by the hour and by the byte."
  type        = bool
  default     = false
}
