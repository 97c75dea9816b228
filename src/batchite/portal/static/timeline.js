// Tasks over nodes: one canvas, nodes down, time across. What is drawn comes as JSON, again whenever the page has
// learnt of a change; a bar leads to its task, a name to its node.
(() => {
  "use strict";
  const canvas = document.querySelector("canvas[data-timeline]");
  if (!canvas) return;
  const NAMES = 132, AXIS = 22, LANE = 7, GAP = 5, SOON = 1000;
  const under = document.getElementById("under"), pages = canvas.dataset.pages;
  let drawn = null, boxes = [], over = null;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const TONES = { running: "busy", succeeded: "good", failed: "bad" };
  const two = (number) => String(number).padStart(2, "0");
  const clock = (moment, fine) => {
    const at = new Date(moment);
    return `${two(at.getHours())}:${two(at.getMinutes())}${fine ? `:${two(at.getSeconds())}` : ""}`;
  };
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600].map((s) => s * 1000);

  const short = (pen, text, room) => {
    if (pen.measureText(text).width <= room) return text;
    let kept = text.length;
    while (kept > 1 && pen.measureText(`…${text.slice(-kept)}`).width > room) kept -= 1;
    return `…${text.slice(-kept)}`;
  };

  const draw = () => {
    if (!drawn) return;
    const wide = canvas.parentElement.clientWidth, ratio = devicePixelRatio || 1;
    const names = Math.min(NAMES, wide / 3);
    const high = AXIS + drawn.nodes.reduce((sum, node) => sum + Math.max(node.lanes * LANE, 14) + GAP, 0);
    canvas.width = wide * ratio;
    canvas.height = high * ratio;
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${high}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = `11px ${colour("text") || "sans-serif"}`;
    pen.textBaseline = "middle";
    const { begin, end } = drawn, room = wide - names;
    const x = (moment) => names + (room * (Math.min(Math.max(moment, begin), end) - begin)) / (end - begin);
    boxes = [];

    const step = steps.find((each) => ((end - begin) / each) * 64 <= room) ?? steps.at(-1);
    const offset = new Date(end).getTimezoneOffset() * 60000;
    pen.fillStyle = colour("quiet");
    pen.strokeStyle = colour("line");
    for (let at = Math.ceil((begin - offset) / step) * step + offset; at <= end; at += step) {
      const left = Math.round(x(at)) + 0.5;
      pen.beginPath(); pen.moveTo(left, AXIS - 4); pen.lineTo(left, high); pen.stroke();
      const text = clock(at, step < 60000);
      pen.fillText(text, Math.min(left + 3, wide - pen.measureText(text).width), AXIS / 2);
    }
    if (drawn.since > begin) {
      pen.fillStyle = colour("plain-in");
      pen.fillRect(names, AXIS, x(drawn.since) - names, high - AXIS);
    }
    const plain = colour("plain"), tones = Object.fromEntries(Object.entries(TONES).map(([state, name]) => [state, colour(name)]));
    let top = AXIS;
    for (const node of drawn.nodes) {
      const tall = Math.max(node.lanes * LANE, 14), lane = tall / node.lanes;
      pen.globalAlpha = 1;
      pen.strokeStyle = colour("line");
      pen.beginPath(); pen.moveTo(0, Math.round(top + tall + GAP / 2) + 0.5); pen.lineTo(wide, Math.round(top + tall + GAP / 2) + 0.5); pen.stroke();
      pen.fillStyle = colour(node.is_gone ? "quiet" : "link");
      pen.fillText(short(pen, node.id, names - 8), 0, top + tall / 2);
      if (!node.is_gone) boxes.push({ left: 0, right: names, top, bottom: top + tall, node });
      for (const [row, from, to, state, job, task, isOther] of node.bars) {
        const left = x(from), right = Math.max(x(to ?? end), left + 1.5);
        if ((to ?? end) < begin) continue;
        pen.globalAlpha = isOther ? 0.3 : 1;
        pen.fillStyle = isOther ? plain : tones[state] ?? plain;
        pen.fillRect(left, top + row * lane, Math.max(right - left - 0.5, 1), lane - 1);
        boxes.push({ left, right, top: top + row * lane, bottom: top + (row + 1) * lane, job: drawn.jobs[job], task, state, from, to });
      }
      top += tall + GAP;
    }
    pen.globalAlpha = 1;
    if (over) {
      pen.strokeStyle = colour("ink");
      pen.strokeRect(over.left, over.top, Math.max(over.right - over.left, 2), over.bottom - over.top);
    }
  };

  const took = (box) => {
    const seconds = ((box.to ?? drawn.end) - box.from) / 1000;
    return seconds < 60 ? `${seconds.toFixed(1)} s` : seconds < 3600 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
  };
  const words = (box) => box.task === undefined ? box.node.id
    : `${box.task} of ${box.job}: ${box.state}${box.to === null ? " for" : " in"} ${took(box)}, from ${clock(box.from, true)}${box.to === null ? "" : ` to ${clock(box.to, true)}`}`;
  const address = (box) => (box.task === undefined ? ["pools", canvas.dataset.pool, "nodes", box.node.id] : ["jobs", box.job, "tasks", box.task])
    .reduce((path, segment) => `${path}/${encodeURIComponent(segment)}`, pages);
  const find = (event) => {
    const at = canvas.getBoundingClientRect(), left = event.clientX - at.left, top = event.clientY - at.top;
    return boxes.findLast((box) => left >= box.left - 1 && left <= box.right + 1 && top >= box.top && top < box.bottom) ?? null;
  };
  canvas.addEventListener("pointermove", (event) => {
    const found = find(event);
    if (found === over) return;
    over = found;
    canvas.style.cursor = found ? "pointer" : "";
    under.textContent = found ? words(found) : "\u00a0";
    draw();
  });
  canvas.addEventListener("pointerleave", () => { over = null; under.textContent = "\u00a0"; draw(); });
  canvas.addEventListener("click", (event) => {
    const found = find(event);
    if (found && (event.ctrlKey || event.metaKey)) open(address(found), "_blank", "noopener");
    else if (found) location.assign(address(found));
  });

  let waits = false, last = 0;
  const look = async () => {
    waits = false;
    last = Date.now();
    try {
      const answer = await fetch(canvas.dataset.timeline);
      if (!answer.ok) return;
      drawn = await answer.json();
      over = null;
      draw();
      canvas.dataset.drawn = String(drawn.nodes.reduce((sum, node) => sum + node.bars.length, 0));
    } catch { /* the service is away: the page says so */ }
  };
  const soon = () => {
    if (waits || document.hidden) return;
    waits = true;
    setTimeout(look, Math.max(0, last + SOON - Date.now()));
  };
  new ResizeObserver(draw).observe(canvas.parentElement);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  new MutationObserver(soon).observe(document.getElementById("live"), { childList: true, subtree: true, characterData: true });
  document.addEventListener("visibilitychange", soon);
  look();
})();
