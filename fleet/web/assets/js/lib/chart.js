// The charge of one device, from a day to a year. Gaps are gaps; charging is shaded; the band shows
// the least and the most of each five minutes, from a week on of each hour, over a year of each day.
// A stretch that is drawn over with the mouse, or chosen with the buttons, is asked for anew.
import uPlot from "uplot";

const HEIGHT = 260;
const POINT_PX = 5;

export function startChart(element) {
  let plot;
  let shown = { since: 0, until: 0 };
  let asked = 0;
  const buttons = document.querySelectorAll("[data-span]");
  const show = async (words, span) => {
    const turn = ++asked;
    const answer = await fetch(`${element.dataset.chart}?${new URLSearchParams(words)}`);
    if (!answer.ok) throw new Error(`chart: ${answer.status}`);
    const data = await answer.json();
    if (turn !== asked) return; // a later question is on its way
    shown = data;
    element.dataset.since = data.since;
    element.dataset.until = data.until;
    plot?.destroy();
    element.replaceChildren();
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.span === span));
    }
    if (data.at.length) plot = new uPlot(options(element, data, stretch), columns(data), element);
    else element.textContent = "No readings in this time.";
  };
  const failed = () => (element.textContent = "The chart did not load.");
  const draw = (span) => show({ span }, span).catch(failed);
  const stretch = (since, until) =>
    show({ since: Math.max(Math.round(since), 0), until: Math.round(until) }).catch(failed);
  for (const button of buttons) button.addEventListener("click", () => draw(button.dataset.span));
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => stretch(...moved(button.dataset.zoom, shown)));
  }
  addEventListener("resize", () => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
  draw("day");
}

// Where a button leads from what is shown: by half of it, or to half or twice of it.
function moved(how, { since, until }) {
  const half = (until - since) / 2;
  if (how === "earlier") return [since - half, until - half];
  if (how === "later") return [since + half, until + half];
  const grown = how === "in" ? -half / 2 : half;
  return [since - grown, until + grown];
}

const columns = (data) => [data.at, data.high, data.low, data.mean, shade(data)];
const shade = (data) => data.charging.map((charging) => (charging ? 100 : null));
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(element, data, stretch) {
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 } };
  const percent = (_plot, value) => (value === null || value === undefined ? "–" : `${value} %`);
  const edge = { stroke: "transparent", points: { show: false } };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), data.timezone),
    cursor: { drag: { x: true, y: false, setScale: false } },
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width > 4) stretch(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
        },
      ],
    },
    scales: { x: { min: data.since, max: data.until }, y: { range: [0, 100] } },
    axes: [
      { ...axis, values: hours },
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => `${tick} %`) },
    ],
    bands: [{ series: [1, 2], fill: `${colour("--take")}33` }],
    series: [
      { label: "time", value: "{WWW} {D} {MMM} {HH}:{mm}" },
      { ...edge, label: "most" },
      { ...edge, label: "least" },
      { label: "charge", value: percent, stroke: colour("--take"), width: 2, points: lone(data) },
      {
        ...edge,
        label: "charging",
        fill: `${colour("--charging")}2b`,
        value: (_plot, value) => (value ? "yes" : "no"),
      },
    ],
  };
}

// A reading with silence on both sides has no line to lie on: it is drawn as a point.
function lone({ mean }) {
  const alone = [...mean.keys()].filter(
    (i) => mean[i] !== null && (mean[i - 1] ?? null) === null && (mean[i + 1] ?? null) === null,
  );
  return { show: alone.length > 0, size: POINT_PX, filter: () => alone };
}

// The day's clock in 24 hours, with the date where a day begins, and the year where that does.
const hours = [
  [86400, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [3600, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
];
