// Light or dark before the first paint: as the system has it, or as was chosen here before.
"use strict";
(() => {
  const choices = ["auto", "light", "dark"];
  const signs = { auto: "◐", light: "☀", dark: "☾" };
  let theme = "auto";
  try {
    const kept = localStorage.getItem("alhost-theme");
    theme = choices.includes(kept) ? kept : "auto";
  } catch {
    // A browser may keep nothing for this page; then the choice lasts as long as the page.
  }
  const apply = () => { document.documentElement.dataset.theme = theme; };
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => {
      button.textContent = signs[theme];
      button.setAttribute("aria-label", `Colors: ${theme}`);
    };
    show();
    button.addEventListener("click", () => {
      theme = choices[(choices.indexOf(theme) + 1) % choices.length];
      apply();
      show();
      try {
        localStorage.setItem("alhost-theme", theme);
      } catch {
        // As above.
      }
    });
  });
})();
