// While sign-ups surge, a form comes with a small sum: a worker does it while the reader fills the
// form in. Whoever is faster than that waits for it.
const GIVE_UP_MS = 60_000;
const WAIT = "One moment: your browser is doing a small sum.";
const FAILED =
  "Your browser could not do the sum. Load this page again, or come back in an hour: when the " +
  "rush is over, it goes without.";

const field = /** @type {HTMLInputElement} */ (
  document.querySelector("input[name=proof][data-challenge]")
);
const form = /** @type {HTMLFormElement} */ (field.form);
const status = /** @type {HTMLElement} */ (form.querySelector(".proof-status"));
const challenge = JSON.parse(field.dataset.challenge ?? "");
/** @type {HTMLElement | null} */
let pressed = null;
let failed = false;
status.hidden = true;

// Before the page's other script hears of it, which would show the form as being sent.
document.addEventListener("submit", hold, { capture: true });
const worker = new Worker(field.dataset.worker ?? "", { type: "module" });
worker.addEventListener("message", ({ data }) => solved(data));
worker.addEventListener("error", fail);
worker.postMessage(challenge.parameters);
const patience = setTimeout(fail, GIVE_UP_MS);

/** @param {SubmitEvent} event */
function hold(event) {
  if (event.target !== form || field.value) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  pressed = event.submitter ?? form.querySelector("button");
  if (!pressed) return;
  if (failed) {
    say(FAILED);
    return;
  }
  // As wide as it was: a button that waits may have no room of its own.
  pressed.style.minWidth = `${pressed.offsetWidth}px`;
  pressed.setAttribute("aria-disabled", "true");
  say(WAIT);
}

/** @param {unknown} solution null: there was none to be found */
function solved(solution) {
  clearTimeout(patience);
  worker.terminate();
  if (!solution) {
    fail();
    return;
  }
  field.value = btoa(JSON.stringify({ challenge, solution }));
  status.hidden = true;
  if (!pressed) return;
  pressed.removeAttribute("aria-disabled");
  form.requestSubmit(pressed);
}

function fail() {
  failed = true;
  clearTimeout(patience);
  worker.terminate();
  pressed?.removeAttribute("aria-disabled");
  if (pressed) say(FAILED);
}

/** @param {string} words */
function say(words) {
  status.textContent = words;
  status.hidden = false;
}
