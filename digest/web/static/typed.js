// @ts-check
// What was sent from a form of the desk and not saved, as the session had ended, the desk asked who
// it is once more, something broke, or nothing answered: kept in this tab until it stands in its form
// again, and that is saved. By user, for a day at most; no passwords, codes or files, and nothing marked private.
// The words of an issue save themselves: see compose.js.

/**
 * @typedef {{ name: string, value: string, on: boolean, hidden: boolean }} Typed one field; `on`: ticked
 * @typedef {{ user: string, action: string, at: number, first: string, fields: Typed[] }} Sent
 * one form. `at`: milliseconds since 1970; `first`: the id of its first field that is seen.
 * @typedef {Sent & { mark: string }} Sending `mark`: what the desk's answer names it by, in a cookie
 * @typedef {{ sent: Sending | null, kept: Sent[] }} Memory `sent`: not known yet whether it was saved
 */

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Field */

const KEY = "digest-desk-typed";
const MARK = "sent";
const LONGEST_MS = 24 * 3600 * 1000;

const user = document.body.dataset.user ?? "";
const unsaved = document.querySelector("[data-unsaved]");

if (unsaved) keepSent(unsaved);
else if (user) putBack();
document.addEventListener("submit", note);
// The way back from what did not answer may lead to the page as it was left.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && user && !unsaved) putBack();
});

/** @param {SubmitEvent} event */
function note(event) {
  const form = event.target;
  // What a script sends by itself, it also keeps.
  if (!(form instanceof HTMLFormElement) || form.method !== "post" || event.defaultPrevented) return;
  if (form.matches("[data-forget]")) write({ sent: null, kept: [] });
  else if (user) {
    const content = contentOf(form);
    write({ ...read(), sent: content && { ...content, mark: marked(form) } });
  }
}

/**
 * Give a form a mark of its own.
 * @param {HTMLFormElement} form
 */
function marked(form) {
  const mark = [...crypto.getRandomValues(new Uint8Array(8))].map((each) => each.toString(16).padStart(2, "0")).join("");
  const field = document.createElement("input");
  field.type = "hidden";
  field.name = MARK;
  field.value = mark;
  form.querySelector(`input[type=hidden][name=${MARK}]`)?.remove();
  form.append(field);
  return mark;
}

/**
 * Whether the desk has answered it, and whatever came of it was told.
 * @param {Sending} sent
 */
function isAnswered({ mark }) {
  const answered = document.cookie.match(/(?:^|; )(?:__Host-)?digest_answered=([0-9a-f.]*)/);
  return !mark || (answered?.[1] ?? "").split(".").includes(mark);
}

/**
 * The page says that what was sent was not saved.
 * @param {Element} place
 */
function keepSent(place) {
  const { sent, kept } = read();
  const all = sent ? [...kept.filter((each) => !isSame(each, sent)), sent] : kept;
  if (!write({ sent: null, kept: all }) || !all.length) return;
  place.querySelector("[data-kept]")?.removeAttribute("hidden");
}

/** What the desk has answered was taken, or stands in the answer with its mistakes; all else is kept. */
function putBack() {
  const { sent, kept } = read();
  const others = kept.filter((each) => !sent || !isSame(each, sent));
  const all = sent && !isAnswered(sent) ? [...others, sent] : others;
  const young = all.filter((each) => each.user === user && Date.now() - each.at < LONGEST_MS);
  write({ sent: null, kept: young.filter(isOpenStill) });
}

/**
 * Put a form's content back, if it is on this page.
 * @param {Sent} content
 * @returns {boolean} whether it is to be kept on
 */
function isOpenStill(content) {
  const form = formFor(content);
  if (!form) return true;
  if (!fill(form, content.fields)) return false;
  for (let at = form.closest("details"); at; at = at.parentElement?.closest("details") ?? null) at.open = true;
  tell(form, content);
  return true;
}

/**
 * @param {HTMLFormElement} form
 * @param {Typed[]} typed
 * @returns {boolean} whether it says anything else than the page did
 */
