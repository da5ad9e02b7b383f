mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  package    = "../../modules/function/tests/package.zip"
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
  gpu_image  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/match@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "as_it_is" {
  command = plan

  assert {
    condition     = toset(keys(output.env)) == toset(["match", "sentiment"])
    error_message = "Both models must be called in the same way."
  }
}

run "on_spot_instances" {
  command = plan

  variables {
    instance_type = "g6.xlarge"
    spot          = true
  }
}
