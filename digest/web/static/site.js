// The forms say that they are busy, and a page that comes back with mistakes is read from those.
// Everything works without this file.
const GIVE_UP_MS = 15_000;

for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", send);
}
// A page that comes out of the browser's memory again is not busy any more.
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("[aria-disabled=true]").forEach(rest);
});

// Such a page has the focus on the box that names the mistakes, by `autofocus`; a name leads on.
document.querySelector(".problem")?.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("a");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  field.focus({ preventScroll: true });
  // With the label above it, and not only the field.
  field.closest(".question")?.scrollIntoView({ block: "nearest" });
});

/** @param {any} event a form's, with the button that was pressed */
function send(event) {
  const form = event.currentTarget;
  if (form.querySelector("[aria-disabled=true]")) {
    event.preventDefault();
    return;
  }
  const button = event.submitter ?? form.querySelector("button");
  // Not `disabled`: what is disabled is not sent, and loses the focus.
  button.setAttribute("aria-disabled", "true");
  if (button.classList.contains("button")) {
    button.style.minWidth = `${button.offsetWidth}px`;
    button.dataset.label = button.textContent;
    button.textContent = "Sending…";
  }
  setTimeout(rest, GIVE_UP_MS, button);
}

/** @param {Element} button */
function rest(button) {
  if (!(button instanceof HTMLElement)) return;
  button.removeAttribute("aria-disabled");
  if (button.dataset.label) button.textContent = button.dataset.label;
}
