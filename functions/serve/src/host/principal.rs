//! The IAM principal of a Lambda event, which signed the request.
//!
//! The principal is in the event and not in the request, so clients cannot forge it. For a sealed call, the signature of the outer request
//! counts. This is secure only if the function can be invoked through its URL or API alone. A principal with `lambda:InvokeFunction` and
//! without the condition `lambda:InvokedViaFunctionUrl` can write any event.

use amaas_access::iam::IamPrincipal;
use http::Extensions;
use lambda_http::request::RequestContext;

/// The principal in the extensions of a request, if IAM authorised it.
pub(super) fn iam_principal(extensions: &Extensions) -> Option<IamPrincipal> {
    let RequestContext::ApiGatewayV2(context) = extensions.get()? else { return None };
    IamPrincipal::of_arn(context.authorizer.as_ref()?.iam.as_ref()?.user_arn.clone()?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The principal of an event. Only the extensions of its request are used, as for a sealed call.
    fn found(event: &Value) -> Option<IamPrincipal> {
        let request = lambda_http::request::from_str(&event.to_string()).expect("an event");
        let (parts, _) = request.into_parts();
        iam_principal(&parts.clone().extensions)
    }

    /// An event of a Function URL, from Lambda's developer guide ("Invoking Lambda function URLs"), with this `authorizer`.
    fn function_url(authorizer: &Value) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/v1/models/m/predict", "rawQueryString": "",
            "headers": {"host": "id.lambda-url.eu-central-1.on.aws", "content-type": "application/json"},
            "requestContext": {
                "accountId": "123456789012", "apiId": "id", "authentication": null, "authorizer": authorizer,
                "domainName": "id.lambda-url.eu-central-1.on.aws", "domainPrefix": "id",
                "http": {
                    "method": "POST", "path": "/v1/models/m/predict", "protocol": "HTTP/1.1",
                    "sourceIp": "123.123.123.123", "userAgent": "agent"
                },
                "requestId": "id", "routeKey": "$default", "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_u64
            },
            "body": "{}", "isBase64Encoded": false
        })
    }

    /// An event of a Function URL that the principal `arn` signed.
    fn signed_by(arn: &str) -> Value {
        function_url(&json!({"iam": {
            "accessKey": "ASIAEXAMPLE", "accountId": "123456789012", "callerId": "AROAEXAMPLE:session",
            "cognitoIdentity": null, "principalOrgId": "o-example", "userArn": arn, "userId": "AROAEXAMPLE:session"
        }}))
    }

    #[test]
    fn an_http_api_says_it_in_the_same_place() {
        // "Working with AWS Lambda proxy integrations for HTTP APIs", payload format 2.0.
        let mut event = function_url(&json!({"iam": {
            "accessKey": "AKIAEXAMPLE", "accountId": "123456789012", "callerId": "AIDAEXAMPLE",
            "cognitoIdentity": {"amr": ["foo"], "identityId": "eu-central-1:1", "identityPoolId": "eu-central-1:2"},
            "principalOrgId": "aws:PrincipalOrgID", "userArn": "arn:aws:iam::123456789012:user/alice",
            "userId": "AIDAEXAMPLE"
        }}));
        event["requestContext"]["domainName"] = "id.execute-api.eu-central-1.amazonaws.com".into();
        event["requestContext"]["stage"] = "live".into();
        event["pathParameters"] = json!({"proxy": "v1/models/m/predict"});
        event["stageVariables"] = json!({"a": "b"});
        event["cookies"] = json!(["a=b"]);
        assert_eq!(found(&event).expect("signed").tenant(), "arn:aws:iam::123456789012:user/alice");
    }

    #[test]
    fn nobody_is_nobody() {
        let claims = json!({"jwt": {"claims": {"userArn": "arn:aws:iam::1:root"}, "scopes": null}});
        for authorizer in [
            Value::Null,
            json!({}),
            json!({"iam": null}),
            json!({"iam": {}}),
            json!({"iam": {"userArn": null}}),
            json!({"iam": {"userArn": ""}}),
            json!({"lambda": {"iam": {"userArn": "arn:aws:iam::1:root"}}}),
            claims,
        ] {
            assert_eq!(found(&function_url(&authorizer)), None, "{authorizer}");
        }
        assert_eq!(iam_principal(&Extensions::new()), None, "an HTTP server");
        let mut headers = function_url(&Value::Null);
        headers["headers"]["x-amzn-request-context"] =
            signed_by("arn:aws:iam::1:root")["requestContext"].to_string().into();
        assert_eq!(found(&headers), None, "a header of the client is ignored");
    }
}
