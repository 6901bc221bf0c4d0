// Builds the page: src/ → dist/index.html and dist/assets/ with hashed names, and dist/build.json, which says from what.
//
// - src/page.ts and src/worker.ts are the two entries. page.ts starts the worker with
//     new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })
//   and the build puts the hashed name there.
// - All of src/view/*.css becomes one sheet, tokens.css first, the others by name.
// - src/index.html names them as ./page.ts and ./view.css; any other "./file" in it is copied under a hashed name.
// - src/service-worker.ts becomes dist/sw.js: one file under a name that stays, because browsers know it by its address.
// - An import() in either entry becomes a file of its own that is loaded when it is needed.
//
// dist/ appears whole or not at all: it is built beside its place and renamed.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
const source = join(root, "src");
const target = join(root, "dist");
const WORKER = /new URL\(\s*"\.\/worker\.ts"\s*,\s*import\.meta\.url\s*\)/;
// Phones that still get security updates; Safari 16.4 is the oldest of them (iOS 16).
const browsers = ["es2022", "safari16.4", "chrome111", "firefox115"];
const inputs = ["package.json", "package-lock.json", "tsconfig.json", "build.mjs"];

/** Hash of everything the built page depends on; hatch_build.py computes the same to know whether to build. */
export function sourceHash() {
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));
  const hash = createHash("sha256");
  for (const name of [...files, ...inputs].sort()) {
    const content = readFileSync(join(root, name));
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

function common(folder) {
  return {
    bundle: true,
    format: "esm",
    splitting: true,
    minify: true,
    legalComments: "none", // the licences stand in assets/licenses.txt, whole
    metafile: true,
    outdir: join(folder, "assets"),
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    assetNames: "[name]-[hash]",
    target: browsers,
    loader: { ".svg": "file", ".woff2": "file" },
    logLevel: "warning",
    absWorkingDir: root,
  };
}

/** The built file that came from `entry`, by its name in assets/. */
function outputOf(result, entry) {
  const found = Object.entries(result.metafile.outputs).find(([, facts]) => facts.entryPoint === entry);
  if (!found) throw new Error(`${entry} gave no output.`);
  return found[0].split("/").at(-1);
}

/** Puts the worker's hashed name into page.ts, which cannot know it. */
function workerName(name) {
  return {
    name: "worker-name",
    setup(builder) {
      builder.onLoad({ filter: /[/\\]src[/\\]page\.ts$/ }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        if (!WORKER.test(text)) {
          return { errors: [{ text: 'It does not start its worker with new URL("./worker.ts", import.meta.url).' }] };
        }
        return { contents: text.replace(WORKER, `new URL("./${name}", import.meta.url)`), loader: "ts" };
      });
    },
  };
}

async function styles(folder) {
  const rank = (name) => (name === "tokens.css" ? "" : name);
  const sheets = readdirSync(join(source, "view"))
    .filter((name) => name.endsWith(".css"))
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const contents = sheets.map((name) => `@import "./${name}";`).join("\n");
  const { splitting, ...options } = common(folder);
  const stdin = { contents, loader: "css", resolveDir: join(source, "view"), sourcefile: "view.css" };
  const result = await build({ ...options, stdin, entryNames: "view-[hash]" });
  const name = Object.keys(result.metafile.outputs).find((path) => path.endsWith(".css"));
  if (!name) throw new Error("src/view holds no style sheet.");
  return name.split("/").at(-1);
}

async function serviceWorker(folder) {
  const { splitting, outdir, entryNames, ...options } = common(folder);
  await build({ ...options, entryPoints: ["src/service-worker.ts"], format: "iife", outfile: join(folder, "sw.js") });
}

/** index.html with the built names in place of the source names. */
async function html(folder, page, sheet) {
  const text = await readFile(join(source, "index.html"), "utf8");
  const named = { "./page.ts": page, "./view.css": sheet };
  const copies = [];
  const result = text.replace(/\b(src|href)="(\.\/[^"]+)"/g, (_, attribute, path) => {
    let name = named[path];
    if (!name) {
      const content = readFileSync(join(source, path));
      const end = extname(path);
      const hash = createHash("sha256").update(content).digest("hex").slice(0, 8);
      name = `${path.split("/").at(-1).slice(0, -end.length)}-${hash}${end}`;
      copies.push(writeFile(join(folder, "assets", name), content));
    }
    return `${attribute}="/assets/${name}"`;
  });
  for (const path of Object.keys(named)) {
    if (!text.includes(`"${path}"`)) throw new Error(`src/index.html does not name ${path}.`);
  }
  await Promise.all([...copies, writeFile(join(folder, "index.html"), result)]);
}

/** The licence of every package whose code is in the page: MIT and ISC ask for it beside the copy. */
function licenses(...results) {
  const packages = new Set();
  for (const path of results.flatMap((result) => Object.keys(result.metafile.inputs))) {
    const name = path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1];
    if (name) packages.add(name);
  }
  return [...packages].sort().map((name) => {
    const folder = join(root, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), "utf8").trim() : ""}\n`;
  });
}

async function buildPage() {
  const hash = sourceHash();
  const fresh = `${target}.${process.pid}`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(join(fresh, "assets"), { recursive: true });
  try {
    const worker = await build({ ...common(fresh), entryPoints: ["src/worker.ts"] });
    const page = await build({
      ...common(fresh),
      entryPoints: ["src/page.ts"],
      plugins: [workerName(outputOf(worker, "src/worker.ts"))],
    });
    await serviceWorker(fresh);
    await html(fresh, outputOf(page, "src/page.ts"), await styles(fresh));
    await writeFile(join(fresh, "assets", "licenses.txt"), licenses(page, worker).join(`\n${"-".repeat(80)}\n\n`));
    await writeFile(join(fresh, "build.json"), `${JSON.stringify({ sources: hash })}\n`);
    const old = `${fresh}.old`;
    if (existsSync(target)) await rename(target, old);
    await rename(fresh, target);
    await rm(old, { recursive: true, force: true });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await buildPage();
  } catch (problem) {
    // esbuild has printed its own errors with their places already.
    console.error(problem.errors ? "" : String(problem.message ?? problem));
    process.exitCode = 1;
  }
}
