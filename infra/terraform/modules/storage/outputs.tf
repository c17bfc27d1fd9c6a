output "bucket" {
  description = "Name of the artifact bucket."
  value       = aws_s3_bucket.artifacts.bucket
}

output "metric_filter" {
  description = "Id of the request metrics that alarms on S3 refer to."
  value       = aws_s3_bucket_metric.artifacts.name
}
