"""Plays an OpenID Connect issuer with PyJWT and cryptography: prints its keys, and tokens that they signed, as JSON.

Arguments: the issuer, the audience.
"""

import json
import sys
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

issuer, audience = sys.argv[1:]
now = int(time.time())
claims = {"iss": issuer, "aud": audience, "sub": "someone", "iat": now, "exp": now + 600, "org": {"name": "acme"}}

rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS = {
    "RS256": (rsa_key, RSAAlgorithm),
    "RS512": (rsa_key, RSAAlgorithm),
    "PS256": (rsa_key, RSAAlgorithm),
    "ES256": (ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
    "ES384": (ec.generate_private_key(ec.SECP384R1()), ECAlgorithm),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate(), OKPAlgorithm),
}


def sign(algorithm, **changes):
    return jwt.encode(claims | changes, KEYS[algorithm][0], algorithm=algorithm, headers={"kid": algorithm})


keys = [
    json.loads(kind.to_jwk(key.public_key())) | {"kid": algorithm, "use": "sig", "alg": algorithm}
    for algorithm, (key, kind) in KEYS.items()
]
good = {algorithm: sign(algorithm) for algorithm in KEYS}
good["aud list"] = sign("ES256", aud=["other", audience])
good["at+jwt"] = jwt.encode(claims, KEYS["EdDSA"][0], algorithm="EdDSA", headers={"kid": "EdDSA", "typ": "at+jwt"})
bad = {
    "expired": sign("ES256", exp=now - 61),
    "not begun": sign("ES256", nbf=now + 120),
    "issuer": sign("ES256", iss=issuer + "/"),
    "audience": sign("ES256", aud="other"),
    "tenant": sign("ES256", org={}),
    "algorithm none": jwt.encode(claims, None, algorithm="none", headers={"kid": "ES256"}),
    "a secret": jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": "RS256"}),
    "another key's name": jwt.encode(claims, KEYS["EdDSA"][0], algorithm="EdDSA", headers={"kid": "ES256"}),
    "another key": jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": "ES256"}),
    "an unknown key": jwt.encode(claims, KEYS["ES256"][0], algorithm="ES256", headers={"kid": "other"}),
}
json.dump({"jwks": {"keys": keys}, "good": good, "bad": bad}, sys.stdout)
