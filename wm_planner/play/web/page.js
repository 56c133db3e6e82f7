"use strict";
// Sends keys, sticks and wishes; shows what comes back. The game itself is on the other side.

const NAMED = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right", " ": "space" };
const KEYS = new Set(["w", "a", "s", "d", "e", "q", "p", "r", "n", ".", ...Object.values(NAMED)]);
const ONCE = new Set(["space", "r", "n", "."]);
const REST = 0.12; // share of a stick's range that counts as not touched
const held = new Set();
let socket, seen, stick = [0, 0, 0], buttons = [];
const $ = (id) => document.getElementById(id);

function connect() {
  socket = new WebSocket(`ws://${location.host}/play`);
  socket.onmessage = (event) => hear(JSON.parse(event.data));
  socket.onclose = () => {
    $("title").textContent = "The server has ended; trying again…";
    setTimeout(connect, 1500);
  };
}

function say(message) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function hold(pressed = []) {
  say({ do: "hold", keys: [...held].filter((key) => !ONCE.has(key)), pressed, stick });
}

function hear(message) {
  if (message.error) {
    $("error").textContent = message.error;
    $("error").hidden = false;
    setTimeout(() => { $("error").hidden = true; }, 6000);
  } else if (message.about) {
    about(message.about);
  } else {
    seen = message;
    show();
  }
}

function about({ title, cameras }) {
  document.title = $("title").textContent = title;
  $("files").replaceChildren(...cameras.map((camera) => {
    const label = document.createElement("label");
    label.append(`${camera} `, Object.assign(document.createElement("input"),
      { type: "file", name: camera, accept: "image/png,image/jpeg", required: true }));
    return label;
  }));
}

function show() {
  $("step").textContent = seen.step;
  $("seconds").textContent = seen.seconds.toFixed(1);
  $("rate").textContent = seen.frames_per_s === null ? "–" : seen.frames_per_s.toFixed(0);
  for (const [name, full] of [["drift", 1.5], ["reward", 1], ["value", seen.highest_value]]) {
    $(name).max = full;
    $(name).value = Math.max(0, seen[name] ?? 0);
    $(`${name}-number`).textContent = seen[name] === null ? "–" : seen[name].toFixed(2);
  }
  if (seen.disagreement !== null) $("value-number").textContent += ` ± ${seen.disagreement.toFixed(2)}`;
  const [x, y, z, gripper] = seen.action.map((number) => number.toFixed(1));
  $("action").textContent = `x ${x}  y ${y}  z ${z}  ${gripper > 0 ? "open" : "closed"}`;
  for (const button of document.querySelectorAll("[data-driver]")) {
    button.classList.toggle("on", button.dataset.driver === seen.driver);
  }
  $("running").checked = seen.running;
  const branches = [seen.branch, seen.beside].filter(Boolean).map((name) => `branch=${encodeURIComponent(name)}`);
  $("save-video").href = `/video.mp4?${branches.join("&")}`;
  $("save-strip").href = `/strip.png?${branches.join("&")}`;
  showPictures();
  showBranches();
}

function showPictures() {
  const rows = seen.rows, room = $("pictures");
  room.classList.toggle("many", rows.length > 2);
  while (room.children.length > rows.length) room.lastChild.remove();
  rows.forEach((row, i) => {
    const cameras = Object.keys(row.pictures);
    let place = room.children[i];
    if (!place || place.querySelectorAll("img").length !== cameras.length) {
      const fresh = document.createElement("div");
      fresh.className = "pictures";
      fresh.append(document.createElement("h2"), ...cameras.map(figure));
      if (place) place.replaceWith(fresh); else room.append(fresh);
      place = fresh;
    }
    place.classList.toggle("beside", row.branch !== seen.branch);
    const what = row.kind === "imagined" ? "Imagined by the model" : "Simulated: what would really happen";
    const branch = Object.assign(document.createElement("b"), { textContent: `branch ${row.branch}` });
    place.querySelector("h2").replaceChildren(`${what}, `, branch);
    place.querySelectorAll("img").forEach((image, c) => { image.src = row.pictures[cameras[c]]; });
  });
}

function figure(camera) {
  const whole = document.createElement("figure"), caption = document.createElement("figcaption");
  caption.textContent = camera;
  whole.append(Object.assign(document.createElement("img"), { alt: `camera ${camera}` }), caption);
  return whole;
}

