mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_default_tags" {
    defaults = { tags = { installation = "srl-dev" } }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
  }
}

variables {
  name                 = "srl-dev"
  kubernetes_version   = "1.33"
  subnet_ids           = ["subnet-1", "subnet-2"]
  kms_key_arn          = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  log_retention_days   = 30
  permissions_boundary = null
  admins               = ["arn:aws:iam::123456789012:role/operators"]
  public_cidrs         = []
  namespace            = "learning"
  release              = "srl"
  role_arns = {
    control-plane = "arn:aws:iam::123456789012:role/srl-dev-control-plane"
    run           = "arn:aws:iam::123456789012:role/srl-dev-run"
    training      = "arn:aws:iam::123456789012:role/srl-dev-training"
  }
  pools = {
    cpu = { instance_types = ["m6i.xlarge"], min = 2, max = 4, disk_gib = 80 }
    gpu = { instance_types = ["g5.xlarge"], min = 0, max = 2, disk_gib = 120, spot = true, gpu = true }
  }
}

run "the_api_server_is_private_secrets_are_encrypted_and_what_it_does_is_logged" {
  command = apply

  module {
    source = "../eks"
  }

  assert {
    condition     = aws_eks_cluster.this.vpc_config[0].endpoint_private_access && !aws_eks_cluster.this.vpc_config[0].endpoint_public_access
    error_message = "the API server is reached from the internet"
  }

  assert {
    condition     = one(one(aws_eks_cluster.this.encryption_config).provider).key_arn == var.kms_key_arn
    error_message = "Secrets are not encrypted with the installation's key"
  }

  assert {
    condition     = contains(aws_eks_cluster.this.enabled_cluster_log_types, "audit") && aws_cloudwatch_log_group.control_plane.name == "/aws/eks/srl-dev/cluster"
    error_message = "nobody could say who did what"
  }

  assert {
    condition     = !one(aws_eks_cluster.this.access_config).bootstrap_cluster_creator_admin_permissions && toset(keys(aws_eks_access_policy_association.admin)) == var.admins
    error_message = "somebody administers the cluster who was not named"
  }
}

run "nodes_keep_their_credentials_from_pods_and_encrypt_their_disks" {
  command = apply

  module {
    source = "../eks"
  }

  assert {
    condition = alltrue([
      for template in aws_launch_template.node :
      template.metadata_options[0].http_tokens == "required" && template.metadata_options[0].http_put_response_hop_limit == 1
    ])
    error_message = "a pod could take the node's credentials"
  }

  assert {
    condition     = alltrue(flatten([for template in aws_launch_template.node : [for disk in template.block_device_mappings : disk.ebs[0].encrypted == "true"]]))
    error_message = "a disk is not encrypted"
  }

  assert {
    condition     = alltrue(flatten([for template in aws_launch_template.node : [for tags in template.tag_specifications : tags.tags.installation == "srl-dev"]]))
    error_message = "instances would not be counted by the budgets"
  }

  assert {
    condition     = toset(keys(aws_iam_role_policy_attachment.node)) == toset(["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"])
    error_message = "the node's role may more than join and pull"
  }
}

run "only_trainings_come_to_gpus_and_none_is_paid_for_while_nothing_trains" {
  command = apply

  module {
    source = "../eks"
  }

  assert {
    condition     = one(aws_eks_node_group.this["gpu"].taint).key == "nvidia.com/gpu" && one(aws_eks_node_group.this["gpu"].taint).effect == "NO_SCHEDULE"
    error_message = "any pod could take a GPU's node"
  }

  assert {
    condition     = aws_eks_node_group.this["gpu"].labels.pool == "gpu" && aws_eks_node_group.this["gpu"].scaling_config[0].desired_size == 0
    error_message = "the chart's node selector finds no node, or one runs from the beginning"
  }

  assert {
    condition     = length(aws_eks_node_group.this["cpu"].taint) == 0
    error_message = "the control plane has no node"
  }
}

run "network_policies_hold_and_pods_are_handed_roles" {
  command = apply

  module {
    source = "../eks"
  }

  assert {
    condition     = jsondecode(aws_eks_addon.network.configuration_values).enableNetworkPolicy == "true"
    error_message = "the chart's network policies would not be enforced"
  }

  assert {
    condition = { for name, a in aws_eks_pod_identity_association.this : a.service_account => a.role_arn } == {
      srl-webserver     = var.role_arns["control-plane"]
      srl-code-location = var.role_arns["control-plane"]
      srl-run           = var.role_arns["run"]
      srl-training      = var.role_arns["training"]
    }
    error_message = "a service account has another role"
  }
}

run "an_api_server_for_everybody_is_refused" {
  command = plan

  module {
    source = "../eks"
  }

  variables {
    public_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.public_cidrs]
}

run "a_cluster_that_nobody_can_enter_is_refused" {
  command = plan

  module {
    source = "../eks"
  }

  variables {
    admins = []
  }

  expect_failures = [var.admins]
}

run "gpus_alone_are_refused" {
  command = plan

  module {
    source = "../eks"
  }

  variables {
    pools = { gpu = { instance_types = ["g5.xlarge"], min = 0, max = 2, disk_gib = 120, gpu = true } }
  }

  expect_failures = [var.pools]
}
