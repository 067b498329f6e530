// The kernels: kernel IR, LLVM IR and assembly of each, and the program that launches them.

class CodeView {
  constructor(section, code, profile) {
    this.code = code;
    this.kind = 'ir';
    this.chosen = -1;  // the program
    const seconds = new Map();
    for (const launch of profile ? profile.launches : []) {
      if (launch.kernel) seconds.set(launch.kernel, (seconds.get(launch.kernel) || 0) + launch.seconds);
    }
    this.list = el('div', {class: 'list', role: 'listbox', 'aria-label': 'Kernels'});
    const row = (name, number, k) => el('button', {role: 'option', click: () => this.choose(k), 'data-kernel': k},
        el('span', {class: 'name mono'}, name), el('span', {class: 'number'}, number));
    this.list.append(row('program: the steps', '', -1));
    code.kernels.forEach((kernel, k) => {
      const time = seconds.get(kernel.name);
      this.list.append(row(kernel.name, time === undefined ? `${k}` : secondsText(time), k));
    });
    arrowKeys(this.list, 'button', (button) => button.click());
    this.title = el('span', {class: 'mono grow'});
    this.kinds = el('span', {class: 'kinds'});
    for (const [kind, label] of [['ir', 'Kernel IR'], ['llvm', 'LLVM IR'], ['asm', 'Assembly']]) {
      this.kinds.append(el('button', {click: () => this.show(kind), 'data-kind': kind}, label));
    }
    this.pre = el('pre', {tabindex: 0, id: 'code-text'});
    section.append(el('div', {class: 'columns'}, this.list,
                      el('div', {class: 'text'}, el('div', {class: 'bar'}, this.kinds, this.title), this.pre)));
    this.choose(code.kernels.length ? 0 : -1);
  }

  choose(k) {
    this.chosen = k;
    for (const button of this.list.children) {
      const current = Number(button.dataset.kernel) === k;
      button.setAttribute('aria-current', current);
      button.setAttribute('aria-selected', current);
      if (current) button.scrollIntoView({block: 'nearest'});
    }
    this.show(this.kind);
  }

  show(kind) {
    this.kind = kind;
    for (const button of this.kinds.children) button.setAttribute('aria-pressed', button.dataset.kind === kind);
    const {kernels, codes, program} = this.code;
    const kernel = kernels[this.chosen];
    this.title.textContent = kernel ? codes[kernel.code].symbol : 'program';
    this.pre.textContent = !kernel ? program[kind] : kind === 'ir' ? kernel.ir : codes[kernel.code][kind];
    this.pre.scrollTop = 0;
  }
}
