// Bundles the front end: every js/*.js and css/*.css beside this file is an entry point and
// becomes static/dist/NAME-HASH.js or .css, and static/icon.svg the icons of an app. The hash lets browsers keep a file for ever;
// manifest.json tells the templates its present name: {"board.js": "board-3F2A9C1B.js", ...}.
import { createHash } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { icons } from "./icons.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "..", "static", "dist");

async function entries(folder, extension) {
  const names = await readdir(join(here, folder)).catch(() => []);
  return names.filter((name) => name.endsWith(extension)).map((name) => join(here, folder, name));
}

const result = await build({
  entryPoints: [...(await entries("js", ".js")), ...(await entries("css", ".css"))],
  outdir: dist,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome109", "firefox115", "safari16"],
  legalComments: "linked",
  loader: { ".svg": "file", ".woff2": "file" },
  metafile: true,
  write: false, // all or nothing: a failed build leaves the last good one in place
});

const manifest = {};
for (const [output, { entryPoint }] of Object.entries(result.metafile.outputs)) {
  if (entryPoint) manifest[basename(entryPoint)] = basename(output);
}

const files = result.outputFiles.map((file) => [basename(file.path), file.contents]);
for (const { name, contents } of await icons(join(here, "..", "static"))) {
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 8).toUpperCase();
  manifest[name] = name.replace(".png", `-${hash}.png`);
  files.push([manifest[name], contents]);
}

await mkdir(dist, { recursive: true });
const fresh = new Set(files.map(([name]) => name));
for (const [name, contents] of files) await writeFile(join(dist, name), contents);
await writeFile(join(dist, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
for (const name of await readdir(dist)) {
  if (name !== "manifest.json" && !fresh.has(name)) await rm(join(dist, name), { recursive: true });
}
console.log(`front end: ${Object.values(manifest).join(", ") || "nothing to build yet"}`);
