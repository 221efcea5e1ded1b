// Read-outs under the pointer, and the legend's switches. The page says everything without them.
"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);

  const hide = () => { tip.hidden = true; };
  const show = (event, text) => {
    tip.textContent = text;  // never markup: names come from the data set
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const beside = event.clientX + 16 + box.width > innerWidth ? event.clientX - 16 - box.width : event.clientX + 16;
    tip.style.left = `${Math.max(4, beside)}px`;
    tip.style.top = `${Math.min(Math.max(4, event.clientY - box.height - 12), innerHeight - box.height - 4)}px`;
  };
  // Where the pointer is, in the units of the drawing.
  const place = (svg, event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const toggle = (element, hidden) => hidden ? element.setAttribute("hidden", "hidden") : element.removeAttribute("hidden");

  const lines = (root, data) => {
    const svg = root.querySelector("svg.chart");
    const cursor = svg.querySelector(".cursor");
    const rule = cursor.querySelector("line");
    const dots = data.lines.map(() => {
      const dot = document.createElementNS(svg.namespaceURI, "circle");
      dot.setAttribute("r", "4.5");
      cursor.append(dot);
      return dot;
    });
    svg.addEventListener("pointermove", (event) => {
      const at = place(svg, event).x;
      let nearest = 0;
      data.x.forEach((x, index) => { if (Math.abs(x - at) < Math.abs(data.x[nearest] - at)) nearest = index; });
      rule.setAttribute("x1", data.x[nearest]);
      rule.setAttribute("x2", data.x[nearest]);
      data.lines.forEach((line, index) => {
        toggle(dots[index], line.at[nearest] === null);
        dots[index].setAttribute("cx", data.x[nearest]);
        dots[index].setAttribute("cy", line.at[nearest] ?? 0);
      });
      toggle(cursor, false);
      show(event, [data.label[nearest], ...data.lines.map((line) => `${line.name}: ${line.text[nearest]}`)].join("\n"));
    });
    svg.addEventListener("pointerleave", () => { toggle(cursor, true); hide(); });
  };

  const heat = (root, data) => {
    const image = root.querySelector("img.heat");
    const values = Uint8Array.from(atob(data.values), (character) => character.charCodeAt(0));
    const size = data.shown.length;
    image.addEventListener("pointermove", (event) => {
      const box = image.getBoundingClientRect();
      const cell = (offset, length) => Math.min(size - 1, Math.max(0, Math.floor(offset / length * size)));
      const row = cell(event.clientY - box.top, box.height);
      const column = cell(event.clientX - box.left, box.width);
      const value = ((values[row * size + column] - 127) / 127).toFixed(2).replace("-", "−");
      show(event, `C = ${value}\nfeature ${data.shown[row]} of view 1, ${data.shown[column]} of view 2`);
    });
    image.addEventListener("pointerleave", hide);
  };

  const scatter = (root, data) => {
    const svg = root.querySelector("svg.scatter");
    const ring = svg.querySelector(".found");
    const circles = [...svg.querySelectorAll(".dots circle")];
    const points = circles.map((circle) => [circle.cx.baseVal.value, circle.cy.baseVal.value]);
    const hidden = new Set();
    const leave = () => { toggle(ring, true); hide(); };
    svg.addEventListener("pointermove", (event) => {
      const at = place(svg, event);
      let nearest = -1;
      let distance = 14 ** 2;
      points.forEach(([x, y], index) => {
        const d = (x - at.x) ** 2 + (y - at.y) ** 2;
        if (d < distance && !hidden.has(circles[index].getAttribute("class"))) { nearest = index; distance = d; }
      });
      if (nearest < 0) { leave(); return; }
      ring.setAttribute("cx", points[nearest][0]);
      ring.setAttribute("cy", points[nearest][1]);
      toggle(ring, false);
      const node = data.order[nearest];
      show(event, `node ${data.ids[node]}\n${data.word} ${data.groups[node]}`);
    });
    svg.addEventListener("pointerleave", leave);
    root.querySelectorAll("[data-group]").forEach((button) => button.addEventListener("click", () => {
      const group = button.dataset.group;
      const off = !hidden.has(group);
      if (off) hidden.add(group); else hidden.delete(group);
      button.setAttribute("aria-pressed", String(!off));
      circles.forEach((circle) => { if (circle.getAttribute("class") === group) toggle(circle, off); });
    }));
  };

  const kinds = { lines, heat, scatter };
  for (const [name, data] of Object.entries(figures)) kinds[data.kind](document.getElementById(name), data);
  document.documentElement.dataset.ready = "true";
})();
