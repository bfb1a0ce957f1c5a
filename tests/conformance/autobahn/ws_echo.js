// An echo server on npm's ws, for tools/autobahn --self-check. It checks UTF-8 only when a message is complete, which the suite
// calls NON-STRICT. Prints its port.
'use strict';
const { WebSocketServer } = require('ws');

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 16 * 1024 * 1024, perMessageDeflate: false });
server.on('connection', (socket) => {
  socket.on('error', () => {});  // a broken rule; ws closes by itself
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on('listening', () => console.log(server.address().port));
