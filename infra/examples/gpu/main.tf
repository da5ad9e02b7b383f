provider "aws" {
  region = var.region

  default_tags {
    tags = { application = "amaas" }
  }
}

module "amaas" {
  source = "../.."

  publishers = var.publishers

  models = {
    # On an NVIDIA GPU; scales to zero without calls.
    match = {
      image               = var.gpu_image
      execution_providers = ["cuda", "cpu"]

      gpu = {
        instance_type = var.instance_type
        capacity      = { min = 0, max = 2, spot = var.spot }
        scaling       = { queue_depth = 16, idle_minutes = 15 }
      }
    }

    # On Lambda, without a GPU.
    sentiment = { package = var.package, memory_mb = 512 }
  }

  # Services need a VPC; functions stay in Lambda's own network.
  network = { functions = false }

  api = { shared = { default = "sentiment" } }
}
