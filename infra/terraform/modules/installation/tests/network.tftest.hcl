mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { name = "eu-central-1" }
  }
}

variables {
  name               = "srl-dev"
  cidr               = "10.40.0.0/20"
  availability_zones = ["eu-central-1a", "eu-central-1b"]
}

run "there_is_no_way_out_by_default" {
  command = plan

  module {
    source = "../network"
  }

  assert {
    condition     = length(aws_nat_gateway.this) + length(aws_internet_gateway.this) + length(aws_route.nat) == 0
    error_message = "a gateway that nobody asked for"
  }

  assert {
    condition     = length(distinct([for subnet in aws_subnet.private : subnet.cidr_block])) == 2
    error_message = "one private subnet a zone, each with addresses of its own"
  }
}

run "s3_dynamodb_registry_logs_and_sagemaker_are_reached_within_aws" {
  command = plan

  module {
    source = "../network"
  }

  assert {
    condition = toset(concat(
      [for endpoint in aws_vpc_endpoint.gateway : endpoint.service_name],
      [for endpoint in aws_vpc_endpoint.interface : endpoint.service_name],
    )) == toset([for s in ["s3", "dynamodb", "ecr.api", "ecr.dkr", "logs", "sagemaker.api", "sts"] : "com.amazonaws.eu-central-1.${s}"])
    error_message = "an endpoint is missing"
  }
}

run "nodes_of_a_cluster_reach_what_they_ask_for" {
  command = plan

  module {
    source = "../network"
  }

  variables {
    cluster = true
  }

  assert {
    condition = alltrue([
      for s in ["ec2", "eks", "eks-auth", "states", "ecr.api", "sts"] :
      contains([for endpoint in aws_vpc_endpoint.interface : endpoint.service_name], "com.amazonaws.eu-central-1.${s}")
    ])
    error_message = "an endpoint is missing: nodes would not join, or pods would get no role"
  }
}

run "a_way_out_is_one_gateway_when_it_is_asked_for" {
  command = plan

  module {
    source = "../network"
  }

  variables {
    nat = true
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_route.nat) == 1
    error_message = "no gateway, or no route to it"
  }
}

run "one_zone_is_refused" {
  command = plan

  module {
    source = "../network"
  }

  variables {
    availability_zones = ["eu-central-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "the_same_zone_twice_is_refused" {
  command = plan

  module {
    source = "../network"
  }

  variables {
    availability_zones = ["eu-central-1a", "eu-central-1a"]
  }

  expect_failures = [var.availability_zones]
}

run "addresses_that_vpcs_do_not_take_are_refused" {
  command = plan

  module {
    source = "../network"
  }

  variables {
    cidr = "10.0.0.0/8"
  }

  expect_failures = [var.cidr]
}
