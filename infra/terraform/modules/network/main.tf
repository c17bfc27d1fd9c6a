# A network without a way out: AWS's services are reached through endpoints.
data "aws_region" "current" {}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:without nat nothing leaves for the internet; flows are billed by the byte and recorded by the account where it wants them
  cidr_block = var.cidr
  # Endpoints answer to the services' public names; that needs both.
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# The group that everything without another would get: it lets nothing through.
resource "aws_default_security_group" "closed" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-closed" }
}

resource "aws_subnet" "private" {
  for_each = { for index, zone in var.availability_zones : zone => index }

  vpc_id            = aws_vpc.this.id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr, 4, each.value)
  tags              = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

resource "aws_security_group" "jobs" {
  #checkov:skip=CKV2_AWS_5:requests for jobs name it; no resource of Terraform does
  name        = "${var.name}-jobs"
  description = "Training jobs: nothing comes in, TLS goes out"
  vpc_id      = aws_vpc.this.id
}

# Instances of one job talk to each other where it trains on several.
resource "aws_vpc_security_group_ingress_rule" "jobs_together" {
  #checkov:skip=CKV_AWS_23:its name says it; the emulator forgets descriptions of rules between groups and would see a change
  security_group_id            = aws_security_group.jobs.id
  referenced_security_group_id = aws_security_group.jobs.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "jobs_together" {
  #checkov:skip=CKV_AWS_23:its name says it; the emulator forgets descriptions of rules between groups and would see a change
  security_group_id            = aws_security_group.jobs.id
  referenced_security_group_id = aws_security_group.jobs.id
  ip_protocol                  = "-1"
}

# Any address, because S3 and DynamoDB keep their public ones behind a gateway endpoint; routes decide what is reached.
resource "aws_vpc_security_group_egress_rule" "jobs_tls" {
  security_group_id = aws_security_group.jobs.id
  description       = "TLS out: AWS's services, and what routes reach"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
