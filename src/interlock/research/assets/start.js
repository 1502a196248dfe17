// One part that cannot be drawn must not take the others with it, and must not look empty either.

const PARTS = {
  head: showHead,
  figures: showFigures,
  notes: showNotes,
  equity: showEquity,
  price: showPrice,
  exits: showExits,
  refusals: showRefusals,
  latches: showLatches,
  costs: showCosts,
  months: showMonths,
  spread: showSpread,
  excursions: showExcursions,
  trades: showTrades,
  foot: showFoot,
};

for (const [id, show] of Object.entries(PARTS)) {
  try {
    show();
  } catch (error) {
    console.error(id, error);
    const text = `This part could not be drawn (${error.message}). The files beside the report hold its numbers.`;
    byId(id).append(el("p", { class: "warning" }, text));
  }
}
