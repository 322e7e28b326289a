"use strict";

// The page works without this: everything it shows is in its address. This makes it live, keeps
// the place where one was reading, and gives the keys.
(() => {
  const LEAST = { desktop: 680, tablet: 744, phone: 375 };
  const TALLEST = { desktop: Infinity, tablet: 1133, phone: 812 };
  const REGIONS = ["issues", "bar", "trouble", "caption", "reader", "checks", "links", "weight", "test", "more"];
  const root = document.documentElement;
  let shown = root.dataset.revision;
  const attached = new WeakSet(); // documents of frames that we listen to
  let turn = 0; // of the latest visit: the answer to an earlier one comes too late
  root.classList.add("scripted");

  const find = (id) => document.getElementById(id);
  const frames = () => [...document.querySelectorAll(".frame")];

  function say(words) {
    const said = find("said");
    if (said) said.textContent = words;
  }

  // An answer that has come whole, or nothing where nobody answers.
  async function ask(url, options) {
    try {
      const answer = await fetch(url, options);
      return { isGood: answer.ok, text: await answer.text() };
    } catch {
      lost();
      return null;
    }
  }

  // The window

  function fit() {
    let least = 1;
    for (const frame of frames()) {
      const room = frame.parentElement;
      const device = frame.dataset.device;
      const wanted = LEAST[device];
      const width = device === "desktop" ? Math.max(wanted, room.clientWidth) : wanted;
      const scale = Math.min(1, room.clientWidth / width);
      const height = Math.min(room.clientHeight / scale, TALLEST[device]) - frame.offsetHeight + frame.clientHeight;
      least = Math.min(least, scale);
      frame.style.width = `${width}px`;
      frame.style.height = `${height}px`;
      frame.style.left = `${Math.max(0, (room.clientWidth - width * scale) / 2)}px`;
      frame.style.transform = scale < 1 ? `scale(${scale})` : "none";
    }
    const label = find("scale");
    if (label) label.textContent = least < 1 ? `, shown at ${Math.round(100 * least)} %` : "";
  }

  // The new email takes the place of the old one in the same window: nothing flickers, and who was
  // reading reads on.
  async function renew(frame) {
    const source = frame.dataset.src;
    const answer = await ask(source);
    const page = frame.contentDocument;
    if (!answer?.isGood || source !== frame.dataset.src || !page) return;
    if (page.URL === "about:blank" || page.readyState === "loading") {
      // At first it is ruled by this page's own policy; and what it loads may be older.
      frame.addEventListener("load", () => renew(frame), { once: true });
      return;
    }
    const { scrollX, scrollY } = frame.contentWindow;
    const { text } = answer;
    page.documentElement.innerHTML = text;
    page.documentElement.lang = new DOMParser().parseFromString(text.slice(0, text.search(/<head/i)), "text/html").documentElement.lang;
    frame.contentWindow.scrollTo(scrollX, scrollY);
  }

  function prepare() {
    for (const frame of frames()) {
      if (frame.dataset.isReady) continue;
      frame.dataset.isReady = "yes";
      frame.addEventListener("load", () => attach(frame));
      if (frame.contentDocument?.readyState === "complete") attach(frame);
    }
    fit();
  }

  function attach(frame) {
    const page = frame.contentDocument;
    if (!page || page.URL === "about:blank" || attached.has(page)) return;
    attached.add(page);
    page.addEventListener("keydown", press);
    page.addEventListener("click", (event) => follow(event, frame));
    if (frame.dataset.kind !== "archive") return;
    const path = page.location.pathname;
    frame.dataset.src = path;
    const [, , , , ...rest] = path.split("/");
    if (rest.length) {
      const address = new URL(location.href);
      address.searchParams.set("page", rest.join("/"));
      history.replaceState(null, "", address);
    }
  }

  // A link in an email leads to another machine: it is named, not followed. One to the archive is
  // shown as it would be there.
  function follow(event, frame) {
    const link = event.target.closest("a[href]");
    if (!link) return;
    const home = document.body.dataset.archive;
    if (link.origin === location.origin) {
      link.target = "_self";
      return;
    }
    event.preventDefault();
    if (link.href.startsWith(home) && !link.href.includes("/sent/")) {
      const address = new URL(location.href);
      const path = new URL(link.href).pathname.slice(new URL(home).pathname.length);
      address.searchParams.set("show", "archive");
      address.searchParams.set("page", `${home.split("/").at(-2)}/${path}index.html`);
      visit(address.href);
      return;
    }
    say(link.href);
  }

  // Pages

  // What was saved never stands in the way of where somebody is going.
  async function visit(url, { push = true, isRefresh = false } = {}) {
    const mine = isRefresh ? turn : ++turn;
    const slow = isRefresh ? 0 : setTimeout(() => say("Loading…"), 300);
    const answer = await ask(url);
    clearTimeout(slow);
    if (!answer || mine !== turn) return;
    if (isRefresh && url !== location.href) {
      await visit(location.href, { push: false, isRefresh });
      return;
    }
    const page = new DOMParser().parseFromString(answer.text, "text/html");
    if (!page.getElementById("stage")) {
      say(answer.text.slice(0, 200));
      return;
    }
    if (push) history.pushState(null, "", url);
    if (!isRefresh) say("");
    take(page);
  }

  // The answer to a form is about the form alone, whatever is saved meanwhile.
  async function send(form, values) {
    const button = form.querySelector("button");
    button.disabled = true;
    say(form.dataset.busy ?? "Sending…");
    const answer = await ask(form.action, { method: "POST", body: values });
    button.disabled = Boolean(answer);
    if (!answer) return;
    const page = new DOMParser().parseFromString(answer.text, "text/html");
    say(page.getElementById("stage") ? "" : answer.text.slice(0, 200));
    const region = form.closest("section").id;
    swap(find(region), page.getElementById(region));
  }

  function take(page) {
    document.title = page.title;
    document.body.className = page.body.className;
    document.body.dataset.archive = page.body.dataset.archive;
    const panels = ["issues", "inspector"].some((id) => !find(id) !== !page.getElementById(id));
    if (panels) takePanels(page);
    for (const id of REGIONS) swap(find(id), page.getElementById(id), find("inspector"));
    takeStage(page.getElementById("stage"));
    prepare();
    live();
  }

  function takePanels(page) {
    for (const id of ["issues", "inspector"]) {
      const mine = find(id);
      const theirs = page.getElementById(id);
      if (mine && !theirs) mine.remove();
      if (!mine && theirs) find("main")[id === "issues" ? "before" : "after"](theirs);
    }
  }

  function swap(mine, theirs, parent) {
    if (!mine && theirs && parent && theirs.parentElement?.id === "inspector") {
      const later = REGIONS.slice(REGIONS.indexOf(theirs.id) + 1).map(find);
      parent.insertBefore(theirs, later.find(Boolean) ?? null);
    }
    if (mine && !theirs && mine.parentElement.id === "inspector") mine.remove();
    if (mine?.id === "caption") theirs.querySelector("#said").textContent = find("said").textContent;
    if (!mine || !theirs || mine === theirs || mine.isEqualNode(theirs)) return;
    const focus = mine.contains(document.activeElement) ? document.activeElement : null;
    if (focus?.matches("input, select") && mine.id === "reader") return; // somebody is choosing
    const isTold = mine.querySelector("[role=status]") && !theirs.querySelector("[role=status]");
    if (isTold && mine.id === "test" && isOfSameVariant(mine, theirs)) return; // it still holds
    if (isTold && mine.id === "links" && mine.dataset.issue === theirs.dataset.issue) return; // being mended
    for (const open of mine.querySelectorAll("details[id][open]"))
      theirs.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
    const kept = [...mine.querySelectorAll("[data-keep]")].map((input) => [input.id, input.value]);
    const top = mine.scrollTop;
    const key = focus && (focus.id || focus.dataset.variant || focus.dataset.key || focus.textContent);
    mine.replaceWith(theirs);
    theirs.scrollTop = top;
    for (const [id, value] of kept) if (find(id)) find(id).value = value;
    if (key) {
      const same = (one) => [one.id, one.dataset.variant, one.dataset.key, one.textContent].includes(key);
      [...theirs.querySelectorAll("a, button, input, select, summary")].find(same)?.focus({ preventScroll: true });
    }
  }

  function isOfSameVariant(mine, theirs) {
    return mine.querySelector("button")?.textContent === theirs.querySelector("button")?.textContent;
  }

  function takeStage(theirs) {
    const stage = find("stage");
    const mine = frames();
    const coming = [...theirs.querySelectorAll(".frame")];
    const kinds = (list) => list.map((one) => one.dataset.kind).join();
    if (!mine.length || kinds(mine) !== kinds(coming) || mine[0].dataset.kind === "archive" || mine.length > 1) {
      if (stage.isEqualNode(theirs)) return;
      const same = mine.length && mine.length === coming.length && mine.every((one, place) => one.dataset.src === coming[place].dataset.src);
      if (same && stage.dataset.show === theirs.dataset.show) {
        mine.forEach((one, place) => redevice(one, coming[place]));
        return;
      }
      const places = [...stage.querySelectorAll(".scroll")].map((one) => one.scrollTop);
      const keeps = stage.dataset.show === theirs.dataset.show;
      stage.replaceWith(theirs);
      if (keeps) theirs.querySelectorAll(".scroll").forEach((one, place) => (one.scrollTop = places[place] ?? 0));
      return;
    }
    redevice(mine[0], coming[0]);
    if (mine[0].dataset.src !== coming[0].dataset.src) {
      mine[0].dataset.src = coming[0].dataset.src;
      renew(mine[0]);
    }
  }

  function redevice(frame, coming) {
    frame.title = coming.title;
    frame.dataset.device = coming.dataset.device;
    frame.parentElement.className = coming.parentElement.className;
  }

  // What was saved

  let source; // one for each page that is seen: a browser has six for them all
  let isLost = false;

  function live() {
    const words = find("live");
    if (!words) return;
    words.textContent = isLost ? "Not connected: newsletter preview has stopped" : "Live";
    words.classList.toggle("is-lost", isLost);
  }

  function lost() {
    say("");
    isLost = source?.readyState !== EventSource.OPEN;
    live();
  }

  function listen() {
    source?.close();
    if (document.hidden) return;
    source = new EventSource("/changes");
    source.addEventListener("open", () => {
      isLost = false;
      live();
    });
    source.addEventListener("error", () => {
      isLost = true;
      live();
    });
    source.addEventListener("message", refresh);
  }

  async function refresh(event) {
    const { revision } = JSON.parse(event.data);
    if (revision === shown) return;
    shown = revision;
    root.dataset.revision = revision;
    await Promise.all(frames().map(renew));
    await visit(location.href, { push: false, isRefresh: true });
  }

  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());

  // What a person does

  document.addEventListener("click", (event) => {
    if (event.target.id === "copy") copy(event.target.dataset.link);
    if (event.target.id === "open-help") find("help").showModal();
    const link = event.target.closest("a[href]");
    const isPlain = !event.defaultPrevented && event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || link.origin !== location.origin || link.pathname !== "/" || link.hash) return;
    event.preventDefault();
    visit(link.href);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method === "dialog") return;
    const values = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    if (form.id === "photographs") {
      say("Taking pictures: they come as a ZIP in a moment.");
      return;
    }
    event.preventDefault();
    if (form.method === "post") {
      send(form, values);
    } else {
      document.activeElement?.blur();
      visit(`/?${values}`);
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.id === "beside") event.target.form.requestSubmit();
    if (event.target.id === "keys-on") localStorage.setItem("keys", event.target.checked ? "on" : "off");
  });

  async function copy(link) {
    const url = new URL(link, location.href).href;
    try {
      await navigator.clipboard.writeText(url);
      say("The link is copied.");
    } catch {
      say(url);
    }
  }

  function press(event) {
    const typing = event.target.closest?.("input:not([type=checkbox]), select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || find("help").open) return;
    if (localStorage.getItem("keys") === "off" && event.key !== "?") return;
    if (event.key === "?") find("help").showModal();
    else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
    else if (event.key.length !== 1 || !reach(event.key)) return;
    event.preventDefault();
  }

  function reach(key) {
    const control = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!control) return false;
    if (!control.checkVisibility()) say("That stands beside the email: press e first.");
    else if (control.matches("summary")) {
      control.parentElement.open = true;
      control.scrollIntoView({ block: "nearest" });
      control.parentElement.querySelector("input:not([type=hidden])")?.focus();
    } else if (control.matches("input")) control.focus();
    else control.click();
    return true;
  }

  function step(by) {
    const all = [...document.querySelectorAll(".variant")];
    const now = all.findIndex((one) => one.ariaCurrent);
    const next = all[(now + by + all.length) % all.length];
    next?.click();
    next?.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", press);
  addEventListener("resize", fit);
  addEventListener("popstate", () => visit(location.href, { push: false }));
  find("keys-on").checked = localStorage.getItem("keys") !== "off";
  const current = document.querySelector("#issues .is-current");
  if (current?.offsetTop > find("issues").clientHeight / 2) current.scrollIntoView();
  prepare();
  listen();
})();
