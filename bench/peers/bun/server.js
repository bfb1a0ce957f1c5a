// Echo server on Bun, whose WebSocket server is the C++ uWebSockets within its own JavaScript engine.
//
// Settings, and why: no compression; no idle timeout and no pings, so no timers work; limits far above what is sent, so nothing
// is refused or dropped. A text handed over as a string is made and encoded again by the engine: that is the API's price.
'use strict';

process.on('SIGTERM', () => process.exit(0));

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('upgrade required', { status: 426 })),
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: 64 * 1024 * 1024,
    backpressureLimit: 1024 * 1024 * 1024,
    closeOnBackpressureLimit: false,
    idleTimeout: 0,
    sendPings: false,
    message: (socket, message) => {
      socket.send(message);
    },
  },
});
