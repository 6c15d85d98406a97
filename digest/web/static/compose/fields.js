// @ts-check
// The fields to write in. Each knows what it came with, and on which version of the issue: so of
// two editors who change one text, whoever saves later is told, whatever else was saved meanwhile.

import { adopt, allKept, forget, keep } from "./kept.js";

/** @typedef {HTMLInputElement | HTMLTextAreaElement} Field */
/** @typedef {{ was: string, base: string, tried: string | null }} Known `tried`: not to be sent again. */

/** @type {WeakMap<Field, Known>} */
const known = new WeakMap();

/** @returns {Field[]} */
export function fields() {
  return [...document.querySelectorAll("form[data-words] .field")].map(
    (each) => /** @type {Field} */ (each),
  );
}

/**
 * @param {EventTarget | null} target
 * @returns {target is Field}
 */
export function isField(target) {
  return target instanceof HTMLElement && target.matches("form[data-words] .field");
}

/** @param {Field} field */
export function formOf(field) {
  return /** @type {HTMLFormElement} */ (field.closest("form"));
}

/**
 * The address of a form. Not `form.action`, which is a button of that name where there is one.
 * @param {HTMLFormElement} form
 */
export function actionOf(form) {
  return form.getAttribute("action") ?? "";
}

/**
 * @param {Field} field
 * @param {string} name of a hidden field beside it
 */
export function hidden(field, name) {
  const found = formOf(field).elements.namedItem(name);
  return found instanceof HTMLInputElement ? found.value : "";
}

/**
 * @param {Field} field
 * @returns {Known}
 */
export function knownOf(field) {
  const found = known.get(field);
  if (found) return found;
  const fresh = { was: hidden(field, `${field.name}_was`), base: hidden(field, "version"), tried: null };
  known.set(field, fresh);
  return fresh;
}

/**
 * As the server cleans it.
 * @param {string} text
 * @param {Field} field
 */
export function plain(text, field) {
  if (field instanceof HTMLInputElement) return text.split(/\s+/).filter(Boolean).join(" ");
  return text.replace(/\r\n?/g, "\n").trim();
}

/** @param {Field} field */
export function isDirty(field) {
  return plain(field.value, field) !== plain(knownOf(field).was, field);
}

/** @param {Field} field */
export function waits(field) {
  return isDirty(field) && field.value !== knownOf(field).tried;
}

/**
 * Keep what is typed until it is saved.
 * @param {Field} field
 * @returns {boolean} whether this browser keeps it
 */
export function keepTyped(field) {
  const { was, base } = knownOf(field);
  if (!isDirty(field)) {
    forget(field.id);
    return true;
  }
  const action = new URL(actionOf(formOf(field)), location.href).pathname;
  return keep(field.id, { action, name: field.name, text: field.value, was, base, at: Date.now() });
}

/**
 * Put back what an earlier page could not save.
 * @returns {{ back: Field[], homeless: [string, import("./kept.js").Words][] }} `homeless`: of
 * stories that are not in the issue any more
 */
export function putBack() {
  /** @type {Field[]} */
  const back = [];
  /** @type {[string, import("./kept.js").Words][]} */
  const homeless = [];
  for (const [id, words] of Object.entries(allKept())) {
    adopt(id, words);
    const field = document.getElementById(id);
    if (!isField(field)) {
      homeless.push([id, words]);
    } else if (plain(words.text, field) === plain(knownOf(field).was, field)) {
      forget(id);
    } else {
      field.value = words.text;
      known.set(field, { was: words.was, base: words.base, tried: null });
      field.closest("details")?.setAttribute("open", "");
      back.push(field);
    }
  }
  return { back, homeless };
}

/**
 * Learn from a page of the server what stands there now.
 * @param {Document} page
 * @param {Map<Field, string>} sent what was just saved
 */
export function learn(page, sent) {
  for (const field of fields()) {
    const fresh = page.getElementById(field.id);
    if (!(fresh instanceof HTMLInputElement || fresh instanceof HTMLTextAreaElement)) continue;
    const [was, base] = [hidden(fresh, `${fresh.name}_was`), hidden(fresh, "version")];
    copyHint(field, page);
    if (plain(field.value, field) === plain(was, field)) {
      known.set(field, { was, base, tried: null });
      forget(field.id);
    } else if (!isDirty(field) || field.value === sent.get(field)) {
      takeOver(field, was, base);
    } else if (sent.has(field) && ["", plain(was, field)].includes(plain(sent.get(field) ?? "", field))) {
      // Saved, and typed on meanwhile. What was sent empty stands there as the article's own.
      known.set(field, { was, base, tried: null });
      keepTyped(field);
    }
  }
}

/**
 * Take somebody else's text, or one's own as the server cleaned it. Under the cursor nothing changes:
 * whoever types on there is told that somebody was first.
 * @param {Field} field
 * @param {string} was
 * @param {string} base
 */
function takeOver(field, was, base) {
  const here = field === document.activeElement;
  const emptied = isDirty(field) && plain(field.value, field) === "";
  if (here && !emptied) {
    knownOf(field).tried = field.value;
  } else {
    known.set(field, { was, base, tried: here ? field.value : null });
    if (!here) field.value = was;
  }
  forget(field.id);
}

/**
 * Say beside a field what a page says there, which may be nothing yet or nothing any more.
 * @param {Field} field
 * @param {Document} page
 */
function copyHint(field, page) {
  const hint = document.getElementById(`${field.id}-hint`);
  const fresh = page.getElementById(`${field.id}-hint`);
  if (hint && fresh) hint.textContent = fresh.textContent;
  else if (hint) hint.remove();
  // A copy: the page's own may be shown as a whole yet.
  else if (fresh) field.labels?.[0]?.after(document.importNode(fresh, true));
}

/**
 * Show at a field what a page says is wrong with it, or nothing.
 * @param {Field} field
 * @param {Document} page
 */
export function showWrong(field, page) {
  for (const old of field.parentElement?.querySelectorAll(".field-error") ?? []) old.remove();
  const fresh = page.getElementById(field.id);
  for (const each of fresh?.parentElement?.querySelectorAll(".field-error") ?? []) {
    field.before(document.adoptNode(each));
  }
  for (const name of ["class", "aria-invalid", "aria-describedby"]) {
    const value = fresh?.getAttribute(name);
    if (value) field.setAttribute(name, value);
    else if (name !== "class") field.removeAttribute(name);
  }
}
