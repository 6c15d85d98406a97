// @ts-check
// Saving by itself, within two seconds of the last key, one thing after the other. What could not
// be saved stays in this browser until it is, and the page says so.

import {
  actionOf, fields, formOf, hidden, keepTyped, knownOf, learn, putBack, showWrong, waits,
} from "./fields.js";
import { forget } from "./kept.js";
import { ask, NotDone, takeParts, tell } from "./pages.js";

/** @typedef {import("./fields.js").Field} Field */

const AFTER_MS = 1000;
const AGAIN_MS = 10_000;

/** @type {Promise<unknown>} */
let queue = Promise.resolve();
let timer = 0;
let trouble = false;
let keeps = true;
/** @type {() => void} */
let onSaved = () => {};

/**
 * @param {() => void} saved called after what was typed is saved
 */
export function startSaving(saved) {
  onSaved = saved;
  addEventListener("online", retry);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") retry();
  });
  addEventListener("pagehide", sendLast);
  const { back, homeless } = putBack();
  for (const [id, words] of homeless) void inTurn(() => saveHomeless(id, words));
  if (!back.length) return;
  tell("Your words were kept on this computer, and are here again.");
  void flush();
}

/** @param {Field} field */
export function typed(field) {
  keeps = keepTyped(field);
  clearTimeout(timer);
  timer = setTimeout(flush, AFTER_MS);
}

/** Save what waits, now. */
export function flush() {
  clearTimeout(timer);
  return inTurn(saveAll);
}

/** Tell whether something waits to be saved. */
export function somethingWaits() {
  return fields().some(waits);
}

/**
 * Do something after what is being done, so that no older page is shown over a newer one.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export function inTurn(work) {
  const turn = queue.then(work);
  queue = turn.catch(() => {});
  return turn;
}

/** Save all that waits; false: some of it could not be, or somebody else was first. */
export async function saveAll() {
  const groups = grouped();
  if (!groups.length) return true;
  say("Saving…");
  let all = true;
  try {
    for (const group of groups) all = (await saveGroup(group)) && all;
  } catch (error) {
    if (!(error instanceof NotDone)) throw error;
    fail(error, groups.flat());
    return false;
  }
  if (trouble) aloud("Saved.");
  trouble = false;
  onSaved();
  return all;
}

/** @returns {Field[][]} what waits, by form and by version */
function grouped() {
  /** @type {Map<string, Field[]>} */
  const groups = new Map();
  for (const field of fields().filter(waits)) {
    const key = `${actionOf(formOf(field))} ${knownOf(field).base}`;
    groups.set(key, [...(groups.get(key) ?? []), field]);
  }
  return [...groups.values()];
}

/** @param {Field[]} group */
function formFor(group) {
  const [first] = group;
  const form = new URLSearchParams({
    proof: first ? hidden(first, "proof") : "",
    version: first ? knownOf(first).base : "",
    action: "words",
  });
  for (const field of group) {
    form.append(field.name, field.value);
    form.append(`${field.name}_was`, knownOf(field).was);
  }
  return form;
}

/**
 * @param {Field[]} group
 * @returns {Promise<boolean>} whether all of it was taken
 */
async function saveGroup(group) {
  const [first] = group;
  if (!first) return true;
  const sent = new Map(group.map((field) => [field, field.value]));
  const action = actionOf(formOf(first));
  let answer = await ask(action, formFor(group));
  const conflict = answer.path.endsWith("conflict");
  if (conflict) {
    showConflicts(answer.page);
    answer = await ask(issuePage(action));
  }
  for (const [field, text] of sent) {
    // A text that was not taken is in the issue's history; one that is refused waits for a change.
    if (conflict || !answer.ok) knownOf(field).tried = text;
    if (conflict && field.value === text) forget(field.id);
    showWrong(field, answer.page);
  }
  // In this order: what is taken is not in that page any more.
  if (answer.ok) learn(answer.page, conflict ? new Map() : sent);
  takeParts(answer);
  const wrong = document.querySelector(".problem li")?.textContent?.trim();
  if (!answer.ok) say(`Not saved. ${wrong ?? "Load the page again."}`, true);
  return answer.ok && !conflict;
}

/**
 * The page of the issue, with the same articles beside it.
 * @param {string} action of one of its forms
 */
export function issuePage(action) {
  const { pathname, search } = new URL(action, location.href);
  return pathname.replace(/\/(words|preflight|stories\/\d+)$/, "") + search;
}

/**
 * Show both texts of each conflict, with the choice.
 * @param {Document} page
 */
function showConflicts(page) {
  const place = document.querySelector("[data-conflicts]");
  const found = [...page.querySelectorAll(".conflict")];
  for (const each of found) {
    const about = each.getAttribute("data-about");
    // Of one text the newest question is enough: the others are in the history.
    place?.querySelector(`[data-about="${about}"]`)?.remove();
    place?.append(document.adoptNode(each));
  }
  const question = found[0]?.querySelector("h2");
  aloud(question?.textContent ?? "");
  document.querySelector(`.conflict:last-child`)?.scrollIntoView({ block: "nearest" });
}

/**
 * Save a text for a story that somebody dropped: it is kept, and there is a choice.
 * @param {string} id
 * @param {import("./kept.js").Words} words
 */
async function saveHomeless(id, words) {
  const any = fields()[0];
  if (!any) return;
  const form = new URLSearchParams({
    proof: hidden(any, "proof"),
    version: words.base,
    action: "words",
    [words.name]: words.text,
    [`${words.name}_was`]: words.was,
  });
  try {
    const answer = await ask(words.action, form);
    if (answer.path.endsWith("conflict")) showConflicts(answer.page);
    if (answer.ok) forget(id);
  } catch (error) {
    if (!(error instanceof NotDone)) throw error;
  }
}

/** What waits when the page goes is sent after it, and stays kept: nobody hears the answer. */
function sendLast() {
  for (const group of grouped()) {
    const [first] = group;
    if (first) void fetch(actionOf(formOf(first)), { method: "POST", body: formFor(group), keepalive: true });
  }
}

function retry() {
  if (trouble) void flush();
}

/**
 * @param {NotDone} error
 * @param {Field[]} group
 */
function fail(error, group) {
  const kept = keeps ? "Your words are kept on this computer." : "Keep this page open.";
  const sentence = error.why === "refused" ? `Not saved. ${error.message}` : `Not saved: ${error.message}.`;
  say(`${sentence} ${kept}`, true);
  if (!trouble) aloud(`${sentence} ${kept}`);
  trouble = error.why !== "refused";
  if (error.why === "away") setTimeout(retry, AGAIN_MS);
  if (error.why === "signed out") offerToSignIn();
  if (error.why === "refused") for (const field of group) knownOf(field).tried = field.value;
}

function offerToSignIn() {
  const link = document.createElement("a");
  const home = document.querySelector(".masthead-paper")?.getAttribute("href") ?? "./";
  link.href = `${home}sign-in?next=${encodeURIComponent(location.pathname)}`;
  link.textContent = "Sign in again";
  document.querySelector("[data-saved]")?.append(" ", link);
}

/**
 * @param {string} words
 * @param {boolean} [failed]
 */
function say(words, failed = false) {
  const place = document.querySelector("[data-saved]");
  if (!place) return;
  place.textContent = words;
  place.classList.toggle("field-error", failed);
}

/** @param {string} words */
function aloud(words) {
  const place = document.querySelector("[data-aloud]");
  if (place) place.textContent = words;
}
