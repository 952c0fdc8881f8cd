output "stack" {
  description = "What people and pipelines need: addresses, names, roles."
  value       = module.stack
}
