// Echo server on uWebSockets.js: the C++ server uWebSockets inside Node.js.
//
// Settings, and why: no compression; no idle timeout and no pings, so no timers work; a message limit and a back-pressure limit
// far above what is sent, so nothing is refused or dropped; the handler sends within the message event, which the library
// corks, so the replies to one packet leave by one write. One thread is all it uses.
//
// usage: server.js PORT [CERTIFICATE KEY]    with TLS by SSLApp, as the library sets it up
'use strict';

const uWS = require('@btc-vision/uwebsockets.js');

const [port, certificate, key] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const app = certificate ? uWS.SSLApp({ cert_file_name: certificate, key_file_name: key }) : uWS.App();

process.on('SIGTERM', () => process.exit(0));

app.ws('/*', {
  compression: uWS.DISABLED,
  maxPayloadLength: 64 * 1024 * 1024,
  maxBackpressure: 1024 * 1024 * 1024,
  idleTimeout: 0,
  maxLifetime: 0,
  sendPingsAutomatically: false,
  message: (socket, message, isBinary) => {
    socket.send(message, isBinary, false);
  },
}).listen('127.0.0.1', port, (token) => {
  if (!token) {
    console.error(`cannot listen on ${port}`);
    process.exit(1);
  }
});
