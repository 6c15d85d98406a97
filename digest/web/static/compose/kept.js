// @ts-check
// Words that are not saved yet, kept in this browser until they are: by user and issue, so that
// nobody else who signs in here is offered them.

/**
 * @typedef {object} Words
 * @property {string} action the path of the form that saves them
 * @property {string} name the field's
 * @property {string} text
 * @property {string} was what the field came with
 * @property {string} base the version of the issue that it came with
 * @property {number} at milliseconds since 1970
 */

const LONGEST_MS = 60 * 24 * 3600 * 1000;
const KEY = `digest-desk ${document.querySelector("[data-kept]")?.getAttribute("data-kept")}`;

/** @type {Map<string, string>} what this tab has kept, or put back: another's words are not ours to forget */
const ours = new Map();

/** @returns {Record<string, Words>} by the fields' ids */
export function allKept() {
  try {
    /** @type {Record<string, Words>} */
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const young = Object.entries(found).filter(([, each]) => Date.now() - each.at < LONGEST_MS);
    return Object.fromEntries(young);
  } catch {
    return {};
  }
}

/**
 * @param {string} id
 * @param {Words} words
 * @returns {boolean} whether this browser keeps anything
 */
export function keep(id, words) {
  ours.set(id, words.text);
  return write({ ...allKept(), [id]: words });
}

/**
 * Take what is kept for this tab's own.
 * @param {string} id
 * @param {Words} words
 */
export function adopt(id, words) {
  ours.set(id, words.text);
}

/**
 * Forget what this tab has kept, unless another has kept something else there since.
 * @param {string} id
 */
export function forget(id) {
  const { [id]: gone, ...rest } = allKept();
  if (gone && gone.text === ours.get(id)) write(rest);
  ours.delete(id);
}

/** @param {Record<string, Words>} all */
function write(all) {
  try {
    if (Object.keys(all).length) localStorage.setItem(KEY, JSON.stringify(all));
    else localStorage.removeItem(KEY);
    return true;
  } catch {
    return false;
  }
}
