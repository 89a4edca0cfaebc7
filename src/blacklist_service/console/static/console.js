// The console's only script. Pages work without it where they decide something; it adds bars, proofs, keys and warnings.
// No HTML is ever written from a text: the content policy forbids it, and so do we.
"use strict";

const byId = (id) => document.getElementById(id);

function oncePerForm() {
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) { event.preventDefault(); return; }
      form.dataset.sent = "1";
      const button = event.submitter;
      if (button && button.dataset.busy) button.textContent = button.dataset.busy;
      setTimeout(() => { if (button) button.disabled = true; }, 0);
      setTimeout(() => { delete form.dataset.sent; if (button) button.disabled = false; }, 8000);
    });
  }
  const faults = byId("faults");
  if (faults) faults.focus();
  for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());
}

// 对象身份 and 证件类型 follow 办理事项 and 对象类型: what no measure covers cannot be chosen.
function presetQuestion() {
  for (const form of document.querySelectorAll("form")) {
    const type = form.querySelector("select[name=type]");
    if (!type) continue;
    const kinds = [...form.querySelectorAll("input[name=kind]")];
    const matter = form.querySelector("select[name=matter]");
    const role = form.querySelector("select[name=role]");
    const covered = form.dataset.covered ? JSON.parse(form.dataset.covered) : {};
    const follow = () => {
      const found = (matter && covered[matter.value]) || { roles: [], kinds: [] };
      for (const kind of kinds) kind.disabled = found.kinds.length > 0 && !found.kinds.includes(kind.value);
      if (!kinds.some((kind) => kind.checked && !kind.disabled)) {
        const first = kinds.find((kind) => !kind.disabled);
        if (first) first.checked = true;
      }
      const chosen = kinds.find((kind) => kind.checked);
      for (const group of type.querySelectorAll("optgroup")) group.disabled = Boolean(chosen) && group.dataset.kind !== chosen.value;
      if (type.selectedOptions[0] && type.selectedOptions[0].parentElement.disabled) {
        const first = type.querySelector("optgroup:not([disabled]) option");
        if (first) first.selected = true;
      }
      if (role) {
        for (const option of role.options) option.disabled = found.roles.length > 0 && !found.roles.includes(option.value);
        if (role.selectedOptions[0] && role.selectedOptions[0].disabled) {
          const first = [...role.options].find((option) => !option.disabled);
          if (first) first.selected = true;
        }
      }
    };
    for (const part of [...kinds, matter].filter(Boolean)) part.addEventListener("change", follow);
    follow();
  }
}

