# Only metrics that AWS emits for what these modules make. Not S3's 4xxErrors: looking for an artifact that is not
# there yet and losing a conditional write are 404 and 412, and belong to a normal day.
locals {
  alarms = {
    chain-failed = {
      what       = "A training chain failed", namespace = "AWS/States", metric = "ExecutionsFailed"
      dimensions = { StateMachineArn = var.state_machine_arn }, threshold = 1, periods = 1
    }
    chain-timed-out = {
      what       = "A training chain ran into its time limit", namespace = "AWS/States", metric = "ExecutionsTimedOut"
      dimensions = { StateMachineArn = var.state_machine_arn }, threshold = 1, periods = 1
    }
    state-reads-throttled = {
      what       = "DynamoDB throttles reads of the state table", namespace = "AWS/DynamoDB", metric = "ReadThrottleEvents"
      dimensions = { TableName = var.table }, threshold = 10, periods = 3
    }
    state-writes-throttled = {
      what       = "DynamoDB throttles writes to the state table", namespace = "AWS/DynamoDB", metric = "WriteThrottleEvents"
      dimensions = { TableName = var.table }, threshold = 10, periods = 3
    }
    artifacts-unavailable = {
      what       = "S3 answers with errors of its own or asks to slow down", namespace = "AWS/S3", metric = "5xxErrors"
      dimensions = { BucketName = var.bucket, FilterId = var.bucket_metric_filter }, threshold = 10, periods = 3
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.what
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  # All of them count events: none means that there was nothing to count.
  treat_missing_data = "notBreaching"
  alarm_actions      = [aws_sns_topic.alerts.arn]
}
