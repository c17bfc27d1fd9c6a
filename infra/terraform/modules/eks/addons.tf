# AWS's default version for the cluster's: it moves with kubernetes_version.
resource "aws_iam_role" "cni" {
  name                 = "${var.name}-eks-cni"
  permissions_boundary = var.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = { StringEquals = {
        "aws:RequestTag/eks-cluster-name"           = var.name
        "aws:RequestTag/kubernetes-namespace"       = "kube-system"
        "aws:RequestTag/kubernetes-service-account" = "aws-node"
      } }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "cni" {
  role       = aws_iam_role.cni.name
  policy_arn = "${local.policies}/AmazonEKS_CNI_Policy"
}

resource "aws_eks_addon" "before_nodes" {
  for_each = toset(["eks-pod-identity-agent", "kube-proxy"])

  cluster_name = aws_eks_cluster.this.name
  addon_name   = each.key
}

resource "aws_eks_addon" "network" {
  cluster_name = aws_eks_cluster.this.name
  addon_name   = "vpc-cni"
  # Without it the chart's network policies would be words.
  configuration_values = jsonencode({ enableNetworkPolicy = "true" })

  pod_identity_association {
    service_account = "aws-node"
    role_arn        = aws_iam_role.cni.arn
  }

  depends_on = [aws_iam_role_policy_attachment.cni, aws_eks_addon.before_nodes]
}

# It runs on nodes, and is ready only where there is one.
resource "aws_eks_addon" "dns" {
  cluster_name = aws_eks_cluster.this.name
  addon_name   = "coredns"

  depends_on = [aws_eks_node_group.this]
}
