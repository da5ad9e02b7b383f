//! Principals that AWS IAM has authorised: on Lambda, behind a Function URL or an HTTP API with IAM authorisation.

/// The principal that signed a request, as the host found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamPrincipal {
    arn: String,
}

impl IamPrincipal {
    /// The principal that `arn` names; `None` if it is not an ARN.
    pub fn of_arn(arn: String) -> Option<Self> {
        arn.starts_with("arn:").then_some(Self { arn })
    }

    /// The name of its tenant: the ARN of a user or a role. All sessions of a role are one tenant. A role is named as in STS, without its
    /// path: `arn:aws:sts::111122223333:assumed-role/name`.
    pub fn tenant(&self) -> &str {
        // RoleSessionName, which callers choose, has no slash in it.
        let session = self.arn.split_once(":assumed-role/").and_then(|(_, role)| role.split_once('/'));
        session.map_or(&self.arn, |(_, session)| &self.arn[..self.arn.len() - session.len() - 1])
    }

    /// The whole ARN, including the session's name.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_user_or_a_role() {
        for (arn, tenant) in [
            ("arn:aws:iam::123456789012:user/alice", "arn:aws:iam::123456789012:user/alice"),
            ("arn:aws:iam::123456789012:user/a/b/alice", "arn:aws:iam::123456789012:user/a/b/alice"),
            ("arn:aws:iam::123456789012:user/assumed-role/a/b", "arn:aws:iam::123456789012:user/assumed-role/a/b"),
            ("arn:aws:sts::123456789012:assumed-role/app/i-0abc", "arn:aws:sts::123456789012:assumed-role/app"),
            ("arn:aws:sts::123456789012:assumed-role/app/a@b.c=,", "arn:aws:sts::123456789012:assumed-role/app"),
            ("arn:aws-cn:sts::123456789012:assumed-role/app/x", "arn:aws-cn:sts::123456789012:assumed-role/app"),
            ("arn:aws:sts::123456789012:federated-user/bob", "arn:aws:sts::123456789012:federated-user/bob"),
            ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"),
        ] {
            let principal = IamPrincipal::of_arn(arn.to_owned()).expect(arn);
            assert_eq!((principal.tenant(), principal.arn()), (tenant, arn));
        }
    }
}
