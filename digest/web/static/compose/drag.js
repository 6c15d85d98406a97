// @ts-check
// Dragging a story to another place, by its handle. The buttons do the same, one step at a time.

const EDGE_PX = 40;
const STEP_PX = 12;

/**
 * @param {HTMLElement} within holds the list, which may be renewed meanwhile
 * @param {(row: HTMLElement, to: number) => void} placed `to`: counted from one
 */
export function letDrag(within, placed) {
  within.addEventListener("pointerdown", (event) => {
    const handle = event.target instanceof Element ? event.target.closest(".handle") : null;
    const row = handle?.closest("li");
    if (!(handle instanceof HTMLElement) || !row || event.button !== 0) return;
    event.preventDefault();
    drag(handle, row, event.pointerId, placed);
  });
}

/**
 * @param {HTMLElement} handle
 * @param {HTMLElement} row
 * @param {number} pointer
 * @param {(row: HTMLElement, to: number) => void} placed
 */
function drag(handle, row, pointer, placed) {
  const list = /** @type {HTMLElement} */ (row.parentElement);
  const others = [...list.children].filter((each) => each !== row);
  const from = [...list.children].indexOf(row);
  let to = from;
  const ends = new AbortController();
  const options = { signal: ends.signal };
  handle.setPointerCapture(pointer);
  row.classList.add("dragged");

  /** @param {PointerEvent} event */
  function move(event) {
    scroll(list, event.clientY);
    to = others.filter((each) => middle(each) < event.clientY).length;
    unmark(list);
    if (to === from) return;
    if (to < others.length) others[to]?.classList.add("drop-before");
    else others[to - 1]?.classList.add("drop-after");
  }

  function end() {
    ends.abort();
    row.classList.remove("dragged");
    unmark(list);
  }

  handle.addEventListener("pointermove", move, options);
  handle.addEventListener("pointercancel", end, options);
  handle.addEventListener(
    "pointerup",
    () => {
      end();
      if (to !== from) placed(row, to + 1);
    },
    options,
  );
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") end();
    },
    options,
  );
}

/** @param {Element} row */
function middle(row) {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
}

/** @param {HTMLElement} list */
function unmark(list) {
  for (const each of list.children) each.classList.remove("drop-before", "drop-after");
}

/**
 * Scroll on where the pointer is at an edge: of the column, or of the page.
 * @param {HTMLElement} list
 * @param {number} y
 */
function scroll(list, y) {
  const column = list.closest(".compose-issue");
  const alone = column && column.scrollHeight > column.clientHeight;
  const { top, bottom } = alone
    ? column.getBoundingClientRect()
    : { top: 0, bottom: window.innerHeight };
  const step = y < top + EDGE_PX ? -STEP_PX : y > bottom - EDGE_PX ? STEP_PX : 0;
  if (step) (alone ? column : window).scrollBy(0, step);
}
