resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:CloudTrail's data events can log reads; a log bucket would need another log bucket
  #checkov:skip=CKV_AWS_144:models are published again in another region, under its own keys; copied ones could not be decrypted there
  #checkov:skip=CKV2_AWS_62:functions look for new versions themselves
  bucket        = coalesce(var.bucket, "${var.name}-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.id}")
  force_destroy = var.force_destroy
  tags          = var.tags

  # A destroy that cannot delete the bucket must not schedule the deletion of the keys that decrypt its objects.
  depends_on = [module.key, module.sealing_key, module.log_key]
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# ACLs are disabled, so only policies decide.
resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    # One data key for the bucket, not for each object: fewer KMS calls in a cold start, and lower costs.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.incomplete_upload_days
    }
  }

  rule {
    id     = "expire-noncurrent-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  # Rules for noncurrent versions need versioning first.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode(local.bucket_policy)

  # The policy is created last, so a destroy deletes it first. If its deletion is refused, all other settings stay too. Besides, S3 answers 409 to
  # concurrent writes of bucket-level access settings.
  depends_on = [
    aws_s3_bucket_public_access_block.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_versioning.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_lifecycle_configuration.this,
  ]
}

locals {
  # The Deny statements cover every action and every principal on purpose.
  bucket_policy = {
    Version = "2012-10-17"
    Statement = concat(local.read_from_elsewhere, [
      {
        Sid       = "DenyPlainHttp"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "DenyOldTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
        Condition = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      },
    ], local.refuse_destroy)
  }

  # S3 itself refuses to delete a full bucket only after its policy, encryption and versioning are gone. PutBucketPolicy stays allowed, so an apply with
  # force_destroy = true removes this statement.
  refuse_destroy = [for statement in [{
    Sid       = "DenyDestroy"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["s3:DeleteBucket", "s3:DeleteBucketPolicy"]
    Resource  = [aws_s3_bucket.this.arn]
  }] : statement if !var.force_destroy]

  # Principals of this account need no statement here: their own policies are enough.
  read_from_elsewhere = [for statement in [
    {
      Sid       = "ReadFromOtherAccounts"
      Effect    = "Allow"
      Principal = { AWS = var.readers }
      Action    = ["s3:GetObject"]
      Resource  = [for key in ["models/*", "blobs/sha256/*", "sealing/*"] : "${aws_s3_bucket.this.arn}/${key}"]
    },
    {
      Sid       = "ListFromOtherAccounts"
      Effect    = "Allow"
      Principal = { AWS = var.readers }
      Action    = ["s3:ListBucket"]
      Resource  = [aws_s3_bucket.this.arn]
    },
  ] : statement if length(var.readers) > 0]
}