function showBranches() {
  const longest = Math.max(1, ...seen.branches.map((branch) => branch.steps)), room = $("branches");
  const shape = seen.branches.map((branch) => branch.name).join("\n");
  if (room.dataset.shape !== shape) {
    room.replaceChildren(...seen.branches.map((branch) => branchRow(branch.name)));
    room.dataset.shape = shape;
  }
  seen.branches.forEach((branch, i) => {
    const row = room.children[i], current = branch.name === seen.branch, slider = row.querySelector("[type=range]");
    row.classList.toggle("current", current);
    row.classList.toggle("beside", branch.name === seen.beside);
    row.querySelector(".look").classList.toggle("on", current);
    row.querySelector(".next-to").classList.toggle("on", branch.name === seen.beside);
    slider.max = branch.steps;
    slider.parentElement.style.width = `${Math.max(6, 100 * branch.steps / longest)}%`;
    slider.value = Math.min(seen.step, branch.steps);
    const mark = row.querySelector("i");
    mark.hidden = !branch.parent;
    mark.style.left = `${100 * branch.left / Math.max(1, branch.steps)}%`;
    mark.title = `left ${branch.parent} at step ${branch.left}`;
    row.querySelector(".steps").textContent = `${Math.min(seen.step, branch.steps)} / ${branch.steps}`;
  });
}

function branchRow(name) {
  const row = document.createElement("div");
  row.className = "branch";
  row.innerHTML = `<span class="name"><input class="label" maxlength="24" aria-label="name of the branch">
    <button class="look">show</button><button class="next-to">beside</button></span>
    <span class="track"><input type="range" min="0" aria-label="step"><i></i></span><span class="steps soft"></span>`;
  const [label, slider] = row.querySelectorAll("input");
  label.value = name;
  label.onchange = () => say({ do: "rename", branch: name, new: label.value });
  row.querySelector(".look").onclick = () => say({ do: "choose", branch: name });
  row.querySelector(".next-to").onclick = () => say({ do: "compare", branch: name === seen.beside ? "" : name });
  slider.oninput = () => {
    if (name !== seen.branch) say({ do: "choose", branch: name });
    say({ do: "go", step: Number(slider.value) });
  };
  return row;
}

function back(steps) {
  const own = seen.branches.find((branch) => branch.name === seen.branch);
  say({ do: "go", step: Math.min(own.steps, Math.max(0, seen.step - steps)) });
}

function typing(event) {
  return event.ctrlKey || event.metaKey || event.altKey ||
    event.target.matches("input:not([type=range]):not([type=checkbox]), textarea");
}

addEventListener("keydown", (event) => {
  if (!seen || typing(event)) return;
  const key = NAMED[event.key] ?? event.key.toLowerCase();
  if (event.key === "Backspace") { event.preventDefault(); back(1); return; }
  if (!KEYS.has(key)) return;
  event.preventDefault();
  document.activeElement?.blur?.();
  if (key === ".") { say({ do: "wait" }); return; }
  if (event.repeat) return;
  held.add(key);
  hold([key]);
});

addEventListener("keyup", (event) => {
  held.delete(NAMED[event.key] ?? event.key.toLowerCase());
  hold();
});

addEventListener("blur", () => { held.clear(); hold(); });

// A gamepad: left stick in the plane, right stick up and down, A gripper, B again, X next, Y prior.
function poll() {
  const pad = navigator.getGamepads?.().find((found) => found);
  $("pad").textContent = pad ? `Gamepad: ${pad.id.slice(0, 40)}` : "A gamepad works too: press one of its buttons.";
  const axis = (n) => { const value = pad?.axes[n] ?? 0; return Math.abs(value) > REST ? value : 0; };
  const now = pad ? [axis(1), axis(0), -axis(3)] : [0, 0, 0];
  const down = pad ? pad.buttons.map((button) => button.pressed) : [];
  const pressed = ["space", "r", "n"].filter((_, i) => down[i] && !buttons[i]);
  if (down[3] && !buttons[3]) held.add("p");
  if (!down[3] && buttons[3]) held.delete("p");
  if (pressed.length || down[3] !== buttons[3] || now.some((value, i) => Math.abs(value - stick[i]) > 0.02)) {
    stick = now;
    hold(pressed);
  }
  buttons = down;
  requestAnimationFrame(poll);
}

function post(form, place) {
  form.onsubmit = async (event) => {
    event.preventDefault();
    const answer = await fetch(place, { method: "POST", body: new FormData(form) });
    if (!answer.ok) hear({ error: await answer.text() });
  };
}

for (const button of document.querySelectorAll("[data-driver]")) {
  button.onclick = () => say({ do: "drive", driver: button.dataset.driver });
}
for (const button of document.querySelectorAll("[data-back]")) {
  button.onclick = () => back(Number(button.dataset.back));
}
$("running").onchange = (event) => say({ do: "run", running: event.target.checked });
$("scene").onsubmit = (event) => {
  event.preventDefault();
  say({ do: "restart", seed: Number(event.target.seed.value) });
};
post($("from-pictures"), "/pictures");
post($("from-dataset"), "/dataset");
connect();
requestAnimationFrame(poll);
