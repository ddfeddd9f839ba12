// The app's icons for home screens, drawn from our own static/icon.svg. A maskable one fills its
// square, because the system cuts it: all of the drawing lies within the circle that always stays.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Resvg, initWasm } from "@resvg/resvg-wasm";

const SIZES = [
  ["icon-180.png", 180, "filled"], // Apple rounds the corners itself
  ["icon-192.png", 192, "as it is"],
  ["icon-512.png", 512, "as it is"],
  ["icon-maskable-512.png", 512, "maskable"],
];

export async function icons(folder) {
  const drawing = await readFile(join(folder, "icon.svg"), "utf8");
  const require = createRequire(import.meta.url);
  await initWasm(await readFile(require.resolve("@resvg/resvg-wasm/index_bg.wasm")));
  return SIZES.map(([name, width, how]) => {
    const resvg = new Resvg(shaped(drawing, how), { fitTo: { mode: "width", value: width } });
    return { name, contents: resvg.render().asPng() };
  });
}

function shaped(drawing, how) {
  if (how === "as it is") return drawing;
  const square = drawing.replace(/(<rect [^>]*?) rx="[^"]*"/, "$1");
  if (square === drawing) throw new Error("icon.svg: its ground is no rounded rectangle any more");
  if (how === "filled") return square;
  const [ground] = square.match(/<rect [^>]*>/);
  const smaller = '<g transform="translate(3.2 3.2) scale(0.8)">';
  return square.replace(ground, `${ground}${smaller}`).replace("</svg>", "</g></svg>");
}
