// What the workbench does beyond links and forms; every page works without it.
"use strict";

// What-if: show the result of a change at once, and keep it in the address.
for (const form of document.querySelectorAll("form[data-live]")) {
  let last = 0;
  const address = () => {
    const fields = [...new FormData(form)].filter(([, value]) => value !== "");
    return fields.length ? `${form.action}?${new URLSearchParams(fields)}` : form.action;
  };
  const update = async () => {
    const turn = ++last;
    const response = await fetch(address());
    if (!response.ok) { form.submit(); return; }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (turn !== last) return;
    document.getElementById("result").replaceWith(page.getElementById("result"));
    document.getElementById("status").textContent = page.getElementById("status").textContent;
    history.replaceState(null, "", address());
  };
  form.addEventListener("change", update);
  form.addEventListener("input", (event) => { if (event.target.type === "number") update(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); update(); });
}

// Copy the address of a what-if.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  });
}

// Matrix: arrow keys, Home and End move from cell to cell.
for (const table of document.querySelectorAll("[data-grid]")) {
  const rows = () => [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("a")]);
  table.addEventListener("keydown", (event) => {
    const grid = rows();
    const y = grid.findIndex((row) => row.includes(document.activeElement));
    if (y < 0) return;
    const x = grid[y].indexOf(document.activeElement);
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    const to = step ? grid[y + step[0]]?.[x + step[1]] : event.key === "Home" ? grid[y][0] : event.key === "End" ? grid[y].at(-1) : null;
    if (!to) return;
    event.preventDefault();
    to.focus();
  });
}

// Paste: a file can be dropped into the field.
for (const field of document.querySelectorAll("[data-drop]")) {
  field.addEventListener("dragover", (event) => { event.preventDefault(); field.classList.add("drop"); });
  field.addEventListener("dragleave", () => field.classList.remove("drop"));
  field.addEventListener("drop", async (event) => {
    const file = event.dataTransfer.files[0];
    field.classList.remove("drop");
    if (!file) return;
    event.preventDefault();
    field.value = await file.text();
  });
}

// A link to a resource or fact opens what it leads to.
const open = () => {
  for (let found = document.getElementById(decodeURIComponent(location.hash.slice(1))); found; found = found.parentElement) {
    if (found.tagName === "DETAILS") found.open = true;
  }
};
addEventListener("hashchange", open);
open();
