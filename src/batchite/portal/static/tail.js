// A file that grows, followed while somebody looks: what is new is asked for by offset and added at the end.
(() => {
  "use strict";
  const box = document.querySelector("[data-tail]");
  if (!box) return;
  const KEPT = 1024 * 1024, SOON = 500, LATER = 3000;
  let at = Number(box.dataset.at), pause = SOON, isOver = box.dataset.over === "yes";
  const isAtEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  const toEnd = () => { box.scrollTop = box.scrollHeight; };
  const add = (text) => {
    const follows = isAtEnd();
    box.append(text);
    box.normalize();
    const node = box.firstChild;
    if (node && node.length > 2 * KEPT) node.deleteData(0, node.length - KEPT);
    if (follows) toEnd();
  };
  const look = async () => {
    if (isOver) return;
    if (!document.hidden) try {
      const answer = await fetch(`${box.dataset.tail}&at=${at}`);
      const end = answer.headers.get("x-batchite-end");
      if (answer.status === 404 || (answer.ok && end === null)) return;
      if (answer.ok) {
        const text = await answer.text();
        if (text) add(text);
        pause = text ? SOON : Math.min(pause * 1.5, LATER);
        at = Number(end);
        isOver = answer.headers.get("x-batchite-over") === "yes";
      }
    } catch { pause = LATER; }
    setTimeout(look, pause);
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-to-end]")) toEnd();
    else if (event.target.closest("[data-to-start]")) box.scrollTop = 0;
  });
  toEnd();
  look();
})();
