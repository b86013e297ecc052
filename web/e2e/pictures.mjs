// Pictures without a library: PNG files are made, and those that the service has made are measured.

import { randomFillSync } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';

import { assert } from './checks.mjs';

const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** Markers of JPEG that begin a frame, which has the size of the picture. */
const FRAMES = [0xc0, 0xc1, 0xc2];

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/**
 * A PNG of noise. `alpha` gives it a fourth channel, `deep` two bytes per channel; `comment` is a text beside
 * the pixels. Noise cannot be compressed: it has about as many bytes as its channels.
 */
export function png(width, height, { alpha = false, deep = false, comment } = {}) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = deep ? 16 : 8;
  header[9] = alpha ? 6 : 2;
  const row = 1 + width * (alpha ? 4 : 3) * (deep ? 2 : 1);
  const pixels = randomFillSync(Buffer.alloc(row * height));
  // The first byte of each row says how the row is filtered: not at all.
  for (let y = 0; y < height; y += 1) pixels[y * row] = 0;
  const text = comment ? [chunk('tEXt', Buffer.from(`Comment\0${comment}`, 'latin1'))] : [];
  const data = chunk('IDAT', deflateSync(pixels, { level: 0 }));
  return Buffer.concat([PNG, chunk('IHDR', header), ...text, data, chunk('IEND', Buffer.alloc(0))]);
}

/** What the bytes of a PNG or JPEG say of it: `{ type, width, height }`. */
export function measure(bytes) {
  if (bytes.subarray(0, PNG.length).equals(PNG)) {
    return { type: 'image/png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  }
  assert(bytes.readUInt16BE(0) === 0xffd8, 'the bytes are neither PNG nor JPEG');
  for (let at = 2; ; at += 2 + bytes.readUInt16BE(at + 2)) {
    assert(bytes[at] === 0xff, 'the JPEG has no frame');
    if (FRAMES.includes(bytes[at + 1])) {
      return { type: 'image/jpeg', width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    }
  }
}
