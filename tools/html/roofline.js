// The roofline (Williams, Waterman and Patterson, 2009) of a profile by `tenon bench --json`: operations a
// second over operations a byte, under what the machine's arithmetic and its memory allow.

class RooflineView {
  constructor(section, profile, goKernel) {
    if (!profile) {
      section.append(el('p', {class: 'empty'}, 'No profile was given. Make one and show it:  ',
                        el('code', {}, 'tenon bench MODEL --json > bench.json; tenon show MODEL --format=html --profile=bench.json -o page.html')));
      return;
    }
    this.profile = profile;
    this.goKernel = goKernel;
    this.launches = profile.launches.filter((l) => l.kernel).sort((a, b) => b.seconds - a.seconds);
    const total = profile.warm ? profile.warm.median_s : 0;
    const figure = el('div', {class: 'figure'});
    const extents = Object.entries(profile.extents || {}).map(([name, n]) => `, ${name}=${n}`).join('');
    figure.append(el('p', {}, `${profile.cpu}, ${plural(profile.threads, 'thread')}${extents}: a run takes ${secondsText(total)}. ` +
        'A circle is a kernel, its area the share of time. Those with dashes instead of figures have loops whose length depends on data.'));
    figure.append(this.picture(), this.table());
    section.append(figure);
  }

  measured() {
    return this.launches.filter((l) => l.counts_exact && l.seconds > 0 && l.flops > 0 && l.bytes_read + l.bytes_written > 0)
        .map((l) => ({launch: l, intensity: l.flops / (l.bytes_read + l.bytes_written), rate: l.flops / l.seconds}));
  }

  picture() {
    const {machine} = this.profile;
    const points = this.measured();
    const w = 1200, h = 560, left = 70, bottom = 44, top = 18, right = 16;
    const peaks = [['f32', machine.peak_f32], ['f64', machine.peak_f64], ['bf16', machine.peak_bf16]].filter(([, p]) => p > 0);
    const copies = [['copy', Math.max(machine.copy, machine.copy_non_temporal)]].filter(([, c]) => c > 0);
    const highest = Math.max(1e9, ...peaks.map(([, p]) => p)) * 1.6;
    const lowest = Math.min(highest / 1e3, ...points.map((p) => p.rate)) / 2;
    const least = Math.min(0.1, ...points.map((p) => p.intensity)) / 2;
    const most = Math.max(100, ...points.map((p) => p.intensity)) * 2;
    const x = (v) => left + (w - left - right) * Math.log(v / least) / Math.log(most / least);
    const y = (v) => h - bottom - (h - bottom - top) * Math.log(v / lowest) / Math.log(highest / lowest);
    const root = svg('svg', {viewBox: `0 0 ${w} ${h}`, role: 'img', 'aria-label': 'Roofline; the table below says the same'});
    for (let e = Math.ceil(Math.log10(least)); 10 ** e < most; ++e) {
      root.append(svg('line', {class: 'axis', x1: x(10 ** e), x2: x(10 ** e), y1: top, y2: h - bottom}),
                  svg('text', {x: x(10 ** e), y: h - bottom + 18, 'text-anchor': 'middle'}, `${10 ** e}`));
    }
    for (let e = Math.ceil(Math.log10(lowest)); 10 ** e < highest; ++e) {
      root.append(svg('line', {class: 'axis', x1: left, x2: w - right, y1: y(10 ** e), y2: y(10 ** e)}),
                  svg('text', {x: left - 8, y: y(10 ** e) + 4, 'text-anchor': 'end'}, `${Number((10 ** e / 1e9).toPrecision(2))}`));
    }
    root.append(svg('text', {x: w - right, y: h - 8, 'text-anchor': 'end'}, 'operations a byte'),
                svg('text', {x: left, y: 12}, 'GFLOP/s'));
    const top32 = machine.peak_f32 || highest;
    for (const [name, copy] of copies) {
      const ridge = Math.min(most, top32 / copy), start = Math.max(least, lowest / copy);
      root.append(svg('line', {class: 'mark', x1: x(start), y1: y(start * copy), x2: x(ridge), y2: y(ridge * copy)}),
                  svg('text', {x: x(start) + 8, y: y(start * copy) + 24}, `${name}, past the caches: ${Number((copy / 1e9).toPrecision(3))} GB/s`));
    }
    let label = w - right - 4;  // labels beside each other: peaks may be equal
    for (const [name, peak] of peaks) {
      root.append(svg('line', {class: 'mark', x1: copies.length ? x(Math.max(least, peak / copies[0][1])) : left, y1: y(peak), x2: w - right, y2: y(peak)}),
                  svg('text', {x: label, y: y(peak) - 5, 'text-anchor': 'end'}, `${name} peak: ${Math.round(peak / 1e9)} GFLOP/s`));
      label -= 170;
    }
    const whole = this.launches.reduce((sum, l) => sum + l.seconds, 0) || 1;
    for (const {launch, intensity, rate} of points) {
      const text = this.describe(launch);
      root.append(svg('circle', {class: 'block', cx: x(intensity), cy: y(rate), r: Math.max(4, 40 * Math.sqrt(launch.seconds / whole)),
                                 fill: `hsl(${hashOf(launch.kernel) % 360} 55% 55% / .75)`,
                                 mousemove: (event) => showTip(text, event.clientX, event.clientY), mouseleave: hideTip,
                                 click: () => this.goKernel(launch.kernel)}));
    }
    return root;
  }

  share(l) { return l.seconds > 0 ? `${(100 * l.roofline_s / l.seconds).toFixed(1)}%` : '-'; }

  describe(l) {
    return `${l.kernel}\n${secondsText(l.seconds)}, ${(l.flops / l.seconds / 1e9).toFixed(1)} GFLOP/s\n` +
        `${(l.flops / (l.bytes_read + l.bytes_written)).toPrecision(3)} operations a byte\n${this.share(l)} of the roofline`;
  }

  table() {
    const body = el('tbody');
    for (const l of this.launches) {
      const rate = (amount) => (l.counts_exact && l.seconds > 0 ? (amount / l.seconds / 1e9).toFixed(1) : '-');
      body.append(el('tr', {},
          el('td', {}, el('button', {class: 'link mono', click: () => this.goKernel(l.kernel)}, l.kernel)),
          el('td', {class: 'number'}, secondsText(l.seconds)), el('td', {class: 'number'}, rate(l.flops)),
          el('td', {class: 'number'}, rate(l.bytes_read + l.bytes_written)),
          el('td', {class: 'number'}, l.counts_exact ? this.share(l) : '-'),
          el('td', {}, !l.counts_exact ? '' : l.compute_s >= l.roofline_s ? 'compute' : 'memory')));
    }
    const number = (text) => el('th', {class: 'number'}, text);
    return el('table', {id: 'launches'}, el('thead', {}, el('tr', {}, el('th', {}, 'Kernel'), number('Time'), number('GFLOP/s'),
        number('GB/s'), number('Of the roofline'), el('th', {}, 'Bound'))), body);
  }
}
