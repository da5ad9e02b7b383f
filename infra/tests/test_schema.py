"""Tests schema.py: code that is not in the provider's schema must fail."""

import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import schema

GOOD = """
data "aws_region" "current" {}

data "aws_default_tags" "this" {}

resource "aws_s3_bucket" "this" {
  bucket = "b-${data.aws_region.current.id}"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_lb" "this" {
  dynamic "access_logs" {
    for_each = ["b"]

    content {
      bucket = access_logs.value
    }
  }
}

output "arns" {
  value = [aws_s3_bucket.this.arn, aws_lb.this.subnet_mapping, data.aws_default_tags.this.tags]
}
"""

# A change of the code above, and the expected fault.
BAD = {
    "unknown argument": ('bucket = "b-', 'bucke = "b-', "aws_s3_bucket.this: bucke is unknown"),
    "argument that the provider sets itself": ('bucket = "b-', 'arn = "b-', "aws_s3_bucket.this: arn is read-only"),
    "unknown argument of a dynamic block": ("bucket = access_logs.value", "bucket = 1\n      buckt = 2", "aws_lb.this.access_logs: buckt is unknown"),
    "missing argument": ("bucket = access_logs.value", "", "aws_lb.this.access_logs: bucket is required"),
    "unknown block": ('"access_logs"', '"access_log"', "aws_lb.this: access_log is unknown"),
    "unknown resource": ('"aws_s3_bucket" "this"', '"aws_s3_buckets" "this"', "the provider has no such resource"),
    "unknown attribute": ("aws_s3_bucket.this.arn", "aws_s3_bucket.this.arm", "aws_s3_bucket: arm of .arm is unknown"),
    "unknown attribute in a loop": ("aws_s3_bucket.this.arn", "[for b in aws_s3_bucket.this : b.arm]", "aws_s3_bucket: arm of .arm is unknown"),
    "unknown attribute of a block": ("aws_lb.this.subnet_mapping", "aws_lb.this.subnet_mapping[0].subnet", "aws_lb: subnet of .subnet_mapping[0].subnet is unknown"),
    "unknown attribute of a data source": ("aws_default_tags.this.tags", "aws_default_tags.this.tag", "data.aws_default_tags: tag of .tag is unknown"),
    "deprecated attribute": ("aws_region.current.id", "aws_region.current.name", "data.aws_region.name is deprecated: read id"),
}

archive = schema.fetch(schema.CACHE)


@unittest.skipIf(isinstance(archive, str), archive)
class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with schema.Schema(archive) as cls.schema:
            pass

    def faults(self, text: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "main.tf").write_text(text)
            return schema.Code(Path(folder)).faults(self.schema)

    def test_good_code_has_none(self):
        self.assertEqual(self.faults(GOOD), [])

    def test_each_fault_is_found(self):
        for name, (old, new, expected) in BAD.items():
            with self.subTest(name):
                self.assertIn(old, GOOD)
                self.assertTrue(any(expected in fault for fault in self.faults(GOOD.replace(old, new))), self.faults(GOOD.replace(old, new)))


class Package(unittest.TestCase):
    def test_another_digest_is_an_error(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / schema.ARCHIVE).write_bytes(b"something else")
            with self.assertRaisesRegex(SystemExit, "has the digest"):
                schema.fetch(Path(folder))

    def test_without_npm_it_says_why_it_is_skipped(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(shutil, "which", return_value=None):
            self.assertEqual(schema.fetch(Path(folder)), "npm is not installed")


if __name__ == "__main__":
    unittest.main()