// A day is pasted as people write it, 2026年1月5日 or 2026.1.5 in whatever digits: a date field alone would drop it. A name
// copied over two lines gets no blank where the line ended, as the browser would have it, but between Latin words.
function pasteWell() {
  document.addEventListener("paste", (event) => {
    const field = event.target, text = event.clipboardData ? event.clipboardData.getData("text").trim() : "";
    if (field.tagName !== "INPUT") return;
    if (field.type === "date") {
      const found = text.normalize("NFKC").match(/^(\d{4})(?:\s*[-年./]\s*|(?=\d{4}$))(\d{1,2})(?:\s*[-月./]\s*|(?=\d\d$))(\d{1,2})\s*日?$/);
      if (!found) return;
      event.preventDefault();
      field.value = [found[1], found[2].padStart(2, "0"), found[3].padStart(2, "0")].join("-");
      field.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (/[\r\n]/.test(text)) {
      event.preventDefault();
      const latin = (sign) => /[!-~]/.test(sign || "");
      document.execCommand("insertText", false, text.replace(/\s*[\r\n]+\s*/g, (gap, at) => latin(text[at - 1]) && latin(text[at + gap.length]) ? " " : ""));
    }
  });
}

// On a narrow screen a list's rows are cards (console.css): each cell then says which column it is of.
function nameCells() {
  for (const table of document.querySelectorAll(".scroll > table")) {
    const heads = table.tHead && table.tHead.rows.length === 1 ? [...table.tHead.rows[0].cells] : [];
    if (!heads.length) continue;
    for (const row of table.tBodies[0].rows) [...row.cells].forEach((cell, at) => {
      if (heads[at]) cell.dataset.head = heads[at].textContent;
      cell.classList.toggle("blank", !cell.textContent.trim());
    });
    table.classList.add("rows");
  }
}

function countDown() {
  const form = document.querySelector("form[data-retry]"), shown = byId("countdown"), button = byId("retry");
  if (!form || !shown || !button) return;
  let left = Number(form.dataset.retry);
  button.disabled = true;
  const tick = () => {
    shown.textContent = left > 0 ? shown.dataset.left.replace("0", left) : "";
    if (left-- > 0) setTimeout(tick, 1000); else { button.disabled = false; button.focus(); }
  };
  tick();
}

function warnWhenIdle() {
  const meta = document.querySelector("meta[name=idle]"), warning = byId("idle-warning");
  if (!meta || !warning) return;
  const [idle, before] = meta.content.split(",").map(Number);
  let timer = 0;
  const begin = () => { warning.hidden = true; clearTimeout(timer); timer = setTimeout(() => { warning.hidden = false; }, (idle - before) * 1000); };
  warning.querySelector("button").addEventListener("click", async () => {
    const answer = await fetch("/console/alive", { redirect: "manual" });
    if (answer.status === 204) begin(); else location.reload();
  });
  begin();
}

function useKeys() {
  if (document.body.dataset.keys === "off") return;
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing) { const find = byId("find-number"); if (find) { event.preventDefault(); find.focus(); } }
    if (event.altKey && event.code === "KeyN") { event.preventDefault(); location.assign("/console/checks/new"); }
    if (event.altKey && event.code === "KeyS") {
      const form = (event.target.closest && event.target.closest("main form")) || document.querySelector("main form[method=post]");
      if (form) { event.preventDefault(); form.requestSubmit(); }
    }
  });
}

// The stream begins with what waits already; whatever comes later is new, and the page shows it.
function followNotices() {
  const count = byId("notice-count");
  if (!count || !window.EventSource) return;
  const stream = new EventSource(count.dataset.live);
  const tell = () => { stream.close(); location.reload(); };
  for (const step of ["served", "acknowledged", "answered", "renewed", "released", "escalated"]) stream.addEventListener(step, tell);
}

// A job's state: the bar and the count move; where the state changes, the page is another one.
function pollJobs() {
  const place = document.querySelector("[data-poll]");
  if (!place || !/^(queued|running)$/.test(place.dataset.state)) return;
  const look = async () => {
    const answer = await fetch(place.dataset.poll);
    const found = answer.ok ? await answer.json() : {};
    if (found.state !== place.dataset.state) { location.reload(); return; }
    const bar = place.querySelector("progress"), said = place.querySelector("[data-said]");
    if (bar && found.progress !== undefined) bar.value = found.progress;
    if (said && found.said) said.textContent = found.said;
    setTimeout(look, 1000);
  };
  setTimeout(look, 1000);
}

// A passkey's answer goes with the form like anything else that was typed; the server reads it.
const raw = (text) => bytes(text.replace(/-/g, "+").replace(/_/g, "/"));
const plain = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function usePasskeys() {
  if (!window.PublicKeyCredential) return;
  for (const button of document.querySelectorAll("button[data-passkey]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const form = button.form, asked = JSON.parse(button.dataset.passkey), told = button.nextElementSibling;
      const known = (list) => (list || []).map((one) => ({ ...one, id: raw(one.id) }));
      const options = { ...asked, challenge: raw(asked.challenge) };
      const code = form.querySelector("[name=code]"), isNew = Boolean(asked.user);
      if (isNew) Object.assign(options, { user: { ...asked.user, id: raw(asked.user.id) }, excludeCredentials: known(asked.excludeCredentials) });
      else { options.allowCredentials = known(asked.allowCredentials); if (code) code.required = false; }
      if (!form.reportValidity()) return;
      told.textContent = "";
      try {
        const made = isNew ? await navigator.credentials.create({ publicKey: options }) : await navigator.credentials.get({ publicKey: options });
        const response = {};
        for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
          if (made.response[name]) response[name] = plain(made.response[name]);
        }
        form.elements.passkey.value = JSON.stringify({ id: made.id, rawId: plain(made.rawId), type: made.type, response, clientExtensionResults: {} });
        form.requestSubmit();
      } catch { told.textContent = button.dataset.failed; }
    });
  }
}

