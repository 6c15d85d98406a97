// @ts-check
// Words that are not saved yet, kept in this browser until they are: by user and issue, so that
// nobody else who signs in here is offered them. Each field has an item of its own: a tab may see
// another's a little later, and would write over it if all stood in one.

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
const PREFIX = `digest-desk ${document.querySelector("[data-kept]")?.getAttribute("data-kept")} `;

/** @type {Map<string, string>} what this tab has kept, or put back: another's words are not ours to forget */
const ours = new Map();

/** @returns {Record<string, Words>} by the fields' ids */
export function allKept() {
  /** @type {Record<string, Words>} */
  const found = {};
  try {
    for (const key of Object.keys(localStorage)) {
      const words = key.startsWith(PREFIX) ? read(key.slice(PREFIX.length)) : null;
      if (words) found[key.slice(PREFIX.length)] = words;
    }
  } catch {
    // A browser may keep nothing, and say so by an error.
  }
  return found;
}

/**
 * @param {string} id
 * @returns {Words | null} what is kept for a field, unless it is very old
 */
function read(id) {
  try {
    /** @type {Words | null} */
    const found = JSON.parse(localStorage.getItem(PREFIX + id) ?? "null");
    return found && Date.now() - found.at < LONGEST_MS ? found : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} id
 * @param {Words} words
 * @returns {boolean} whether this browser keeps anything
 */
export function keep(id, words) {
  ours.set(id, words.text);
  try {
    localStorage.setItem(PREFIX + id, JSON.stringify(words));
    return true;
  } catch {
    return false;
  }
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
  if (ours.has(id) && read(id)?.text === ours.get(id)) localStorage.removeItem(PREFIX + id);
  ours.delete(id);
}
