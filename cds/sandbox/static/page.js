// Two comforts; the page works without them. Choosing a patient shows the chart at once, and feedback keeps the place on the page.
document.addEventListener("change", (event) => {
  if (event.target.id === "patient") location.href = "/?patient=" + encodeURIComponent(event.target.value);
});
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.classList.contains("feedback")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const answer = await fetch(form.action, { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceWith(page.querySelector("main"));
});
