/* Browsers start no worker from disk, where the search would need one: a hidden frame does its work. */

if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      (document.body || document.documentElement).append(frame);
      this.inner = frame.contentWindow;
      this.ready = new Promise((resolve) => {
        const script = frame.contentDocument.createElement("script");
        this.inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        script.onload = resolve;
        script.src = address;
        frame.contentDocument.head.append(script);
      });
    }

    postMessage(data) {
      this.ready.then(() => this.inner.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.inner.frameElement.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}
