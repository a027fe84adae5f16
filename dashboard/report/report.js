"use strict";
// The drawing program and the figures stand in this file compressed; nothing is fetched.
const PRINTED_WIDTH = 680; // pixels: what fits between the margins of an A4 sheet
const LOOK = {
  layout: {
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: "#16242b" },
    paper_bgcolor: "#ffffff",
    plot_bgcolor: "#ffffff",
    xaxis: { gridcolor: "#e3e9eb", zerolinecolor: "#c3ced2", automargin: true },
    yaxis: { gridcolor: "#e3e9eb", zerolinecolor: "#c3ced2", automargin: true },
  },
};
const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d"] };

async function unpack(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// Lays the page out at a width, or at its own again, with every picture as wide as its place in it.
function fit(width) {
  document.body.style.width = width ? `${width}px` : "";
  for (const picture of document.querySelectorAll(".js-plotly-plot")) Plotly.Plots.resize(picture);
}

async function draw() {
  const program = document.createElement("script");
  program.textContent = await unpack("plotly");
  document.head.append(program);
  const figures = JSON.parse(await unpack("figures"));
  for (const [number, figure] of figures.entries()) {
    const layout = { ...figure.layout, template: LOOK };
    await Plotly.newPlot(`picture-${number}`, figure.data, layout, CONFIG);
  }
  // A picture that was folded away had no width when it was drawn.
  addEventListener("toggle", (event) => event.target.open && fit(null), true);
  addEventListener("beforeprint", () => fit(PRINTED_WIDTH));
  addEventListener("afterprint", () => fit(null));
  document.documentElement.dataset.drawn = figures.length;
}

draw();
