output "permissions" {
  description = "What each role may do: role -> policy document (JSON)."
  value       = { for role, statements in local.statements : role => jsonencode({ Version = "2012-10-17", Statement = statements }) }
}

output "trusts" {
  description = "Who may take each role: role -> trust policy (JSON)."
  value       = { for role, statements in local.trusts : role => jsonencode({ Version = "2012-10-17", Statement = statements }) }
}
