// Stands in for window.Worker before the page's own script runs: keeps what the page asks, says what the test wants said.
(() => {
  const workers = [];
  const answers = {};
  class FakeWorker {
    constructor() {
      this.onmessage = null;
      this.posted = [];
      workers.push(this);
    }
    postMessage(command) {
      this.posted.push(command);
      if (command.t !== "ask") return;
      const facts = answers[command.verb.t];
      if (facts) this.say({ t: facts.t === "refuse" ? "refuse" : "answer", id: command.id, facts, ...(facts.t === "refuse" ? facts : {}) });
    }
    terminate() {
      this.isOver = true;
    }
    say(update) {
      queueMicrotask(() => this.onmessage?.({ data: update }));
    }
  }
  window.Worker = FakeWorker;
  window.fake = {
    workers,
    answers,
    say: (updates, which = 0) => updates.forEach((update) => workers[which].say(update)),
    posted: (which = 0) => workers[which].posted.map(({ t, ...rest }) => ({ t, ...(t === "send" ? { picked: rest.picked.map((p) => p.path) } : rest) })),
  };
})();
