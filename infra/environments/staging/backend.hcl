# Made by infra/bootstrap. Put this account's number in place of the zeros.
bucket       = "000000000000-posthouse-state"
key          = "posthouse/staging.tfstate"
region       = "eu-west-1"
encrypt      = true
use_lockfile = true # from Terraform 1.10 on, as in the pipelines; 1.9 must go without this line, and without a lock
