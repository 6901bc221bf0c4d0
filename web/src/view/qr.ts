// A QR as one SVG path, always dark on white whatever the scheme: some scanners do not read it the other way round.
import { svg, html, type TemplateResult } from "lit";
import { encode } from "uqr";

/** Quiet zone in modules; ISO/IEC 18004 asks for 4, the white card around it gives the rest. */
const MARGIN = 2;

/** Path data with one run per row of dark modules, and the side of the square it fills. */
export function qrPath(text: string): { readonly path: string; readonly side: number } {
  // The lowest correction that fits: larger modules are read from further away, and a screen has no scratches.
  const { data, size } = encode(text, { ecc: "L", boostEcc: true, border: 0 });
  let path = "";
  data.forEach((row, y) => {
    for (let x = 0; x < size; x += 1) {
      if (!row[x]) continue;
      let end = x + 1;
      while (end < size && row[end]) end += 1;
      path += `M${x + MARGIN} ${y + MARGIN}h${end - x}v1h${x - end}z`;
      x = end;
    }
  });
  return { path, side: size + 2 * MARGIN };
}

/** `label` is what a person who cannot see it is told. */
export function qrCode(text: string, label: string): TemplateResult {
  const { path, side } = qrPath(text);
  const squares = svg`<path d=${path} fill="#000"></path>`;
  return html`<svg class="qr-code" viewBox="0 0 ${side} ${side}" role="img" aria-label=${label} shape-rendering="crispEdges">${squares}</svg>`;
}
