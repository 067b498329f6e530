'use strict';
const byId = (id) => document.getElementById(id);
const kSide = 28, kStepsAFrame = 2;

const bytes = Uint8Array.from(atob(byId('module').textContent), (c) => c.charCodeAt(0));
const {exports: net} = new WebAssembly.Instance(new WebAssembly.Module(bytes), {});
const pixels = () => new Float32Array(net.memory.buffer, net.drawing(), kSide * kSide);
const scores = () => new Float32Array(net.memory.buffer, net.scores(), 10);

function check(status) {
  if (status !== 0) throw new Error(`tenon_status ${status}`);
}

const pad = byId('pad'), pen = pad.getContext('2d');
const small = new OffscreenCanvas(kSide, kSide).getContext('2d', {willReadFrequently: true});
small.imageSmoothingQuality = 'high';
let label = null;  // null: guess
let last = null;   // the pen's place while it is down
let fresh = true;  // nothing is drawn yet
let busy = false;  // a frame is under way
let steps = 0, stepTime = 0;

function choose(next) {
  label = next;
  for (const button of byId('labels').children) button.setAttribute('aria-pressed', button.dataset.label === String(label ?? '?'));
  clear();
}

function clear() {
  pen.fillStyle = '#000';
  pen.fillRect(0, 0, pad.width, pad.height);
  fresh = true;
  read();
  show();
}

// The drawing, made small, into the module's memory.
function read() {
  small.drawImage(pad, 0, 0, kSide, kSide);
  const {data} = small.getImageData(0, 0, kSide, kSide), to = pixels();
  for (let i = 0; i < to.length; ++i) to[i] = data[4 * i] / 255;
}

// While the pen is down (and for the moment after): learn, or only guess.
function frame() {
  read();
  if (label !== null) {
    const begun = performance.now();
    for (let i = 0; i < kStepsAFrame; ++i) check(net.learn());
    stepTime = (performance.now() - begun) / kStepsAFrame;
    steps += kStepsAFrame;
  }
  show();
  if (last) requestAnimationFrame(frame);
  else busy = false;
}

function show() {
  check(net.guess());
  const s = [...scores()], top = Math.max(...s), e = s.map((v) => Math.exp(v - top)), sum = e.reduce((a, b) => a + b);
  const best = s.indexOf(top);
  [...byId('bars').children].forEach((row, d) => {
    const share = fresh ? 0 : e[d] / sum;
    row.querySelector('span').style.width = `${100 * share}%`;
    row.querySelector('small').textContent = fresh ? '' : `${Math.round(100 * share)}%`;
  });
  byId('bars').dataset.guess = fresh ? '' : best;
  byId('facts').textContent = `${net.drawings()} drawings, ${steps} steps` +
      (steps ? `, ${stepTime.toFixed(1)} ms each; loss ${net.loss().toFixed(3)}` : '') +
      `; ${Math.round(bytes.length / 1024)} KiB of code and weights, ${Math.round(net.memory.buffer.byteLength / 1024)} KiB of memory`;
}

function start() {
  for (const name of ['?', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
    const button = document.createElement('button');
    button.textContent = button.dataset.label = name;
    button.addEventListener('click', () => choose(name === '?' ? null : name));
    byId('labels').append(button);
  }
  for (let d = 0; d < 10; ++d) {
    const row = document.createElement('div'), name = document.createElement('b'), bar = document.createElement('i');
    name.textContent = d;
    bar.append(document.createElement('span'));
    row.append(name, bar, document.createElement('small'));
    byId('bars').append(row);
  }
  pad.addEventListener('pointerdown', (event) => {
    pad.setPointerCapture(event.pointerId);
    if (fresh && label !== null) net.begin(label);
    fresh = false;
    last = [event.offsetX, event.offsetY];
    if (!busy) requestAnimationFrame(frame);
    busy = true;
  });
  pad.addEventListener('pointermove', (event) => {
    if (!last) return;
    Object.assign(pen, {strokeStyle: '#fff', lineWidth: 26, lineCap: 'round', lineJoin: 'round'});
    pen.beginPath();
    pen.moveTo(...last);
    pen.lineTo(event.offsetX, event.offsetY);
    pen.stroke();
    last = [event.offsetX, event.offsetY];
  });
  pad.addEventListener('pointerup', () => { last = null; });
  document.addEventListener('keydown', (event) => {
    if (/^[0-9]$/.test(event.key)) choose(Number(event.key));
    if (event.key === '?') choose(null);
    if (event.key === 'Escape') clear();
  });
  byId('clear').addEventListener('click', clear);
  byId('forget').addEventListener('click', () => { check(net.start()); steps = 0; clear(); });
  check(net.start());
  choose(0);
}
start();
