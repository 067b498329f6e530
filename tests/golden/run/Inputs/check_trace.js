// node check_trace.js TRACE.json THREADS: the file parses, slices of a thread follow each other without
// overlap, and names what they are.
const trace = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));
const slices = trace.traceEvents.filter(e => e.ph === 'X');
const rows = new Map();
for (const e of slices) {
  if (!(e.dur >= 0) || !(e.ts >= 0)) throw new Error('times of ' + JSON.stringify(e));
  const last = rows.get(e.tid);
  if (last !== undefined && e.ts < last - 1e-3) throw new Error('overlap at ' + JSON.stringify(e));
  rows.set(e.tid, e.ts + e.dur);
}
if (rows.size > Number(process.argv[3])) throw new Error('too many threads');
console.log('rows', rows.size);
console.log('complete', trace.otherData.complete);
for (const e of slices.filter(e => e.tid === 0 && e.cat === 'kernel')) {
  console.log('kernel', e.name, '|', e.args.ops, '|', e.args.lines);
}
