// A package that is sent: the zip as it is, with how far it is; what the service says of it is told in place.
(() => {
  "use strict";
  const form = document.querySelector("form[data-package]");
  if (!form) return;
  const told = document.getElementById("sent"), button = form.querySelector("button");
  const words = (bytes) => `${(bytes / (1 << 20)).toFixed(1)} MiB`;
  const say = (text, isBad = false) => { told.textContent = text; told.classList.toggle("problem", isBad); };
  let going = null;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (going) return;
    const { application, version, content } = form.elements;
    const file = content.files[0];
    going = new XMLHttpRequest();
    button.disabled = true;
    going.open("PUT", `${form.dataset.package}/${encodeURIComponent(application.value)}/packages/${encodeURIComponent(version.value)}`);
    going.setRequestHeader("x-csrf-token", form.elements["csrf-token"].value);
    going.upload.onprogress = (progress) => say(progress.loaded < file.size ? `${words(progress.loaded)} of ${words(file.size)}` : "It is being looked through.");
    going.onload = () => {
      if (going.status === 201) { going = null; location.reload(); return; }
      say(going.responseText.slice(0, 1000), true);
    };
    going.onerror = () => say("The connection was lost. Nothing was added; send it again.", true);
    going.onloadend = () => { going = null; button.disabled = false; };
    going.send(file);
  });
  addEventListener("beforeunload", (event) => { if (going) event.preventDefault(); });
})();
