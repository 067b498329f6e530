// A headless Chromium, driven through the DevTools protocol over a pipe: no port, no packages.
//
//   const browser = await Browser.start();
//   await browser.open('/path/page.html');          // rejects where the page writes to the console
//   await browser.evaluate('document.title');
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';

const kTimeout = 120000;

export class Browser {
  static async start({width = 1400, height = 900} = {}) {
    const browser = new Browser();
    browser.profile = mkdtempSync(join(tmpdir(), 'tenon-page-'));
    browser.process = spawn(process.env.TENON_CHROMIUM || 'chromium', [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--remote-debugging-pipe',
      `--user-data-dir=${browser.profile}`, `--window-size=${width},${height}`, '--hide-scrollbars', 'about:blank',
    ], {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true});
    browser.listen();
    const {targetInfos} = await browser.send('Target.getTargets', {}, null);
    const {targetId} = targetInfos.find((target) => target.type === 'page');
    ({sessionId: browser.session} = await browser.send('Target.attachToTarget', {targetId, flatten: true}, null));
    for (const domain of ['Page', 'Runtime', 'Log']) await browser.send(`${domain}.enable`);
    await browser.send('Emulation.setDeviceMetricsOverride', {width, height, deviceScaleFactor: 1, mobile: false});
    return browser;
  }

  listen() {
    this.waiting = new Map();
    this.complaints = [];  // what pages wrote to the console, and exceptions that they let go
    this.number = 0;
    let rest = Buffer.alloc(0);
    this.process.stdio[4].on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        this.receive(JSON.parse(rest.subarray(0, end).toString('utf8')));
        rest = rest.subarray(end + 1);
      }
    });
    this.process.on('exit', (code) => {
      for (const {reject} of this.waiting.values()) reject(new Error(`Chromium ended with ${code}`));
    });
    this.process.on('error', (error) => {
      for (const {reject} of this.waiting.values()) reject(error);
    });
  }

  receive(message) {
    if (message.id !== undefined) {
      const {resolve, reject, timer} = this.waiting.get(message.id);
      clearTimeout(timer);
      this.waiting.delete(message.id);
      if (message.error) reject(new Error(message.error.message));
      else resolve(message.result);
    } else if (message.method === 'Runtime.exceptionThrown') {
      const details = message.params.exceptionDetails;
      this.complaints.push(details.exception?.description || details.text);
    } else if (message.method === 'Runtime.consoleAPICalled') {
      this.complaints.push(message.params.args.map((a) => a.value ?? a.description).join(' '));
    } else if (message.method === 'Log.entryAdded') {
      this.complaints.push(`${message.params.entry.text} ${message.params.entry.url || ''}`);
    } else if (message.method === 'Page.loadEventFired') {
      this.loaded?.();
    }
  }

  send(method, params = {}, session = this.session) {
    const id = ++this.number;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), kTimeout);
      this.waiting.set(id, {resolve, reject, timer});
      this.process.stdio[3].write(`${JSON.stringify({id, method, params, ...(session ? {sessionId: session} : {})})}\0`);
    });
  }

  async open(path) {
    const loaded = new Promise((resolve) => { this.loaded = resolve; });
    await this.send('Page.navigate', {url: pathToFileURL(path).href});
    await loaded;
    await this.frame();
    this.check();
  }

  // Fails where a page has complained.
  check() {
    if (this.complaints.length) throw new Error(`the page complains: ${this.complaints.join('\n')}`);
  }

  // The value of an expression; promises are awaited.
  async evaluate(expression) {
    const {result, exceptionDetails} = await this.send('Runtime.evaluate', {expression, awaitPromise: true, returnByValue: true});
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description || exceptionDetails.text);
    return result.value;
  }

  // Until the next frame has been drawn.
  frame() {
    return this.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))');
  }

  async key(key, {text, modifiers = 0} = {}) {
    const typed = text ?? (key.length === 1 ? key : key === 'Enter' ? '\r' : undefined);
    await this.send('Input.dispatchKeyEvent', {type: typed ? 'keyDown' : 'rawKeyDown', key, text: typed, modifiers});
    await this.send('Input.dispatchKeyEvent', {type: 'keyUp', key, modifiers});
  }

  async mouse(type, x, y, options = {}) {
    await this.send('Input.dispatchMouseEvent', {type, x, y, button: 'left', buttons: type === 'mouseReleased' ? 0 : 1, clickCount: 1, ...options});
  }

  async screenshot(path) {
    const {data} = await this.send('Page.captureScreenshot', {format: 'png'});
    writeFileSync(path, Buffer.from(data, 'base64'));
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.on('exit', resolve));
    this.process.kill();
    await ended;
    // Its helpers, one process group with it, may still be writing to the profile.
    try {
      process.kill(-this.process.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    rmSync(this.profile, {recursive: true, force: true, maxRetries: 20});
  }
}
