// Puts the page together: tabs, the bar above the graph, search, theme.

const page = JSON.parse(byId('data').textContent);

function selectTab(name) {
  for (const tab of document.querySelectorAll('[role=tab]')) {
    const on = tab.id === `tab-${name}`;
    tab.setAttribute('aria-selected', on);
    tab.tabIndex = on ? 0 : -1;
    byId(tab.getAttribute('aria-controls')).hidden = !on;
  }
  hideTip();
}

// Stages that have a graph: that of a pass which changed nothing is the one before.
function stageGraphs() {
  let last = null;
  return page.stages.map((stage) => (last = stage.graph || last));
}

class GraphPage {
  constructor() {
    this.graphs = stageGraphs();
    this.path = [];  // regions gone into: [node, region]
    this.view = new GraphView(byId('canvas'), (vertex) => this.onSelect(vertex));
    this.details = new Details(byId('details'), {box: (id) => this.view.selectBox(id),
                                                 region: (node, r) => this.enter(node, r),
                                                 kernel: (k) => { selectTab('code'); codeView.choose(k); }});
    this.fillBar();
    this.view.theme();
    this.showStage(page.stages.length - 1);
  }

  fillBar() {
    page.stages.forEach((stage, s) => {
      const same = stage.graph ? '' : ' (no change)';
      const nodes = stage.nodes ? `: ${stage.nodes[1]} ops${same}` : '';
      byId('stage').append(el('option', {value: s}, `${stage.name}${nodes}`));
    });
    byId('stage').addEventListener('change', () => this.showStage(Number(byId('stage').value)));
    byId('fold').addEventListener('change', () => this.refold());
    byId('fold-all').addEventListener('click', () => this.foldAll(true));
    byId('unfold-all').addEventListener('click', () => this.foldAll(false));
    byId('zoom-in').addEventListener('click', () => this.view.zoom(1.25));
    byId('zoom-out').addEventListener('click', () => this.view.zoom(0.8));
    byId('fit').addEventListener('click', () => this.view.whole());
    const search = byId('search');
    search.addEventListener('input', () => this.search(search.value));
    search.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.goHit(event.shiftKey ? -1 : 1);
      if (event.key === 'Escape') { search.value = ''; this.search(''); byId('canvas').focus(); }
    });
    arrowKeys(byId('results'), 'button', () => {});
  }

  showStage(s) {
    this.stage = s;
    this.path = [];
    byId('stage').value = s;
    this.showGraph();
  }

  enter(node, region) {
    this.path.push([node, region]);
    this.showGraph();
  }

  // The graph at the end of the path; fusion is known of the last stage's own graph.
  showGraph() {
    let graph = this.graphs[this.stage];
    const crumbs = [graph.name];
    for (const [node, region] of this.path) {
      graph = graph.nodes[node].regions[region];
      crumbs.push(graph.name);
    }
    const fusion = this.stage === page.stages.length - 1 && !this.path.length ? page.fusion : null;
    this.model = new GraphModel(graph, fusion);
    byId('crumbs').replaceChildren(...(crumbs.length < 2 ? [] : crumbs.map((name, i) => el('button', {
      click: () => { this.path.length = i; this.showGraph(); }}, `@${name}`))));
    const kinds = [['none', 'nothing'], ['line', 'source line'], ['file', 'source file'], ['layer', 'layer']];
    if (fusion) kinds.push(['kernel', 'kernel']);
    const before = byId('fold').value;
    byId('fold').replaceChildren(...kinds.map(([value, text]) => el('option', {value}, text)));
    const possible = kinds.some(([value]) => value === before);
    byId('fold').value = possible ? before : fusion ? 'kernel' : 'none';
    // Large graphs start folded: nobody reads thousands of boxes.
    if (!possible && !fusion && this.model.boxes.length > 400) byId('fold').value = 'line';
    this.refold();
  }

  refold() {
    const by = byId('fold').value;
    this.view.show(this.model, by, by !== 'none' && this.model.boxes.length > 60);
    this.search(byId('search').value);
    this.onSelect(null);
  }

  foldAll(closed) {
    if (closed && byId('fold').value === 'none') {
      byId('fold').value = this.model.fusion ? 'kernel' : 'line';
      this.view.show(this.model, byId('fold').value, true);
    }
    this.view.foldAll(closed);
    this.status();
  }

  search(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.hits = !words.length ? [] : this.model.boxes.filter((box) => {
      const where = this.model.searchText(box);
      return words.every((word) => where.includes(word));
    }).map((box) => box.id);
    this.hit = -1;
    this.view.mark(this.hits);
    byId('found').textContent = words.length ? `${this.hits.length} of ${this.model.boxes.length}` : '';
    byId('results').hidden = !words.length;
    byId('results').replaceChildren(...this.hits.slice(0, 300).map((id, i) => {
      const box = this.model.boxes[id];
      const go = () => { this.hit = i; this.view.selectBox(id); };
      return el('li', {}, el('button', {click: go}, box.title, el('small', {}, `${box.type}  ${atText(box.at)}`)));
    }));
  }

  goHit(step) {
    if (!this.hits.length) return;
    this.hit = (this.hit + step + this.hits.length) % this.hits.length;
    this.view.selectBox(this.hits[this.hit]);
    byId('found').textContent = `${this.hit + 1} of ${this.hits.length}`;
  }

  onSelect(vertex) {
    this.details.show(this.model, this.view, vertex);
    this.status();
  }

  status() {
    const {view, model} = this;
    const folded = view.clusters.filter((_, c) => view.isClosed(c)).length;
    byId('status').textContent = `${plural(model.graph.nodes.length, 'op')}; ${view.vertices.length.toLocaleString('en')} boxes` +
        (folded ? `, ${folded.toLocaleString('en')} of them folded` : '') + `, ${plural(view.edges.length, 'edge')}`;
    Object.assign(byId('canvas').dataset, {ops: model.graph.nodes.length, folded,
                                           selected: view.selected === null ? '' : view.vertices[view.selected].lines[0]});
  }
}

const codeView = new CodeView(byId('code'), page.code, page.profile);
const graphPage = new GraphPage();

function goKernel(name) {
  const k = page.code.kernels.findIndex((kernel) => kernel.name === name);
  if (k < 0) return;
  selectTab('code');
  codeView.choose(k);
}

function start() {
  byId('title').textContent = `@${page.model}`;
  const symbols = page.symbols.map(([name, bound]) => `${name} ≤ ${bound}`).join(', ');
  byId('facts').textContent = [page.target.join(' '), symbols, plural(page.code.kernels.length, 'kernel launch').replace(/launchs$/, 'launches'),
                               `${page.code.codes.length} distinct`].filter(Boolean).join(' · ');
  byId('summary-text').textContent = page.summary;
  const graphs = stageGraphs();
  new MemoryView(byId('memory'), page.memory, page.code, new GraphModel(graphs[graphs.length - 1], page.fusion));
  new RooflineView(byId('roofline'), page.profile, goKernel);
  for (const tab of document.querySelectorAll('[role=tab]')) {
    tab.addEventListener('click', () => selectTab(tab.id.slice(4)));
  }
  arrowKeys(byId('tabs'), '[role=tab]', (tab) => tab.click());
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    graphPage.view.theme();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => graphPage.view.theme());
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || ['INPUT', 'SELECT'].includes(document.activeElement.tagName)) return;
    event.preventDefault();
    selectTab('graph');
    byId('search').focus();
  });
}
start();
