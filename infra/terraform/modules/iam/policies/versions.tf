# No provider: the policies are a function of names, so that a test renders and evaluates them without any account.
terraform {
  required_version = ">= 1.11"
}
