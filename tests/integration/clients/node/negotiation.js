// Negotiated extensions by the npm package `ws`: reads sessions (see support/negotiation.py) from its argument, prints one JSON line each.
'use strict';
const crypto = require('crypto');
const WebSocket = require('ws');

// Names of a session's offer -> options of ws. `true` for a window: the parameter without a value.
const OPTIONS = {
  server_no_context_takeover: 'serverNoContextTakeover',
  client_no_context_takeover: 'clientNoContextTakeover',
  server_max_window_bits: 'serverMaxWindowBits',
  client_max_window_bits: 'clientMaxWindowBits',
};

function optionsOf(offer) {
  if (offer === null) return false;
  const options = { threshold: 0, clientMaxWindowBits: false };
  for (const [name, value] of Object.entries(offer)) options[OPTIONS[name]] = value;
  return options;
}

// Contents by turns: text that compresses well, a random block that comes again 20,000 bytes later, noise.
function contentOf(size, serial) {
  if (serial % 3 === 0) return Buffer.alloc(size, `message ${serial}: temperature 21.5, humidity 40; `);
  const block = crypto.randomBytes(serial % 3 === 1 ? 20000 : Math.max(size, 1));
  return Buffer.alloc(size, block);
}

function open(session) {
  const socket = new WebSocket(session.url, session.subprotocols, { perMessageDeflate: optionsOf(session.offer), maxPayload: 1 << 24 });
  const inbox = { messages: [], wake: null, failure: null };
  socket.on('message', (data, isBinary) => { inbox.messages.push({ data, isBinary }); if (inbox.wake) inbox.wake(); });
  for (const event of ['error', 'close']) {
    socket.on(event, (what) => { inbox.failure = inbox.failure || `${event}: ${what.message || what}`; if (inbox.wake) inbox.wake(); });
  }
  const verdict = { client: 'ws', extensions: null, protocol: null, echoes: 0, failures: [], received: [] };
  socket.on('upgrade', (response) => {
    verdict.extensions = response.headers['sec-websocket-extensions'] || null;
    verdict.protocol = response.headers['sec-websocket-protocol'] || null;
  });
  return { socket, inbox, verdict };
}

async function next(inbox) {
  while (inbox.messages.length === 0) {
    if (inbox.failure) throw new Error(inbox.failure);
    await new Promise((resolve) => { inbox.wake = resolve; });
    inbox.wake = null;
  }
  return inbox.messages.shift();
}

async function run(session) {
  const { socket, inbox, verdict } = open(session);
  try {
    await new Promise((resolve, reject) => { socket.once('open', resolve); socket.once('error', reject); });
    let serial = 0;
    for (const size of session.sizes) {
      for (const binary of [false, true]) {
        const content = binary ? contentOf(size, serial) : Buffer.alloc(size, contentOf(size, serial).toString('hex'));
        ++serial;
        socket.send(content, { binary, compress: session.offer !== null });
        const { data, isBinary } = await next(inbox);
        if (isBinary !== binary || !content.equals(data)) verdict.failures.push(`${binary ? 'binary' : 'text'} of ${size}: ${data.length} bytes, or others`);
        else ++verdict.echoes;
      }
    }
    if (session.awaited > 0) console.log('ready');
    while (verdict.received.length < session.awaited) {
      const { data, isBinary } = await next(inbox);
      verdict.received.push([isBinary ? 'binary' : 'text', crypto.createHash('sha256').update(data).digest('hex')]);
    }
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.close(1000);
    const code = await closed;
    if (code !== 1000) verdict.failures.push(`closed with ${code}`);
  } catch (error) {
    verdict.failures.push(error.message);
  }
  console.log(JSON.stringify(verdict));
}

(async () => { for (const session of JSON.parse(process.argv[2])) await run(session); process.exit(0); })();
