from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from calendar_sync.adapters.feed_secrets import FeedSecrets
from calendar_sync.adapters.sealing import SecretBox, UnsealableError

ORGANIZATION = UUID(int=1)
CONNECTION = UUID(int=2)
KEY = Fernet.generate_key().decode()


def test_a_sealed_secret_opens_for_its_own_connection_and_does_not_show() -> None:
    box = SecretBox([KEY])
    sealed = box.seal("https://example.com/s3cret", organization_id=ORGANIZATION, connection_id=CONNECTION)

    assert b"s3cret" not in sealed
    assert box.open(sealed, organization_id=ORGANIZATION, connection_id=CONNECTION) == "https://example.com/s3cret"


@pytest.mark.parametrize(("organization", "connection"), [(UUID(int=9), CONNECTION), (ORGANIZATION, UUID(int=9))])
def test_a_secret_copied_to_another_row_stays_shut(organization: UUID, connection: UUID) -> None:
    box = SecretBox([KEY])
    sealed = box.seal("secret", organization_id=ORGANIZATION, connection_id=CONNECTION)

    with pytest.raises(UnsealableError):
        box.open(sealed, organization_id=organization, connection_id=connection)


def test_keys_can_be_rotated() -> None:
    sealed = SecretBox([KEY]).seal("secret", organization_id=ORGANIZATION, connection_id=CONNECTION)
    newer = SecretBox([Fernet.generate_key().decode(), KEY])
    other = SecretBox([Fernet.generate_key().decode()])

    assert newer.open(sealed, organization_id=ORGANIZATION, connection_id=CONNECTION) == "secret"
    with pytest.raises(UnsealableError):
        other.open(sealed, organization_id=ORGANIZATION, connection_id=CONNECTION)


def test_each_feed_and_rotation_has_its_own_repeatable_secret() -> None:
    def secret(key: str, feed: int, rotation: int) -> str:
        return FeedSecrets(key).secret(organization_id=ORGANIZATION, feed_id=UUID(int=feed), rotation=rotation)

    assert secret(KEY, 1, 1) == secret(KEY, 1, 1)
    assert len({secret(KEY, 1, 1), secret(KEY, 1, 2), secret(KEY, 2, 1), secret("other", 1, 1)}) == 4
    assert len(secret(KEY, 1, 1)) == 43
