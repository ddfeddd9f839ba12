// Zones drawn on a floor plan: each point on the picture is a corner of the zone whose field has
// the focus last. What is sent is what stands in the fields.
const SVG = "http://www.w3.org/2000/svg";

export function startDrawing(figure) {
  const surface = figure.querySelector("svg");
  const fields = [...document.querySelectorAll("[data-corners]")];
  let chosen = fields[0];
  for (const field of fields) {
    field.addEventListener("focus", () => (chosen = field));
    field.addEventListener("input", () => draw(surface, field));
  }
  figure.addEventListener("click", (event) => {
    if (!chosen) return;
    const box = figure.querySelector("img").getBoundingClientRect();
    const across = percent(event.clientX - box.left, box.width);
    const down = percent(event.clientY - box.top, box.height);
    chosen.value = `${chosen.value.trim()} ${across},${down}`.trim();
    draw(surface, chosen);
  });
}

const percent = (part, whole) => Math.min(Math.max(Math.round((1000 * part) / whole) / 10, 0), 100);

function draw(surface, field) {
  const code = field.dataset.corners;
  let shape = [...surface.querySelectorAll("polygon")].find((each) => each.dataset.zone === code);
  if (!shape) {
    shape = document.createElementNS(SVG, "polygon");
    shape.dataset.zone = code;
    surface.append(shape);
  }
  const corners = field.value.trim().split(/\s+/).map((corner) => corner.split(",").map(Number));
  if (corners.some((corner) => corner.length !== 2 || corner.some(Number.isNaN))) return;
  const [[left, top], [right, bottom] = []] = corners;
  const points = corners.length === 2 ? [[left, top], [right, top], [right, bottom], [left, bottom]] : corners;
  shape.setAttribute("points", points.map((point) => point.join(",")).join(" "));
}
