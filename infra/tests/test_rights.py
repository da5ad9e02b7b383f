"""Tests that rights.py reads the IAM action of each request."""

import unittest
from io import BytesIO
from pathlib import Path

import rights

SIGNED = "AWS4-HMAC-SHA256 Credential=operator/20260101/eu-central-1/{}/aws4_request, SignedHeaders=host, Signature=0"

# Service of the signature, method, path and query, further headers or a form, and the action.
REQUESTS = [
    ("dynamodb", "POST", "/", {"HTTP_X_AMZ_TARGET": "DynamoDB_20120810.PutItem"}, "dynamodb:PutItem"),
    ("monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricAlarm", {}, "cloudwatch:PutMetricAlarm"),
    ("iam", "POST", "/", {"form": b"Action=CreateRole&Version=2010-05-08"}, "iam:CreateRole"),
    ("lambda", "GET", "/2021-10-31/functions/amaas-a/url", {}, "lambda:GetFunctionUrlConfig"),
    ("lambda", "GET", "/2015-03-31/functions/amaas-a", {}, "lambda:GetFunction"),
    ("lambda", "POST", "/2015-03-31/functions/amaas-a/invocations", {}, "lambda:InvokeFunction"),
    ("apigateway", "PATCH", "/v2/apis/1", {}, "apigateway:PATCH"),
    ("s3", "GET", "/bucket?encryption", {}, "s3:GetEncryptionConfiguration"),
    ("s3", "GET", "/bucket?list-type=2&prefix=a", {}, "s3:ListBucket"),
    ("s3", "HEAD", "/bucket", {}, "s3:ListBucket"),
    ("s3", "DELETE", "/bucket?policy", {}, "s3:DeleteBucketPolicy"),
    ("s3", "DELETE", "/bucket", {}, "s3:DeleteBucket"),
    ("s3", "PUT", "/bucket/models/a/1.json", {}, "s3:PutObject"),
    ("s3", "DELETE", "/bucket/models/a/1.json", {}, "s3:DeleteObject"),
]


class Requests(unittest.TestCase):
    def test_each_is_its_action(self):
        recorder = rights.Recorder(None, Path("unused"))
        for service, method, url, more, action in REQUESTS:
            path, _, query = url.partition("?")
            environ = {"HTTP_AUTHORIZATION": SIGNED.format(service), "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, **more}
            if "form" in more:
                environ |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(more["form"])), "wsgi.input": BytesIO(more["form"])}
            with self.subTest(f"{service} {method} {url}"):
                self.assertEqual(recorder.asked(environ), ("operator", action))
                if "form" in more:
                    self.assertEqual(environ["wsgi.input"].read(), more["form"], "the server must be able to read the body again")

    def test_a_request_without_a_signature_has_no_actor(self):
        self.assertIsNone(rights.Recorder(None, Path("unused")).asked({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": ""}))


class Policies(unittest.TestCase):
    def test_what_no_document_allows_is_found(self):
        document = '{"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "kms:*"]}, {"Effect": "Deny", "Action": ["s3:PutObject"]}]}'
        asked = {"s3:GetObject", "kms:Decrypt", "s3:PutObject", "sts:GetCallerIdentity"}
        self.assertEqual(rights.not_allowed(asked, document), {"s3:PutObject"})


if __name__ == "__main__":
    unittest.main()
