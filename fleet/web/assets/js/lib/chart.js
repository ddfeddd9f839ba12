// The charge of one device over a day or a week. Gaps are gaps; charging is shaded.
import uPlot from "uplot";

const HEIGHT = 260;

export function startChart(element) {
  let plot;
  const buttons = document.querySelectorAll("[data-span]");
  const show = async (span) => {
    const answer = await fetch(`${element.dataset.chart}?span=${span}`);
    if (!answer.ok) throw new Error(`chart: ${answer.status}`);
    const data = await answer.json();
    plot?.destroy();
    element.replaceChildren();
    if (!data.at.length) {
      element.textContent = "No readings in this time.";
      return;
    }
    plot = new uPlot(options(element, data), columns(data), element);
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.span === span));
    }
  };
  const draw = (span) => show(span).catch(() => (element.textContent = "The chart did not load."));
  for (const button of buttons) button.addEventListener("click", () => draw(button.dataset.span));
  addEventListener("resize", () => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
  draw("day");
}

const columns = (data) => [data.at, data.high, data.low, data.mean, shade(data)];
const shade = (data) => data.charging.map((charging) => (charging ? 100 : null));
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(element, data) {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 } };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.timezone),
    scales: { x: { min: data.since, max: data.until }, y: { range: [0, 100] } },
    axes: [axis, { ...axis, values: (_plot, ticks) => ticks.map((tick) => `${tick} %`) }],
    bands: [{ series: [1, 2], fill: `${colour("--take")}33` }],
    series: [
      {},
      { label: "most", stroke: "transparent", points: { show: false } },
      { label: "least", stroke: "transparent", points: { show: false } },
      { label: "charge %", stroke: colour("--take"), width: 2, points: { show: false } },
      { label: "charging", fill: `${colour("--charging")}22`, stroke: "transparent", points: { show: false } },
    ],
  };
}
