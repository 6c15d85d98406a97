// @ts-check
// The desk by fetch: a form goes to its own route, and the page that is the answer gives its parts
// to the page that is open. So everything is said and drawn by the server, as without scripts.

import { isDirty, isField } from "./fields.js";

/** @typedef {{ page: Document, path: string, ok: boolean }} Answer `ok`: not refused in words. */

// To ask an issue's links takes up to 25 s.
const PATIENCE_MS = 30_000;

/** Something was not done; the message is the end of "Not saved: …". */
export class NotDone extends Error {
  /**
   * @param {string} words
   * @param {"away" | "signed out" | "refused"} why `away`: the same may work later
   */
  constructor(words, why) {
    super(words);
    this.why = why;
  }
}

/**
 * Ask for a page, or send a form.
 * @param {string} path
 * @param {URLSearchParams} [form]
 * @returns {Promise<Answer>}
 * @throws {NotDone}
 */
export async function ask(path, form) {
  const stop = new AbortController();
  const patience = setTimeout(() => stop.abort(), PATIENCE_MS);
  let answer, text;
  try {
    answer = await fetch(path, {
      method: form ? "POST" : "GET",
      body: form ?? null,
      headers: { Accept: "text/html" },
      signal: stop.signal,
    });
    text = await answer.text();
  } catch {
    throw new NotDone(navigator.onLine ? "the desk does not answer" : "you are offline", "away");
  } finally {
    clearTimeout(patience);
  }
  const { pathname } = new URL(answer.url);
  const page = new DOMParser().parseFromString(text, "text/html");
  if (pathname.includes("desk/sign-in")) throw new NotDone("you are signed out", "signed out");
  if (answer.status >= 500) throw new NotDone("the desk does not answer", "away");
  if (!answer.ok && answer.status !== 422) {
    throw new NotDone(page.querySelector("main p")?.textContent ?? "The desk refused.", "refused");
  }
  return { page, path: pathname, ok: answer.ok };
}

/**
 * What a form would send.
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} [button] the one that was pressed
 */
export function fieldsOf(form, button) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) fields.append(name, String(value));
  if (button instanceof HTMLButtonElement && button.name) fields.append(button.name, button.value);
  return fields;
}

/**
 * Take the parts of a page in place of those that are shown. What is open stays open, and focus
 * stays at the same button of the same row, or as near to it as there is.
 * @param {Answer} answer
 */
export function takeParts({ page, ok }) {
  const giveBack = heldFocus();
  for (const part of document.querySelectorAll("[data-part]")) {
    const name = part.getAttribute("data-part");
    const fresh = page.querySelector(`[data-part="${name}"]`);
    if (!fresh) continue;
    // After a refusal the fields keep older words: whoever approves those names their version.
    if (name === "acts" && !ok) continue;
    // The frame is renewed by itself, without a flash.
    if (name === "preview" && !part.querySelector(".seen") === !fresh.querySelector(".seen")) continue;
    keepOpen(part, fresh);
    part.replaceWith(document.adoptNode(fresh));
  }
  giveBack();
}

/**
 * @param {Element} part
 * @param {Element} fresh
 */
function keepOpen(part, fresh) {
  for (const old of part.querySelectorAll("details")) {
    const row = old.closest("li[id]");
    const place = row
      ? fresh.querySelector(`#${row.id} details`)
      : fresh.querySelector(`details.${old.className}`);
    const typedIn = [...old.querySelectorAll(".field")].some((each) => isField(each) && isDirty(each));
    // What is being typed in it is not on the server yet.
    if (place && row && (old.open || typedIn)) place.replaceWith(old);
    else if (old.open) place?.setAttribute("open", "");
  }
}

/** @returns {() => void} gives the focus back, once the parts are new */
function heldFocus() {
  const active = document.activeElement;
  if (!(active instanceof HTMLElement) || !active.closest("[data-part]")) return () => {};
  const row = active.closest("li[id]")?.id ?? "";
  const value = active instanceof HTMLButtonElement ? active.value : "";
  return () => {
    if (document.contains(active)) active.focus();
    else focusRow(row, value, active.id);
  };
}

/**
 * Focus a row's button by its value, another of its buttons, or the row.
 * @param {string} id
 * @param {string} [value]
 * @param {string} [own] the id of what had the focus
 */
export function focusRow(id, value = "", own = "") {
  const same = own ? document.getElementById(own) : null;
  const row = document.getElementById(id) ?? document.getElementById("stories");
  /** @type {HTMLElement | null | undefined} */
  const button =
    row?.querySelector(`button[value="${value}"]:enabled`) ??
    (value ? row?.querySelector("button.arrow:enabled") : null);
  const found = same ?? button ?? row;
  if (found === row) row?.setAttribute("tabindex", "-1");
  found?.focus();
}

/**
 * Say something where the page says what was done.
 * @param {string} words
 */
export function tell(words) {
  const place = document.querySelector("[data-told]");
  if (place) place.textContent = words;
}

/** @param {Document} page */
export function told(page) {
  return page.querySelector("[data-told]")?.textContent?.trim() ?? "";
}
