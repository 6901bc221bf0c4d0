// The few drawings of the page, all on one grid and with one stroke.
import { html, svg, type SVGTemplateResult, type TemplateResult } from "lit";

const icon = (drawing: SVGTemplateResult): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${drawing}</svg>`;

export const icons = {
  up: icon(svg`<path d="M12 20V5M5.5 11 12 4.5l6.5 6.5"/>`),
  down: icon(svg`<path d="M12 4v15M5.5 13l6.5 6.5 6.5-6.5"/>`),
  plus: icon(svg`<path d="M12 5v14M5 12h14"/>`),
  pause: icon(svg`<path d="M9 5v14M15 5v14"/>`),
  play: icon(svg`<path d="M8 5.5v13l10.5-6.5z"/>`),
  camera: icon(svg`<path d="M4.5 7.5h3l1.5-2.5h6l1.5 2.5h3a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18V9a1.5 1.5 0 0 1 1.5-1.5z"/><circle cx="12" cy="13" r="3.5"/>`),
  note: icon(svg`<path d="M5 4.5h14v10l-5 5H5zM14 19.5v-5h5M8.5 9h7M8.5 12.5h4"/>`),
  copy: icon(svg`<rect x="8.5" y="8.5" width="11" height="11" rx="2"/><path d="M15.5 8.5v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2"/>`),
  retry: icon(svg`<path d="M4.5 12a7.5 7.5 0 1 1 2.2 5.3M4.5 19v-4.5H9"/>`),
  close: icon(svg`<path d="m6.5 6.5 11 11M17.5 6.5l-11 11"/>`),
  check: icon(svg`<path d="m5 12.5 4.6 4.6L19 7.4"/>`),
  lock: icon(svg`<rect x="5" y="10.5" width="14" height="9.5" rx="2.5"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5"/>`),
  warn: icon(svg`<path d="M12 4 2.8 19.5h18.4zM12 10v4.2M12 17v.1"/>`),
  folder: icon(svg`<path d="M3.5 7a2 2 0 0 1 2-2h4l2 2.5h7a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2z"/>`),
  pencil: icon(svg`<path d="m14.5 5.5 4 4L8 20H4v-4zM12.5 7.5l4 4"/>`),
  bin: icon(svg`<path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10.2 11v5M13.8 11v5"/>`),
  phone: icon(svg`<rect x="7" y="3" width="10" height="18" rx="2.5"/><path d="M11 18h2"/>`),
  tablet: icon(svg`<rect x="5" y="3" width="14" height="18" rx="2.5"/><path d="M11 18h2"/>`),
  laptop: icon(svg`<rect x="5" y="5" width="14" height="10" rx="1.5"/><path d="M2.5 19h19"/>`),
  computer: icon(svg`<rect x="3.5" y="4" width="17" height="11.5" rx="2"/><path d="M12 15.5V20M8.5 20h7"/>`),
  shield: icon(svg`<path d="M12 3.5 5 6v5.5c0 4.3 2.9 7.5 7 9 4.1-1.5 7-4.7 7-9V6zM9 12l2.2 2.2L15.2 10"/>`),
  image: icon(svg`<rect x="4" y="5" width="16" height="14" rx="2.5"/><circle cx="9" cy="10" r="1.5"/><path d="m5 17 4.5-4 3 2.5L15.5 12l4 4"/>`),
  video: icon(svg`<rect x="3.5" y="6.5" width="11.5" height="11" rx="2.5"/><path d="m15 11 5.5-3v8L15 13z"/>`),
  sound: icon(svg`<path d="M9 17.5V6l10-2v11.5"/><circle cx="6.5" cy="17.5" r="2.5"/><circle cx="16.5" cy="15.5" r="2.5"/>`),
  home: icon(svg`<path d="M4 11.5 12 4.5l8 7M6 10v9.5h12V10M10 19.5V14h4v5.5"/>`),
  globe: icon(svg`<circle cx="12" cy="12" r="8.5"/><path d="M3.5 12h17M12 3.5c5 5 5 12 0 17M12 3.5c-5 5-5 12 0 17"/>`),
  file: icon(svg`<path d="M7 3.5h6.5L18.5 8.5V18.5a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-13a2 2 0 0 1 2-2zM13 3.5V9h5.5"/>`),
} as const;

/** The mark: three corners of a code, and an arrow that lands where the fourth would be. */
export const mark = html`<svg class="mark" viewBox="0 0 40 40" aria-hidden="true">
  <rect class="mark-ground" width="40" height="40" rx="11"/>
  <g class="mark-ink"><rect x="8.5" y="8.5" width="9.5" height="9.5" rx="2.8"/><rect x="22" y="8.5" width="9.5" height="9.5" rx="2.8"/><rect x="8.5" y="22" width="9.5" height="9.5" rx="2.8"/></g>
  <path class="mark-line" d="M26.8 22v8.2m-4-3.7 4 4 4-4"/>
</svg>`;

/** The tray that everything lands in; `is-full` on its element lets the cards sink in. */
export const tray = html`<svg class="tray" viewBox="0 0 240 150" aria-hidden="true">
  <g class="tray-cards">
    <g class="tray-card tray-back"><rect x="58" y="34" width="62" height="76" rx="9" transform="rotate(-11 89 72)"/></g>
    <g class="tray-card tray-side"><rect x="122" y="36" width="60" height="74" rx="9" transform="rotate(10 152 73)"/><path d="M136 58h32M135 70h32M134 82h20" transform="rotate(10 152 73)"/></g>
    <g class="tray-card tray-front"><rect x="84" y="18" width="72" height="90" rx="10"/><circle cx="104" cy="41" r="7"/><path d="M91 88 109 66l14 14 9-8 17 16"/></g>
  </g>
  <path class="tray-box" d="M34 84h44c4 0 7 2 9 6l3 6c2 4 5 6 9 6h42c4 0 7-2 9-6l3-6c2-4 5-6 9-6h44v38a18 18 0 0 1-18 18H52a18 18 0 0 1-18-18z"/>
</svg>`;

/** The tray again, small enough to stand in a line of text; its card moves when something lands. */
export const landing = html`<svg class="landing" viewBox="0 0 40 40" aria-hidden="true">
  <g class="landing-card"><rect x="12" y="6" width="16" height="20" rx="3"/></g>
  <path class="landing-tray" d="M4 20h9c1.5 0 2 1 3 2.5s2 2.5 4 2.5 3-1 4-2.5 1.5-2.5 3-2.5h9v11a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4z"/>
</svg>`;
