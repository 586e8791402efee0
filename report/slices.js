// Slices to scroll: the window is applied here to 8 bits of grey; truth and errors lie on top, at the masks' own voxels.
const openSlices = (() => {
  const FOUND = 1, WRONG = 3, LOST = 4;
  const ofTruth = (label) => label !== 0 && label !== WRONG;
  const wrong = (label) => label > FOUND;
  const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

  async function greyOf(state, at) {
    if (state.greys[at]) return state.greys[at];
    const image = new Image();
    image.src = `data:image/jpeg;base64,${state.scene.pictures[at]}`;
    await image.decode();
    const paper = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const ink = paper.getContext("2d", { willReadFrequently: true });
    ink.drawImage(image, 0, 0);
    const { data } = ink.getImageData(0, 0, image.width, image.height);
    const values = new Uint8Array(data.length / 4);
    for (let i = 0; i < values.length; i++) values[i] = data[4 * i];
    return (state.greys[at] = { values, width: image.width, height: image.height });
  }

  function windowed({ values, width, height }, { scene, view }) {
    const paper = Object.assign(document.createElement("canvas"), { width, height });
    const ink = paper.getContext("2d"), pixels = ink.createImageData(width, height);
    const step = (scene.highest - scene.lowest) / 255;
    const shades = Uint8ClampedArray.from({ length: 256 }, (_, kept) =>
      255 * ((scene.lowest + kept * step - view.centre) / view.width + 0.5));
    for (let i = 0; i < values.length; i++) {
      pixels.data[4 * i] = pixels.data[4 * i + 1] = pixels.data[4 * i + 2] = shades[values[i]];
      pixels.data[4 * i + 3] = 255;
    }
    ink.putImageData(pixels, 0, 0);
    return paper;
  }

  function filled(labels, rows, columns, { scene }) {
    const paper = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
    const ink = paper.getContext("2d"), pixels = ink.createImageData(columns, rows);
    for (let i = 0; i < labels.length; i++)
      if (wrong(labels[i])) pixels.data.set([...rgb(scene.colours[labels[i]]), 255 * scene.filling], 4 * i);
    ink.putImageData(pixels, 0, 0);
    return paper;
  }

  // The sides of voxels where a mask ends, as paths by the colour of the voxel within.
  function outlines(labels, rows, columns, belongs) {
    const paths = {};
    const at = (row, column) => row >= 0 && column >= 0 && row < rows && column < columns ? labels[row * columns + column] : 0;
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const label = labels[row * columns + column];
        if (!label || !belongs(label)) continue;
        const path = (paths[label] ??= new Path2D());
        const side = (a, b, c, d) => { path.moveTo(a, b); path.lineTo(c, d); };
        if (!belongs(at(row - 1, column))) side(column, row, column + 1, row);
        if (!belongs(at(row + 1, column))) side(column, row + 1, column + 1, row + 1);
        if (!belongs(at(row, column - 1))) side(column, row, column, row + 1);
        if (!belongs(at(row, column + 1))) side(column + 1, row, column + 1, row + 1);
      }
    return paths;
  }

  async function draw(state) {
    const { canvas, scene, view } = state, at = view.at;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const grey = await greyOf(state, at);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (!width || !height || at !== view.at) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const [, rows, columns] = scene.shape;
    const labels = state.labels.subarray(at * rows * columns, (at + 1) * rows * columns);
    const ink = canvas.getContext("2d");
    ink.imageSmoothingEnabled = true;
    ink.imageSmoothingQuality = "high";
    ink.drawImage(windowed(grey, state), 0, 0, width, height);
    if (state.shown.errors) {
      ink.imageSmoothingEnabled = false;
      ink.drawImage(filled(labels, rows, columns, state), 0, 0, width, height);
    }
    // Lines no thicker than voxels; a dark one below each, for grey would be lost on a bright vessel.
    const voxel = Math.min(width / columns, height / rows), thick = Math.min(1.5 * ratio, Math.max(0.7 * ratio, 0.7 * voxel));
    const stroke = (paths) => {
      const placed = Object.entries(paths).map(([label, path]) => {
        const at = new Path2D();
        at.addPath(path, new DOMMatrix([width / columns, 0, 0, height / rows, 0, 0]));
        return [scene.colours[label], at];
      });
      const lines = [...placed.map(([, path]) => ["rgb(0 0 0 / 0.6)", 2.2, path]), ...placed.map(([colour, path]) => [colour, 1, path])];
      for (const [strokeStyle, times, path] of lines) {
        Object.assign(ink, { strokeStyle, lineWidth: times * thick, lineCap: "round" });
        ink.stroke(path);
      }
    };
    if (state.shown.outline) stroke(outlines(labels, rows, columns, ofTruth));
    if (state.shown.errors) stroke(outlines(labels, rows, columns, (label) => label === WRONG));
  }

  // How much of each slice is missed and extra, over the slider.
  function drawStrip(strip, { scene, counts }) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [strip.clientWidth, strip.clientHeight].map((side) => Math.round(side * ratio));
    if (!width || !height) return;
    Object.assign(strip, { width, height });
    const ink = strip.getContext("2d"), most = Math.max(1, ...counts.map((one) => one.wrong)), wide = width / counts.length;
    counts.forEach((one, index) => {
      let below = height;
      for (const label of [LOST, WRONG]) {
        const tall = (one[label] / most) * height;
        ink.fillStyle = scene.colours[label];
        ink.fillRect(index * wide, below - tall, Math.max(1, wide - ratio), tall);
        below -= tall;
      }
    });
  }

  function counted(labels, [count, rows, columns]) {
    return Array.from({ length: count }, (_, at) => {
      const found = new Array(5).fill(0);
      for (const label of labels.subarray(at * rows * columns, (at + 1) * rows * columns)) found[label]++;
      return Object.assign(found, { wrong: found[2] + found[3] + found[4], held: found[1] + found[2] + found[4] });
    });
  }

  function listen(box, state, go, look) {
    const { canvas, view } = state;
    let turned = 0;
    canvas.addEventListener("wheel", (event) => {
      // The page scrolls on, unless the picture was chosen.
      if (document.activeElement !== canvas || !box.querySelector("input.at")) return;
      event.preventDefault();
      turned -= event.deltaMode ? 40 * event.deltaY : event.deltaY;
      if (Math.abs(turned) < 30) return;
      go(view.at + Math.sign(turned));
      turned = 0;
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity };
      if (!(event.key in steps) || !box.querySelector("input.at")) return;
      event.preventDefault();
      go(view.at + steps[event.key]);
    });
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button) return;
      canvas.setPointerCapture(event.pointerId);
      from = { x: event.clientX, y: event.clientY, ...view };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const span = (state.scene.highest - state.scene.lowest) / 400;
      look(from.centre + (event.clientY - from.y) * span, from.width + (event.clientX - from.x) * span);
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { from = null; });
  }

  return async function (box) {
    const scene = JSON.parse(box.querySelector("script").textContent);
    const canvas = box.querySelector(".picture canvas"), strip = box.querySelector(".strip"), slider = box.querySelector("input.at");
    const [centre, width] = [box.querySelector("input.centre"), box.querySelector("input.width")];
    const note = box.querySelector(".slices-note");
    let labels;
    try {
      labels = await inflated(scene.labels);
    } catch {
      note.textContent = "This browser is too old to scroll through the slices.";
      return;
    }
    const view = { at: scene.first, centre: +centre.value, width: +width.value };
    const state = { scene, labels, canvas, view, greys: [], shown: { outline: true, errors: true }, counts: counted(labels, scene.shape) };
    let waiting = false;
    const redraw = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(state); });
    };
    const go = (at) => {
      view.at = Math.min(scene.numbers.length - 1, Math.max(0, at));
      if (slider) {
        slider.value = view.at;
        box.querySelector("output.number").textContent = scene.numbers[view.at];
      }
      redraw();
    };
    const look = (middle, span) => {
      centre.value = middle;
      width.value = span;
      Object.assign(view, { centre: +centre.value, width: +width.value });
      for (const name of ["centre", "width"]) box.querySelector(`output.${name}`).textContent = +view[name].toPrecision(4);
      redraw();
    };
    listen(box, state, go, look);
    slider?.addEventListener("input", () => go(+slider.value));
    for (const input of [centre, width]) input.addEventListener("input", () => look(+centre.value, +width.value));
    box.querySelectorAll("button[data-centre]").forEach((button) => {
      button.addEventListener("click", () => look(+button.dataset.centre, +button.dataset.width));
    });
    box.querySelectorAll("button[data-go]").forEach((button) => button.addEventListener("click", () => {
      const amounts = state.counts.map((one) => one[button.dataset.go]);
      go(amounts.indexOf(Math.max(...amounts)));
    }));
    box.querySelectorAll("input[data-shown]").forEach((input) => {
      input.addEventListener("change", () => { state.shown[input.dataset.shown] = input.checked; redraw(); });
    });
    note.textContent = canvas.title;
    go(scene.first);
    look(view.centre, view.width);
    canvas.hidden = false;
    await draw(state);
    box.querySelector(".picture img").hidden = true;
    new ResizeObserver(() => { redraw(); if (strip) drawStrip(strip, state); }).observe(canvas);
  };
})();
