#!/usr/bin/env node
// A backend in Node.js 20, with nothing but what it brings: reads the event stream, receives webhooks, pushes with receipts.
//
// usage: backend.js events URL                 such as http://127.0.0.1:8081/v1/events?type=device.message
//        backend.js webhook PORT SECRET        answers each message of a device with "got N bytes"
//        backend.js push URL DEVICE TEXT       such as http://127.0.0.1:8081
// The admin port's token, if it asks for one, is taken from RINGGATE_TOKEN.
'use strict';
const crypto = require('node:crypto');
const http = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');

const token = process.env.RINGGATE_TOKEN;
const authorization = token ? { Authorization: `Bearer ${token}` } : {};
const pause = (reply) => sleep(1000 * Number(reply.headers.get('retry-after') ?? 1));

// Yields events for ever. After a break it goes on behind the last one; an event of type `gap` tells what was lost.
async function* events(url) {
  for (let last; ; await sleep(1000)) {
    try {
      const headers = { Accept: 'text/event-stream', ...authorization, ...(last && { 'Last-Event-ID': last }) };
      const reply = await fetch(url, { headers });
      if (reply.status === 429 || reply.status === 503) await pause(reply);
      else if (reply.status !== 200) throw new Error(await reply.text());
      if (reply.status !== 200) continue;
      const decoder = new TextDecoder();
      let text = '';
      for await (const chunk of reply.body) {
        text += decoder.decode(chunk, { stream: true });
        for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
          const fields = text.slice(0, end).split('\n').map((line) => /^([^:]*):? ?(.*)$/.exec(line).slice(1));
          const data = fields.filter(([name]) => name === 'data').map(([, value]) => value);
          if (data.length > 0) yield JSON.parse(data.join('\n'));
          last = fields.find(([name]) => name === 'id')?.[1] ?? last; // only now: what was not handled comes again
        }
      }
    } catch (fault) {
      if (!(fault instanceof TypeError)) throw fault; // fetch's word for a connection that failed or broke
    }
  }
}

// The bytes of a secret: what follows `whsec_` is base64, any other text is the secret itself.
const secretOf = (text) => (text.startsWith('whsec_') ? Buffer.from(text.slice(6), 'base64') : Buffer.from(text));

// Whether `Ringgate-Signature: t=SECONDS,v1=HEX[,v1=HEX]` is ours: HMAC-SHA256 over `t.body`, by any live secret, not too old.
function isSigned(header, body, secrets, now = Date.now() / 1000, tolerance = 300) {
  const parts = header.split(',').map((part) => part.trim().split('='));
  const times = parts.filter(([name]) => name === 't').map(([, value]) => value);
  if (times.length !== 1 || !/^\d{1,12}$/.test(times[0]) || Math.abs(now - Number(times[0])) > tolerance) return false;
  const good = secrets.map((secret) => crypto.createHmac('sha256', secret).update(`${times[0]}.`).update(body).digest());
  return parts.some(([name, value]) => {
    if (name !== 'v1' || !/^[0-9a-f]{64}$/.test(value)) return false; // Buffer.from stops at what is no digit, and says nothing
    return good.some((one) => crypto.timingSafeEqual(Buffer.from(value, 'hex'), one));
  });
}

// Takes CloudEvents in binary mode: the type is in `ce-type`, the body is the event's data.
function webhook(port, secrets) {
  const seen = new Set(); // a delivery whose answer was lost comes again
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const answer = (status, body, headers = {}) => response.writeHead(status, headers).end(body);
      if (request.method === 'OPTIONS') // the gate asks first whether it may send here (CloudEvents webhooks, section 4)
        return answer(200, '', { 'WebHook-Allowed-Origin': request.headers['webhook-request-origin'] ?? '*', Allow: 'POST' });
      const body = Buffer.concat(chunks);
      if (!isSigned(request.headers['ringgate-signature'] ?? '', body, secrets)) return answer(401);
      const { 'ce-id': id, 'ce-type': type = '', 'ce-subject': device } = request.headers;
      if (seen.has(id)) return answer(204);
      seen.add(id);
      if (seen.size > 10000) seen.delete(seen.values().next().value);
      console.log(type, device, body.toString());
      if (type.endsWith('device.message')) return answer(200, `got ${body.length} bytes`, { 'Content-Type': 'text/plain' }); // goes to the device
      return answer(204);
    });
  });
  server.listen(port, '127.0.0.1', () => console.log('listening', server.address().port));
}

// Pushes until it is known what became of the message. The key makes repeating safe: the device gets it once.
async function push(base, device, text, wait = 'ponged', tries = 5) {
  const url = `${base}/v1/devices/${encodeURIComponent(device)}/messages?wait=${wait}&timeout=5s`;
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Idempotency-Key': crypto.randomUUID(), 'Ringgate-Ttl': '60', ...authorization };
  for (let attempt = 1; ; ++attempt) {
    try {
      const reply = await fetch(url, { method: 'POST', headers, body: text, signal: AbortSignal.timeout(10000) });
      if (![429, 503, 504].includes(reply.status) || attempt === tries) return [reply.status, await reply.json()];
      await pause(reply);
    } catch (fault) {
      if (attempt === tries) throw fault;
      await sleep(1000);
    }
  }
}

async function main([what, ...given]) {
  if ({ events: 1, webhook: 2, push: 3 }[what] !== given.length) {
    console.error('usage: backend.js events URL | webhook PORT SECRET | push URL DEVICE TEXT');
    process.exitCode = 1;
    return;
  }
  if (what === 'events') for await (const event of events(given[0])) console.log(JSON.stringify(event));
  else if (what === 'webhook') webhook(Number(given[0]), [secretOf(given[1])]);
  else if (what === 'push') console.log(...(await push(...given)).map((part) => (typeof part === 'object' ? JSON.stringify(part) : part)));
}

if (require.main === module) main(process.argv.slice(2));
module.exports = { events, isSigned, push, webhook };
