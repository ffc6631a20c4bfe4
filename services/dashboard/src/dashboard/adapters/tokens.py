"""Access tokens: ES256, signed with the newest key, and the keys as a JWKS."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey

from dashboard.domain.protocols import KeyBox
from dashboard.domain.signing_keys import SigningKey

ALGORITHM = "ES256"


def generate_key(*, box: KeyBox, now: datetime, signs_from: datetime, lifetime: timedelta) -> SigningKey:
    key = ECKey.generate_key("P-256", private=True, auto_kid=True)
    key_id = str(key.kid)
    return SigningKey(
        id=key_id,
        sealed_private=box.seal(orjson.dumps(key.as_dict(private=True)).decode(), purpose=_purpose(key_id)),
        public={
            name: str(value)
            for name, value in {**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM}.items()
            if not isinstance(value, list)
        },
        created_at=now,
        signs_from=signs_from,
        signs_until=signs_from + lifetime,
    )


class TokenSigner:
    """Signs with one key."""

    def __init__(self, key: SigningKey, *, box: KeyBox) -> None:
        self.key = key
        self._private = ECKey.import_key(orjson.loads(box.open(key.sealed_private, purpose=_purpose(key.id))))

    def sign(self, claims: Mapping[str, object]) -> str:
        return jwt.encode({"alg": ALGORITHM, "kid": self.key.id}, dict(claims), self._private, algorithms=[ALGORITHM])


def jwks_of(keys: Sequence[SigningKey]) -> bytes:
    """The public halves, as services read them."""
    return orjson.dumps({"keys": [dict(key.public) for key in keys]})


def _purpose(key_id: str) -> str:
    return f"signing key {key_id}"
