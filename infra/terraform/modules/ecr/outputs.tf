output "urls" {
  description = "Repository URLs by name: control-plane, trainer."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}
