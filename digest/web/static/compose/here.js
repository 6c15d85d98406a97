// @ts-check
// Says that this page is open, so that others see who else is in the issue, and hears who is. Only
// while somebody looks at it: a page that is left open all night is nobody's presence.

import { actionOf } from "./fields.js";
import { ask, fieldsOf, NotDone, takeParts } from "./pages.js";

// A third of how long the desk takes us to be here (newsroom/issues/presence.py).
const EVERY_MS = 20_000;
const AWAY_AFTER_MS = 10 * 60_000;

let lastActive = Date.now();

/** Begin to say so, if the page has the form for it. */
export function startBeingHere() {
  const form = document.querySelector("form[data-here]");
  if (!(form instanceof HTMLFormElement)) return;
  for (const kind of ["input", "pointerdown", "keydown", "scroll"]) {
    addEventListener(kind, () => (lastActive = Date.now()), { passive: true, capture: true });
  }
  const say = () => void beHere(form);
  setInterval(say, EVERY_MS);
  document.addEventListener("visibilitychange", say);
  say();
}

/** @param {HTMLFormElement} form */
async function beHere(form) {
  if (document.hidden || Date.now() - lastActive > AWAY_AFTER_MS) return;
  try {
    takeParts(await ask(actionOf(form), fieldsOf(form)));
  } catch (error) {
    // Whoever saves something is told why it cannot be done; this is only asked again.
    if (!(error instanceof NotDone)) throw error;
  }
}
