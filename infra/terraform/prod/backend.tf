# Partial: bucket, key, region and encryption come from a file that is not in the repository
# (terraform init -backend-config=backend.hcl). The lock is an object beside the state: no lock table is needed.
terraform {
  backend "s3" {
    use_lockfile = true
  }
}
