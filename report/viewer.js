// Surfaces to rotate: one WebGL context draws for every canvas of the page, on demand, from data that is in the page.
const openViewer = (() => {
  const SHADERS = [`#version 300 es
    in vec3 place; in vec3 normal; uniform vec3 centre; uniform mat3 turn; uniform vec3 shift; uniform float aspect;
    out vec3 facing; out float depth;
    const float EYE = 2.6, NEAR = 1.4, FAR = 3.8; // from the centre, from the eye; unit: side of the surfaces' cube
    void main() {
      vec3 seen = turn * (place - centre);
      facing = turn * normal;
      depth = seen.z;
      float away = EYE - seen.z;
      gl_Position = vec4((seen.xy * EYE + shift.xy * away) * shift.z / vec2(aspect, 1.0),
        ((FAR + NEAR) * away - 2.0 * FAR * NEAR) / (FAR - NEAR), away);
    }`, `#version 300 es
    precision mediump float; in vec3 facing; in float depth; uniform vec3 colour; out vec4 pixel;
    void main() {
      vec3 n = normalize(facing) * (gl_FrontFacing ? 1.0 : -1.0);
      float light = 0.36 + 0.58 * max(0.0, dot(n, vec3(0.25, 0.45, 0.86))) + 0.15 * n.y;
      float shine = 0.16 * pow(max(0.0, dot(n, normalize(vec3(0.2, 0.4, 1.4)))), 24.0);
      float fog = clamp(0.70 + 0.60 * depth, 0.34, 1.0);
      pixel = vec4((colour * light + shine) * fog, 1.0);
    }`];
  let shared;

  function context() {
    if (shared !== undefined) return shared;
    const gl = document.createElement("canvas").getContext("webgl2", { antialias: true });
    if (!gl || typeof DecompressionStream === "undefined") return (shared = null);
    const program = gl.createProgram();
    SHADERS.forEach((source, index) => {
      const shader = gl.createShader(index ? gl.FRAGMENT_SHADER : gl.VERTEX_SHADER);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    });
    ["place", "normal"].forEach((name, index) => gl.bindAttribLocation(program, index, name));
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return (shared = null);
    const uniforms = {};
    for (const name of ["centre", "turn", "shift", "aspect", "colour"]) uniforms[name] = gl.getUniformLocation(program, name);
    return (shared = { gl, program, uniforms });
  }

  async function numbers(text, width) {
    const planes = await inflated(text);
    const found = new Uint32Array(planes.length / width);
    for (let plane = 0; plane < width; plane++)
      for (let i = 0; i < found.length; i++) found[i] |= planes[plane * found.length + i] << (8 * plane);
    return found;
  }

  async function unpack(surface) {
    const steps = await numbers(surface.points, 3), behind = await numbers(surface.triangles, 4);
    const count = surface.n_points, points = new Uint16Array(4 * count), normals = new Float32Array(3 * count);
    for (let axis = 0; axis < 3; axis++)
      for (let i = 0, at = 0; i < count; i++) {
        const code = steps[axis * count + i];
        at += code & 1 ? -((code + 1) / 2) : code / 2;
        points[4 * i + axis] = at;
      }
    const corners = new Uint32Array(behind.length);
    for (let i = 0, known = 0; i < corners.length; i++) {
      corners[i] = known - behind[i];
      if (behind[i] === 0) known++;
    }
    for (let i = 0; i < corners.length; i += 3) {
      const [a, b, c] = [4 * corners[i], 4 * corners[i + 1], 4 * corners[i + 2]];
      const u = [0, 1, 2].map((k) => points[b + k] - points[a + k]), v = [0, 1, 2].map((k) => points[c + k] - points[a + k]);
      for (let k = 0; k < 3; k++) {
        const face = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
        for (let corner = 0; corner < 3; corner++) normals[3 * corners[i + corner] + k] += face;
      }
    }
    const small = new Int8Array(4 * count);
    for (let i = 0; i < count; i++) {
      const length = Math.hypot(normals[3 * i], normals[3 * i + 1], normals[3 * i + 2]) || 1;
      for (let k = 0; k < 3; k++) small[4 * i + k] = Math.round((127 * normals[3 * i + k]) / length);
    }
    return { corners, arrays: upload(points, small, corners) };
  }

  function upload(points, normals, corners) {
    const { gl } = shared, arrays = gl.createVertexArray();
    gl.bindVertexArray(arrays);
    [[points, gl.UNSIGNED_SHORT, 8], [normals, gl.BYTE, 4]].forEach(([data, type, stride], index) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
      gl.enableVertexAttribArray(index);
      gl.vertexAttribPointer(index, 3, type, true, stride, 0);
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, corners, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    return arrays;
  }

  // Triangles that are sorted by branch are laid in the order of the branches' colours: a layer a colour.
  function paint(state, { colours, of }, shown) {
    const { gl } = shared, { corners, arrays } = state.surfaces[0], sorted = new Uint32Array(corners.length);
    const parts = colours.map(() => ({ first: 0, count: 0 }));
    const starts = [0];
    state.scene.counts.forEach((count, branch) => {
      starts.push(starts[branch] + count);
      parts[of[branch]].count += count;
    });
    parts.forEach((part, index) => { part.first = index ? parts[index - 1].first + parts[index - 1].count : 0; });
    const ends = parts.map(({ first }) => 3 * first);
    of.forEach((colour, branch) => {
      const own = corners.subarray(3 * starts[branch], 3 * starts[branch + 1]);
      sorted.set(own, ends[colour]);
      ends[colour] += own.length;
    });
    gl.bindVertexArray(arrays);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, sorted, gl.STATIC_DRAW);
    gl.bindVertexArray(null);
    state.layers = colours.map((colour, index) => ({ parts: [{ surface: 0, colour, ...parts[index] }] }));
    state.shown = shown;
  }

  // x to the patient's left, y to the head, z to the viewer in front, then turned; as columns for x, y, z of the patient.
  function turnOf({ yaw, pitch }) {
    const [c, s, d, t] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    return [c, t * s, -d * s, -s, t * c, -d * c, 0, d, t];
  }

  // Red, green and blue of #rrggbb, each 0 to 1.
  const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);

  function draw(state) {
    const { gl, program, uniforms } = shared, { canvas, view, scene } = state;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (gl.canvas.width < width || gl.canvas.height < height)
      Object.assign(gl.canvas, { width: Math.max(width, gl.canvas.width), height: Math.max(height, gl.canvas.height) });
    gl.viewport(0, 0, width, height);
    gl.clearColor(...channels(getComputedStyle(canvas).getPropertyValue("--backdrop").trim()), 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.useProgram(program);
    const turn = turnOf(view), wide = width / height;
    gl.uniform3fv(uniforms.centre, scene.centre);
    gl.uniformMatrix3fv(uniforms.turn, false, turn);
    gl.uniform3f(uniforms.shift, view.x, view.y, view.zoom * 1.78 * Math.min(1, wide));
    gl.uniform1f(uniforms.aspect, wide);
    state.layers.forEach((layer, index) => {
      if (!state.shown[index]) return;
      for (const { surface, first, count, colour } of layer.parts) {
        if (!count) continue;
        gl.uniform3fv(uniforms.colour, channels(colour));
        gl.bindVertexArray(state.surfaces[surface].arrays);
        gl.drawElements(gl.TRIANGLES, 3 * count, gl.UNSIGNED_INT, 12 * first);
      }
    });
    const paper = canvas.getContext("2d");
    paper.drawImage(gl.canvas, 0, gl.canvas.height - height, width, height, 0, 0, width, height);
    drawCompass(paper, turn, ratio, height);
  }

  function drawCompass(paper, turn, ratio, height) {
    const [x, y, arm] = [38 * ratio, height - 38 * ratio, 22 * ratio];
    paper.font = `${11 * ratio}px system-ui, sans-serif`;
    Object.assign(paper, { textAlign: "center", textBaseline: "middle", lineWidth: ratio });
    [["L", "R"], ["P", "A"], ["S", "I"]].forEach((letters, axis) => letters.forEach((letter, side) => {
      const [right, up, near] = [0, 1, 2].map((row) => turn[3 * axis + row] * (side ? -1 : 1));
      const tone = `rgba(216, 222, 230, ${0.6 + 0.4 * near})`;
      Object.assign(paper, { strokeStyle: tone, fillStyle: tone });
      paper.beginPath();
      paper.moveTo(x, y);
      paper.lineTo(x + arm * right, y - arm * up);
      paper.stroke();
      if (Math.hypot(right, up) > 0.35) paper.fillText(letter, x + arm * right * 1.38, y - arm * up * 1.38);
    }));
  }

  function listen(state, redraw) {
    const { canvas, view } = state, pointers = new Map();
    const zoom = (factor) => { view.zoom = Math.min(12, Math.max(0.4, view.zoom * factor)); redraw(); };
    const rotate = (x, y) => {
      view.yaw += x;
      view.pitch = Math.min(Math.PI / 2, Math.max(-Math.PI / 2, view.pitch + y));
      redraw();
    };
    const move = (x, y) => {
      const unit = 2 / (canvas.clientHeight * view.zoom * 1.78 * Math.min(1, canvas.clientWidth / canvas.clientHeight));
      view.x += x * unit;
      view.y -= y * unit;
      redraw();
    };
    const end = (event) => pointers.delete(event.pointerId);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event);
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
      const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
      if (other) {
        const gap = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
        move(x / 2, y / 2);
        zoom(gap(event) / gap(before));
      } else if (event.shiftKey || before.button > 0) move(x, y);
      else rotate(x * 0.009, y * 0.009);
      pointers.set(event.pointerId, { pointerId: event.pointerId, clientX: event.clientX, clientY: event.clientY, button: before.button });
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, end);
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      // The page scrolls on, unless the canvas was chosen.
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, -0.15], ArrowDown: [0, 0.15] };
      if (steps[event.key]) rotate(...steps[event.key]);
      else if (event.key === "+" || event.key === "-") zoom(event.key === "+" ? 1.2 : 1 / 1.2);
      else return;
      event.preventDefault();
    });
  }

  return async function (box) {
    const canvas = box.querySelector("canvas"), note = box.querySelector(".viewer-note");
    if (!context()) {
      note.textContent = `This browser shows no 3D. ${note.dataset.instead}`;
      box.classList.add("no-3d");
      return;
    }
    const scene = JSON.parse(box.querySelector("script").textContent), layers = scene.layers || [];
    const state = { canvas, scene, layers, shown: layers.map((layer) => layer.shown), surfaces: [], view: {} };
    for (const surface of scene.surfaces) state.surfaces.push(await unpack(surface));
    let waiting = false;
    const redraw = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(state); });
    };
    const look = (yaw, pitch) => { Object.assign(state.view, { yaw, pitch, zoom: 1, x: 0, y: 0 }); redraw(); };
    listen(state, redraw);
    box.querySelectorAll("input[data-layer]").forEach((input) => {
      input.addEventListener("change", () => { state.shown[+input.dataset.layer] = input.checked; redraw(); });
    });
    box.querySelectorAll("button[data-yaw]").forEach((button) => {
      button.addEventListener("click", () => look(+button.dataset.yaw, +button.dataset.pitch));
    });
    if (scene.choices) {
      const around = box.closest(".paint");
      const repaint = () => {
        const name = around.querySelector("input[type=radio]:checked").value, choice = scene.choices[name];
        paint(state, choice, choice.colours.map((_, k) => around.querySelector(`input[value="${name}-${k}"]`).checked));
        redraw();
      };
      around.addEventListener("change", repaint);
      repaint();
    }
    canvas.addEventListener("dblclick", () => look(0.45, 0.2));
    new ResizeObserver(redraw).observe(canvas);
    note.remove();
    look(0.45, 0.2);
  };
})();
