"use strict";
// Filters and sorting. Without it the page shows everything that it has.
(() => {
  const order = document.getElementById("order");
  if (order) {
    const body = document.querySelector("#classes tbody");
    const by = {
      count: (a, b) => b.dataset.count - a.dataset.count || a.dataset.rank - b.dataset.rank,
      rank: (a, b) => a.dataset.rank - b.dataset.rank,
    };
    order.hidden = false;
    order.addEventListener("click", (event) => {
      const chosen = event.target.closest("button");
      if (!chosen) return;
      body.append(...[...body.rows].sort(by[chosen.dataset.sort]));
      for (const button of order.children) button.setAttribute("aria-pressed", String(button === chosen));
    });
  }

  const form = document.getElementById("filters");
  if (!form) return;
  const state = document.getElementById("matches");
  const boxes = [...form.elements.severity];
  const fields = ["text", "rule", "trainer", "outcome"];
  const rules = [...document.querySelectorAll(".rule")].map((element) => ({
    element,
    id: element.dataset.rule,
    cases: [...element.querySelectorAll(".case")].map((section) => ({
      element: section,
      severity: section.dataset.severity,
      count: Number(section.dataset.count),
      fates: JSON.parse(section.dataset.fates),
      unlisted: section.querySelector(".unlisted"),
      details: section.querySelector("details"),
      summary: section.querySelector("summary"),
      more: section.querySelector("summary")?.textContent,
      findings: [...section.querySelectorAll(".finding")].map((item) => ({
        element: item,
        text: item.textContent.toLowerCase(),
      })),
    })),
  }));
  const written = (count) => count.toLocaleString("en");

  function apply() {
    const severities = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const [text, rule, trainer, outcome] = fields.map((name) => form.elements[name].value);
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let matches = 0;
    for (const group of rules) {
      let ofGroup = 0;
      for (const one of group.cases) {
        const fits =
          severities.has(one.severity) &&
          (!rule || rule === group.id) &&
          ((!trainer && !outcome) ||
            one.fates.some(([who, what]) => (!trainer || trainer === who) && (!outcome || outcome === what)));
        let ofCase = fits ? one.count : 0;
        if (words.length) {
          ofCase = 0;
          for (const finding of one.findings) {
            const shown = fits && words.every((word) => finding.text.includes(word));
            finding.element.hidden = !shown;
            if (shown) ofCase += 1;
          }
        } else {
          for (const finding of one.findings) finding.element.hidden = false;
        }
        if (one.unlisted) one.unlisted.hidden = words.length > 0;
        if (one.details) {
          const shown = one.details.querySelectorAll(".finding:not([hidden])").length;
          one.details.hidden = !shown;
          one.summary.textContent = words.length ? `${written(shown)} more that match` : one.more;
          if (words.length) one.details.open = true;
        }
        one.element.hidden = !ofCase;
        ofGroup += ofCase;
      }
      group.element.hidden = !ofGroup;
      matches += ofGroup;
    }
    const every = Number(state.dataset.every);
    const listed = Number(state.dataset.listed);
    const within = words.length && listed < every ? `${written(listed)} listed` : written(every);
    state.textContent = `${written(matches)} of ${within} findings match`;
  }

  function remember() {
    const values = new URLSearchParams();
    const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
    if (chosen.length < boxes.length) values.set("severity", chosen.join(","));
    for (const name of fields) if (form.elements[name].value) values.set(name, form.elements[name].value);
    history.replaceState(null, "", `#${values.toString() || "findings"}`);
  }

  // A link such as #severity=error&text=val is a view of its own.
  function recall(isFirst) {
    const hash = location.hash.slice(1);
    const target = hash.includes("=") ? null : document.getElementById(hash);
    if (!hash.includes("=")) {
      if (!isFirst && target && target.closest("[hidden]")) {
        form.reset();
        apply();
        target.scrollIntoView();
      }
      return;
    }
    const values = new URLSearchParams(hash);
    const severities = values.has("severity") ? values.get("severity").split(",") : null;
    for (const box of boxes) box.checked = !severities || severities.includes(box.value);
    for (const name of fields) form.elements[name].value = values.get(name) || "";
    for (const name of ["rule", "trainer", "outcome"]) {
      if (form.elements[name].selectedIndex < 0) form.elements[name].value = "";
    }
    apply();
    document.getElementById("findings").scrollIntoView();
  }

  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      apply();
      remember();
    }, 80);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    apply();
    remember();
  }));
  addEventListener("hashchange", () => recall(false));
  form.hidden = false;
  apply();
  recall(true);
})();
