// The arena over time: moments of the program from left to right, addresses upwards; a block a buffer.

class MemoryView {
  // `model`: of the graph as lowered, for the tensors' names.
  constructor(section, memory, code, model) {
    Object.assign(this, {memory, code, model});
    const share = memory.arena ? Math.round(100 * memory.peak / memory.arena) : 100;
    const figure = el('div', {class: 'figure'});
    section.append(figure);
    figure.append(el('p', {},
        `Arena ${bytesText(memory.arena)}; at most ${bytesText(memory.peak)} (${share}%) are alive at once. ` +
        `Scratch ${bytesText(memory.scratch)} a thread, prepared area ${bytesText(memory.prepared)}. ` +
        'Sizes are at the bounds of symbolic dimensions.'));
    if (!memory.buffers.length) {
      figure.append(el('p', {class: 'empty'}, 'Nothing lies in the arena: every value is an input, an output or in registers.'));
      return;
    }
    this.blocks = memory.buffers.map((buffer, b) => this.block(buffer, b));
    figure.append(this.picture(), this.table());
  }

  names(buffer) {
    const {model} = this;
    const names = buffer.values.map((v) => {
      const node = model.graph.nodes[model.producer.get(v)];
      return node ? `${model.valueName(v)}: ${model.graph.types[v]} = ${node.op}` : model.valueName(v);
    });
    return names.length ? names : [`${buffer.name} (temporary)`];
  }

  moment(m) {
    const kernel = this.memory.moments[m];
    return kernel >= 0 ? this.code.kernels[kernel].name : 'control flow';
  }

  describe(buffer) {
    const places = new Set(buffer.values.map((v) => {
      const node = this.model.graph.nodes[this.model.producer.get(v)];
      return node ? atText(node.at) : '';
    }));
    return [...this.names(buffer), `${bytesText(buffer.bytes)} at ${buffer.offset}`,
            `alive from ${buffer.first} (${this.moment(buffer.first)})`,
            `to ${buffer.last} (${this.moment(buffer.last)})`, ...[...places].filter(Boolean)].join('\n');
  }

  block(buffer, b) {
    const text = this.describe(buffer);
    return svg('rect', {class: 'block', 'data-buffer': b, fill: `hsl(${hueOf(b)} 50% 60%)`,
                        mousemove: (event) => showTip(text, event.clientX, event.clientY),
                        mouseleave: hideTip, click: () => this.choose(b, true)});
  }

  picture() {
    const {memory} = this;
    const w = 1200, h = 520, left = 76, bottom = 34, top = 12, right = 10;
    const moments = memory.moments.length;
    const x = (m) => left + (w - left - right) * m / moments;
    const y = (bytes) => h - bottom - (h - bottom - top) * bytes / Math.max(1, memory.arena);
    const root = svg('svg', {viewBox: `0 0 ${w} ${h}`, role: 'img', 'aria-label': 'The arena over time; the table below says the same'});
    for (let i = 0; i <= 4; ++i) {
      const bytes = memory.arena * i / 4;
      root.append(svg('line', {class: 'axis', x1: left, x2: w - right, y1: y(bytes), y2: y(bytes)}),
                  svg('text', {x: left - 8, y: y(bytes) + 4, 'text-anchor': 'end'}, bytesText(Math.round(bytes))));
    }
    const step = Math.max(1, Math.ceil(moments / 12));
    for (let m = 0; m < moments; m += step) {
      root.append(svg('text', {x: x(m + 0.5), y: h - 14, 'text-anchor': 'middle'}, `${m}`));
    }
    root.append(svg('text', {x: w - right, y: h - 2, 'text-anchor': 'end'}, 'launches, in order'));
    memory.buffers.forEach((buffer, b) => {
      const attributes = {x: x(buffer.first), width: Math.max(1, x(buffer.last + 1) - x(buffer.first)),
                          y: y(buffer.offset + buffer.bytes),
                          height: Math.max(1, y(buffer.offset) - y(buffer.offset + buffer.bytes))};
      for (const [name, value] of Object.entries(attributes)) this.blocks[b].setAttribute(name, value);
      root.append(this.blocks[b]);
      if (attributes.width > 60 && attributes.height > 15) {
        const room = Math.floor(attributes.width / 7);
        const name = this.names(buffer)[0].split(' =')[0];
        root.append(svg('text', {x: attributes.x + 5, y: attributes.y + 12, 'pointer-events': 'none', style: 'fill: #10151c; font-size: 11px'},
                        name.length > room ? `${name.slice(0, room - 1)}…` : name));
      }
    });
    root.append(svg('line', {class: 'mark', x1: left, x2: w - right, y1: y(memory.peak), y2: y(memory.peak)}),
                svg('text', {x: w - right - 4, y: y(memory.peak) + 14, 'text-anchor': 'end'}, `most alive at once: ${bytesText(memory.peak)}`));
    return root;
  }

  table() {
    const order = this.memory.buffers.map((_, b) => b)
        .sort((a, b) => this.memory.buffers[b].bytes - this.memory.buffers[a].bytes).slice(0, 1000);
    this.rows = new Map();
    const body = el('tbody');
    for (const b of order) {
      const buffer = this.memory.buffers[b];
      const row = el('tr', {},
          el('td', {}, el('span', {class: 'swatch', style: `background: hsl(${hueOf(b)} 50% 60%)`}),
             el('button', {class: 'link mono', click: () => this.choose(b, false), focus: () => this.choose(b, false)},
                this.names(buffer).join('; then '))),
          el('td', {class: 'number'}, bytesText(buffer.bytes)), el('td', {class: 'number'}, `${buffer.offset}`),
          el('td', {class: 'number'}, `${buffer.first}-${buffer.last}`), el('td', {class: 'mono quiet'}, this.moment(buffer.first)));
      this.rows.set(b, row);
      body.append(row);
    }
    return el('table', {id: 'buffers'}, el('thead', {}, el('tr', {}, el('th', {}, 'Tensor'), el('th', {class: 'number'}, 'Bytes'),
        el('th', {class: 'number'}, 'Offset'), el('th', {class: 'number'}, 'Alive'), el('th', {}, 'Written by'))), body);
  }

  choose(b, scroll) {
    this.blocks.forEach((block, i) => block.classList.toggle('chosen', i === b));
    const row = this.rows.get(b);
    if (scroll && row) {
      row.scrollIntoView({block: 'center'});
      row.querySelector('button').focus();
    }
  }
}
