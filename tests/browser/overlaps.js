// What lies over something else that is to be read or tapped, and what nobody can scroll to.
() => {
  // What stays in place while the rest scrolls beneath it lies over that by intent.
  const root = document.querySelector("dialog[open]") ?? document.body;
  const floats = (one) => {
    for (let at = one; at !== root; at = at.parentElement) if (/fixed|sticky/.test(getComputedStyle(at).position)) return true;
    return false;
  };
  const shown = (one) => {
    let { left, top, right, bottom } = one.getBoundingClientRect();
    for (let at = one.parentElement; at && at !== document.body; at = at.parentElement) {
      if (getComputedStyle(at).overflowY === "visible") continue;
      const edge = at.getBoundingClientRect();
      [left, top] = [Math.max(left, edge.left), Math.max(top, edge.top)];
      [right, bottom] = [Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
    }
    return { left, top, right, bottom };
  };
  const all = [...root.querySelectorAll("h1, h2, p, b, button, summary, label, .hero-picture, .hero-number, .row-note, .name, code")]
    .filter((one) => one.checkVisibility({ opacityProperty: true }) && !one.closest(".heard-only, .over, [aria-hidden=true]") && !floats(one));
  const boxes = all.map(shown);
  const wrong = [];
  for (const [n, one] of all.entries()) for (let m = n + 1; m < all.length; m += 1) {
    const other = all[m];
    if (one.contains(other) || other.contains(one)) continue;
    const [a, b] = [boxes[n], boxes[m]];
    const [wide, high] = [Math.min(a.right, b.right) - Math.max(a.left, b.left), Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
    const said = (it) => (it.textContent.trim() || it.className).slice(0, 30);
    if (wide > 4 && high > 4) wrong.push(`“${said(one)}” and “${said(other)}”`);
  }
  const { scrollHeight, scrollTop } = document.scrollingElement;
  const top = Math.min(...boxes.map(({ top }) => top)) + scrollTop;
  if (root === document.body && top < 0) wrong.push(`${-top} px are above the page, where nobody gets`);
  const low = Math.max(...boxes.map(({ bottom }) => bottom)) + scrollTop;
  if (root === document.body && low > scrollHeight + 1) wrong.push(`${low - scrollHeight} px are beneath the page`);
  return wrong;
}
