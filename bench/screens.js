// What a measured page is given before its own scripts run: when something was painted, and how many frames it drew.
window.bench = {
  /** The moment, by `performance.now()`, after the frame in which so many elements match. */
  painted: (selector, count = 1) =>
    new Promise((resolve) => {
      const look = () => {
        if (document.querySelectorAll(selector).length < count) return;
        observer.disconnect();
        // What is posted in a frame's callback comes after that frame was laid out and painted.
        requestAnimationFrame(() => {
          const after = new MessageChannel();
          after.port1.onmessage = () => resolve(performance.now());
          after.port2.postMessage(0);
        });
      };
      const observer = new MutationObserver(look);
      observer.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
      look();
    }),

  /** The end of the latest answer before `moment` whose address has one of these parts. */
  answered: (parts, moment) =>
    Math.max(
      ...performance
        .getEntriesByType("resource")
        .filter((entry) => entry.responseEnd < moment && parts.some((part) => entry.name.includes(part)))
        .map((entry) => entry.responseEnd),
    ),

  /** Frames a second from now on, for so many milliseconds. */
  frames: (milliseconds) =>
    new Promise((resolve) => {
      const times = [];
      const tick = (at) => {
        times.push(at);
        if (at - times[0] < milliseconds) requestAnimationFrame(tick);
        else resolve(((times.length - 1) * 1000) / (at - times[0]));
      };
      requestAnimationFrame(tick);
    }),

  /** Compressed bytes of each file that the page is made of, by address, once nothing comes any more. */
  files: async () => {
    const kept = () =>
      [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .filter((entry) => !/\/(api|events)\//.test(entry.name))
        .map((entry) => [entry.entryType === "navigation" ? "the page" : entry.name, entry.encodedBodySize]);
    let known = -1;
    while (known < kept().length || !document.querySelector("main")?.textContent) {
      known = kept().length;
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    return Object.fromEntries(kept());
  },

  /** Reads on in a list until its end. */
  readAll: async (scroller) => {
    let height = 0;
    for (let still = 0; still < 20; still += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const box = document.querySelector(scroller);
      if (box.scrollHeight > height) still = 0;
      height = box.scrollHeight;
      box.scrollTop = height;
    }
  },
};
