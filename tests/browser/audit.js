// What a careful eye and a screen reader would find fault with: contrast (WCAG 2.2 AA), small print, small targets, missing names.
() => {
  const wrong = [];
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1), (pen.fillStyle = colour), pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const linear = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      const colour = rgba(style.backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1 || at.matches("dialog")) break;
    }
    let ground = layers.at(-1)?.[3] === 1 ? layers.pop() : rgba(getComputedStyle(document.body).backgroundColor);
    while (layers.length > 0) ground = over(layers.pop(), ground);
    return ground;
  };
  const root = document.querySelector("dialog[open]") ?? document.body;
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let text = walk.nextNode(); text; text = walk.nextNode()) {
    const element = text.parentElement;
    if (text.data.trim() === "" || element.closest(".heard-only, noscript, script, style, .over, :disabled, [aria-hidden=true]")) continue;
    const box = element.getBoundingClientRect();
    if (box.width === 0 || !element.checkVisibility({ opacityProperty: true })) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    let ink = over(rgba(style.color), ground);
    let see = 1;
    for (let at = element; at; at = at.parentElement) see *= Number(getComputedStyle(at).opacity);
    if (see < 1) ink = over([...ink.slice(0, 3), see], ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const px = parseFloat(style.fontSize);
    const isLarge = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
    const said = text.data.trim().slice(0, 40);
    if (ratio < (isLarge ? 3 : 4.5)) wrong.push(`“${said}” has a contrast of ${ratio.toFixed(2)}`);
    if (px < 12) wrong.push(`“${said}” is ${px} px`);
  }
  for (const field of root.querySelectorAll("input:not([type=file]), textarea, select")) {
    if (!field.labels?.length && !field.ariaLabel && !field.getAttribute("aria-labelledby")) wrong.push(`a field without a name: ${field.outerHTML.slice(0, 80)}`);
  }
  for (const part of document.querySelectorAll("[role=progressbar], [role=group], [role=img], nav, dialog[open]")) {
    if (!part.ariaLabel && !part.getAttribute("aria-labelledby")) wrong.push(`a part without a name: ${part.outerHTML.slice(0, 80)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of new Set(ids.filter((id, n) => ids.indexOf(id) !== n))) wrong.push(`two are #${id}`);
  for (const target of root.querySelectorAll("button[aria-label], a[href][aria-label], summary[aria-label]")) {
    // Who speaks to a device says what is seen (WCAG 2.5.3, Label in Name).
    const seen = target.innerText.replace(/\s+/gu, " ").trim();
    if (seen !== "" && !target.ariaLabel.toLowerCase().startsWith(seen.toLowerCase())) wrong.push(`“${seen.slice(0, 40)}” is called “${target.ariaLabel.slice(0, 60)}”`);
  }
  let level = 0;
  for (const heading of root.querySelectorAll("h1, h2, h3, h4")) {
    if (heading.getBoundingClientRect().width === 0) continue;
    const now = Number(heading.tagName[1]);
    if (level > 0 && now > level + 1) wrong.push(`h${level} is followed by h${now}: ${heading.textContent.trim()}`);
    level = now;
  }
  for (const target of root.querySelectorAll("button, a[href], summary, input:not([type=file]), textarea, select")) {
    const box = target.getBoundingClientRect();
    // A link within a sentence is as high as its line (WCAG 2.5.8 excepts it).
    if (box.width === 0 || target.closest("[aria-hidden=true]") || target.closest("p")?.matches(":has(> a)")) continue;
    const { width, height } = (target.matches("[type=checkbox], [type=radio]") && target.closest("label")?.getBoundingClientRect()) || box;
    const around = getComputedStyle(target, "::after");
    const reach = around.position === "absolute" ? -2 * Math.min(0, parseFloat(around.top) || 0) : 0;
    const name = (target.ariaLabel || target.textContent).trim().slice(0, 40);
    if (width + reach < 43.5 || height + reach < 43.5) wrong.push(`${name}: ${Math.round(width)} × ${Math.round(height)} px`);
  }
  return wrong;
}
