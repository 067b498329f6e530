// The driver as WebAssembly: node run_wasm.mjs driver.wasm image
import {readFileSync, writeFileSync} from 'node:fs';

const [wasm, path] = process.argv.slice(2);
const {instance} = await WebAssembly.instantiate(readFileSync(wasm), {});
const {memory, run_image: run, __heap_base: base} = instance.exports;
const file = readFileSync(path);
const up = (n) => Math.ceil(n / 64) * 64;
const image = up(base.value);
const pool = up(image + file.length);
memory.grow(Math.ceil((pool + (64 << 20) - memory.buffer.byteLength) / 65536));
new Uint8Array(memory.buffer).set(file, image);
run(image, pool);
writeFileSync(path, new Uint8Array(memory.buffer, image, file.length));
