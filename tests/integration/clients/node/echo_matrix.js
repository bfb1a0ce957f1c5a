// Echo matrix by the npm package `ws`: reads a plan (see echo_plan.py) from the first argument, prints a verdict as one JSON line.
'use strict';
const WebSocket = require('ws');

const plan = JSON.parse(process.argv[2]);
const verdict = { client: `npm ws ${require('ws/package.json').version}`, echoes: 0, bytes: 0, pongs: 0, failures: [] };

// Ten bytes of every UTF-8 length, so that fragments cut characters; the number in front makes each message its own.
const pattern = Buffer.from('aé€😀');

function textOf(size, serial) {
  const bytes = Buffer.alloc(size, pattern);
  for (let start = size - (size % pattern.length); start < size; ++start) bytes[start] = 0x2e;  // '.' for a cut character
  if (size > 0) bytes[0] = 0x30 + (serial % 10);
  return bytes;
}

function binaryOf(size, serial) {
  const bytes = Buffer.allocUnsafe(size);
  let state = (serial * 2654435761 + 1) >>> 0;
  for (let i = 0; i < size; ++i) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

// Cuts into `count` pieces of nearly equal size; small messages give empty fragments, which are legal too.
function cut(bytes, count) {
  const pieces = [];
  for (let i = 0; i < count; ++i) {
    pieces.push(bytes.subarray(Math.floor((bytes.length * i) / count), Math.floor((bytes.length * (i + 1)) / count)));
  }
  return pieces;
}

function send(socket, bytes, binary, fragments, pings) {
  const pieces = cut(bytes, fragments);
  let pinged = 0;
  pieces.forEach((piece, i) => {
    socket.send(piece, { binary, fin: i === pieces.length - 1, compress: false });
    if (pings && i < pieces.length - 1 && pinged < 8) socket.ping(Buffer.from(`between ${pinged++}`));
  });
  if (pings) socket.ping(Buffer.from(`between ${pinged++}`));
  return pinged;
}

const socket = new WebSocket(plan.url, { maxPayload: 64 * 1024 * 1024 });
const messages = [];
let wanted = null;

socket.on('message', (data, isBinary) => messages.push({ data, isBinary }) && settle());
socket.on('pong', () => { ++verdict.pongs; settle(); });
socket.on('error', (error) => { verdict.failures.push(`error: ${error.message}`); finish(); });
socket.on('close', (code) => {
  if (code !== 1000) verdict.failures.push(`closed with ${code}`);
  finish();
});

function settle() {
  if (wanted !== null && messages.length >= 1 && verdict.pongs >= wanted.pongs) {
    const resolve = wanted.resolve;
    wanted = null;
    resolve(messages.shift());
  }
}

function answer(pongs) {
  return new Promise((resolve) => { wanted = { pongs, resolve }; settle(); });
}

async function runMatrix() {
  if (socket.extensions !== '') verdict.failures.push(`extensions negotiated: ${socket.extensions}`);
  let serial = 0;
  let pongs = 0;
  for (const size of plan.sizes) {
    for (const binary of [false, true]) {
      const bytes = (binary ? binaryOf : textOf)(size, ++serial);
      for (const fragments of plan.fragments) {
        for (const pings of plan.pings) {
          const what = `${binary ? 'binary' : 'text'} of ${size} in ${fragments}${pings ? ' with pings' : ''}`;
          pongs += send(socket, bytes, binary, fragments, pings);
          const { data, isBinary } = await answer(pongs);
          if (isBinary !== binary) verdict.failures.push(`${what}: type changed`);
          if (!bytes.equals(data)) verdict.failures.push(`${what}: ${data.length} bytes came back, or others`);
          ++verdict.echoes;
          verdict.bytes += size;
          if (verdict.failures.length > 9) return;
        }
      }
    }
  }
  if (messages.length !== 0) verdict.failures.push(`${messages.length} messages too many`);
}

function finish() {
  console.log(JSON.stringify(verdict));
  process.exit(verdict.failures.length === 0 ? 0 : 1);
}

socket.on('open', () => runMatrix().then(() => socket.close(1000)));
