# Rights of `amaas publish`, `alias`, `keys rotate` and `models versions`: read and write the registry, and wrap for models.
locals {
  published = [for key in ["models/*", "blobs/sha256/*", "sealing/*"] : "${var.registry.bucket_arn}/${key}"]

  publish = [
    {
      Sid      = "ReadAndWriteModels"
      Effect   = "Allow"
      Action   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      Resource = local.published
    },
    {
      # Markers that keep `store prune` from deleting blobs of a running publish.
      Sid      = "WriteUploadMarkers"
      Effect   = "Allow"
      Action   = ["s3:DeleteObject", "s3:PutObject"]
      Resource = ["${var.registry.bucket_arn}/uploads/*"]
    },
    {
      Sid      = "ListModels"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = [var.registry.bucket_arn]
    },
    {
      Sid       = "EncryptObjects"
      Effect    = "Allow"
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = [var.registry.kms_key_arn]
      Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.${local.dns_suffix}" } }
    },
    {
      # The same key wraps the ledger's secrets for "(ledger)", which is not a valid model name.
      Sid      = "WrapForModels"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:Encrypt"]
      Resource = [var.registry.sealing_key_arn]
      Condition = {
        Null            = { "kms:EncryptionContext:model" = "false" }
        StringNotEquals = { "kms:EncryptionContext:model" = "(ledger)" }
      }
    },
  ]
}
