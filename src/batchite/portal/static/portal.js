// What pages do by themselves: times in words, copying, dialogs, keys, dark and light. Nothing is asked for here.
(() => {
  "use strict";

  // -- times: absolute as they come; in words, kept up while somebody looks
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const relative = (moment) => {
    const seconds = Math.round((moment - Date.now()) / 1000);
    if (Math.abs(seconds) < 2) return "now";
    const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) ?? units.at(-1);
    return words.format(Math.trunc(seconds / size), unit);
  };
  const two = (number) => String(number).padStart(2, "0");
  const local = (moment) =>
    `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ` +
    `${two(moment.getHours())}:${two(moment.getMinutes())}:${two(moment.getSeconds())}`;
  const tell = (time) => {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const text = "both" in time.dataset ? `${local(moment)} (${relative(moment)})` : relative(moment);
    if (time.textContent !== text) time.textContent = text;
    time.title = `${local(moment)} here, ${time.dateTime}`;
  };
  const tellAll = (root = document) => root.querySelectorAll("time[datetime]").forEach(tell);
  tellAll();
  setInterval(() => document.hidden || tellAll(), 5000);
  document.addEventListener("visibilitychange", () => document.hidden || tellAll());
  const live = document.getElementById("live");
  if (live) new MutationObserver(() => tellAll(live)).observe(live, { childList: true, subtree: true, characterData: true });

  // -- copying, also where the page came by plain http and the clipboard is kept from it
  const copyByField = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "skip";
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  };
  const copy = async (button) => {
    let copied = false;
    try {
      if (navigator.clipboard) { await navigator.clipboard.writeText(button.dataset.copy); copied = true; }
    } catch { /* not permitted: the other way */ }
    copied ||= copyByField(button.dataset.copy);
    button.classList.toggle("done", copied);
    button.title = copied ? "Copied" : "Not copied: select the text and copy it";
    button.focus();
    setTimeout(() => { button.classList.remove("done"); button.title = "Copy"; }, 2000);
  };

  const setTheme = () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `batchite-theme=${root.dataset.theme}; Path=/-/; Max-Age=31536000; SameSite=Strict${secure}`;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    for (const menu of document.querySelectorAll("details.menu[open]"))
      if (!menu.contains(event.target)) menu.open = false;
    if (!button) return;
    if (button.dataset.copy !== undefined) copy(button);
    else if (button.dataset.dialog) document.getElementById(button.dataset.dialog)?.showModal();
    else if ("close" in button.dataset) button.closest("dialog").close();
    else if ("back" in button.dataset) history.back();
    else if ("themeToggle" in button.dataset) setTheme();
  });
  // a form is sent once, however often its button is pressed
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

  // -- keys
  const goTo = (keys) => document.querySelector(`a[data-keys="${keys}"]`)?.click();
  const step = (by) => {
    const rows = [...document.querySelectorAll("main tbody tr a:first-of-type")].filter((a) => a.closest("td").matches(".name"));
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    rows[Math.min(Math.max(at + by, 0), rows.length - 1)].focus();
  };
  let before = "";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest("input, textarea, select, [contenteditable]");
    if (field) {
      if (event.key === "Escape") field.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    const first = before;
    before = event.key === "g" && first !== "g" ? "g" : "";
    if (first === "g" && /^[a-z]$/.test(event.key)) goTo(`g ${event.key}`);
    else if (event.key === "/") { event.preventDefault(); const box = document.querySelector("[data-filter]"); box?.focus(); box?.select(); }
    else if (event.key === "?") document.getElementById("help")?.showModal();
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
  });

  // -- whether what is seen is still so
  const lost = document.getElementById("lost");
  if (lost) {
    const set = (isLost) => { lost.hidden = !isLost; document.body.classList.toggle("stale", isLost); };
    document.addEventListener("htmx:sse:error", () => set(true));
    document.addEventListener("htmx:sse:after:connection", () => set(false));
    document.addEventListener("gone", () => { set(true); lost.textContent = "What this page shows is not there any more, or not for you. Load it again."; });
  }
})();