function fill(form, typed) {
  /** @type {[Field, Typed][]} */
  const pairs = [];
  for (const field of fieldsOf(form)) {
    const told = typed.find(({ name, value }) => name === field.name && (!isTick(field) || value === field.value));
    if (told) pairs.push([field, told]);
  }
  const other = pairs.some(([field, told]) => !told.hidden && !says(field, told));
  if (!other) return false;
  for (const [field, told] of pairs) {
    if (isTick(field)) field.checked = told.on;
    else field.value = told.value;
  }
  return true;
}

/**
 * Whether the page itself had that. On the way back a browser puts in what was typed.
 * @param {Field} field
 * @param {Typed} told
 */
function says(field, told) {
  if (isTick(field)) return field.defaultChecked === told.on;
  if (!(field instanceof HTMLSelectElement)) return plain(field.defaultValue) === plain(told.value);
  const chosen = [...field.options].find((each) => each.defaultSelected) ?? field.options[0];
  return (chosen?.value ?? "") === told.value;
}

/**
 * Say that it is back, where it can be left out again.
 * @param {HTMLFormElement} form
 * @param {Sent} content
 */
function tell(form, content) {
  const place = document.createElement("p");
  place.className = "saved";
  place.setAttribute("role", "status");
  form.prepend(place);
  place.textContent = "What you typed was not saved, and stands here again: send it once more. ";
  const leave = document.createElement("button");
  leave.type = "button";
  leave.className = "link-button";
  leave.textContent = "Leave it out";
  leave.addEventListener("click", () => {
    const memory = read();
    write({ ...memory, kept: memory.kept.filter((each) => !isSame(each, content)) });
    location.assign(location.pathname + location.search);
  });
  place.append(leave);
  place.scrollIntoView({ block: "nearest" });
}

/**
 * @param {HTMLFormElement} form
 * @returns {Sent | null} nothing where there is nothing to type
 */
function contentOf(form) {
  const fields = fieldsOf(form);
  const first = fields.find((field) => field.type !== "hidden");
  if (!first) return null;
  const typed = fields.map((field) => ({
    name: field.name,
    value: field.value,
    on: isTick(field) && field.checked,
    hidden: field.type === "hidden",
  }));
  return { user, action: actionOf(form), at: Date.now(), first: first.id, fields: typed };
}

/**
 * @param {HTMLFormElement} form
 * @returns {Field[]} all that is kept of it: what the page was made from as well, so that nobody
 * else's change is saved over unseen
 */
function fieldsOf(form) {
  return [...form.elements].filter(
    /** @returns {each is Field} */ (each) =>
      each instanceof HTMLTextAreaElement || each instanceof HTMLSelectElement || each instanceof HTMLInputElement,
  ).filter(
    (each) =>
      each.name && each.name !== "proof" && each.name !== MARK && each.autocomplete !== "one-time-code" &&
      !["password", "file", "submit", "image"].includes(each.type) && !each.matches("[data-private] *, [data-private]"),
  );
}

/**
 * @param {Sent} content
 * @returns {HTMLFormElement | undefined}
 */
function formFor(content) {
  // Of forms with one address the only one left may be another line's.
  return [...document.forms].find(
    (form) => form.method === "post" && actionOf(form) === content.action && contentOf(form)?.first === content.first,
  );
}

/**
 * @param {Sent} one
 * @param {Sent} other
 */
function isSame(one, other) {
  return one.action === other.action && one.first === other.first;
}

/**
 * The address of a form. Not `form.action`, which is a button of that name where there is one.
 * @param {HTMLFormElement} form
 */
function actionOf(form) {
  return form.getAttribute("action") ?? "";
}

/**
 * @param {Field} field
 * @returns {field is HTMLInputElement}
 */
function isTick(field) {
  return field.type === "checkbox" || field.type === "radio";
}

/** @param {string} text */
function plain(text) {
  return text.replace(/\r\n?/g, "\n");
}

/** @returns {Memory} */
function read() {
  try {
    return { sent: null, kept: [], ...JSON.parse(sessionStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { sent: null, kept: [] };
  }
}

/**
 * @param {Memory} memory
 * @returns {boolean} whether this browser keeps anything
 */
function write(memory) {
  try {
    if (memory.sent || memory.kept.length) sessionStorage.setItem(KEY, JSON.stringify(memory));
    else sessionStorage.removeItem(KEY);
    return true;
  } catch {
    return false;
  }
}
