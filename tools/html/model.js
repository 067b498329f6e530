// The graph that is shown: boxes (ops, inputs, outputs) and edges, and its folding.
//
// Parameters, state and constants are no boxes: they stand inside the ops that read them, since
// edges to them say nothing and cross everything.

const atText = (at) => (at ? `${at[0]}:${at[1]}` : '');
const fileName = (path) => path.slice(path.lastIndexOf('/') + 1);

class GraphModel {
  // `fusion`: of the stage that has one, or null.
  constructor(graph, fusion) {
    this.graph = graph;
    this.fusion = fusion;
    this.nameOfInput = new Map(graph.inputs.map((input) => [input.value, input]));
    this.producer = new Map();
    graph.nodes.forEach((node, i) => node.out.forEach((v) => this.producer.set(v, i)));
    this.findGroups();
    this.addBoxes();
  }

  // By node: the numbers of the groups that evaluate it, and why it joined them.
  findGroups() {
    this.groups = this.graph.nodes.map(() => []);
    this.why = new Map();
    if (!this.fusion) return;
    this.fusion.groups.forEach((group, g) => group.members.forEach((n) => this.groups[n].push(g)));
    for (const [node, why] of this.fusion.joins) this.why.set(node, why);
  }

  // A value that stands inside the box of its reader, as text; null: it has a box of its own.
  inlineText(v) {
    if (this.inlineTexts === undefined) this.inlineTexts = new Map();
    if (this.inlineTexts.has(v)) return this.inlineTexts.get(v);
    const input = this.nameOfInput.get(v);
    let text = null;
    if (input) {
      if (input.kind !== 'input') text = `${input.name}: ${this.graph.types[v]}`;
    } else {
      const node = this.graph.nodes[this.producer.get(v)];
      if (node.in.length === 0 && node.out.length === 1 && !node.regions) {
        text = `${node.op} ${node.attrs || this.graph.types[v]}`;
      } else if (node.in.length === 1 && node.out.length === 1 && !node.regions &&
                 !this.nameOfInput.has(node.in[0])) {
        const inner = this.inlineText(node.in[0]);
        if (inner !== null) text = `${node.op} of ${inner}`;
      }
    }
    if (text !== null && text.length > 44) text = `${text.slice(0, 43)}…`;
    this.inlineTexts.set(v, text);
    return text;
  }

  valueName(v) {
    const input = this.nameOfInput.get(v);
    if (input) return input.name;
    const output = this.graph.outputs.find((o) => o.value === v);
    return output ? `${output.name} (%${v})` : `%${v}`;
  }

  addBoxes() {
    const {graph} = this;
    this.boxes = [];
    const boxOf = new Map();  // of a value
    const add = (box) => this.boxes.push(Object.assign(box, {id: this.boxes.length})) - 1;
    for (const input of graph.inputs) {
      if (input.kind !== 'input') continue;
      boxOf.set(input.value, add({kind: 'input', title: input.name, type: graph.types[input.value],
                                  at: input.at, from: [], inline: [], value: input.value}));
    }
    graph.nodes.forEach((node, i) => {
      if (node.out.every((v) => this.inlineText(v) !== null)) return;
      const from = [], inline = [];
      for (const v of node.in) {
        const text = this.inlineText(v);
        if (text !== null) inline.push(text);
        else if (boxOf.has(v)) from.push(boxOf.get(v));
      }
      const id = add({kind: 'op', title: node.op, type: node.out.map((v) => graph.types[v]).join(', '),
                      at: node.at, from: [...new Set(from)], inline, node: i});
      node.out.forEach((v) => boxOf.set(v, id));
    });
    for (const output of graph.outputs) {
      const from = boxOf.has(output.value) ? [boxOf.get(output.value)] : [];
      add({kind: 'output', title: output.name, type: graph.types[output.value], from,
           inline: from.length ? [] : [this.inlineText(output.value) || ''], value: output.value});
    }
    this.boxOfNode = new Map(this.boxes.filter((b) => b.kind === 'op').map((b) => [b.node, b.id]));
  }

  // Text that a search looks into.
  searchText(box) {
    if (box.text === undefined) {
      const node = box.kind === 'op' ? this.graph.nodes[box.node] : null;
      const names = node ? node.out.map((v) => this.valueName(v)).join(' ') : '';
      box.text = [box.title, box.type, atText(box.at), box.inline.join(' '), names,
                  node ? node.attrs || '' : '', node ? node.layer || '' : '']
          .join(' ').toLowerCase();
    }
    return box.text;
  }

  // What a box is folded by; null: stays alone.
  keyOf(box, by) {
    if (box.kind !== 'op') return null;
    if (by === 'kernel') {
      const [first] = this.groups[box.node];
      return first === undefined ? null : `kernel ${first}`;
    }
    if (by === 'layer') return this.graph.nodes[box.node].layer || null;
    if (!box.at) return null;
    return by === 'file' ? fileName(box.at[0]) : `${fileName(box.at[0])}:${box.at[1]}`;
  }

  // Clusters of boxes with equal keys such that no path leaves a cluster and comes back: the folded
  // graph has no cycles. Where forward and backward ops share a line, they become two clusters.
  cluster(by) {
    const clusterOf = new Int32Array(this.boxes.length).fill(-1);
    const clusters = [], newest = new Map();
    const inputs = [];  // of a cluster: clusters that it reads
    const reaches = (start, goal) => {
      const seen = new Set(), work = [...start];
      while (work.length) {
        const c = work.pop();
        if (c === goal) return true;
        if (seen.has(c)) continue;
        seen.add(c);
        for (const from of inputs[c]) work.push(from);
      }
      return false;
    };
    for (const box of this.boxes) {
      const key = by === 'none' ? null : this.keyOf(box, by);
      const reads = new Set(box.from.map((b) => clusterOf[b]));
      let c = key === null ? undefined : newest.get(key);
      if (c !== undefined) {
        const others = [...reads].filter((r) => r !== c);
        if (reaches(others, c)) c = undefined;
      }
      if (c === undefined) {
        c = clusters.length;
        clusters.push({key, boxes: []});
        inputs.push(new Set());
        if (key !== null) newest.set(key, c);
      }
      clusters[c].boxes.push(box.id);
      clusterOf[box.id] = c;
      for (const r of reads) if (r !== c) inputs[c].add(r);
    }
    return {clusters, clusterOf};
  }
}