function hideUnmasked() {
  const place = byId("unmasked");
  if (place) setTimeout(() => place.remove(), Number(place.dataset.seconds) * 1000);
}

// Sent by the script for the bar's sake: the answer says where to go on, or what is wrong.
function showUploads() {
  const form = document.querySelector("form[data-upload]"), bar = byId("upload");
  if (!form || !bar) return;
  form.addEventListener("submit", (event) => {
    bar.hidden = false;
    if (form.dataset.upload !== "bar") { bar.removeAttribute("value"); return; }
    event.preventDefault();
    const button = form.querySelector("button.main"), said = byId("upload-said"), request = new XMLHttpRequest();
    const stop = (text) => { said.textContent = text; said.hidden = false; bar.hidden = true; button.disabled = false; said.focus(); };
    button.disabled = true; said.hidden = true; bar.value = 0;
    request.upload.addEventListener("progress", (step) => { if (step.lengthComputable) bar.value = step.loaded / step.total; });
    request.addEventListener("load", () => {
      let found = {};
      try { found = JSON.parse(request.responseText); } catch { /* a page: of a session that is over, or a refusal */ }
      if (found.to) location.assign(found.to); else if (found.fault) stop(found.fault); else location.reload();
    });
    for (const end of ["error", "abort", "timeout"]) request.addEventListener(end, () => stop(form.dataset.broken));
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.send(new FormData(form));
  });
}

// A receipt against its leaf: RFC 6962 inclusion, then the checkpoint's Ed25519 signature by the key given.
const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer()));
const same = (a, b) => a.length === b.length && a.every((one, place) => one === b[place]);

async function includes(leaf, index, size, hashes, root) {
  let place = index, last = size - 1, folded = await sha256(Uint8Array.of(0), leaf);
  if (!(index >= 0 && index < size)) return false;
  for (const hash of hashes) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      folded = await sha256(Uint8Array.of(1), hash, folded);
      while (place > 0 && place % 2 === 0) { place = Math.floor(place / 2); last = Math.floor(last / 2); }
    } else folded = await sha256(Uint8Array.of(1), folded, hash);
    place = Math.floor(place / 2); last = Math.floor(last / 2);
  }
  return last === 0 && same(folded, root);
}

async function signed(text, lines, vkeys) {
  for (const vkey of vkeys.trim().split(/\s+/)) {
    const [name, , ...rest] = vkey.split("+");
    const material = bytes(rest.join("+"));
    if (material[0] !== 1 || !text.startsWith(`${name}\n`)) continue;
    const key = await crypto.subtle.importKey("raw", material.slice(1), "Ed25519", false, ["verify"]);
    for (const line of lines.filter((one) => one.startsWith(`— ${name} `))) {
      const content = bytes(line.slice(name.length + 3));
      if (await crypto.subtle.verify("Ed25519", key, content.slice(4), new TextEncoder().encode(text))) return true;
    }
  }
  return false;
}

async function verifyHere() {
  const place = byId("browser-verdict");
  if (!place) return;
  const tell = (kind, text) => { place.className = `banner ${kind}`; place.textContent = text; };
  try {
    const parts = place.dataset.proof.split("\n\n");
    const head = parts[0].split("\n").filter((line) => !line.startsWith("extra "));
    const text = `${parts[1]}\n`, [, size, root] = parts[1].split("\n");
    const index = Number(head[1].replace("index ", ""));
    const isIn = await includes(bytes(place.dataset.leaf), index, Number(size), head.slice(2).map(bytes), bytes(root));
    const isSigned = await signed(text, parts[2].split("\n"), place.dataset.vkey);
    tell(isIn && isSigned ? "clear" : "block", isIn && isSigned ? place.dataset.good : place.dataset.bad);
  } catch (error) {
    tell(error.name === "NotSupportedError" ? "flag" : "block", error.name === "NotSupportedError" ? place.dataset.unable : place.dataset.bad);
  }
}

oncePerForm(); pasteWell(); nameCells(); presetQuestion(); countDown(); warnWhenIdle(); useKeys(); followNotices(); pollJobs(); usePasskeys(); hideUnmasked(); showUploads(); verifyHere();
