// The page of examples/web: draws digits with the pointer, as a hand would, and sees that they are learnt.
//   node digit_test.mjs PAGE FOLDER
import assert from 'node:assert/strict';
import {join} from 'node:path';
import {Browser} from './browser.mjs';

const [page, folder] = process.argv.slice(2);
const browser = await Browser.start({width: 960, height: 700});

// Strokes in a square from -1 to 1, as points at a time from 0 to 1.
const kDigits = {
  0: [(t) => [0.55 * Math.sin(2 * Math.PI * t), -0.8 * Math.cos(2 * Math.PI * t)]],
  1: [(t) => [0, 1.6 * t - 0.8]],
  4: [(t) => (t < 0.5 ? [-0.5, 1.6 * t - 0.8] : [2 * t - 1.5, 0]), (t) => [0.3, 1.6 * t - 0.8]],
  7: [(t) => (t < 0.4 ? [2.75 * t - 0.55, -0.8] : [0.55 - 1.2 * (t - 0.4), -0.8 + 2.6 * (t - 0.4)])],
};

async function draw(digit, {dx = 0, dy = 0, size = 1}) {
  const box = await browser.evaluate(`(() => { const b = document.getElementById('pad').getBoundingClientRect(); return [b.x, b.y, b.width]; })()`);
  const place = ([x, y]) => [box[0] + box[2] * (0.5 + 0.36 * (size * x + dx)), box[1] + box[2] * (0.5 + 0.36 * (size * y + dy))];
  for (const stroke of kDigits[digit]) {
    await browser.mouse('mousePressed', ...place(stroke(0)));
    for (let i = 1; i <= 24; ++i) await browser.mouse('mouseMoved', ...place(stroke(i / 24)));
    await browser.frame();
    await browser.mouse('mouseReleased', ...place(stroke(1)));
  }
  await browser.frame();
}

const guess = () => browser.evaluate(`document.getElementById('bars').dataset.guess`);
let failed = 0;
try {
  await browser.open(page);
  for (let round = 0; round < 5; ++round) {
    for (const digit of Object.keys(kDigits)) {
      await browser.key(digit);
      await draw(digit, {dx: 0.12 * round - 0.24, dy: 0.2 - 0.1 * round, size: 0.85 + 0.06 * round});
    }
  }
  assert.match(await browser.evaluate(`document.getElementById('facts').textContent`), /^20 drawings, \d+ steps/);
  let right = 0;
  const trials = [{dx: 0.1, dy: -0.06, size: 0.95}, {dx: -0.15, dy: 0.1, size: 1.05}, {dx: 0.02, dy: 0.12, size: 0.9}];
  for (const digit of Object.keys(kDigits)) {
    for (const trial of trials) {
      await browser.key('?');
      await draw(digit, trial);
      right += await guess() === digit;
    }
  }
  await browser.screenshot(join(folder, 'digit.png'));
  console.log(`${right} of 12 right; ${await browser.evaluate(`document.getElementById('facts').textContent`)}`);
  assert.ok(right >= 11, 'digits drawn a little differently are told apart');
  // Forgotten means forgotten.
  await browser.evaluate(`document.getElementById('forget').click()`);
  assert.match(await browser.evaluate(`document.getElementById('facts').textContent`), /^0 drawings, 0 steps/);
  browser.check();
} catch (error) {
  failed = 1;
  console.log(error.stack);
}
await browser.stop();
process.exit(failed);
