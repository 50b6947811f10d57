// The search of the site runs in a worker, and browsers start none for a page that is read from a
// folder. There a hidden frame plays one: the same script, and the same two ways to speak to it.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = (this.inside = frame.contentWindow);
      inside.document.open();
      inside.document.write("<body>");
      inside.document.close();
      const load = (from) =>
        new Promise((loaded, failed) => {
          const script = inside.document.createElement("script");
          Object.assign(script, { src: from, onload: loaded, onerror: failed });
          inside.document.body.append(script);
        });
      inside.importScripts = (...all) => Promise.all(all.map(load));
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.ready = load(url);
    }

    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
}
