// Looks for the number whose derived key begins as the challenge asks. There is one; the server chose
// it, so that this never takes long. Loaded by our pages' worker, and by the element on other sites.
const MOST_TRIES = 10_000;

export async function prove(challenge) {
  const solution = await solve(challenge.parameters);
  return btoa(JSON.stringify({ challenge, solution }));
}

export async function solve({ nonce, salt, cost, keyLength, keyPrefix }) {
  const password = new Uint8Array(20);
  password.set(bytes(nonce));
  const counting = new DataView(password.buffer);
  const work = { name: "PBKDF2", hash: "SHA-256", salt: bytes(salt), iterations: cost };
  for (let counter = 0; counter < MOST_TRIES; counter++) {
    counting.setUint32(16, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derivedKey = hex(await crypto.subtle.deriveBits(work, key, keyLength * 8));
    if (derivedKey.startsWith(keyPrefix)) return { counter, derivedKey };
  }
  return null;
}

function bytes(text) {
  return Uint8Array.from(text.match(/../g), (pair) => Number.parseInt(pair, 16));
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
