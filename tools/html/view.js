// The graph on a canvas: folding, zoom, pan, search marks, selection by pointer and keys. Only what is in
// sight is drawn; far out, boxes lose their text and edges their bends.

const kFont = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const kBold = `600 ${kFont}`;
// Below these a box has its title alone, and edges are straight.
const kTextScale = 0.42, kTitleScale = 0.2, kBendScale = 0.25;
const kLineHeight = 16, kMaxInline = 4;

class GraphView {
  constructor(canvas, onSelect) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', {alpha: false});
    this.onSelect = onSelect;
    this.scale = 1;
    this.x = this.y = 0;  // of the world at the canvas's corner
    this.marked = new Set();
    this.listen();
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
  }

  // Shows a model folded by `by`, all folds closed where `closed`.
  show(model, by, closed) {
    this.model = model;
    this.by = by;
    Object.assign(this, model.cluster(by));
    this.open = new Set();
    if (!closed) this.clusters.forEach((_, c) => this.open.add(c));
    this.marked = new Set();
    this.selected = null;
    this.rebuild();
    this.fit();
  }

  isFold(c) { return this.clusters[c].boxes.length > 1; }
  isClosed(c) { return this.isFold(c) && !this.open.has(c); }

  // Boxes and edges as folded now, and their places. A closed cluster stands at its last member.
  rebuild() {
    const {model} = this;
    this.vertices = [];
    const vertexOf = new Map();
    const order = [];
    const last = new Map();
    model.boxes.forEach((box) => last.set(this.clusterOf[box.id], box.id));
    model.boxes.forEach((box) => {
      const c = this.clusterOf[box.id];
      if (!this.isClosed(c)) order.push({boxes: [box.id], cluster: c});
      else if (last.get(c) === box.id) order.push({boxes: this.clusters[c].boxes, cluster: c, closed: true});
    });
    order.forEach((vertex, i) => vertex.boxes.forEach((b) => vertexOf.set(b, i)));
    // A closed cluster may stand before what it reads in this order: sort once more.
    const reads = order.map((vertex, i) => [...new Set(vertex.boxes.flatMap(
        (b) => model.boxes[b].from.map((f) => vertexOf.get(f))))].filter((f) => f !== i));
    const number = new Int32Array(order.length).fill(-1);
    const visit = (start) => {
      const work = [[start, 0]];
      number[start] = -2;
      while (work.length) {
        const top = work[work.length - 1];
        const next = reads[top[0]][top[1]++];
        if (next === undefined) {
          number[top[0]] = this.vertices.length;
          this.vertices.push(order[top[0]]);
          work.pop();
        } else if (number[next] === -1) {
          number[next] = -2;
          work.push([next, 0]);
        }
      }
    };
    order.forEach((_, i) => { if (number[i] === -1) visit(i); });
    order.forEach((vertex, i) => { vertex.from = reads[i].map((f) => number[f]); });
    this.vertices.forEach((vertex, i) => { vertex.id = i; this.measure(vertex); });
    this.vertexOfBox = new Int32Array(model.boxes.length);
    this.vertices.forEach((v) => v.boxes.forEach((b) => { this.vertexOfBox[b] = v.id; }));
    Object.assign(this, layout(this.vertices));
    for (const vertex of this.vertices) vertex.to = [];
    for (const edge of this.edges) {
      this.vertices[edge.from].to.push(edge.to);
      const xs = edge.points.map((p) => p[0]);
      edge.left = Math.min(...xs);
      edge.right = Math.max(...xs);
    }
    Object.assign(this.canvas.dataset, {boxes: this.vertices.length, edges: this.edges.length});
    this.redraw();
  }

  measure(vertex) {
    const {model, context} = this;
    const box = model.boxes[vertex.boxes[0]];
    if (vertex.closed) {
      const cluster = this.clusters[vertex.cluster];
      const names = vertex.boxes.map((b) => model.boxes[b].title);
      const types = model.boxes[vertex.boxes[vertex.boxes.length - 1]].type;
      const more = names.length > 5 ? ` +${names.length - 5}` : '';
      vertex.lines = [`${cluster.key}  (${names.length})`, names.slice(0, 5).join(' · ') + more, types];
    } else {
      const inline = box.inline.slice(0, kMaxInline);
      if (box.inline.length > kMaxInline) inline.push(`and ${box.inline.length - kMaxInline} more`);
      vertex.lines = [box.title, box.type, ...inline];
    }
    vertex.lines = vertex.lines.map((line) => (line.length > 60 ? `${line.slice(0, 59)}…` : line));
    let width = 40;
    vertex.lines.forEach((line, i) => {
      context.font = i === 0 ? kBold : kFont;
      width = Math.max(width, context.measureText(line).width);
    });
    vertex.w = Math.ceil(width) + 24;
    vertex.h = vertex.lines.length * kLineHeight + 12;
    vertex.kind = vertex.closed ? 'fold' : box.kind;
    vertex.color = colorOf(this.colorNumber(vertex, box));
  }

  // Of kernels where they are known, else of the op's name.
  colorNumber(vertex, box) {
    if (box.kind !== 'op') return 0;
    const [group] = this.model.groups[box.node];
    return group === undefined ? hashOf(box.title) % 64 : group;
  }

  // --- Drawing

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    this.ratio = devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(box.width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * this.ratio));
    if (!this.fitted && this.vertices) this.fit();
    this.redraw();
  }

  redraw() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      if (this.vertices && this.canvas.width > 1) this.draw();
    });
  }

  theme() {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(name).trim();
    this.colors = {page: get('--page'), node: get('--node'), line: get('--node-line'), edge: get('--edge'),
                   ink: get('--ink'), quiet: get('--quiet'), accent: get('--accent'), hit: get('--hit'),
                   shade: get('--shade'), panel: get('--panel')};
    this.redraw();
  }

  draw() {
    const {context: c, scale, ratio, canvas} = this;
    const view = {left: this.x, top: this.y, right: this.x + canvas.width / ratio / scale,
                  bottom: this.y + canvas.height / ratio / scale};
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = this.colors.page;
    c.fillRect(0, 0, canvas.width, canvas.height);
    c.setTransform(ratio * scale, 0, 0, ratio * scale, -this.x * scale * ratio, -this.y * scale * ratio);
    this.drawEdges(view);
    let drawn = 0;
    for (const v of this.visible(view)) {
      this.drawVertex(v);
      ++drawn;
    }
    canvas.dataset.drawn = drawn;
  }

  // Boxes in sight: layers by their height, boxes of a layer from left to right.
  * visible(view) {
    for (const row of this.layers) {
      if (!row.length) continue;
      const rowTop = Math.min(this.vertices[row[0]].y, this.vertices[row[row.length - 1]].y) - 100;
      if (rowTop > view.bottom) break;
      if (rowTop + 400 < view.top) continue;
      let low = 0, high = row.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        const v = this.vertices[row[middle]];
        if (v.x + v.w / 2 < view.left) low = middle + 1;
        else high = middle;
      }
      for (; low < row.length; ++low) {
        const v = this.vertices[row[low]];
        if (v.x - v.w / 2 > view.right) break;
        if (v.y + v.h >= view.top && v.y <= view.bottom) yield v;
      }
    }
  }

  drawEdges(view) {
    const {context: c, scale} = this;
    const chosen = this.selected;
    const strong = [];
    c.lineWidth = Math.max(1, 0.6 / scale);
    for (const far of [true, false]) {
      c.strokeStyle = this.colors.edge;
      c.globalAlpha = far ? 0.25 : 0.9;
      c.beginPath();
      for (const edge of this.edges) {
        if (Boolean(edge.far) !== far) continue;
        const {points} = edge;
        if (edge.right < view.left || edge.left > view.right || points[0][1] > view.bottom ||
            points[points.length - 1][1] < view.top) {
          continue;
        }
        if (chosen !== null && (edge.from === chosen || edge.to === chosen)) strong.push(edge);
        else this.trace(points);
      }
      c.stroke();
    }
    c.globalAlpha = 1;
    if (!strong.length) return;
    c.strokeStyle = this.colors.accent;
    c.lineWidth = Math.max(2, 1.5 / scale);
    c.beginPath();
    for (const edge of strong) this.trace(edge.points);
    c.stroke();
  }

  trace(points) {
    const {context: c} = this;
    c.moveTo(points[0][0], points[0][1]);
    if (this.scale < kBendScale) {
      const end = points[points.length - 1];
      if (points.length > 2) c.lineTo(points[points.length >> 1][0], points[points.length >> 1][1]);
      c.lineTo(end[0], end[1]);
      return;
    }
    for (let i = 1; i < points.length; ++i) {
      const [x0, y0] = points[i - 1], [x1, y1] = points[i];
      const bend = (y1 - y0) / 2;
      c.bezierCurveTo(x0, y0 + bend, x1, y1 - bend, x1, y1);
    }
  }

  drawVertex(v) {
    const {context: c, scale, colors} = this;
    const left = v.x - v.w / 2;
    const color = v.color.replace('var(--shade)', colors.shade);
    const stand = v.id === this.selected, hit = this.marked.has(v.id);
    if (scale < kTextScale) {
      c.fillStyle = hit ? colors.hit : stand ? colors.accent : v.kind === 'op' || v.kind === 'fold' ? color : colors.quiet;
      c.fillRect(left, v.y, v.w, v.h);
      if (scale > kTitleScale) this.drawTitle(v, left);
      return;
    }
    c.beginPath();
    c.roundRect(left, v.y, v.w, v.h, v.kind === 'op' || v.kind === 'fold' ? 5 : v.h / 2);
    c.fillStyle = colors.node;
    c.fill();
    c.lineWidth = stand || hit ? 2.5 : 1;
    c.strokeStyle = hit ? colors.hit : stand ? colors.accent : colors.line;
    c.stroke();
    if (v.kind === 'fold') {
      c.beginPath();
      c.roundRect(left + 3, v.y + v.h, v.w - 6, 4, [0, 0, 4, 4]);
      c.fillStyle = color;
      c.fill();
    }
    if (v.kind === 'op' || v.kind === 'fold') {
      c.fillStyle = color;
      c.fillRect(left, v.y + 5, 4, v.h - 10);
    }
    v.lines.forEach((line, i) => {
      c.font = i === 0 ? kBold : kFont;
      c.fillStyle = i === 0 ? colors.ink : colors.quiet;
      c.fillText(line, left + 13, v.y + 18 + i * kLineHeight);
    });
  }

  // The title alone, as large as it can be read, where it fits.
  drawTitle(v, left) {
    const {context: c, scale} = this;
    const size = Math.min(v.h - 8, 10 / scale);
    c.font = `600 ${size}px system-ui, "Segoe UI", "DejaVu Sans", sans-serif`;
    c.fillStyle = this.colors.node;
    if (c.measureText(v.lines[0]).width < v.w - 6) c.fillText(v.lines[0], left + 4, v.y + v.h / 2 + size * 0.36);
  }

  // --- Moving

  size() { return [this.canvas.width / this.ratio, this.canvas.height / this.ratio]; }

  fit() {
    if (!this.ratio || this.canvas.width < 10) return;
    this.fitted = true;
    const [w, h] = this.size();
    this.scale = Math.min(1.2, Math.max(0.01, Math.min(w / (this.width + 60), h / (this.height + 60))));
    // A tall graph starts at its top, readable, rather than as a thread.
    if (this.scale < 0.3 && this.height / this.width > h / w && this.width * 0.5 < w * 3) {
      this.scale = Math.min(0.9, Math.max(this.scale, w / (this.width + 60)));
      this.x = this.width / 2 - w / 2 / this.scale;
      this.y = -30;
    } else {
      this.x = this.width / 2 - w / 2 / this.scale;
      this.y = this.height / 2 - h / 2 / this.scale;
    }
    this.redraw();
  }

  whole() {
    const [w, h] = this.size();
    this.scale = Math.min(1.2, Math.max(0.01, Math.min(w / (this.width + 60), h / (this.height + 60))));
    this.x = this.width / 2 - w / 2 / this.scale;
    this.y = this.height / 2 - h / 2 / this.scale;
    this.redraw();
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.redraw();
  }

  // Around a point of the canvas, or its centre.
  zoom(factor, px, py) {
    const [w, h] = this.size();
    if (px === undefined) [px, py] = [w / 2, h / 2];
    const scale = Math.min(4, Math.max(0.01, this.scale * factor));
    this.x += px / this.scale - px / scale;
    this.y += py / this.scale - py / scale;
    this.scale = scale;
    this.redraw();
  }

  at(px, py) {
    const x = this.x + px / this.scale, y = this.y + py / this.scale;
    for (const v of this.visible({left: x, right: x, top: y, bottom: y})) return v;
    return null;
  }

  // Selects a vertex and brings it into sight.
  select(id, reveal) {
    this.selected = id;
    if (id !== null && reveal) {
      const v = this.vertices[id], [w, h] = this.size();
      if (this.scale < 0.6) this.scale = 1;
      const margin = 40 / this.scale, right = this.x + w / this.scale, bottom = this.y + h / this.scale;
      if (v.x - v.w / 2 < this.x + margin || v.x + v.w / 2 > right - margin || v.y < this.y + margin ||
          v.y + v.h > bottom - margin) {
        this.x = v.x - w / 2 / this.scale;
        this.y = v.y + v.h / 2 - h / 2 / this.scale;
      }
    }
    this.redraw();
    this.onSelect(id === null ? null : this.vertices[id]);
  }

  // Opens what hides the box, and selects it.
  selectBox(box) {
    const c = this.clusterOf[box];
    if (this.isClosed(c)) {
      this.open.add(c);
      this.rebuild();
      this.mark(this.markedBoxes || []);
    }
    this.select(this.vertexOfBox[box], true);
  }

  // Folds or unfolds the cluster of a vertex; it stays where it is on the screen.
  toggle(vertex) {
    const c = vertex.cluster;
    if (!this.isFold(c)) return;
    if (this.open.has(c)) this.open.delete(c);
    else this.open.add(c);
    const [box] = vertex.boxes, before = [vertex.x, vertex.y];
    this.rebuild();
    const after = this.vertices[this.vertexOfBox[box]];
    this.x += after.x - before[0];
    this.y += after.y - before[1];
    this.mark(this.markedBoxes || []);
    this.select(after.id, false);
  }

  foldAll(closed) {
    this.open = new Set(closed ? [] : this.clusters.map((_, c) => c));
    this.selected = null;
    this.rebuild();
    this.mark(this.markedBoxes || []);
    this.fit();
    this.onSelect(null);
  }

  mark(boxes) {
    this.markedBoxes = boxes;
    this.marked = new Set(boxes.map((b) => this.vertexOfBox[b]));
    this.redraw();
  }

  listen() {
    const {canvas} = this;
    let drag = null;
    canvas.addEventListener('pointerdown', (event) => {
      drag = {x: event.clientX, y: event.clientY, moved: false};
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (!drag) return;
      const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      Object.assign(drag, {x: event.clientX, y: event.clientY, moved: true});
      canvas.style.cursor = 'grabbing';
      this.pan(dx, dy);
    });
    canvas.addEventListener('pointerup', (event) => {
      const moved = drag && drag.moved;
      drag = null;
      canvas.style.cursor = '';
      if (moved) return;
      const v = this.at(event.offsetX, event.offsetY);
      this.select(v ? v.id : null, false);
    });
    canvas.addEventListener('dblclick', (event) => {
      const v = this.at(event.offsetX, event.offsetY);
      if (v) this.toggle(v);
    });
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.offsetX, event.offsetY);
    }, {passive: false});
    canvas.addEventListener('keydown', (event) => this.key(event));
  }

  key(event) {
    const v = this.selected === null ? null : this.vertices[this.selected];
    const actions = {
      '+': () => this.zoom(1.25), '=': () => this.zoom(1.25), '-': () => this.zoom(0.8),
      '0': () => this.whole(), Escape: () => this.select(null, false),
      Enter: () => v && this.toggle(v),
      ArrowUp: () => this.step(v, v && v.from[0]), ArrowDown: () => this.step(v, v && v.to[0]),
      ArrowLeft: () => this.step(v, this.beside(v, -1)), ArrowRight: () => this.step(v, this.beside(v, 1)),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  beside(v, step) {
    if (!v) return undefined;
    const row = this.layers[v.layer];
    return row[row.indexOf(v.id) + step];
  }

  // To a neighbour; without a selection, to the first box in sight.
  step(v, next) {
    if (v === null && this.vertices.length) {
      const [w, h] = this.size();
      const [first] = this.visible({left: this.x, top: this.y, right: this.x + w / this.scale,
                                    bottom: this.y + h / this.scale});
      next = (first || this.vertices[0]).id;
    }
    if (next !== undefined && next !== null) this.select(next, true);
  }
}
