// @ts-check
// An issue on its way, followed live: what the page shows of it is replaced whenever it changes.
// When its buttons would be others (it was paused, it is over), the page is loaded again, unless
// somebody is writing in it. Without this file the page has a link that loads it again.

/**
 * What comes with each event: `html` for the page, `shape` as in its `data-shape`.
 * @typedef {{ shape: string, html: string, over: boolean }} Progress
 */

const live = document.getElementById("live");
// The page that answers a button has the button's address: loaded again, it would press it again.
const page = (live instanceof HTMLElement && live.dataset.page) || "";
if (live instanceof HTMLElement && live.dataset.events) follow(live, live.dataset.events);

/**
 * @param {HTMLElement} place
 * @param {string} address
 */
function follow(place, address) {
  const events = new EventSource(address);
  events.addEventListener("progress", (event) => {
    /** @type {Progress} */
    const told = JSON.parse(/** @type {MessageEvent<string>} */ (event).data);
    place.innerHTML = told.html;
    say("");
    if (told.over) events.close();
    if (told.shape !== place.dataset.shape) change(events);
  });
  events.addEventListener("error", () => {
    // The browser tries again by itself, unless the answer was none that it can follow.
    if (events.readyState !== EventSource.CLOSED) {
      say("No connection with the desk. Trying again.");
      return;
    }
    say("This page is not live any more. You may be signed out: ", "Load it again");
  });
  // A page that the browser keeps to go back to shall hold no connection.
  addEventListener("pagehide", () => events.close());
}

/** @param {EventSource} events */
function change(events) {
  if (!isWriting()) {
    events.close();
    location.replace(page);
    return;
  }
  say("It has changed. ", "Load the page again");
}

/** @returns {boolean} whether something was typed or chosen here that a reload would lose */
function isWriting() {
  for (const field of document.querySelectorAll("main input, main select")) {
    if (field instanceof HTMLSelectElement && field.selectedIndex > 0) return true;
    if (field instanceof HTMLInputElement && field.type !== "hidden") {
      if (field.value !== field.defaultValue || field.checked !== field.defaultChecked) return true;
    }
  }
  return false;
}

/**
 * Say it where it is read out, once.
 * @param {string} words
 * @param {string} [link] words that load the page again
 */
function say(words, link) {
  const place = document.getElementById("live-says");
  if (!place || place.textContent === words + (link ?? "")) return;
  place.textContent = words;
  if (!link) return;
  const again = document.createElement("a");
  again.href = page;
  again.textContent = link;
  place.append(again);
}
