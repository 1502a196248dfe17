// How trade results are spread, and how far trades went against us and for us before they ended.

const DOTS_MAX = 4000;
const MEASURES = {
  r_multiple: { name: "R", say: "Result over the risk at entry.", text: (value) => `${fixed(value, 2)} R` },
  return_pct: { name: "Per cent", say: "Result in per cent of what was entered.", text: (value) => percent(value) },
  pnl: { name: run.currency, say: `Result in ${run.currency}, after costs.`, text: (value) => money(value) },
};

function spreadData(c, measure) {
  const { edges, counts, mean } = page.spread[measure];
  const middles = counts.map((_, i) => (edges[i] + edges[i + 1]) / 2);
  const { text } = MEASURES[measure];
  return {
    data: [
      {
        type: "bar",
        x: middles,
        y: counts,
        width: counts.map((_, i) => (edges[i + 1] - edges[i]) * 0.9),
        marker: { color: middles.map((x) => (x > 0 ? c.gain : c.loss)), opacity: 0.85 },
        customdata: counts.map((_, i) => `${text(edges[i])} to ${text(edges[i + 1])}`),
        hovertemplate: "%{y} trades<br>%{customdata}<extra></extra>",
      },
    ],
    layout: layout(c, {
      showlegend: false,
      bargap: 0,
      xaxis: axis(c, { title: titled(c, MEASURES[measure].name), fixedrange: true }),
      yaxis: axis(c, {
        title: titled(c, "Trades"),
        fixedrange: true,
        rangemode: "tozero",
        ...(Math.max(...counts) < 5 ? { dtick: 1 } : {}),
      }),
      shapes: [
        { type: "line", x0: mean, x1: mean, yref: "paper", y0: 0, y1: 1, line: { color: c.text, width: 1.2, dash: "dot" } },
      ],
      annotations: [
        {
          x: mean,
          yref: "paper",
          y: 1,
          xanchor: "left",
          yanchor: "top",
          showarrow: false,
          text: ` mean ${text(mean)}`,
          font: { color: c.quiet, size: 11 },
        },
      ],
    }),
  };
}

function showSpread() {
  const card = byId("spread");
  const measures = Object.keys(MEASURES).filter((name) => page.spread[name]);
  let [measure] = measures;
  const buttons = measures.map((name) =>
    el("button", { type: "button", "aria-pressed": `${name === measure}`, "data-measure": name }, MEASURES[name].name));
  const top = cardTop("Trade results", " ", ...buttons);
  card.append(top);
  if (!measures.length) {
    top.querySelector(".say").textContent = "How the results of trades are spread.";
    card.append(el("p", { class: "empty" }, "No trade was closed."));
    return;
  }
  const chart = draw(chartIn(card, "low", "Number of trades by result"), (c) => spreadData(c, measure));
  const say = () => {
    top.querySelector(".say").textContent = `${MEASURES[measure].say} The outer bars hold all beyond them.`;
  };
  say();
  top.addEventListener("click", (event) => {
    const wanted = event.target.dataset.measure;
    if (!wanted) return;
    measure = wanted;
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.measure === wanted));
    say();
    chart.again();
  });
}

function dots(c, name, places, symbol, color) {
  const t = page.trades;
  return {
    x: places.map((i) => Math.abs(t.mae_pct[i])),
    y: places.map((i) => t.mfe_pct[i]),
    customdata: places.map(exitText),
    mode: "markers",
    name,
    marker: { symbol, color, size: 7, opacity: 0.7, line: { color: c.card, width: 0.5 } },
    hovertemplate:
      "%{customdata}<br>worst %{x:.2f}%, best %{y:.2f}%<extra></extra>",
  };
}

function showExcursions() {
  const card = byId("excursions");
  const t = page.trades;
  let places = t.id.map((_, i) => i).filter((i) => t.mae_pct[i] !== null && t.mfe_pct[i] !== null);
  const step = Math.ceil(places.length / DOTS_MAX);
  const part = step > 1 ? ` One trade in ${step} is drawn.` : "";
  card.append(cardTop("Before the exit", `How far each trade went against us and for us.${part}`));
  if (!places.length) {
    card.append(el("p", { class: "empty" }, "No trade was closed."));
    return;
  }
  places = places.filter((_, i) => i % step === 0);
  draw(chartIn(card, "low", "Worst loss against best gain of each trade while it was open"), (c) => ({
    data: [
      dots(c, "Won", places.filter((i) => t.pnl[i] > 0), "circle", c.gain),
      dots(c, "Lost", places.filter((i) => !(t.pnl[i] > 0)), "x", c.loss),
    ],
    layout: layout(c, {
      hovermode: "closest",
      xaxis: axis(c, { title: titled(c, "Worst while open (MAE)"), ticksuffix: "%", rangemode: "tozero" }),
      yaxis: axis(c, { title: titled(c, "Best while open (MFE)"), ticksuffix: "%", rangemode: "tozero" }),
    }),
  }));
}
