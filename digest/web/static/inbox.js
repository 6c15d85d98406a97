// The list of mails renews itself. Without this file, the reader presses "reload".
const list = document.getElementById("mails");

async function renew() {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const newer = page.getElementById("mails");
    if (list && newer && newer.dataset.newest !== list.dataset.newest) {
      list.dataset.newest = newer.dataset.newest;
      list.replaceChildren(...newer.childNodes);
    }
  } catch {
    // The demo has been stopped; it may come back.
  }
}

if (list) setInterval(renew, 1000);
