// An autoscale formula that is typed: what is wrong with it is underlined after a short pause, and what it would ask
// for is shown in place. Both are asked of the service; without this, whole pages answer the same.
(() => {
  "use strict";
  const form = document.querySelector("form[data-formula]");
  if (!form) return;
  const PAUSE = 400;
  const field = form.querySelector("textarea"), byId = (id) => document.getElementById(id);
  const follow = () => { byId("marks").scrollTop = field.scrollTop; byId("marks").scrollLeft = field.scrollLeft; };
  const ask = async (url) => {
    const answer = await fetch(url, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };
  const mark = (found) => {
    for (const id of ["marks", "mistake"]) {
      const there = found.getElementById(id);
      if (!there) return;
      byId(id).replaceChildren(...there.childNodes);
      byId(id).hidden = there.hidden;
    }
    field.setAttribute("aria-invalid", String(!byId("mistake").hidden));
    follow();
  };
  const check = async () => {
    const asked = field.value;
    try {
      const found = await ask(form.dataset.check);
      if (field.value === asked) mark(found);
    } catch { /* the service is away: the form says so when it is sent */ }
  };
  let later;
  field.addEventListener("input", () => {
    byId("marks").textContent = "";
    clearTimeout(later);
    later = setTimeout(check, PAUSE);
  });
  field.addEventListener("scroll", follow);
  form.addEventListener("submit", async (event) => {
    if (!event.submitter || !("try" in event.submitter.dataset)) return;
    event.preventDefault();
    event.stopPropagation();
    const asked = field.value;
    try {
      const found = await ask(event.submitter.formAction);
      const there = found.getElementById("outcome");
      if (there) byId("outcome").replaceChildren(...there.childNodes);
      else byId("outcome").textContent = found.body.textContent;
      if (field.value === asked) mark(found);
    } catch { byId("outcome").textContent = "The service does not answer. Try again."; }
  });
})();
