// The sign-in page's button for passkeys. Without this script the page works by password alone.
"use strict";

const form = document.getElementById("passkey");
const told = document.getElementById("passkey-failed");

const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const textOf = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function signIn() {
  told.hidden = true;
  const answer = await fetch("/sign-in/passkey/challenge", { method: "POST" });
  if (!answer.ok) throw new Error(`the challenge was refused: ${answer.status}`);
  const { challenge, host } = await answer.json();
  const credential = await navigator.credentials.get({
    publicKey: { challenge: bytesOf(challenge), rpId: host, userVerification: "required", timeout: 300000 },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  const fields = {
    credential_id: credential.rawId,
    client_data: clientDataJSON,
    authenticator_data: authenticatorData,
    signature,
    user_handle: userHandle ?? new ArrayBuffer(0),
  };
  for (const [name, bytes] of Object.entries(fields)) form.elements[name].value = textOf(bytes);
  form.submit();
}

if (form && window.PublicKeyCredential) {
  form.hidden = false;
  const button = form.querySelector("button");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await signIn();
    } catch (error) {
      // Whoever closes the browser's own window wants nothing, and is told nothing.
      told.hidden = error?.name === "NotAllowedError" || error?.name === "AbortError";
      button.disabled = false;
    }
  });
}
