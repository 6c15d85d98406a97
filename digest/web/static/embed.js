// <digest-signup newsletter="…" topic="…" variant="card|inline|footer" form="…">, on any page.
// docs/howto/embed.md says how it is used. embed.css is put in, and comments are taken out, when
// it is served.
const HOME = new URL(".", import.meta.url);
const GIVE_UP_MS = 15000;
const AWAY_MS = 90 * 24 * 3600 * 1000;
const STYLE = new CSSStyleSheet();
STYLE.replaceSync(`/* embed.css */`);

// No innerHTML: what comes from elsewhere stays text, also where a page asks for Trusted Types.
function make(tag, attributes, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  made.append(...inside.filter((part) => part != null));
  return made;
}

async function ask(path, body) {
  const answer = await fetch(`${HOME}api/v1/${path}`, {
    method: body ? "POST" : "GET",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
    credentials: "omit",
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
  return [answer.ok, answer.status == 204 ? {} : await answer.json()];
}

class DigestSignup extends HTMLElement {
  #root;
  #box;
  #sent;
  // What the reader was asked about, and what takes back what was asked for.
  #doubted = "";
  #withdrawals = [];

  connectedCallback() {
    if (this.#root) return;
    this.#root = this.attachShadow({ mode: "open" });
    this.#root.adoptedStyleSheets = [STYLE];
    // What stands inside the element is shown until, and unless, the box is there.
    this.#root.append(make("slot"));
    // Words are asked for when the box comes near the reader's eyes.
    new IntersectionObserver(
      ([seen], observer) => {
        if (!seen.isIntersecting) return;
        observer.disconnect();
        if (this.#leftInPeace()) this.#root.replaceChildren();
        else this.#load();
      },
      { rootMargin: "50%" },
    ).observe(this);
  }

  #given(name, otherwise = "") {
    return this.getAttribute(name) || otherwise;
  }

  set #state(state) {
    this.setAttribute("state", state);
  }

  #find(id) {
    return this.#root.getElementById(id);
  }

  // Storage may be forbidden, and then the box is shown each time.
  get #key() {
    return `digest-signup:${this.#given("newsletter")}`;
  }

  #leftInPeace() {
    if (this.#given("variant") == "footer") return false;
    try {
      if (Date.now() - localStorage.getItem(this.#key) > AWAY_MS) return false;
    } catch {
      return false;
    }
    this.#state = "dismissed";
    return true;
  }

  #leaveInPeace() {
    try {
      localStorage.setItem(this.#key, Date.now());
    } catch {}
  }

  async #load() {
    this.#state = "loading";
    const query = new URLSearchParams({
      variant: this.#given("variant", "card"),
      topic: this.#given("topic"),
    });
    try {
      const path = `signup-boxes/${encodeURIComponent(this.#given("newsletter"))}?${query}`;
      const [ok, said] = await ask(path);
      if (!ok) throw said.detail;
      this.#show(said);
    } catch (reason) {
      this.#state = "unavailable";
      console.error(`digest-signup: ${reason}`);
    }
  }

  #show(box) {
    this.#box = box;
    const colours = new CSSStyleSheet();
    const pairs = Object.entries(box.colours);
    const rules = pairs.map(
      ([name, [day, night]]) =>
        `--accent-${name}:var(--digest-accent-${name},light-dark(${day},${night}))`,
    );
    colours.replaceSync(`:host{${rules.join(";")}}`);
    this.#root.adoptedStyleSheets = [STYLE, colours];
    const head = make(
      "div",
      { class: "head" },
      box.portrait && make("img", { class: "portrait", src: box.portrait, alt: "" }),
      make(
        "div",
        {},
        make(box.variant == "card" ? "h2" : "p", { class: "title", id: "title" }, box.heading),
        box.sentence && make("p", { class: "sentence" }, box.sentence),
      ),
    );
    const section = make(
      "section",
      { class: `box ${box.variant}`, lang: box.language, dir: box.direction, "aria-labelledby": "title" },
      head,
      this.#form(box),
      make("p", { class: "unseen", role: "status", id: "status" }),
    );
    this.#root.replaceChildren(section);
    this.#state = "ready";
  }

  #form(box) {
    const { before, link, after, url } = box.consent;
    const beside = { target: "_blank", rel: "noopener" };
    const away = make("button", { class: "link-button", type: "button" }, "Not now");
    away.onclick = () => {
      this.#leaveInPeace();
      this.#root.replaceChildren();
      this.#state = "dismissed";
    };
    const form = make(
      "form",
      { class: "fields", novalidate: "" },
      make("label", { class: "label", for: "email" }, "Email address"),
      make("p", { class: "field-error", id: "email-error" }),
      make("input", {
        class: "field", id: "email", "aria-describedby": "email-error", type: "email", maxlength: 254, size: 30, required: "",
        autocomplete: "email", autocapitalize: "none", spellcheck: "false",
      }),
      make(
        "p",
        { class: "honeypot", "aria-hidden": "true" },
        make("label", {}, "Leave this empty ", make("input", { id: "website", tabindex: -1, autocomplete: "off" })),
      ),
      make("p", { class: "field-error", id: "consent-error" }),
      make(
        "div",
        { class: "consent" },
        make("input", { class: "tick", id: "consent", type: "checkbox", required: "", "aria-describedby": "consent-error" }),
        make("label", { for: "consent" }, before, make("a", { href: url, ...beside }, link), after),
      ),
      make("button", { class: "button", type: "submit" }, box.button),
      make("p", { class: "field-error wide", id: "failure", role: "alert" }),
      make(
        "p",
        { class: "foot" },
        make("a", { href: box.privacy_url, ...beside }, "Privacy"),
        box.variant == "footer" ? null : away,
      ),
    );
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#send(form.querySelector("[type=submit]"));
    };
    return form;
  }

  #wish() {
    const name = this.#given("form", this.#box.variant);
    const { origin, pathname, protocol } = location;
    return {
      email: this.#find("email").value,
      newsletters: [this.#box.newsletter],
      topics: this.#box.topic ? [this.#box.topic] : [],
      consent: this.#find("consent").checked,
      wording: this.#box.wording,
      website: this.#find("website").value,
      sure: this.#doubted,
      form: name.replace(/[^\w .-]+/g, "-").replace(/^\W|^_/, "x").slice(0, 60),
      page_url: protocol.startsWith("http") ? origin + pathname : null,
      // What the box came with to show that a reader saw it.
      token: this.#box.token,
    };
  }

  async #send(button) {
    // Not `disabled`: what is disabled loses the focus.
    if (button.ariaDisabled) return;
    const label = button.textContent;
    button.style.width = `${button.offsetWidth}px`;
    button.ariaDisabled = "true";
    button.textContent = this.#find("status").textContent = "Sending…";
    this.#state = "sending";
    this.#tell({});
    this.#find("instead")?.remove();
    try {
      this.#sent = this.#wish();
      const [ok, said] = await this.#post();
      if (ok) return this.#asked(said);
      await this.#refused(said);
    } catch {
      this.#tell({ failure: this.#box.unreachable });
    }
    button.ariaDisabled = null;
    button.style.width = "";
    button.textContent = label;
    this.#find("status").textContent = "";
    this.#state = "error";
  }

  // Where we are asked for a newer token, or in a rush for a small sum: the same again, with that.
  async #post() {
    const sent = this.#sent;
    const [ok, said] = await ask("subscriptions", sent);
    if (ok || !said.token) return [ok, said];
    sent.token = said.token;
    if (said.challenge) sent.proof = await (await import(`${HOME}embed-proof.js`)).prove(said.challenge);
    else await new Promise((done) => setTimeout(done, 3000));
    return ask("subscriptions", sent);
  }

  async #refused(problem) {
    const told = {};
    for (const { field, detail, suggestion } of problem.errors ?? [{ detail: problem.detail }]) {
      if (suggestion) this.#offer(suggestion);
      if (field == "wording") {
        // The words have changed since: what was ticked is not what stands there now.
        const email = this.#find("email").value;
        await this.#load();
        this.#find("email").value = email;
      }
      told[{ email: "email", consent: "consent", wording: "consent" }[field] ?? "failure"] = detail;
    }
    if (told.failure) console.error("digest-signup:", problem);
    this.#tell(told);
    (this.#root.querySelector("[aria-invalid]") ?? this.#root.querySelector("[type=submit]")).focus();
  }

  // The same button once more keeps what was typed.
  #offer(address) {
    this.#doubted = this.#sent.email;
    const button = make("button", { class: "button instead", id: "instead", type: "button" }, `Use ${address}`);
    this.#find("email-error").after(button);
    button.onclick = () => {
      this.#find("email").value = address;
      this.#doubted = "";
      this.#send(this.#root.querySelector("[type=submit]"));
    };
  }

  #tell(told) {
    for (const name of ["email", "consent"]) {
      const field = this.#find(name);
      this.#find(`${name}-error`).textContent = told[name] ?? "";
      field.ariaInvalid = told[name] ? "true" : null;
    }
    this.#find("failure").textContent = told.failure ?? "";
  }

  #asked({ email, withdrawal }) {
    this.#leaveInPeace();
    this.#withdrawals = [withdrawal];
    const { heading, before, after, hint, again, end, wrong, change } = this.#box.asked;
    const section = this.#root.querySelector("section");
    section.style.minHeight = `${section.offsetHeight}px`;
    const title = make("h2", { class: "title", id: "title", tabindex: -1 }, heading);
    const status = make("span", { role: "status" });
    const once = make("button", { class: "link-button", type: "button" }, again);
    once.onclick = async () => {
      const [ok, said] = await this.#post().catch(() => [false]);
      if (ok) this.#withdrawals.push(said.withdrawal);
      status.textContent = ok ? " Sent again." : ` ${this.#box.unreachable}`;
    };
    const other = make("button", { class: "link-button", type: "button" }, change);
    other.onclick = () => this.#change().catch(() => (status.textContent = ` ${this.#box.unreachable}`));
    section.replaceChildren(
      make(
        "div",
        {},
        title,
        make("p", { class: "sentence" }, before, make("b", {}, email), after),
        make("p", { class: "muted" }, hint, once, end, status),
        make("p", { class: "muted" }, wrong, other),
      ),
    );
    this.#state = "asked";
    title.focus();
  }

  // Takes back what was asked for, and shows the form again as it was filled in.
  async #change() {
    for (const withdrawal of this.#withdrawals) {
      const [ok] = await ask("withdrawals", { withdrawal });
      if (!ok) throw 0;
    }
    this.#show(this.#box);
    this.#find("email").value = this.#sent.email;
    this.#find("consent").checked = true;
    this.#find("email").focus();
  }
}

customElements.get("digest-signup") ?? customElements.define("digest-signup", DigestSignup);
