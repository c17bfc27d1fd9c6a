output "topic_arn" {
  description = "Topic that failures and alarms are told to."
  value       = aws_sns_topic.alerts.arn
  # Whoever is given the topic may publish at once.
  depends_on = [aws_sns_topic_policy.alerts]
}
