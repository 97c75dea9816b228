// One file on its way to a blob: in one request or by blocks, several at once, again where that may help, and on from where
// it was stopped. Bytes go straight to the Blob service, with a signature for that very blob, or through the portal.
(() => {
  "use strict";

  const MIB = 1 << 20;
  const WHOLE = 8 * MIB; // up to here in one request
  const BLOCK = 8 * MIB; // larger where a blob would have too many
  const MOST_BLOCKS = 50000;
  const FILES = 3; // at once
  const REQUESTS = 4; // at once, of all files
  const TRIES = 6;
  const FIRST_PAUSE = 500; // milliseconds; then twice as long each time
  const LONGEST_PAUSE = 15000;
  const VERSION = "2022-11-02";

  class Refused extends Error {
    constructor(status, text) { super(text); this.status = status; }
    get mayPass() { return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500; }
    get isThere() { return this.status === 409 || this.status === 412; }
  }
  class Stopped extends Error {}

  // -- so many at a time, in the order in which they came
  const limit = (most) => {
    let free = most;
    const waiting = [];
    return async (work) => {
      if (free > 0) free -= 1;
      else await new Promise((go) => waiting.push(go));
      try { return await work(); }
      finally {
        const next = waiting.shift();
        if (next) next(); else free += 1;
      }
    };
  };
  const request = limit(REQUESTS);

  // -- one request, with its progress; `stop` ends it
  const send = (verb, url, headers, body, signal, progress = () => {}) => new Promise((done, fail) => {
    if (signal.aborted) { fail(new Stopped()); return; }
    const sent = new XMLHttpRequest();
    const stop = () => sent.abort();
    signal.addEventListener("abort", stop, { once: true });
    sent.open(verb, url);
    for (const [name, value] of Object.entries(headers)) sent.setRequestHeader(name, value);
    sent.upload.onprogress = (event) => progress(event.loaded);
    sent.onabort = () => fail(new Stopped());
    sent.onerror = () => fail(new Refused(0, "the connection was lost"));
    sent.onload = () => {
      if (sent.status >= 200 && sent.status < 300) done(sent.responseText);
      else fail(new Refused(sent.status, told(sent)));
    };
    sent.onloadend = () => signal.removeEventListener("abort", stop);
    sent.send(body);
  });

  // What a refusal says: a line of the service's XML, or the portal's own.
  const told = (sent) => {
    if (sent.status === 401) return "your session is over; load the page again";
    const xml = /<Message>([^<\n]*)/.exec(sent.responseText);
    const text = xml ? xml[1] : (sent.getResponseHeader("content-type") ?? "").startsWith("text/plain") ? sent.responseText : "";
    return text || `the service answered ${sent.status}`;
  };

  const pause = (milliseconds, signal) => new Promise((done, fail) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); fail(new Stopped()); }, { once: true });
  });

  const patiently = async (signal, work) => {
    for (let tries = 1; ; tries += 1) {
      try { return await work(); }
      catch (error) {
        if (!(error instanceof Refused) || !error.mayPass || tries >= TRIES) throw error;
        await pause(Math.min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE) * (0.5 + Math.random() / 2), signal);
      }
    }
  };

  // -- one file on its way; what has been sent stays sent when it is stopped
  class Upload {
    // `to` is where it is asked for, `token` what every change has to say; `row` is told how it goes.
    constructor(to, token, content, name, row) {
      this.to = to;
      this.token = token;
      this.content = content;
      this.name = name;
      this.row = row;
      this.replaces = false;
      this.size = Math.max(BLOCK, Math.ceil(content.size / MOST_BLOCKS / MIB) * MIB);
      this.count = Math.ceil(content.size / this.size);
      const random = crypto.getRandomValues(new Uint8Array(4));
      this.mark = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
      this.done = new Set(); // blocks
      this.sent = 0; // their bytes
      this.loaded = new Map(); // bytes on their way, by block
      this.through = false;
    }

    async run() {
      this.stopping = new AbortController();
      this.loaded.clear();
      try {
        this.row.going();
        if (!(await this.grant())) { this.row.asking(); return; }
        if (this.content.size <= WHOLE) await this.put({}, this.content, { "x-ms-blob-type": "BlockBlob", ...this.described() }, 0);
        else await this.inBlocks();
        this.row.finished(this.answer.page);
      } catch (error) {
        this.stopping.abort();
        if (error instanceof Stopped) this.row.stopped();
        else if (error.isThere && !this.replaces) this.row.asking();
        else this.row.failed(error.message);
      }
    }

    stop() { this.stopping?.abort(); }

    // Where the bytes go, and as what type; false if there is such a blob already and nobody said to replace it.
    async grant() {
      const asked = new URLSearchParams({
        "csrf-token": this.token, name: this.name, type: this.content.type,
        replace: this.replaces ? "yes" : "",
      });
      const headers = { "Content-Type": "application/x-www-form-urlencoded" };
      const text = await patiently(this.stopping.signal, () => send("POST", this.to, headers, asked.toString(), this.stopping.signal));
      this.answer = JSON.parse(text);
      this.through ||= !this.answer.direct;
      return !this.answer.exists;
    }

    async inBlocks() {
      const { signal } = this.stopping;
      const missing = [...Array(this.count).keys()].filter((index) => !this.done.has(index));
      await Promise.all(missing.map((index) => request(async () => {
        if (signal.aborted) throw new Stopped();
        const part = this.content.slice(index * this.size, (index + 1) * this.size);
        await this.put({ comp: "block", blockid: this.id(index) }, part, {}, index);
        this.done.add(index);
        this.sent += part.size;
        this.loaded.delete(index);
      }).catch((error) => { this.stopping.abort(); throw error; })));
      const list = Array.from({ length: this.count }, (_, index) => `<Latest>${this.id(index)}</Latest>`).join("");
      const document = `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`;
      await this.put({ comp: "blocklist" }, document, this.described(), -1);
    }

    id(index) { return btoa(this.mark + String(index).padStart(7, "0")); }

    described() {
      const condition = this.replaces ? {} : { "If-None-Match": "*" };
      return { "x-ms-blob-content-type": this.answer.type, ...condition };
    }

    // One request of the upload, again until it works. A signature that is over is asked for anew; a service that the
    // browser cannot reach is reached through the portal.
    async put(query, body, headers, index) {
      const { signal } = this.stopping;
      const progress = (bytes) => { if (index >= 0) { this.loaded.set(index, bytes); this.show(); } };
      let renewed = false, lost = 0;
      await patiently(signal, async () => {
        try { await send("PUT", this.url(query), this.told(headers), body, signal, progress); }
        catch (error) {
          if (!(error instanceof Refused)) throw error;
          this.loaded.delete(index);
          if (error.status === 0 && (lost += 1) > 1 && this.done.size === 0) this.through = true;
          if (error.status !== 403 || renewed || this.through) throw error;
          renewed = true;
          await this.grant();
          throw new Refused(0, error.message);
        }
      });
      this.show();
    }

    url(query) {
      const url = new URL(this.through ? this.answer.through : this.answer.direct, location.href);
      for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
      return url.href;
    }

    told(headers) {
      if (!this.through) return { "x-ms-version": VERSION, ...headers };
      return { "X-CSRF-Token": this.token, ...headers };
    }

    show() {
      const going = [...this.loaded.values()].reduce((sum, bytes) => sum + bytes, 0);
      this.row.progress(Math.min(this.sent + going, this.content.size), this.content.size);
    }
  }

  globalThis.batchite = { Upload, atOnce: limit(FILES) };
})();
