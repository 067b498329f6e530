// Places of boxes in layers, from top to bottom (Sugiyama, Tagawa and Toda, 1981): layers by longest
// paths, order within them by barycentres, then places as near to the neighbours' as the widths
// allow. `boxes`: [{w, h, from: [numbers]}], each after those that it reads. Sets x, y (centre, top)
// and layer of each, and gives {layers: [[number, ...]], edges: [{from, to, points}], width, height}.

const kGapX = 26, kGapY = 44;
// Edges over several layers are led through them while they take no more places than this a box.
const kBendsPerBox = 6;

function layout(boxes) {
  const layers = assignLayers(boxes);
  const {slots, rows, edges} = addBends(boxes, layers);
  orderRows(slots, rows);
  placeRows(slots, rows);
  let y = 0, left = Infinity, right = -Infinity;
  for (const row of rows) {
    const height = Math.max(0, ...row.map((s) => slots[s].h));
    for (const s of row) {
      slots[s].y = y + (height - slots[s].h) / 2;
      left = Math.min(left, slots[s].x - slots[s].w / 2);
      right = Math.max(right, slots[s].x + slots[s].w / 2);
    }
    y += height + kGapY;
  }
  boxes.forEach((box, b) => Object.assign(box, {x: slots[b].x - left, y: slots[b].y, layer: slots[b].row}));
  for (const edge of edges) {
    const points = edge.bends.map((s) => [slots[s].x - left, slots[s].y]);
    const from = boxes[edge.from], to = boxes[edge.to];
    edge.points = [[from.x, from.y + from.h], ...points, [to.x, to.y]];
  }
  return {layers: rows.map((row) => row.filter((s) => s < boxes.length)), edges,
          width: Math.max(1, right - left), height: Math.max(1, y - kGapY)};
}

function assignLayers(boxes) {
  const layer = new Int32Array(boxes.length);
  const nearest = new Int32Array(boxes.length).fill(-1);  // layer of the first reader
  boxes.forEach((box, b) => { for (const f of box.from) layer[b] = Math.max(layer[b], layer[f] + 1); });
  // What reads nothing moves down to its first reader.
  for (let b = boxes.length - 1; b >= 0; --b) {
    if (boxes[b].from.length === 0 && nearest[b] > 0) layer[b] = nearest[b] - 1;
    for (const f of boxes[b].from) {
      if (nearest[f] < 0 || layer[b] < nearest[f]) nearest[f] = layer[b];
    }
  }
  return layer;
}

function addBends(boxes, layer) {
  const slots = boxes.map((box, b) => ({w: box.w, h: box.h, row: layer[b], up: [], down: [], weight: 1}));
  const edges = [];
  boxes.forEach((box, b) => box.from.forEach((f) => edges.push({from: f, to: b, bends: []})));
  const span = (edge) => layer[edge.to] - layer[edge.from];
  let budget = kBendsPerBox * boxes.length + 500;
  for (const edge of [...edges].sort((a, b) => span(a) - span(b))) {
    let last = edge.from;
    if (span(edge) - 1 <= budget) {
      for (let row = layer[edge.from] + 1; row < layer[edge.to]; ++row) {
        slots.push({w: 6, h: 0, row, up: [last], down: [], weight: 4});
        slots[last].down.push(slots.length - 1);
        last = slots.length - 1;
        edge.bends.push(last);
      }
      budget -= span(edge) - 1;
    } else {
      edge.far = true;
    }
    slots[last].down.push(edge.to);
    slots[edge.to].up.push(last);
  }
  const rows = [];
  slots.forEach((slot, s) => {
    while (rows.length <= slot.row) rows.push([]);
    rows[slot.row].push(s);
  });
  return {slots, rows, edges};
}

function orderRows(slots, rows) {
  const number = (row) => row.forEach((s, i) => { slots[s].at = i; });
  rows.forEach(number);
  const sweep = (row, side) => {
    for (const s of row) {
      const others = slots[s][side];
      let sum = 0;
      for (const o of others) sum += slots[o].at / Math.max(1, rows[slots[o].row].length - 1);
      slots[s].want = others.length ? sum / others.length : slots[s].at / Math.max(1, row.length - 1);
    }
    row.sort((a, b) => slots[a].want - slots[b].want || slots[a].at - slots[b].at);
    number(row);
  };
  const rounds = slots.length > 20000 ? 4 : 10;
  for (let round = 0; round < rounds; ++round) {
    for (let r = 1; r < rows.length; ++r) sweep(rows[r], 'up');
    for (let r = rows.length - 2; r >= 0; --r) sweep(rows[r], 'down');
  }
}

function placeRows(slots, rows) {
  for (const row of rows) {
    let x = 0;
    for (const s of row) {
      slots[s].x = x + slots[s].w / 2;
      x += slots[s].w + kGapX;
    }
    for (const s of row) slots[s].x -= x / 2;
  }
  const rounds = slots.length > 20000 ? 6 : 16;
  for (let round = 0; round < rounds; ++round) {
    for (let r = 1; r < rows.length; ++r) placeRow(slots, rows[r], ['up']);
    for (let r = rows.length - 2; r >= 0; --r) placeRow(slots, rows[r], round % 2 ? ['down', 'up'] : ['down']);
  }
}

// The places nearest to those of the neighbours (weighted least squares) that keep order and gaps:
// isotonic regression by pooling adjacent violators.
function placeRow(slots, row, sides) {
  const pools = [];
  let offset = 0;  // of a slot's centre from the pool's first, were all packed tightly
  row.forEach((s, i) => {
    const slot = slots[s];
    if (i > 0) offset += (slots[row[i - 1]].w + slot.w) / 2 + kGapX;
    let sum = 0, n = 0;
    for (const side of sides) for (const o of slot[side]) { sum += slots[o].x; ++n; }
    const weight = n ? slot.weight * n : 0.05;
    slot.packed = offset;
    let pool = {sum: weight * ((n ? sum / n : slot.x) - offset), weight, from: i};
    while (pools.length && pools[pools.length - 1].sum / pools[pools.length - 1].weight >= pool.sum / pool.weight) {
      const before = pools.pop();
      pool = {sum: before.sum + pool.sum, weight: before.weight + pool.weight, from: before.from};
    }
    pools.push(pool);
  });
  pools.forEach((pool, p) => {
    const end = p + 1 < pools.length ? pools[p + 1].from : row.length;
    for (let i = pool.from; i < end; ++i) slots[row[i]].x = pool.sum / pool.weight + slots[row[i]].packed;
  });
}
