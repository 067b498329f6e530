// The page of `tenon show --format=html`, in a headless Chromium.
//   node page_test.mjs TENON EXAMPLES FOLDER
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {Browser} from './browser.mjs';

const [tenon, examples, folder] = process.argv.slice(2);
mkdirSync(folder, {recursive: true});
const run = (...args) => execFileSync(tenon, args, {encoding: 'utf8', maxBuffer: 2 ** 28});

function pageOf(model, ...more) {
  const page = join(folder, `page${pageOf.number = (pageOf.number || 0) + 1}.html`);
  run('show', model, '--format=html', '-o', page, ...more);
  return page;
}

const browser = await Browser.start();
const $ = (expression) => browser.evaluate(expression);
const canvas = (name) => $(`document.getElementById('canvas').dataset.${name}`).then(Number);
const text = (id) => $(`document.getElementById('${id}').textContent`);
const click = (selector) => $(`document.querySelector(${JSON.stringify(selector)}).click()`);
const choose = (id, value) => $(`(() => { const s = document.getElementById('${id}'); s.value = '${value}';
    s.dispatchEvent(new Event('change')); return s.value; })()`);
async function find(words) {
  await $(`(() => { const s = document.getElementById('search'); s.value = ${JSON.stringify(words)};
      s.dispatchEvent(new Event('input')); })()`);
  return text('found');
}
const pixels = () => $(`(() => { const c = document.getElementById('canvas'), copy = new OffscreenCanvas(c.width, c.height)
    .getContext('2d', {willReadFrequently: true}), seen = new Set();
    copy.drawImage(c, 0, 0);
    const {data} = copy.getImageData(0, 0, c.width, c.height);
    for (let i = 0; i < data.length; i += 4) seen.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
    return seen.size; })()`);

