// A device in a browser page: stays connected to ringgate, and obeys the close codes.
//
//   import { Device } from './device.js';
//   const device = new Device('wss://gate.example/ws?deviceId=kiosk-7', { onMessage: (data) => device.send(data) });
//
// Node.js 22 and later run it too. A page never sees the status of a refused handshake, only code 1006: it backs off then.

// What each close code asks of a device. Codes that are not here, and connections that break: back off.
const STAY_AWAY = new Set([1000, 1002, 1003, 1007, 1009, 4400, 4403, 4409, 4413]); // 4409: a newer connection has this id
const AT_ONCE = new Set([4408, 4440]);
const SOON = new Set([1012, 1013]);

export class Backoff {
  constructor({ first = 1000, most = 60000, random = Math.random } = {}) {
    Object.assign(this, { first, most, random, tries: 0 });
  }

  reset() {
    this.tries = 0;
  }

  /// Milliseconds, between half and all of a time that doubles: devices that were lost together do not come back together.
  next() {
    const ceiling = Math.min(this.most, this.first * 2 ** this.tries++);
    return ceiling / 2 + (this.random() * ceiling) / 2;
  }
}

/// Milliseconds to wait before the next try; null: do not come back.
export function delayAfter(code, reason, backoff) {
  const told = code === 1001 && /retry_after_ms=(\d+)/.exec(reason);
  if (told) return Number(told[1]);
  if (STAY_AWAY.has(code) || (code >= 4000 && code <= 4099)) return null;
  if (AT_ONCE.has(code)) return 0;
  if (SOON.has(code)) return 1000 + backoff.random() * 9000;
  return backoff.next();
}

export class Device {
  // renew: for 4401, an async function that gives the URL with a new credential. Without one the device stays away.
  constructor(url, { onOpen, onMessage, onWait, onEnd, renew } = {}) {
    Object.assign(this, { url, onOpen, onMessage, onWait, onEnd, renew, backoff: new Backoff() });
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(this.url);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => this.onOpen?.();
    this.socket.onmessage = ({ data }) => {
      this.backoff.reset(); // not at the opening: a gate that closes at once must not be asked in a tight loop
      this.onMessage?.(data);
    };
    this.socket.onclose = ({ code, reason }) => this.reconnect(code, reason);
  }

  async reconnect(code, reason) {
    if (code === 4401 && !this.renew) return this.onEnd?.(code, reason);
    if (code === 4401) this.url = await this.renew();
    const delay = delayAfter(code, reason, this.backoff);
    if (delay === null) return this.onEnd?.(code, reason);
    this.onWait?.(code, reason, delay);
    this.timer = setTimeout(() => this.connect(), delay);
  }

  /// False if it is not connected: the caller decides whether to keep the message.
  send(data) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(data);
    return true;
  }

  close() {
    clearTimeout(this.timer);
    this.socket.close(1000);
  }
}
