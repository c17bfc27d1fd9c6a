output "cluster" {
  description = "Name of the cluster."
  value       = aws_eks_cluster.this.name
  # A cluster without DNS and identities is not ready for the chart.
  depends_on = [aws_eks_addon.dns, aws_eks_pod_identity_association.this]
}
