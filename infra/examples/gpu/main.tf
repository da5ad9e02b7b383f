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
    # On an NVIDIA GPU while somebody calls it, and on nothing while nobody does.
    match = {
      image               = var.gpu_image
      execution_providers = ["cuda", "cpu"]

      gpu = {
        instance_type = var.instance_type
        capacity      = { min = 0, max = 2, spot = var.spot }
        scaling       = { queue_depth = 16, idle_minutes = 15 }
      }
    }

    # Beside it, what needs none.
    sentiment = { package = var.package, memory_mb = 512 }
  }

  # Services need a VPC; functions stay where they are.
  network = { functions = false }

  api = { shared = { default = "sentiment" } }
}
