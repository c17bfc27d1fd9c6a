output "installation" {
  description = "What launchers, chart and operators need; see the outputs of modules/installation."
  value       = module.installation
}
