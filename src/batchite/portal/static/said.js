// What a node's agent says of itself: the end of its log, asked for anew while it is unfolded.
(() => {
  "use strict";
  const box = document.querySelector("[data-said]");
  if (!box) return;
  const PAUSE = 3000, folded = box.closest("details"), silent = folded.querySelector("[data-silent]");
  let tag = box.dataset.tag, timer = 0;
  const look = async () => {
    clearTimeout(timer);
    if (!folded.open) return;
    if (!document.hidden) try {
      const answer = await fetch(box.dataset.said, { headers: { "if-none-match": tag } });
      if (answer.status === 200) {
        const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
        tag = answer.headers.get("etag");
        box.textContent = await answer.text();
        box.hidden = !box.textContent;
        silent.hidden = !box.hidden;
        if (follows) box.scrollTop = box.scrollHeight;
      }
    } catch { /* the next look tells */ }
    timer = setTimeout(look, PAUSE);
  };
  folded.addEventListener("toggle", () => { box.scrollTop = box.scrollHeight; look(); });
  look();
})();
