// Proof of work for the form of the public page: numbers whose hash with the form's challenge begins with zeros.
(async () => {
  const form = document.querySelector("form[data-challenge]");
  if (!form || !globalThis.crypto?.subtle) return;
  const { challenge, bits, pieces } = form.dataset;
  const encoder = new TextEncoder();
  let isDone = false;
  let isWaiting = false;
  form.addEventListener("submit", (event) => {
    if (isDone) return;
    event.preventDefault();
    isWaiting = true;
    form.querySelector("[data-working]").hidden = false;
  });
  const isRight = (hash) => {
    let left = Number(bits);
    for (const byte of hash) {
      if (left <= 0) return true;
      if (byte >> Math.max(0, 8 - left)) return false;
      left -= 8;
    }
    return true;
  };
  const found = [];
  for (let piece = 0; piece < Number(pieces); piece += 1) {
    for (let number = 0; ; number += 1) {
      const hash = await crypto.subtle.digest("SHA-256", encoder.encode(`${challenge}.${piece}.${number}`));
      if (isRight(new Uint8Array(hash))) {
        found.push(number);
        break;
      }
    }
  }
  form.elements.namedItem("work").value = found.join(".");
  isDone = true;
  if (isWaiting) form.requestSubmit();
})();
