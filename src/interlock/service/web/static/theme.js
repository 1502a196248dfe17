// Runs before anything is drawn, so that nobody is dazzled: the chosen colours, if any were chosen.
"use strict";
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; the system's own choice holds then.
}