const tests = {
  async 'counts of ops, kernels and stages are those of the compiler'() {
    const model = join(examples, 'models/mlp.tn');
    await browser.open(pageOf(model, '--target=x86-64-avx2'));
    const ops = run('show', model, '--emit=simplified').match(/^ +%\d+ = /gm).length;
    assert.equal(await canvas('ops'), ops);
    const kernels = run('show', model, '--emit=kernel', '--target=x86-64-avx2').match(/^kernel @/gm).length;
    assert.equal(await $(`document.querySelectorAll('#code [data-kernel]').length`), kernels + 1);
    const groups = run('show', model, '--emit=plan', '--target=x86-64-avx2').match(/\} stores /g).length;
    assert.equal(await choose('fold', 'kernel'), 'kernel');
    await click('#fold-all');
    assert.equal(await canvas('folded'), groups);
    assert.equal(await $(`document.getElementById('stage').options.length`), 2 + 7);  // given, passes, lowered
    await choose('stage', '0');
    assert.equal(await canvas('ops'), readFileSync(model, 'utf8').match(/^ +%\d+ = /gm).length);
  },

  async 'something is drawn, light and dark'() {
    await browser.frame();
    assert.ok(await pixels() > 20);
    const before = await $(`getComputedStyle(document.body).backgroundColor`);
    await click('#theme');
    await browser.frame();
    assert.notEqual(await $(`getComputedStyle(document.body).backgroundColor`), before);
    assert.ok(await pixels() > 20);
    await click('#theme');
  },

  async 'search finds, unfolds and selects'() {
    await choose('stage', String(8));
    await choose('fold', 'kernel');
    await click('#fold-all');
    const folded = await canvas('folded');
    assert.equal(await find('no such thing'), `0 of ${await $(`document.getElementById('found').textContent.split(' of ')[1]`)}`);
    assert.match(await find('contract'), /^3 of \d+$/);
    await browser.evaluate(`document.getElementById('search').focus()`);
    await browser.key('Enter');
    assert.equal(await $(`document.getElementById('canvas').dataset.selected`), 'contract');
    assert.equal(await canvas('folded'), folded - 1);
    assert.match(await text('details'), /Why it is fused.*epilogue/s);
    await find('');
  },

  async 'folding changes what is drawn, and back'() {
    await click('#unfold-all');
    const boxes = await canvas('boxes');
    await click('#fold-all');
    assert.ok(await canvas('boxes') < boxes);
    await click('#unfold-all');
    assert.equal(await canvas('boxes'), boxes);
    assert.equal(await canvas('folded'), 0);
  },

  async 'the keyboard reaches all of it'() {
    await $(`document.getElementById('canvas').focus()`);
    await browser.key('ArrowDown');
    const first = await $(`document.getElementById('canvas').dataset.selected`);
    assert.notEqual(first, '');
    await browser.key('ArrowDown');
    assert.notEqual(await $(`document.getElementById('canvas').dataset.selected`), '');
    await browser.key('Escape');
    assert.equal(await $(`document.getElementById('canvas').dataset.selected`), '');
    await browser.key('/');
    assert.equal(await $(`document.activeElement.id`), 'search');
    await $(`document.getElementById('tab-graph').focus()`);
    await browser.key('ArrowRight');
    assert.equal(await $(`document.getElementById('code').hidden`), false);
    await $(`document.querySelector('#code [data-kernel="0"]').focus()`);
    await browser.key('ArrowDown');
    assert.equal(await $(`document.activeElement.dataset.kernel`), '1');
  },

  async 'each kernel has its three texts'() {
    await click('#code [data-kernel="0"]');
    for (const [kind, pattern] of [['ir', /^kernel @/m], ['llvm', /^define /m], ['asm', /\.text/]]) {
      await click(`#code [data-kind=${kind}]`);
      assert.match(await text('code-text'), pattern);
    }
    await click('#code [data-kernel="-1"]');
    await click('#code [data-kind=ir]');
    assert.match(await text('code-text'), /launch/);
    await click('#tab-summary');
    assert.match(await text('summary-text'), /parameters: 535,818/);
  },

  async 'the arena shows its buffers by name'() {
    await browser.open(pageOf(join(examples, 'models/cnn_train.tn')));
    await click('#tab-memory');
    const blocks = await $(`document.querySelectorAll('#memory .block').length`);
    assert.ok(blocks > 3);
    assert.equal(await $(`document.querySelectorAll('#buffers tbody tr').length`), blocks);
    assert.match(await text('buffers'), /f32\[n,.*conv/);
    const box = await $(`(() => { const r = document.querySelector('#memory .block').getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`);
    await browser.mouse('mouseMoved', ...box, {buttons: 0});
    assert.equal(await $(`document.getElementById('tip').hidden`), false);
    assert.match(await text('tip'), /alive from/);
  },

  async 'a profile gives the roofline'() {
    const model = join(examples, 'models/mlp_train.tn'), profile = join(folder, 'bench.json');
    writeFileSync(profile, run('bench', model, '--json', '--runs=5', '--extent', 'n=64'));
    await browser.open(pageOf(model, `--profile=${profile}`));
    await click('#tab-roofline');
    const launches = JSON.parse(readFileSync(profile, 'utf8')).launches.filter((l) => l.kernel);
    assert.equal(await $(`document.querySelectorAll('#launches tbody tr').length`), launches.length);
    assert.ok(await $(`document.querySelectorAll('#roofline circle').length`) > 3);
    await click('#launches button');
    assert.equal(await $(`document.getElementById('code').hidden`), false);
    assert.throws(() => pageOf(join(examples, 'models/mlp.tn'), `--profile=${profile}`), /is of @mlp_train/);
    assert.throws(() => pageOf(model, `--profile=${model}`), /no model, machine and launches/);
  },

  async 'regions of control flow can be looked into'() {
    const model = join(folder, 'cond.tn');
    writeFileSync(model, `tenon graph 1
graph @g(%x: f32[4], %p: bool[]) -> (y: f32[4]) {
  %0 = cond(%p, %x) {
    graph @yes(%a: f32[4]) -> (o: f32[4]) {
      %0 = neg(%a)
      %1 = exp(%0)
      return %1
    }
    graph @no(%a: f32[4]) -> (o: f32[4]) {
      return %a
    }
  }
  %1 = exp(%0)
  return %1
}
`);
    await browser.open(pageOf(model));
    await find('cond');
    await click('#results button');
    await $(`[...document.querySelectorAll('#details button')].find((b) => b.textContent.includes('@yes')).click()`);
    assert.equal(await canvas('ops'), 2);
    await click('#crumbs button');
    assert.equal(await canvas('ops'), 2);
    assert.equal(await $(`document.querySelectorAll('#crumbs button').length`), 0);
  },

  async 'names are text, never markup'() {
    const model = join(folder, 'names.tn'), name = `</script><script>document.title='taken'</script><img src=x onerror=document.title='taken'>&amp;@DATA@`;
    writeFileSync(model, `tenon graph 1
graph @"${name}"(%"${name}": f32[4]) -> ("${name}": f32[4]) {
  %0 = exp(%"${name}")  // <b>.cc:3
  %1 = neg(%0)
  return %1
}
`);
    await browser.open(pageOf(model));
    assert.equal(await $('document.title'), `${name} - tenon`);
    assert.equal(await text('title'), `@${name}`);
    assert.equal(await $(`document.querySelectorAll('img, b, script[src]').length`), 0);
    await find('exp');
    await click('#results button');
    assert.match(await text('details'), /<b>\.cc:3/);
    assert.equal(await $(`document.querySelectorAll('img, b').length`), 0);
  },

  async 'nothing is fetched'() {
    const source = readFileSync(pageOf(join(examples, 'models/mlp.tn')), 'utf8');
    assert.match(source, /default-src 'none'/);
    assert.doesNotMatch(source.replace(/<script type="application\/json"[^]*?<\/script>/, ''), /(src|href)=|@import|url\(/);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    browser.check();
    console.log(`ok      ${name}`);
  } catch (error) {
    ++failed;
    console.log(`FAILED  ${name}\n${error.stack}`);
    await browser.screenshot(join(folder, `failed${failed}.png`)).catch(() => {});
    browser.complaints = [];
  }
}
await browser.stop();
process.exit(failed ? 1 : 0);
