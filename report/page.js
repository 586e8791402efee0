"use strict";
// Where no script runs the notes say so; the first script of the page has hidden that.
document.querySelectorAll(".viewer-note").forEach((note) => { note.textContent = "The surface is being prepared …"; });
// Tables sort by a click on a column's head; a case opens when it is asked for; its viewer starts when it is seen.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.querySelector("button")?.addEventListener("click", () => {
    const falling = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const keyed = [...table.tBodies[0].rows].map((row) => [row.cells[column].dataset.value, row]);
    const compare = head.dataset.kind === "text"
      ? (a, b) => a.localeCompare(b, undefined, { numeric: true })
      : (a, b) => a - b;
    // What is undefined comes last, whichever way the rest goes.
    keyed.sort(([a], [b]) => (a === "") - (b === "") || (a === "" ? 0 : compare(a, b) * (falling ? -1 : 1)));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  }));
}

const cases = [...document.querySelectorAll("details.case")];
const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (!entry.isIntersecting) return;
  seen.unobserve(entry.target);
  (entry.target.matches(".slices") ? openSlices : openViewer)(entry.target);
}), { rootMargin: "200px" });
document.querySelectorAll(".viewer, .slices").forEach((box) => seen.observe(box));

function openAddressed() {
  const asked = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (asked && asked.matches("details.case")) {
    asked.open = true;
    asked.scrollIntoView();
  }
}
window.addEventListener("hashchange", openAddressed);
openAddressed();
document.querySelectorAll("a[href^='#case-']").forEach((link) => link.addEventListener("click", () => setTimeout(openAddressed)));

const all = document.querySelector("button#open-all");
all?.addEventListener("click", () => {
  const open = cases.some((one) => !one.open);
  cases.forEach((one) => { one.open = open; });
  all.textContent = open ? "Close all" : "Open all";
});
let closed = [];
window.addEventListener("beforeprint", () => {
  closed = cases.filter((one) => !one.open);
  closed.forEach((one) => { one.open = true; });
});
window.addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));
