// Looks after every change whether the page keeps its contract, and remembers each breach once.
(() => {
  const STATES = ["waiting", "sending", "paused", "done", "failed"];
  const watch = { breaches: [], looks: 0, states: [] };
  let done = 0;
  let total = 0;
  const breach = (what) => watch.breaches.includes(what) || watch.breaches.push(what);
  const look = () => {
    watch.looks += 1;
    const all = document.querySelectorAll('[role="status"]');
    if (all.length !== 1) return breach(`${all.length} elements with role=status`);
    const now = ["total", "done", "failed"].map((name) => all[0].dataset[name]);
    if (!now.every((text) => /^\d+$/.test(text ?? ""))) return breach(`counts are ${JSON.stringify({ ...all[0].dataset })}`);
    const [nowTotal, nowDone, nowFailed] = now.map(Number);
    if (nowDone + nowFailed > nowTotal) breach(`${nowDone} done and ${nowFailed} failed of ${nowTotal}`);
    if (nowDone < done) breach(`done went from ${done} back to ${nowDone}`);
    if (nowTotal < total) breach(`total went from ${total} back to ${nowTotal}`);
    [done, total] = [nowDone, nowTotal];
    const rows = [...document.querySelectorAll("[data-item]")];
    for (const row of rows) {
      if (row.dataset.item === "") breach("an item without a name");
      if (!STATES.includes(row.dataset.state)) breach(`state ${row.dataset.state}`);
      if (!watch.states.includes(row.dataset.state)) watch.states.push(row.dataset.state);
    }
    const shownDone = rows.filter((row) => row.dataset.state === "done").length;
    if (shownDone > nowDone) breach(`${shownDone} rows are done, ${nowDone} counted`);
    if (rows.length === nowTotal && shownDone !== nowDone) breach(`all rows shown, ${shownDone} done, ${nowDone} counted`);
    if (document.querySelectorAll("input#files[type=file][multiple]").length !== 1) breach("no picker");
  };
  // Its elements draw one after the other in microtasks; what anybody can see comes after them.
  const channel = new MessageChannel();
  channel.port1.onmessage = look;
  look();
  new MutationObserver(() => channel.port2.postMessage(null)).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  window.contract = watch;
})();
