# What AWS bills, a month: hours late, and a second net below the ledger's caps, which hold before money is spent.
# The tags are counted only once they are activated as cost allocation tags in the billing console.
locals {
  budgets = merge(
    { all = { usd = var.month_usd, tag = format("user:installation$%s", var.name) } },
    { for type, usd in var.model_type_usd : type => { usd = usd, tag = format("user:model_type$%s", type) } },
  )
}

resource "aws_budgets_budget" "month" {
  for_each = local.budgets

  name         = "${var.name}-${each.key}"
  budget_type  = "COST"
  limit_amount = format("%.2f", each.value.usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  cost_filter {
    name   = "TagKeyValue"
    values = [each.value.tag]
  }

  dynamic "notification" {
    for_each = var.shares
    content {
      notification_type         = "ACTUAL"
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [var.topic_arn]
    }
  }

  notification {
    notification_type         = "FORECASTED"
    comparison_operator       = "GREATER_THAN"
    threshold                 = 100
    threshold_type            = "PERCENTAGE"
    subscriber_sns_topic_arns = [var.topic_arn]
  }
}
