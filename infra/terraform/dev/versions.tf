terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source = "hashicorp/aws"
      # Exactly: this is the release that the tests apply.
      version = "5.100.0"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = {
      project      = var.project
      environment  = local.environment
      owner        = var.owner
      installation = "${var.project}-${local.environment}"
    }
  }
}
