/* Live pages: look anew when the server hints that something changed, but never under somebody's fingers. */
(() => {
  "use strict";
  document.documentElement.classList.add("js");

  const isField = (el) => el && el.matches("input, select, textarea");
  const isDirty = (field) => {
    if (field.type === "hidden" || field.type === "submit") return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return [...field.options].some((o) => o.selected !== o.defaultSelected);
    return field.value !== field.defaultValue;
  };
  const isBusy = (region) => {
    const active = document.activeElement;
    if (isField(active) && region.contains(active) && active.type !== "hidden") return true;
    return [...region.querySelectorAll("[data-form] input, [data-form] select, [data-form] textarea")].some(isDirty);
  };
  const stale = () => document.querySelector("[data-stale]");
  let isForced = false;

  document.addEventListener("htmx:beforeRequest", (event) => {
    const region = event.target;
    if (!region.matches || !region.matches("[data-live]")) return;
    if (document.hidden && !isForced) { event.preventDefault(); return; }
    if (isBusy(region) && !isForced) {
      event.preventDefault();
      const cause = event.detail.requestConfig && event.detail.requestConfig.triggeringEvent;
      if (cause && String(cause.type).startsWith("sse:") && stale()) stale().hidden = false;
    }
    isForced = false;
  });

  /* What was open stays open; what was closed stays closed. */
  let opened = new Map();
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target && event.detail.target.id === "live") {
      opened = new Map([...document.querySelectorAll("#live details[id]")].map((d) => [d.id, d.open]));
      if (stale()) stale().hidden = true;
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    document.querySelectorAll(".notice").forEach((notice) => notice.remove()); /* what it told of has moved on */
    for (const [id, isOpen] of opened) {
      const details = document.getElementById(id);
      if (details && details.open !== isOpen) details.open = isOpen;
    }
    opened = new Map();
  });

  const refresh = () => {
    const region = document.querySelector("[data-live]");
    if (region) window.htmx.trigger(region, "refresh");
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-show]")) { isForced = true; refresh(); }
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });

  /* A menu closes with Escape, and gives the focus back. */
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  document.addEventListener("DOMContentLoaded", () => {
    const zones = document.querySelector("[data-time-zone]");
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zones && [...zones.options].some((o) => o.value === own)) zones.value = own;
  });
})();
