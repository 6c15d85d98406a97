// @ts-check
// Composing with scripts: drag, saving by itself, and the email beside it as it is typed. Without
// this file every button is a form that loads the page anew.

import { letDrag } from "./compose/drag.js";
import { actionOf, isField, learn } from "./compose/fields.js";
import { startBeingHere } from "./compose/here.js";
import { ask, fieldsOf, focusRow, NotDone, takeParts, tell, told } from "./compose/pages.js";
import { flush, inTurn, issuePage, saveAll, somethingWaits, startSaving, typed } from "./compose/saving.js";
import { choose, seeIfStale, seeSoon } from "./compose/seen.js";

/** By the button: the articles to choose from have one form. @type {WeakSet<HTMLElement>} */
const busy = new WeakSet();
let checking = false;

const compose = document.querySelector(".compose");
if (compose instanceof HTMLElement) start(compose);

/** @param {HTMLElement} page */
function start(page) {
  page.classList.add("is-scripted");
  startSaving(() => seeSoon());
  startBeingHere();
  letDrag(page, (row, to) => {
    const form = row.querySelector("form");
    if (!form) return;
    const fields = fieldsOf(form);
    fields.append("action", "place");
    fields.append("to", String(to));
    void press(actionOf(form), fields, () => focusRow(row.id));
  });
  page.addEventListener("input", ({ target }) => {
    if (!isField(target)) return;
    typed(target);
    seeSoon(/-(\d+)$/.exec(target.id)?.[1] ?? "");
  });
  page.addEventListener("submit", pressed);
  // How a story is set, without its button.
  page.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLSelectElement) || !target.matches(".role") || !target.form) return;
    const set = target.form.querySelector(".set-role");
    if (set instanceof HTMLButtonElement) target.form.requestSubmit(set);
  });
  page.addEventListener("click", (event) => {
    const tab = event.target instanceof Element ? event.target.closest(".tabs a") : null;
    if (!(tab instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    choose(tab);
  });
  document.querySelector(".desk-bar")?.addEventListener("submit", afterSaving);
  addEventListener("hashchange", seeIfStale);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.querySelector(".compose-pool :target")) {
      location.hash = "#stories";
    }
  });
}

/** @param {SubmitEvent} event */
function pressed(event) {
  const { target: form, submitter: button } = event;
  if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
  event.preventDefault();
  if (!form.matches("[data-words]")) {
    // A second press of "Add" is none; of an arrow it is another step.
    const steps = button instanceof HTMLButtonElement && button.matches(".arrow");
    const by = button ?? form;
    if (busy.has(by) && !steps) return;
    if (form.matches(".check-links")) {
      if (!checking) void check(actionOf(form), fieldsOf(form, button));
      return;
    }
    busy.add(by);
    const conflict = form.closest(".conflict");
    void press(actionOf(form), fieldsOf(form, button), () => {
      conflict?.remove();
      if (form.matches("[data-once]")) form.reset();
    }).finally(() => busy.delete(by));
    return;
  }
  if (button instanceof HTMLButtonElement && button.value === "own") {
    for (const field of form.querySelectorAll(".field")) {
      if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = "";
    }
  }
  void flush();
}

/**
 * Press a button, after what was typed is saved.
 * @param {string} action
 * @param {URLSearchParams} fields
 * @param {() => void} [then] after the page has its new parts
 */
function press(action, fields, then) {
  return inTurn(async () => {
    try {
      await saveAll();
      const answer = await ask(action, fields);
      if (answer.ok) learn(answer.page, new Map());
      takeParts(answer);
      if (!answer.ok) {
        showProblem();
        return;
      }
      then?.();
      tell(told(answer.page));
      seeSoon(/\/stories\/(\d+)$/.exec(action.replace(/\?.*/, ""))?.[1] ?? "");
    } catch (error) {
      if (!(error instanceof NotDone)) throw error;
      tell(error.why === "refused" ? error.message : `Nothing was done: ${error.message}.`);
    }
  });
}

/** Bring what is wrong into sight; where its part of the page is not shown, on a phone, say it. */
function showProblem() {
  const problem = document.querySelector(".problem");
  const unseen = problem instanceof HTMLElement && problem.offsetParent === null;
  tell(unseen ? (problem.querySelector("li")?.textContent?.trim() ?? "") : "");
  problem?.scrollIntoView({ block: "nearest" });
}

/**
 * Have the links asked, which takes a while: what is typed meanwhile is saved beside it. The page
 * that answers is older than that, so only its word counts.
 * @param {string} action
 * @param {URLSearchParams} fields
 */
async function check(action, fields) {
  checking = true;
  try {
    await flush();
    tell("The links are being asked.");
    const answer = await ask(action, fields);
    const wrong = answer.page.querySelector(".problem li")?.textContent?.trim();
    await inTurn(async () => {
      takeParts(await ask(issuePage(action) + location.search));
      tell(answer.ok ? "The links were asked." : (wrong ?? "The links were not asked."));
    });
  } catch (error) {
    if (!(error instanceof NotDone)) throw error;
    tell(error.why === "refused" ? error.message : `The links were not asked: ${error.message}.`);
  } finally {
    checking = false;
  }
}

/**
 * What leads away, and what approves, waits until everything is saved.
 * @param {Event} event
 */
function afterSaving(event) {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !somethingWaits()) return;
  event.preventDefault();
  const action = actionOf(form);
  void flush().then((saved) => {
    const again = document.querySelector(`.desk-bar form[action="${action}"]`);
    if (saved && again instanceof HTMLFormElement) again.requestSubmit();
  });
}
