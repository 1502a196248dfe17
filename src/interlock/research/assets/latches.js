// Latches over time: what stopped or warned, how hard, for how long, and who released it.

const LEVELS = ["WARNED", "REDUCED", "PAUSED", "HALTED", "KILLED"];
const LANE_HEIGHT = 30;
const AXIS_HEIGHT = 56;

function levelColours(c) {
  return {
    WARNED: faded(c.benchmark, 0.8),
    REDUCED: faded(c.accent, 0.75),
    PAUSED: c.stopped,
    HALTED: c.loss,
    KILLED: c.text,
  };
}

function latchText(row) {
  const who = row.released_by ? `released by ${row.released_by}` : "still set at the end";
  const what = row.subject === null ? words(row.scope) : `${words(row.scope)} ${row.subject}`;
  return (
    `${plain(words(row.cause))}: ${plain(words(row.level).toLowerCase())}<br>${plain(what)}` +
    `<br>${moment(row.from_ms)} to ${moment(row.to_ms)}` +
    `<br>${duration(row.seconds)}, ${plain(who)}`
  );
}

/** One trace per level: a thick line per latch, and a mark at its start that a short one keeps. */
function latchTraces(c) {
  const colour = levelColours(c);
  return LEVELS.flatMap((level) => {
    const rows = page.latches.rows.filter((row) => row.level === level);
    if (!rows.length) return [];
    const lanes = rows.map((row) => words(row.cause));
    const look = { color: colour[level], line: { width: 2, color: colour[level] } };
    return [
      {
        x: rows.flatMap((row) => [row.from_ms, row.to_ms, null]),
        y: lanes.flatMap((lane) => [lane, lane, null]),
        mode: "lines",
        name: words(level),
        line: { color: colour[level], width: 11 },
        hoverinfo: "skip",
      },
      {
        x: rows.map((row) => row.from_ms),
        y: lanes,
        mode: "markers",
        showlegend: false,
        marker: { symbol: "line-ns", size: 7, ...look },
        customdata: rows.map(latchText),
        hovertemplate: "%{customdata}<extra></extra>",
      },
      {
        x: rows.map((row) => (row.from_ms + row.to_ms) / 2),
        y: lanes,
        mode: "markers",
        showlegend: false,
        marker: { symbol: "square", size: 11, color: "rgba(0,0,0,0)" },
        customdata: rows.map(latchText),
        hovertemplate: "%{customdata}<extra></extra>",
      },
    ];
  });
}

function latchTable() {
  const columns = [
    ["Cause", "words"], ["Level", "words"], ["Set"], ["Time set"], ["Longest"],
    ["Released by operator"], ["Time until then"], ["Still set"],
  ];
  const none = (value, text) => (value ? text : NOTHING);
  return table(
    columns,
    page.latches.causes.map((row) => [
      words(row.cause),
      words(row.level),
      count(row.count),
      duration(row.seconds),
      duration(row.longest_s),
      none(row.operator_count, count(row.operator_count)),
      none(row.operator_count, duration(row.operator_s)),
      none(row.still_set, count(row.still_set)),
    ]),
  );
}

function showLatches() {
  const card = byId("latches");
  const { rows, total } = page.latches;
  const part = rows.length < total ? ` The ${count(rows.length)} longest of ${count(total)} are drawn.` : "";
  card.append(cardTop("Latches", `When a breaker or a limit warned, shrank, paused or halted.${part}`));
  if (!total) {
    card.append(el("p", { class: "empty" }, "No latch was set."));
    return;
  }
  const lanes = [...new Set(page.latches.causes.map((row) => words(row.cause)))].reverse();
  const place = chartIn(card, "", "Latches over time, one lane per cause");
  place.style.height = `${AXIS_HEIGHT + LANE_HEIGHT * (lanes.length + 1)}px`;
  draw(place, (c) => ({
    data: latchTraces(c),
    layout: layout(c, {
      hovermode: "closest",
      showlegend: true,
      xaxis: axis(c, { type: "date", range: [run.first_ms, run.last_ms] }),
      yaxis: axis(c, {
        type: "category",
        categoryorder: "array",
        categoryarray: lanes,
        range: [-0.6, lanes.length - 0.4],
        fixedrange: true,
        tickfont: { color: c.text, size: 12 },
      }),
    }),
  }));
  card.append(latchTable());
}
