// How smoothly the page of `tenon show --format=html` moves: a graph of 5,000 ops in a headless Chromium,
// dragged across the screen, nothing folded. Reports the median of a pan: the time from a pointer's move to the
// end of the frame that shows it, so never less than the rest of a frame at 60 a second. At most 33 ms is the bar;
// more ends with 1.
//   node benchmarks/page_bench.mjs TENON [OPS]
import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {Browser} from '../tests/page/browser.mjs';

const kBar = 33;
const [tenon, ops = '5000'] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'tenon-page-bench-'));

// Chains of element-wise ops with some contractions and far edges between them: nothing that is simplified away.
function graph(count) {
  const width = 12, lines = [], last = Array.from({length: width}, () => '%x');
  for (let i = 0; i < count; ++i) {
    const chain = i % width, other = (i * 7 + 3) % width;
    const from = last[chain], far = last[(chain + 5) % width];
    if (i % 61 === 60) lines.push(`%${i} = contract(${from}, ${last[other]}) "mk,kn->mn"  // net.cc:${i % 400}`);
    else lines.push(`%${i} = ${i % 3 ? `add(${from}, ${far})` : `tanh(${from})`}  // net.cc:${i % 400}`);
    last[chain] = `%${i}`;
  }
  return `tenon graph 1\ngraph @large(%x: f32[16,16]) -> (${last.map((_, i) => `y${i}: f32[16,16]`).join(', ')}) {\n  ` +
      `${lines.join('\n  ')}\n  return ${last.join(', ')}\n}\n`;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const model = join(folder, 'large.tn'), page = join(folder, 'large.html');
writeFileSync(model, graph(Number(ops)));
let start = performance.now();
execFileSync(tenon, ['show', model, '--format=html', '-o', page]);
console.log(`page made in ${((performance.now() - start) / 1000).toFixed(1)} s`);
const browser = await Browser.start();
let failed = false;
try {
  start = performance.now();
  await browser.open(page);
  await browser.evaluate(`(() => { const s = document.getElementById('stage'); s.value = 0; s.dispatchEvent(new Event('change')); })()`);
  console.log(`loaded and laid out in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  start = performance.now();
  await browser.evaluate(`(() => { const s = document.getElementById('fold'); s.value = 'none'; s.dispatchEvent(new Event('change')); })()`);
  console.log(`${await browser.evaluate(`document.getElementById('status').textContent`)}, placed in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  const views = {
    'all in sight': `document.getElementById('fit').click()`,
    'close': `(() => { const s = document.getElementById('search'); s.value = 'contract'; s.dispatchEvent(new Event('input'));
        document.querySelectorAll('#results button')[40].click(); })()`,
  };
  for (const [what, go] of Object.entries(views)) {
    await browser.evaluate(go);
    await browser.frame();
    const drawn = await browser.evaluate(`document.getElementById('canvas').dataset.drawn`);
    await browser.screenshot(join(process.env.PAGE_BENCH_SHOTS || folder, `${what.replaceAll(' ', '_')}.png`));
    // From the event to the first task behind the frame: drawing and rastering are then done.
    const times = await browser.evaluate(`(async () => {
      const canvas = document.getElementById('canvas'), box = canvas.getBoundingClientRect(), times = [];
      const event = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type,
          {bubbles: true, pointerId: 1, isPrimary: true, button: 0, clientX: box.x + x, clientY: box.y + y}));
      canvas.setPointerCapture = () => {};
      event('pointerdown', 400, 300);
      for (let i = 0; i < 120; ++i) {
        const begun = performance.now();
        event('pointermove', 400 + 200 * Math.sin(i / 9), 300 + 150 * Math.cos(i / 7));
        await new Promise((done) => requestAnimationFrame(() => { const c = new MessageChannel();
            c.port1.onmessage = done; c.port2.postMessage(0); }));
        times.push(performance.now() - begun);
      }
      event('pointerup', 400, 300);
      return times;
    })()`);
    const pan = median(times);
    failed ||= pan > kBar;
    console.log(`pan, ${what} (${drawn} boxes): median ${pan.toFixed(1)} ms of ${times.length}, worst ${Math.max(...times).toFixed(1)} ms`);
  }
} finally {
  await browser.stop();
  rmSync(folder, {recursive: true, force: true});
}
process.exit(failed ? 1 : 0);
