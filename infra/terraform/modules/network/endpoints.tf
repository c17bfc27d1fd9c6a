resource "aws_vpc_endpoint" "gateway" {
  for_each = toset(["s3", "dynamodb"])

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  tags              = { Name = "${var.name}-${each.key}" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Interface endpoints: TLS from within the network"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints_tls" {
  security_group_id = aws_security_group.endpoints.id
  description       = "TLS from within the network"
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

locals {
  jobs = ["ecr.api", "ecr.dkr", "logs", "sagemaker.api", "sts"]
  # Nodes join, pods are handed their roles, runs start chains.
  cluster = ["ec2", "eks", "eks-auth", "states"]
}

# Each is billed by the hour and zone, used or not.
resource "aws_vpc_endpoint" "interface" {
  for_each = toset(concat(local.jobs, var.cluster ? local.cluster : []))

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  tags                = { Name = "${var.name}-${each.key}" }
}
