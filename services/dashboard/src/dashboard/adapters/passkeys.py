"""WebAuthn by py_webauthn."""

from typing import Final

from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorAssertionResponse,
    AuthenticatorAttestationResponse,
    RegistrationCredential,
)

from dashboard.domain.errors import PasskeyInvalidError
from dashboard.domain.passkeys import Assertion, Attestation, NewCredential

ALGORITHMS: Final = (
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
"""What pages ask devices for, in this order: -8, -7, -257."""


class WebauthnVerifier:
    """Whatever py_webauthn raises about bytes that a caller sent means that they are not valid."""

    def __init__(self, *, host: str | None, origin: str) -> None:
        """`host` None: nothing is valid."""
        self._host = host
        self._origin = origin

    def verify_new(self, attestation: Attestation, *, challenge: bytes) -> NewCredential:
        try:
            verified = verify_registration_response(
                credential=RegistrationCredential(
                    id=bytes_to_base64url(attestation.credential_id),
                    raw_id=attestation.credential_id,
                    response=AuthenticatorAttestationResponse(
                        client_data_json=attestation.client_data, attestation_object=attestation.attestation
                    ),
                ),
                expected_challenge=challenge,
                expected_rp_id=self._required_host(),
                expected_origin=self._origin,
                require_user_verification=True,
                supported_pub_key_algs=list(ALGORITHMS),
            )
        except Exception as error:
            raise PasskeyInvalidError("The passkey cannot be verified.") from error
        if verified.credential_id != attestation.credential_id:
            raise PasskeyInvalidError("The passkey cannot be verified.")
        return NewCredential(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
        )

    def verify_use(self, assertion: Assertion, *, challenge: bytes, public_key: bytes) -> int:
        try:
            verified = verify_authentication_response(
                credential=AuthenticationCredential(
                    id=bytes_to_base64url(assertion.credential_id),
                    raw_id=assertion.credential_id,
                    response=AuthenticatorAssertionResponse(
                        client_data_json=assertion.client_data,
                        authenticator_data=assertion.authenticator_data,
                        signature=assertion.signature,
                        user_handle=assertion.user_handle,
                    ),
                ),
                expected_challenge=challenge,
                expected_rp_id=self._required_host(),
                expected_origin=self._origin,
                credential_public_key=public_key,
                # The count is compared in the database, where two that come at once take turns.
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        except Exception as error:
            raise PasskeyInvalidError("The passkey cannot be verified.") from error
        return verified.new_sign_count

    def _required_host(self) -> str:
        if self._host is None:
            raise PasskeyInvalidError("There are no passkeys at an address of numbers.")
        return self._host
