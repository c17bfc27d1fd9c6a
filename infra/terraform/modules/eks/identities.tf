# Which role a pod is handed, by its service account in the chart. The daemon has none: it asks AWS for nothing.
locals {
  identities = {
    webserver     = "control-plane"
    code-location = "control-plane"
    run           = "run"
    training      = "training"
  }
}

resource "aws_eks_pod_identity_association" "this" {
  for_each = local.identities

  cluster_name    = aws_eks_cluster.this.name
  namespace       = var.namespace
  service_account = "${var.release}-${each.key}"
  role_arn        = var.role_arns[each.value]
}
