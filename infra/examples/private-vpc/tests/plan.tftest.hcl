mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  package    = "../../modules/function/tests/package.zip"
  publishers = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]
}

run "as_it_is" {
  command = plan

  assert {
    condition     = keys(output.env) == ["sentiment"]
    error_message = "The model must be called through the API."
  }
}
