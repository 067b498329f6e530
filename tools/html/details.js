// The panel beside the graph: what is selected, and why it is fused as it is.

class Details {
  // `go`: {box(id), region(node, number), kernel(number)}.
  constructor(panel, go) {
    this.panel = panel;
    this.go = go;
  }

  show(model, view, vertex) {
    if (!vertex) return this.panel.replaceChildren(...this.overview(model));
    const box = model.boxes[vertex.boxes[0]];
    if (vertex.closed) this.panel.replaceChildren(...this.fold(model, view, vertex));
    else this.panel.replaceChildren(...this.box(model, view, vertex, box));
  }

  overview(model) {
    const kinds = new Map();
    for (const node of model.graph.nodes) kinds.set(node.op, (kinds.get(node.op) || 0) + 1);
    const list = [...kinds].sort((a, b) => b[1] - a[1]).map(([op, n]) => el('li', {}, `${n} × ${op}`));
    const parts = [el('h2', {}, `@${model.graph.name}`),
                   el('p', {class: 'quiet'}, 'Drag to pan, turn the wheel to zoom, click a box to see its details, ' +
                      'double-click (or Enter) to fold and unfold. Arrow keys move along edges.')];
    if (model.fusion) {
      parts.push(el('p', {}, `${plural(model.graph.nodes.length, 'op')} in ` +
                    `${plural(model.fusion.groups.length, 'fusion group')}; boxes of one colour are one kernel.`));
    }
    return [...parts, el('h3', {}, 'Ops'), el('ul', {class: 'mono'}, ...list)];
  }

  fold(model, view, vertex) {
    const cluster = view.clusters[vertex.cluster];
    const parts = [el('h2', {}, cluster.key), el('p', {}, `${plural(vertex.boxes.length, 'op')}, folded.`),
                   el('button', {click: () => view.toggle(vertex), id: 'toggle'}, 'Unfold')];
    parts.push(el('h3', {}, 'Ops'), this.boxList(model, vertex.boxes));
    const [group] = model.groups[model.boxes[vertex.boxes[0]].node] || [];
    if (group !== undefined && view.by === 'kernel') parts.push(...this.group(model, group));
    return parts;
  }

  box(model, view, vertex, box) {
    const parts = [el('h2', {}, box.title)];
    if (view.isFold(vertex.cluster)) {
      parts.push(el('button', {click: () => view.toggle(vertex), id: 'toggle'},
                    `Fold ${view.clusters[vertex.cluster].key}`));
    }
    if (box.kind !== 'op') {
      parts.push(el('p', {class: 'mono'}, box.type), el('p', {class: 'quiet'}, `${box.kind} of the graph`));
    } else {
      parts.push(...this.node(model, box));
    }
    if (box.at) parts.push(el('h3', {}, 'Source'), el('p', {class: 'mono'}, atText(box.at)));
    if (box.inline.length) {
      parts.push(el('h3', {}, 'Parameters, state, constants'),
                 el('ul', {class: 'mono'}, ...box.inline.map((text) => el('li', {}, text))));
    }
    if (box.from.length) parts.push(el('h3', {}, 'Reads'), this.boxList(model, box.from));
    const readers = model.boxes.filter((b) => b.from.includes(box.id)).map((b) => b.id);
    if (readers.length) parts.push(el('h3', {}, 'Read by'), this.boxList(model, readers));
    return parts;
  }

  node(model, box) {
    const node = model.graph.nodes[box.node];
    const parts = [];
    for (const v of node.out) parts.push(el('p', {class: 'mono'}, `${model.valueName(v)}: ${model.graph.types[v]}`));
    if (node.attrs) parts.push(el('h3', {}, 'Attributes'), el('p', {class: 'mono'}, node.attrs));
    if (node.layer) parts.push(el('h3', {}, 'Layer'), el('p', {}, node.layer));
    (node.regions || []).forEach((region, r) => {
      parts.push(el('p', {}, el('button', {click: () => this.go.region(box.node, r)}, `Look into @${region.name}`)));
    });
    if (!model.fusion) return parts;
    const why = model.why.get(box.node);
    if (why) parts.push(el('h3', {}, 'Why it is fused'), el('p', {}, why));
    const groups = model.groups[box.node];
    if (!groups.length) parts.push(el('h3', {}, 'Kernel'), el('p', {}, 'none: it costs nothing, or is a constant'));
    for (const g of groups) parts.push(...this.group(model, g, node));
    return parts;
  }

  // A fusion group: its kernels, what it stores and why.
  group(model, g, node) {
    const group = model.fusion.groups[g];
    const parts = [el('h3', {}, `Kernel ${g}: ${group.kind}`)];
    const list = group.kernels.map((k) => el('li', {}, el('button', {class: 'link mono', click: () => this.go.kernel(k)},
                                                            page.code.kernels[k].name)));
    parts.push(el('ul', {}, ...list));
    if (!list.length) parts.push(el('p', {class: 'quiet'}, 'takes no kernel of its own'));
    const stored = node ? group.stored.filter(([v]) => node.out.includes(v)) : group.stored;
    if (stored.length) parts.push(el('h3', {}, 'Why it is not fused further'));
    for (const [v, why] of stored) {
      parts.push(el('p', {}, el('span', {class: 'mono'}, model.valueName(v)), ` is stored: ${why}`));
    }
    return parts;
  }

  boxList(model, ids) {
    const shown = ids.slice(0, 100).map((id) => el('li', {}, el('button', {class: 'link', click: () => this.go.box(id)},
        model.boxes[id].title), el('span', {class: 'quiet mono'}, ` ${model.boxes[id].type}`)));
    if (ids.length > 100) shown.push(el('li', {class: 'quiet'}, `and ${ids.length - 100} more`));
    return el('ul', {}, ...shown);
  }
}
