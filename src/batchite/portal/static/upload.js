// Files and folders that are chosen or dropped: a row for each, with how far it is. `transfer.js` sends them.
(() => {
  "use strict";
  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const { Upload, atOnce } = globalThis.batchite;

  // -- how it looks: a row for each file, made of text alone
  const list = document.getElementById("uploads");
  const words = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let size = bytes, unit = 0;
    while (size >= 1024 && unit < units.length - 1) { size /= 1024; unit += 1; }
    return `${unit ? size.toFixed(1) : size} ${units[unit]}`;
  };
  const make = (tag, text = "", className = "") => Object.assign(document.createElement(tag), { textContent: text, className });
  let going = 0;

  class Row {
    constructor(content, name) {
      this.element = make("li");
      this.bar = make("progress");
      this.bar.max = 1;
      this.bar.value = 0;
      this.state = make("span", "waiting", "quiet");
      this.state.setAttribute("role", "status");
      this.buttons = make("span", "", "actions");
      this.name = make("bdi", name);
      this.element.append(this.name, this.bar, this.state, this.buttons);
      list.append(this.element);
      this.upload = new Upload(form.dataset.upload, form.elements["csrf-token"].value, content, name, this);
      this.start();
    }
    offer(...pairs) {
      this.buttons.replaceChildren(...pairs.map(([text, act]) => {
        const button = make("button", text);
        button.type = "button";
        button.addEventListener("click", act);
        return button;
      }));
    }
    tell(text, state) { this.state.textContent = text; this.element.dataset.state = state; }
    start() {
      this.isWaiting = true;
      going += 1;
      this.tell("waiting", "waiting");
      this.offer(["Cancel", () => { this.isWaiting = false; this.upload.stop(); this.stopped(); }]);
      atOnce(async () => { if (this.isWaiting) await this.upload.run(); })
        .finally(() => { going -= 1; if (going === 0) refresh(); });
    }
    going() { this.tell("begins", "busy"); this.offer(["Cancel", () => this.upload.stop()]); }
    progress(sent, size) {
      this.bar.value = size ? sent / size : 1;
      this.tell(`${words(sent)} of ${words(size)}`, "busy");
    }
    asking() {
      this.tell("There is a blob of this name.", "waiting");
      this.offer(["Replace it", () => { this.upload.replaces = true; this.start(); }], ["Leave it", () => this.element.remove()]);
    }
    stopped() { this.tell("stopped", "waiting"); this.again(); }
    failed(text) { this.tell(`not uploaded: ${text}`, "bad"); this.again(); }
    again() { this.offer(["Resume", () => this.start()], ["Forget it", () => this.element.remove()]); }
    finished(page) {
      this.bar.value = 1;
      this.tell(words(this.upload.content.size), "good");
      const link = make("a", this.name.textContent);
      link.href = page;
      this.name.replaceChildren(link);
      this.offer();
    }
  }

  // The list of the page again, as it is now; what is being looked at stays.
  const refresh = async () => {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [now, then] = [document.getElementById("live"), page.getElementById("live")];
    if (now && then) now.replaceChildren(...then.childNodes);
  };

  // -- what is to be uploaded
  const prefix = decodeURIComponent(form.dataset.prefix);
  const add = (content, path) => new Row(content, prefix + path);
  const walk = async (entry, path) => {
    if (entry.isFile) {
      add(await new Promise((done, fail) => entry.file(done, fail)), path + entry.name);
      return;
    }
    const reader = entry.createReader();
    for (;;) { // a directory comes in portions
      const portion = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!portion.length) return;
      for (const each of portion) await walk(each, `${path}${entry.name}/`);
    }
  };
  // A folder that the browser cannot read is told; what was found before is uploaded.
  const unread = (name, error) => {
    const row = make("li");
    row.dataset.state = "bad";
    const state = make("span", `not read: ${error.message}`);
    state.setAttribute("role", "status");
    row.append(make("bdi", name), state);
    list.append(row);
  };
  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      for (const each of input.files) add(each, each.webkitRelativePath || each.name);
      input.value = "";
    });
  }
  for (const button of form.querySelectorAll("[data-choose]")) {
    button.addEventListener("click", () => document.getElementById(button.dataset.choose).click());
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  let depth = 0;
  const has = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => { if (has(event)) { depth += 1; form.classList.add("over"); } });
  addEventListener("dragleave", (event) => { if (has(event) && (depth -= 1) <= 0) form.classList.remove("over"); });
  addEventListener("dragover", (event) => { if (has(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!has(event)) return;
    event.preventDefault();
    depth = 0;
    form.classList.remove("over");
    for (const item of [...event.dataTransfer.items]) {
      const entry = item.webkitGetAsEntry?.();
      const content = item.kind === "file" ? item.getAsFile() : null;
      if (entry) walk(entry, "").catch((error) => unread(entry.name, error));
      else if (content) add(content, content.name);
    }
  });
  addEventListener("beforeunload", (event) => { if (going > 0) event.preventDefault(); });
})();
