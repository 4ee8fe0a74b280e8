// Start the components, and keep pictures covered until a person has asked twice.
import { initAll as startGovuk } from "../vendor/govuk/govuk-frontend.min.js";
import { initAll as startMoj } from "../vendor/moj/moj-frontend.min.js";

const CONFIRM_WITHIN = 10_000; // milliseconds; then the first act is forgotten
const DOUBLE_CLICK = 500; // milliseconds in which a second press is taken for the first one's echo

class CoveredPicture {
  constructor(root) {
    this.root = root;
    this.state = root.querySelector("[data-state]");
    this.buttons = Object.fromEntries(
      [...root.querySelectorAll("[data-act]")].map((button) => [button.dataset.act, button]),
    );
    for (const [act, button] of Object.entries(this.buttons)) {
      button.addEventListener("click", () => this[act]());
    }
    root.addEventListener("mouseleave", () => this.cover());
    root.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !root.contains(event.relatedTarget)) this.cover();
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.cover();
    });
    window.addEventListener("blur", () => this.cover());
    window.addEventListener("pagehide", () => this.cover());
    document.addEventListener("visibilitychange", () => this.cover());
    this.offer("show");
  }

  show() {
    this.asked = performance.now();
    this.offer("confirm", "Confirm that you want to see it.");
    this.buttons.confirm.focus();
    this.timer = setTimeout(() => this.cover(), CONFIRM_WITHIN);
  }

  async confirm() {
    if (performance.now() - this.asked < DOUBLE_CLICK) return;
    clearTimeout(this.timer);
    const asked = this.asked;
    if (!(await this.log())) {
      this.offer("show", "It stays hidden: the server could not record that you open it.");
      return;
    }
    if (this.asked !== asked) return; // covered again while the server was writing
    this.root.classList.add("tutela-picture--shown");
    this.offer("hide", "Shown. It is hidden again when you leave it.");
    this.buttons.hide.focus();
  }

  hide() {
    this.cover();
    this.buttons.show.focus();
  }

  cover() {
    clearTimeout(this.timer);
    if (this.asked === undefined) return;
    this.asked = undefined;
    this.root.classList.remove("tutela-picture--shown");
    this.offer("show", "Hidden: grey and blurred.");
  }

  // Show one button; the others are hidden, so that two acts never share one press.
  offer(act, text) {
    for (const [name, button] of Object.entries(this.buttons)) button.hidden = name !== act;
    if (text) this.state.textContent = text;
  }

  // Record the opening first: no record, no picture.
  async log() {
    const url = this.root.dataset.logUrl;
    if (!url) return true;
    const headers = JSON.parse(document.body.getAttribute("hx-headers") || "{}");
    try {
      const answer = await fetch(url, { method: "POST", headers, credentials: "same-origin", redirect: "error" });
      return answer.ok;
    } catch {
      return false;
    }
  }
}

function coverPictures(scope) {
  const found = [...scope.querySelectorAll('[data-module="tutela-picture"]')];
  if (scope.matches?.('[data-module="tutela-picture"]')) found.push(scope);
  for (const root of found) {
    if (root.dataset.started) continue;
    root.dataset.started = "true";
    new CoveredPicture(root);
  }
}

document.body.classList.add("js-enabled", "govuk-frontend-supported");
startGovuk();
startMoj();
coverPictures(document);
document.body.addEventListener("htmx:load", (event) => {
  startGovuk({ scope: event.detail.elt });
  coverPictures(event.detail.elt);
});
