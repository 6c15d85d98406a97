// @ts-check
// Passkeys: a form with `data-passkey` asks the desk what is to be signed, has the browser's
// authenticator sign it, and is then sent with the answer. The server says what was wrong with it;
// only why there is no answer is said here. Without this file a sentence stands in the form's place.

/**
 * What the desk answers at `data-options`: WebAuthn's own JSON, with base64url for bytes.
 * @typedef {{ token: string, publicKey: any }} Asked
 */

const CANCELLED = "It was cancelled, or it took too long. Nothing was changed; try again.";
/** @type {Record<string, string>} By the name of what navigator.credentials throws. */
const SAID = {
  NotAllowedError: CANCELLED,
  AbortError: CANCELLED,
  InvalidStateError: "This device has a passkey of yours for the desk already.",
  ConstraintError: "This device cannot ask for a finger, a face or a PIN, which a passkey needs.",
  NotSupportedError: "This device cannot keep a passkey for the desk.",
};

for (const words of document.querySelectorAll("[data-without-script]")) words.remove();
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (form instanceof HTMLFormElement) prepare(form);
}

/** @param {HTMLFormElement} form */
function prepare(form) {
  form.hidden = false;
  const reason = whyNot(form);
  if (reason) {
    say(form, reason);
    button(form).remove();
    return;
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button(form).getAttribute("aria-disabled") !== "true") void run(form);
  });
}

/**
 * @param {HTMLFormElement} form
 * @returns {string} why no passkey can work on this page; empty where one can
 */
function whyNot(form) {
  const { origin } = form.dataset;
  if (origin && origin !== location.origin) {
    return `Passkeys work only at ${origin}. Open the desk there.`;
  }
  return window.PublicKeyCredential ? "" : "This browser knows no passkeys.";
}

// A page that comes out of the browser's memory again is not busy any more.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const busy of document.querySelectorAll("[aria-disabled=true]")) {
    busy.removeAttribute("aria-disabled");
  }
});

/** @param {HTMLFormElement} form */
async function run(form) {
  say(form, "");
  button(form).setAttribute("aria-disabled", "true");
  try {
    const asked = await ask(form);
    if (asked) {
      const answer = await (form.dataset.passkey === "create" ? create : get)(asked.publicKey);
      field(form, "token").value = asked.token;
      field(form, "answer").value = JSON.stringify(answer);
    }
    // Where the desk refused to say what is to be signed, it says why to the form.
    form.submit();
  } catch (error) {
    say(form, said(error));
    button(form).removeAttribute("aria-disabled");
  }
}

/**
 * @param {HTMLFormElement} form
 * @returns {Promise<Asked | null>} null where the desk refused
 */
async function ask(form) {
  /** @type {string[][]} */
  const fields = [];
  for (const [name, value] of new FormData(form)) fields.push([name, String(value)]);
  let answer;
  try {
    answer = await fetch(form.dataset.options ?? "", {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Accept: "application/json" },
      redirect: "manual",
    });
  } catch {
    throw new Error("The desk did not answer. Try again in a minute.");
  }
  return answer.ok ? answer.json() : null;
}

/** @param {any} options */
async function create(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: described(options.excludeCredentials),
    },
  });
  const { id, type, response } = /** @type {PublicKeyCredential} */ (made);
  // Debian's TypeScript does not know its getTransports yet.
  const attested = /** @type {any} */ (response);
  return {
    id,
    rawId: id,
    type,
    response: {
      clientDataJSON: text(attested.clientDataJSON),
      attestationObject: text(attested.attestationObject),
      transports: attested.getTransports?.() ?? [],
    },
  };
}

/** @param {any} options */
async function get(options) {
  const found = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: described(options.allowCredentials),
    },
  });
  const { id, type, response } = /** @type {PublicKeyCredential} */ (found);
  const signed = /** @type {AuthenticatorAssertionResponse} */ (response);
  return {
    id,
    rawId: id,
    type,
    response: {
      clientDataJSON: text(signed.clientDataJSON),
      authenticatorData: text(signed.authenticatorData),
      signature: text(signed.signature),
      userHandle: signed.userHandle ? text(signed.userHandle) : null,
    },
  };
}

/**
 * @param {any[] | undefined} credentials
 * @returns {any[]}
 */
function described(credentials) {
  return (credentials ?? []).map((each) => ({ ...each, id: bytes(each.id) }));
}

/** @param {string} base64url */
function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
function text(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @param {unknown} error */
function said(error) {
  if (!(error instanceof Error)) return CANCELLED;
  if (error.name === "Error") return error.message;
  return SAID[error.name] ?? `Your browser could not do it (${error.name}).`;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} words
 */
function say(form, words) {
  const place = form.querySelector("[data-says]");
  if (place) place.textContent = words;
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function field(form, name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

/** @param {HTMLFormElement} form */
function button(form) {
  return /** @type {HTMLButtonElement} */ (form.querySelector("button"));
}
