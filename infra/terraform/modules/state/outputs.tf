output "table" {
  description = "Name of the state table."
  value       = aws_dynamodb_table.state.name
}
