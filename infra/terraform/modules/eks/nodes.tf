# Nodes run Bottlerocket: nothing is logged in to, and its NVIDIA images bring driver and device plugin along.
data "aws_default_tags" "this" {}

resource "aws_iam_role" "node" {
  name                 = "${var.name}-eks-node"
  permissions_boundary = var.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

# To join and to pull images. No rights to the network (the add-on has a role of its own) and none to any data.
resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"])

  role       = aws_iam_role.node.name
  policy_arn = "${local.policies}/${each.key}"
}

resource "aws_launch_template" "node" {
  for_each = var.pools

  name = "${var.name}-${each.key}"

  # One hop ends at the node: no pod reaches the node's credentials, whatever its network policy says.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Bottlerocket's system, and what pods use. AWS's key for volumes: with ours, the role of Auto Scaling, which may not
  # exist yet, would have to stand in the key's policy.
  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      encrypted             = true
      volume_type           = "gp3"
      delete_on_termination = true
    }
  }
  block_device_mappings {
    device_name = "/dev/xvdb"
    ebs {
      encrypted             = true
      volume_type           = "gp3"
      volume_size           = each.value.disk_gib
      delete_on_termination = true
    }
  }

  # The provider tags the template only; what costs money are these, and the budgets count by tag.
  dynamic "tag_specifications" {
    for_each = ["instance", "volume", "network-interface"]
    content {
      resource_type = tag_specifications.value
      tags          = merge(data.aws_default_tags.this.tags, { Name = "${var.name}-${each.key}" })
    }
  }
}

resource "aws_eks_node_group" "this" {
  for_each = var.pools

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = each.key
  node_role_arn   = aws_iam_role.node.arn
  subnet_ids      = var.subnet_ids
  ami_type        = each.value.gpu ? "BOTTLEROCKET_x86_64_NVIDIA" : "BOTTLEROCKET_x86_64"
  capacity_type   = each.value.spot ? "SPOT" : "ON_DEMAND"
  instance_types  = each.value.instance_types
  labels          = { pool = each.key }

  launch_template {
    id      = aws_launch_template.node[each.key].id
    version = aws_launch_template.node[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.min
    max_size     = each.value.max
    desired_size = each.value.min
  }

  update_config {
    max_unavailable = 1
  }

  dynamic "taint" {
    for_each = each.value.gpu ? ["nvidia.com/gpu"] : []
    content {
      key    = taint.value
      value  = "present"
      effect = "NO_SCHEDULE"
    }
  }

  lifecycle {
    # How many run at the moment is an autoscaler's or an operator's business.
    ignore_changes = [scaling_config[0].desired_size]
  }

  # Without them nodes would not become ready, and pods would get no identity.
  depends_on = [aws_iam_role_policy_attachment.node, aws_eks_addon.network, aws_eks_addon.before_nodes]
}
