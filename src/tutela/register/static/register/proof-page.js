// Show on a leaf's page what verify-proof.js finds, each step in a sentence.
import { check } from "./verify-proof.js";

class ProofPage {
  constructor(root) {
    this.result = root.querySelector("[data-proof-result]");
    this.steps = root.querySelector("[data-proof-steps]");
    this.fields = ["leaf", "proof", "policy"].map((name) => root.querySelector(`#${name}`));
    root.querySelector("[data-proof-again]").addEventListener("click", () => this.show());
    this.show();
  }

  async show() {
    const [leaf, proof, policy] = this.fields.map((field) => field.value);
    const found = await check(leaf, proof, policy);
    this.steps.replaceChildren(...found.steps.map((step) => this.line(step)));
    const tag = document.createElement("strong");
    tag.className = `govuk-tag govuk-tag--${found.verified ? "green" : "red"}`;
    tag.textContent = found.verified ? "Verified" : "Refused";
    this.result.replaceChildren(tag, ` ${found.message}`);
  }

  line(step) {
    const item = document.createElement("li");
    item.className = step.holds ? "tutela-break" : "tutela-break tutela-error";
    item.textContent = step.text;
    return item;
  }
}

for (const root of document.querySelectorAll('[data-module="tutela-proof"]')) new ProofPage(root);
