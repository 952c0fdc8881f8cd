# Makes a state out of the mistakes, for the policies to judge as production.

mock_provider "aws" {
  source = "../../mocks"
}

run "wrong" {
  command = apply
}
