// @ts-check
// The email beside what is typed. The server renders it, by what will freeze it; a new frame takes
// the old one's place once it is there, so that nothing flashes and "Back" is not filled with it.

import { fields, hidden, waits } from "./fields.js";

const AFTER_MS = 250;
const PATIENCE_MS = 10_000;

let timer = 0;
let rendering = false;
let again = false;
let stale = false;
let number = 0;
/** The story to be in sight, by the id of its article; empty: the email from its top. */
let story = "";

/**
 * Show the email anew soon: it was changed.
 * @param {string} [at] the id of the story's article that was changed; empty: none's
 */
export function seeSoon(at = story) {
  story = at;
  again = rendering;
  if (!timer && !rendering) timer = setTimeout(see, AFTER_MS);
}

/** Show it anew if it was changed while nobody saw it. */
export function seeIfStale() {
  if (stale) seeSoon();
}

/**
 * Show it in the view of a tab.
 * @param {HTMLAnchorElement} tab
 */
export function choose(tab) {
  const place = seen();
  if (!place) return;
  place.dataset.seen = tab.dataset.view ?? "phone";
  for (const each of tab.parentElement?.children ?? []) each.removeAttribute("aria-current");
  tab.setAttribute("aria-current", "true");
  const alone = document.querySelector("[data-alone]");
  alone?.setAttribute("href", address(place));
  const { pathname, search } = new URL(tab.href);
  history.replaceState(null, "", pathname + search + location.hash);
  see();
}

function see() {
  clearTimeout(timer);
  timer = 0;
  const place = seen();
  // Not where nobody sees it, and not an error of the browser's in its place.
  stale = !place || !navigator.onLine || place.offsetParent === null;
  if (stale || !place) return;
  again = false;
  rendering = true;
  const old = [...place.querySelectorAll("iframe")];
  const frame = document.createElement("iframe");
  frame.className = "preview coming";
  frame.setAttribute("sandbox", "");
  frame.title = `The email: ${tabName()}`;
  frame.name = `preview-${(number += 1)}`;
  place.append(frame);
  const ended = setTimeout(done, PATIENCE_MS);
  frame.addEventListener("load", done);
  function done() {
    clearTimeout(ended);
    frame.removeEventListener("load", done);
    for (const each of old) each.remove();
    frame.classList.remove("coming");
    rendering = false;
    if (again) seeSoon();
  }
  ask(place, frame);
}

/**
 * Have the frame ask for the email: with what is typed and not saved, where there is any.
 * @param {HTMLElement} place
 * @param {HTMLIFrameElement} frame
 */
function ask(place, frame) {
  const dirty = fields().filter(waits);
  const [first] = dirty;
  if (!first) {
    frame.src = address(place);
    return;
  }
  const form = document.createElement("form");
  form.hidden = true;
  form.method = "post";
  form.target = frame.name;
  form.action = address(place);
  add(form, "proof", hidden(first, "proof"));
  // The fields of a story have its number in their ids, as the server takes them.
  for (const field of dirty) add(form, field.id, field.value);
  document.body.append(form);
  form.submit();
  form.remove();
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {string} value
 */
function add(form, name, value) {
  const field = document.createElement("textarea");
  field.name = name;
  field.value = value;
  form.append(field);
}

/** @param {HTMLElement} place */
function address(place) {
  const plain = `${place.dataset.source}?as=${place.dataset.seen}`;
  return story ? `${plain}&at=${story}#at` : plain;
}

function seen() {
  const found = document.querySelector(".seen");
  return found instanceof HTMLElement ? found : null;
}

function tabName() {
  return document.querySelector(".tabs [aria-current]")?.textContent?.toLowerCase() ?? "";
}
