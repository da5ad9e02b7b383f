# Values of the mocked AWS that are parts of ARNs or that the code counts, so that random ones would fail.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = {
    partition  = "aws"
    dns_suffix = "amazonaws.com"
  }
}

mock_data "aws_region" {
  defaults = { id = "eu-central-1" }
}

mock_data "aws_ec2_instance_type" {
  defaults = {
    default_vcpus           = 4
    memory_size             = 16384
    supported_architectures = ["x86_64"]
    gpus                    = [{ count = 1, manufacturer = "NVIDIA", memory_size = 24576, name = "A10G" }]
  }
}

mock_data "aws_availability_zones" {
  defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"], zone_ids = ["euc1-az2", "euc1-az3", "euc1-az1"] }
}
