output "vpc_id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "subnet_ids" {
  description = "Private subnets."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "job_security_group_id" {
  description = "Security group of training jobs."
  value       = aws_security_group.jobs.id
}
