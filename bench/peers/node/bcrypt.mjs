// Node's native bcrypt addon alone, over all cores, at cost 10.
//
//     UV_THREADPOOL_SIZE=4 node bcrypt.mjs SECONDS IN-FLIGHT
//
// The addon hashes on libuv's threads, of which there are 4 unless UV_THREADPOOL_SIZE says otherwise, so
// no more than that many run at a time. The lanes never pause; what ends within SECONDS after a second
// to warm up is counted.

import bcrypt from 'bcrypt';

const COST = 10;
const seconds = Number(process.argv[2]);
const inFlight = Number(process.argv[3]);
if (!(seconds > 0 && seconds <= 600 && Number.isInteger(inFlight) && inFlight > 0)) {
  console.error('usage: node bcrypt.mjs SECONDS IN-FLIGHT');
  process.exit(2);
}

const from = performance.now() + 1000;
const to = from + seconds * 1000;
let hashes = 0;

async function lane() {
  while (performance.now() < to) {
    await bcrypt.hash('correct horse battery', COST);
    const now = performance.now();
    if (now >= from && now < to) hashes += 1;
  }
}

await Promise.all(Array.from({ length: inFlight }, lane));
console.log(JSON.stringify({
  hashesPerSecond: hashes / seconds,
  cost: COST,
  seconds,
  inFlight,
  threads: Number(process.env.UV_THREADPOOL_SIZE ?? 4),
}));
