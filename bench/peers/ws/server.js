// Echo server on ws for Node.js, with its native add-ons bufferutil and utf-8-validate installed, which it then uses by itself.
//
// Settings, and why: permessage-deflate off; no list of clients is kept; UTF-8 is validated, as by default; a message limit far
// above what is sent. The library sets TCP_NODELAY. One thread is all it uses.
'use strict';

const { WebSocketServer } = require('ws');
require('bufferutil');  // ws would silently do without
require('utf-8-validate');

process.on('SIGTERM', () => process.exit(0));

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  backlog: 4096,
  perMessageDeflate: false,
  skipUTF8Validation: false,
  clientTracking: false,
  maxPayload: 64 * 1024 * 1024,
});

server.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});

server.on('connection', (socket) => {
  socket.on('error', () => {});  // the close event follows
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary, compress: false }));
});
